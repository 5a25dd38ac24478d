"""Reads handoffs back from Redis: for the core (current), the person's place, and the console."""

import math
import statistics
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from bot.errors import Sealed, SessionEnded
from bot.handoff.presence import Presence
from bot.handoff.record import Case, Handoff, InLine, Place, Tally
from bot.keys import Keys
from bot.safety.levels import Level
from bot.vault import Vault, unseal

log = structlog.get_logger()
#: What `score` in common.lua makes: level * LEVEL + first request, for who goes before - FRONT.
LEVEL: Final = 1e11
FRONT: Final = 1e10
#: So many of the queue are read at a time.
PAGE: Final = 50
#: Fewer measured waits than this give no estimate.
ENOUGH_WAITS: Final = 5


class Ledger:
    """Reads handoffs and changes none; whatever acts on them is built on it (acting.py).

    `presence` is the shift, which counsellors change.
    """

    def __init__(self, redis: Redis, keys: Keys, vault: Vault, presence: Presence) -> None:
        self._redis, self._keys, self._vault = redis, keys, vault
        self.presence = presence

    async def current(self, person: str) -> Handoff | None:
        """The person's open handoff (waiting, claimed or active), or None. Raises Sealed."""
        handoff = await self._latest(person)
        found = await self.get(handoff) if handoff else None
        return found if found and found.open else None

    async def keeps(self, person: str) -> bool:
        """Whether a handoff of this person, open or ended, is still kept."""
        handoff = await self._latest(person)
        return bool(handoff and await self._redis.exists(self._keys.handoff(handoff)))

    async def get(self, handoff: str) -> Handoff | None:
        """One handoff with its data key, in any state; None when it is gone.

        Raises Sealed when it is damaged, or of another master key.
        """
        raw: Any = await self._redis.hgetall(self._keys.handoff(handoff))
        if b"state" not in raw or b"person" not in raw:
            return None
        person = raw[b"person"].decode()
        wrapped: Any = await self._redis.get(self._keys.datakey(person))
        key = self._vault.data_key(wrapped, person) if wrapped else b""
        return self._parse(handoff, raw, key)

    async def case(self, handoff: Handoff) -> Case:
        """What the counsellor may see; an empty case once the data key is erased. Raises Sealed."""
        sealed: Any = await self._redis.hget(self._keys.handoff(handoff.id), "case")
        if not sealed or not handoff.key:
            return Case(consent=handoff.consent)
        context = self._keys.handoff_of(handoff.person)
        return Case.from_json(unseal(handoff.key, sealed, context))

    async def note(self, handoff: Handoff) -> str:
        """What the last counsellor who passed this person on wrote for the next; "" for nothing.

        Raises Sealed.
        """
        sealed: Any = await self._redis.hget(self._keys.handoff(handoff.id), "note")
        if not sealed or not handoff.key:
            return ""
        return unseal(handoff.key, sealed, self._note_context(handoff.person)).decode()

    async def private(self, handoff: Handoff) -> str:
        """What counsellors have noted for themselves about this person; "" for nothing.

        Raises Sealed.
        """
        sealed: Any = await self._redis.hget(self._keys.handoff(handoff.id), "private")
        if not sealed or not handoff.key:
            return ""
        return unseal(handoff.key, sealed, self._private_context(handoff.person)).decode()

    async def untold(self, person: str) -> tuple[str, str]:
        """The person's last handoff, open or ended, and what they were not told yet; "" for none.

        For handoffs that ended, which `current` does not find.
        """
        handoff = await self._latest(person)
        if not handoff:
            return "", ""
        held: Any = await self._redis.hget(self._keys.handoff(handoff), "held")
        return handoff, held.decode() if held else ""

    async def waiting(self, start: int = 0, count: int | None = None) -> list[Handoff]:
        """Those who wait, in the queue's order: all, or `count` of them from place `start` on."""
        end = -1 if count is None else start + count - 1
        ids: Any = await self._redis.zrange(self._keys.queue(), start, end)
        return await self._read(ids)

    async def several(self, ids: Sequence[str]) -> list[Handoff]:
        """These handoffs without their data keys; those gone or damaged are left out."""
        return await self._read([one.encode() for one in ids])

    async def in_line(self) -> AsyncIterator[InLine]:
        """Everyone who waits, in the queue's order; read a part at a time, as it is asked for."""
        fields = ("language", "language_known", "left_by", "left_at", "asked_at")
        low: str | float = "-inf"
        seen: set[bytes] = set()  # of those who stand where the part before ended
        while True:
            count = PAGE + len(seen)
            rows: Any = await self._redis.zrangebyscore(
                self._keys.queue(), low, "+inf", 0, count, withscores=True
            )
            fresh = [(handoff, place) for handoff, place in rows if handoff not in seen]
            found = await self._fields([handoff for handoff, _ in fresh], fields)
            for (handoff, place), (language, known, left_by, left_at, asked) in zip(
                fresh, found, strict=True
            ):
                if language and asked:  # else it went in this moment
                    yield InLine(
                        handoff.decode(), _rank(place), float(asked),
                        language.decode() if known != b"0" else "",
                        (left_by or b"").decode(), float(left_at or 0),
                    )  # fmt: skip
            if len(rows) < count:
                return
            low = rows[-1][1]
            seen = {handoff for handoff, place in rows if place == low}

    async def tallies(self, late: float) -> list[Tally]:
        """How many wait at each level, since when the first, and how many since `late` or longer.

        The level is the one they queue at.
        """
        queue = self._keys.queue()
        async with self._redis.pipeline(transaction=True) as pipe:
            for level in Level:
                for zone in _zones(level):
                    pipe.zcount(queue, zone, f"({zone + FRONT}")
                    pipe.zcount(queue, zone, zone + late)
                    pipe.zrangebyscore(queue, zone, f"({zone + FRONT}", 0, 1, withscores=True)
            answers = iter(await pipe.execute())
        tallies = []
        for level in Level:
            waiting = longest = 0
            first: list[float] = []
            for zone in _zones(level):
                waiting += int(next(answers))
                longest += int(next(answers))
                first += [place - zone for _, place in next(answers)]
            tallies.append(Tally(level, waiting, min(first, default=None), longest))
        return tallies

    async def line(self, count: int) -> tuple[int, list[tuple[str, Level, float]]]:
        """How many wait, and the first `count`: id, level they queue at, time of first request."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zcard(self._keys.queue())
            pipe.zrange(self._keys.queue(), 0, count - 1, withscores=True)
            waiting, rows = await pipe.execute()
        line = []
        for handoff, place in rows:
            rank = _rank(place)
            front, behind = _zones(rank)
            line.append((handoff.decode(), rank, place - (behind if place >= behind else front)))
        return int(waiting), line

    async def place(self, handoff: str) -> Place:
        """Where a waiting handoff stands and about how long it takes; 0 when it does not wait."""
        rank: Any = await self._redis.zrank(self._keys.queue(), handoff)
        if rank is None:
            return Place(0, None)
        number = int(rank) + 1
        waits: Any = await self._redis.lrange(self._keys.waits(), 0, -1)
        if len(waits) < ENOUGH_WAITS or not await self.counsellors_on_shift():
            return Place(number, None)
        seconds = statistics.median(float(wait) for wait in waits) * number
        return Place(number, max(1, math.ceil(seconds / 60)))

    async def counsellors_on_shift(self) -> int:
        """How many counsellors are here now."""
        return len(await self.presence.on_shift())

    async def _latest(self, person: str) -> str:
        """The id of the person's open handoff, or of the one that ended last; "" for none."""
        ids: Any = await self._redis.get(self._keys.handoff_of(person))
        return ids.decode().split()[-1] if ids else ""

    def _note_context(self, person: str) -> str:
        return f"{self._keys.handoff_of(person)}:note"

    def _private_context(self, person: str) -> str:
        return f"{self._keys.handoff_of(person)}:private"

    async def _must(self, handoff: str) -> Handoff:
        found = await self.get(handoff)
        if found is None:
            raise SessionEnded("handoff")
        return found

    async def _readable(self, handoff: str) -> Handoff | None:
        """As `get`; None too for what is damaged: it must not hold up all the others."""
        try:
            return await self.get(handoff)
        except Sealed:  # or another master key
            log.error("handoff.unreadable")
            return None

    async def _fields(self, ids: Sequence[bytes], fields: Sequence[str]) -> list[Any]:
        """These fields of several handoffs; None for each field that is not there."""
        if not ids:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for handoff in ids:
                pipe.hmget(self._keys.handoff(handoff.decode()), *fields)
            return await pipe.execute()

    async def _read(self, ids: Sequence[bytes]) -> list[Handoff]:
        """Several handoffs without data keys; those gone meanwhile are left out."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for handoff in ids:
                pipe.hgetall(self._keys.handoff(handoff.decode()))
            rows = await pipe.execute() if ids else []
        found = []
        for handoff, raw in zip(ids, rows, strict=True):
            if b"state" not in raw or b"person" not in raw:
                continue
            try:
                found.append(self._parse(handoff.decode(), raw))
            except Sealed:  # damaged, or another master key: it must not hide all the others
                log.error("handoff.unreadable")
        return found

    def _parse(self, handoff: str, raw: dict[bytes, bytes], key: bytes = b"") -> Handoff:
        context = self._keys.handoff_of(raw[b"person"].decode())
        address = self._vault.unseal_transit(raw[b"address"], context).decode()
        return Handoff.from_fields(handoff, raw, address=address, key=key)


def _rank(place: float) -> Level:
    """The level that somebody with this score queues at."""
    return Level(int((place + FRONT) // LEVEL))


def _zones(level: Level) -> tuple[float, float]:
    """Where the scores of a level begin: of those who go before the others, and of the others."""
    return level * LEVEL - FRONT, level * LEVEL
