"""Help lines: every number shown is in directory/, the nearest ones for every province."""

import re
from datetime import UTC, datetime, time, timedelta

import pytest

from bot.directory import REGIONS, Entry
from tests.core.world import LANGUAGES, World, directory, payloads, text_of

NATIONAL = ("1-833-900-1010", "1-800-222-TIPS (8477)", "9-8-8", "1-800-668-6868", "2-1-1",
            "1-866-602-9448")  # fmt: skip
#: Between right-to-left letters numbers carry a left-to-right mark.
MARK = "\u200e"
NUMBER = re.compile(r"(?<![\d-])\d(?:-\d{3}-\d{3}-\d{4}|-\d-\d)(?![\d-])")


def digits(number: str) -> str:
    return re.sub(r"\D", "", number)


def numbers_of(entry: Entry) -> set[str]:
    """The digits of what an entry says to call or to text."""
    phone = {digits(entry.phone.display)} if entry.phone else set()
    return phone | ({digits(entry.text.number)} if entry.text else set())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_national_lines_come_in_order_in_every_language(
    world: World, language: str
) -> None:
    person = world.someone()
    await person.presses(f"lang:{language}", "do:numbers")
    text = person.read_words().replace(MARK, "")
    places = [text.index(number) for number in NATIONAL]
    assert places == sorted(places)
    assert "do:near_me" in payloads(person.shown)
    assert person.shown[0].passable


async def test_regions_are_the_thirteen(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:near_me")
    offered = {payload for payload in payloads(person.shown) if payload.startswith("region:")}
    assert offered == {f"region:{code}" for code in REGIONS}
    assert len(offered) == 13


@pytest.mark.parametrize("language", ["en", "fr", "ar", "zh-Hans"])
@pytest.mark.parametrize("region", REGIONS)
async def test_every_province_shows_the_hotline_first_and_only_known_numbers(
    world: World, region: str, language: str
) -> None:
    person = world.someone()
    await person.presses(f"lang:{language}", f"region:{region}")
    text = person.read_words().replace(MARK, "")
    shown = NUMBER.findall(text)
    assert shown[0] == "1-833-900-1010"
    allowed = [entry for entry in directory() if entry.national or region in entry.regions]
    assert {digits(number) for number in shown} <= {n for e in allowed for n in numbers_of(e)}
    assert person.shown[0].passable
    assert len(person.shown[0].text) < 4096, "it is one message on Telegram"


@pytest.mark.parametrize("region", REGIONS)
async def test_when_every_line_was_checked_too_long_ago_there_are_still_the_national_ones(
    world: World, region: str
) -> None:
    """A hotline that nobody has checked for half a year is better than a heading without one."""
    last = max(entry.verified_on for entry in directory())
    world.clock.now = datetime.combine(last + timedelta(days=181), time(15), UTC).timestamp()
    person = world.someone()
    for asked in (f"region:{region}", "do:near_me", "do:numbers"):
        await person.presses("lang:en", asked)
        text = person.read_words().replace(MARK, "")
        assert all(number in text for number in NATIONAL), asked


async def test_lines_for_indigenous_people_that_are_too_old_give_way_to_the_national_ones(
    world: World,
) -> None:
    last = max(entry.verified_on for entry in directory())
    world.clock.now = datetime.combine(last + timedelta(days=181), time(15), UTC).timestamp()
    person = world.someone()
    await person.says("do you speak cree?")
    assert person.was_told("language_indigenous")
    assert NATIONAL[0] in person.read_words().replace(MARK, "")


async def test_in_nunavut_nobody_is_sent_to_9_1_1(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "region:NU", "do:emergency")
    assert person.was_told("card_911_nunavut")
    assert "RCMP" in person.read_words()
    assert "Call 9-1-1" not in person.read_words()
    await person.presses("region:ON", "do:emergency")
    assert person.was_told("card_911")


async def test_a_number_to_text_is_shown_only_where_it_works(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:numbers")
    assert text_of("line_text", number="988") in person.read_words()
    assert text_of("line_text", number="211") not in person.read_words()
    await person.presses("region:ON", "do:numbers")
    assert text_of("line_text", number="211") in person.read_words()
    await person.presses("region:QC", "do:numbers")
    assert text_of("line_text", number="211") not in person.read_words()


async def test_the_province_is_asked_once_and_remembered(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:near_me", "region:QC", "do:near_me")
    assert not person.was_told("ask_region")
    assert (await person.session()).region == "QC"


async def test_another_province_can_be_chosen_later(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:near_me", "region:QC", "region:ON")
    assert (await person.session()).region == "ON"


@pytest.mark.parametrize("forged", ["region:", "region:XX", "region:CA", "region:on", "region:x:y"])
async def test_a_province_that_is_none_is_asked_for(world: World, forged: str) -> None:
    person = world.someone()
    await person.presses("lang:en", forged)
    assert person.was_told("ask_region")
    assert not (await person.session()).region


async def test_in_mid_check_the_question_comes_back_after_the_numbers(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:start_check")
    for payload in ("do:numbers", "do:emergency", "region:BC", "do:crime_stoppers"):
        await person.presses(payload)
        assert person.was_asked("safe_now")
