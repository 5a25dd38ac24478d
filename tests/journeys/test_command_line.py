"""What an operator types: understand, doctor, counsellor, and settings that are wrong."""

import json
import os
import subprocess
import sys

from bot.paths import ROOT
from tests.journeys.stack import Stack


def _bot(*words: str, environ: dict[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *words], input=text, capture_output=True, text=True,
        env=environ, cwd=ROOT, timeout=120,
    )  # fmt: skip


def test_understand_prints_one_object_a_line_and_needs_no_service() -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    lines = ["he is going to kill me", "quels sont mes droits au travail", "", "/exit"]
    found = _bot("understand", environ=environ, text="\n".join(lines) + "\n")
    assert found.returncode == 0, found.stderr
    objects = [json.loads(line) for line in found.stdout.splitlines()]
    assert len(objects) == len(lines)
    assert objects[0]["screen"] == ["danger"]
    assert (objects[1]["language"], objects[1]["intent"]) == ("fr", "ask_rights")
    assert "leave" in objects[3]["screen"]
    assert all(
        {"language", "certainty", "screen", "intent", "confidence"} <= set(o) for o in objects
    )


def test_doctor_says_what_is_well_and_what_nobody_reviewed(stack: Stack) -> None:
    found = _bot("doctor", environ=stack.environ)
    # How long ago the help lines were checked is for a person to mend, no fault of the service.
    bad = [
        line
        for line in found.stdout.splitlines()
        if line.startswith("BAD") and "help lines checked" not in line
    ]
    assert bad == [], found.stdout + found.stderr
    assert "engine answers" in found.stdout
    assert "not reviewed" in found.stdout


def test_a_wrong_setting_is_named_and_nothing_starts() -> None:
    environ = {"PATH": os.environ["PATH"], "NORTHLIGHT_WEB_LISTEN": "nowhere"}
    found = _bot("web", environ=environ)
    assert found.returncode == 2
    assert "NORTHLIGHT_WEB_LISTEN" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_counsellor_is_listed_and_removed(stack: Stack) -> None:
    login, _ = stack.counsellor("Rowan", "en,pa")
    listed = _bot("counsellor", "list", environ=stack.environ)
    assert f"{login}\tRowan\ten pa\tcounsellor" in listed.stdout
    assert _bot("counsellor", "remove", login, environ=stack.environ).returncode == 0
    assert login not in _bot("counsellor", "list", environ=stack.environ).stdout
