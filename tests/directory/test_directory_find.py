"""Which help lines a person is offered, in which order, and whether somebody answers now."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.directory import REGIONS, find, load_directory, open_now, stale
from bot.directory.entries import Hours, Languages, Opening

ENTRIES = load_directory(Path(__file__).parents[2] / "directory")
BY_ID = {entry.id: entry for entry in ENTRIES}
HOTLINE = BY_ID["ca_human_trafficking_hotline"]
WEEKDAYS = (0, 1, 2, 3, 4)
#: A Monday afternoon in Toronto, two days after every entry was checked.
MONDAY = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def found(region=None, kinds=None, language="en", at=MONDAY, entries=ENTRIES):
    return [e.id for e in find(entries, region=region, kinds=kinds, language=language, at=at)]


def weekly(start, end, days=WEEKDAYS, timezone="America/Toronto"):
    return Hours(False, (Opening(days, start, end),), timezone, None)


@pytest.mark.parametrize("region", [None, *REGIONS])
@pytest.mark.parametrize("language", [None, "en", "pa", "zh-Hans"])
def test_the_trafficking_hotline_comes_first_everywhere(region, language):
    assert found(region, language=language)[0] == HOTLINE.id


@pytest.mark.parametrize("region", [None, *REGIONS])
def test_tip_lines_and_9_1_1_are_given_only_when_asked_for(region):
    assert not {"ca_crime_stoppers", "ca_cybertip", "ca_911"} & set(found(region))
    assert found(region, ["tipline"]) == ["ca_crime_stoppers", "ca_cybertip"]


@pytest.mark.parametrize("region", [None, *REGIONS])
def test_9_1_1_is_given_everywhere_but_in_nunavut(region):
    assert found(region, ["emergency"]) == ([] if region == "NU" else ["ca_911"])


def test_the_regions_own_lines_come_before_national_ones():
    offered = found("ON", language="fr")
    own = [BY_ID[id].national for id in offered[1:] if BY_ID[id].serves("fr") is not False]
    assert own == sorted(own)
    assert "on_victim_support_line" in offered
    assert not any(id.startswith(("bc_", "ab_", "qc_")) for id in offered)


def test_a_person_whose_place_is_not_known_gets_national_lines_only():
    assert all(BY_ID[id].national for id in found(None))


def test_yukon_gets_the_line_it_shares_with_british_columbia():
    assert "bc_victimlink" in found("YT", ["hotline"])


def test_kinds_narrow_the_list_and_break_ties():
    assert set(BY_ID[id].kind for id in found("BC", ["labour", "legal"])) <= {"labour", "legal"}
    assert found("QC", ["suicide"], language=None) == ["qc_suicide_866", "ca_988"]


def test_a_line_that_does_not_speak_the_language_comes_last():
    assert found("ON", ["hotline"], "fr").index("on_femaide") < 3
    assert found("ON", ["hotline"], "pa")[-1] == "on_femaide"
    assert found("ON", ["hotline"], "en")[-1] == "on_femaide"


def test_served_is_yes_no_or_not_known():
    assert HOTLINE.serves("pa") is True
    assert BY_ID["on_femaide"].serves("pa") is False
    assert BY_ID["nu_victim_services"].serves("pa") is None
    assert replace(HOTLINE, languages=Languages(("zh",), None, None)).serves("zh-Hans") is True


def test_open_comes_before_unknown_and_unknown_before_closed():
    base = BY_ID["on_victim_support_line"]
    closed = replace(base, id="on_closed", hours=weekly(time(9), time(10)))
    unknown = replace(base, id="on_unknown", hours=None)
    opened = replace(base, id="on_open")
    assert found("ON", entries=[closed, unknown, opened]) == ["on_open", "on_unknown", "on_closed"]


def test_finding_leaves_the_entries_as_they_were_and_is_repeatable():
    assert found("MB") == found("MB", entries=list(ENTRIES))


def test_a_clock_without_a_timezone_is_refused():
    with pytest.raises(ValueError, match="timezone"):
        found(at=datetime(2026, 11, 23))


def test_an_entry_not_checked_for_180_days_is_not_offered():
    day = HOTLINE.verified_on
    assert not stale(HOTLINE, day + timedelta(days=180))
    assert stale(HOTLINE, day + timedelta(days=181))
    late = datetime(2028, 1, 1, tzinfo=UTC)
    assert found("ON", at=late) == []
    assert found("ON", ["emergency"], at=late) == ["ca_911"]
    assert not stale(BY_ID["ca_911"], date(2040, 1, 1))


def local(zone, *when):
    return datetime(*when, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("at", "answered"),
    [
        (local("America/Toronto", 2026, 11, 23, 6, 29), False),
        (local("America/Toronto", 2026, 11, 23, 6, 30), True),
        (local("America/Toronto", 2026, 11, 23, 19, 59), True),
        (local("America/Toronto", 2026, 11, 23, 20, 0), False),
        (local("America/Toronto", 2026, 11, 22, 12, 0), False),  # Sunday
        (local("America/Vancouver", 2026, 11, 23, 3, 30), True),
        (local("America/Vancouver", 2026, 11, 23, 17, 30), False),
        (local("America/St_Johns", 2026, 11, 23, 8, 0), True),
        (local("America/St_Johns", 2026, 11, 23, 7, 59), False),
        (local("Asia/Manila", 2026, 11, 24, 8, 0), True),  # still Monday evening in Toronto
        (local("Asia/Manila", 2026, 11, 23, 8, 0), False),  # still Sunday there
        # The same instant of the day in UTC is inside in summer and outside in winter.
        (datetime(2026, 7, 6, 10, 30, tzinfo=UTC), True),
        (datetime(2026, 12, 7, 10, 30, tzinfo=UTC), False),
        # Around the change of the clocks (8 March and 1 November 2026, both Sundays).
        (datetime(2026, 3, 6, 11, 30, tzinfo=UTC), True),
        (datetime(2026, 3, 6, 10, 30, tzinfo=UTC), False),
        (datetime(2026, 3, 9, 10, 30, tzinfo=UTC), True),
        (datetime(2026, 10, 30, 10, 30, tzinfo=UTC), True),
        (datetime(2026, 11, 2, 10, 30, tzinfo=UTC), False),
        (datetime(2026, 11, 2, 11, 30, tzinfo=UTC), True),
    ],
)
def test_a_line_with_office_hours_is_open_on_its_own_clock(at, answered):
    assert open_now(BY_ID["ca_tfw_tip_line"], at) is answered


@pytest.mark.parametrize(
    ("at", "answered"),
    [
        (local("America/Regina", 2026, 7, 6, 21, 59), False),  # Monday
        (local("America/Regina", 2026, 7, 6, 22, 0), True),
        (local("America/Regina", 2026, 7, 7, 1, 59), True),
        (local("America/Regina", 2026, 7, 7, 2, 0), False),
        (local("America/Regina", 2026, 7, 6, 1, 0), False),  # Sunday's night is not one of its days
        (local("America/Regina", 2026, 7, 11, 1, 0), True),  # Friday's night, Saturday morning
    ],
)
def test_hours_past_midnight_belong_to_the_day_they_begin(at, answered):
    night = replace(HOTLINE, hours=weekly(time(22), time(2), timezone="America/Regina"))
    assert open_now(night, at) is answered


def test_hours_until_midnight_end_with_the_day():
    evening = replace(HOTLINE, hours=weekly(time(12), time(0)))
    assert open_now(evening, local("America/Toronto", 2026, 11, 23, 23, 59)) is True
    assert open_now(evening, local("America/Toronto", 2026, 11, 24, 0, 0)) is False


def test_unknown_hours_are_not_guessed():
    assert open_now(BY_ID["ca_crime_stoppers"], MONDAY) is None
    assert open_now(HOTLINE, MONDAY) is True


def test_every_region_has_a_clock():
    assert len(REGIONS) == 13
    for zone in REGIONS.values():
        assert ZoneInfo(zone)
