"""The desk as everybody on it sees it: read once, however many pages show it (live.py)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bot.console.accounts import Account
from bot.console.context import Console
from bot.console.opening import opening_view
from bot.console.strings import Translate
from bot.console.views import aside_view, brief, clock_words, own_view
from bot.handoff.escalation import LATE
from bot.handoff.holds import alarms, open_to_all
from bot.handoff.record import Handoff, Held, Tally
from bot.handoff.service import Standing
from bot.safety.levels import Level

#: So many of a list are shown, and read, at a time.
WINDOW: Final = 50
#: So many of those on shift are named.
NAMED: Final = 12


@dataclass(frozen=True, slots=True)
class Scene:
    """Two are equal when they look the same but for the time that has passed.

    `waiting` are those from place `start` on, `others` the first of those who are with somebody:
    WINDOW of them at most. `offers` are handoff and colleague, `aside` who is on hold.
    """

    tallies: tuple[Tally, ...]
    start: int
    waiting: tuple[Handoff, ...]
    held: tuple[Held, ...]
    others: tuple[Handoff, ...]
    offers: tuple[tuple[str, str], ...]
    aside: tuple[Handoff, ...]
    on_shift: tuple[str, ...]
    aliases: tuple[str, ...]
    at_capacity: int
    standing: Standing
    closed: bool
    now: float = field(compare=False)

    @property
    def total(self) -> int:
        """How many wait."""
        return sum(tally.waiting for tally in self.tallies)

    @property
    def reds(self) -> int:
        """How many of them are RED."""
        return sum(tally.waiting for tally in self.tallies if tally.level is Level.RED)

    @property
    def late(self) -> int:
        """How many RED have nobody: somebody should have come, or who has them does not answer.

        Whoever said danger on hold is among them.
        """
        waiting = sum(tally.late for tally in self.tallies if tally.level is Level.RED)
        return waiting + alarms(self.aside) + sum(one.overdue for one in self.held)

    def of(self, login: str) -> tuple[object, Sequence[tuple[str, Level]], object, object]:
        """What is this counsellor's own in it; when it differs, their own part does."""
        mine = tuple(sorted((one.id, one.level) for one in self.held if one.by == login))
        offered = tuple(handoff for handoff, to in self.offers if to == login)
        aside = tuple((one.id, one.seen, open_to_all(one, self.now)) for one in self.aside)
        return login in self.on_shift, mine, offered, aside


async def read_scene(desk: Console, start: int = 0) -> Scene:
    """The desk now; the queue from place `start` on, or its last part when it is shorter."""
    queue, now = desk.queue, desk.clock()
    tallies = await queue.tallies(now - LATE)
    last = max(0, sum(tally.waiting for tally in tallies) - 1)
    start = min(start, last - last % WINDOW)
    # In an order of its own: that of the leases changes with every sign of life.
    held = sorted(await queue.held(), key=lambda one: (one.by, one.id))
    on_shift = await queue.presence.on_shift()
    faces = await desk.accounts.faces(on_shift)
    holds = Counter(one.by for one in held)
    standing = await desk.queue.service.read()
    return Scene(
        tallies=tuple(tallies),
        start=start,
        waiting=tuple(await queue.waiting(start, WINDOW)),
        held=tuple(held),
        others=tuple(await queue.several([one.id for one in held[:WINDOW]])),
        offers=tuple(await queue.transfers.offers()),
        aside=tuple(await queue.aside()),
        on_shift=tuple(on_shift),
        aliases=tuple(alias for alias, _ in faces.values()),
        at_capacity=sum(holds[login] >= room for login, (_, room) in faces.items()),
        standing=standing,
        closed=standing.closed(now),
        now=now,
    )


def shared_view(desk: Console, scene: Scene, t: Translate) -> dict[str, Any]:
    """The strip and the lists; who is with somebody includes one's own."""
    opening = opening_view(scene.standing, scene.now, t)
    return {
        "levels": [_level(scene, tally) for tally in scene.tallies],
        "on_shift": list(scene.aliases),
        "named": list(scene.aliases[:NAMED]),
        "at_capacity": scene.at_capacity,
        "late": scene.late,
        "surge": scene.standing.surge,
        "closed": opening["words"] if opening["closed"] else "",
        "waiting": _briefs(desk, scene.waiting, t),
        "waiting_from": scene.start,
        "waiting_total": scene.total,
        "window": WINDOW,
        "others": _briefs(desk, scene.others, t),
        "others_total": len(scene.held),
        "now": scene.now,
    }


async def desk_view(
    desk: Console, account: Account, t: Translate, start: int = 0
) -> dict[str, Any]:
    """The whole desk of one counsellor, the queue from place `start` on."""
    scene = await read_scene(desk, start)
    mine = [one.id for one in scene.held if one.by == account.login]
    others = [one for one in scene.others if one.claimed_by != account.login]
    return {
        **shared_view(desk, scene, t),
        "on_hold": aside_view(desk, scene.aside, t),
        "mine": [own_view(desk, one, t) for one in await desk.queue.several(mine)],
        "others": _briefs(desk, others, t),
        "others_total": len(scene.held) - len(mine),
        "me": {
            "login": account.login,
            "alias": account.alias,
            "on_shift": account.login in scene.on_shift,
            "roles": sorted(account.roles),
        },
    }


def _briefs(desk: Console, handoffs: Sequence[Handoff], t: Translate) -> list[dict[str, Any]]:
    return [brief(desk, one, t) for one in handoffs]


def _level(scene: Scene, tally: Tally) -> dict[str, Any]:
    longest = 0.0 if tally.since is None else scene.now - tally.since
    return {
        "level": tally.level.name.lower(),
        "waiting": tally.waiting,
        "since": tally.since,
        "longest": round(longest),
        "longest_words": clock_words(longest),
    }
