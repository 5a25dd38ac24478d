"""Opening hours, pure: weekly spans, nights, exceptions, and the days on which clocks change."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.handoff.hours import Hours, Span, WrongHours, epoch_of, known_zone

TORONTO = "America/Toronto"
NEVER: list[list[str]] = [[]] * 7
#: Where clocks change by an hour, by half an hour, not at all, and once by a whole day.
ZONES = (TORONTO, "America/St_Johns", "America/Regina", "Australia/Lord_Howe", "Pacific/Apia")
#: Nights on which clocks there change, and an ordinary one.
NIGHTS = (date(2026, 3, 8), date(2026, 11, 1), date(2026, 4, 5), date(2026, 10, 4),
          date(2011, 12, 30), date(2026, 6, 10))  # fmt: skip

spans = st.builds(
    lambda start, length: str(Span(start, start + length)),
    st.integers(0, 24 * 60 - 1),
    st.integers(1, 24 * 60 - 1),
)


@st.composite
def days(draw: Any) -> list[str]:
    """The spans of a day; those that overlap an earlier one are left out."""
    kept: list[Span] = []
    for text in draw(st.lists(spans, max_size=3)):
        one = Span.parse(text)
        if all(one.end <= other.start or other.end <= one.start for other in kept):
            kept.append(one)
    return [str(one) for one in sorted(kept)]


@st.composite
def all_hours(draw: Any) -> tuple[Hours, float]:
    """Hours, and a moment within a few days of a night on which clocks may change."""
    night = draw(st.sampled_from(NIGHTS))
    near = st.integers(-9, 9).map(lambda off: (night + timedelta(days=off)).isoformat())
    hours = Hours.make(
        draw(st.sampled_from(ZONES)),
        draw(st.lists(days(), min_size=7, max_size=7)),
        draw(st.dictionaries(near, days(), max_size=4)),
    )
    midnight = datetime(night.year, night.month, night.day, tzinfo=ZoneInfo(hours.zone))
    return hours, midnight.timestamp() + draw(st.integers(-5 * 86_400, 5 * 86_400))


def by_the_wall(hours: Hours, now: float) -> bool:
    """What somebody says who looks at the calendar and the clock on the wall, and knows no more."""
    wall = hours.local(now).replace(tzinfo=None)
    for back in (0, 1, 2):
        day = wall.date() - timedelta(days=back)
        minutes = (wall - datetime(day.year, day.month, day.day)).total_seconds() / 60
        if any(span.start <= minutes < span.end for span in hours.on(day)):
            return True
    return False


@settings(max_examples=150, deadline=None)
@given(all_hours(), st.lists(st.integers(-86_400, 86_400), min_size=1, max_size=20))
def test_on_ordinary_days_it_is_what_calendar_and_clock_say(
    given_: tuple[Hours, float], offsets: list[int]
) -> None:
    hours, now = given_
    zone = ZoneInfo(hours.zone)
    around = [datetime.fromtimestamp(now + day * 86_400, zone).utcoffset() for day in range(-5, 6)]
    assume(len(set(around)) == 1)
    for offset in offsets:
        assert hours.open_at(now + offset) is by_the_wall(hours, now + offset)


@settings(max_examples=150, deadline=None)
@given(all_hours())
def test_stretches_openings_and_closings_are_one_truth(given_: tuple[Hours, float]) -> None:
    hours, now = given_
    stretches = list(hours.stretches(now))
    for (begin, end), (following, _) in pairwise(stretches):
        assert begin < end < following, "in order, and never touching"
    edges = {edge for stretch in stretches[:-1] for edge in stretch if edge > now}
    for at in [now, *(edge + off for edge in edges for off in (-1, 0))]:
        if at >= now:
            inside = any(begin <= at < end for begin, end in stretches)
            assert hours.open_at(at) is inside
    opens = hours.opens_after(now)
    if opens is None:
        assert hours.open_at(now) or not any(hours.week), "closed for good, or open for good"
    else:
        assert opens.at > now
        assert hours.open_at(opens.at)
        assert not hours.open_at(opens.at - 1)
        closes = hours.closes_after(now)
        assert hours.open_at(now) is (closes is not None)
        if closes:
            assert now < closes.at < opens.at
            assert not hours.open_at(closes.at)
            assert hours.open_at(closes.at - 1)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ZONES), st.sampled_from(NIGHTS), st.integers(-600, 2_000), st.booleans())
def test_a_moment_is_when_the_clock_first_shows_that_time_or_goes_past_it(
    zone: str, night: date, minutes: int, last: bool
) -> None:
    at = epoch_of(night, minutes, zone, last=last)
    wanted = datetime(night.year, night.month, night.day) + timedelta(minutes=minutes)
    shown, before = (
        datetime.fromtimestamp(when, ZoneInfo(zone)).replace(tzinfo=None) for when in (at, at - 1)
    )
    assert shown == wanted or before < wanted < shown


def local(text: str, fold: int = 0, zone: str = TORONTO) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def week(**named: str) -> list[list[str]]:
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    return [[named[name]] if name in named else [] for name in names]


def test_a_skipped_hour_opens_when_the_clocks_jump() -> None:
    hours = Hours.make(TORONTO, week(sun="02:30-05:00"))
    opens = hours.opens_after(local("2026-03-08T00:00"))
    assert opens is not None
    assert opens.at == local("2026-03-08T03:00")


def test_a_span_within_the_skipped_hour_is_not_there_that_day() -> None:
    hours = Hours.make(TORONTO, week(sun="02:10-02:50"))
    opens = hours.opens_after(local("2026-03-08T00:00"))
    assert opens is not None
    assert opens.at == local("2026-03-15T02:10")


def test_a_doubled_hour_counts_whole_and_nothing_flickers_in_it() -> None:
    hours = Hours.make(TORONTO, week(sat="22:00-01:30", sun="01:30-05:00"))
    first, second = local("2026-11-01T01:30"), local("2026-11-01T01:30", fold=1)
    assert second - first == 3_600
    assert all(hours.open_at(at) for at in range(int(first), int(second) + 60, 300))
    late = Hours.make(TORONTO, week(sat="22:00-01:30"))
    closes = late.closes_after(local("2026-10-31T23:00"))
    assert closes is not None
    assert closes.at == second
    early = Hours.make(TORONTO, week(sun="01:30-05:00"))
    opens = early.opens_after(local("2026-10-31T23:00"))
    assert opens is not None
    assert opens.at == first


def test_a_night_belongs_to_the_day_it_begins_on() -> None:
    nights = [["22:00-06:00"]] * 7
    hours = Hours.make(TORONTO, nights, {"2026-12-25": []})
    assert hours.open_at(local("2026-12-25T03:00")), "the night of the 24th"
    assert not hours.open_at(local("2026-12-25T23:00"))
    assert not hours.open_at(local("2026-12-26T03:00")), "the night of the 25th"
    closes = hours.closes_after(local("2026-12-25T03:00"))
    assert closes is not None
    assert closes.at == local("2026-12-25T06:00")
    opens = hours.opens_after(closes.at)
    assert opens is not None
    assert opens.at == local("2026-12-26T22:00")


def test_day_and_night_never_closes_until_a_holiday_does() -> None:
    always = [["00:00-24:00"]] * 7
    now = local("2026-11-22T12:00")
    assert Hours.make(TORONTO, always).closes_after(now) is None
    assert Hours.make(TORONTO, always).opens_after(now) is None
    holiday = Hours.make(TORONTO, always, {"2027-07-01": []})
    closes, opens = holiday.closes_after(now), holiday.opens_after(now)
    assert closes is not None
    assert opens is not None
    assert (closes.at, opens.at) == (local("2027-07-01T00:00"), local("2027-07-02T00:00"))


def test_an_exception_far_ahead_is_found_and_never_is_never() -> None:
    hours = Hours.make(TORONTO, NEVER, {"2027-09-01": ["08:00-12:00"]})
    opens = hours.opens_after(local("2026-11-22T12:00"))
    assert opens is not None
    assert opens.at == local("2027-09-01T08:00")
    assert Hours.make(TORONTO, NEVER).opens_after(local("2026-11-22T12:00")) is None


@settings(max_examples=50, deadline=None)
@given(all_hours())
def test_hours_come_back_from_their_wire_form(given_: tuple[Hours, float]) -> None:
    hours, _ = given_
    assert Hours.from_json(hours.to_json().encode()) == hours


@pytest.mark.parametrize(
    ("zone", "days_", "dates", "code"),
    [
        ("", NEVER, {}, "zone"),
        ("Toronto", NEVER, {}, "zone"),
        ("../../etc/passwd", NEVER, {}, "zone"),
        ("/etc/localtime", NEVER, {}, "zone"),
        ("localtime", NEVER, {}, "zone"),
        ("posix/UTC", NEVER, {}, "zone"),
        ("America", NEVER, {}, "zone"),
        ("A/" * 5_000, NEVER, {}, "zone"),
        (None, NEVER, {}, "zone"),
        (TORONTO, NEVER[:6], {}, "week"),
        (TORONTO, "closed!", {}, "week"),
        (TORONTO, None, {}, "week"),
        (TORONTO, week(mon="8-22"), {}, "span"),
        (TORONTO, week(mon="08:00-25:00"), {}, "span"),
        (TORONTO, week(mon="08:60-10:00"), {}, "span"),
        (TORONTO, week(mon="24:00-10:00"), {}, "span"),
        (TORONTO, week(mon="08:00-08:00"), {}, "span"),
        (TORONTO, [["08:00-24:30"], *NEVER[1:]], {}, "span"),
        (TORONTO, [[8], *NEVER[1:]], {}, "span"),
        (TORONTO, ["08:00-09:00", *NEVER[1:]], {}, "span"),
        (TORONTO, [["08:00-12:00", "11:00-13:00"], *NEVER[1:]], {}, "overlap"),
        (TORONTO, NEVER, {"2026-02-30": []}, "date"),
        (TORONTO, NEVER, {"20261225": []}, "date"),
        (TORONTO, NEVER, {"christmas": []}, "date"),
        (TORONTO, NEVER, ["2026-12-25"], "date"),
        (TORONTO, NEVER, {"2026-12-25": "closed"}, "span"),
        (TORONTO, NEVER, {f"2026-0{m}-{d:02}": [] for m in range(1, 7) for d in range(1, 21)},
         "many"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_and_named(zone: Any, days_: Any, dates: Any, code: str) -> None:
    with pytest.raises(WrongHours) as wrong:
        Hours.make(zone, days_, dates)
    assert wrong.value.code == code


def test_zones_come_with_the_program_not_with_the_machine() -> None:
    import tzdata  # noqa: F401 - a slim container has no others

    assert all(known_zone(zone) for zone in ZONES)
