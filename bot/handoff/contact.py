"""When a person may be written to unasked: the times of safe contact they chose, in local time."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

#: Who wrote so short a time ago is there: what answers them may be said at any hour, seconds.
#: The same break after which a chat with a code word locks itself.
STILL_HERE: Final = 600
#: Choice -> the full hours of the person's own clock in which a message may come unasked.
HOURS: Final[Mapping[str, range]] = {"daytime": range(8, 18), "evening": range(18, 23)}
#: Only when the person writes.
NEVER: Final = "only_me"


def limited(choice: str) -> bool:
    """Whether there are times at which nothing may come unasked."""
    return choice == NEVER or choice in HOURS


def welcome(choice: str, zones: Collection[str], now: float) -> bool:
    """Whether a message may come unasked at `now` (epoch seconds).

    `zones` are the time zones the person may be in; the hour must be right in each of them, so
    somebody whose region is not known is written to only when it is safe all over the country.
    """
    if choice == NEVER:
        return False
    hours = HOURS.get(choice)
    if hours is None:  # at any time, or not said
        return True
    local = [datetime.fromtimestamp(now, ZoneInfo(zone)).hour for zone in zones]
    return bool(local) and all(hour in hours for hour in local)
