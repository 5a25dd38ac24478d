"""The commands: nothing starts without its secrets or a whole model, nothing is trained twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import KEY, TOKEN, Conversation, StartEngine, free_port, run_command
from test_safety_check import ASIDES, LEAVING, QUESTIONS, WORDS, walk_to

from northlight_engine.model_file import publish
from northlight_engine.settings import SettingsError, read_listen, read_settings

GOOD = {
    "NORTHLIGHT_ENGINE_TOKEN": TOKEN,
    "NORTHLIGHT_ENGINE_KEY": KEY,
    "NORTHLIGHT_ENGINE_REDIS_URL": "redis://127.0.0.1:1",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NORTHLIGHT_ENGINE_TOKEN", ""),
        ("NORTHLIGHT_ENGINE_TOKEN", "short"),
        ("NORTHLIGHT_ENGINE_KEY", ""),
        ("NORTHLIGHT_ENGINE_KEY", "11" * 31),
        ("NORTHLIGHT_ENGINE_KEY", "zz" * 32),
        ("NORTHLIGHT_ENGINE_REDIS_URL", ""),
        ("NORTHLIGHT_ENGINE_REDIS_URL", "127.0.0.1:6379"),
    ],
)
def test_the_engine_refuses_to_start_and_names_the_setting(
    project: Path, name: str, value: str
) -> None:
    started = run_command(project, "run", env={**GOOD, name: value})
    assert started.returncode == 1
    assert started.stderr.startswith(f"engine: {name}")
    assert len(started.stderr.splitlines()) == 1
    assert KEY not in started.stderr


@pytest.mark.parametrize("text", ["", "5005", "host:", ":5005", "host:0", "host:99999", "h:x"])
def test_an_address_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="NORTHLIGHT_ENGINE_LISTEN"):
        read_listen({"NORTHLIGHT_ENGINE_LISTEN": text})


def test_the_engine_listens_on_loopback_unless_told_otherwise() -> None:
    assert read_listen({}) == ("127.0.0.1", 5005)
    assert read_listen({"NORTHLIGHT_ENGINE_LISTEN": "[::1]:6000"}) == ("::1", 6000)


def test_the_settings_never_show_their_secrets() -> None:
    assert KEY not in repr(read_settings(GOOD))
    assert TOKEN not in repr(read_settings(GOOD))


def test_a_changed_model_file_is_not_loaded(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    with (copy / "models" / "northlight.tar.gz").open("ab") as model:
        model.write(b"x")
    started = run_command(copy, "run", env=GOOD)
    assert started.returncode == 1
    assert "train it again" in started.stderr
    (copy / "models" / "northlight.tar.gz").unlink()
    started = run_command(copy, "run", env=GOOD)
    assert started.returncode == 1
    assert "No model" in started.stderr


def test_a_model_that_rasa_cannot_load_stops_the_engine(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    trained = tmp_path / "trained"
    trained.write_bytes(b"not a model")
    publish(copy, trained, "fingerprint")
    started = run_command(
        copy, "run", env={**GOOD, "NORTHLIGHT_ENGINE_LISTEN": f"127.0.0.1:{free_port()}"}
    )
    assert started.returncode == 1
    assert "engine: The model could not be loaded" in started.stderr


def test_training_is_skipped_until_something_changes(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    model = copy / "models" / "northlight.tar.gz"
    before = model.read_bytes()
    assert "up to date" in run_command(copy, "train").stdout
    assert model.read_bytes() == before
    with (copy / "nlu" / "en.yml").open("a", encoding="utf-8") as lines:
        lines.write("- intent: greet\n  examples: |\n    - ahoy there\n")
    trained = run_command(copy, "train")
    assert trained.returncode == 0
    assert "Reading examples: 100%" in trained.stderr
    assert model.read_bytes() != before
    assert "up to date" in run_command(copy, "train").stdout
    assert sorted(file.name for file in model.parent.iterdir()) == [
        "northlight.tar.gz",
        "northlight.tar.gz.fingerprint",
        "northlight.tar.gz.sha256",
    ]


@pytest.mark.parametrize("intent", ["answer", "nlu_fallback"])
def test_training_lines_for_a_button_are_refused(
    project: Path, tmp_path: Path, intent: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    with (copy / "nlu" / "en.yml").open("a", encoding="utf-8") as lines:
        lines.write(f"- intent: {intent}\n  examples: |\n    - yes please\n    - no please\n")
    trained = run_command(copy, "train")
    assert trained.returncode == 1
    assert intent in trained.stderr


def test_training_without_lines_is_refused(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    (copy / "nlu" / "en.yml").unlink()
    trained = run_command(copy, "train")
    assert trained.returncode == 1
    assert "nlu/ has no training data" in trained.stderr


def test_parsing_prints_one_object_a_text(project: Path) -> None:
    parsed = run_command(project, "parse", "hello", "/restart", "he will kill me tonight")
    found = [json.loads(line) for line in parsed.stdout.splitlines()]
    assert [line["text"] for line in found] == ["hello", "/restart", "he will kill me tonight"]
    assert found[2]["intent"]["name"] == "report_danger"
    assert all(set(line) == {"text", "intent", "ranking"} for line in found)


def play(person: Conversation) -> list[object]:
    """Go through every question with every interruption and return all that was answered."""
    heard: list[object] = [walk_to(person, QUESTIONS[0])]
    for question in QUESTIONS:
        for intent in (*ASIDES, *WORDS, "start_check", "resume_check"):
            heard.append(person.press(intent))
        for intent in (*LEAVING, "pause_check"):
            heard += [person.press(intent), person.press("greet"), person.press("resume_check")]
        heard += [person.write("i need a place to sleep tonight"), person.write("😀")]
        heard.append(person.press("resume_check"))
        value = {"safe_now": "safe", "wish": "work", "safe_contact": "any", "consent": "all"}
        heard.append(person.press("answer", **{question: value.get(question, "unsure")}))
    return heard


def test_with_and_without_tensorflow_the_answers_are_the_same(start_engine: StartEngine) -> None:
    fast, plain = start_engine(), start_engine(NORTHLIGHT_ENGINE_PLAIN="1")
    assert play(Conversation(fast)) == play(Conversation(plain))
    fast.stop()
    plain.stop()
