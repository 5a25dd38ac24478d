"""What people are told when the service is closed: when it opens, their place, who answers now."""

import pytest

from bot.dialogue.check import QUESTIONS
from bot.handoff.hours import Hours
from bot.handoff.service import Mode
from bot.moment import Moment
from bot.safety.levels import Level
from tests.core.world import LANGUAGES, Someone, World, payloads, text_of
from tests.office import OFFICE, OPENS, TORONTO, at


@pytest.fixture
async def night(world: World) -> World:
    """Monday, 23:00; it opens at eight."""
    world.clock.now = at("2026-11-23T23:00")
    await world.queue.service.change_hours(lambda _: OFFICE)
    return world


async def asks(person: Someone, language: str = "en") -> None:
    await person.presses(f"lang:{language}", "do:person")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whoever_asks_hears_when_it_opens_and_who_answers_now(
    night: World, language: str
) -> None:
    person = night.someone()
    await asks(person, language)
    assert person.was_told("handoff_until", language, place=1, when=OPENS)
    assert "1-833-900-1010" in person.read_words()
    assert {"do:wait_place", "do:cancel_wait"} <= payloads(person.shown)
    assert person.was_asked("consent", language)
    assert await person.handoff() is not None, "nobody is refused"


async def test_before_a_language_is_known_it_is_said_in_english_and_french(night: World) -> None:
    person = night.someone()
    await person.presses("do:person")
    for language in ("en", "fr"):
        assert text_of("handoff_until", language, place=1, when=OPENS) in person.read_words()


def looks_again(key: str, language: str = "en", **params: object) -> str:
    """A promise to write, as whoever set times for it is told it."""
    again = text_of("line_look_again", language)
    return f"{text_of(key, language, **params)}\n\n{again}"


@pytest.mark.parametrize("choice", QUESTIONS["safe_contact"])
async def test_who_set_times_for_being_written_to_is_told_to_look_for_themselves(
    night: World, choice: str
) -> None:
    """Behind each promise to write, and only there: it is not kept at any hour."""
    limited = choice in ("only_me", "daytime", "evening")
    promise = looks_again if limited else text_of
    person = night.someone()
    await person.presses("lang:en", f"answer:safe_contact:{choice}", "do:person")
    assert person.shown[0].text == promise("handoff_until", place=1, when=OPENS)
    assert {"do:wait_place", "do:cancel_wait"} <= payloads(person.shown[:1])
    night.clock.now = at("2026-11-24T08:30")
    await night.on_shift()
    await person.presses("do:wait_place", after=0)
    assert person.shown[0].text == promise("handoff_waiting_place", place=1)
    await night.queue.service.set_mode(Mode.CLOSED)
    await person.presses("do:wait_place")
    assert person.shown[0].text == text_of("handoff_nobody", place=1), "that promises nothing"


async def test_it_is_told_in_both_languages_before_one_is_known(night: World) -> None:
    person = night.someone()
    await person.presses("answer:safe_contact:only_me", "do:person")
    english, french = (
        looks_again("handoff_until", language, place=1, when=OPENS) for language in ("en", "fr")
    )
    assert person.shown[0].text == f"{english}\n\n— Français —\n\n{french}"


async def test_asking_for_the_place_says_it_again_with_the_place_of_now(night: World) -> None:
    ana, bo = night.someone("ana"), night.someone("bo")
    for person in (ana, bo):
        await asks(person)
    assert bo.was_told("handoff_until", place=2, when=OPENS)
    await ana.presses("do:cancel_wait")
    await bo.presses("do:wait_place")
    assert bo.was_told("handoff_until", place=1, when=OPENS)


async def test_who_was_told_by_asking_is_not_told_again_by_the_janitor(night: World) -> None:
    person = night.someone()
    await asks(person)
    await night.janitor().round()
    assert [reply for reply in await person.reads() if reply.speaker != "person"] == []


async def test_asking_on_hold_does_not_use_up_what_is_told_of_the_closing(night: World) -> None:
    night.clock.now = at("2026-11-23T21:00")
    person = night.someone()
    await asks(person)
    asked = await person.handoff()
    assert asked is not None
    await night.queue.holds.hold(asked.id, "test", 24)
    night.clock.now = at("2026-11-23T22:00")
    await person.presses("do:wait_place")
    assert person.was_told("handoff_unknown")
    await night.queue.holds.lift(asked.id, "")
    await night.janitor().round()
    told = [reply.text for reply in await person.reads()]
    assert told == [text_of("handoff_until", place=1, when=OPENS)]


async def test_closing_time_finds_who_waits_once_and_the_next_opening_resets_it(
    night: World,
) -> None:
    night.clock.now = at("2026-11-23T21:00")
    person = night.someone()
    await asks(person)
    assert person.was_told("handoff_nobody", place=1), "open, and nobody is there"
    night.clock.now = at("2026-11-23T22:00")
    for _ in range(3):
        await night.janitor().round()
    told = [reply.text for reply in await person.reads()]
    assert told == [text_of("handoff_until", place=1, when=OPENS)]
    night.clock.now = at("2026-11-24T08:00")
    await night.janitor().round()
    assert await person.reads() == [], "that it is open is no news: somebody comes or not"
    await person.presses("do:wait_place")
    assert person.was_told("handoff_nobody", place=1)


async def test_what_was_kept_is_said_as_it_is_when_they_write(night: World) -> None:
    """Only when I write: told in the morning, in the language they chose meanwhile."""
    night.clock.now = at("2026-11-23T21:00")
    person = night.someone()
    await person.presses("lang:en", "answer:safe_contact:only_me", "do:person")
    night.clock.now = at("2026-11-23T22:00")
    await night.janitor().round()
    assert await person.reads() == []
    await person.presses("lang:es", after=3_600)
    place = looks_again("handoff_until", "es", place=1, when=OPENS)
    assert place in [reply.text for reply in person.shown]
    await person.presses("do:wait_place")
    assert [reply.text for reply in person.shown].count(place) == 1


async def test_kept_and_asked_for_in_the_same_moment_it_is_said_once(night: World) -> None:
    night.clock.now = at("2026-11-23T21:00")
    person = night.someone()
    await person.presses("lang:en", "answer:safe_contact:only_me", "do:person")
    night.clock.now = at("2026-11-23T22:00")
    await night.janitor().round()
    await person.presses("do:wait_place", after=3_600)
    place = looks_again("handoff_until", place=1, when=OPENS)
    assert [one.text for one in person.shown if "number 1" in one.text] == [place]


async def test_kept_overnight_it_is_no_figure_of_last_night(night: World) -> None:
    night.clock.now = at("2026-11-23T21:00")
    person = night.someone()
    await person.presses("lang:en", "answer:safe_contact:only_me", "do:person")
    night.clock.now = at("2026-11-23T22:00")
    await night.janitor().round()
    night.clock.now = at("2026-11-24T08:30")
    await night.on_shift()
    await person.presses("do:topics", after=0)
    assert looks_again("handoff_waiting_place", place=1) in [one.text for one in person.shown]
    assert OPENS.local.strftime("%A") not in person.read_words()


async def test_opened_by_hand_at_night_or_closed_by_hand_by_day(night: World) -> None:
    ana, bo = night.someone("ana"), night.someone("bo")
    await night.queue.service.set_mode(Mode.OPEN)
    await asks(ana)
    assert ana.was_told("handoff_nobody", place=1)
    await night.on_shift()
    await ana.presses("do:wait_place", after=0)
    assert ana.was_told("handoff_waiting_place", place=1)
    await night.queue.service.set_mode(Mode.CLOSED)
    night.clock.now = at("2026-11-24T12:00")
    await night.on_shift()
    await asks(bo)
    assert bo.was_told("handoff_nobody", place=2), "closed by hand: nobody knows until when"


async def test_danger_at_night_is_red_and_gets_its_card(night: World) -> None:
    person = night.someone()
    await person.presses("lang:en", "answer:safe_now:danger")
    assert person.was_told("report_danger")
    await person.presses("do:person")
    found = await person.handoff()
    assert found is not None
    assert found.level is Level.RED
    night.clock.forward(121)
    await night.janitor().round()
    again = await person.handoff()
    assert again is not None
    assert {"supervisor", "on_call"} <= set(again.escalated)


async def _later(world: World, *steps: float) -> None:
    """So many hours go by, for Redis too; the janitor comes by after each."""
    for seconds in (round(hours * 3600) for hours in steps):
        world.clock.forward(seconds)
        for name in await world.names():
            left = await world.redis.ttl(world.keys.prefix + name)
            if left > 0:
                await world.redis.expire(world.keys.prefix + name, left - seconds)
        await world.janitor().round()
        await world.all_done()


async def test_over_a_weekend_the_place_is_kept_for_48_hours_after_the_last_message(
    world: World,
) -> None:
    week = [["08:00-22:00"]] * 5 + [[], []]
    await world.queue.service.change_hours(lambda _: Hours.make(TORONTO, week))
    world.clock.now = at("2026-11-20T23:00")  # a Friday
    person = world.someone()
    await asks(person)
    await _later(world, *[2] * 4)
    assert await person.reads() == []
    await person.presses("do:wait_place")
    monday = Moment(int(at("2026-11-23T08:00")), TORONTO)
    assert person.was_told("handoff_until", place=1, when=monday)
    await _later(world, *[2] * 23, 1)  # what the janitor asks itself keeps nobody's place
    assert await person.handoff() is not None
    assert await person.reads() == []
    await _later(world, 0.75)
    assert (await person.reads())[0].text == text_of("handoff_cancelled")
    assert await world.queue.waiting() == []
