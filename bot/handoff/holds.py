"""Flags and holds: people who harass, flood or fish, without cutting off anybody in danger.

A flag tells whoever comes next what to be ready for. A hold, which only a supervisor places, keeps
the person out of the line for a while: the assistant goes on answering, and danger said meanwhile
calls supervisors out (escalation.py). If none of them decides in a minute, anybody may take them.
Both lapse by themselves, and go with Leave.
"""

from collections.abc import Sequence
from typing import Final

from bot.errors import Moved, NotForThis, OnHold, SessionEnded
from bot.handoff.acting import Acting
from bot.handoff.escalation import LATE
from bot.handoff.record import Flag, Handoff
from bot.keys import KEEP

#: Why somebody is flagged.
REASONS: Final = ("abusive", "sexual", "flooding", "someone_else", "test")
#: Why somebody may be held. Not because somebody else may be writing: behind them is a person who
#: may be in the greatest danger of all, with the same phone.
HELD_FOR: Final = tuple(reason for reason in REASONS if reason != "someone_else")
#: For how long, hours; the second when nothing is chosen. The last is KEEP: no flag is kept longer,
#: whatever the retention.
HOURS: Final = (1, 24, 48)


class Holds(Acting):
    """The acts. `by` is the login of the counsellor who holds the person, "" for a supervisor."""

    async def flag(self, handoff: str, by: str, reason: str, hours: int) -> None:
        """Marks the person of this handoff, for this and their next ones.

        Raises SessionEnded, or OnHold: what a supervisor has placed is not undone by a flag;
        ValueError for what is none of REASONS or HOURS.
        """
        await self._mark(handoff, by, reason, hours, hold=False)

    async def hold(
        self, handoff: str, reason: str = "", hours: int = HOURS[1], seen: str = ""
    ) -> Flag:
        """Keeps the person out of the line; again: for so long from now.

        Without a reason for that of the flag that stands; a hold that stands keeps its end then.
        `seen` is what the person's Handoff.seen was when it was decided ("": whatever it is now).
        Raises SessionEnded, NotForThis, or Moved when that, or the flag, is not so any more;
        ValueError for a reason that is none of HELD_FOR, or what is none of HOURS.
        """
        return await self._mark(handoff, "", reason, hours, hold=True, seen=seen)

    async def lift(self, handoff: str, by: str) -> None:
        """Ends flag and hold. Raises SessionEnded, or OnHold when that is not the holder's."""
        found = await self._must(handoff)
        args = [self._keys.handoff(""), by, f"{self._clock():.3f}"]
        self._refuse(await self._run("lift", self._keys_of(found), args))
        await self._signal("lifted", found.id)

    async def _mark(
        self, handoff: str, by: str, reason: str, hours: int, *, hold: bool, seen: str = ""
    ) -> Flag:
        found, now = await self._must(handoff), self._clock()
        standing = found.flagged
        if hold and not reason:
            if standing is None or not standing.lasts(now):
                raise Moved
            reason = standing.reason
        elif reason not in (HELD_FOR if hold else REASONS) or hours not in HOURS:
            raise ValueError("no such reason or time")
        else:
            standing = None
        kept = standing if standing and standing.hold else None
        flag = kept or Flag(reason, now + hours * 3600, hold)
        args = [
            self._keys.handoff(""), by, f"{now:.3f}", str(flag), f"{flag.until:.3f}",
            max(1, round(flag.until - now)), "1" if hold else "", KEEP, seen,
        ]  # fmt: skip
        self._refuse(await self._run("flag", self._keys_of(found), args))
        await self._signal("flagged", found.id)
        return flag

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
        if verdict == "other":
            raise NotForThis
        if verdict == "moved":
            raise Moved
        if verdict != "ok":
            raise SessionEnded("handoff")


def open_to_all(found: Handoff, now: float) -> bool:
    """Whether anybody may take somebody on hold: in danger, and no supervisor has decided."""
    return bool(found.alarm) and now - found.alarm >= LATE


def alarms(aside: Sequence[Handoff]) -> int:
    """How many of them may be in danger since they are held, and nobody has decided."""
    return sum(bool(one.alarm) for one in aside)
