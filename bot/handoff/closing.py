"""What somebody who waits is told of their place; and closing time, when all who wait are told.

At closing time each hears what they would hear if they asked for their place now. The janitor
looks every round. Whom it tells is marked with the closing's name in the same step, so nobody is
told twice; a closing after the service was open again, or that ends at another hour, has another
name.
"""

from typing import Any, Final

from bot.handoff import scripts
from bot.handoff.acting import Acting
from bot.handoff.telling import kept
from bot.inbox import Op

#: So many people are told in a round; the others in the next.
TOLD_A_ROUND: Final = 100
#: So many of the queue are looked at in one step: Redis does nothing else meanwhile.
LOOKED_AT: Final = 1_000
#: True only in the moment it is said: what was kept of these is not told, but looked up anew.
OF_THE_MOMENT: Final = frozenset({"handoff_until", "handoff_nobody"})


class Closing(Acting):
    """Tells people of their place, and that the service has closed."""

    async def place_words(self, handoff: str) -> tuple[str, dict[str, str]]:
        """The response about a place in line, and what it is filled with.

        True figures, or that they are not known; when it is closed, the hour it opens.
        """
        at, now = await self.place(handoff), self._clock()
        place = {"place": str(at.number)}
        if not at.number:  # a supervisor holds them back (holds.py), of which nothing is said
            return "handoff_unknown", {}
        standing = await self.service.read()
        if opens := standing.opens(now):
            return "handoff_until", {**place, "when": str(opens)}
        if standing.closed(now) or await self.counsellors_on_shift() == 0:
            return "handoff_nobody", place
        if at.minutes is None:
            return "handoff_waiting_place", place
        return "handoff_waiting", {**place, "minutes": str(at.minutes)}

    async def kept_words(self, handoff: str, untold: str) -> tuple[str, dict[str, str]]:
        """What was kept from somebody, as it is true now."""
        key, params = kept(untold)
        return await self.place_words(handoff) if key in OF_THE_MOMENT else (key, params)

    async def informed_ops(self, handoff: str) -> list[Op]:
        """The commands that note that a turn has told somebody of the closing; none while open.

        Commit them with the guard of the handoff.
        """
        now = self._clock()
        if not (await self.service.read()).closed(now):
            return []
        return [("HSET", self._keys.handoff(handoff), "closing", await self.service.closing(now))]

    async def run(self, now: float) -> int:
        """One round; returns how many were told."""
        if not (await self.service.read()).closed(now):
            await self.service.reopened()
            return 0
        name, told = await self.service.closing(now), 0
        for first in range(0, await self._redis.zcard(self._keys.queue()), LOOKED_AT):
            for handoff in await self._uninformed(name, first):
                told += await self._tell(handoff, name)
                if told == TOLD_A_ROUND:
                    return told
        return told

    async def _uninformed(self, name: str, first: int) -> list[str]:
        """Those of a part of the queue who were not told of this closing."""
        ids: Any = await self._scripts["uninformed"](
            keys=[self._keys.queue()],
            args=[self._keys.handoff(""), name, first, first + LOOKED_AT - 1],
        )
        return [scripts.text(one) for one in ids]

    async def _tell(self, handoff: str, name: str) -> bool:
        found = await self._readable(handoff)
        if found is None:
            return False
        key, params = await self.place_words(handoff)
        if key not in OF_THE_MOMENT:  # open again, or held back meanwhile
            return False
        told = await self._told(found, key, **params)
        return await self._run("closing", [self._keys.handoff(handoff)], [name, *told]) == "ok"
