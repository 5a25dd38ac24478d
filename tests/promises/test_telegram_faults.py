"""Telegram as it is on a bad day: every tenth call 429, 502, HTML, a reset, a lost answer, a hang.

Every reply arrives, in order; what may be repeated is only what was shown while its answer got
lost; what is urgent goes first, and nobody waits because of somebody else's chat.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from bot.channels import delivery
from bot.channels.delivery import SLOTS
from bot.channels.telegram import TelegramDoor
from bot.keys import Keys
from bot.messages import Channel, Recipient, Reply
from bot.settings import Settings
from tests.botapi import BotApi, Chat, Fault
from tests.core.world import DANGER, World, text_of
from tests.promises.conftest import Promise
from tests.promises.people import TOPICS
from tests.promises.service import until
from tests.redis_server import RedisServer

KINDS = ("429", "502", "html502", "reset", "cut", "hang")
#: A call that hangs longer than the door waits, seconds; most hang for a moment only.
LONG_HANG, SHORT_HANG, LONG_IN = 17.0, 0.3, 12


class Weather(list[Fault]):
    """In place of the server's list of faults: each kind comes over every tenth call.

    Counts for every chat what was shown and not confirmed in time.
    """

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self.calls: Counter[str] = Counter()
        self.unsure: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Fault]:
        self.calls["all"] += 1
        draw = self._rng.random() * 10
        if draw < len(KINDS):
            kind = KINDS[int(draw)]
            seconds = LONG_HANG if self._rng.randrange(LONG_IN) == 0 else SHORT_HANG
            yield _Noted(self, kind, seconds=seconds)


@dataclass
class _Noted(Fault):
    def __init__(self, weather: Weather, kind: str, seconds: float) -> None:
        super().__init__(kind, seconds=seconds)
        self._weather = weather

    def fits(self, method: str, asked: dict[str, object]) -> bool:
        if method == "getUpdates" and self.kind == "hang":
            self.kind = "reset"  # a long poll hangs by nature
        self._weather.calls[self.kind] += 1
        after_effect = self.kind == "cut" or (self.kind == "hang" and self.seconds == LONG_HANG)
        if method == "sendMessage" and after_effect:
            self._weather.unsure[str(asked["chat_id"])] += 1
        return True


@dataclass
class House:
    """A door and a worker between the pretended Telegram and a real Redis."""

    api: BotApi
    world: World

    async def writes(self, chat: Chat, *replies: Reply) -> None:
        person = self.world.vault.person(Channel.TELEGRAM, str(chat.id))
        await self.world.put(Recipient(person, Channel.TELEGRAM, str(chat.id)), replies)

    async def waiting(self) -> int:
        return int(await self.world.redis.xlen(self.world.keys.outbox(Channel.TELEGRAM)))

    async def nothing_waits(self) -> bool:
        return await self.waiting() == 0


@pytest.fixture
async def house() -> AsyncIterator[House]:
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis, BotApi().serving() as api:
            world = World(redis, Keys("t:"))
            settings = Settings(
                telegram_token=api.token,
                telegram_base_url=api.base_url,
                telegram_file_base_url=api.base_file_url,
            )
            door = TelegramDoor(
                settings, redis, world.keys, world.vault, world.inbox, world.outbox, world.words,
                world.emergency.answer, first_pause=0.05,
            )  # fmt: skip
            stop = asyncio.Event()
            running = asyncio.create_task(door.run(stop))
            async with world.working():
                await until(lambda: api.polling_now, "the door asks for updates")
                yield House(api, world)
                api.faults = []
                stop.set()
                await running
            await world.engine.close()


async def test_every_reply_arrives_in_foul_weather(
    house: House, full: bool, seed: int, promise: Promise
) -> None:
    rng = random.Random(seed)
    weather = house.api.faults = Weather(rng)
    chats = [house.api.world.person() for _ in range(200 if full else 24)]
    asked: dict[int, list[str]] = {}
    for chat in chats:
        chat.forges("lang:en")
    for chat in chats:
        topics = rng.sample(TOPICS, len(TOPICS))
        asked[chat.id] = [text_of(topic) for topic in topics]
        for number, topic in enumerate(topics):
            if number == 3:
                chat.says(DANGER["en"])
            chat.forges(f"show:{topic}")
    card = text_of("report_danger")

    def all_seen() -> bool:
        return all({*asked[chat.id], card} <= set(chat.answers()) for chat in chats)

    with contextlib.suppress(AssertionError):
        await until(all_seen, "every reply", 3000 if full else 240)
        await until(house.nothing_waits, "the outbox is empty", 900 if full else 120)
    lost = disordered = too_often = repeated = 0
    for chat in chats:
        seen = chat.answers()
        lost += len({*asked[chat.id], card} - set(seen))
        first = list(dict.fromkeys(text for text in seen if text in asked[chat.id]))
        disordered += first != [text for text in asked[chat.id] if text in first]
        extra = sum(seen.count(text) - 1 for text in (*asked[chat.id], card) if text in seen)
        repeated += extra
        too_often += max(0, extra - weather.unsure[str(chat.id)])
    total = sum(len(topics) + 1 for topics in asked.values())
    kinds = ", ".join(f"{kind} {weather.calls[kind]}" for kind in KINDS)
    promise("P1", "Telegram faults: every reply arrives", total, lost,
            f"{weather.calls['all']} calls: {kinds}; seed {seed}")  # fmt: skip
    promise("P3", "Telegram faults: replies in order, chat by chat", len(chats), disordered)
    promise("P2", "Telegram faults: repeats, at most those whose answer got lost", total, too_often,
            f"{repeated} repeated, {sum(weather.unsure.values())} answers lost")  # fmt: skip


async def test_one_blocked_or_flooded_chat_does_not_slow_another(
    house: House, full: bool, promise: Promise, monkeypatch: pytest.MonkeyPatch
) -> None:
    flooded, hanging, blocked, *others = [house.api.world.person() for _ in range(8)]
    count = 500 if full else 60
    # What waits in the flooded chat alone is more than is held.
    monkeypatch.setattr(delivery, "HELD", count // 2)
    gate = asyncio.Event()
    house.api.fails("429", "sendMessage", chat=flooded.id, times=10**6, retry_after=3600)
    house.api.fails("hang", "sendMessage", chat=hanging.id, times=10**6, gate=gate)
    blocked.blocked = True
    for chat in (flooded, hanging, blocked):
        await house.writes(chat, *(Reply(f"{number}") for number in range(count)))
    for number in range(count):
        for chat in others:
            await house.writes(chat, Reply(f"{number}"))
    expected = [str(number) for number in range(count)]
    await until(lambda: all(chat.answers() == expected for chat in others), "everybody else")
    # Its first reply times out and is tried again: whether it was taken nobody can know.
    late = int(gate.is_set()) + len(flooded.answers()) + len(set(hanging.answers()) - {"0"})
    gate.set()
    await until(
        lambda: list(dict.fromkeys(hanging.answers())) == expected,
        "the chat that hung gets the rest",
    )

    async def only_flooded() -> bool:
        return await house.waiting() == count

    await until(only_flooded, "the flooded chat's replies wait and are not lost")
    promise("P1/P6", "one chat blocked, flooded or hanging: others get all replies meanwhile",
            count * len(others), late)  # fmt: skip


async def test_an_emergency_goes_first(house: House, promise: Promise) -> None:
    """More chats hang than are served at once: the 9-1-1 card of another does not wait."""
    gate = asyncio.Event()
    stuck = [house.api.world.person() for _ in range(SLOTS + 8)]
    in_danger = house.api.world.person()
    for chat in stuck:
        house.api.fails("hang", "sendMessage", chat=chat.id, gate=gate)
        await house.writes(chat, Reply("one"), Reply("two"))
    await until(
        lambda: len(house.api.called("sendMessage")) >= SLOTS, "every slot is taken by a chat"
    )
    for number in range(20):
        await house.writes(in_danger, Reply(f"{number}"))
    await house.writes(in_danger, Reply("CARD", urgent=True))
    await until(lambda: "CARD" in in_danger.answers(), "the card", 10)
    early = sum("two" in chat.answers() for chat in stuck)
    gate.set()
    everybody = [*stuck, in_danger]
    await until(
        lambda: all("two" in chat.answers() for chat in stuck) and len(in_danger.answers()) == 21,
        "everything else",
    )
    lost = sum(list(dict.fromkeys(chat.answers())) != ["one", "two"] for chat in stuck)
    promise("P5/P6", "more chats hang than there are slots: the 9-1-1 card goes first",
            len(everybody), early + lost)  # fmt: skip
