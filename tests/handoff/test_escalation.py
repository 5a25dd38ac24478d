"""Somebody RED to whom nobody comes: supervisors, the on-call, and the truth; each exactly once."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.handoff.contact import STILL_HERE
from bot.handoff.record import Handoff, Level
from bot.inbox import Op
from tests.handoff.desk import Desk, words
from tests.redis_server import RedisServer

TORONTO = ("America/Toronto",)
#: Two in the morning there.
NIGHT = datetime(2026, 11, 21, 7, tzinfo=UTC).timestamp()


def page(event: str, level: str, waiting: int) -> list[Op]:
    """What the pager's commands would be: told apart from everything else in Redis."""
    return [("RPUSH", "t-pages", json.dumps([event, level, waiting]))]


async def pages(desk: Desk) -> list[Any]:
    rows: Any = await desk.redis.lrange("t-pages", 0, -1)
    return [json.loads(row) for row in rows]


async def passes(desk: Desk, seconds: float, step: float = 2) -> None:
    """The janitor comes by every two seconds for so long; counsellors on shift stay there."""
    end = desk.clock() + seconds
    while desk.clock() < end:
        desk.clock.forward(min(step, end - desk.clock()))
        for login in await desk.queue.presence.on_shift():
            await desk.queue.heartbeat(login)
        await desk.queue.lapses.run(desk.clock())
        await desk.queue.escalation.run(desk.clock(), page)


async def asks(desk: Desk, level: Level = Level.RED, **case: Any) -> Handoff:
    await desk.redis.delete("t-pages")
    return await desk.asks("p", level, **case)


async def told(desk: Desk) -> list[str]:
    """Which messages this person got, by their first line."""
    late = words().reply("handoff_late", "en").text
    return ["late" if reply.text == late else reply.text for reply in await desk.shown("p")]


async def test_a_minute_calls_the_supervisors_and_two_the_on_call_and_the_person(
    desk: Desk,
) -> None:
    await asks(desk)
    await passes(desk, 59)
    assert (await pages(desk), await told(desk)) == ([], [])
    await passes(desk, 2)
    assert await pages(desk) == [["supervisor", "red", 61]], "how long it really was"
    await passes(desk, 58)
    assert (len(await pages(desk)), await told(desk)) == (1, [])
    await passes(desk, 2)
    assert await pages(desk) == [["supervisor", "red", 61], ["on_call", "red", 121]]
    assert await told(desk) == ["late"]
    await passes(desk, 600, 20)
    assert (len(await pages(desk)), await told(desk)) == (2, ["late"])


def test_the_truth_names_9_1_1_and_a_line_that_is_always_open_in_every_language() -> None:
    for code in words().codes():
        reply = words().reply("handoff_late", code)
        first, _, rest = reply.text.partition("\n")
        assert not any(figure.isdigit() for figure in first), "nothing telling on a lock screen"
        assert "9-1-1" in rest
        assert "1-833-900-1010" in rest


@pytest.mark.parametrize("level", [Level.ORANGE, Level.YELLOW, Level.GREEN])
async def test_only_red_is_called_out(desk: Desk, level: Level) -> None:
    await asks(desk, level)
    await passes(desk, 4_000, 400)
    assert (await pages(desk), await told(desk)) == ([], [])


async def test_who_was_taken_in_time_calls_nobody(desk: Desk) -> None:
    asked = await asks(desk)
    await desk.on_shift("ana")
    await passes(desk, 50)
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.say(asked.id, "ana", "I am here.")
    await passes(desk, 300)
    assert await pages(desk) == []


async def test_whoever_becomes_red_late_has_waited_since_the_first_request(desk: Desk) -> None:
    asked = await asks(desk, Level.ORANGE)
    await passes(desk, 200, 20)
    await desk.queue.raise_level(asked.person, Level.RED, ["danger_words"])
    await passes(desk, 2)
    assert await pages(desk) == [["supervisor", "red", 202], ["on_call", "red", 202]]
    assert await told(desk) == ["late"]


async def test_a_lapsed_claim_does_not_set_the_wait_back(desk: Desk) -> None:
    """The laptop sleeps: supervisors at once, but a break of seconds is not "nobody has come"."""
    asked = await asks(desk)
    await desk.on_shift("ana")
    await desk.queue.claim(asked.id, "ana")
    desk.clock.forward(180)
    await desk.queue.lapses.run(desk.clock())
    await desk.queue.escalation.run(desk.clock(), page)
    assert [event for event, _, _ in await pages(desk)] == ["supervisor", "on_call"]
    assert "late" not in await told(desk)
    await passes(desk, 118)
    assert "late" not in await told(desk)
    await passes(desk, 4)
    assert (await told(desk)).count("late") == 1
    assert len(await pages(desk)) == 2


@pytest.mark.parametrize("how", ["release", "lapse"])
async def test_whoever_was_called_out_taken_and_lost_is_called_out_again(
    desk: Desk, how: str
) -> None:
    asked = await asks(desk)
    await desk.on_shift("ana")
    await passes(desk, 130)
    assert [event for event, _, _ in await pages(desk)] == ["supervisor", "on_call"]
    await desk.queue.presence.start("ana")
    await desk.queue.claim(asked.id, "ana")
    if how == "release":
        await desk.queue.release(asked.id, "ana")
    else:
        await desk.nobody_beats()
    await passes(desk, 2)
    assert [event for event, _, _ in await pages(desk)] == ["supervisor", "on_call"] * 2
    assert (await told(desk)).count("late") == 1
    await passes(desk, 120)
    assert ((await told(desk)).count("late"), len(await pages(desk))) == (2, 4)


async def test_two_janitors_at_once_call_once(desk: Desk) -> None:
    await asks(desk)
    desk.clock.forward(121)
    made = await asyncio.gather(*(desk.queue.escalation.run(desk.clock(), page) for _ in range(8)))
    assert sorted(name for names in made for name in names) == ["on_call", "supervisor", "told"]
    assert (len(await pages(desk)), await told(desk)) == (2, ["late"])


async def test_a_restart_of_redis_repeats_nothing(desk: Desk, redis_server: RedisServer) -> None:
    await asks(desk)
    await passes(desk, 61)
    await desk.redis.aclose()
    redis_server.stop()
    redis_server.start()
    again = Desk(desk.redis, desk.keys, clock=desk.clock)  # and of the janitor
    await passes(again, 61)
    assert [event for event, _, _ in await pages(again)] == ["supervisor", "on_call"]
    assert await told(again) == ["late"]


async def test_a_new_request_is_called_out_anew(desk: Desk) -> None:
    asked = await asks(desk)
    await passes(desk, 130)
    await desk.queue.abandon(asked.person)
    await desk.asks("p", Level.RED)
    await passes(desk, 130)
    assert [event for event, _, _ in await pages(desk)] == ["supervisor", "on_call"] * 2


async def test_without_a_pager_the_desk_and_the_person_are_told_all_the_same(desk: Desk) -> None:
    asked = await asks(desk)
    desk.clock.forward(121)
    async with desk.redis.pubsub() as channel:
        await channel.subscribe(desk.keys.events())
        assert len(await desk.queue.escalation.run(desk.clock())) == 3
        heard: list[Any] = []
        while len(heard) < 3:
            if message := await channel.get_message(ignore_subscribe_messages=True, timeout=5):
                heard.append(json.loads(message["data"]))
    assert heard == [{"what": "late", "id": asked.id}] * 3
    assert await told(desk) == ["late"]


@pytest.mark.parametrize("choice", ["only_me", "daytime", "evening"])
async def test_at_the_wrong_hour_the_truth_waits_until_they_write(desk: Desk, choice: str) -> None:
    desk.clock.now = NIGHT
    asked = await asks(desk, Level.ORANGE, safe_contact=choice, zones=TORONTO)
    desk.clock.forward(STILL_HERE + 1)
    await desk.queue.raise_level(asked.person, Level.RED, ["danger_words"])
    await passes(desk, 10)
    assert len(await pages(desk)) == 2, "who is to come is called at any hour"
    assert await told(desk) == []
    found = await desk.queue.get(asked.id)
    assert found is not None
    assert json.loads(found.untold) == {"key": "handoff_late"}


async def test_who_has_just_written_is_there_and_told(desk: Desk) -> None:
    desk.clock.now = NIGHT
    await asks(desk, safe_contact="only_me", zones=TORONTO)
    await passes(desk, 121)
    assert await told(desk) == ["late"]


async def test_one_that_cannot_be_opened_holds_up_nobody(desk: Desk) -> None:
    damaged, asked = await asks(desk), await desk.asks("q", Level.RED)
    await desk.redis.hset(desk.keys.handoff(damaged.id), "address", b"nonsense")
    desk.clock.forward(121)
    assert len(await desk.queue.escalation.run(desk.clock())) == 3
    found = await desk.queue.get(asked.id)
    assert found is not None
    assert len(found.escalated) == 3


# -- a counsellor holds them and gives no answer -----------------------------------------------
async def with_ana(desk: Desk, level: Level = Level.RED, **case: Any) -> Handoff:
    """Ana has claimed them; her page shows signs of life, whatever she does."""
    asked = await asks(desk, level, **case)
    await desk.on_shift("ana")
    return await desk.queue.claim(asked.id, "ana")


async def writes(desk: Desk, talk: Handoff) -> None:
    found = await desk.queue.get(talk.id)
    assert found is not None
    await desk.run([*desk.queue.heard_ops(found), *desk.queue.relay_ops(found, "Please.")])


async def late(desk: Desk) -> int:
    return sum(one.overdue for one in await desk.queue.held())


async def test_red_who_gets_no_answer_calls_supervisors_then_the_on_call(desk: Desk) -> None:
    talk = await with_ana(desk)
    await writes(desk, talk)
    before = await told(desk)
    await passes(desk, 119)
    assert (await pages(desk), await late(desk)) == ([], 0)
    await passes(desk, 11)
    assert (await pages(desk), await late(desk)) == ([["supervisor", "red", 121]], 1)
    await passes(desk, 60)
    assert [event for event, _, _ in await pages(desk)] == ["supervisor", "on_call"]
    await passes(desk, 600, 20)
    assert (len(await pages(desk)), await late(desk)) == (2, 1)
    assert await told(desk) == before, "she may be typing, or on the phone"


async def test_an_answer_ends_it_and_a_new_line_without_one_begins_it_anew(desk: Desk) -> None:
    talk = await with_ana(desk)
    await passes(desk, 200)
    assert len(await pages(desk)) == 2
    await desk.queue.say(talk.id, "ana", "I am here.")
    assert await late(desk) == 0
    await passes(desk, 400, 20)
    assert len(await pages(desk)) == 2, "the person is to write"
    await writes(desk, talk)
    await passes(desk, 130)
    assert [event for event, _, _ in await pages(desk)] == ["supervisor", "on_call", "supervisor"]


@pytest.mark.parametrize("how", ["accept", "to_queue", "end"])
async def test_with_another_counsellor_or_none_it_is_over(desk: Desk, how: str) -> None:
    talk = await with_ana(desk)
    await passes(desk, 130)
    assert await late(desk) == 1
    await desk.on_shift("ben")
    match how:
        case "accept":
            await desk.queue.transfers.offer(talk.id, "ana", "ben", "a note")
            await desk.queue.transfers.accept(talk.id, "ben")
        case "to_queue":
            await desk.queue.transfers.to_queue(talk.id, "ana", "a note")
            await desk.queue.claim(talk.id, "ben")
        case "end":
            await desk.queue.end(talk.id, "ana")
    assert await late(desk) == 0
    await passes(desk, 110)
    assert len(await pages(desk)) == 1
    await passes(desk, 20)
    assert len(await pages(desk)) == (1 if how == "end" else 2), "Ben owes an answer as well"


async def test_a_talk_that_becomes_red_has_waited_since_their_first_line(desk: Desk) -> None:
    talk = await with_ana(desk, Level.ORANGE)
    await desk.queue.say(talk.id, "ana", "I am here.")
    await writes(desk, talk)
    await passes(desk, 300, 20)
    assert await pages(desk) == [], "only Red is called out"
    await writes(desk, talk)
    await desk.queue.raise_level(talk.person, Level.RED, ["danger_words"])
    await passes(desk, 2)
    assert await pages(desk) == [["supervisor", "red", 302], ["on_call", "red", 302]]


async def test_two_janitors_at_once_call_once_for_an_answer(desk: Desk) -> None:
    talk = await with_ana(desk)
    desk.clock.forward(181)
    made = await asyncio.gather(*(desk.queue.escalation.run(desk.clock(), page) for _ in range(8)))
    assert sorted(name for names in made for name in names) == ["on_call", "supervisor"]
    assert (len(await pages(desk)), await late(desk)) == (2, 1)
    found = await desk.queue.get(talk.id)
    assert found is not None
    assert sorted(found.overdue) == ["on_call", "supervisor"]


async def test_an_answer_in_that_moment_is_quicker_than_the_call(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = await with_ana(desk)
    desk.clock.forward(181)
    read = desk.queue.escalation.several

    async def slowly(ids: Any) -> Any:
        found = await read(ids)
        await desk.queue.say(talk.id, "ana", "I am here.")
        return found

    monkeypatch.setattr(desk.queue.escalation, "several", slowly)
    assert await desk.queue.escalation.run(desk.clock(), page) == []
    assert (await pages(desk), await late(desk)) == ([], 0)
