"""A service that is open from eight to ten in the evening, and the hours of its night."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from bot.handoff.hours import Hours
from bot.moment import Moment

TORONTO: Final = "America/Toronto"
OFFICE: Final = Hours.make(TORONTO, [["08:00-22:00"]] * 7)


def at(text: str) -> float:
    """The POSIX time of a wall clock there."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(TORONTO)).timestamp()


#: When it opens after the night of Monday, 23 November 2026.
OPENS: Final = Moment(int(at("2026-11-24T08:00")), TORONTO)
