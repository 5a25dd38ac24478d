"""Whoever is on hold goes on being answered, and is never cut off when there is danger."""

import json
from typing import Any

import pytest

from bot.handoff.record import Handoff
from bot.inbox import Op
from bot.messages import Channel
from bot.safety.levels import Level
from tests.core.world import DANGER, LANGUAGES, LEAVE, SELF_HARM, Someone, World, payloads, text_of


def page(event: str, level: str, waiting: int) -> list[Op]:
    return [("RPUSH", "t-pages", json.dumps([event, level]))]


async def pages(world: World) -> list[Any]:
    """What was called out; it is forgotten then."""
    rows: Any = await world.redis.lrange("t-pages", 0, -1)
    await world.redis.delete("t-pages")
    return [json.loads(row) for row in rows]


async def on_hold(person: Someone, language: str = "en", *before: str) -> Handoff:
    """Somebody who asked for a person, and whom a supervisor holds back."""
    world = person.world
    await world.redis.delete("t-pages")
    await world.on_shift("bea")
    await person.presses(f"lang:{language}", *before, "do:person", "answer:consent:nothing")
    asked = await person.handoff()
    assert asked is not None
    await world.queue.holds.hold(asked.id, "abusive", 24)
    return asked


async def called_out(person: Someone) -> bool:
    """Whether supervisors are called about them now."""
    world, found = person.world, await person.handoff()
    assert found is not None
    await world.queue.escalation.run(world.clock(), page)
    return await pages(world) == [["supervisor", "red"]] and found.level is Level.RED


@pytest.mark.parametrize("language", LANGUAGES)
async def test_words_of_danger_bring_the_card_and_call_supervisors(
    world: World, language: str
) -> None:
    person = world.someone()
    await on_hold(person, language)
    assert not await called_out(person)
    await person.says(DANGER[language])
    assert person.was_told("report_danger", language)
    assert "9-1-1" in person.read_words()
    assert await called_out(person)


async def test_words_of_self_harm_too(world: World) -> None:
    person = world.someone()
    await on_hold(person)
    await person.says(SELF_HARM["en"])
    assert person.was_told("report_self_harm")
    assert await called_out(person)


async def test_answers_that_mean_danger_too(world: World) -> None:
    for slot, value, said in (("safe_now", "danger", "report_danger"), ("hurt_now", "yes", "")):
        person = world.someone(slot)
        await on_hold(person)
        await person.presses("do:start_check", f"answer:{slot}:{value}")
        assert not said or person.was_told(said)
        assert await called_out(person)


async def test_the_duress_word_too_and_nothing_is_shown(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:start_check", "answer:phone_seen:unsure",
                         "answer:safe_contact:any")  # fmt: skip
    await person.says("marigold")
    await person.says("daffodil")
    await on_hold(person)
    await person.says("daffodil", after=601)
    assert await called_out(person)
    await person.says("daffodil", after=601)
    assert not await called_out(person), "once, until a supervisor has decided"


async def test_who_was_red_before_the_hold_is_heard_when_danger_is_said_again(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    await person.says(DANGER["en"])
    asked = await on_hold(person)
    await person.presses("do:numbers", "do:person", "do:wait_place", "answer:consent:all")
    assert not await called_out(person), "pressing about says nothing new"
    await person.says(DANGER["en"])
    assert person.was_told("report_danger")
    assert await called_out(person)
    await world.queue.holds.hold(asked.id, "abusive", 24)
    await person.says(DANGER["en"])
    assert await called_out(person), "the supervisor had decided before this"


async def test_they_are_told_nothing_of_it_and_nothing_untrue(world: World) -> None:
    person = world.someone()
    await on_hold(person)
    for payload in ("do:wait_place", "do:person"):
        await person.presses(payload)
        assert person.was_told("handoff_unknown")
        assert not any(reply.text.startswith("You are in line") for reply in person.shown)
    assert payloads(person.shown) >= {"do:emergency", "do:leave"}
    await person.presses("do:emergency")
    assert "9-1-1" in person.read_words()
    await person.presses("do:numbers")
    assert "1-833-900-1010" in person.read_words()
    await person.presses("do:start_check")
    assert person.shown, "and the safety check goes on"
    await person.presses("do:cancel_wait")
    assert person.was_told("handoff_cancelled")


def test_what_they_are_told_names_9_1_1_and_a_line_that_is_always_open() -> None:
    for language in LANGUAGES:
        first, _, rest = text_of("handoff_unknown", language).partition("\n")
        assert not any(figure.isdigit() for figure in first), "nothing telling on a lock screen"
        assert "9-1-1" in rest
        assert "1-833-900-1010" in rest


@pytest.mark.parametrize("channel", list(Channel))
async def test_leave_takes_flag_and_hold_along(world: World, channel: Channel) -> None:
    person = world.someone(channel=channel)
    asked = await on_hold(person)
    await person.says(LEAVE["en"])
    assert await world.redis.exists(world.keys.flag(person.id), world.keys.flagged()) == 0
    assert await world.queue.get(asked.id) is None
    await person.presses("lang:en", "do:person")
    again = await person.handoff()
    assert again is not None
    assert again.flagged is None
