"""P8: every key that concerns a person ends by itself, at every step; retention; the master key.

A long conversation is looked at after each step: whatever key is there has a time to live, save
accounts, audit and counters. What is said is sealed, also while the master key is being changed.
"""

import asyncio
import os
import random
import secrets
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bot import rotate_keys
from bot.conversation.core import GRACE, QUIET
from bot.dialogue.check import QUESTIONS
from bot.errors import Sealed, SettingsError
from bot.keys import KEEP, RETENTION, Keys
from bot.messages import Channel, Kind
from bot.rotate_keys import Rewrapping, add_key, retire_older, rotate
from bot.settings import Settings
from bot.vault import Ring, Vault
from tests.core.engine_server import EngineServer
from tests.core.world import LANGUAGES, Someone, World
from tests.promises.conftest import Promise
from tests.redis_server import RedisServer

#: Keys about nobody, or about those who work here: the listed exceptions of bot/keys.py.
EXCEPTIONS = (
    "waits",
    "counts:",
    "opening",
    "console:plan",
    "console:shift",
    "console:counsellor:",
    "console:identities",
    "console:audit",
)
ANSWERS = {"safe_now": "watched", "wish": "person", "safe_contact": "any", "consent": "all"}


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    with RedisServer() as server:
        async with Redis.from_url(server.url) as client:
            yield client


class Look:
    """Looks at every key there is, again and again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.looks, self.keys = 0, 0
        self.faults: list[str] = []

    async def __call__(self, step: str) -> None:
        self.looks += 1
        redis = self._world.redis
        for name in await self._world.names():
            if name.startswith(EXCEPTIONS):
                continue
            whole = self._world.keys.prefix + name
            left, kind = await redis.ttl(whole), await redis.type(whole)
            if left == -1 and kind == b"stream" and await redis.xlen(whole) == 0:
                continue  # a door or worker listens there; nobody has written yet
            self.keys += 1
            if left != -2 and not 0 <= left <= KEEP:  # -2: it ended between the two commands
                self.faults.append(f"{step}: {name.partition(':')[0]} lives {left} s")


async def _long_conversation(person: Someone, look: Look, rng: random.Random) -> None:
    world = person.world

    async def says(text: str) -> None:
        await person.says(text)
        await look(f"says {text[:20]}")

    async def presses(payload: str) -> None:
        await person.presses(payload)
        await look(f"presses {payload}")

    await says("hello, my name is Ana")
    await presses(f"lang:{rng.choice(LANGUAGES)}")
    await presses("lang:en")
    for kind in (Kind.VOICE, Kind.PHOTO, Kind.CONTACT, Kind.LOCATION, Kind.STICKER):
        await person.sends(kind, message_id=rng.randrange(1, 10**6))
        await look(kind)
    await presses("do:start_check")
    for slot in QUESTIONS:
        await presses(f"answer:{slot}:{ANSWERS.get(slot, rng.choice(['yes', 'no', 'unsure']))}")
    await says("tulip")
    await presses("do:no_thanks")
    await presses("region:ON")
    await says("he is going to kill me")
    await presses("do:person")
    claimed = await person.is_claimed()
    await look("claimed")
    await says("I am Ana")
    await world.queue.say(claimed.id, "bea", "hello Ana", beside="bonjour", once="a" * 16)
    await look("counsellor says")
    await world.queue.release(claimed.id, "bea")
    await look("released")
    await presses("do:wait_place")
    again = await person.is_claimed("cem")
    await world.queue.end(again.id, "cem")
    await look("wrap-up")
    await world.queue.end(again.id, "cem", "helped")
    await look("closed")
    await presses("do:keep")
    await presses("do:person")  # and once more
    third = await person.is_claimed("dia")
    world.clock.forward(60)
    await world.janitor().round()
    await look("the counsellor vanished")
    assert third.id
    await presses("do:cancel_wait")
    for seconds in (QUIET + 1, GRACE + 1):
        world.clock.forward(seconds)
        await world.janitor().round()
        await person.answers()
        await look("quiet")


@pytest.mark.parametrize("channel", list(Channel))
async def test_at_every_step_every_key_ends_by_itself(
    redis: Redis, channel: Channel, seed: int, promise: Promise
) -> None:
    async with EngineServer().serving() as engine:
        world = World(redis, Keys(f"t{secrets.token_hex(6)}:"), engine_url=engine.url)
        look = Look(world)
        async with world.working():
            await _long_conversation(world.someone("ana", channel), look, random.Random(seed))
            await _troubles(world, channel, look)
        await world.engine.close()
    print(*look.faults[:5], sep="\n")
    promise("P8", f"{channel}: keys with an end, {look.looks} looks", look.keys,
            len(look.faults), f"seed {seed}")  # fmt: skip


async def _troubles(world: World, channel: Channel, look: Look) -> None:
    """Dead letters, a lost data key, leaving, being blocked, a second delivery."""
    person = world.someone("bo", channel)
    await person.says("hello")
    await world.redis.delete(world.keys.datakey(person.id))
    await person.says("hello again")
    await look("data key lost")
    await world.redis.xadd(world.keys.inbox(3), {"e": b"nonsense"})
    await world.redis.expire(world.keys.inbox(3), KEEP)
    await world.all_done()
    await look("dead letter")
    for _ in range(2):
        await world.accept(person.inbound(text="twice"), "the same update")
    await person.answers()
    await look("twice")
    await person.sends(Kind.BLOCKED)
    await look("blocked")
    await world.janitor().round()
    await look("janitor")


# -- retention -------------------------------------------------------------------------------------
@pytest.mark.parametrize("told", list(RETENTION))
async def test_what_was_said_to_a_counsellor_is_kept_as_long_as_set(
    redis: Redis, told: str, promise: Promise
) -> None:
    """Readable for that time, also when the chat itself was erased because it was quiet."""
    kept = RETENTION[Settings.load({"NORTHLIGHT_RETENTION": told}).retention]
    world = World(redis, Keys(f"t{secrets.token_hex(6)}:"), retention=kept)
    wrong: list[str] = []
    tries = 0

    async def check(what: str, held: object, true: object) -> None:
        nonlocal tries
        tries += 1
        if held != true:
            wrong.append(f"{what}: {held}")

    async with world.working():
        for channel in Channel:
            person = world.someone("ana", channel)
            await person.presses("lang:en", "do:person", "answer:consent:all")
            claimed = await person.is_claimed()
            await person.says("my name is Ana")
            await world.queue.end(claimed.id, "bea")
            # In wrap-up the outcome can still be written down, whatever the retention.
            found = await world.queue.get(claimed.id)
            await check("wrap-up", found is not None, True)
            await check("words in wrap-up", await _lines(world, claimed.id), int(kept > 0))
            await person.answers()
            hours = f" {kept // 3600} hours"
            await check("told", hours in person.read_words(), True)
            await world.queue.end(claimed.id, "bea", "helped")
            for seconds in (0, QUIET + 1, GRACE + 1):
                world.clock.forward(seconds)
                await world.janitor().round()
                await person.answers()
                await check(f"{seconds} s later", await _lines(world, claimed.id), int(kept > 0))
            await check("quiet", bool(await redis.exists(world.keys.session(person.id))), False)
            for name in (world.keys.transcript(claimed.id), world.keys.handoff(claimed.id)):
                await check("ends", _kept(await redis.ttl(name), kept), True)
            key = await redis.ttl(world.keys.datakey(person.id))
            await check("its key", key >= kept - 60 if kept else key == -2, True)
            # Whoever comes back the same way finds it, and can have it erased.
            await person.says("hello again")
            await check("found again", await _lines(world, claimed.id), int(kept > 0))
            await person.presses("do:erase_now")
            left = await redis.exists(
                world.keys.transcript(claimed.id), world.keys.handoff(claimed.id),
                world.keys.handoff_of(person.id), world.keys.datakey(person.id),
            )  # fmt: skip
            await check("after Leave", left, 0)
    await world.engine.close()
    print(*wrong, sep="\n")
    promise("P8", f"retention {told} after a talk", tries, len(wrong))


async def _lines(world: World, handoff: str) -> int:
    """How much of a talk the console can read; 1 for all of what was said."""
    found = await world.queue.get(handoff)
    if found is None or not (await world.queue.case(found)).consent:
        return 0
    return len(await world.queue.transcript.read(found))


def _kept(left: int, kept: int) -> bool:
    return left == -2 if kept == 0 else kept - 60 < left <= kept


@pytest.mark.parametrize("value", ["30d", "1", "24", "-1", "forever"])
def test_another_time_cannot_be_set(value: str) -> None:
    with pytest.raises(SettingsError, match="NORTHLIGHT_RETENTION: must be 0, 24h or 7d"):
        Settings.load({"NORTHLIGHT_RETENTION": value})


# -- the master key --------------------------------------------------------------------------------
async def test_old_words_are_readable_while_and_after_the_master_key_changes(
    redis: Redis,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    promise: Promise,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three processes with one key file; conversations go on through a rotation, twice."""
    monkeypatch.setattr(rotate_keys, "STEADY", 0.0)
    path = tmp_path / "master.key"
    path.write_text(secrets.token_hex(32) + "\n")
    path.chmod(0o600)
    keys = Keys()
    worlds = [World(redis, keys) for _ in range(3)]
    for world in worlds:
        _with(world, Vault.of_file(path))
    writer, reader, console = worlds
    seen: list[bool] = []
    people = [writer.someone(f"p{number}", channel) for number in range(4) for channel in Channel]
    settings = Settings(master_key_file=str(path), redis_url=_url(redis))
    async with reader.working():
        for person in people:
            await person.presses("lang:fr", "do:start_check", "answer:minor:yes", "do:person",
                                 "answer:consent:all")  # fmt: skip
        for round_number in range(2):
            before = path.read_text()
            for step in ("add", "rewrap", "finish"):
                # As the janitor says at each of its rounds.
                await redis.sadd(keys.janitor(), reader.vault.newest_mark())
                await redis.expire(keys.janitor(), 60)
                await _step(step, settings, path)
                for person in people:
                    await person.says(f"words {round_number} {step}")
                    seen += await _still_there(person, reader, console)
            assert before.split()[-1] not in path.read_text(), "the older key is gone"
            assert path.stat().st_mode & 0o777 == 0o600
    # What is stored opens with the newest key alone.
    alone = Vault(Ring.parse(path.read_text()))
    for person in people:
        wrapped = await redis.get(keys.datakey(person.id))
        seen.append(bool(wrapped and alone.data_key(wrapped, person.id)))
    first = World(redis, keys)  # the key of a stranger opens nothing of it
    stored = await redis.get(keys.datakey(people[0].id)) or b""
    with pytest.raises(Sealed):
        first.vault.data_key(stored, people[0].id)
    for world in [*worlds, first]:
        await world.engine.close()
    capsys.readouterr()
    promise("P8", "two rotations of the master key, everything readable", len(seen),
            seen.count(False))  # fmt: skip


def _with(world: World, vault: Vault) -> None:
    """Builds a world anew on another vault, as a process that was given the key file."""
    world.vault = vault
    for part in (world.outbox, world.queue, world.memory, world.inbox):
        part._vault = vault
    world.queue._outbox = world.outbox
    world.use = replace(world.use, vault=vault, queue=world.queue)
    world.new_inbox = lambda: type(world.inbox)(world.redis, world.keys, vault)  # type: ignore[method-assign]


async def _step(step: str, settings: Settings, path: Path) -> None:
    if step == "add":
        add_key(path)
        return
    # The command runs its own event loop, as it does in a process of its own.
    told = await asyncio.to_thread(rotate, settings, finish=step == "finish")
    if step == "finish" and told == 1:  # something is on its way, or stands on a page: wait
        redis: Redis
        async with Redis.from_url(settings.redis_url) as redis:
            async for name in redis.scan_iter(match="nl:screen:*"):
                await redis.delete(name)  # as after its 48 hours
            async for name in redis.scan_iter(match="nl:outbox:*"):
                await redis.delete(name)
        told = await asyncio.to_thread(rotate, settings, finish=True)
    assert told == 0


async def _still_there(person: Someone, *worlds: World) -> list[bool]:
    """Whether every process opens the session, the case and the address."""
    found = []
    for world in worlds:
        session = (await world.memory.load(person.inbound()))[0]
        found.append(session.answers.get("minor") == "yes" and session.language == "fr")
        handoff = await world.queue.current(person.id)
        found.append(handoff is not None and handoff.address == person.address)
        if handoff is not None:
            found.append((await world.queue.case(handoff)).answers.get("minor") == "yes")
    return found


def _url(redis: Redis) -> str:
    return f"unix://{redis.connection_pool.connection_kwargs['path']}"


def test_a_key_file_half_written_or_of_another_house_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("11" * 32 + "\n")
    vault = Vault.of_file(path)
    sealed = vault.seal_transit(b"words", "here")
    for text in ("11" * 32 + "\n22", "11" * 32 + "\n" + "zz" * 32, "", "33" * 32, "identity\n"):
        path.write_text(text)
        assert vault.unseal_transit(sealed, "here") == b"words"
        assert Vault(b"\x11" * 32).unseal_transit(vault.seal_transit(b"x", "y"), "y") == b"x"
    path.unlink()
    assert vault.unseal_transit(sealed, "here") == b"words"


def test_names_and_the_engines_secrets_survive_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("ab" * 32)  # without a line end
    before = Vault.of_file(path)
    add_key(path)
    retire_older(path)
    after = Vault.of_file(path)
    assert before.person(Channel.WEBCHAT, "1") == after.person(Channel.WEBCHAT, "1")
    assert (before.engine_key, before.engine_token) == (after.engine_key, after.engine_token)
    assert "ab" * 32 not in path.read_text()
    with pytest.raises(Sealed):
        Vault(b"\xab" * 32).unseal_transit(after.seal_transit(b"words", "here"), "here")
    again = Ring.parse(path.read_text())
    assert Ring.parse(again.to_text()) == again
    assert "ab" not in repr(again)


@pytest.mark.parametrize("mode", [0o600, 0o444])
def test_a_process_that_holds_on_to_the_file_sees_every_rotation(tmp_path: Path, mode: int) -> None:
    """A container is given the file itself: another one of the same name it would never see."""
    path, mounted = tmp_path / "key", tmp_path / "mounted"
    path.write_text("ab" * 32 + "\n")
    path.chmod(mode)
    mounted.hardlink_to(path)
    vault = Vault.of_file(mounted)
    for _ in range(2):
        add_key(path)
        both = mounted.read_text()
        retire_older(path)
        assert mounted.read_text() == path.read_text() != both
        assert len(Ring.parse(mounted.read_text()).masters) == 1
        newest = Vault.of_file(path)
        assert newest.unseal_transit(vault.seal_transit(b"words", "here"), "here") == b"words"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert {file.name for file in tmp_path.iterdir()} == {"key", "mounted"}


async def test_what_another_hand_changed_meanwhile_is_not_overwritten(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_text("ab" * 32 + "\n")
    vault, keys = Vault.of_file(path), Keys()
    _, wrapped = vault.new_data_key("ana")
    await redis.set(keys.datakey("ana"), wrapped, ex=100)
    add_key(path)
    rewrapping = Rewrapping(redis, keys, vault)
    real = rewrapping._swap

    async def late(**given: Any) -> Any:
        await redis.delete(keys.datakey("ana"))  # she leaves in this very moment
        return await real(**given)

    monkeypatch.setattr(rewrapping, "_swap", late)
    assert not (await rewrapping.rewrap())["datakey"]
    assert not await redis.exists(keys.datakey("ana"))
    assert rotate_keys._kind(keys, "nl:datakey:x") == "datakey"
    assert os.stat(path).st_size == 2 * 65
