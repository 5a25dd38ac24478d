"""When nobody comes to somebody RED: supervisors are called, then the on-call, then they are told.

Who has a counsellor and gets no answer has nobody either: the same calls, and nothing is told.

The janitor looks every round. Each call is one Lua step that marks the handoff, so it is made once
whatever restarts, and only while the person is RED and waits, or that answer is owed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.handoff import scripts, silence
from bot.handoff.acting import Acting
from bot.handoff.record import Handoff
from bot.inbox import Op
from bot.safety.levels import Level

#: Somebody RED who waits longer than this waits too long, seconds since the first request.
LATE: Final = 60
#: So many of the queue are looked at in a round; RED stand first in it.
LOOKED_AT: Final = 1_000
#: The commands that page somebody: event, level, seconds waited.
Page = Callable[[str, str, int], list[Op]]


@dataclass(frozen=True, slots=True)
class Call:
    """One call, `after` so many seconds since the first request.

    `alone`: since a counsellor was last there, if that was later; a short break is no reason yet to
    say that nobody comes.
    """

    name: str
    after: int
    alone: bool = False


CALLS: Final = (
    Call("supervisor", LATE),
    Call("on_call", 2 * LATE),
    Call("told", 2 * LATE, alone=True),  # the person, by the times of safe contact they chose
)
#: The same while a counsellor owes an answer, seconds since it is awaited: an answer takes a while.
UNANSWERED: Final = (Call("supervisor", 2 * LATE), Call("on_call", 3 * LATE))


class Escalation(Acting):
    """Makes the calls that are due."""

    async def run(self, now: float, page: Page | None = None) -> list[str]:
        """One round; returns the names of the calls made. Without `page` only the desk is told."""
        made = await self._of_those_on_hold(now, page) + await self._of_those_held(now, page)
        _, line = await self.line(LOOKED_AT)
        for handoff, level, asked in line:
            if level is not Level.RED or now - asked < LATE:
                continue
            one = await self._readable(handoff)
            if one is None:
                continue
            for call in CALLS:
                since = max(one.asked_at, one.left_at) if call.alone else one.asked_at
                if call.name in one.escalated or now - since < call.after:
                    continue
                if await self._call(one, call, call.after, now, page):
                    made.append(call.name)
        return made

    async def _of_those_on_hold(self, now: float, page: Page | None) -> list[str]:
        """Danger said by somebody on hold: nobody else can come, so supervisors are called at once.

        The rest follows as for everybody, counted from then, until a supervisor has decided.
        """
        made = []
        for held in await self.aside():
            for call in CALLS:
                after = call.after - LATE
                if not held.alarm or call.name in held.escalated or now - held.alarm < after:
                    continue
                one = await self._readable(held.id)  # with its data key
                if one and await self._call(one, call, after, now, page):
                    made.append(call.name)
        return made

    async def _of_those_held(self, now: float, page: Page | None) -> list[str]:
        """The counsellor sleeps, and their page shows signs of life by itself."""
        made = []
        reds = [held.id for held in await self.held() if held.level is Level.RED]
        for one in await self.several(reds):
            since = silence.answer_since(one)
            for call in UNANSWERED:
                if not since or call.name in one.overdue or now - since < call.after:
                    continue
                ops = [self._event("late", one.id)]
                if page:
                    ops += page(call.name, one.level.name.lower(), int(now - since))
                seen = [f"{one.claimed_at:.3f}", f"{one.spoken_at:.3f}"]
                keys = [self._keys.handoff(one.id)]
                if await self._run("overdue", keys, [call.name, *seen, *scripts.flat(ops)]) == "ok":
                    made.append(call.name)
        return made

    async def _call(
        self, found: Handoff, call: Call, after: int, now: float, page: Page | None
    ) -> bool:
        told, ops = [], [self._event("late", found.id)]
        if call.name == "told":
            told = await self._told(found, "handoff_late")
        elif page:
            ops += page(call.name, found.level.name.lower(), int(now - found.asked_at))
        verdict = await self._run(
            "escalate",
            [self._keys.handoff(found.id)],
            [
                call.name, f"{now:.3f}", after, "alone" if call.alone else "asked",
                len(ops), *scripts.flat(ops), *told,
            ],
        )  # fmt: skip
        return verdict == "ok"
