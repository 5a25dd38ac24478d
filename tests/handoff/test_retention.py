"""How long a talk can be read after its close: 0, 24 hours or 7 days; Leave is always sooner."""

import secrets
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from bot.errors import SessionEnded
from bot.handoff.record import Handoff, State
from bot.keys import KEEP, RETENTION, Keys
from tests.handoff.desk import CANARY, Desk
from tests.redis_server import RedisServer


@pytest.fixture(params=list(RETENTION))
async def desk(redis_server: RedisServer, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with Redis.from_url(redis_server.url) as redis:
        keys = Keys(f"t{secrets.token_hex(6)}:")
        desk = Desk(redis, keys, retention=RETENTION[request.param])
        await desk.on_shift("ana", capacity=9)
        yield desk
        async for name in redis.scan_iter(f"{keys.prefix}*"):
            await redis.delete(name)


async def talks(desk: Desk) -> Handoff:
    asked = await desk.asks("p")
    await desk.redis.set(desk.keys.session(asked.person), b"sealed", ex=KEEP)
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.say(asked.id, "ana", CANARY)
    return asked


async def lines(desk: Desk, handoff: Handoff) -> int:
    found = await desk.queue.get(handoff.id)
    return len(await desk.queue.transcript.read(found)) if found else 0


def near(left: int, seconds: int) -> bool:
    return seconds - 600 < left <= seconds


async def test_in_wrap_up_the_outcome_can_be_written_down(desk: Desk) -> None:
    asked = await talks(desk)
    await desk.queue.end(asked.id, "ana")
    assert await lines(desk, asked) == (1 if desk.retention else 0)
    found = await desk.queue.get(asked.id)
    assert found is not None
    assert found.state is State.WRAP_UP
    assert near(await desk.queue.erases_in(found), desk.retention) or not desk.retention


async def test_after_the_close_it_is_kept_as_long_as_set(desk: Desk) -> None:
    asked = await talks(desk)
    await desk.queue.end(asked.id, "ana")
    await desk.queue.end(asked.id, "ana", "helped")
    names = {f"handoff:{asked.id}", f"transcript:{asked.id}", f"handoff-of:{asked.person}"}
    if not desk.retention:
        assert not names & await desk.names()
        assert await desk.names() >= {f"datakey:{asked.person}"}, "the conversation goes on"
        assert await desk.redis.exists(desk.keys.erased()), "and off the disk, too"
        with pytest.raises(SessionEnded):
            await desk.queue.end(asked.id, "ana", "helped")
        return
    found = await desk.queue.get(asked.id)
    assert found is not None
    assert near(await desk.queue.erases_in(found), desk.retention)
    for name in (f"handoff:{asked.id}", f"transcript:{asked.id}"):
        assert near(await desk.redis.ttl(desk.keys.prefix + name), desk.retention), name
    # What reads and what finds it live no shorter.
    for key in (desk.keys.datakey(asked.person), desk.keys.handoff_of(asked.person)):
        assert await desk.redis.ttl(key) >= await desk.redis.ttl(desk.keys.handoff(asked.id))


async def test_without_a_conversation_the_close_leaves_no_key(desk: Desk) -> None:
    asked = await talks(desk)
    await desk.redis.delete(desk.keys.session(asked.person))  # it was quiet meanwhile
    await desk.queue.end(asked.id, "ana", "helped")
    key = await desk.redis.exists(desk.keys.datakey(asked.person))
    assert bool(key) is bool(desk.retention)


@pytest.mark.parametrize("by", ["ana", ""])
async def test_noting_the_outcome_late_keeps_the_talk_no_longer(desk: Desk, by: str) -> None:
    other, asked = await desk.asks("q"), await talks(desk)
    await desk.queue.claim(other.id, "ana")
    await desk.queue.end(other.id, "ana", "helped")
    await desk.queue.end(asked.id, "ana")
    names = (desk.keys.handoff(asked.id), desk.keys.transcript(asked.id))
    for name in names:
        await desk.redis.expire(name, 3600)
    if by:
        await desk.queue.end(asked.id, by, "helped")
    else:  # nobody does: the janitor
        desk.clock.forward(31)
        await desk.queue.lapses.run(desk.clock())
    found = await desk.queue.get(asked.id)
    assert (found.state if found else None) == (State.CLOSED if desk.retention else None)
    for name in names:
        left = await desk.redis.ttl(name)
        assert near(left, 3600) if desk.retention else left < 0, "it is gone at once"
    total, listed = await desk.queue.ended_talks(0, 9)
    if desk.retention:
        assert [one.id for one, _ in listed] == [other.id, asked.id], "and hides no other"
        desk.clock.forward(3600 + 31)
        total, _ = await desk.queue.ended_talks(0, 9)
    assert total == bool(desk.retention), "what is gone is not counted"


async def test_wrap_up_left_alone_closes_the_same_way(desk: Desk) -> None:
    asked = await talks(desk)
    await desk.queue.end(asked.id, "ana")
    desk.clock.forward(100)
    await desk.queue.lapses.run(desk.clock())
    found = await desk.queue.get(asked.id)
    if desk.retention:
        assert found is not None
        assert found.state is State.CLOSED
        assert await lines(desk, asked) == 1
    else:
        assert found is None


async def test_asking_again_and_giving_up_leaves_the_earlier_talk_alone(desk: Desk) -> None:
    asked = await talks(desk)
    await desk.queue.end(asked.id, "ana", "helped")
    again = await desk.asks("p")
    assert again.id != asked.id
    await desk.queue.abandon(asked.person, what="open")
    assert await desk.queue.get(again.id) is None
    assert await lines(desk, asked) == (1 if desk.retention else 0)
    assert await desk.queue.keeps(asked.person) is bool(desk.retention)
    await desk.queue.abandon(asked.person, what="open")
    assert await lines(desk, asked) == (1 if desk.retention else 0), "it was not open"


async def test_an_open_handoff_that_ends_by_itself_leaves_the_earlier_talk_alone(
    desk: Desk,
) -> None:
    asked = await talks(desk)
    await desk.queue.end(asked.id, "ana", "helped")
    again = await desk.asks("p")
    await desk.redis.expire(desk.keys.handoff(again.id), 60)
    await desk.queue.lapses.run(desk.clock())
    assert await desk.queue.get(again.id) is None
    assert await lines(desk, asked) == (1 if desk.retention else 0)


async def test_leave_erases_every_talk_however_many_and_however_long_they_are_kept(
    desk: Desk,
) -> None:
    ended = []
    for _ in range(3):
        ended.append(await talks(desk))
        await desk.queue.end(ended[-1].id, "ana", "helped")
    last = await desk.asks("p")
    await desk.redis.delete(desk.keys.handoff(last.id))  # the janitor was away: it just ran out
    await desk.redis.delete(desk.keys.session(last.person))
    await desk.queue.abandon(last.person)
    mine = ("handoff", "transcript", "datakey")
    assert not {name for name in await desk.names() if name.startswith(mine)}


async def test_nothing_that_comes_later_shortens_a_talk_that_is_kept(desk: Desk) -> None:
    asked = await talks(desk)
    await desk.queue.end(asked.id, "ana", "helped")
    again = await talks(desk)
    await desk.queue.release(again.id, "ana")
    for key in (desk.keys.datakey(asked.person), desk.keys.handoff_of(asked.person)):
        assert await desk.redis.ttl(key) > max(KEEP, desk.retention) - 600
