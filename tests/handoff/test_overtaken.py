"""A worker that slept in the middle of a turn must not do it over what came after it.

Some acts on the queue cannot wait for the commit (the answer tells the place in line). Each of
these tests stops a worker right before such an act, lets another finish the message and the person
go on, and wakes the first one. `fenced=False` shows the hole that the fence closes.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.errors import Overtaken
from bot.handoff.queue import Queue
from bot.handoff.record import Case, Level
from bot.inbox import Fence, Inbox, shard_of
from bot.keys import SHARDS, Keys
from bot.messages import Kind
from tests.core.world import Someone, World
from tests.redis_server import RedisServer
from tests.waiting import until


class Sleepy(Queue):
    """Stops before the acts of a turn until it is woken; without fences when that is wanted."""

    def get_ready(self, fenced: bool) -> None:
        self.fenced, self.asleep, self.woken = fenced, asyncio.Event(), asyncio.Event()

    async def _sleep(self) -> None:
        self.asleep.set()
        await self.woken.wait()

    def _kept(self, fence: Fence | None) -> Fence | None:
        return fence if self.fenced else None

    async def request(self, *args: Any, fence: Fence | None = None, **given: Any) -> Any:
        await self._sleep()
        return await super().request(*args, fence=self._kept(fence), **given)

    async def abandon(self, person: str, fence: Fence | None = None, what: str = "all") -> None:
        await self._sleep()
        await super().abandon(person, self._kept(fence), what)

    async def raise_level(
        self, person: str, level: Level, rules: Any, fence: Fence | None = None
    ) -> None:
        await self._sleep()
        await super().raise_level(person, level, rules, self._kept(fence))


@pytest.fixture
async def world(redis_server: RedisServer) -> AsyncIterator[World]:
    async with Redis.from_url(redis_server.url) as redis:
        world = World(redis, Keys(f"t{secrets.token_hex(6)}:"))
        yield world
        await world.engine.close()
        async for name in redis.scan_iter(f"{world.keys.prefix}*"):
            await redis.delete(name)


@contextlib.asynccontextmanager
async def a_sleeper(world: World, person: Someone, press: str, fenced: bool) -> AsyncIterator[Any]:
    """A worker that sleeps in the turn of this button, and has lost its shards meanwhile.

    Inside another worker works. Call what is yielded to wake the first and see its turn end.
    """
    queue = Sleepy(world.redis, world.keys, world.vault, world.outbox, world.words, world.clock)
    queue.get_ready(fenced)
    inbox = world.new_inbox()
    sleeper = world.worker(inbox, replace(world.use, queue=queue))
    running = asyncio.create_task(sleeper.run())
    await world.accept(person.inbound(Kind.BUTTON, button=press))
    await queue.asleep.wait()

    async def asleep_too(shard: int) -> bool:
        return False

    inbox.hold = asleep_too  # type: ignore[method-assign]
    inbox.share = never  # type: ignore[method-assign]
    await world.redis.delete(*[world.keys.shard(shard) for shard in range(SHARDS)])
    await world.redis.delete(world.keys.workers())

    async def wake() -> None:
        turns = list(sleeper._running.values())
        queue.woken.set()
        await asyncio.gather(*turns, return_exceptions=True)

    try:
        async with world.working():
            yield wake
    finally:
        queue.woken.set()
        sleeper.stop()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def never() -> int:
    return 1


async def in_line(person: Someone) -> None:
    await person.presses("lang:en", "do:person", "answer:consent:all")
    assert await person.handoff() is not None


@pytest.mark.parametrize("press", ["do:leave", "do:cancel_wait"])
@pytest.mark.parametrize("fenced", [False, True])
async def test_an_old_leave_does_not_drop_a_newer_request(
    world: World, press: str, fenced: bool
) -> None:
    person = world.someone()
    async with world.working():
        await in_line(person)
    async with a_sleeper(world, person, press, fenced) as wake:
        await person.answers()
        assert await person.handoff() is None, "the other worker has done it"
        await in_line(person)
        await wake()
        assert (await person.handoff() is not None) is fenced


@pytest.mark.parametrize("fenced", [False, True])
async def test_an_old_request_does_not_bring_back_who_has_left(world: World, fenced: bool) -> None:
    person = world.someone()
    async with a_sleeper(world, person, "do:person", fenced) as wake:
        await person.answers()
        assert await person.handoff() is not None
        await person.presses("do:leave")
        await wake()
        assert (await person.handoff() is None) is fenced
        left = {name for name in await world.names() if person.id in name}
        assert (left <= {f"screen:{person.id}"}) is fenced, left


async def test_a_turn_that_sleeps_and_still_owns_its_shard_is_done(world: World) -> None:
    person = world.someone()
    queue = Sleepy(world.redis, world.keys, world.vault, world.outbox, world.words, world.clock)
    queue.get_ready(fenced=True)
    async with world.working(world.worker(use=replace(world.use, queue=queue))):
        await world.accept(person.inbound(Kind.BUTTON, button="do:person"))
        await queue.asleep.wait()
        queue.woken.set()
        await person.answers()
        assert await person.handoff() is not None


Act = Callable[[World, Someone, Fence], Any]


def request(world: World, person: Someone, fence: Fence) -> Any:
    return world.queue.request(
        person.to, level=Level.RED, rules=["old"], language="en", romanised=False, case=Case(),
        fence=fence,
    )  # fmt: skip


def abandon(world: World, person: Someone, fence: Fence) -> Any:
    return world.queue.abandon(person.id, fence)


def raise_level(world: World, person: Someone, fence: Fence) -> Any:
    return world.queue.raise_level(person.id, Level.RED, ["old"], fence)


@pytest.mark.parametrize("act", [request, abandon, raise_level])
@pytest.mark.parametrize("why", ["lease lost", "lease of another", "entry done", "never"])
async def test_an_act_is_done_only_for_the_turn_that_owns_its_message(
    world: World, act: Act, why: str
) -> None:
    person = world.someone()
    asked = await world.queue.request(
        person.to, level=Level.GREEN, rules=[], language="en", romanised=False, case=Case()
    )
    inbox, shard = Inbox(world.redis, world.keys, world.vault), shard_of(person.id)
    await inbox.accept(person.inbound(text="words"), "u1")
    assert await inbox.hold(shard)
    await inbox.open_group(shard)
    (entry,) = await inbox.fresh([shard], 100)
    fence = inbox.fence(entry)
    match why:
        case "lease lost":
            await inbox.let_go(shard)
        case "lease of another":
            await inbox.let_go(shard)
            assert await world.new_inbox().hold(shard)
        case "entry done":
            assert await inbox.commit(entry, []) == "ok"
    if why == "never":
        await act(world, person, fence)
        found = await person.handoff()
        assert found is None or found.level is Level.RED
        return
    with pytest.raises(Overtaken):
        await act(world, person, fence)
    found = await person.handoff()
    assert found is not None
    assert (found.id, found.level, found.rules) == (asked.id, Level.GREEN, ())


async def test_an_overtaken_request_leaves_no_data_key_behind(world: World) -> None:
    person = world.someone()
    fence = Fence(world.keys.shard(0), "another", world.keys.inbox(0), b"1-1")
    with pytest.raises(Overtaken):
        await request(world, person, fence)
    assert await world.names() == set()


async def test_words_of_danger_relayed_late_do_not_raise_a_newer_request(world: World) -> None:
    person = world.someone()
    async with world.working():
        await in_line(person)
        await person.is_claimed()
    queue = Sleepy(world.redis, world.keys, world.vault, world.outbox, world.words, world.clock)
    queue.get_ready(fenced=True)
    inbox = world.new_inbox()
    sleeper = world.worker(inbox, replace(world.use, queue=queue))
    running = asyncio.create_task(sleeper.run())
    await world.accept(person.inbound(Kind.TEXT, text="he has a gun"))
    await queue.asleep.wait()
    running.cancel()
    for shard in range(SHARDS):
        await world.redis.delete(world.keys.shard(shard))
    turns = list(sleeper._running.values())
    sleeper.stop()
    queue.woken.set()
    await asyncio.gather(running, *turns, return_exceptions=True)
    found = await person.handoff()
    assert found is not None
    assert found.level is not Level.RED
    async with world.working():
        await until(lambda: raised(person), "the next owner raises it")


async def raised(person: Someone) -> bool:
    found = await person.handoff()
    return found is not None and found.level is Level.RED
