"""Replies out: in order, each chat for itself, again after faults, never after a block."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from telegram.ext import Application

from bot.channels import delivery
from bot.channels.delivery import Delivery
from bot.messages import Button, Kind, Reply
from tests.botapi import Chat
from tests.redis_server import RedisServer
from tests.telegram.conftest import House

BUTTONS = ((Button("Sí, por favor", "answer:hurt_now:yes"), Button("ਨਹੀਂ", "answer:hurt_now:no")),
           (Button("Leave", "do:leave"),))  # fmt: skip


async def dead_letters(redis: Redis, house: House) -> list[bytes]:
    return [fields[b"why"] for _, fields in await redis.xrange(house.keys.dead())]


async def test_a_reply_arrives_silent_protected_and_plain(house: House):
    ana = house.api.world.person()
    async with house.open():
        await house.writes(
            ana,
            Reply("<b>Is it</b> & safe?\n\nhttps://example.org", buttons=BUTTONS),
            Reply("9-1-1", passable=True),
            Reply("I am here.", speaker="counsellor", name="Robin"),
            Reply(""),
        )
        await house.delivered()
    question, card, counsellor = ana.sees()
    assert question.text == "<b>Is it</b> & safe?\n\nhttps://example.org"
    assert [[button["text"] for button in row] for row in question.buttons] == [
        ["Sí, por favor", "ਨਹੀਂ"], ["Leave"],
    ]  # fmt: skip
    assert question.buttons[0][0]["callback_data"] == "answer:hurt_now:yes"
    assert question.flags["protect_content"] is True
    assert question.flags["disable_notification"] is True
    assert question.flags["link_preview_options"] == {"is_disabled": True}
    assert "parse_mode" not in question.flags
    assert not card.flags.get("protect_content")
    assert card.flags["disable_notification"] is True
    assert counsellor.text == "Robin: I am here."
    assert await house.noted(ana) == {message.id for message in ana.sees()}
    assert await house.redis.ttl(house.keys.sent(house.to(ana).person)) > 0


async def test_a_long_reply_comes_in_parts_with_the_buttons_under_the_last(house: House):
    ana = house.api.world.person()
    paragraphs = [f"{number} " + "ā" * 1500 for number in range(6)]
    async with house.open():
        await house.writes(ana, Reply("\n\n".join(paragraphs), buttons=BUTTONS), "after")
        await house.delivered()
    *parts, last, after = ana.sees()
    assert "\n\n".join([message.text for message in [*parts, last]]) == "\n\n".join(paragraphs)
    assert all(not message.buttons for message in parts)
    assert last.buttons
    assert after.text == "after"


async def test_a_long_reply_that_fails_half_way_goes_on_where_it_stopped(house: House):
    ana = house.api.world.person()
    long = "\n\n".join(f"{number} " + "a" * 3000 for number in range(3))
    await house.writes(ana, long)
    gate = asyncio.Event()
    first = house.api.fails("hang", "sendMessage", gate=gate)
    async with house.open():
        await house.api.world.until(lambda: not first.times)
        house.api.fails("502", "sendMessage", times=2)
        gate.set()
        await house.delivered()
    assert [text[0] for text in ana.answers()] == ["0", "1", "2"]


@pytest.mark.parametrize("kind", ["502", "html502", "reset", "junk", "429", "401"])
async def test_after_a_fault_a_reply_comes_once_and_in_order(house: House, kind: str):
    ana = house.api.world.person()
    house.api.fails(kind, "sendMessage", times=2)
    async with house.open():
        await house.writes(ana, "one", "two", "three")
        await house.delivered()
    assert ana.answers() == ["one", "two", "three"]


async def test_an_answer_that_got_lost_repeats_one_message_at_most(house: House):
    ana = house.api.world.person()
    house.api.fails("cut", "sendMessage")
    async with house.open():
        await house.writes(ana, "one", "two")
        await house.delivered()
    assert ana.answers() == ["one", "one", "two"]


async def test_while_it_is_unknown_whether_a_message_was_shown_attempts_become_rare(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivery, "PAUSE", 0.02)
    ana, bea = house.api.world.person(), house.api.world.person()
    house.api.fails("cut", "sendMessage", chat=ana.id, times=10**6)
    house.api.fails("502", "sendMessage", chat=bea.id, times=12)
    async with house.open():
        await house.writes(ana, "once?")
        await house.writes(bea, "at last")
        await house.api.world.until(lambda: bea.answers())
        assert bea.answers() == ["at last"]
        # 0.02 + 0.04 + 0.08 ...: far fewer attempts than where nothing was shown for certain.
        assert 1 <= len(ana.answers()) < 11  # the eleventh would come after 20 seconds
        house.api.faults.clear()
        await house.delivered()


async def test_a_limit_in_one_chat_holds_up_no_other(house: House):
    ana, others = house.api.world.person(), [house.api.world.person() for _ in range(20)]
    limit = house.api.fails("429", "sendMessage", chat=ana.id, times=10**6, retry_after=1)
    async with house.open():
        await house.writes(ana, "later", "still later")
        await house.api.world.until(lambda: house.api.called("sendMessage"))
        for other in others:
            await house.writes(other, "now")
        await house.api.world.until(lambda: all(other.answers() for other in others))
        assert ana.answers() == []
        limit.times = 0
        await house.delivered()
    assert ana.answers() == ["later", "still later"]


async def test_chats_are_served_side_by_side_and_each_stays_in_order(house: House):
    people = [house.api.world.person() for _ in range(20)]
    for number in range(15):
        for person in people:
            await house.writes(person, str(number))
    house.api.fails("502", "sendMessage", times=10)
    async with house.open():
        await house.delivered()
    assert all(person.answers() == [str(number) for number in range(15)] for person in people)


@contextlib.asynccontextmanager
async def alone(house: House, slots: int) -> AsyncIterator[None]:
    """A delivery without the door around it."""
    application = Application.builder().token(house.api.token).base_url(house.api.base_url)
    async with application.updater(None).build() as built:
        made = Delivery(
            built.bot, house.redis, house.keys, house.inbox, house.outbox, first_pause=0.02,
            slots=slots,
        )  # fmt: skip
        task = asyncio.create_task(made.run())
        yield
        task.cancel()
        await asyncio.wait({task})


async def test_what_is_urgent_goes_before_other_chats(house: House):
    slow, plain, danger = (house.api.world.person() for _ in range(3))
    gate = asyncio.Event()
    house.api.fails("hang", "sendMessage", chat=slow.id, gate=gate)
    async with alone(house, slots=1):
        await house.writes(slow, "slow")
        await house.api.world.until(slow.answers)
        await house.writes(plain, "plain")
        await house.writes(danger, Reply("9-1-1", urgent=True))
        await house.read(3)
        await asyncio.sleep(0.05)
        gate.set()
        await house.delivered()
    order = [asked["text"] for asked in house.api.called("sendMessage")]
    assert order == ["slow", "9-1-1", "plain"]


async def test_what_is_urgent_overtakes_a_reply_that_is_held_up(house: House):
    ana = house.api.world.person()
    limit = house.api.fails("429", "sendMessage", chat=ana.id, retry_after=60)
    async with house.open():
        await house.writes(ana, "held up", "behind it")
        await house.api.world.until(lambda: not limit.times)
        await house.writes(ana, Reply("9-1-1", urgent=True))
        await house.delivered()
    assert ana.answers() == ["9-1-1", "held up", "behind it"]


async def test_somebody_who_blocked_the_bot_is_written_to_no_more(house: House):
    ana, bea = house.api.world.person(), house.api.world.person()
    ana.blocked = True
    await house.writes(ana, "one", "two", "three")
    await house.writes(bea, "hello")
    async with house.open():
        await house.delivered()
    stored = await house.stored()
    assert [(found.kind, found.person) for found in stored] == [
        (Kind.BLOCKED, house.to(ana).person)
    ]
    assert stored[0].address == str(ana.id)
    assert len(house.api.called("sendMessage")) == 2
    assert bea.answers() == ["hello"]


async def test_a_refused_reply_is_put_aside_and_the_next_ones_come(house: House):
    ana = house.api.world.person()
    house.api.fails("400", "sendMessage")
    await house.writes(ana, "refused", "accepted")
    async with house.open():
        await house.delivered()
    assert ana.answers() == ["accepted"]
    assert len(house.api.called("sendMessage")) == 2
    assert await dead_letters(house.redis, house) == [b"refused"]
    assert await house.redis.ttl(house.keys.dead()) > 0
    kept = await house.redis.xrange(house.keys.dead())
    assert b"refused" not in kept[0][1][b"e"]


async def test_an_entry_that_cannot_be_opened_is_put_aside(house: House):
    ana, stream = house.api.world.person(), house.keys.outbox("telegram")
    await house.redis.xadd(stream, {"e": b"damaged"})
    await house.redis.xadd(stream, {"other": b"1"})
    await house.writes(ana, "fine")
    async with house.open():
        await house.delivered()
    assert ana.answers() == ["fine"]
    assert await dead_letters(house.redis, house) == [b"unreadable", b"unreadable"]


async def test_an_entry_whose_time_is_over_is_not_shown(house: House):
    ana, stream = house.api.world.person(), house.keys.outbox("telegram")
    ((_, _, _, _sealed_name, sealed), _) = house.outbox.ops(house.to(ana), [Reply("old")])
    await house.redis.xadd(stream, {"e": sealed}, id="1000-1")  # type: ignore[dict-item]
    async with house.open():
        await house.delivered()
    assert ana.answers() == []


async def test_what_a_crashed_process_had_taken_is_delivered_by_the_next(house: House):
    ana = house.api.world.person()
    await house.writes(ana, "one", "two")
    stream = house.keys.outbox("telegram")
    await house.redis.xgroup_create(stream, delivery.GROUP, id="0")
    taken = await house.redis.xreadgroup(delivery.GROUP, "door", {stream: ">"})
    assert taken
    await house.writes(ana, "three")
    async with house.open():
        await house.delivered()
    assert ana.answers() == ["one", "two", "three"]


async def test_a_clean_stop_finishes_what_is_being_sent_and_keeps_the_rest(house: House):
    ana = house.api.world.person()
    gate = asyncio.Event()
    house.api.fails("hang", "sendMessage", gate=gate)
    await house.writes(ana, "one", "two")
    async with house.open():
        await house.api.world.until(ana.answers)
        asyncio.get_running_loop().call_later(0.1, gate.set)
    assert ana.answers() == ["one"]
    assert await house.waits() == 1
    async with house.open():
        await house.delivered()
    assert ana.answers() == ["one", "two"]


async def test_when_redis_goes_and_comes_nothing_is_shown_twice(
    fragile_house: House, own_redis: RedisServer
):
    house, ana = fragile_house, fragile_house.api.world.person()
    gate = asyncio.Event()
    house.api.fails("hang", "sendMessage", gate=gate)
    await house.writes(ana, "one", "two", "three")
    async with house.open():
        await house.api.world.until(ana.answers)
        own_redis.stop()
        gate.set()
        await house.api.world.until(lambda: len(ana.answers()) == 3)
        own_redis.start()
        await house.delivered()
        await house.writes(ana, "four")
        await house.delivered()
    assert ana.answers() == ["one", "two", "three", "four"]
    assert await house.noted(ana) == {message.id for message in ana.sees()}


async def test_a_fault_of_ours_in_one_entry_does_not_end_the_delivery(house: House):
    ana = house.api.world.person()
    lost = house.to(ana)
    await house.put(type(lost)(lost.person, lost.channel, "no number"), [Reply("lost")])
    await house.writes(ana, "hello")
    async with house.open():
        await house.delivered()
    assert ana.answers() == ["hello"]
    assert await dead_letters(house.redis, house) == [b"failed"]


async def test_the_outbox_may_expire_and_come_back(house: House):
    ana: Chat = house.api.world.person()
    async with house.open():
        await house.writes(ana, "one")
        await house.delivered()
        await house.redis.delete(house.keys.outbox("telegram"))
        await house.writes(ana, "two")
        await house.api.world.until(lambda: len(ana.answers()) == 2)
