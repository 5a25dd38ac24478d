"""Leave: every message of both sides that Telegram lets us delete, and nothing noted afterwards."""

import asyncio
import time

import pytest

from bot.channels import delivery
from bot.messages import Kind, Reply
from tests.botapi import Chat
from tests.telegram.alone import alone
from tests.telegram.conftest import House

HOUR = 3600


async def talk(house: House, person: Chat, count: int) -> None:
    """Messages of both sides, noted as the worker and the delivery note them."""
    key = house.keys.sent(house.to(person).person)
    for number in range(count // 2):
        person.says(f"CANARY {number}")
        person.bot_writes(f"answer {number}", {}, [])
    noted = {str(message.id): message.date for message in person.sees()}
    await house.redis.zadd(key, noted)


async def leave(house: House, person: Chat, text: str = "") -> None:
    await house.writes(person, Reply(text, erase=True))
    await house.delivered()


async def test_both_sides_are_deleted_in_batches_and_nothing_stays_noted(house: House):
    ana, bea = house.api.world.person(), house.api.world.person()
    await talk(house, ana, 350)
    await talk(house, bea, 10)
    async with house.open():
        await leave(house, ana, "Done.")
    assert [message.text for message in ana.sees()] == ["Done."]
    calls = house.api.called("deleteMessages")
    assert [len(call["message_ids"]) for call in calls] == [100, 100, 100, 50]
    assert calls[0]["message_ids"][0] > calls[-1]["message_ids"][-1]  # the newest first
    assert not await house.redis.exists(house.keys.sent(house.to(ana).person))
    assert len(bea.sees()) == 10


async def test_a_copy_whose_id_nobody_learned_is_deleted_too(house: House):
    """A message was shown and its answer got lost: it was shown once more."""
    ana, bea = house.api.world.person(), house.api.world.person()
    await talk(house, bea, 4)
    async with house.open():
        house.api.fails("cut", "sendMessage")
        await house.writes(ana, "one")
        await house.delivered()
        assert ana.answers() == ["one", "one"]
        await talk(house, bea, 4)
        await leave(house, ana, "Done.")
    assert [message.text for message in ana.sees()] == ["Done."]
    assert len(bea.sees()) == 8  # ids are of one count for the whole bot


@pytest.mark.parametrize("typed", [True, False])
async def test_who_leaves_before_it_was_shown_again_sees_no_copy_either(house: House, typed: bool):
    ana = house.api.world.person()
    await talk(house, ana, 2)
    cut = house.api.fails("cut", "sendMessage")
    async with alone(house, first_pause=3600):
        await house.writes(ana, "one")
        await house.api.world.until(lambda: ana.answers() and not cut.times)
        if typed:
            at = {str(ana.says("/leave")): time.time()}
            await house.redis.zadd(house.keys.sent(house.to(ana).person), at)
        await leave(house, ana, "Done.")
    assert [message.text for message in ana.sees()] == ["Done."]


async def test_who_leaves_half_way_through_a_long_reply_sees_no_copy_of_a_part(house: House):
    ana = house.api.world.person()
    first = house.api.fails("hang", "sendMessage", gate=(gate := asyncio.Event()))
    async with alone(house, first_pause=3600):
        await house.writes(ana, "\n\n".join("a" * 3000 for _ in range(3)))
        await house.api.world.until(lambda: not first.times)
        cut = house.api.fails("cut", "sendMessage")
        gate.set()
        await house.api.world.until(lambda: not cut.times and len(ana.answers()) == 2)
        await leave(house, ana, "Done.")
    assert [message.text for message in ana.sees()] == ["Done."]


async def test_a_copy_shown_by_a_process_that_died_is_deleted_too(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivery, "FAREWELL", 0.01)
    ana = house.api.world.person()
    house.api.fails("hang", "sendMessage", gate=asyncio.Event())
    await house.writes(ana, "one")
    async with alone(house):
        await house.api.world.until(ana.answers)
    async with house.open():
        await house.delivered()
        assert ana.answers() == ["one", "one"]
        await leave(house, ana, "Done.")
    assert [message.text for message in ana.sees()] == ["Done."]


async def test_leaving_may_end_with_no_word_at_all(house: House):
    ana = house.api.world.person()
    async with house.open():
        await house.writes(ana, "hello")
        await leave(house, ana)
    assert ana.sees() == []
    assert not house.api.called("deleteMessages")  # one message alone is deleted by itself


async def test_leaving_with_nothing_to_delete_is_fine(house: House):
    ana = house.api.world.person()
    async with house.open():
        await leave(house, ana, "Done.")
    assert ana.answers() == ["Done."]


async def test_messages_older_than_two_days_do_not_keep_the_others(house: House):
    ana = house.api.world.person()
    await talk(house, ana, 60)
    ana.ages(49)
    old = {message.id for message in ana.sees()}
    # Telegram and we may disagree about the time of a message: 3 are older than we noted.
    key = house.keys.sent(house.to(ana).person)
    await house.redis.zadd(key, {str(number): time.time() - 49 * HOUR for number in old})
    await house.redis.zadd(
        key, {str(number): time.time() - 47 * HOUR for number in sorted(old)[:3]}
    )
    await talk_more(house, ana, 130)
    async with house.open():
        await leave(house, ana)
    assert {message.id for message in ana.sees()} == old
    assert not await house.redis.exists(key)
    asked = {
        number for call in house.api.called("deleteMessages") for number in call["message_ids"]
    }
    assert not asked & set(sorted(old)[3:])  # those we know to be too old are not even tried


async def talk_more(house: House, person: Chat, count: int) -> None:
    before = {message.id for message in person.sees()}
    for number in range(count // 2):
        person.says(f"CANARY {number}")
        person.bot_writes(f"answer {number}", {}, [])
    new = {str(m.id): m.date for m in person.sees() if m.id not in before}
    await house.redis.zadd(house.keys.sent(house.to(person).person), new)


async def test_messages_already_gone_are_no_problem(house: House):
    ana = house.api.world.person()
    await talk(house, ana, 10)
    for message in ana.sees()[:5]:
        message.deleted = True
    key = house.keys.sent(house.to(ana).person)
    await house.redis.zadd(key, {"999999": time.time()})
    async with house.open():
        await leave(house, ana)
    assert ana.sees() == []


@pytest.mark.parametrize("kind", ["html400", "html403"])
async def test_what_a_proxy_refuses_to_delete_is_deleted_later(house: House, kind: str):
    ana = house.api.world.person()
    await talk(house, ana, 2)
    house.api.fails(kind, chat=ana.id, times=2)
    async with house.open():
        await leave(house, ana, "Done.")
    assert [message.text for message in ana.sees()] == ["Done."]


@pytest.mark.parametrize("kind", ["502", "reset", "cut", "429"])
async def test_leaving_goes_on_after_a_fault(house: House, kind: str):
    ana = house.api.world.person()
    await talk(house, ana, 250)
    house.api.fails(kind, "deleteMessages", times=2)
    async with house.open():
        await leave(house, ana, "Done.")
    assert [message.text for message in ana.sees()] == ["Done."]


async def test_nothing_older_appears_after_leaving(house: House):
    ana = house.api.world.person()
    held_up = house.api.fails("429", "sendMessage", chat=ana.id, retry_after=60)
    async with house.open():
        await house.writes(ana, "CANARY held up", "CANARY behind it")
        await house.api.world.until(lambda: not held_up.times)
        await leave(house, ana, "Done.")
        await house.writes(ana, "new")
        await house.delivered()
    assert ana.answers() == ["Done.", "new"]
    assert all("CANARY" not in message.text for message in ana.messages.values())


async def test_leaving_also_works_for_somebody_who_blocked_the_bot(house: House):
    ana = house.api.world.person()
    await talk(house, ana, 10)
    ana.blocked = True
    async with house.open():
        await leave(house, ana, "Done.")
    assert not await house.redis.exists(house.keys.sent(house.to(ana).person))
    assert not [found for found in await house.stored() if found.kind is Kind.BLOCKED]
