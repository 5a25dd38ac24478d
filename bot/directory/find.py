"""Picks and orders the help lines for one person: pure, so it works when everything is down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot.directory.entries import KINDS, Entry, Opening

#: Always the first line offered, to whomever it serves.
FIRST: Final = "ca_human_trafficking_hotline"
#: The only entry that is found however long ago it was checked. Where nothing is found, people are
#: shown the national lines all the same (bot/handlers/help_lines.py).
NEVER_STALE: Final = "ca_911"
STALE_AFTER: Final = timedelta(days=180)

#: Offered only when asked for by kind: 9-1-1 has a card of its own, and a tip line is not help.
ON_REQUEST: Final = frozenset({"emergency", "tipline"})


def find(
    entries: Iterable[Entry],
    *,
    region: str | None,
    kinds: Sequence[str] | None,
    language: str | None,
    at: datetime,
) -> list[Entry]:
    """Entries for a person in `region` (None: not known), best first.

    kinds: the kinds wanted, None for every kind of help (no 9-1-1, no tip lines). language: BCP 47
    or None. at: now, with a timezone. Order: the trafficking hotline; lines that speak the person's
    language or may; the region's own before national; open, then unknown, then closed; language
    known to be served; kind; the order of the files.
    """
    if at.tzinfo is None:
        raise ValueError("at must have a timezone")
    wanted = [kind for kind in KINDS if kind not in ON_REQUEST] if kinds is None else list(kinds)
    fitting = [
        entry
        for entry in entries
        if entry.kind in wanted and _covers(entry, region) and not stale(entry, at.date())
    ]

    def rank(entry: Entry) -> tuple[int, ...]:
        served = entry.serves(language) if language else True
        return (
            entry.id != FIRST,
            served is False,  # a line nobody can talk to the person on helps less than any other
            entry.national,
            (True, None, False).index(open_now(entry, at)),
            served is None,
            wanted.index(entry.kind),
        )

    return sorted(fitting, key=rank)


def open_now(entry: Entry, at: datetime) -> bool | None:
    """Whether somebody answers at `at` (timezone-aware); None when the hours are not known."""
    hours = entry.hours
    if hours is None:
        return None
    if hours.always:
        return True
    if hours.timezone is None:
        return None
    local = at.astimezone(ZoneInfo(hours.timezone))
    return any(_within(opening, local) for opening in hours.weekly)


def stale(entry: Entry, on: date) -> bool:
    """Whether the entry was checked too long before the day `on` to be offered still."""
    return entry.id != NEVER_STALE and on - entry.verified_on > STALE_AFTER


def _covers(entry: Entry, region: str | None) -> bool:
    if entry.national or region in entry.regions:
        return True
    # 9-1-1 is not national (Nunavut); to somebody whose place is not known it is still given.
    return region is None and entry.kind == "emergency"


def _within(opening: Opening, local: datetime) -> bool:
    today, now = local.weekday(), local.time()
    if opening.start < opening.end:
        return today in opening.days and opening.start <= now < opening.end
    started_today = today in opening.days and now >= opening.start
    return started_today or ((today - 1) % 7 in opening.days and now < opening.end)
