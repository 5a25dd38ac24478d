"""`doctor` says BAD, and ends with 1, whenever somebody who writes would not be answered."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.app import build
from bot.doctor import LATE, doctor
from bot.keys import SHARDS, Keys
from bot.operator_commands import running
from bot.parts import ENGINE_ADDRESS, forgetful
from bot.settings import Settings
from tests.redis_server import RedisServer

KEYS = Keys()
MASTER = b"\x07" * 32
#: Where nothing listens.
AWAY = "http://127.0.0.1:9"


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """A service that is well, as far as Redis shows it; there is no engine."""
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            for shard in range(SHARDS):
                await redis.set(KEYS.shard(shard), "a worker")
            await redis.sadd(KEYS.janitor(), "a mark")
            yield Settings(
                redis_url=server.url, engine_url=AWAY, master_key=MASTER, state_dir=tmp_path
            )


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    async with Redis.from_url(settings.redis_url) as client:
        yield client


async def bad(settings: Settings, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What doctor finds wrong beside the engine (how old help lines are depends on the day)."""
    capsys.readouterr()
    assert await doctor(settings) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BAD")]
    assert lines.pop() == "BAD  engine answers: see NORTHLIGHT_ENGINE_URL and its log"
    return [line.removeprefix("BAD  ") for line in lines if "help lines checked" not in line]


async def test_all_is_well(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert await bad(settings, capsys) == []


async def test_a_shard_without_a_worker(
    settings: Settings, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    await redis.delete(KEYS.shard(3))
    assert await bad(settings, capsys) == ["a worker answers everybody: 7 of 8 shards; see its log"]


async def test_a_message_that_nobody_takes(
    settings: Settings, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    now = int(time.time() * 1000)
    await redis.xadd(KEYS.inbox(2), {"e": "sealed"}, id=f"{now}-0")
    assert await bad(settings, capsys) == []
    await redis.xadd(KEYS.inbox(5), {"e": "sealed"}, id=f"{now - LATE * 2000}-0")
    (told,) = await bad(settings, capsys)
    assert told.startswith("no message waits for an answer: one since")


async def test_the_janitor_is_away(
    settings: Settings, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    await redis.delete(KEYS.janitor())
    (told,) = await bad(settings, capsys)
    assert told.startswith("the janitor makes its rounds")


async def test_a_janitor_leaves_its_sign_for_a_while_only(settings: Settings, redis: Redis) -> None:
    await redis.delete(KEYS.janitor())
    async with build(settings) as app:
        janitor = app.janitor()
        janitor.stop()
        await janitor.run()
        assert not await redis.exists(KEYS.janitor())
        assert janitor._done is not None
        await janitor._done()
    assert 0 < await redis.ttl(KEYS.janitor()) <= 60


async def test_a_telegram_door_that_nobody_holds(
    settings: Settings, redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    """In containers only the door has the token: that it has polled today says as much."""
    await redis.set(KEYS.offset(), "4242:1")
    (told,) = await bad(settings, capsys)
    assert told.startswith("the Telegram door is open: nobody there is heard")
    await redis.set(KEYS.poller(), "a door")
    assert await bad(settings, capsys) == []


def test_the_engine_that_up_has_started_is_found_beside_a_redis_of_ones_own(
    tmp_path: Path,
) -> None:
    settings = Settings(redis_url="redis://h", master_key=MASTER, state_dir=tmp_path)
    assert running(settings).engine_url == ""
    (tmp_path / ENGINE_ADDRESS).write_text("http://127.0.0.1:5")
    assert running(settings).engine_url == "http://127.0.0.1:5"
    assert running(replace(settings, engine_url=AWAY)).engine_url == AWAY


@pytest.mark.parametrize(
    ("setting", "wrong", "right", "words"),
    [
        ("appendonly", "no", "yes", "appendonly yes"),
        ("maxmemory-policy", "allkeys-lru", "noeviction", "maxmemory-policy noeviction"),
    ],
)
async def test_a_redis_that_forgets(
    settings: Settings, redis: Redis, capsys: pytest.CaptureFixture[str],
    setting: str, wrong: str, right: str, words: str,
) -> None:  # fmt: skip
    await redis.config_set(setting, wrong)
    assert words in await forgetful(redis)
    (told,) = await bad(settings, capsys)
    assert words in told
    await redis.config_set(setting, right)
    assert await forgetful(redis) == ""
