"""The files people operate the service with say what is true: Makefile, compose file, settings."""

import dataclasses
import json
import re
import stat
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot.embedded import access_list
from bot.paths import ROOT
from bot.rotate_keys import add_key, retire_older
from bot.settings import PREFIX, Settings
from bot.vault import Vault
from scripts import make_secrets

MAKEFILE = (ROOT / "Makefile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


# -- Makefile and scripts -----------------------------------------------------------------------
def test_help_names_every_target_once_with_what_it_does() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told = [line.split()[1] for line in done.stdout.splitlines() if len(line.split()) > 2]
    public = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert len(told) == len(set(told))
    assert set(told) == public
    assert {"run", "test", "check", "train", "strings", "bench", "doctor", "audit"} <= public


def test_everything_phony_exists_and_every_target_is_phony() -> None:
    declared = MAKEFILE.split(".PHONY:")[1].split("\n\n")[0].replace("\\\n", " ").split()
    targets = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
    assert sorted(declared) == sorted(targets)


def test_every_script_that_is_called_is_there_and_runs() -> None:
    called = set(re.findall(r"scripts/\w+(?:\.py)?", MAKEFILE + (ROOT / ".ci/run").read_text()))
    for name in called:
        assert (ROOT / name).is_file(), name
        if not name.endswith(".py"):
            assert (ROOT / name).stat().st_mode & stat.S_IXUSR, name


@pytest.mark.parametrize(
    "name", ["scripts/uv", "scripts/setup", "scripts/chromium", "scripts/doctor"]
)
def test_shell_scripts_are_plain_sh(name: str) -> None:
    subprocess.run(["sh", "-n", ROOT / name], check=True)


# -- settings -----------------------------------------------------------------------------------
def test_the_settings_table_is_the_settings() -> None:
    names = {field.name.upper() for field in dataclasses.fields(Settings)} | {"MASTER_KEY_FILE"}
    text = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(rf"^\| `{PREFIX}(\w+)` \|", text, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == names


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: field.name)
def test_the_settings_table_tells_the_defaults(field: "dataclasses.Field[Any]") -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    row = re.search(rf"^\| `{PREFIX}{field.name.upper()}` \| (.*?) \|", text, re.MULTILINE)
    assert row
    default = field.default
    if default in ("", b""):
        assert "`" not in row[1]  # none, or what `up` brings
    else:
        told = f"{default.host}:{default.port}" if hasattr(default, "port") else str(default)
        told = {"False": "0", "True": "1"}.get(told, told)
        assert row[1] == f"`{told}`"


def test_the_users_for_a_redis_of_ones_own_are_those_of_ours() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    told = {line.split()[1]: line.split()[4:] for line in text.splitlines()
            if line.startswith("user ")}  # fmt: skip
    ours = {line.split()[1]: line.split()[4:] for line in access_list("e", "o", "b").splitlines()}
    assert told == {name: ours[name] for name in ("default", "bot", "engine")}


# -- containers ---------------------------------------------------------------------------------
def test_the_compose_file_follows_the_compose_specification() -> None:
    folder = resources.files("check_jsonschema").joinpath("builtin_schemas", "vendor")
    schema = json.loads(folder.joinpath("compose-spec.json").read_text())
    jsonschema.validate(COMPOSE, schema)


def test_there_is_a_service_for_every_part() -> None:
    optional = {"telegram", "practice"}
    assert set(SERVICES) == {"redis", "engine", "worker", "janitor", "web", "console"} | optional
    assert all(SERVICES[name]["profiles"] == [name] for name in optional)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_locked_down(name: str) -> None:
    service = SERVICES[name]
    assert int(service["user"].split(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_only_what_a_web_server_leads_to_is_published_and_on_this_machine_only(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert bool(ports) == (name in ("web", "console", "practice", "telegram"))
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_engine_has_no_way_out_and_no_secret_but_its_own() -> None:
    engine = SERVICES["engine"]
    assert all(COMPOSE["networks"][name]["internal"] for name in engine["networks"])
    assert set(engine["secrets"]) == {"engine_redis_url", "engine_token", "engine_key"}
    assert not any("MASTER" in name or "TELEGRAM" in name for name in engine["environment"])


def test_only_the_telegram_door_gets_the_token_and_nobody_secrets_in_clear() -> None:
    for name, service in SERVICES.items():
        assert ("telegram_token" in service["secrets"]) == (name == "telegram")
        for variable, value in service.get("environment", {}).items():
            if re.search("TOKEN|KEY|SECRET|REDIS", variable):
                assert variable.endswith("_FILE")
                assert value.startswith("/run/secrets/")
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].startswith("${NORTHLIGHT_SECRETS:-docker/secrets}/")


def test_what_people_sent_goes_from_telegram_to_the_console_on_a_network_of_their_own() -> None:
    assert COMPOSE["networks"]["media"]["internal"] is True
    on_it = {name for name, service in SERVICES.items() if "media" in service.get("networks", ())}
    assert on_it == {"console", "telegram"}
    addresses = {SERVICES[name]["environment"]["NORTHLIGHT_MEDIA_ADDRESS"] for name in on_it}
    assert addresses == {"media:8071"}
    # The door listens where that name leads: on no other of its networks.
    assert SERVICES["telegram"]["networks"]["media"]["aliases"] == ["media"]


def test_every_setting_reaches_the_containers() -> None:
    """What is set in .env and not handed on would do nothing, without a word."""
    given = {name: set(one.get("environment", {})) for name, one in SERVICES.items()}
    bot = {name: SERVICES[name]["environment"] for name in given if name not in ("redis", "engine")}
    names_given = {name.removesuffix("_FILE") for names in given.values() for name in names}
    elsewhere = {
        "STATE_DIR",  # stands in the image
        "CONSOLE_SECOND_STEP",  # always asked behind TLS
    }
    names = {field.name.upper() for field in dataclasses.fields(Settings)} - elsewhere
    assert {PREFIX + name.removesuffix("_FILE") for name in names} <= names_given
    for name, environment in bot.items():
        assert environment[f"{PREFIX}RETENTION"] == f"${{{PREFIX}RETENTION:-24h}}", name
        assert environment[f"{PREFIX}BEHIND_TLS"] == "1", name
    # An empty value is a setting that was not made: each process loads as it stands here.
    for environment in bot.values():
        plain = {name: re.sub(r"\$\{\w+:-(.*?)}", r"\1", value)
                 for name, value in environment.items() if not name.endswith("_FILE")}  # fmt: skip
        assert Settings.load(plain).retention == "24h"


def test_every_secret_file_becomes_a_setting() -> None:
    entrypoint = (ROOT / "docker" / "entrypoint").read_text()
    for service in SERVICES.values():
        for name in service.get("environment", {}):
            if name.endswith("_FILE") and name != f"{PREFIX}MASTER_KEY_FILE":
                assert re.search(rf"\b{name.removesuffix('_FILE')}\b", entrypoint), name


def test_redis_in_a_container_keeps_what_it_accepted() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--appendfsync always" in command
    assert "--maxmemory 512mb --maxmemory-policy noeviction" in command


def test_secrets_are_made_once_and_fit_together(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "scripts" / "make_secrets.py"), "--folder", str(tmp_path)]
    subprocess.run(script, check=True, capture_output=True)
    first = {file.name: file.read_text() for file in tmp_path.iterdir()}
    subprocess.run(script, check=True, capture_output=True)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == first
    assert set(first) == set(COMPOSE["secrets"])
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    settings = Settings.load({f"{PREFIX}MASTER_KEY": first["master_key"]})
    assert len(settings.master_key) == 32
    for url in ("redis_url", "engine_redis_url"):
        password = first[url].split(":")[2].partition("@")[0]
        assert password not in first["redis_acl"]  # hashes only


@pytest.mark.parametrize("lost", [["master_key"], ["master_key", "engine_key"]])
def test_a_new_master_key_beside_the_engines_older_secrets_is_refused(
    tmp_path: Path, lost: list[str]
) -> None:
    """Bot and engine would not know each other, and everybody would get the fixed menu for good."""
    script = [sys.executable, str(ROOT / "scripts" / "make_secrets.py"), "--folder", str(tmp_path)]
    subprocess.run(script, check=True, capture_output=True)
    first = {file.name: file.read_text() for file in tmp_path.iterdir()}
    for name in lost:
        (tmp_path / name).unlink()
    refused = subprocess.run(script, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "made with another master_key" in refused.stderr
    assert not (tmp_path / "master_key").exists()
    (tmp_path / "engine_token").unlink()
    (tmp_path / "engine_key").unlink(missing_ok=True)
    subprocess.run(script, check=True, capture_output=True)
    vault = Vault.of_file(tmp_path / "master_key")
    assert (tmp_path / "engine_token").read_text().strip() == vault.engine_token
    assert (tmp_path / "engine_key").read_text().strip() == vault.engine_key
    assert (tmp_path / "master_key").read_text() != first["master_key"]
    assert (tmp_path / "redis_acl").read_text() == first["redis_acl"]


def test_secrets_stay_complete_when_the_master_key_has_been_changed(tmp_path: Path) -> None:
    script = [sys.executable, str(ROOT / "scripts" / "make_secrets.py"), "--folder", str(tmp_path)]
    subprocess.run(script, check=True, capture_output=True)
    for change in (add_key, retire_older):
        change(tmp_path / "master_key")
        assert "complete" in subprocess.run(script, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("in_shell", "in_env_file", "folder"),
    [
        (None, None, "docker/secrets"),
        (None, "COMPOSE_PROFILES=telegram\n", "docker/secrets"),
        (None, "#NORTHLIGHT_SECRETS=/no\nNORTHLIGHT_SECRETS='/srv/keys' # ours\n", "/srv/keys"),
        (None, "NORTHLIGHT_SECRETS=elsewhere\n", "elsewhere"),
        ("/run/keys", "NORTHLIGHT_SECRETS=/srv/keys\n", "/run/keys"),
        ("", "NORTHLIGHT_SECRETS=/srv/keys\n", "docker/secrets"),
    ],
)
def test_secrets_are_made_where_the_containers_look_for_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_shell: str | None,
    in_env_file: str | None,
    folder: str,
) -> None:
    monkeypatch.delenv("NORTHLIGHT_SECRETS", raising=False)
    if in_shell is not None:
        monkeypatch.setenv("NORTHLIGHT_SECRETS", in_shell)
    if in_env_file is not None:
        (tmp_path / ".env").write_text(in_env_file)
    assert make_secrets.folder_of_containers(tmp_path) == tmp_path / folder


def test_no_secret_can_get_into_an_image_or_a_commit() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert not any(line.startswith("!docker") and "entrypoint" not in line and "health" not in line
                   for line in ignored)  # fmt: skip
    assert "secrets/" in (ROOT / "docker" / ".gitignore").read_text()
