"""What the supervisor's board shows, as plain data: who is on what, who waits, what lacks."""

from collections.abc import Sequence
from statistics import median
from typing import Any, Final

from bot.console.accounts import Account
from bot.console.context import Console
from bot.console.scene import Scene, read_scene, shared_view
from bot.console.strings import Translate
from bot.console.views import aside_view, brief, clock_words, language_name
from bot.handoff import silence
from bot.handoff.record import Handoff, InLine
from bot.safety.levels import Level

#: So many of those who wait are shown; whoever stands behind them is counted.
SHOWN: Final = 20
#: A claim that lapses within so many seconds: its counsellor's page has missed a sign of life.
SOON: Final = 15


async def board_view(desk: Console, account: Account, t: Translate) -> dict[str, Any]:
    """The whole board; the strip's figures are those of every desk."""
    scene = await read_scene(desk)
    shared, now = shared_view(desk, scene, t), scene.now
    asking = [one async for one in desk.queue.in_line()]
    people = await counsellors(desk, scene, t)
    return {
        "levels": [_level(level, asking, now) for level in Level],
        "late": shared["late"],
        "surge": shared["surge"],
        "closed": shared["closed"],
        "counsellors": people,
        "on_shift": sum(one["on_shift"] for one in people),
        "free": sum(one["free"] for one in people),
        "gaps": _gaps(asking, people, now, desk, t),
        "waiting": [await person(desk, one, t) for one in scene.waiting[:SHOWN]],
        "waiting_total": scene.total,
        "on_hold": aside_view(desk, scene.aside, t),
        "me": {"login": account.login, "alias": account.alias, "roles": sorted(account.roles)},
        "now": now,
    }


async def counsellors(desk: Console, scene: Scene, t: Translate) -> list[dict[str, Any]]:
    """Everyone who is on shift or holds somebody, by alias, with whom they hold."""
    until = {one.id: one.until for one in scene.held}
    held: dict[str, list[dict[str, Any]]] = {login: [] for login in scene.on_shift}
    for one in await desk.queue.several(list(until)):
        shown = await person(desk, one, t, until[one.id])
        held.setdefault(one.claimed_by, []).append(shown)
    people = []
    mates = await desk.accounts.several(list(held))
    for mate in sorted(mates, key=lambda mate: mate.alias.casefold()):
        holds, here = held[mate.login], mate.login in scene.on_shift
        people.append(
            {
                "login": mate.login,
                "alias": mate.alias,
                "languages": list(mate.languages),
                "language_names": [language_name(desk, code, t) for code in mate.languages],
                "on_shift": here,
                "capacity": mate.capacity,
                "free": max(0, mate.capacity - len(holds)) if here else 0,
                "holds": sorted(holds, key=lambda shown: float(shown["asked_at"])),
            }
        )
    return people


async def person(desk: Console, found: Handoff, t: Translate, until: float = 0) -> dict[str, Any]:
    """One person on the board; `until`: when the claim lapses. Never a word, never an answer.

    `waited` is from the first request to the claim, or to now; `silent` says who has not written
    for how long: the person, or the counsellor, from whom an answer is awaited.
    """
    now = desk.clock()
    offered = await desk.accounts.find(found.offered_to) if found.offered_to else None
    awaited, silent = silence.answer_since(found), silence.since(found)
    who = "counsellor" if awaited else "person" if silent else ""
    left = int(until - now)
    return {
        **brief(desk, found, t),
        "held_by": found.claimed_by,
        "held_words": clock_words(now - found.claimed_at) if found.claimed_by else "",
        "waited_words": clock_words((found.claimed_at or now) - found.asked_at),
        "silent": who,
        "silent_words": clock_words(now - (awaited or silent)) if who else "",
        "offered_to": offered.alias if offered else "",
        "lapses": max(0, left) if until and left < SOON else None,
    }


def closed_view(
    desk: Console, found: Handoff, at: float, left: int, t: Translate
) -> dict[str, Any]:
    """One talk that ended and is still kept; `left`: seconds until nothing is left of it."""
    return {
        **brief(desk, found, t),
        "outcome": found.outcome,
        "outcome_words": t(f"outcome.{found.outcome}", found.outcome) if found.outcome else "",
        "closed_at": at,
        "closed_words": span_words(desk.clock() - at, t),
        "erases_in": left,
        "erases_words": span_words(left, t),
    }


def span_words(seconds: float, t: Translate) -> str:
    """A long time in words, in the two units that matter."""
    minutes = max(0, int(seconds)) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return t("span.days", days=days, hours=hours)
    return t("span.hours", hours=hours, minutes=rest) if hours else t("span.minutes", minutes=rest)


def _level(level: Level, asking: Sequence[InLine], now: float) -> dict[str, Any]:
    ages = [now - one.asked_at for one in asking if one.rank is level]
    oldest, middle = (max(ages), median(ages)) if ages else (0.0, 0.0)
    return {
        "level": level.name.lower(),
        "waiting": len(ages),
        "longest": round(oldest),
        "longest_words": clock_words(oldest),
        "median": round(middle),
        "median_words": clock_words(middle),
    }


def _gaps(
    asking: Sequence[InLine],
    people: Sequence[dict[str, Any]],
    now: float,
    desk: Console,
    t: Translate,
) -> list[dict[str, Any]]:
    """Languages of those who wait that nobody on shift speaks, or nobody with a free place.

    One that is not known is nobody's.
    """
    here = [mate for mate in people if mate["on_shift"]]
    spoken = {code for mate in here for code in mate["languages"]}
    free = {code for mate in here if mate["free"] for code in mate["languages"]}
    waits: dict[str, list[float]] = {}
    for one in asking:
        if one.language not in free:
            waits.setdefault(one.language, []).append(now - one.asked_at)
    gaps = [
        {
            "language": code,
            "language_name": language_name(desk, code, t),
            "gap": "unknown" if not code else "busy" if code in spoken else "nobody",
            "waiting": len(ages),
            "longest": round(max(ages)),
            "longest_words": clock_words(max(ages)),
        }
        for code, ages in waits.items()
    ]
    return sorted(gaps, key=lambda gap: (gap["gap"] == "busy", -float(gap["longest"])))
