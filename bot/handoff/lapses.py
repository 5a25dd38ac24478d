"""What time does to handoffs, looked at by the janitor: nobody is lost because somebody is silent.

Whom a silent counsellor held is put back, the long waiting rise, the shift is tidied. What could
not be said at a person's hour is said, and what would end by itself in silence is ended and told.
"""

from typing import Any, Final

from bot.handoff import scripts
from bot.handoff.acting import Acting, Tools
from bot.handoff.closing import Closing
from bot.handoff.contact import welcome
from bot.handoff.record import Handoff, State
from bot.keys import KEEP

#: GREEN and YELLOW rise one level for every so many seconds of waiting.
RISE_AFTER: Final = 1_800
#: A handoff that ends by itself within so many seconds is ended now, and its person told. So there
#: is time for the quiet time (QUIET and GRACE in bot/conversation/session.py) and for the door to
#: delete what stands in the chat: Telegram lets nobody do that after KEEP.
ENDING: Final = 1_800
#: So many of those who wait are looked at in a round; the others in the next.
LOOKED_AT: Final = 500


class Lapses(Acting):
    """The janitor's look at leases and waits; `closing` has the words of what was kept."""

    def __init__(self, tools: Tools, closing: Closing) -> None:
        super().__init__(tools)
        self._closing = closing
        self._aged_to = 0  # the place in the queue where the next look at it begins

    async def rounded(self, began: float, now: float) -> None:
        """The janitor's round is over: one with much to do is no gap. Raises RedisError."""
        if 0 <= now - began <= self._lease:
            await self._redis.set(self._keys.round(), f"{now:.3f}", ex=KEEP)

    async def run(self, now: float) -> list[Handoff]:
        """One round; returns the handoffs whose lease ended, as they were.

        In the first round after a gap nothing lapses: pages could not show that they are alive.
        """
        keys = [self._keys.round(), self._keys.leases(), self._keys.shift()]
        await self._run("gap", keys, [f"{now:.3f}", self._lease, KEEP])
        await self.presence.drop_stale(now)
        lapsed = []
        for one in await self.held():
            if one.until > now:
                continue
            found = await self._readable(one.id)
            if found is None:
                continue
            if found.state is State.WRAP_UP:
                await self._end(found, "", "")
            elif await self._put_back(found, "", now) == "ok":
                lapsed.append(found)
        await self._age(now)
        return lapsed

    async def _age(self, now: float) -> None:
        keys, first = self._keys, self._aged_to
        answer: Any = await self._scripts["age"](
            keys=[keys.queue(), keys.leases(), keys.offers(), keys.shift(), keys.flagged()],
            args=[
                keys.handoff(""), f"{now:.3f}", RISE_AFTER, KEEP, ENDING, self._lease, first,
                first + LOOKED_AT - 1,
            ],
        )  # fmt: skip
        expired, ending, withdrawn, unflagged, untold = answer
        more = await self._redis.zcard(keys.queue()) > first + LOOKED_AT
        self._aged_to = first + LOOKED_AT if more else 0
        for one in unflagged:
            await self._signal("lifted", scripts.text(one))
        for one in withdrawn:
            await self._signal("declined", scripts.text(one))
        for gone in expired:
            await self._signal(State.EXPIRED, scripts.text(gone))
        for handoff in ending:
            if found := await self._readable(scripts.text(handoff)):
                await self._expire(found)  # what cannot be read runs out by itself
        for handoff in untold:
            if found := await self._readable(scripts.text(handoff)):
                await self._tell_kept(found, now)

    async def _expire(self, found: Handoff) -> None:
        """Nobody wrote for two days: the handoff ends while its person can still be told."""
        key = "counsellor_ended" if found.with_counsellor else "handoff_cancelled"
        verdict = await self._run(
            "expire",
            [*self._all_of(found.person), self._keys.handoff(found.id), await self._counts()],
            [
                self._keys.handoff(""), self._keys.transcript(""), found.id, ENDING,
                *await self._told(found, key, hours="0"),  # nothing of it is kept
            ],
        )  # fmt: skip
        if verdict == "ok":
            await self._signal(State.EXPIRED, found.id)

    async def _tell_kept(self, found: Handoff, now: float) -> None:
        """Says what was kept from a person whose hour has come."""
        case = await self._readable_case(found) if found.untold else None
        if case and welcome(case.safe_contact, case.zones, now):
            key, params = await self._closing.kept_words(found.id, found.untold)
            ops = scripts.flat(self._telling.ops(found, key, case, **params))
            await self._run("told", [self._keys.handoff(found.id)], [found.untold, *ops])
