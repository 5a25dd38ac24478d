"""A Redis that is full: what was accepted is answered, leaving goes on, and quiet makes room."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from bot.conversation.core import GRACE, QUIET
from bot.errors import QueueUnavailable
from bot.inbox import Inbox
from bot.keys import Keys
from bot.messages import Kind
from tests.core.test_leaving import nothing_is_left_of
from tests.core.world import DANGER, Someone, World
from tests.redis_server import RedisServer


@pytest.fixture
async def small() -> AsyncIterator[World]:
    """A world in a Redis of its own with little room."""
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            world = World(redis, Keys("t:"))
            used = (await redis.info("memory"))["used_memory"]
            await redis.config_set("maxmemory", used + 5_000_000)
            yield world
            await world.engine.close()


async def fill(world: World) -> list[Someone]:
    """People come until nobody is let in, though nobody waits any more."""
    crowd: list[Someone] = []
    before = -1
    while len(crowd) < 5_000:
        one = world.someone(f"number {len(crowd)}")
        try:
            await world.accept(one.inbound(text="hello"))
            crowd.append(one)
        except QueueUnavailable:
            if len(crowd) == before:
                return crowd
            before = len(crowd)
            await world.all_done()
    raise AssertionError("never full")


async def test_when_it_has_been_quiet_there_is_room_again(small: World) -> None:
    async with small.working():
        crowd = await fill(small)
        for one in crowd:
            assert await one.answers(), "accepted, and answered while it is full"
        rounds = 2 * (len(crowd) // 200 + 1)
        for seconds in (QUIET + 1, GRACE + 1):
            small.clock.forward(seconds)
            for _ in range(rounds):
                await small.janitor().round()
                await small.all_done()
        await small.someone("late").says("hello")
    assert not await small.dead_letters()


async def test_who_leaves_is_let_in_when_nobody_else_is(small: World) -> None:
    async with small.working():
        crowd = await fill(small)
        # Full by more than what Redis frees by itself: buffers of connections at rest.
        used = (await small.redis.info("memory"))["used_memory"]
        await small.redis.config_set("maxmemory", int(used / 0.95))
        inbox = Inbox(small.redis, small.keys, small.vault, "", lambda one: one.text == "salir")
        for kind, text in ((Kind.TEXT, "hello"), (Kind.BUTTON, ""), (Kind.PHOTO, "")):
            with pytest.raises(QueueUnavailable):
                await inbox.accept(crowd[0].inbound(kind, text=text), f"{kind}")
        assert await inbox.accept(crowd[0].inbound(text="salir"), "leaves")
        assert await inbox.accept(crowd[1].inbound(Kind.BLOCKED), "blocked")
        await small.all_done()
        for one in crowd[:2]:
            keys = small.keys
            assert not await small.redis.exists(keys.session(one.id), keys.datakey(one.id))


async def test_beyond_the_limit_what_was_accepted_is_dealt_with_all_the_same(
    small: World,
) -> None:
    """Somebody lowered it, or something else filled it; a worker comes that holds nothing yet."""
    ana, bo, cem, new = crowd = [small.someone(name) for name in ("ana", "bo", "cem", "new")]
    async with small.working():
        await ana.presses("lang:en", "do:person")
        await bo.presses("lang:en")
        await cem.presses("lang:en")
    for one, text in ((ana, DANGER["en"]), (bo, "exit"), (new, DANGER["fr"])):
        await small.accept(one.inbound(text=text))
    await small.accept(cem.inbound(Kind.BUTTON, button="do:person"))
    await small.redis.config_set("maxmemory", 1)
    async with small.working():
        for one in crowd:
            await one.answers()
    assert ana.was_told("report_danger")
    assert new.was_told("report_danger", "fr")
    assert [waits.person for waits in await small.queue.waiting()] == [ana.id, cem.id]
    assert await nothing_is_left_of(bo)
    owner = small.new_inbox()
    assert [await owner.hold(shard) for shard in (0, 0)] == [True, True], "taken, and renewed"


async def test_a_delivery_told_twice_is_known_even_when_full(small: World) -> None:
    async with small.working():
        one = small.someone()
        await small.accept(one.inbound(text="hello"), "first")
        await fill(small)
        assert not await small.inbox.accept(one.inbound(text="hello"), "first")


@pytest.mark.parametrize("setting", ["0", "1gb"])
async def test_with_no_limit_or_a_far_one_everybody_is_let_in(small: World, setting: str) -> None:
    await small.redis.config_set("maxmemory", setting)
    for number in range(300):
        await small.accept(small.someone().inbound(text="hello"), f"{number}")
