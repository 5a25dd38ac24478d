"""The settings: each is checked when the service starts, and a wrong one is named."""

from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import Address, Settings

KEY = "ab" * 32
GOOD = [
    ("TELEGRAM_TOKEN", "123:abc", "telegram_token", "123:abc"),
    ("TELEGRAM_BASE_URL", "http://localhost:8081/bot", "telegram_base_url",
     "http://localhost:8081/bot"),
    ("TELEGRAM_FILE_BASE_URL", "https://files/bot", "telegram_file_base_url", "https://files/bot"),
    ("TELEGRAM_MODE", "Webhook", "telegram_mode", "webhook"),
    ("TELEGRAM_MODE", "polling", "telegram_mode", "polling"),
    ("TELEGRAM_WEBHOOK_LISTEN", "127.0.0.2:9000", "telegram_webhook_listen",
     Address("127.0.0.2", 9000)),
    ("TELEGRAM_WEBHOOK_URL", "https://help.example/hook", "telegram_webhook_url",
     "https://help.example/hook"),
    ("TELEGRAM_WEBHOOK_SECRET", "A" * 16, "telegram_webhook_secret", "A" * 16),
    ("ENGINE_URL", "http://engine:5005", "engine_url", "http://engine:5005"),
    ("MEDIA_ADDRESS", "media:8071", "media_address", Address("media", 8071)),
    ("WEB_LISTEN", "[::1]:80", "web_listen", Address("::1", 80)),
    ("CONSOLE_LISTEN", "localhost:65535", "console_listen", Address("localhost", 65535)),
    ("STATE_DIR", "/var/lib/northlight", "state_dir", Path("/var/lib/northlight")),
    ("MASTER_KEY", KEY, "master_key", bytes.fromhex(KEY)),
    ("PAGING_URL", "", "paging_url", ""),
    ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ("LOG_LEVEL", " WARNING ", "log_level", "WARNING"),
]  # fmt: skip
BAD = [
    *[(f"{name}_URL", value)
      for name in ("TELEGRAM_BASE", "TELEGRAM_FILE_BASE", "TELEGRAM_WEBHOOK", "ENGINE")
      for value in ("engine:5005", "ftp://engine", "javascript:alert(1)")],
    *[(name, value) for name in ("REDIS_URL", "ENGINE_REDIS_URL")
      for value in ("localhost:6379", "http://localhost", "/run/redis.sock",
                    "redis://h?protocol=3", "rediss://h/0?db=1&legacy_responses=no",
                    "unix:///run/redis.sock?decode_responses=yes")],
    *[(f"{name}_LISTEN", value)
      for name in ("TELEGRAM_WEBHOOK", "WEB", "CONSOLE")
      for value in ("8080", ":8080", "host", "host:", "host:0", "host:65536", "host:-1", "host:x",
                    "host:²")],
    ("TELEGRAM_MODE", "push"),
    ("TELEGRAM_WEBHOOK_SECRET", "short"),
    ("TELEGRAM_WEBHOOK_SECRET", "with spaces and more"),
    ("TELEGRAM_WEBHOOK_SECRET", "a" * 257),
    *[("PAGING_URL", value)
      for value in ("pager.example", "http://pager.example/hook", "https://", "http://10.0.0.4")],
    ("PAGING_SECRET", "short"),
    ("LOG_LEVEL", "LOUD"),
    ("MASTER_KEY", "ab" * 31),
    ("MASTER_KEY", "ab" * 33),
    ("MASTER_KEY", "correct horse battery staple"),
    ("MASTER_KEY_FILE", "/there/is/no/such/file"),
]  # fmt: skip


def load(**given: str) -> Settings:
    return Settings.load({f"NORTHLIGHT_{name}": value for name, value in given.items()})


@pytest.mark.parametrize(("name", "value", "field", "read"), GOOD)
def test_a_good_value_is_taken(name: str, value: str, field: str, read: object) -> None:
    assert getattr(load(**{name: value}), field) == read


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused_by_name_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    assert str(caught.value).startswith(f"NORTHLIGHT_{name}: ")
    if "SECRET" in name or name == "MASTER_KEY":
        assert value not in str(caught.value)


def test_nothing_set_is_the_local_demo() -> None:
    settings = load()
    assert settings == Settings()
    assert settings.web_listen.loopback
    assert settings.console_listen.loopback
    assert settings.telegram_webhook_listen.loopback


@pytest.mark.parametrize(
    "name", ["WEB_LISTEN", "CONSOLE_LISTEN", "PRACTICE_LISTEN", "TELEGRAM_WEBHOOK_LISTEN"]
)
@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "[::]", "desk.example"])  # noqa: S104
def test_what_others_can_reach_without_tls_does_not_start(name: str, host: str) -> None:
    """Passwords and what people write would be readable on their way."""
    with pytest.raises(SettingsError, match=f"NORTHLIGHT_{name}: .*NORTHLIGHT_BEHIND_TLS=1"):
        load(**{name: f"{host}:8090"})
    assert load(**{name: f"{host}:8090", "BEHIND_TLS": "1"}).second_step


def test_an_empty_value_is_not_set() -> None:
    assert load(WEB_LISTEN="", REDIS_URL="  ", TELEGRAM_MODE="") == Settings()


def test_other_programs_variables_are_left_alone() -> None:
    assert Settings.load({"REDIS_URL": "nonsense", "PATH": "/bin"}) == Settings()


@pytest.mark.parametrize("url", ["redis://h:6379/0", "rediss://h", "unix:///run/redis.sock"])
def test_a_redis_of_ones_own_needs_the_key_that_all_processes_share(url: str) -> None:
    assert load(REDIS_URL=url, MASTER_KEY=KEY).redis_url == url
    with pytest.raises(SettingsError, match="NORTHLIGHT_MASTER_KEY or NORTHLIGHT_MASTER_KEY_FILE"):
        load(REDIS_URL=url)


def test_an_engines_redis_that_would_be_left_aside_is_refused() -> None:
    own = "redis://engine:x@h"
    assert load(REDIS_URL="redis://h", MASTER_KEY=KEY, ENGINE_REDIS_URL=own).engine_redis_url == own
    with pytest.raises(SettingsError, match="NORTHLIGHT_ENGINE_REDIS_URL: only with"):
        load(ENGINE_REDIS_URL=own)


@pytest.mark.parametrize("missing", ["TELEGRAM_WEBHOOK_URL", "TELEGRAM_WEBHOOK_SECRET"])
def test_a_webhook_anybody_could_write_to_is_refused(missing: str) -> None:
    given = {"TELEGRAM_TOKEN": "123:abc", "TELEGRAM_MODE": "webhook",
             "TELEGRAM_WEBHOOK_URL": "https://help.example/hook",
             "TELEGRAM_WEBHOOK_SECRET": "s" * 32}  # fmt: skip
    assert load(**given).telegram_mode == "webhook"
    del given[missing]
    with pytest.raises(SettingsError, match=f"NORTHLIGHT_{missing}: needed in webhook mode"):
        load(**given)


@pytest.mark.parametrize(
    "url", ["https://pager.example/hook", "http://127.0.0.1:9000/hook", "http://localhost/hook"]
)
def test_paging_has_an_address_and_a_secret_or_neither(url: str) -> None:
    settings = load(PAGING_URL=url, PAGING_SECRET="S" * 16)
    assert (settings.paging_url, settings.paging_secret) == (url, "S" * 16)
    with pytest.raises(SettingsError, match="NORTHLIGHT_PAGING_SECRET: "):
        load(PAGING_URL=url)
    with pytest.raises(SettingsError, match="NORTHLIGHT_PAGING_URL: "):
        load(PAGING_SECRET="S" * 16)


def test_the_master_key_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    assert load(MASTER_KEY_FILE=str(path)).master_key == bytes.fromhex(KEY)


@pytest.mark.parametrize("content", [b"", b"ab" * 31, b"\xff\xfe", b"zz" * 32])
def test_a_damaged_key_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="NORTHLIGHT_MASTER_KEY_FILE: "):
        load(MASTER_KEY_FILE=str(path))


def test_two_master_keys_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="set only one"):
        load(MASTER_KEY=KEY, MASTER_KEY_FILE=str(tmp_path))


def test_no_secret_is_in_what_is_printed() -> None:
    settings = load(
        TELEGRAM_TOKEN="123:TOKENCANARY",
        TELEGRAM_WEBHOOK_SECRET="SECRETCANARY12345",
        PAGING_URL="https://pager.example",
        PAGING_SECRET="SECRETCANARY54321",
        REDIS_URL="redis://:PASSCANARY@redis/0",
        ENGINE_REDIS_URL="redis://engine:PASSCANARY@redis/0",
        MASTER_KEY=KEY,
    )
    for shown in (repr(settings), str(settings)):
        assert "CANARY" not in shown
        assert KEY not in shown
        assert repr(bytes.fromhex(KEY)) not in shown


@pytest.mark.parametrize(
    ("host", "inside"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("192.168.0.4", False), ("::", False), ("help.example", False), ("localhost.example", False)],
)  # fmt: skip
def test_only_this_machine_counts_as_inside(host: str, inside: bool) -> None:
    assert Address(host, 80).loopback is inside
