"""A moment in words: right in every language, in digits anybody can read, whatever the zone."""

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.bidi import keep_numbers
from bot.directory.regions import REGIONS
from bot.moment import Moment, city, said, said_day
from tests.core.world import LANGUAGES, text_of

TORONTO = "America/Toronto"
RIGHT_TO_LEFT = ("ar", "fa", "ur")


def moment(text: str, zone: str = TORONTO) -> Moment:
    return Moment(
        int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()), zone
    )


MONDAY = moment("2026-11-23T08:00")


def test_it_comes_back_from_its_text() -> None:
    assert Moment.parse(str(MONDAY)) == MONDAY
    assert MONDAY.local.isoformat() == "2026-11-23T08:00:00-05:00"


@pytest.mark.parametrize(
    ("language", "when"),
    [
        ("en", "Monday, November 23, 8:00\u00a0a.m."),
        ("fr", "lundi 23 novembre, 08 h 00"),
        ("es", "lunes, 23 de noviembre, 8:00\u00a0a.m."),
        ("ru", "понедельник, 23 ноября, 08:00"),
        ("zh-Hans", "11月23日星期一 08:00"),
        ("ko", "11월 23일 (월요일) 오전 8:00"),
        ("pa", "ਸੋਮਵਾਰ, 23 ਨਵੰਬਰ, 8:00 AM"),
        ("so", "Isniin, Noofeembar 23, 8:00 AM"),
        ("ar", "الاثنين، 23 نوفمبر، 8:00 ص"),
        ("th", "วันจันทร์ 23 พฤศจิกายน 08:00"),
    ],
)
def test_it_is_written_as_people_there_write_it(language: str, when: str) -> None:
    assert said(MONDAY, language)["when"] == when


@pytest.mark.parametrize("language", LANGUAGES)
def test_day_and_clock_are_in_western_digits_and_in_words_of_the_language(language: str) -> None:
    morning, evening = said(MONDAY, language)["when"], said(moment("2026-11-23T20:30"), language)
    assert {"23", "00"} <= set(re.findall(r"\d+", morning))
    assert re.search(r"(?<!\d)0?8(?!\d)", morning)
    assert not re.search(r"[^\W0-9]*[٠-٩۰-۹०-९০-৯੦-੯૦-૯௦-௯๐-๙]", morning + evening["when"])
    assert "30" in re.findall(r"\d+", evening["when"])
    assert morning.replace("00", "30") != evening["when"], "morning and evening differ"
    days = {said_day(date(2026, 11, day), language) for day in range(23, 30)}
    assert len({re.sub(r"\d+", "", day) for day in days}) == 7, "each weekday has its name"
    assert re.sub(r"\d+", "", said_day(date(2026, 11, 23), language)) in re.sub(r"\d+", "", morning)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_clock_of_the_country_is_named_by_its_place(language: str) -> None:
    zones = set(REGIONS.values())
    names = {city(zone, language) for zone in zones}
    assert len(names) == len(zones)
    told = text_of("handoff_until", language, place=4, when=MONDAY)
    assert city(TORONTO, language) in told
    assert keep_numbers(said(MONDAY, language)["when"]).replace("\u200e", "") in told.replace(
        "\u200e", ""
    )
    assert not re.search(r"[{}]", told)


@pytest.mark.parametrize("language", RIGHT_TO_LEFT)
def test_between_right_to_left_letters_a_clock_with_latin_letters_keeps_its_order(
    language: str,
) -> None:
    told = text_of("handoff_until", language, place=4, when=MONDAY)
    for clock in re.finditer(r"\d+:\d\d\s[AP]M", told):
        assert told[clock.start() - 1] == "\u200e"


def test_the_first_of_a_month_is_an_ordinal_in_french_only() -> None:
    first = date(2026, 12, 1)
    assert said_day(first, "fr") == "mardi 1er décembre"
    assert said_day(date(2026, 12, 11), "fr") == "vendredi 11 décembre"
    assert said_day(first, "es") == "martes, 1 de diciembre"


def test_the_same_clock_is_another_moment_in_another_zone() -> None:
    there = moment("2026-11-23T08:00", "America/Vancouver")
    assert there != MONDAY
    assert said(there, "en")["when"] == said(MONDAY, "en")["when"]
    assert city("America/St_Johns", "en") == "St. John’s"
