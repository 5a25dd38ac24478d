"""P1 and P8: what nobody could handle is put aside sealed, counted, and handed in again on demand.

Through the real worker, the real Telegram door and the command line.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.dead_letters import DeadLetters, Replayed
from bot.dialogue.engine import Answer, Engine
from bot.keys import KEEP, Keys
from bot.messages import Channel, Reply
from bot.paths import ROOT
from tests.botapi import BotApi
from tests.core.world import MASTER, World, text_of
from tests.promises.conftest import Promise
from tests.promises.place import _read_once, place, until
from tests.redis_server import RedisServer

__all__ = ["_read_once"]

CANARY = "canaryletterqx"
#: A wrong master key, as an operator might set by mistake.
WRONG = b"\x07" * 32


class Broken(Engine):
    """Stands for a defect in a handler, until it is mended."""

    mended = False

    async def text(self, person: str, text: str) -> Answer:
        if self.mended:
            return Answer(("greet",))
        raise RuntimeError(CANARY)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
async def world(server: RedisServer) -> AsyncIterator[World]:
    """Under the names that the command line uses."""
    async with Redis.from_url(server.url) as redis:
        made = World(redis, Keys())
        yield made
        await made.engine.close()


def letters(world: World) -> DeadLetters:
    return DeadLetters(world.redis, world.keys, world.vault, world.inbox, world.outbox)


async def command(server: RedisServer, *words: str) -> str:
    """What `python -m bot` prints."""
    environ = {**os.environ, "NORTHLIGHT_REDIS_URL": server.url, "NORTHLIGHT_MASTER_KEY":
               MASTER.hex(), "NORTHLIGHT_ENGINE_URL": "http://127.0.0.1:9"}  # fmt: skip
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "bot", *words], cwd=ROOT, env=environ,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert CANARY not in told
    assert "Traceback" not in told
    return told


async def test_messages_of_a_defect_come_back_through_the_worker(
    world: World, server: RedisServer, promise: Promise
) -> None:
    broken = Broken("http://127.0.0.1:9", "token")
    people = [world.someone(f"person {number}", channel) for number in range(4)
              for channel in Channel]  # fmt: skip
    async with world.working(world.worker(use=replace(world.use, engine=broken))):
        for person in people:
            await person.presses("lang:en")
            for number in range(2):
                await person.says(f"{CANARY} can my boss keep my pay {number}")
                assert person.was_told("store_away")
        found = await letters(world).counts()
        assert found == {("inbox", "failed"): len(people) * 2}
        assert CANARY not in (await world.dump()).decode("latin-1")
        assert not [name for name in await world.names() if name == "dead" and CANARY in name]
        told = await command(server, "doctor")
        assert f"BAD  nothing was given up on: {len(people) * 2} inbox failed" in told
        assert f"{len(people) * 2} inbox failed" in await command(server, "dead-letters")
        # One of them leaves: theirs can be read by nobody, and is not handed in.
        await people[0].says("exit")
        broken.mended = True
        told = await command(server, "dead-letters", "--replay")
        assert f"handed in again: {len(people) * 2 - 2}; erased, their person has left: 2" in told
        await world.all_done()
        failures = 0
        for person in people[1:]:
            await person.answers()
            failures += [reply.text for reply in person.shown].count(text_of("greet")) != 2
        assert await people[0].answers() == []
        assert "dead letters: none" in await command(server, "dead-letters")
        assert "ok   nothing was given up on" in await command(server, "doctor")
    await broken.close()
    promise("P1", "dead messages handed in again", len(people) - 1, failures)


async def test_a_wrong_master_key_costs_no_message(world: World, promise: Promise) -> None:
    """Everything looks damaged to such a worker; with the right key it is all there again."""
    people = [world.someone(f"person {number}") for number in range(25)]
    for number in range(4):
        for person in people:
            await world.accept(person.inbound(text=f"{CANARY} number {number}"))
    foreign = World(world.redis, world.keys, master=WRONG)
    async with foreign.working():
        await foreign.all_done()
    await foreign.engine.close()
    assert await letters(world).counts() == {("inbox", "unreadable"): 100}
    # Still with the wrong key they stay where they are.
    assert await letters(foreign).replay() == Replayed(closed=100)
    async with world.working():
        assert await letters(world).replay() == Replayed(again=100)
        await world.all_done()
    failures = 0
    for person in people:
        own = [reply.text for reply in await person.screen() if reply.speaker == "person"]
        failures += own != [f"{CANARY} number {number}" for number in range(4)]
    promise("P1", "all messages after a wrong master key", len(people) * 4, failures)


async def test_refused_replies_come_back_through_the_telegram_door(
    server: RedisServer, promise: Promise
) -> None:
    async with (
        BotApi().serving() as api,
        place(server.url, server.url, api=api, keys=Keys()) as here,
    ):
        people = [api.world.person() for _ in range(8)]
        for person in people:
            person.forges("lang:en")
        assert await until(lambda: all(person.answers() for person in people), "first answers")
        api.fails("400", "sendMessage", times=10**6)
        for person in people:
            person.forges("do:numbers")
        dead = DeadLetters(
            here.redis, here.keys, here.door.vault, here.door.inbox, here.door.outbox
        )

        async def all_dead() -> bool:
            return sum((await dead.counts()).values()) >= len(people)

        assert await until(all_dead, "refused")
        before = [len(person.answers()) for person in people]
        count = sum((await dead.counts()).values())
        assert set(await dead.counts()) == {("outbox", "refused")}
        rows = await here.redis.xrange(here.keys.dead())
        assert all(fields[b"e"] and b"911" not in fields[b"e"] for _, fields in rows)
        people[0].says("/exit")
        session = here.person(Channel.TELEGRAM, str(people[0].id))

        async def gone() -> bool:
            return not await here.redis.exists(here.keys.datakey(session))

        assert await until(gone, "left")
        api.faults.clear()
        told = await command(server, "dead-letters", "--replay")
        assert "erased, their person has left: " in told
        assert await until(
            lambda: all(
                len(person.answers()) > known
                for person, known in zip(people[1:], before[1:], strict=True)
            ),
            "delivered",
        )
        failures = sum(
            not any("1-833-900-1010" in text.replace("\u200e", "") for text in person.answers())
            for person in people[1:]
        )
        failures += await dead.counts() != {}
        assert count >= len(people)
    promise("P1", "refused replies handed in again", len(people) - 1, failures)


async def test_replayed_twice_changes_nothing_and_all_are_gone_in_time(
    world: World, server: RedisServer, promise: Promise
) -> None:
    broken = Broken("http://127.0.0.1:9", "token")
    person = world.someone()
    async with world.working(world.worker(use=replace(world.use, engine=broken))):
        await person.presses("lang:en")
        await person.says(f"{CANARY} hello there friend")
        assert 0 < await world.redis.ttl(world.keys.dead()) <= KEEP
        saved = await world.redis.xrange(world.keys.dead())
        # Interrupted between handing in and taking away: the same letter is there once more.
        broken.mended = True
        assert await letters(world).replay() == Replayed(again=1)
        await world.all_done()
        for entry_id, fields in saved:
            await world.redis.delete(world.keys.dead())
            await world.redis.xadd(world.keys.dead(), fields, id=entry_id)
        assert await letters(world).replay() == Replayed(again=1)
        await world.all_done()
        await person.answers()
        assert [reply.text for reply in person.shown].count(text_of("greet")) == 1
        # One that is older than everything may be goes with the next that is put aside.
        await world.redis.delete(world.keys.dead())
        old = await world.redis.xadd(world.keys.dead(), {"e": b"", "why": b"failed"}, id="1000-1")
        broken.mended = False
        await person.says(f"{CANARY} once more")
        left = [entry_id for entry_id, _ in await world.redis.xrange(world.keys.dead())]
        assert old not in left
        assert len(left) == 1
        assert "dropped: 1" in await command(server, "dead-letters", "--drop")
        assert await letters(world).counts() == {}
        assert await letters(world).replay() == Replayed()
    await broken.close()
    promise("P2", "a dead letter handed in twice", 1, 0)


async def test_the_one_who_left_takes_a_reply_along(world: World, promise: Promise) -> None:
    """The Telegram door has no key of theirs any more: only the reason is kept."""
    person = world.someone(channel=Channel.TELEGRAM)
    assert await world.outbox.letter(person.to, Reply(CANARY)) == b""
    async with world.working():
        await person.presses("lang:en")
        sealed = await world.outbox.letter(person.to, Reply(CANARY))
        assert sealed
        assert CANARY.encode() not in sealed
        assert person.id.encode() not in sealed
        entry = {"e": sealed, "why": "failed", "stream": world.keys.outbox("telegram")}
        await world.redis.xadd(world.keys.dead(), entry)  # type: ignore[arg-type]
        await person.says("exit")
        assert await letters(world).replay() == Replayed(erased=1)
    promise("P9", "a dead letter after Leave", 1, 0)
