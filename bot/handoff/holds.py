"""Flags and holds: people who harass, flood or fish, without cutting off anybody in danger.

A flag tells whoever comes next what to be ready for. A hold, which only a supervisor places, keeps
the person out of the line for a while: the assistant goes on answering, and danger said meanwhile
calls supervisors out (escalation.py). Both lapse by themselves, and go with Leave.
"""

from collections.abc import Sequence
from typing import Final

from bot.errors import OnHold, SessionEnded
from bot.handoff.acting import Acting
from bot.handoff.record import Flag, Handoff
from bot.keys import KEEP

#: Why somebody is flagged.
REASONS: Final = ("abusive", "sexual", "flooding", "someone_else", "test")
#: Why somebody may be held. Not because somebody else may be writing: behind them is a person who
#: may be in the greatest danger of all, with the same phone.
HELD_FOR: Final = tuple(reason for reason in REASONS if reason != "someone_else")
#: For how long, hours; the second when nothing is chosen. Nothing of a person is kept longer than
#: the last (KEEP).
HOURS: Final = (1, 24, 48)


class Holds(Acting):
    """The acts. `by` is the login of the counsellor who holds the person, "" for a supervisor."""

    async def flag(self, handoff: str, by: str, reason: str, hours: int) -> None:
        """Marks the person of this handoff, for this and their next ones.

        Raises SessionEnded, or OnHold: what a supervisor has placed is not undone by a flag.
        """
        await self._mark(handoff, by, reason, hours, hold=False)

    async def hold(self, handoff: str, reason: str, hours: int) -> None:
        """Keeps the person out of the line; again: for so long from now. Raises SessionEnded."""
        await self._mark(handoff, "", reason, hours, hold=True)

    async def lift(self, handoff: str, by: str) -> None:
        """Ends flag and hold. Raises SessionEnded, or OnHold when that is not the holder's."""
        found = await self._must(handoff)
        args = [self._keys.handoff(""), by, f"{self._clock():.3f}"]
        self._refuse(await self._run("lift", self._keys_of(found), args))
        await self._signal("lifted", found.id)

    async def _mark(self, handoff: str, by: str, reason: str, hours: int, *, hold: bool) -> None:
        found, now = await self._must(handoff), self._clock()
        if reason not in (HELD_FOR if hold else REASONS) or hours not in HOURS:
            raise ValueError("no such reason or time")
        flag = Flag(reason, now + hours * 3600, hold)
        args = [
            self._keys.handoff(""), by, f"{now:.3f}", str(flag), f"{flag.until:.3f}", hours * 3600,
            "1" if hold else "", KEEP,
        ]  # fmt: skip
        self._refuse(await self._run("flag", self._keys_of(found), args))
        await self._signal("flagged", found.id)

    def _keys_of(self, found: Handoff) -> list[str]:
        keys = self._keys
        return [
            keys.handoff(found.id), keys.handoff_of(found.person), keys.queue(), keys.flagged(),
            keys.flag(found.person),
        ]  # fmt: skip

    @staticmethod
    def _refuse(verdict: str) -> None:
        if verdict == "held":
            raise OnHold
        if verdict != "ok":
            raise SessionEnded("handoff")


def alarms(aside: Sequence[Handoff]) -> int:
    """How many of them may be in danger since they are held, and nobody has decided."""
    return sum(bool(one.alarm) for one in aside)
