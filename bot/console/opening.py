"""Whether the service is open, in words for those who work at it."""

from typing import Any

from bot.console.strings import Translate
from bot.handoff.service import Mode, Standing
from bot.moment import said


def opening_view(standing: Standing, now: float, t: Translate) -> dict[str, Any]:
    """The `mode`, whether it is `closed`, and `words` that say when that changes."""
    closed = standing.closed(now)
    return {
        "mode": standing.mode.value,
        "closed": closed,
        "words": _words(standing, now, closed, t),
    }


def _words(standing: Standing, now: float, closed: bool, t: Translate) -> str:
    if standing.mode is not Mode.AUTO:
        return t(f"opening.{standing.mode}_by_hand")
    if standing.hours is None:
        return t("opening.no_hours")
    change = standing.opens(now) if closed else standing.closes(now)
    if change is None:
        return t("opening.never" if closed else "opening.always")
    when = said(change, t("language.code"))
    return t("opening.closed_until" if closed else "opening.open_until", **when)
