"""What each part is given, and that one which hangs is started again."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot import supervisor
from bot.errors import SettingsError
from bot.parts import Part, parts_of
from bot.settings import Settings
from bot.supervisor import HANGS, Supervisor
from bot.vault import Vault
from tests.redis_server import RedisServer
from tests.waiting import until

MASTER = b"\x07" * 32


# -- the engine and a Redis of one's own ---------------------------------------------------------
def given(monkeypatch: pytest.MonkeyPatch, folder: Path, **more: str) -> dict[str, dict[str, str]]:
    """The environment of each part, with a Redis of one's own."""
    environ = {
        "NORTHLIGHT_REDIS_URL": "redis://bot:secret-of-the-bot@h",
        "NORTHLIGHT_MASTER_KEY": MASTER.hex(),
        "NORTHLIGHT_STATE_DIR": str(folder),
        **more,
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    parts = parts_of(settings, Vault(MASTER), settings.redis_url, settings.engine_redis_url)
    return {part.name: dict(part.environ) for part in parts}


def test_the_engine_gets_its_own_way_to_redis_and_nobody_else_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = "redis://engine:secret-of-the-engine@h"
    parts = given(monkeypatch, tmp_path, NORTHLIGHT_ENGINE_REDIS_URL=own)
    assert parts["engine"]["NORTHLIGHT_ENGINE_REDIS_URL"] == own
    for name, environ in parts.items():
        text = str(environ)
        assert ("secret-of-the-engine" in text) is (name == "engine")
        assert ("secret-of-the-bot" in text) is (name != "engine")


@pytest.mark.parametrize("url", ["", "redis://bot:secret-of-the-bot@h"])
def test_without_one_nothing_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    """It would be handed the bot's own password, and could read everybody's keys."""
    with pytest.raises(SettingsError, match="NORTHLIGHT_ENGINE_REDIS_URL: needed with"):
        given(monkeypatch, tmp_path, NORTHLIGHT_ENGINE_REDIS_URL=url)
    away = given(monkeypatch, tmp_path, NORTHLIGHT_ENGINE_REDIS_URL=url,
                 NORTHLIGHT_ENGINE_URL="http://h")  # fmt: skip
    assert "engine" not in away


@pytest.mark.parametrize("option", [{"appendonly": "no"}, {"maxmemory_policy": "allkeys-lru"}])
async def test_up_refuses_a_redis_that_forgets(tmp_path: Path, option: dict[str, str]) -> None:
    with RedisServer(**option) as server:
        settings = Settings(redis_url=server.url, master_key=MASTER, state_dir=tmp_path)
        with pytest.raises(SettingsError, match="NORTHLIGHT_REDIS_URL: this Redis"):
            await Supervisor(settings)._start_redis()


# -- a part that hangs ---------------------------------------------------------------------------
class Watched:
    """One part that lives for ever and works or not, as told, under a supervisor."""

    def __init__(self, folder: Path, store: str) -> None:
        self.works, self.asked = True, 0
        self.said: list[str] = []
        self.supervisor = Supervisor(Settings(state_dir=folder), self.said.append)
        self.supervisor._store = store
        self.supervisor._logs = folder
        command = (sys.executable, "-c", "import signal; signal.pause()")
        self.part = Part("part", command, dict(os.environ), self._ready, 1)

    async def _ready(self) -> bool:
        self.asked += 1
        return self.works

    @property
    def pid(self) -> int:
        process = self.supervisor._running.get("part")
        return process.pid if process else 0

    async def looks(self, times: int) -> None:
        """Waits until it has been asked so often again."""
        enough = self.asked + times
        await until(lambda: self.asked >= enough, "enough asked")


@pytest.fixture
def store() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def watched(
    tmp_path: Path, store: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Watched]:
    monkeypatch.setattr(supervisor, "LOOK_EVERY", 0.01)
    watched = Watched(tmp_path, store.url)
    try:
        await watched.supervisor._start([watched.part])
        yield watched
    finally:
        watched.supervisor._stopping.set()
        await watched.supervisor._stop([watched.part])


async def test_a_part_that_hangs_is_started_again(watched: Watched) -> None:
    first = watched.pid
    os.kill(first, signal.SIGSTOP)  # not even a signal reaches it
    watched.works = False
    await until(lambda: watched.pid not in (0, first), "another one")
    assert any("does not do its work" in line for line in watched.said)


async def test_a_part_that_is_slow_now_and_then_is_left_alone(watched: Watched) -> None:
    first = watched.pid
    for _ in range(3):
        watched.works = False
        await watched.looks(HANGS - 2)
        watched.works = True
        await watched.looks(2)
    assert watched.pid == first


async def test_nothing_is_ended_while_redis_is_away(watched: Watched, store: RedisServer) -> None:
    first = watched.pid
    store.stop()
    watched.works = False
    await watched.looks(HANGS * 3)
    assert watched.pid == first
