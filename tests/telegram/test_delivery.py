"""Replies out: in order, each chat for itself, again after faults, never after a block."""

import asyncio

import pytest
from redis.asyncio import Redis

from bot.channels import delivery
from bot.messages import Button, Kind, Reply
from tests.botapi import Chat
from tests.redis_server import RedisServer
from tests.telegram.alone import alone, resting, running
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


@pytest.mark.parametrize(
    "kind", ["502", "html502", "html400", "html403", "reset", "junk", "429", "401"]
)
async def test_after_a_fault_a_reply_comes_once_and_in_order(house: House, kind: str):
    ana = house.api.world.person()
    house.api.fails(kind, "sendMessage", times=2)
    async with house.open():
        await house.writes(ana, "one", "two", "three")
        await house.delivered()
    assert ana.answers() == ["one", "two", "three"]
    assert not await house.stored()  # nobody was taken for somebody who blocked the bot


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


async def test_until_a_limit_is_over_nothing_is_sent_to_its_chat(house: House):
    ana = house.api.world.person()
    house.api.fails("429", "sendMessage", chat=ana.id, times=2, retry_after=1)
    async with house.open():
        await house.writes(ana, "one", "two")
        await house.delivered()
    assert ana.answers() == ["one", "two"]
    assert not house.api.early


async def test_more_replies_than_are_held_in_one_chat_hold_up_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivery, "HELD", 3)
    ana, bea, gate = house.api.world.person(), house.api.world.person(), asyncio.Event()
    house.api.fails("hang", "sendMessage", chat=ana.id, gate=gate)
    await house.writes(ana, *(f"{number}" for number in range(20)))
    async with house.open():
        await house.api.world.until(ana.answers)
        await house.read(20)
        await house.writes(bea, Reply("9-1-1", urgent=True), "after")
        await house.api.world.until(lambda: len(bea.answers()) == 2)
        # One that is gone when its turn comes is passed over.
        gone, _ = (await house.redis.xrange(house.keys.outbox("telegram")))[10]
        await house.redis.xdel(house.keys.outbox("telegram"), gone)
        await house.writes(ana, "last")
        gate.set()
        await house.delivered()
    assert bea.answers() == ["9-1-1", "after"]
    assert ana.answers() == [*(f"{number}" for number in range(20) if number != 10), "last"]


async def test_who_leaves_with_more_waiting_than_is_held_sees_none_of_it(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivery, "HELD", 3)
    ana = house.api.world.person()
    limit = house.api.fails("429", "sendMessage", chat=ana.id, retry_after=3600)
    await house.writes(ana, *(f"{number}" for number in range(20)))
    async with house.open():
        await house.api.world.until(lambda: not limit.times)
        await house.read(20)
        await house.writes(ana, Reply("Done.", erase=True))
        await house.delivered()
    assert [message.text for message in ana.messages.values()] == ["Done."]


async def test_chats_are_served_side_by_side_and_each_stays_in_order(house: House):
    people = [house.api.world.person() for _ in range(20)]
    for number in range(15):
        for person in people:
            await house.writes(person, str(number))
    house.api.fails("502", "sendMessage", times=10)
    async with house.open():
        await house.delivered()
    assert all(person.answers() == [str(number) for number in range(15)] for person in people)


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


async def test_what_is_urgent_overtakes_a_reply_that_is_held_up_by_a_fault(house: House):
    ana = house.api.world.person()
    house.api.fails("502", "sendMessage", chat=ana.id, times=10**6)
    async with house.open():
        await house.writes(ana, "held up", "behind it")
        # The pause is longer with every attempt.
        await house.api.world.until(lambda: len(house.api.called("sendMessage")) > 6)
        house.api.faults.clear()
        await house.writes(ana, Reply("9-1-1", urgent=True))
        await house.delivered()
    assert ana.answers() == ["9-1-1", "held up", "behind it"]


async def test_what_is_urgent_overtakes_a_limit_and_the_others_wait_still(house: House):
    ana, bea = house.api.world.person(), house.api.world.person()
    limit = house.api.fails("429", "sendMessage", chat=ana.id, retry_after=3600)
    async with alone(house, slots=1):
        await house.writes(ana, "held up", "behind it")
        await house.api.world.until(lambda: not limit.times)
        await house.writes(ana, Reply("9-1-1", urgent=True), Reply("9-8-8", urgent=True))
        await house.api.world.until(lambda: len(ana.answers()) == 2)
        await house.writes(bea, "one", "two")  # with one slot they come after what ana gets
        await house.api.world.until(lambda: len(bea.answers()) == 2)
    assert ana.answers() == house.api.early == ["9-1-1", "9-8-8"]
    assert await house.waits() == 2


async def test_what_is_urgent_waits_once_it_has_met_a_limit_itself(house: House):
    ana = house.api.world.person()
    house.api.fails("429", "sendMessage", chat=ana.id, times=2, retry_after=1)
    async with house.open():
        await house.writes(ana, Reply("9-1-1", urgent=True))
        await house.delivered()
    assert ana.answers() == ["9-1-1"]
    assert not house.api.early


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


async def test_somebody_whose_account_is_gone_is_written_to_no_more(house: House):
    ana = house.api.world.person()
    house.api.fails("403", "sendMessage", description="Forbidden: user is deactivated")
    await house.writes(ana, "one", "two")
    async with house.open():
        await house.delivered()
    assert [found.kind for found in await house.stored()] == [Kind.BLOCKED]
    assert ana.answers() == []


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


async def test_what_another_process_showed_meanwhile_is_not_shown_again(house: House):
    ana, gate = house.api.world.person(), asyncio.Event()
    house.api.fails("hang", "sendMessage", gate=gate)
    await house.writes(ana, "one", "two", "three")
    async with resting(house) as first:
        async with running(first):
            await house.api.world.until(ana.answers)
            await house.read(3)
            asyncio.get_running_loop().call_later(0.1, gate.set)
        async with alone(house):
            await house.writes(ana, Reply("Done.", erase=True))
            await house.delivered()
        async with running(first):
            await house.writes(ana, "new")
            await house.delivered()
    assert ana.answers() == ["Done.", "new"]


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


async def test_what_was_shown_leaves_the_outbox_when_redis_is_full(fragile_house: House):
    house, ana = fragile_house, fragile_house.api.world.person()
    gate = asyncio.Event()
    house.api.fails("hang", "sendMessage", gate=gate)
    async with house.open():
        await house.writes(ana, "one", "two")
        await house.api.world.until(ana.answers)
        await house.read(2)
        await house.redis.config_set("maxmemory", 1)
        gate.set()
        await house.delivered()
        assert await house.noted(ana) == {message.id for message in ana.sees()}
    assert ana.answers() == ["one", "two"]


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
