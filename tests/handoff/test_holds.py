"""Flags and holds: nobody is handed who is held, they lapse by themselves, danger is called out."""

import asyncio
from typing import Any

import pytest

from bot.errors import Moved, NotForThis, OnHold, SessionEnded
from bot.handoff.escalation import LATE
from bot.handoff.holds import HELD_FOR, HOURS, REASONS, open_to_all
from bot.handoff.record import Flag, Handoff, Level, State
from bot.keys import DAY, KEEP
from tests.handoff.desk import Desk, words
from tests.handoff.test_escalation import asks, page, pages, passes, told

HOUR = 3600


async def read(desk: Desk, handoff: Handoff) -> Handoff:
    found = await desk.queue.get(handoff.id)
    assert found is not None
    return found


async def line(desk: Desk) -> list[str]:
    return [one.id for one in await desk.queue.waiting()]


async def aside(desk: Desk) -> list[str]:
    return [one.id for one in await desk.queue.aside()]


async def held(
    desk: Desk, name: str = "p", level: Level = Level.ORANGE, hours: int = 24
) -> Handoff:
    await desk.redis.delete("t-pages")
    asked = await desk.asks(name, level)
    await desk.queue.holds.hold(asked.id, "abusive", hours)
    return asked


async def taken(desk: Desk, name: str = "p") -> Handoff:
    await desk.on_shift("ana")
    return await desk.queue.claim((await desk.asks(name)).id, "ana")


# -- a flag ------------------------------------------------------------------------------------
@pytest.mark.parametrize("reason", REASONS)
async def test_the_holder_flags_and_whoever_comes_next_sees_it(desk: Desk, reason: str) -> None:
    talk = await taken(desk)
    await desk.queue.holds.flag(talk.id, "ana", reason, 24)
    until = desk.clock() + 24 * HOUR
    assert (await read(desk, talk)).flagged == Flag(reason, until)
    await desk.queue.release(talk.id, "ana")
    assert await line(desk) == [talk.id], "a flag takes nobody's place"
    assert (await desk.queue.waiting())[0].flagged == Flag(reason, until)


async def test_a_flag_is_there_again_when_they_ask_again(desk: Desk) -> None:
    talk = await taken(desk)
    await desk.queue.end(talk.id, "ana")
    await desk.queue.holds.flag(talk.id, "ana", "flooding", 24)  # in wrap-up, after the harm
    await desk.queue.end(talk.id, "ana", "other")
    again = await desk.asks("p")
    assert again.id != talk.id
    assert again.flagged is not None
    assert again.flagged.reason == "flooding"
    assert await line(desk) == [again.id]
    desk.clock.forward(24 * HOUR + 1)
    await desk.queue.lapses.run(desk.clock())
    assert (await read(desk, again)).flagged is None
    assert (await read(desk, talk)).flagged is None, "nor does what is kept of the talk tell it"
    await desk.queue.abandon(again.person, what="open")
    assert (await desk.asks("p")).flagged is None


async def test_only_the_holder_and_supervisors_flag(desk: Desk) -> None:
    talk = await taken(desk)
    with pytest.raises(SessionEnded):
        await desk.queue.holds.flag(talk.id, "ben", "abusive", 24)
    with pytest.raises(SessionEnded):
        await desk.queue.holds.lift(talk.id, "ben")
    await desk.queue.holds.flag(talk.id, "", "abusive", 24)
    await desk.queue.holds.lift(talk.id, "ana")
    assert (await read(desk, talk)).flagged is None
    with pytest.raises(SessionEnded):
        await desk.queue.holds.flag("0" * 20, "", "abusive", 24)


async def test_a_flag_does_not_end_a_supervisors_hold(desk: Desk) -> None:
    talk = await taken(desk)
    await desk.queue.holds.hold(talk.id, "sexual", 24)
    with pytest.raises(OnHold):
        await desk.queue.holds.flag(talk.id, "ana", "test", 1)
    with pytest.raises(OnHold):
        await desk.queue.holds.lift(talk.id, "ana")
    assert (await read(desk, talk)).on_hold(desk.clock())


@pytest.mark.parametrize(("reason", "hours"), [("rude", 24), ("abusive", 25), ("abusive", 168)])
async def test_there_are_no_other_reasons_and_times(desk: Desk, reason: str, hours: int) -> None:
    asked = await desk.asks("p")
    with pytest.raises(ValueError, match="no such"):
        await desk.queue.holds.flag(asked.id, "", reason, hours)


async def test_where_somebody_else_may_be_writing_nobody_is_held(desk: Desk) -> None:
    """Behind whoever writes there is a person, perhaps in the greatest danger."""
    assert set(REASONS) - set(HELD_FOR) == {"someone_else"}
    asked = await desk.asks("p")
    with pytest.raises(ValueError, match="no such"):
        await desk.queue.holds.hold(asked.id, "someone_else", 24)
    await desk.queue.holds.flag(asked.id, "", "someone_else", 24)
    assert await line(desk) == [asked.id]


@pytest.mark.parametrize("act", ["a hold for another reason", "one press"])
async def test_nor_over_the_flag_that_says_so(desk: Desk, act: str) -> None:
    asked = await desk.asks("p")
    await desk.queue.holds.flag(asked.id, "", "someone_else", 1)
    with pytest.raises(NotForThis):
        await desk.queue.holds.hold(asked.id, *(["abusive", 24] if act != "one press" else []))
    assert (await line(desk), await aside(desk)) == ([asked.id], [])
    desk.clock.forward(HOUR)
    await desk.queue.holds.hold(asked.id, "abusive", 24)
    assert await aside(desk) == [asked.id]


async def test_a_hold_decided_on_before_danger_was_said_is_not_placed(desk: Desk) -> None:
    """And then the same for holding on: nothing is silenced that nobody has seen."""
    asked = await desk.asks("p")
    await desk.queue.raise_level(asked.person, Level.RED, ["danger_words"])
    with pytest.raises(Moved):
        await desk.queue.holds.hold(asked.id, "abusive", 24, asked.seen)
    assert (await line(desk), await aside(desk)) == ([asked.id], [])
    seen = (await read(desk, asked)).seen
    await desk.queue.holds.hold(asked.id, "abusive", 24, seen)
    desk.clock.forward(1)
    await desk.queue.raise_level(asked.person, Level.RED, ["danger_words"])
    with pytest.raises(Moved):
        await desk.queue.holds.hold(asked.id, seen=seen)
    assert (await read(desk, asked)).alarm
    await desk.queue.holds.hold(asked.id, seen=(await read(desk, asked)).seen)
    assert not (await read(desk, asked)).alarm


async def test_one_press_makes_a_hold_of_a_flag_and_keeps_the_end_of_a_hold(desk: Desk) -> None:
    asked = await desk.asks("p")
    with pytest.raises(Moved):
        await desk.queue.holds.hold(asked.id)
    await desk.queue.holds.flag(asked.id, "", "sexual", 1)
    desk.clock.forward(10)
    await desk.queue.holds.hold(asked.id)
    placed = Flag("sexual", desk.clock() + 24 * HOUR, hold=True)
    assert (await read(desk, asked)).flagged == placed
    desk.clock.forward(HOUR)
    await desk.queue.raise_level(asked.person, Level.RED, [])
    await desk.queue.holds.hold(asked.id)
    found = await read(desk, asked)
    assert (found.flagged, found.alarm) == (placed, 0)
    assert await desk.redis.ttl(desk.keys.flag(asked.person)) <= 23 * HOUR
    assert await desk.redis.zscore(desk.keys.flagged(), asked.id) == placed.until


async def test_an_offer_from_before_the_hold_hands_nobody_over(desk: Desk) -> None:
    await desk.on_shift("ana", "ben")
    asked = await desk.asks("p")
    await desk.queue.transfers.offer(asked.id, "", "ana", "")
    await desk.queue.holds.hold(asked.id, "abusive", 24)
    assert (await read(desk, asked)).offered_to == ""
    assert await desk.queue.transfers.offers() == []
    await desk.queue.lapses.run(desk.clock())
    assert await desk.redis.scard(desk.keys.offers()) == 0
    await desk.queue.transfers.offer(asked.id, "", "ben", "")
    assert (await read(desk, asked)).offered_to == "ben", "a supervisor may give them to somebody"


# -- a hold ------------------------------------------------------------------------------------
async def test_whoever_is_held_is_handed_to_nobody_and_counts_for_nobody(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked, other = await held(desk, level=Level.RED), await desk.asks("q", Level.GREEN)
    assert (await line(desk), await aside(desk)) == ([other.id], [asked.id])
    assert (await desk.queue.place(other.id)).number == 1
    assert (await desk.queue.place(asked.id)).number == 0
    claimed = await desk.queue.take_next("ana", ["en"])
    assert claimed is not None
    assert claimed.id == other.id
    await desk.queue.end(other.id, "ana", "helped")
    assert await desk.queue.take_next("ana", ["en"]) is None
    current = await desk.queue.current(asked.person)
    assert current is not None
    assert current.state is State.WAITING, "the assistant goes on answering them"


async def test_a_hold_ends_by_itself_and_they_stand_at_their_true_age(desk: Desk) -> None:
    before = await desk.asks("a", Level.YELLOW)
    desk.clock.forward(10)
    asked = await held(desk, "p", Level.YELLOW, hours=1)
    desk.clock.forward(10)
    after = await desk.asks("b", Level.YELLOW)
    desk.clock.forward(HOUR - 20)
    await desk.queue.lapses.run(desk.clock())
    assert asked.id not in await line(desk)
    desk.clock.forward(20)
    await desk.queue.lapses.run(desk.clock())
    assert await line(desk) == [before.id, asked.id, after.id]
    found = await read(desk, asked)
    assert (found.rank, found.flagged, await aside(desk)) == (Level.ORANGE, None, [])
    assert found.asked_at == asked.asked_at


async def test_a_supervisor_lifts_it_at_any_time(desk: Desk) -> None:
    asked = await held(desk)
    await desk.queue.holds.lift(asked.id, "")
    assert (await line(desk), await aside(desk)) == ([asked.id], [])
    assert await desk.redis.exists(desk.keys.flag(asked.person)) == 0


async def test_a_hold_during_a_talk_begins_with_its_end(desk: Desk) -> None:
    """And the person is not told that they stand in front."""
    talk = await taken(desk)
    await desk.queue.holds.hold(talk.id, "abusive", 24)
    assert await aside(desk) == []
    await desk.queue.say(talk.id, "ana", "Hello.")
    await desk.queue.release(talk.id, "ana")
    assert (await line(desk), await aside(desk)) == ([], [talk.id])
    said = [reply.text for reply in await desk.shown("p")]
    assert said[-1] == words().reply("handoff_unknown", "en").text
    assert words().reply("counsellor_away", "en").text not in said


async def test_a_hold_holds_for_their_next_requests_too(desk: Desk) -> None:
    asked = await held(desk)
    await desk.queue.abandon(asked.person, what="open")
    again = await desk.asks("p")
    assert (await line(desk), await aside(desk)) == ([], [again.id])
    desk.clock.forward(24 * HOUR)
    await desk.queue.lapses.run(desk.clock())
    assert await line(desk) == [again.id]


async def test_a_supervisor_takes_somebody_out_of_it_and_gives_them_back_to_it(desk: Desk) -> None:
    asked = await held(desk)
    await desk.on_shift("sue")
    assert (await desk.queue.claim(asked.id, "sue")).claimed_by == "sue"
    assert await aside(desk) == []
    desk.clock.forward(31)
    await desk.queue.lapses.run(desk.clock())  # her laptop sleeps
    assert (await line(desk), await aside(desk)) == ([], [asked.id])
    assert await desk.redis.llen(desk.keys.waits()) == 0, "it says nothing about anybody's wait"


async def test_of_a_hold_and_a_claim_at_once_nobody_is_lost(desk: Desk) -> None:
    await desk.on_shift("ana", capacity=50)
    for number in range(20):
        asked = await desk.asks(f"p{number}")
        done: Any = await asyncio.gather(
            desk.queue.take_next("ana", ["en"]), desk.queue.holds.hold(asked.id, "test", 1)
        )
        found = await read(desk, asked)
        assert found.on_hold(desk.clock())
        assert (done[0] is None) == (await aside(desk) == [asked.id])
        await desk.queue.abandon(asked.person)


# -- danger ------------------------------------------------------------------------------------
async def test_danger_said_on_hold_calls_supervisors_at_once_and_then_the_on_call(
    desk: Desk,
) -> None:
    asked = await held(desk)
    await passes(desk, 300, 20)
    assert await pages(desk) == [], "whoever is held in no danger calls nobody"
    await desk.queue.raise_level(asked.person, Level.RED, ["danger_words"])
    assert await line(desk) == [], "supervisors decide"
    await passes(desk, 2)
    assert [event for event, _, _ in await pages(desk)] == ["supervisor"]
    await passes(desk, 60)
    assert [event for event, _, _ in await pages(desk)] == ["supervisor", "on_call"]
    assert await told(desk) == ["late"]
    await desk.queue.raise_level(asked.person, Level.RED, ["danger_words"])
    await passes(desk, 600, 20)
    assert len(await pages(desk)) == 2, "once, until somebody has decided"


async def test_deciding_to_hold_on_silences_it_until_danger_is_said_again(desk: Desk) -> None:
    asked = await held(desk)
    await desk.queue.raise_level(asked.person, Level.RED, [])
    assert (await read(desk, asked)).alarm
    await desk.queue.holds.hold(asked.id, "abusive", 24)
    assert not (await read(desk, asked)).alarm
    await desk.asks("p", Level.RED)  # pressing something else renews the case, and is no new danger
    assert not (await read(desk, asked)).alarm
    await desk.queue.raise_level(asked.person, Level.RED, [])
    assert (await read(desk, asked)).alarm
    await passes(desk, 2)
    assert [event for event, _, _ in await pages(desk)] == ["supervisor"]


async def test_whoever_was_called_out_in_line_is_called_out_again_on_hold(desk: Desk) -> None:
    asked = await asks(desk)
    await passes(desk, 130)
    before = len(await pages(desk))
    assert before == 2
    await desk.queue.holds.hold(asked.id, "test", 24)
    await passes(desk, 10)
    assert len(await pages(desk)) == before, "a supervisor knew that they were RED"
    await desk.queue.raise_level(asked.person, Level.RED, [])
    await passes(desk, 2)
    assert len(await pages(desk)) == before + 1


@pytest.mark.parametrize("how", ["by itself", "lifted"])
async def test_red_whose_hold_ends_is_called_out_again(desk: Desk, how: str) -> None:
    asked = await asks(desk)
    await passes(desk, 130)
    await desk.queue.holds.hold(asked.id, "test", 1)
    before = len(await pages(desk))
    if how == "lifted":
        await desk.queue.holds.lift(asked.id, "")
    else:
        desk.clock.forward(HOUR)
    await passes(desk, 2)
    assert await line(desk) == [asked.id]
    assert [event for event, _, _ in await pages(desk)][before:] == ["supervisor", "on_call"]


@pytest.mark.parametrize("how", ["by itself", "lifted"])
async def test_the_end_of_a_flag_calls_nobody_again(desk: Desk, how: str) -> None:
    asked = await asks(desk)
    await passes(desk, 130)
    before = len(await pages(desk))
    await desk.queue.holds.flag(asked.id, "", "test", 1)
    if how == "lifted":
        await desk.queue.holds.lift(asked.id, "")
    else:
        desk.clock.forward(HOUR)
    await passes(desk, 2)
    assert (await read(desk, asked)).flagged is None
    assert len(await pages(desk)) == before


async def test_after_a_minute_without_a_decision_anybody_may_take_them(desk: Desk) -> None:
    asked = await held(desk)
    assert not open_to_all(await read(desk, asked), desk.clock() + DAY)
    await desk.queue.raise_level(asked.person, Level.RED, [])
    found = await read(desk, asked)
    assert not open_to_all(found, desk.clock() + LATE - 1)
    assert open_to_all(found, desk.clock() + LATE)


async def test_a_supervisor_who_came_and_vanished_is_called_again(desk: Desk) -> None:
    asked = await held(desk)
    await desk.on_shift("sue")
    await desk.queue.raise_level(asked.person, Level.RED, [])
    await passes(desk, 2)
    await desk.queue.claim(asked.id, "sue")
    await desk.nobody_beats()
    assert await aside(desk) == [asked.id]
    await passes(desk, 2)
    assert [event for event, _, _ in await pages(desk)] == ["supervisor"] * 2


@pytest.mark.parametrize("how", ["asks anew", "rises", "comes back"])
async def test_whoever_comes_to_be_on_hold_in_danger_is_called_out(desk: Desk, how: str) -> None:
    if how == "comes back":
        talk = await taken(desk)
        await desk.queue.holds.hold(talk.id, "abusive", 24)
        await desk.queue.raise_level(talk.person, Level.RED, ["danger_words"])
        assert not (await read(desk, talk)).alarm, "a counsellor is there"
        desk.clock.forward(31)
        await desk.queue.lapses.run(desk.clock())
    else:
        asked = await held(desk)
        if how == "asks anew":
            await desk.queue.abandon(asked.person, what="open")
        await desk.asks("p", Level.RED)
    assert [bool(one.alarm) for one in await desk.queue.aside()] == [True]
    assert await desk.queue.escalation.run(desk.clock(), page) == ["supervisor"]


# -- what is kept ------------------------------------------------------------------------------
@pytest.mark.parametrize("hours", HOURS)
async def test_it_is_kept_no_longer_than_it_lasts(desk: Desk, hours: int) -> None:
    asked = await held(desk, hours=hours)
    left = await desk.redis.ttl(desk.keys.flag(asked.person))
    assert hours * HOUR - 5 <= left <= hours * HOUR <= KEEP
    assert 0 < await desk.redis.ttl(desk.keys.flagged()) <= KEEP


@pytest.mark.parametrize("act", ["flag", "hold"])
async def test_leave_takes_it_along(desk: Desk, act: str) -> None:
    talk = await taken(desk)
    if act == "flag":
        await desk.queue.holds.flag(talk.id, "ana", "abusive", 24)
    else:
        await desk.queue.holds.hold(talk.id, "abusive", 24)
        await desk.queue.release(talk.id, "ana")
    await desk.queue.abandon(talk.person)
    kept = {name for name in await desk.names() if talk.person in name and "screen" not in name}
    assert kept == set()
    assert "flagged" not in await desk.names()
    assert (await desk.asks("p")).flagged is None


async def test_falling_silent_does_not(desk: Desk) -> None:
    talk = await taken(desk)
    await desk.queue.holds.flag(talk.id, "ana", "flooding", 24)
    await desk.queue.abandon(talk.person, what="silence")
    assert (await desk.asks("p")).flagged is not None


async def test_nobody_held_vanishes_when_their_record_runs_out(desk: Desk) -> None:
    asked = await held(desk, hours=48)
    await desk.redis.expire(desk.keys.handoff(asked.id), 300)
    await desk.queue.lapses.run(desk.clock())
    assert await desk.queue.get(asked.id) is None
    assert [reply.text for reply in await desk.shown("p")] == [
        words().reply("handoff_cancelled", "en").text
    ], "as with anybody who waits"
    await desk.queue.lapses.run(desk.clock())
    assert "flagged" not in await desk.names()
