"""What a supervisor does in the holder's stead, who is offered while they wait, what has ended."""

import asyncio
import secrets

import pytest
from redis.asyncio import Redis

from bot.errors import AlreadyClaimed, NotOnShift, SessionEnded
from bot.handoff.record import Level, State
from bot.keys import DAY, Keys
from tests.handoff.desk import CANARY, Desk
from tests.handoff.test_transfer import now, talking, told
from tests.redis_server import RedisServer


async def test_to_the_queue_in_the_holders_stead(desk: Desk) -> None:
    asked = await talking(desk)
    other = await desk.asks("q")
    await desk.queue.transfers.to_queue(asked.id, "ana", CANARY)
    assert [one.id for one in await desk.queue.waiting()] == [asked.id, other.id]
    with pytest.raises(SessionEnded):
        await desk.queue.say(asked.id, "ana", "Still me?")
    # Whom she has just lost comes last for her for a while.
    taken = await desk.queue.take_next("ana", ["en"])
    assert taken is not None
    assert taken.id == other.id
    assert await desk.queue.note(await now(desk, asked)) == CANARY


async def test_nobody_is_taken_from_somebody_who_was_not_meant(desk: Desk) -> None:
    asked = await talking(desk)
    waiting = await desk.asks("q")
    transfers = desk.queue.transfers
    for act in (
        transfers.to_queue(asked.id, "ben", "note"),
        transfers.offer(asked.id, "", "ben", ""),
        transfers.offer(asked.id, "cleo", "ben", "note"),
        transfers.to_queue(waiting.id, "ana", "note"),
        transfers.offer(waiting.id, "ana", "ben", "note"),
    ):
        with pytest.raises(SessionEnded):
            await act
    assert (await now(desk, asked)).claimed_by == "ana"
    assert {(await now(desk, one)).offered_to for one in (asked, waiting)} == {""}
    await desk.queue.end(asked.id, "ana")
    with pytest.raises(SessionEnded):
        await transfers.offer(asked.id, "ana", "ben", "note")


async def test_who_waits_and_is_offered_keeps_the_place_until_claimed(desk: Desk) -> None:
    await desk.on_shift("ana", "ben")
    first, second = await desk.asks("p"), await desk.asks("q", Level.RED)
    transfers = desk.queue.transfers
    await transfers.offer(first.id, "", "ben", "")
    assert [one.id for one in await desk.queue.waiting()] == [second.id, first.id]
    assert [one.id for one in await transfers.offered("ben")] == [first.id]
    assert await transfers.offered("ana") == []
    assert await told(desk) == []
    taken = await desk.queue.claim(first.id, "ben")
    assert (taken.offered_to, taken.claimed_by, taken.asked_at) == ("", "ben", first.asked_at)
    assert await transfers.offered("ben") == []
    assert await told(desk) == ["Ben"]


async def test_anybody_may_be_quicker_than_the_one_who_was_asked(desk: Desk) -> None:
    await desk.on_shift("ana", "ben")
    asked = await desk.asks("p")
    await desk.queue.transfers.offer(asked.id, "", "ben", "")
    taken = await desk.queue.take_next("ana", ["en"])
    assert taken is not None
    assert taken.offered_to == ""
    assert await desk.queue.transfers.offered("ben") == []
    with pytest.raises(AlreadyClaimed):
        await desk.queue.claim(asked.id, "ben")


async def test_a_colleague_without_room_or_off_shift_is_not_asked(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await desk.asks("p")
    with pytest.raises(NotOnShift, match="off"):
        await desk.queue.transfers.offer(asked.id, "", "cleo", "")
    await desk.queue.claim((await desk.asks("q")).id, "ana")
    with pytest.raises(NotOnShift, match="full"):
        await desk.queue.transfers.offer(asked.id, "", "ana", "")
    assert (await now(desk, asked)).offered_to == ""


@pytest.mark.parametrize("how", ["refused", "gone", "silent"])
async def test_an_offer_that_comes_to_nothing_leaves_who_waits_where_they_were(
    desk: Desk, how: str
) -> None:
    asked = await talking(desk)
    await desk.queue.transfers.to_queue(asked.id, "ana", CANARY)
    other = await desk.asks("q")
    await desk.queue.transfers.offer(asked.id, "", "ben", "")
    match how:
        case "refused":
            await desk.queue.transfers.decline(asked.id, "ben")
        case "gone":
            await desk.queue.presence.stop("ben")
        case "silent":
            desk.clock.forward(31)
    assert await desk.queue.lapses.run(desk.clock()) == []
    found = await now(desk, asked)
    assert (found.state, found.offered_to) == (State.WAITING, "")
    assert [one.id for one in await desk.queue.waiting()] == [asked.id, other.id]
    assert await desk.queue.note(found) == CANARY, "the last counsellor's note is still there"
    assert await told(desk) == ["Ana", "away"], "the person hears nothing of it"
    assert await desk.redis.smembers(desk.keys.offers()) == set()


async def test_an_offer_stands_while_the_colleague_is_there_and_goes_with_the_person(
    desk: Desk,
) -> None:
    await desk.on_shift("ben")
    asked = await desk.asks("p")
    await desk.queue.transfers.offer(asked.id, "", "ben", "")
    for _ in range(5):
        desk.clock.forward(20)
        await desk.queue.heartbeat("ben")
        await desk.queue.lapses.run(desk.clock())
    assert [one.id for one in await desk.queue.transfers.offered("ben")] == [asked.id]
    await desk.queue.abandon(asked.person)
    assert await desk.queue.transfers.offered("ben") == []
    await desk.queue.lapses.run(desk.clock())
    assert "offers" not in await desk.names()


async def test_moved_and_answered_at_once_one_of_them_counts(desk: Desk) -> None:
    await desk.on_shift("ana", "ben", "cleo", capacity=99)
    transfers = desk.queue.transfers
    for number in range(40):
        asked = await desk.asks(f"p{number}")
        await desk.queue.claim(asked.id, "ana")
        await transfers.offer(asked.id, "ana", "ben", "note")
        to_queue = transfers.to_queue(asked.id, "ana", "note") if number % 2 == 0 else None
        other = to_queue or transfers.offer(asked.id, "ana", "cleo", "note")
        results = await asyncio.gather(
            transfers.accept(asked.id, "ben"), other, return_exceptions=True
        )
        found = await now(desk, asked)
        in_line = await desk.redis.zscore(desk.keys.queue(), asked.id) is not None
        assert in_line is (found.state is State.WAITING), results
        if found.claimed_by == "ben":
            assert isinstance(results[1], SessionEnded)
        else:
            assert isinstance(results[0], SessionEnded)
            assert found.claimed_by == ("" if number % 2 == 0 else "ana")
        await desk.queue.abandon(asked.person)


async def test_talks_that_ended_are_listed_newest_first_while_they_are_kept(desk: Desk) -> None:
    await desk.on_shift("ana", capacity=9)
    ended = []
    for name in ("p", "q", "r"):
        asked = await desk.asks(name)
        await desk.queue.claim(asked.id, "ana")
        await desk.queue.end(asked.id, "ana")
        desk.clock.forward(10)
        ended.append(asked)
    ended_talks = desk.queue.ended_talks
    assert await ended_talks(0, 9) == (0, []), "not while the outcome is open"
    await desk.queue.end(ended[1].id, "ana", "helped")
    desk.clock.forward(31)
    await desk.queue.lapses.run(
        desk.clock()
    )  # ana has gone: the other two close without an outcome
    total, found = await ended_talks(0, 9)
    assert total == 3
    assert found[2][0].id == ended[1].id
    assert [one.outcome for one, _ in found] == ["", "", "helped"]
    assert found[2][1] == desk.clock() - 31
    assert [one.id for one, _ in (await ended_talks(2, 1))[1]] == [ended[1].id]
    # Whoever erases is gone from it, in the same step.
    await desk.queue.abandon(ended[1].person)
    assert (await ended_talks(0, 9))[0] == 2
    assert await desk.redis.zscore(desk.keys.closed(), ended[1].id) is None
    assert 0 < await desk.redis.ttl(desk.keys.closed()) <= DAY
    desk.clock.forward(DAY)
    assert (await ended_talks(0, 9))[0] == 0


async def test_what_is_kept_for_no_time_is_listed_nowhere(redis_server: RedisServer) -> None:
    async with Redis.from_url(redis_server.url) as redis:
        desk = Desk(redis, Keys(f"t{secrets.token_hex(6)}:"), retention=0)
        await desk.on_shift("ana")
        asked = await desk.asks("p")
        await desk.queue.claim(asked.id, "ana")
        await desk.queue.end(asked.id, "ana", "helped")
        assert "closed" not in await desk.names()
        for name in await desk.names():
            await redis.delete(desk.keys.prefix + name)
