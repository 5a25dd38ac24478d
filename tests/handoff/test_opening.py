"""Open or closed: what supervisors set, and closing time with people waiting: told once, kept."""

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.handoff.contact import STILL_HERE
from bot.handoff.hours import Hours
from bot.handoff.record import Level
from bot.handoff.service import Mode, Standing
from bot.handoff.telling import worded
from bot.moment import Moment
from tests.handoff.desk import Desk, words
from tests.office import OFFICE, OPENS, TORONTO, at
from tests.redis_server import RedisServer


@pytest.fixture
async def office(desk: Desk) -> Desk:
    """It is Monday, ten minutes before closing time."""
    desk.clock.now = at("2026-11-23T21:50")
    await desk.queue.service.change_hours(lambda _: OFFICE)
    return desk


async def rounds(desk: Desk, until: float) -> None:
    """The janitor comes by now and then."""
    while desk.clock() < until:
        desk.clock.forward(min(300, until - desk.clock()))
        await desk.queue.lapses.run(desk.clock())
        await desk.queue.closing.run(desk.clock())


def until_words(place: int, language: str = "en") -> str:
    return words().reply("handoff_until", language, place=place, when=OPENS).text


async def told(desk: Desk, name: str) -> list[str]:
    return [reply.text for reply in await desk.shown(name)]


# -- what is set ------------------------------------------------------------------------------


async def test_nothing_set_is_open_and_surge_and_mode_leave_hours_alone(desk: Desk) -> None:
    service = desk.queue.service
    assert await service.read() == Standing()
    assert not (await service.read()).closed(desk.clock())
    await service.change_hours(lambda _: OFFICE)
    await service.set_mode(Mode.CLOSED)
    await service.set_surge(True)
    assert await service.read() == Standing(Mode.CLOSED, True, OFFICE)
    await service.change_hours(lambda _: None)
    assert await service.read() == Standing(Mode.CLOSED, True)


def test_by_hand_wins_over_the_hours_until_set_back() -> None:
    day, night = at("2026-11-23T12:00"), at("2026-11-23T23:00")
    shut, forced = Standing(Mode.CLOSED, hours=OFFICE), Standing(Mode.OPEN, hours=OFFICE)
    assert shut.closed(day)
    assert shut.opens(day) is None, "nobody can know when somebody opens it"
    assert not forced.closed(night)
    assert forced.closes(night) is None
    auto = Standing(hours=OFFICE)
    assert (auto.closed(day), auto.closed(night)) == (False, True)
    assert auto.opens(night) == OPENS
    assert auto.opens(day) is None
    closes = auto.closes(day)
    assert closes is not None
    assert closes.at == at("2026-11-23T22:00")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b"[]", b"null", b"7", b"[" * 5_000,
     b'{"zone":"Mars/Phobos","week":[],"dates":{}}',
     b'{"zone":"America/Toronto","week":[[],[],[],[],[],[],["1"]],"dates":{}}'],
)  # fmt: skip
async def test_damaged_hours_count_as_none_and_are_logged_once_without_content(
    desk: Desk, raw: bytes
) -> None:
    await desk.redis.hset(desk.keys.opening(), mapping={"hours": raw, "mode": b"\xff"})
    with capture_logs() as logs:
        for _ in range(3):
            assert await desk.queue.service.read() == Standing()
    assert [line["event"] for line in logs] == (["opening.damaged"] if raw else [])
    assert all(set(line) == {"event", "log_level"} for line in logs)
    await desk.queue.service.change_hours(lambda _: OFFICE)
    assert (await desk.queue.service.read()).hours == OFFICE


async def test_two_supervisors_at_once_lose_nothing(desk: Desk) -> None:
    service = desk.queue.service
    await service.change_hours(lambda _: OFFICE)

    def closes(day: str) -> Any:
        def change(old: Hours | None) -> Hours:
            assert old is not None
            texts = old.as_texts()
            return Hours.make(old.zone, texts["week"], {**texts["dates"], day: []})

        return change

    holidays = [f"2026-12-{day:02}" for day in range(1, 9)]
    await asyncio.gather(*(service.change_hours(closes(day)) for day in holidays))
    hours = (await service.read()).hours
    assert hours is not None
    assert list(hours.as_texts()["dates"]) == holidays


# -- closing time -----------------------------------------------------------------------------


async def test_at_closing_time_everybody_who_waits_is_told_once_and_keeps_the_place(
    office: Desk,
) -> None:
    for name in ("p", "q"):
        await office.asks(name)
        office.clock.forward(1)
    await rounds(office, at("2026-11-23T21:59"))
    assert (await told(office, "p"), await told(office, "q")) == ([], [])
    await rounds(office, at("2026-11-24T07:55"))
    assert await told(office, "p") == [until_words(1)]
    assert await told(office, "q") == [until_words(2)]
    assert len(await office.queue.waiting()) == 2
    assert "1-833-900-1010" in until_words(1)
    assert "9-1-1" in until_words(1)


async def test_a_closing_after_an_opening_is_told_again(office: Desk) -> None:
    await office.asks("p")
    await rounds(office, at("2026-11-24T12:00"))
    assert len(await told(office, "p")) == 1
    await rounds(office, at("2026-11-24T23:00"))
    assert len(await told(office, "p")) == 2


async def test_neither_two_janitors_nor_a_restart_repeat_it(
    office: Desk, redis_server: RedisServer
) -> None:
    for name in ("p", "q", "r"):
        await office.asks(name)
    office.clock.now = at("2026-11-23T22:01")
    made = await asyncio.gather(*(office.queue.closing.run(office.clock()) for _ in range(6)))
    assert sum(made) == 3
    await office.redis.aclose()
    redis_server.stop()
    redis_server.start()
    again = Desk(office.redis, office.keys, clock=office.clock)
    await rounds(again, at("2026-11-23T23:00"))
    assert [len(await told(again, name)) for name in ("p", "q", "r")] == [1, 1, 1]


async def test_closed_by_hand_says_that_nobody_knows_when(office: Desk) -> None:
    await office.asks("p")
    await office.queue.service.set_mode(Mode.CLOSED)
    await rounds(office, at("2026-11-23T23:00"))
    nobody = words().reply("handoff_nobody", "en", place=1).text
    assert await told(office, "p") == [nobody]
    await office.queue.service.set_mode(Mode.AUTO)
    await rounds(office, at("2026-11-23T23:30"))
    assert await told(office, "p") == [nobody, until_words(1)], "now it is known"
    await rounds(office, at("2026-11-23T23:40"))
    assert len(await told(office, "p")) == 2, "once"


async def test_another_hour_while_it_is_closed_is_told(office: Desk) -> None:
    asked = await office.asks("p")
    await rounds(office, at("2026-11-23T23:00"))
    assert await told(office, "p") == [until_words(1)]
    later = Hours.make(TORONTO, [["08:00-22:00"], ["10:00-22:00"], *([["08:00-22:00"]] * 5)])
    await office.queue.service.change_hours(lambda _: later)
    await rounds(office, at("2026-11-23T23:10"))
    when = Moment(int(at("2026-11-24T10:00")), TORONTO)
    said = words().reply("handoff_until", "en", place=1, when=when).text
    assert await told(office, "p") == [until_words(1), said]
    assert (await office.queue.waiting())[0].id == asked.id


async def test_an_opening_nobody_looked_at_makes_another_closing_too(office: Desk) -> None:
    """The janitor was away for a whole day."""
    await office.asks("p")
    office.clock.now = at("2026-11-23T22:30")
    assert await office.queue.closing.run(office.clock()) == 1
    office.clock.now = at("2026-11-24T22:30")
    assert await office.queue.closing.run(office.clock()) == 1


async def test_whoever_was_taken_after_closing_time_and_lost_is_told_again(office: Desk) -> None:
    asked = await office.asks("p")
    await office.on_shift("ana")
    office.clock.now = at("2026-11-23T22:00")
    assert await office.queue.closing.run(office.clock()) == 1
    await office.queue.presence.start("ana")
    await office.queue.claim(asked.id, "ana")
    await office.queue.release(asked.id, "ana")
    assert await office.queue.closing.run(office.clock()) == 1
    assert (await told(office, "p"))[-1] == until_words(1)


async def test_a_talk_goes_on_and_take_next_works_while_it_is_closed(office: Desk) -> None:
    talking, waiting = await office.asks("p"), await office.asks("q")
    await office.on_shift("ana", capacity=2)
    await office.queue.claim(talking.id, "ana")
    before = await told(office, "p")
    office.clock.now = at("2026-11-23T22:00")
    await office.queue.heartbeat("ana")
    await office.queue.presence.start("ana")
    assert await office.queue.closing.run(office.clock()) == 1
    await office.queue.say(talking.id, "ana", "I am still here.")
    assert [text for text in await told(office, "p") if text not in before] == ["I am still here."]
    taken = await office.queue.take_next("ana", ("en",))
    assert taken is not None
    assert taken.id == waiting.id


async def test_who_comes_back_to_the_line_after_closing_time_is_told_too(office: Desk) -> None:
    asked = await office.asks("p")
    await office.on_shift("ana")
    await office.queue.claim(asked.id, "ana")
    office.clock.now = at("2026-11-23T22:00")
    await office.queue.closing.run(office.clock())
    assert until_words(1) not in await told(office, "p")
    await office.queue.release(asked.id, "ana")
    await office.queue.closing.run(office.clock())
    assert (await told(office, "p"))[-1] == until_words(1)


async def test_red_is_called_out_whatever_the_hours(office: Desk) -> None:
    office.clock.now = at("2026-11-23T23:00")
    await office.asks("p", Level.RED)
    office.clock.forward(121)
    await office.queue.closing.run(office.clock())
    made = await office.queue.escalation.run(office.clock())
    assert sorted(made) == ["on_call", "supervisor", "told"]


async def test_at_the_wrong_hour_it_waits_and_is_true_when_it_is_told(office: Desk) -> None:
    """Asked for daytime only: told at eight, when the service is open again."""
    for name in ("before", "p"):
        await office.asks(name, safe_contact="daytime", zones=(TORONTO,))
        office.clock.forward(1)
    found = (await office.queue.waiting())[1]
    office.clock.now = at("2026-11-23T22:00") + STILL_HERE
    await rounds(office, at("2026-11-24T07:30"))
    assert await told(office, "p") == []
    kept = await office.queue.get(found.id)
    assert kept is not None
    assert json.loads(kept.untold)["key"] == "handoff_until"
    await office.queue.abandon((await office.queue.waiting())[0].person)
    await office.on_shift("ana")
    office.clock.now = at("2026-11-24T08:05")
    await office.queue.presence.start("ana")
    await office.queue.lapses.run(office.clock())
    now = worded(words(), "handoff_waiting_place", "en", "daytime", place="1").text
    assert await told(office, "p") == [now], "no figure of last night"


async def test_one_that_cannot_be_opened_holds_up_nobody(office: Desk) -> None:
    damaged = await office.asks("p")
    office.clock.forward(1)
    await office.asks("q")
    await office.redis.hset(office.keys.handoff(damaged.id), "address", b"nonsense")
    office.clock.now = at("2026-11-23T22:00")
    with capture_logs() as logs:
        assert await office.queue.closing.run(office.clock()) == 1
        await office.queue.waiting()
    assert logs == [{"event": "handoff.unreadable", "log_level": "error"}] * 2, "of nobody"
    assert await told(office, "q") == [until_words(2)]


async def test_open_pages_learn_of_every_change(office: Desk) -> None:
    async with office.redis.pubsub() as channel:
        await channel.subscribe(office.keys.events())
        await channel.get_message(timeout=5)
        await office.queue.service.set_mode(Mode.OPEN)
        await office.queue.service.set_mode(Mode.AUTO)
        office.clock.now = at("2026-11-23T22:00")
        await office.queue.closing.run(office.clock())
        await office.queue.closing.run(office.clock())
        office.clock.now = at("2026-11-24T08:00")
        await office.queue.closing.run(office.clock())
        heard = []
        while message := await channel.get_message(timeout=0.3):
            heard.append(json.loads(message["data"]))
    assert heard == [{"what": "opening"}] * 4
