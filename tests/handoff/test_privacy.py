"""What the queue leaves in Redis: nothing readable, nothing without an end, nothing after Leave."""

from collections.abc import Awaitable, Callable

import pytest

from bot.errors import Sealed, SessionEnded
from bot.handoff.record import Handoff
from bot.messages import Channel
from bot.vault import Vault
from tests.handoff.desk import ADDRESS, CANARY, Desk

#: Keys that concern no person, or staff only: the listed exceptions.
NOBODYS = ("handles", "console:", "waits", "counts:")


async def waiting(desk: Desk, name: str) -> Handoff:
    return await desk.asks(name, channel=Channel.TELEGRAM, region="ON", safe_contact="evening")


async def claimed(desk: Desk, name: str) -> Handoff:
    asked = await waiting(desk, name)
    await desk.queue.claim(asked.id, "ana")
    return asked


async def active(desk: Desk, name: str) -> Handoff:
    asked = await claimed(desk, name)
    await desk.queue.say(asked.id, "ana", CANARY, beside=CANARY)
    current = await desk.queue.current(asked.person)
    assert current is not None
    await desk.run(desk.queue.relay_ops(current, CANARY))
    return asked


async def put_back(desk: Desk, name: str) -> Handoff:
    asked = await active(desk, name)
    await desk.queue.release(asked.id, "ana")
    return asked


async def wrapping_up(desk: Desk, name: str) -> Handoff:
    asked = await active(desk, name)
    await desk.queue.end(asked.id, "ana")
    return asked


async def closed(desk: Desk, name: str) -> Handoff:
    asked = await active(desk, name)
    await desk.queue.end(asked.id, "ana", "helped")
    return asked


async def asked_again(desk: Desk, name: str) -> Handoff:
    await closed(desk, name)
    await closed(desk, name)
    return await active(desk, name)


EVERY_STATE = [waiting, claimed, active, put_back, wrapping_up, closed, asked_again]
Reach = Callable[[Desk, str], Awaitable[Handoff]]


def about_people(names: set[str]) -> set[str]:
    # The outbox is Leave's own way to the person; its door empties it.
    return {name for name in names if not name.startswith((*NOBODYS, "outbox:"))}


@pytest.mark.parametrize("reach", EVERY_STATE)
async def test_after_leaving_no_key_is_left_in_any_state(desk: Desk, reach: Reach) -> None:
    await desk.on_shift("ana", capacity=9)
    asked = await reach(desk, "p")
    await desk.queue.abandon(asked.person)
    assert about_people(await desk.names()) == set()
    assert await desk.queue.current(asked.person) is None
    with pytest.raises(SessionEnded):
        await desk.queue.say(asked.id, "ana", "Still there?")
    assert about_people(await desk.names()) == set()


async def test_leaving_the_queue_keeps_the_key_the_conversation_still_needs(desk: Desk) -> None:
    asked = await desk.asks("p")
    await desk.redis.set(desk.keys.session(asked.person), b"sealed", ex=60)
    await desk.queue.abandon(asked.person)
    assert about_people(await desk.names()) == {
        f"session:{asked.person}",
        f"datakey:{asked.person}",
    }


async def test_leaving_touches_nobody_else(desk: Desk) -> None:
    await desk.on_shift("ana", capacity=9)
    other = await active(desk, "other")
    gone = await active(desk, "p")
    await desk.queue.abandon(gone.person)
    current = await desk.queue.current(other.person)
    assert current is not None
    assert len(await desk.queue.transcript.read(current)) == 2


@pytest.mark.parametrize("reach", EVERY_STATE)
async def test_every_key_about_a_person_ends_by_itself(desk: Desk, reach: Reach) -> None:
    await desk.on_shift("ana", capacity=9)
    await reach(desk, "p")
    for name in await desk.names():
        if not name.startswith(NOBODYS):
            assert 0 < await desk.redis.ttl(desk.keys.prefix + name) <= 2 * 86_400, name


@pytest.mark.parametrize("reach", EVERY_STATE)
async def test_nothing_said_or_answered_is_readable_in_redis(desk: Desk, reach: Reach) -> None:
    await desk.on_shift("ana", capacity=9)
    await reach(desk, "p")
    dump = await desk.dump()
    for secret in (CANARY, ADDRESS, "evening", '"minor"', "safe_contact"):
        assert secret.encode() not in dump, secret


async def test_without_the_data_key_nothing_can_be_read_any_more(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await active(desk, "p")
    await desk.redis.delete(desk.keys.datakey(asked.person))
    found = await desk.queue.get(asked.id)
    assert found is not None
    assert await desk.queue.transcript.read(found) == []
    assert (await desk.queue.case(found)).answers == {}
    with pytest.raises(SessionEnded):
        await desk.queue.say(asked.id, "ana", "x")
    with pytest.raises(Sealed):
        desk.queue.relay_ops(found, "x")


async def test_another_master_key_opens_nothing(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await active(desk, "p")
    stranger = Desk(desk.redis, desk.keys, desk.clock, Vault(b"\x08" * 32))
    with pytest.raises(Sealed):
        await stranger.queue.get(asked.id)


async def test_what_ended_by_itself_is_taken_out_of_the_lists(desk: Desk) -> None:
    await desk.on_shift("ana", capacity=9)
    for asked in (await waiting(desk, "p"), await claimed(desk, "q")):
        await desk.redis.delete(desk.keys.handoff(asked.id))
    await desk.queue.lapses.run(desk.clock())
    assert await desk.redis.zcard(desk.keys.queue()) == 0
    assert await desk.redis.zcard(desk.keys.leases()) == 0


async def test_one_damaged_record_does_not_hide_the_others(desk: Desk) -> None:
    damaged, whole = await desk.asks("damaged"), await desk.asks("whole")
    await desk.redis.hset(desk.keys.handoff(damaged.id), "address", b"nonsense")
    assert [handoff.id for handoff in await desk.queue.waiting()] == [whole.id]
    assert await desk.queue.lapses.run(desk.clock()) == []


async def test_what_is_kept_after_the_end_can_be_read_until_its_time_is_over(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await closed(desk, "p")
    found = await desk.queue.get(asked.id)
    assert found is not None
    assert len(await desk.queue.transcript.read(found)) == 2
    assert 0 < await desk.queue.erases_in(found) <= 86_400
    assert await desk.redis.ttl(desk.keys.datakey(asked.person)) >= 86_400
