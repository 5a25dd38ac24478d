"""Passing a person on: to the queue or a colleague, never two holders, never none, place kept."""

import asyncio
import json

import pytest

from bot.errors import NotOnShift, SessionEnded
from bot.handoff.record import Handoff, Level, State
from bot.handoff.telling import worded
from tests.handoff.desk import CANARY, Desk


async def talking(desk: Desk, **asks: object) -> Handoff:
    """Ana and Ben are here; Ana talks with somebody who was the first to ask."""
    await desk.on_shift("ana", "ben")
    asked = await desk.asks("p", **asks)  # type: ignore[arg-type]
    desk.clock.forward(5)
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.say(asked.id, "ana", "Hello.")
    return asked


async def told(desk: Desk, name: str = "p") -> list[str]:
    """Which of the messages nobody wrote by hand the person has seen."""
    texts = {
        **{
            worded(desk.words, "counsellor_away", "en", choice).text: "away"
            for choice in ("any", "only_me")
        },
        desk.words.reply("counsellor_ended", "en").text: "ended",
        desk.words.reply("counsellor_ended", "en", hours="0").text: "ended",
        desk.words.reply("handoff_cancelled", "en").text: "cancelled",
        **{
            desk.words.reply("counsellor_here", "en", name=alias, languages="English").text: alias
            for alias in ("Ana", "Ben", "Cleo")
        },
        **{
            desk.words.reply("counsellor_now", "en", name=alias).text: f"{alias} now"
            for alias in ("Ana", "Ben", "Cleo")
        },
    }
    return [texts[reply.text] for reply in await desk.shown(name) if reply.text in texts]


async def now(desk: Desk, asked: Handoff) -> Handoff:
    found = await desk.queue.get(asked.id)
    assert found is not None
    return found


async def test_to_the_queue_first_of_the_level_with_a_note_for_the_next(desk: Desk) -> None:
    asked = await talking(desk)
    other = await desk.asks("q")
    await desk.queue.transfers.to_queue(asked.id, "ana", CANARY)
    assert [one.id for one in await desk.queue.waiting()] == [asked.id, other.id]
    found = await now(desk, asked)
    assert (found.asked_at, found.left_by, found.offered_to) == (asked.asked_at, "ana", "")
    assert await desk.queue.note(found) == CANARY
    assert CANARY.encode() not in await desk.dump()
    await desk.queue.claim(asked.id, "ben")
    assert await told(desk) == ["Ana", "away", "Ben now"]
    assert len(await desk.queue.transcript.read(await now(desk, asked))) == 1, "history travels"


async def test_a_colleague_accepts_and_has_the_person_in_one_step(desk: Desk) -> None:
    asked = await talking(desk)
    await desk.queue.transfers.offer(asked.id, "ana", "ben", "needs a shelter")
    offered = await now(desk, asked)
    assert (offered.claimed_by, offered.offered_to) == ("ana", "ben")
    assert [one.id for one in await desk.queue.transfers.offered("ben")] == [asked.id]
    await desk.queue.say(asked.id, "ana", "One moment.")
    desk.clock.forward(3)
    taken = await desk.queue.transfers.accept(asked.id, "ben")
    assert (taken.claimed_by, taken.claimed_as, taken.offered_to) == ("ben", "Ben", "")
    assert (taken.state, taken.asked_at, taken.level) == (State.ACTIVE, asked.asked_at, asked.level)
    assert await desk.queue.note(taken) == "needs a shelter"
    assert await told(desk) == ["Ana", "Ben now"]
    with pytest.raises(SessionEnded):
        await desk.queue.say(asked.id, "ana", "Still me?")
    await desk.queue.say(asked.id, "ben", "Hello.")
    lines = await desk.queue.transcript.read(taken)
    assert [line.text for line in lines] == ["Hello.", "One moment.", "Hello."]
    assert (await desk.queue.transfers.accept(asked.id, "ben")).claimed_by == "ben"
    assert await told(desk) == ["Ana", "Ben now"], "accepted twice, told once"


@pytest.mark.parametrize("who", ["ana", "ben"])
async def test_refused_or_taken_back_nothing_changes_for_the_person(desk: Desk, who: str) -> None:
    asked = await talking(desk)
    await desk.queue.transfers.offer(asked.id, "ana", "ben", "note")
    await desk.queue.transfers.decline(asked.id, who)
    found = await now(desk, asked)
    assert (found.claimed_by, found.offered_to) == ("ana", "")
    assert await desk.queue.note(found) == ""
    assert await told(desk) == ["Ana"]
    with pytest.raises(SessionEnded):
        await desk.queue.transfers.accept(asked.id, "ben")
    with pytest.raises(SessionEnded):
        await desk.queue.transfers.decline(asked.id, who)


@pytest.mark.parametrize("silent", [False, True])
async def test_a_colleague_who_has_gone_is_not_asked_any_more_and_the_talk_goes_on(
    desk: Desk, silent: bool
) -> None:
    asked = await talking(desk)
    await desk.queue.transfers.offer(asked.id, "ana", "ben", "note")
    if silent:
        desk.clock.forward(20)
        await desk.queue.heartbeat("ana")
        desk.clock.forward(11)
        await desk.queue.heartbeat("ana")
        await desk.queue.presence.drop_stale(desk.clock())
    else:
        await desk.queue.presence.stop("ben")
    async with desk.redis.pubsub() as channel:
        await channel.subscribe(desk.keys.events())
        await channel.get_message(timeout=5)
        assert await desk.queue.lapses.run(desk.clock()) == []
        event = await channel.get_message(timeout=5)
    assert event is not None
    assert json.loads(event["data"]) == {"what": "declined", "id": asked.id}
    found = await now(desk, asked)
    assert (found.claimed_by, found.offered_to, await desk.queue.note(found)) == ("ana", "", "")
    assert (await told(desk), await desk.queue.transfers.offers()) == (["Ana"], [])
    await desk.on_shift("ben")
    with pytest.raises(SessionEnded):
        await desk.queue.transfers.accept(asked.id, "ben")
    await desk.queue.say(asked.id, "ana", "I am still here.")


async def test_whoever_takes_over_decides_anew_whether_silence_may_end_it(desk: Desk) -> None:
    asked = await talking(desk)
    await desk.queue.keep_open(asked.id, "ana", True)
    await desk.queue.transfers.offer(asked.id, "ana", "ben", "note")
    assert not (await desk.queue.transfers.accept(asked.id, "ben")).kept_open


async def test_an_offer_to_somebody_who_is_here_stands_through_the_janitors_rounds(
    desk: Desk,
) -> None:
    asked = await talking(desk)
    await desk.queue.transfers.offer(asked.id, "ana", "ben", "note")
    for _ in range(10):
        desk.clock.forward(20)
        await desk.queue.heartbeat("ana")
        await desk.queue.heartbeat("ben")
        assert await desk.queue.lapses.run(desk.clock()) == []
    assert (await desk.queue.transfers.accept(asked.id, "ben")).claimed_by == "ben"


async def test_only_the_holder_offers_and_only_to_a_colleague_with_room(desk: Desk) -> None:
    asked = await talking(desk)
    transfers = desk.queue.transfers
    for act in (
        transfers.offer(asked.id, "ben", "ana", "note"),
        transfers.offer(asked.id, "ana", "ana", "note"),
        transfers.to_queue(asked.id, "ben", "note"),
        transfers.accept(asked.id, "ben"),
        transfers.decline(asked.id, "ben"),
    ):
        with pytest.raises(SessionEnded):
            await act
    with pytest.raises(NotOnShift, match="off"):
        await transfers.offer(asked.id, "ana", "cleo", "note")
    await desk.queue.claim((await desk.asks("q")).id, "ben")
    with pytest.raises(NotOnShift, match="full"):
        await transfers.offer(asked.id, "ana", "ben", "note")
    assert (await now(desk, asked)).offered_to == ""


async def test_filled_up_meanwhile_a_colleague_cannot_accept_and_the_offer_stands(
    desk: Desk,
) -> None:
    asked = await talking(desk)
    await desk.queue.transfers.offer(asked.id, "ana", "ben", "note")
    second = await desk.asks("q")
    await desk.queue.claim(second.id, "ben")
    with pytest.raises(NotOnShift, match="full"):
        await desk.queue.transfers.accept(asked.id, "ben")
    await desk.queue.end(second.id, "ben", "helped")
    assert (await desk.queue.transfers.accept(asked.id, "ben")).claimed_by == "ben"


async def test_a_later_offer_takes_the_place_of_an_earlier_one(desk: Desk) -> None:
    asked = await talking(desk)
    await desk.on_shift("cleo")
    await desk.queue.transfers.offer(asked.id, "ana", "ben", "one")
    await desk.queue.transfers.offer(asked.id, "ana", "cleo", "two")
    with pytest.raises(SessionEnded):
        await desk.queue.transfers.accept(asked.id, "ben")
    assert await desk.queue.note(await desk.queue.transfers.accept(asked.id, "cleo")) == "two"


@pytest.mark.parametrize("over", ["release", "end", "leave", "lapse"])
async def test_an_offer_ends_with_the_claim(desk: Desk, over: str) -> None:
    asked = await talking(desk)
    await desk.queue.transfers.offer(asked.id, "ana", "ben", "note")
    match over:
        case "release":
            await desk.queue.release(asked.id, "ana")
        case "end":
            await desk.queue.end(asked.id, "ana")
        case "leave":
            await desk.queue.abandon(asked.person)
        case "lapse":
            desk.clock.forward(31)
            await desk.queue.lapses.run(desk.clock())
            await desk.on_shift("ben")
    with pytest.raises(SessionEnded):
        await desk.queue.transfers.accept(asked.id, "ben")


async def test_accepting_and_anything_else_at_once_leave_one_holder_or_the_queue(
    desk: Desk,
) -> None:
    await desk.on_shift("ana", "ben", capacity=99)
    acts = {
        "release": desk.queue.release,
        "end": desk.queue.end,
        "decline": desk.queue.transfers.decline,
    }
    for number in range(60):
        asked = await desk.asks(f"p{number}")
        await desk.queue.claim(asked.id, "ana")
        await desk.queue.transfers.offer(asked.id, "ana", "ben", "note")
        name = list(acts)[number % 3]
        results = await asyncio.gather(
            *(act for act in (
                desk.queue.transfers.accept(asked.id, "ben"), acts[name](asked.id, "ana"),
            )),
            return_exceptions=True,
        )  # fmt: skip
        lost = [result for result in results if isinstance(result, SessionEnded)]
        assert len(lost) == 1, (name, results)
        found = await now(desk, asked)
        expected = "ben" if results[1] is lost[0] else ("" if name == "release" else "ana")
        assert found.claimed_by == expected
        places = (
            await desk.redis.zscore(desk.keys.queue(), asked.id) is not None,
            await desk.redis.zscore(desk.keys.leases(), asked.id) is not None,
        )
        assert places == ((True, False) if found.state is State.WAITING else (False, True))


async def test_take_next_gives_red_back_rather_than_let_it_be_overtaken(desk: Desk) -> None:
    await desk.on_shift("ana")
    red = await desk.asks("red", Level.RED)
    await desk.asks("orange")
    await desk.queue.claim(red.id, "ana")
    await desk.queue.transfers.to_queue(red.id, "ana", "note")
    taken = await desk.queue.take_next("ana", ["en"])
    assert taken is not None
    assert taken.id == red.id


async def test_whom_one_gave_back_comes_last_for_a_while_only(desk: Desk) -> None:
    await desk.on_shift("ana")
    first, second = await desk.asks("first"), await desk.asks("second", Level.GREEN)
    await desk.queue.claim(first.id, "ana")
    await desk.queue.release(first.id, "ana")
    taken = await desk.queue.take_next("ana", ["en"])
    assert taken is not None
    assert taken.id == second.id
    await desk.queue.release(second.id, "ana")
    desk.clock.forward(211)
    await desk.on_shift("ana")
    taken = await desk.queue.take_next("ana", ["en"])
    assert taken is not None
    assert taken.id == first.id
