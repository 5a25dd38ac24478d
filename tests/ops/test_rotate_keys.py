"""`rotate-keys` wraps nothing again before the running service seals with the newest key."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot import rotate_keys
from bot.app import build
from bot.keys import Keys, PracticeKeys
from bot.rotate_keys import add_key, rotate
from bot.settings import Settings
from bot.vault import Ring, Vault
from tests.redis_server import RedisServer
from tests.waiting import until

KEYS = Keys()
PEOPLE = ("ana", "bea", "cora")


class House:
    """A Redis, the key file of the service, and a copy of it that was left behind."""

    def __init__(self, redis: Redis, url: str, folder: Path) -> None:
        self.redis, self.url = redis, url
        self.file, self.copy = folder / "file", folder / "copy"
        for path in (self.file, self.copy):
            path.write_text("ab" * 32 + "\n")

    def settings(self, path: Path) -> Settings:
        return Settings(redis_url=self.url, master_key_file=str(path))

    @contextlib.asynccontextmanager
    async def running(self, path: Path, keys: Keys | None = None) -> AsyncIterator[None]:
        """A janitor that makes its rounds with this key file."""
        async with build(self.settings(path), keys) as app:
            janitor = app.janitor()
            running = asyncio.create_task(janitor.run())

            async def marked() -> bool:
                return bool(await self.redis.exists(app.keys.janitor()))

            await until(marked, "the janitor has made its round")
            yield
            janitor.stop()
            await running

    async def rotate(self, path: Path, *, finish: bool = False) -> int:
        """The command, which runs its own event loop as in a process of its own."""
        return await asyncio.to_thread(rotate, self.settings(path), finish=finish)

    async def opens(self, vault: Vault) -> bool:
        """Whether everybody's data key opens. Raises Sealed."""
        return all([vault.data_key(await self.redis.get(KEYS.datakey(person)), person)
                    for person in PEOPLE])  # fmt: skip


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(rotate_keys, "PATIENCE", 8.0)
    monkeypatch.setattr(rotate_keys, "STEADY", 3.0)
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            found = House(redis, server.url, tmp_path)
            vault = Vault.of_file(found.file)
            for person in PEOPLE:
                await redis.set(KEYS.datakey(person), vault.new_data_key(person)[1], ex=1000)
            yield found


def keys_in(path: Path) -> int:
    return len(Ring.parse(path.read_text()).masters)


async def test_a_service_that_follows_the_file_gets_its_new_key(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house.running(house.file):
        assert await house.rotate(house.file) == 0
        assert "Wrapped again under the newest key: 3 datakey." in capsys.readouterr().out
        assert await house.rotate(house.file, finish=True) == 0
    assert keys_in(house.file) == 1
    assert await house.opens(Vault.of_file(house.file))


async def test_a_copy_of_the_file_that_the_service_does_not_use_wraps_nothing(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house.running(house.file):
        for finish in (False, False, True):
            assert await house.rotate(house.copy, finish=finish) == 1
            assert "does not follow" in capsys.readouterr().out
    assert await house.opens(Vault.of_file(house.file))
    assert (keys_in(house.file), keys_in(house.copy)) == (1, 2)


async def test_the_file_of_another_key_is_left_as_it_is(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.copy.write_text(secrets.token_hex(32) + "\n")
    before = house.copy.read_text()
    async with house.running(house.file):
        assert await house.rotate(house.copy) == 1
    assert "does not use this file" in capsys.readouterr().out
    assert house.copy.read_text() == before
    assert await house.opens(Vault.of_file(house.file))


async def test_while_nobody_runs_a_key_is_added_and_nothing_wrapped(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house.running(house.file, PracticeKeys()):  # a practice desk shows nothing
        assert await house.rotate(house.file) == 1
    assert "start the service" in capsys.readouterr().out
    assert keys_in(house.file) == 2
    assert await house.opens(Vault.of_file(house.copy))
    assert await house.rotate(house.file, finish=True) == 1
    assert keys_in(house.file) == 2
    async with house.running(house.file):
        assert await house.rotate(house.file) == 0
    assert keys_in(house.file) == 2


async def test_a_second_machine_that_does_not_have_the_new_key_is_noticed(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house.running(house.copy), house.running(house.file):
        assert await house.rotate(house.file) == 1
        assert "does not follow" in capsys.readouterr().out
        assert await house.opens(Vault.of_file(house.copy))
        house.copy.write_text(house.file.read_text())
        assert await house.rotate(house.file) == 0
        assert await house.opens(Vault.of_file(house.copy))


def test_the_mark_tells_the_newest_key_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("ab" * 32 + "\n")
    vault = Vault.of_file(path)
    first = vault.newest_mark()
    assert first == Vault(b"\xab" * 32).newest_mark()
    add_key(path)
    assert vault.newest_mark() == Vault(Ring.parse(path.read_text()).masters[-1]).newest_mark()
    assert vault.newest_mark() != first
    assert first != "ab" * 32
