"""How many asked, how soon somebody came, how it ended: figures from which nobody can be found.

The scripts of the queue add one in the same step as the act they count (`tally` and `over` in
common.lua), so nothing is counted twice or lost. Each figure stands by itself: that somebody wrote
in Punjabi and that somebody was RED are two counts, and not even Redis knows whether it was one
person. What is shown is less again, and safe from subtraction; docs/privacy.md says why:

- a day when it is over, a month's tables when the month is over, and never another figure for it;
- every figure as the five it falls into, so 0 to 4 are "<5": whether there was anybody is not told;
- every row, also those with nobody; no total. Days count who asked, a month's tables whose request
  ended: none of them has the others' sum, and no table is told for two periods that overlap.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from redis.asyncio import Redis

from bot.handoff.hours import Hours
from bot.handoff.service import Service
from bot.keys import Keys
from bot.safety.levels import Level

#: Figures are shown as the five they fall into; under this, nothing is said but that.
SMALL: Final = 5
#: Months back that are kept (keys.py), this one included.
MONTHS: Final = 13
#: A day is over only so long after its end: an act may still be on its way. Seconds.
SETTLED: Final = 3_600
#: How long somebody waited until the first counsellor came: at most so many minutes, or...
WAITS: Final = ("1", "5", "30", "120", "longer", "never")
#: How a request can end without a counsellor saying how: the person left the line or the talk, the
#: talk was closed by silence, nothing was heard for two days, or nobody noted the outcome.
UNTOLD: Final = ("left_waiting", "left_talk", "silence", "expired", "not_noted")


def day_of(now: float, hours: Hours | None) -> date:
    """The day a moment is counted on: in the time zone of the opening hours, else in UTC."""
    return (hours.local(now) if hours else datetime.fromtimestamp(now, UTC)).date()


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: `code` (a day, level, language, wait or end) and the five its count falls into."""

    code: str
    at_least: int

    @classmethod
    def of(cls, code: str, count: int) -> "Figure":
        """The row that is shown for a count."""
        return cls(code, count - count % SMALL)

    @property
    def at_most(self) -> int:
        """The largest count it may be."""
        return self.at_least + SMALL - 1

    @property
    def small(self) -> bool:
        """Whether it is under 5, or nobody."""
        return self.at_least == 0


@dataclass(frozen=True, slots=True)
class Month:
    """What is shown of a month ("2026-11"). Until it is over there are only its days."""

    name: str
    over: bool
    tables: dict[str, tuple[Figure, ...]]


class Counts:
    """Reads what may be shown. `outcomes` are the codes counsellors end a talk with."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        clock: Callable[[], float],
        languages: Collection[str],
        outcomes: Collection[str],
    ) -> None:
        self._redis, self._keys, self._clock = redis, keys, clock
        self._service = Service(redis, keys)
        # The queue's codes -> what is shown. A row must not come or go with what happened, so
        # whatever has none is counted in "other". None of these may have a multiple of five rows:
        # then all at their top would make a total that another can confirm. (The days may: no
        # other table counts the same people.)
        self.rows: dict[str, tuple[str, ...]] = {
            "level": tuple(level.name.lower() for level in Level),
            "language": (*languages, "other"),
            "wait": WAITS,
            "end": (*outcomes, *UNTOLD),
        }

    async def months(self) -> list[str]:
        """The months there is something of, newest first; this month always."""
        day = await self._settled()
        names = [f"{day:%Y-%m}"]
        while len(names) < MONTHS:
            day = day.replace(day=1) - timedelta(days=1)
            names.append(f"{day:%Y-%m}")
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.exists(self._keys.counts(name))
            there = await pipe.execute()
        oldest = max((at for at, found in enumerate(there) if found), default=0)
        return names[: oldest + 1]

    async def latest(self) -> str:
        """The last month that is over; this one when there is none."""
        months = await self.months()
        return months[min(1, len(months) - 1)]

    async def month(self, name: str) -> Month:
        """One of `months`. Raises LookupError for any other."""
        if name not in await self.months():
            raise LookupError("month")
        raw: Any = await self._redis.hgetall(self._keys.counts(name))
        counted = {field.decode(): int(count) for field, count in raw.items()}
        return published(name, counted, self.rows, await self._settled())

    async def _settled(self) -> date:
        """The first day that is not over yet."""
        return day_of(self._clock() - SETTLED, (await self._service.read()).hours)


def published(
    name: str, counted: dict[str, int], rows: dict[str, tuple[str, ...]], settled: date
) -> Month:
    """What may be shown of a month's counts on the day `settled`, which itself is not over yet."""
    day, days = date.fromisoformat(f"{name}-01"), []
    while f"{day:%Y-%m}" == name and day < settled:
        days.append(Figure.of(day.isoformat(), counted.get(f"day:{day:%d}", 0)))
        day += timedelta(days=1)
    over = f"{settled:%Y-%m}" > name
    tables = {"day": tuple(days)}
    for table, codes in rows.items():
        sums = dict.fromkeys(codes, 0)
        for field, count in counted.items():
            kind, _, code = field.partition(":")
            if kind == "level":
                code = Level(int(code)).name.lower()
            if kind == table:
                code = code if code in sums else "other"
                sums[code] = sums.get(code, 0) + count
        tables[table] = tuple(Figure.of(code, sums[code]) for code in codes) if over else ()
    return Month(name, over, tables)
