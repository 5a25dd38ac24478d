"""Leave: every message of both sides that Telegram lets us delete, and nothing noted afterwards."""

import time

import pytest

from bot.messages import Kind, Reply
from tests.botapi import Chat
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
