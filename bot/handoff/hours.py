"""When the service is open: a weekly pattern, exceptions by date, one time zone. Pure: no clock.

A day's hours are those that begin on it: a night from the 24th to the 25th belongs to the 24th.
When the clocks change, a time of day that is skipped is the moment of the change; one that comes
twice opens at its first and closes at its second.
"""

import functools
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo, available_timezones

from bot.moment import Moment

#: Spans a day may have, and exceptions there may be.
MOST_SPANS: Final = 6
MOST_DATES: Final = 100
#: No further ahead is looked, days: longer than any sensible exception lies ahead.
_FURTHEST: Final = 800
_DAY: Final = 24 * 60
_SPAN = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")


class WrongHours(Exception):
    """What is wrong: zone, week, span, overlap, date, many; of a plan also unset, login, full.

    `at` is the day it is about (0 for Monday, or a date), `text` what stood there.
    """

    def __init__(self, code: str, at: str = "", text: str = "") -> None:
        super().__init__(code)
        self.code, self.at, self.text = code, at, text


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From and to in minutes of the day it begins on; `end` over 24 h is the next day."""

    start: int
    end: int

    def __str__(self) -> str:
        end = self.end if self.end <= _DAY else self.end - _DAY
        return "-".join(f"{at // 60:02}:{at % 60:02}" for at in (self.start, end))

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "22:00-06:00"; "24:00" ends a day. Raises WrongHours."""
        found = _SPAN.fullmatch(text)
        if not found:
            raise WrongHours("span", text=text)
        hour, minute, to_hour, to_minute = map(int, found.groups())
        start, end = hour * 60 + minute, to_hour * 60 + to_minute
        if minute > 59 or to_minute > 59 or start >= _DAY or end > _DAY or start == end:
            raise WrongHours("span", text=text)
        return cls(start, end if end > start else end + _DAY)


Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """`week` has seven days from Monday on; in `dates` a day has other hours, none is closed."""

    zone: str
    week: tuple[Spans, ...]
    dates: Mapping[date, Spans] = field(default_factory=dict)

    @classmethod
    def make(
        cls,
        zone: object,
        week: object,
        dates: object = None,
    ) -> Self:
        """From texts, as `to_json` writes them: nothing is guessed. Raises WrongHours."""
        if not isinstance(zone, str) or not known_zone(zone):
            raise WrongHours("zone", text=str(zone)[:60])
        if not isinstance(week, list | tuple) or len(week) != 7:
            raise WrongHours("week")
        if not isinstance(dates or {}, Mapping):
            raise WrongHours("date")
        given: Mapping[Any, Any] = dates or {}  # type: ignore[assignment]
        if len(given) > MOST_DATES:
            raise WrongHours("many")
        return cls(
            zone,
            tuple(_spans(day, str(number)) for number, day in enumerate(week)),
            {read_date(day): _spans(spans, str(day)) for day, spans in sorted(given.items())},
        )

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """The hours back. Raises WrongHours."""
        try:
            fields = json.loads(raw)
            return cls.make(fields["zone"], fields["week"], fields["dates"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise WrongHours("week") from None

    def to_json(self) -> str:
        """The wire form."""
        return json.dumps(self.as_texts(), separators=(",", ":"))

    def as_texts(self) -> dict[str, Any]:
        """Zone, week and dates in texts, for JSON and for people."""
        return {
            "zone": self.zone,
            "week": [[str(span) for span in day] for day in self.week],
            "dates": {
                day.isoformat(): [str(span) for span in spans] for day, spans in self.dates.items()
            },
        }

    def on(self, day: date) -> Spans:
        """The spans that begin on a day."""
        return self.dates.get(day, self.week[day.weekday()])

    def local(self, now: float) -> datetime:
        """Calendar and clock of the service's zone."""
        return datetime.fromtimestamp(now, ZoneInfo(self.zone))

    def open_at(self, now: float) -> bool:
        """Whether it is open at `now` (epoch seconds)."""
        return any(begin <= now < end for begin, end in self._spans(now, 2))

    def opens_after(self, now: float) -> Moment | None:
        """The first moment after `now` at which it goes from closed to open; None for never."""
        starts = (begin for begin, _ in self.stretches(now) if begin > now)
        begin = next(starts, None)
        return None if begin is None else Moment(begin, self.zone)

    def closes_after(self, now: float) -> Moment | None:
        """When it closes that is open at `now`; None when it is closed, or always open."""
        begin, end = next(self.stretches(now), (0, 0))
        far = epoch_of(self.local(now).date() + timedelta(self._ahead(now) - 2), 0, self.zone)
        return Moment(end, self.zone) if begin <= now < end < far else None

    def stretches(self, now: float, days: int = 0) -> Iterator[tuple[int, int]]:
        """From when to when it is open, after `now`, in order; spans that touch are one stretch.

        `days`: no further ahead than so many; 0 for as far as anything can change.
        """
        begin = end = None
        for start, stop in self._spans(now, days or self._ahead(now)):
            if begin is None or end is None:
                begin, end = start, stop
            elif start <= end:
                end = max(end, stop)
            else:
                yield begin, end
                begin, end = start, stop
        if begin is not None and end is not None:
            yield begin, end

    def _spans(self, now: float, days: int) -> Iterator[tuple[int, int]]:
        """The spans of the days around and after `now` that end after it, by their beginning."""
        today = self.local(now).date()
        for offset in range(-2, days):
            day = today + timedelta(offset)
            for span in self.on(day):
                begin = epoch_of(day, span.start, self.zone)
                end = epoch_of(day, span.end, self.zone, last=True)
                if begin < end and end > now:
                    yield begin, end

    def _ahead(self, now: float) -> int:
        """So many days ahead whatever is to come has come: past every exception, and a week."""
        last = max(self.dates, default=date.min)
        return min(_FURTHEST, max(0, (last - self.local(now).date()).days) + 10)


def known_zone(zone: str) -> bool:
    """Whether it is an IANA time zone that is named by a place, as all of Canada's are."""
    return "/" in zone and zone in _zones()


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def read_date(day: object) -> date:
    """From "2026-12-25". Raises WrongHours."""
    try:
        found = date.fromisoformat(day) if isinstance(day, str) else None
    except ValueError:
        found = None
    if found is None or found.isoformat() != day:
        raise WrongHours("date", text=str(day)[:60])
    return found


def epoch_of(day: date, minutes: int, zone: str, *, last: bool = False) -> int:
    """When a clock in `zone` shows so many minutes after the midnight `day` began with.

    Epoch seconds. Of two such moments the first, or the `last`; when the clock skips that time,
    the moment it does.
    """
    place = ZoneInfo(zone)
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    first, again = (int(wall.replace(tzinfo=place, fold=fold).timestamp()) for fold in (0, 1))
    if first <= again:
        return again if last else first
    before, after = again, first
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, place).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after


def _spans(texts: object, at: str) -> Spans:
    if not isinstance(texts, Sequence) or isinstance(texts, str) or len(texts) > MOST_SPANS:
        raise WrongHours("span", at)
    spans = []
    for text in texts:
        try:
            spans.append(Span.parse(text if isinstance(text, str) else ""))
        except WrongHours as wrong:
            raise WrongHours(wrong.code, at, wrong.text) from None
    spans.sort()
    for one, following in itertools.pairwise(spans):
        if following.start < one.end:
            raise WrongHours("overlap", at, f"{one}, {following}")
    return tuple(spans)
