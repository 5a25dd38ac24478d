"""P4: a counsellor vanishes in the middle of it all, again and again.

The browser dies, the laptop sleeps: no heartbeat comes any more. Within the lease (and the
janitor's next round) the person must be at the front of their level, told so once and neutrally,
free for exactly one other counsellor; and nothing that the vanished page does when it wakes counts.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.errors import AlreadyClaimed, NotOnShift, SessionEnded
from bot.handoff.record import Handoff, Level, State
from bot.janitor import ROUND
from bot.keys import Keys
from bot.messages import Channel
from tests.core.world import Someone, World, all_claimed, text_of
from tests.promises.conftest import Promise
from tests.redis_server import RedisServer

LEASE = 30.0
#: How often a page shows that it is alive, seconds (bot/console/static/heartbeat.js).
BEAT = 10.0
COUNSELLORS = ("ana", "ben", "cleo")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            world = World(redis, Keys(f"t{secrets.token_hex(6)}:"))
            yield world
            await world.engine.close()


class Vanishing:
    """One counsellor after the other takes somebody, and is gone."""

    def __init__(self, world: World, random_: random.Random) -> None:
        self.world, self.random = world, random_
        self.failures: list[str] = []
        self.longest = 0.0

    def check(self, holds: bool, what: str) -> None:
        if not holds:
            self.failures.append(what)

    async def line(self) -> list[Handoff]:
        return await self.world.queue.waiting()

    async def asks(self, name: str) -> Someone:
        """Somebody new in line, at any level, through either door."""
        person = self.world.someone(name, self.random.choice(list(Channel)))
        level = self.random.choice(list(Level))
        async with self.world.working():
            await person.presses("lang:en", "do:person", "answer:consent:all")
        await self.world.queue.raise_level(person.id, level, ["test"])
        await person.reads()
        return person

    async def take(self, who: str) -> Handoff | None:
        """Somebody for a counsellor who will vanish, in one of the ways it can be reached."""
        queue = self.world.queue
        taken = await queue.take_next(who, ["en"])
        if taken is None:
            return None
        if self.random.random() < 0.5:
            await queue.say(taken.id, who, "Hello.")
        colleague = self.random.choice([one for one in COUNSELLORS if one != who])
        match self.random.randrange(4):
            case 0:  # offered, and nobody answers
                await queue.transfers.offer(taken.id, who, colleague, "note")
            case 1:  # taken over from a colleague, who has it no more
                await queue.transfers.offer(taken.id, who, colleague, "note")
                taken = await queue.transfers.accept(taken.id, colleague)
        return taken

    async def once(self, people: dict[str, Someone]) -> None:
        """One vanishes; everybody else's page goes on."""
        queue, clock = self.world.queue, self.world.clock
        for who in COUNSELLORS:
            await queue.presence.start(who)
        taken = await self.take(self.random.choice(COUNSELLORS))
        if taken is None:
            self.failures.append("nobody was in line")
            return
        gone, person = taken.claimed_by, people[taken.person]
        await person.reads()
        clock.forward(self.random.uniform(0, BEAT))
        await self.world.janitor().round()
        await queue.heartbeat(gone)
        vanished_at = clock()
        others = [who for who in COUNSELLORS if who != gone]
        back = await self._until_back(taken, others)
        self.longest = max(self.longest, clock() - vanished_at)
        self.check(back is not None, "never came back")
        if back is None:
            return
        same = (back.id, back.asked_at, back.level) == (taken.id, taken.asked_at, taken.level)
        self.check(same, "another handoff than before")
        level = [one for one in await self.line() if one.rank == back.rank]
        before = level[: [one.id for one in level].index(back.id)]
        # Only who was put back too, and has waited for longer, stands before them.
        older = all(one.left_at and one.asked_at < back.asked_at for one in before)
        self.check(older, "not at the front of the level")
        self.check(self._neutral(await person.reads()), "not told once and neutrally")
        await self._comes_back_late(gone, taken)
        await self._of_two_one_gets(others, back)
        await person.reads()

    async def _until_back(self, taken: Handoff, others: list[str]) -> Handoff | None:
        """The janitor's rounds until the person waits again, with the wakened page among them."""
        queue, clock = self.world.queue, self.world.clock
        deadline = clock() + LEASE + ROUND
        while clock() < deadline:
            clock.forward(ROUND)
            for who in others:
                await queue.heartbeat(who)
            # The page of the vanished one may send what it had ready at any moment.
            await asyncio.gather(self.world.janitor().round(), self.world.janitor().round())
            found = await queue.get(taken.id)
            if found is not None and found.state is State.WAITING:
                return found
        return None

    def _neutral(self, shown: list[Any]) -> bool:
        return [reply.text for reply in shown] == [text_of("counsellor_away")]

    async def _comes_back_late(self, gone: str, taken: Handoff) -> None:
        queue = self.world.queue
        late = await asyncio.gather(
            queue.heartbeat(gone),
            queue.say(taken.id, gone, "I am back"),
            queue.end(taken.id, gone, "helped"),
            queue.release(taken.id, gone),
            queue.transfers.offer(taken.id, gone, "ana", "note"),
            return_exceptions=True,
        )
        self.check(all(isinstance(one, SessionEnded) for one in late[1:]), "a dead claim counted")
        found = await queue.get(taken.id)
        self.check(found is not None and found.state is State.WAITING, "taken out of line again")

    async def _of_two_one_gets(self, others: list[str], back: Handoff) -> None:
        queue = self.world.queue
        for who in others:
            await self._frees(who)
        results = await asyncio.gather(
            *(queue.claim(back.id, who) for who in others), return_exceptions=True
        )
        won = [one for one in results if isinstance(one, Handoff)]
        lost = [one for one in results if isinstance(one, AlreadyClaimed | NotOnShift)]
        self.check((len(won), len(lost)) == (1, 1), f"claimed by {len(won)}")
        if won and self.random.random() < 0.5:
            await queue.end(back.id, won[0].claimed_by, "helped")
        elif won:
            await queue.release(back.id, won[0].claimed_by)

    async def _frees(self, who: str) -> None:
        for one in await all_claimed(self.world.queue):
            if one.claimed_by == who:
                await self.world.queue.release(one.id, who)


async def test_when_a_counsellor_vanishes_the_person_is_first_in_line_again(
    world: World, promise: Promise, full: bool, seed: int
) -> None:
    times = 200 if full else 40
    play = Vanishing(world, random.Random(seed))
    for who in COUNSELLORS:
        await world.on_shift(who)
    people: dict[str, Someone] = {}
    for _ in range(times):
        while len(await play.line()) < 4:
            person = await play.asks(f"person {len(people)}")
            people[person.id] = person
        await play.once(people)
    assert set(play.failures) == set()
    promise(
        number="P4",
        what="a counsellor vanishes; back at the front, told once, never two",
        tries=times,
        failures=len(play.failures),
        note=f"back after {play.longest:.0f} s at most (lease {LEASE:.0f} s), seed {seed}",
    )


async def rounds(world: World, seconds: float) -> None:
    """Three janitors at once come by while so much time passes."""
    end = world.clock() + seconds
    while world.clock() < end:
        world.clock.forward(min(ROUND, end - world.clock()))
        await asyncio.gather(*(world.janitor().round() for _ in range(3)))


async def test_everybody_vanishes_at_once_and_nobody_is_lost(
    world: World, promise: Promise, full: bool, seed: int
) -> None:
    """The power fails at the desk: all pages fall silent together."""
    play, times, lost = Vanishing(world, random.Random(seed)), 20 if full else 5, 0
    people = [await play.asks(f"person {number}") for number in range(6)]
    before = [one.id for one in await play.line()]
    for _ in range(times):
        for who in COUNSELLORS:
            await world.on_shift(who, capacity=2)
            for _ in range(2):
                await world.queue.take_next(who, ["en"])
        assert await play.line() == []
        await rounds(world, LEASE + 1)
        lost += [one.id for one in await play.line()] != before
        for person in people:
            texts = [reply.text for reply in await person.reads()]
            lost += texts.count(text_of("counsellor_away")) != 1
    promise(
        number="P4",
        what="the whole desk vanishes; all back in their order, told once",
        tries=times * len(people),
        failures=lost,
        note=f"seed {seed}",
    )


#: For how long nobody could be heard: Redis was away, the machine slept, the clock was moved.
GAPS = (11, 14, 25, 40, 300, 86_400, -40, -86_400)


async def test_whoever_could_not_be_heard_for_a_while_keeps_whom_they_have(
    world: World, promise: Promise, full: bool, seed: int
) -> None:
    """Nobody vanished: the janitor and all pages were cut off together, and come back as it falls.

    A page that was there goes on at its own pace, up to a beat after the janitor's first round. Who
    does not come back loses the person all the same, a lease later.
    """
    play, failures = Vanishing(world, random.Random(seed)), 0
    person = await play.asks("person")
    times = len(GAPS) * (6 if full else 2)
    for number in range(times):
        comes_back = number // len(GAPS) % 2 == 0
        await world.on_shift("ana")
        held = await world.queue.take_next("ana", ["en"])
        assert held is not None
        await world.queue.say(held.id, "ana", "I am here with you.")
        await rounds(world, play.random.uniform(0, BEAT))
        await person.reads()
        world.clock.forward(GAPS[number % len(GAPS)])
        await rounds(world, play.random.uniform(ROUND, BEAT))
        on = await world.queue.heartbeat("ana") if comes_back else True
        await rounds(world, LEASE - 1 if comes_back else LEASE + ROUND)
        found = await world.queue.get(held.id)
        assert found is not None
        texts = [reply.text for reply in await person.reads()]
        if comes_back:
            failures += not on or found.claimed_by != "ana" or texts != []
            await world.queue.release(held.id, "ana")
        else:
            failures += found.claimed_by != "" or texts != [text_of("counsellor_away")]
        await person.reads()
    promise(
        number="P4",
        what="no page could be heard for a while: nobody is put back who is still held",
        tries=times,
        failures=failures,
        note=f"seed {seed}",
    )
