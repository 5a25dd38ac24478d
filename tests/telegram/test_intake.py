"""Updates in: stored before they are confirmed, once, in order, of every kind, in both modes."""

import asyncio
from typing import Any

import httpx
import pytest
from redis.exceptions import RedisError

from bot.channels.telegram_send import note_sent
from bot.errors import QueueUnavailable, SettingsError
from bot.keys import Keys
from bot.messages import Channel, Inbound, Kind
from tests.redis_server import RedisServer
from tests.telegram.conftest import EMERGENCY, SECRET, WORDS, House

both = pytest.mark.parametrize("mode", ["polling", "webhook"])


async def all_confirmed(house: House) -> None:
    await house.api.world.until(lambda: not house.api.world.pending)


@both
async def test_a_message_is_stored_with_what_is_needed_to_answer_it(house: House, mode: str):
    ana = house.api.world.person(language="pa")
    async with house.open(mode):
        await house.api.world.until(lambda: house.api.called("getUpdates" if mode == "polling"
                                                             else "setWebhook"))  # fmt: skip
        number = ana.says("CANARY ਮਦਦ")
        (stored,) = await house.stores(1)
        await all_confirmed(house)
    assert (stored.kind, stored.text, stored.address) == (Kind.TEXT, "CANARY ਮਦਦ", str(ana.id))
    assert (stored.person, stored.message_id, stored.hint) == (
        house.to(ana).person, number, "pa",
    )  # fmt: skip
    assert abs(stored.at - house.api.world.clock()) < 60


@both
async def test_messages_sent_while_the_bot_was_down_are_kept_and_stay_in_order(
    house: House, mode: str
):
    people = [house.api.world.person() for _ in range(4)]
    for number in range(30):
        for person in people:
            person.says(f"{number}")
    async with house.open(mode):
        stored = await house.stores(120)
        await all_confirmed(house)
    for person in people:
        texts = [found.text for found in stored if found.address == str(person.id)]
        assert texts == [str(number) for number in range(30)]
    assert not [call for name, call in house.api.calls if "drop_pending_updates" in call]


@both
async def test_an_update_that_comes_twice_has_one_effect(house: House, mode: str):
    ana = house.api.world.person()
    ana.says("once")
    update = dict(house.api.world.pending)
    async with house.open(mode):
        await house.stores(1)
        await all_confirmed(house)
    # The process ends before its confirmation got through: everything comes again.
    await house.redis.delete(house.keys.offset())
    for update_id, fields in update.items():
        house.api.world.pending[update_id] = fields
        house.api.world.queues[update_id] = ("message", ana.id)
    async with house.open(mode):
        await all_confirmed(house)
    assert [found.text for found in await house.stored()] == ["once"]


async def test_nothing_is_lost_when_the_door_dies_between_taking_and_storing(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    class Killed(BaseException):
        pass

    async def die(*args: object) -> bool:
        raise Killed

    ana = house.api.world.person()
    ana.says("first")
    with monkeypatch.context() as patch:
        patch.setattr(house.inbox, "accept", die)
        with pytest.raises(BaseExceptionGroup) as fallen:
            await house.door().run(asyncio.Event())
    assert fallen.group_contains(Killed)
    assert len(house.api.world.pending) == 1
    async with house.open():
        assert [found.text for found in await house.stores(1)] == ["first"]


@both
async def test_every_kind_of_thing_is_told_apart_and_nothing_is_downloaded(house: House, mode: str):
    ana = house.api.world.person()
    async with house.open(mode):
        for kind in ("voice", "photo", "video", "document", "sticker", "contact", "location",
                     "dice"):  # fmt: skip
            ana.sends(kind)
        ana.sends("photo", caption="he has a knife")
        number = ana.says("hello")
        ana.edits(number, "hello again")
        ana.sends("pinned_message")  # a notice, said by nobody
        ana.says("/START from_a_link")
        ana.says("/Exit@helper_bot")
        stored = await house.stores(13)
        await all_confirmed(house)
    kinds = [found.kind for found in stored]
    # An edit comes in a queue of its own and may overtake; the others are in order.
    edit = stored.pop(kinds.index(Kind.EDITED))
    assert (edit.text, edit.message_id) == ("hello again", number)
    assert [found.kind for found in stored] == [
        Kind.VOICE, Kind.PHOTO, Kind.PHOTO, Kind.PHOTO, Kind.STICKER, Kind.CONTACT,
        Kind.LOCATION, Kind.OTHER, Kind.PHOTO, Kind.TEXT, Kind.TEXT, Kind.TEXT,
    ]  # fmt: skip
    texts = [found.text for found in stored[8:]]
    assert texts == ["he has a knife", "hello", "/start", "/exit"]
    assert not house.api.called("getFile")
    assert not house.api.called("download")


@both
async def test_a_button_is_answered_and_comes_as_a_button_never_as_text(house: House, mode: str):
    ana = house.api.world.person(language="fr")
    async with house.open(mode):
        fresh = ana.forges("answer:safe_now:safe")
        stale = ana.forges("/intent{forged}", inaccessible=True)
        house.api.world.queries[stale] = "too old"
        stored = await house.stores(2)
        await all_confirmed(house)
        await house.api.world.until(lambda: house.api.world.queries[fresh] == "answered")
    assert [(found.kind, found.button, found.text) for found in stored] == [
        (Kind.BUTTON, "answer:safe_now:safe", ""),
        (Kind.BUTTON, "/intent{forged}", ""),
    ]
    assert {found.address for found in stored} == {str(ana.id)}
    assert len(house.api.called("answerCallbackQuery")) == 2


@both
async def test_a_group_or_channel_is_refused_once_and_left(house: House, mode: str):
    group, channel = house.api.world.group(language="fr"), house.api.world.group("channel")
    async with house.open(mode):
        group.membership("member")
        group.says("help me")
        group.says("help me")
        channel.membership("administrator")
        await house.api.world.until(lambda: group.left and channel.left)
        await all_confirmed(house)
        assert group.answers() == [WORDS.reply("group", "fr").text]
        assert channel.answers() == [WORDS.reply("group", "en").text]
        assert await house.stored() == []
        # Invited once more it leaves once more.
        group.left = False
        group.membership("member")
        await house.api.world.until(lambda: group.left)
    assert len(group.answers()) == 2


@both
async def test_blocking_is_told_and_unblocking_is_not(house: House, mode: str):
    ana = house.api.world.person()
    async with house.open(mode):
        ana.blocks()
        ana.blocks(blocked=False)
        await all_confirmed(house)
        stored = await house.stored()
    assert [(found.kind, found.address) for found in stored] == [(Kind.BLOCKED, str(ana.id))]


@both
async def test_malformed_and_unknown_updates_hold_up_nobody(house: House, mode: str):
    ana = house.api.world.person()
    async with house.open(mode):
        await house.api.world.until(lambda: house.api.calls)
        house.api.world.raw({"message": {"message_id": "CANARY", "chat": 7}})
        house.api.world.raw({"message": "nonsense"})
        house.api.world.raw({"a_new_kind": {"id": 1}})
        house.api.world.raw({})
        room = {"id": 7, "type": "private"}
        for text in ({"CANARY": 1}, 7, ["x"]):
            body = {"message_id": 1, "date": 1, "chat": room, "text": text}
            house.api.world.raw({"message": body})
        house.api.world.raw({"callback_query": {"id": "1", "data": "do:numbers"}})
        house.api.world.raw(
            {"message": {"message_id": 1, "date": 1, "chat": {"id": 7}, "text": "x"}}
        )
        house.api.world.raw({"message": {"message_id": 1, "chat": room, "text": "x"}})
        for group in ({"id": ["x"], "type": "group"}, {"id": -7, "type": "group"}):
            sender = {"id": 1, "is_bot": False, "first_name": "x", "language_code": 7}
            body = {"message_id": 1, "date": 1, "chat": group, "from": sender, "text": "x"}
            house.api.world.raw({"message": body})
        change = {"chat": {"id": -7, "type": "channel"}, "from": {"id": 1, "is_bot": False,
                  "first_name": "x"}, "date": 1, "new_chat_member": None}  # fmt: skip
        house.api.world.raw({"my_chat_member": {**change, "old_chat_member": None}})
        ana.says("after them")
        assert [found.text for found in await house.stores(1)] == ["after them"]
        await all_confirmed(house)


@both
async def test_with_redis_away_nothing_is_confirmed_and_each_message_is_answered_once(
    fragile_house: House, own_redis: RedisServer, mode: str
):
    house, ana = fragile_house, fragile_house.api.world.person(language="es")
    async with house.open(mode):
        await house.api.world.until(lambda: house.api.called("getUpdates" if mode == "polling"
                                                             else "setWebhook"))  # fmt: skip
        own_redis.stop()
        first, second = ana.says("he will kill me"), ana.says("please")
        tries = len(house.api.called("getUpdates")), len(house.api.pushed)
        expected = 2 if mode == "polling" else 1  # a webhook brings the second after the first

        def tried_again() -> bool:
            done = len(house.api.called("getUpdates")), len(house.api.pushed)
            return done[0] > tries[0] + 3 or done[1] > tries[1] + 3

        await house.api.world.until(lambda: len(ana.answers()) == expected and tried_again())
        assert ana.answers()[0] == f"{EMERGENCY} es 15"
        assert len(ana.answers()) == expected
        assert len(house.api.world.pending) == 2
        if mode == "webhook":
            assert {status for _, status in house.api.pushed} == {503}
        said = {message.id for message in ana.sees() if message.by_bot}
        own_redis.start()
        stored = await house.stores(2)
        await all_confirmed(house)
    assert [found.message_id for found in stored] == [first, second]
    assert len(ana.answers()) == expected
    # What was said without Redis can be deleted by Leave all the same.
    assert said <= await house.noted(ana)


async def test_what_was_shown_without_redis_is_noted_before_the_next_message_is_stored(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    """That may be Leave. While ids are written down more come, and writing them down may fail."""
    ana, bea = (house.to(house.api.world.person()) for _ in range(2))
    intake, accept, order = house.door()._intake, house.inbox.accept, []
    intake._unnoted = {ana.person: [1, 2], bea.person: [3]}

    async def note(redis: Any, keys: Keys, person: str, ids: list[int], at: float) -> None:
        order.append(("note", person))
        if len(order) < 3:
            intake._unnoted.setdefault(person, []).append(3 + len(order))
        if len(order) < 2:
            raise RedisError
        await note_sent(redis, keys, person, ids, at)

    async def stored(inbound: Inbound, update: str) -> bool:
        order.append(("store", inbound.person))
        return await accept(inbound, update)

    monkeypatch.setattr("bot.channels.telegram_intake.note_sent", note)
    monkeypatch.setattr(house.inbox, "accept", stored)
    leaves = Inbound(ana.person, Channel.TELEGRAM, Kind.TEXT, 1.0, address=ana.address)
    with pytest.raises(QueueUnavailable):
        await intake._store(leaves, "1", store=True)
    assert intake._unnoted == {bea.person: [3], ana.person: [1, 2, 4]}
    await intake._store(leaves, "1", store=True)
    await intake.aclose()
    assert order[1:3] == [("note", ana.person), ("store", ana.person)]
    assert sorted(order[3:]) == sorted([("note", ana.person), ("note", bea.person)])
    assert not intake._unnoted
    for person, ids in ((ana, [b"1", b"2", b"4", b"5"]), (bea, [b"3"])):
        assert await house.redis.zrange(house.keys.sent(person.person), 0, -1) == ids


async def test_a_redis_that_hangs_counts_as_away(
    fragile_house: House, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.channels.telegram_intake.PATIENCE", 0.2)
    house, ana = fragile_house, fragile_house.api.world.person()
    async with house.open():
        await house.api.world.until(lambda: house.api.called("getUpdates"))
        own_redis.pause()
        ana.says("help")
        await house.api.world.until(ana.answers)
        own_redis.go_on()
        assert len(await house.stores(1)) == 1
        await all_confirmed(house)
    assert len(await house.stored()) == 1


async def test_a_message_behind_one_that_was_not_stored_does_not_overtake_it(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    accept, failures = house.inbox.accept, iter([True])

    async def once_away(*args: object) -> bool:
        if next(failures, False):
            raise QueueUnavailable("inbox")
        return await accept(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(house.inbox, "accept", once_away)
    ana = house.api.world.person()
    for number in range(5):
        ana.says(str(number))
    async with house.open():
        assert [found.text for found in await house.stores(5)] == list("01234")


async def test_the_answer_without_redis_is_tried_again_when_telegram_failed_too(
    fragile_house: House, own_redis: RedisServer
):
    house, ana = fragile_house, fragile_house.api.world.person()
    async with house.open():
        await house.api.world.until(lambda: house.api.called("getUpdates"))
        house.api.fails("502", "sendMessage")
        own_redis.stop()
        ana.says("help")
        await house.api.world.until(ana.answers)


@pytest.mark.parametrize(
    "kind", ["502", "html502", "reset", "cut", "junk", "429", "409", "401", "hang"]
)
async def test_polling_recovers_from_every_fault_and_loses_nothing(house: House, kind: str):
    ana = house.api.world.person()
    async with house.open():
        await house.api.world.until(lambda: house.api.called("getUpdates"))
        if kind == "409":
            house.api.fails(kind, "getUpdates", description="Conflict: terminated")
        else:
            house.api.fails(kind, "getUpdates", times=2, retry_after=1, seconds=0.05)
        ana.says("one")
        ana.says("two")
        stored = await house.stores(2)
        await all_confirmed(house)
    assert [found.text for found in stored] == ["one", "two"]


@both
async def test_the_door_waits_for_a_telegram_that_is_away_at_the_start(house: House, mode: str):
    for method in ("getMe", "deleteWebhook", "setWebhook"):
        house.api.fails("502", method, times=2)
        house.api.fails("reset", method)
    house.api.world.person().says("hello")
    async with house.open(mode):
        await house.stores(1)


async def test_a_stop_while_telegram_is_away_at_the_start_ends_the_door(house: House):
    house.api.fails("502", "getMe", times=10**6)
    async with house.open():
        await house.api.world.until(lambda: len(house.api.called("getMe")) > 1)


async def test_a_wrong_token_is_said_at_the_start_without_showing_it(house: House):
    with pytest.raises(SettingsError, match="NORTHLIGHT_TELEGRAM_TOKEN") as error:
        await house.door(token="4242:CANARY-wrong").run(asyncio.Event())
    assert "CANARY" not in str(error.value)


async def test_an_address_that_is_taken_is_said_at_the_start(house: House):
    async with house.open("webhook"):
        await house.api.world.until(lambda: house.api.called("setWebhook"))
        with pytest.raises(SettingsError, match="NORTHLIGHT_TELEGRAM_WEBHOOK_LISTEN"):
            await house.door("webhook").run(asyncio.Event())


async def test_a_refused_webhook_address_is_said_at_the_start(house: House):
    house.api.fails("400", "setWebhook", description="Bad Request: bad webhook")
    with pytest.raises(SettingsError, match="NORTHLIGHT_TELEGRAM_WEBHOOK_URL"):
        await house.door("webhook").run(asyncio.Event())


async def test_the_webhook_opens_only_with_its_secret(house: House):
    update = {"update_id": 1}
    async with house.open("webhook"), httpx.AsyncClient() as client:
        await house.api.world.until(lambda: house.api.called("setWebhook"))
        header = "X-Telegram-Bot-Api-Secret-Token"

        async def status(secret: str | bytes | None, **body: object) -> int:
            headers = {} if secret is None else {header: secret}
            sent = {"json": update} | body
            return (await client.post(house.webhook_url, headers=headers, **sent)).status_code  # type: ignore[arg-type]

        assert await status(None) == 403
        assert await status("") == 403
        assert await status(SECRET[:-1]) == 403
        assert await status(b"\xe9" * 30) == 403
        assert await status(SECRET) == 200
        assert await status(SECRET, json=["no", "update"]) == 400
        assert await status(SECRET, content=b"{", json=None) == 400
        assert await status(SECRET, content=b"[" * 900_000, json=None) == 400
        assert await status(SECRET, json={"update_id": ["x"], "message": {}}) == 200
        assert await status(SECRET, content=b"{" * 1_000_001, json=None) == 413
        assert (await client.get(house.webhook_url)).status_code == 405
        asked = house.api.called("setWebhook")[0]
        assert asked["secret_token"] == SECRET
        assert "message_reaction" not in asked["allowed_updates"]


async def test_of_two_pollers_one_works_and_the_other_takes_over(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.channels.telegram.LEASE", 3.0)
    ana = house.api.world.person()
    async with house.open():
        async with house.open():
            for number in range(20):
                ana.says(str(number))
                await asyncio.sleep(0.02)
            await house.stores(20)
            await house.writes(ana, "answer")
            await house.delivered()
        ana.says("20")
        stored = await house.stores(21)
    # Polling at the same time would have been answered with 409 and mixed up the order.
    assert [found.text for found in stored] == [str(number) for number in range(21)]
    assert ana.answers() == ["answer"]


async def test_a_poller_whose_lock_was_taken_stops_working(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.channels.telegram.LEASE", 3.0)
    ana = house.api.world.person()
    async with house.open():
        await house.api.world.until(lambda: house.api.called("getUpdates"))
        await house.redis.set(house.keys.poller(), "another process")
        await house.api.world.until(lambda: not house.api.polling_now)
        ana.says("for the other one")
        await asyncio.sleep(1.5)  # it asks for the lock each second
        assert len(house.api.world.pending) == 1
        await house.redis.delete(house.keys.poller())
        await house.stores(1)


async def test_who_never_held_the_lock_answers_without_redis_but_delivers_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.channels.telegram.LEASE", 0.3)
    ana, door = house.api.world.person(), house.door()
    lock, hold = [False], door._hold

    async def held() -> bool | None:  # None: it cannot be asked for
        return await hold() if lock[0] else None

    monkeypatch.setattr(door, "_hold", held)
    stop = asyncio.Event()
    running = asyncio.create_task(door.run(stop))
    await house.writes(ana, "what another process is about to show")
    for number in range(5):
        ana.says(str(number))
        await house.stores(number + 1)
        await all_confirmed(house)
    assert not ana.answers()
    lock[0] = True
    await house.delivered()
    assert len(ana.answers()) == 1
    stop.set()
    await running


async def test_an_offset_of_another_bot_is_not_used(house: House):
    ana = house.api.world.person()
    ana.says("mine")
    await house.redis.set(house.keys.offset(), "77:99999999")
    async with house.open():
        await house.stores(1)
    assert (await house.redis.get(house.keys.offset()) or b"").startswith(b"4242:")


async def test_an_offset_is_forgotten_after_a_silence(house: House):
    class Clock:
        now = 1_000_000.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    ana = house.api.world.person()
    async with house.open(clock=clock):
        ana.says("one")
        await house.stores(1)
        await all_confirmed(house)
        await house.api.world.until(lambda: house.api.polling_now)
        clock.now += 90_000
        async with httpx.AsyncClient() as other:  # ends the call under way
            await other.post(f"{house.api.base_url}{house.api.token}/getUpdates")
        await house.api.world.until(lambda: house.api.called("getUpdates")[-1].get("offset") == "0")
        # Telegram begins its numbers anew after a week of silence.
        house.api.world._last_update = 10
        ana.says("two")
        assert [found.text for found in await house.stores(2)] == ["one", "two"]
