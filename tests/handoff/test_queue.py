"""The way of a handoff: asked, waiting in order, claimed by one, answered, released or ended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from bot.errors import AlreadyClaimed, NotOnShift, SessionEnded
from bot.handoff.record import Handoff, Level, State
from tests.handoff.desk import Desk


async def state_of(desk: Desk, handoff: Handoff) -> State:
    found = await desk.queue.get(handoff.id)
    assert found is not None
    return found.state


async def test_a_handoff_goes_from_waiting_to_claimed_to_active_to_wrap_up_to_closed(
    desk: Desk,
) -> None:
    await desk.on_shift("ana")
    asked = await desk.asks("p")
    assert asked.state is State.WAITING
    claimed = await desk.queue.claim(asked.id, "ana")
    assert (claimed.state, claimed.claimed_by, claimed.claimed_as) == (State.CLAIMED, "ana", "Ana")
    await desk.queue.say(asked.id, "ana", "Hello.")
    assert await state_of(desk, asked) is State.ACTIVE
    await desk.queue.end(asked.id, "ana")
    assert await state_of(desk, asked) is State.WRAP_UP
    await desk.queue.end(asked.id, "ana", "helped")
    closed = await desk.queue.get(asked.id)
    assert closed is not None
    assert (closed.state, closed.outcome) == (State.CLOSED, "helped")
    assert await desk.queue.current(asked.person) is None


async def test_the_open_handoff_is_the_current_one_until_it_ends(desk: Desk) -> None:
    await desk.on_shift("ana")
    assert await desk.queue.current(desk.person("p").person) is None
    asked = await desk.asks("p")
    for act in (
        lambda: desk.queue.claim(asked.id, "ana"),
        lambda: desk.queue.say(asked.id, "ana", "Hello."),
        lambda: desk.queue.release(asked.id, "ana"),
    ):
        await act()
        current = await desk.queue.current(asked.person)
        assert current is not None
        assert current.id == asked.id


async def test_asking_again_keeps_the_place_and_only_ever_raises(desk: Desk) -> None:
    first = await desk.asks("p", Level.YELLOW)
    desk.clock.forward(60)
    await desk.asks("q", Level.ORANGE)
    again = await desk.asks("p", Level.GREEN, safe_contact="evening")
    assert (again.id, again.handle, again.asked_at) == (first.id, first.handle, first.asked_at)
    assert again.level is Level.YELLOW
    assert (await desk.queue.case(again)).safe_contact == "evening"
    await desk.queue.raise_level(first.person, Level.RED, ["danger_words"])
    raised = await desk.queue.current(first.person)
    assert raised is not None
    assert raised.level is Level.RED
    assert raised.rules == ("asked_for_person", "danger_words")
    assert (await desk.queue.waiting())[0].id == first.id


async def test_the_queue_is_ordered_by_level_then_by_who_asked_first(desk: Desk) -> None:
    for name, level in [("a", 4), ("b", 2), ("c", 1), ("d", 2), ("e", 3), ("f", 1)]:
        await desk.asks(name, Level(level))
        desk.clock.forward(1)
    waiting = await desk.queue.waiting()
    expected = [desk.person(name).person for name in "cfbdea"]
    assert [handoff.person for handoff in waiting] == expected
    places = [(await desk.queue.place(handoff.id)).number for handoff in waiting]
    assert places == [1, 2, 3, 4, 5, 6]


async def test_of_two_claims_at_once_exactly_one_wins(desk: Desk) -> None:
    await desk.on_shift("ana", "ben", capacity=500)
    for number in range(200):
        asked = await desk.asks(f"p{number}")
        results = await asyncio.gather(
            desk.queue.claim(asked.id, "ana"),
            desk.queue.claim(asked.id, "ben"),
            return_exceptions=True,
        )
        won = [result for result in results if isinstance(result, Handoff)]
        lost = [result for result in results if isinstance(result, AlreadyClaimed)]
        assert (len(won), len(lost)) == (1, 1)
        assert lost[0].holder == won[0].claimed_as


async def test_two_taking_the_next_at_once_never_get_the_same_person(desk: Desk) -> None:
    await desk.on_shift("ana", "ben", "cleo", capacity=100)
    for number in range(60):
        await desk.asks(f"p{number}")
    taken = []
    for _ in range(20):
        taken += await asyncio.gather(
            *(desk.queue.take_next(login, ["en"]) for login in ("ana", "ben", "cleo"))
        )
    assert len({handoff.id for handoff in taken if handoff}) == 60
    assert await desk.queue.take_next("ana", ["en"]) is None


async def test_only_who_is_on_shift_and_has_room_can_claim(desk: Desk) -> None:
    first, second = await desk.asks("p"), await desk.asks("q")
    with pytest.raises(NotOnShift, match="off"):
        await desk.queue.claim(first.id, "ana")
    await desk.on_shift("ana")
    await desk.queue.claim(first.id, "ana")
    assert (await desk.queue.claim(first.id, "ana")).claimed_by == "ana"
    with pytest.raises(NotOnShift, match="full"):
        await desk.queue.claim(second.id, "ana")
    with pytest.raises(SessionEnded):
        await desk.queue.claim("nothing", "ana")
    await desk.queue.end(first.id, "ana", "helped")
    assert (await desk.queue.claim(second.id, "ana")).state is State.CLAIMED


async def test_a_waiting_person_returns_to_the_front_when_the_counsellor_drops(desk: Desk) -> None:
    await desk.on_shift("ana", "ben")
    older, younger = await desk.asks("old"), None
    desk.clock.forward(5)
    younger = await desk.asks("young")
    await desk.queue.claim(younger.id, "ana")
    desk.clock.forward(20)
    await desk.queue.heartbeat("ben")
    desk.clock.forward(11)
    lapsed = await desk.queue.lapses.run(desk.clock())
    assert [handoff.id for handoff in lapsed] == [younger.id]
    assert [handoff.id for handoff in await desk.queue.waiting()] == [younger.id, older.id]
    assert [reply.text for reply in await desk.shown("young")][-1] == desk.words.reply(
        "counsellor_away", "en"
    ).text
    assert await desk.queue.presence.on_shift() == ["ben"]
    with pytest.raises(SessionEnded):
        await desk.queue.say(younger.id, "ana", "Too late.")
    back = await desk.queue.claim(younger.id, "ben")
    assert back.asked_at == younger.asked_at


async def test_who_was_put_back_never_overtakes_a_higher_level(desk: Desk) -> None:
    await desk.on_shift("ana")
    low = await desk.asks("low", Level.ORANGE)
    await desk.queue.claim(low.id, "ana")
    red = await desk.asks("red", Level.RED)
    await desk.queue.release(low.id, "ana")
    assert [handoff.id for handoff in await desk.queue.waiting()] == [red.id, low.id]


async def test_a_heartbeat_keeps_the_claim(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await desk.asks("p")
    await desk.queue.claim(asked.id, "ana")
    for _ in range(10):
        desk.clock.forward(20)
        assert await desk.queue.heartbeat("ana")
        assert await desk.queue.lapses.run(desk.clock()) == []
    assert await state_of(desk, asked) is State.CLAIMED


async def test_waiting_makes_green_and_yellow_rise_and_red_is_never_overtaken(desk: Desk) -> None:
    green = await desk.asks("green", Level.GREEN)
    desk.clock.forward(1_900)
    yellow = await desk.asks("yellow", Level.YELLOW)
    await desk.queue.lapses.run(desk.clock())
    assert [handoff.id for handoff in await desk.queue.waiting()] == [green.id, yellow.id]
    desk.clock.forward(1_800)
    red = await desk.asks("red", Level.RED)
    orange = await desk.asks("orange", Level.ORANGE)
    await desk.queue.lapses.run(desk.clock())
    order = [handoff.id for handoff in await desk.queue.waiting()]
    assert order == [red.id, green.id, yellow.id, orange.id]
    desk.clock.forward(20_000)
    await desk.queue.lapses.run(desk.clock())
    assert [handoff.id for handoff in await desk.queue.waiting()] == order
    assert [handoff.level for handoff in await desk.queue.waiting()] == [1, 4, 3, 2]


async def test_take_next_prefers_a_known_language_for_a_while_but_not_before_red(
    desk: Desk,
) -> None:
    await desk.on_shift("ana", capacity=9)
    arabic = await desk.asks("arabic", language="ar")
    desk.clock.forward(10)
    english = await desk.asks("english")
    taken = await desk.queue.take_next("ana", ["en"])
    assert taken is not None
    assert taken.id == english.id
    english_red = await desk.asks("later", Level.RED)
    await desk.queue.raise_level(arabic.person, Level.RED, ["danger_words"])
    taken = await desk.queue.take_next("ana", ["en"])
    assert taken is not None
    assert taken.id == arabic.id
    assert (await desk.queue.waiting())[0].id == english_red.id


async def test_take_next_does_not_hand_back_whom_one_has_just_released(desk: Desk) -> None:
    await desk.on_shift("ana")
    first = await desk.asks("p")
    desk.clock.forward(1)
    second = await desk.asks("q")
    await desk.queue.claim(first.id, "ana")
    await desk.queue.release(first.id, "ana")
    taken = await desk.queue.take_next("ana", ["en"])
    assert taken is not None
    assert taken.id == second.id


async def test_an_estimate_is_given_only_when_it_is_honest(desk: Desk) -> None:
    await desk.on_shift("ana", capacity=99)
    for number in range(5):
        asked = await desk.asks(f"p{number}")
        assert (await desk.queue.place(asked.id)).minutes is None
        desk.clock.forward(120)
        await desk.queue.presence.start("ana")
        await desk.queue.claim(asked.id, "ana")
    ids = []
    for number in range(3):
        ids.append((await desk.asks(f"w{number}")).id)
        desk.clock.forward(1)
    assert [(await desk.queue.place(handoff)).minutes for handoff in ids] == [2, 4, 6]
    await desk.queue.presence.stop("ana")
    assert (await desk.queue.place(ids[0])).minutes is None
    assert (await desk.queue.place("nothing")).number == 0


async def test_only_fifty_waits_are_kept(desk: Desk) -> None:
    await desk.on_shift("ana", capacity=99)
    for number in range(60):
        await desk.queue.claim((await desk.asks(f"p{number}")).id, "ana")
    assert await desk.redis.llen(desk.keys.waits()) == 50


async def test_open_handoffs_have_different_handles(desk: Desk) -> None:
    handles = [(await desk.asks(f"p{number}")).handle for number in range(150)]
    assert len(set(handles)) >= 149  # eight tries each; a tie of two would still be readable


async def test_a_counsellor_cannot_act_on_a_colleagues_claim(desk: Desk) -> None:
    await desk.on_shift("ana", "ben")
    asked = await desk.asks("p")
    await desk.queue.claim(asked.id, "ana")
    for act in (
        desk.queue.say(asked.id, "ben", "x"),
        desk.queue.release(asked.id, "ben"),
        desk.queue.end(asked.id, "ben", "helped"),
        desk.queue.end(asked.id, "ben"),
    ):
        with pytest.raises(SessionEnded):
            await act
    assert await state_of(desk, asked) is State.CLAIMED


async def test_a_wrap_up_left_alone_closes_by_itself(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await desk.asks("p")
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.end(asked.id, "ana")
    told = len(await desk.shown("p"))
    desk.clock.forward(31)
    assert await desk.queue.lapses.run(desk.clock()) == []
    assert await state_of(desk, asked) is State.CLOSED
    assert len(await desk.shown("p")) == told


async def test_scores_keep_the_order_of_people_who_ask_in_the_same_second(desk: Desk) -> None:
    asked = []
    for number in range(20):
        asked.append(await desk.asks(f"p{number}"))
        desk.clock.forward(0.01)
    waiting = await desk.queue.waiting()
    assert [handoff.id for handoff in waiting] == [handoff.id for handoff in asked]
    assert all(first.asked_at < second.asked_at for first, second in pairwise(waiting))


async def test_a_language_nobody_knows_is_anybodys(desk: Desk) -> None:
    await desk.on_shift("ana", languages="fr")
    unknown = await desk.asks("p", language_known=False)
    desk.clock.forward(1)
    await desk.asks("q", language="fr")
    taken = await desk.queue.take_next("ana", ["fr"])
    assert taken is not None
    assert (taken.id, taken.language_known) == (unknown.id, False)


async def held_by_ana(desk: Desk) -> Handoff:
    """Somebody whom Ana, on shift, has just taken."""
    await desk.on_shift("ana")
    asked = await desk.asks("p")
    return await desk.queue.claim(asked.id, "ana")


@contextlib.asynccontextmanager
async def full_redis(desk: Desk) -> AsyncIterator[None]:
    """Inside, Redis takes nothing that needs room."""
    await desk.redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        await desk.redis.config_set("maxmemory", 0)


@pytest.mark.parametrize("took", [20.0, 40.0])
async def test_a_round_with_much_to_do_is_no_gap_and_one_that_stood_still_is(
    desk: Desk, took: float
) -> None:
    asked = await held_by_ana(desk)
    began = desk.clock()
    assert await desk.queue.lapses.run(began) == []
    desk.clock.forward(took)
    await desk.queue.lapses.rounded(began, desk.clock())
    desk.clock.forward(2)
    await desk.queue.lapses.run(desk.clock())
    desk.clock.forward(9)  # nobody has given a sign of life since they took them
    lapsed = await desk.queue.lapses.run(desk.clock())
    assert [one.id for one in lapsed] == ([asked.id] if took < 30 else [])


async def test_in_a_full_redis_whoever_is_there_keeps_their_person(desk: Desk) -> None:
    asked = await held_by_ana(desk)
    async with full_redis(desk):
        for _ in range(5):
            desk.clock.forward(10)
            assert await desk.queue.heartbeat("ana")
            assert await desk.queue.lapses.run(desk.clock()) == []
    assert [one.id for one in await desk.queue.held()] == [asked.id]


async def test_a_full_redis_puts_people_back_all_the_same(desk: Desk) -> None:
    asked = await held_by_ana(desk)
    async with full_redis(desk):
        lapsed = await desk.nobody_beats()
    assert [one.id for one in lapsed] == [asked.id]
