"""Passing a person on: to the queue, or to a colleague who accepts or refuses.

Until the colleague accepts the first counsellor holds the person; then they change hands in one
step. A colleague who goes away without an answer is not asked any more; the person stays with their
counsellor. History, first request, level and case stay what they are.

A supervisor does the same in the holder's stead, and may offer somebody who waits: they go on
waiting until the colleague, or anybody else, claims them.
"""

from typing import Any

from bot.errors import NotOnShift, SessionEnded
from bot.handoff import scripts
from bot.handoff.acting import Acting
from bot.handoff.record import Handoff
from bot.keys import KEEP
from bot.vault import seal


class Transfers(Acting):
    """The acts of a transfer; `note` is what the next counsellor should know, never empty."""

    async def to_queue(self, handoff: str, counsellor: str, note: str) -> None:
        """Puts the person back, first of their level. Raises SessionEnded."""
        found = await self._must(handoff)
        sealed = self._sealed(found, note)
        if await self._put_back(found, counsellor, self._clock(), sealed) != "ok":
            raise SessionEnded("claim")

    async def offer(self, handoff: str, counsellor: str, colleague: str, note: str) -> None:
        """Offers the person to a colleague; a later offer takes the place of an earlier one.

        `counsellor` holds the person, "": they wait, and no note goes with them. Raises NotOnShift
        (the colleague is "off" shift or "full"), SessionEnded when somebody else holds them.
        """
        found = await self._must(handoff)
        keys = self._keys
        verdict = await self._run(
            "offer",
            [
                keys.handoff(handoff), keys.leases(), keys.shift(), keys.counsellor(colleague),
                keys.taken(colleague), keys.offers(),
            ],
            [
                counsellor, colleague, f"{self._clock():.3f}", self._lease, keys.handoff(""),
                self._sealed(found, note) if counsellor else b"", KEEP, handoff,
                *scripts.flat([self._event("offered", handoff)]),
            ],
        )  # fmt: skip
        self._refuse(verdict)

    async def accept(self, handoff: str, colleague: str) -> Handoff:
        """Takes over a person who was offered, and tells them who is here now.

        Raises NotOnShift, or SessionEnded when the offer does not stand any more.
        """
        found, keys = await self._must(handoff), self._keys
        alias, told = await self._introduced(found, colleague)
        verdict = await self._run(
            "accept",
            [
                keys.handoff(handoff), keys.leases(), keys.shift(), keys.counsellor(colleague),
                keys.handoff_of(found.person), keys.datakey(found.person),
                keys.taken(colleague), keys.session(found.person),
            ],
            [
                handoff, colleague, alias, f"{self._clock():.3f}", self._lease, KEEP,
                keys.handoff(""), self._longest,
                *scripts.flat([self._event("accepted", handoff)]),
                *told,
            ],
        )  # fmt: skip
        if verdict != "own":
            self._refuse(verdict)
        return await self._must(handoff)

    async def decline(self, handoff: str, counsellor: str) -> None:
        """The colleague refuses, or the counsellor takes the offer back. Raises SessionEnded."""
        ops = scripts.flat([self._event("declined", handoff)])
        keys = [self._keys.handoff(handoff)]
        self._refuse(await self._run("decline", keys, [counsellor, *ops]))

    async def offers(self) -> list[tuple[str, str]]:
        """Every handoff that is offered, and to whom."""
        ids: Any = sorted(await self._redis.smembers(self._keys.offers()))
        rows = zip(ids, await self._fields(ids, ("offered_to",)), strict=True)
        return [(handoff.decode(), to.decode()) for handoff, (to,) in rows if to]

    async def offered(self, colleague: str) -> list[Handoff]:
        """Everyone who is offered to this colleague now."""
        ids: Any = await self._redis.smembers(self._keys.offers())
        offered = [one for one in await self._read(sorted(ids)) if one.offered_to == colleague]
        return sorted(offered, key=lambda one: (one.rank, one.asked_at))

    def _sealed(self, found: Handoff, note: str) -> bytes:
        if not found.key:
            raise SessionEnded("handoff")
        return seal(found.key, note.encode(), self._note_context(found.person))

    @staticmethod
    def _refuse(verdict: str) -> None:
        if verdict in ("off", "full"):
            raise NotOnShift(verdict)
        if verdict != "ok":
            raise SessionEnded("offer")
