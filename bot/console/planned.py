"""The shift plan: who is planned when. Dates and times of the service's zone; no person in it.

It decides nothing: people are taken by who is on shift, not by who is planned.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Self

from redis.asyncio import Redis

from bot.handoff.hours import Span, WrongHours, epoch_of, read_date
from bot.keys import Keys

#: Entries older than this are dropped.
KEPT: Final = timedelta(days=7)
#: More entries are a mistake.
MOST: Final = 1_000
Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """Somebody is planned; as text "2026-11-23 08:00-16:00 ana"."""

    day: date
    span: Span
    login: str

    def __str__(self) -> str:
        return f"{self.day.isoformat()} {self.span} {self.login}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The entry back from its text. Raises WrongHours."""
        day, span, login = [*text.split(" "), "", ""][:3]
        return cls(read_date(day), Span.parse(span), login)

    def stretch(self, zone: str) -> Stretch:
        """From when to when, epoch seconds."""
        begin = epoch_of(self.day, self.span.start, zone)
        return begin, epoch_of(self.day, self.span.end, zone, last=True)


class Plan:
    """The plan in Redis: a sorted set by day, so that what is old goes in one step."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._key = redis, keys.plan()

    async def read(self, first: date, last: date) -> list[Planned]:
        """Everybody planned on these days, in order."""
        raw: Any = await self._redis.zrange(
            self._key, first.toordinal(), last.toordinal(), byscore=True
        )
        found = []
        for entry in raw:
            try:
                found.append(Planned.parse(entry.decode()))
            except WrongHours:  # damaged: it must not hide the others
                continue
        return sorted(found)

    async def add(self, entry: Planned, today: date) -> None:
        """Plans somebody; twice is once. Drops what is old. Raises WrongHours when it is full."""
        await self._redis.zremrangebyscore(self._key, "-inf", f"({(today - KEPT).toordinal()}")
        if await self._redis.zcard(self._key) >= MOST:
            raise WrongHours("full")
        await self._redis.zadd(self._key, {str(entry): entry.day.toordinal()})

    async def remove(self, entry: str) -> bool:
        """Takes an entry out; whether it was there."""
        return bool(await self._redis.zrem(self._key, entry))


def gaps(open_: Iterable[Stretch], planned: Iterable[Stretch]) -> list[Stretch]:
    """When it is open and nobody is planned."""
    busy, found = sorted(planned), []
    for begin, end in open_:
        at = begin
        for start, stop in busy:
            if start > at and at < end:
                found.append((at, min(start, end)))
            at = max(at, stop)
        if at < end:
            found.append((at, end))
    return found
