"""What all acts on handoffs are made of: scripts, the words that go with them, the events."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from redis.asyncio import Redis

from bot.errors import Sealed
from bot.handoff import scripts
from bot.handoff.counts import day_of
from bot.handoff.ledger import Ledger
from bot.handoff.presence import Presence
from bot.handoff.record import ENDED, Case, Handoff, Held, State
from bot.handoff.service import Service
from bot.handoff.telling import HERE, Telling, Words
from bot.inbox import Op
from bot.keys import KEEP, Keys, longest
from bot.outbox import Outbox
from bot.safety.levels import Level
from bot.vault import Vault


class Tools:
    """What the queue and its parts work with, made once for all of them. Times in seconds.

    `lease` is how long a counsellor's page may be silent, `retention` how long a handoff is kept
    after its end, 0 for not at all.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        vault: Vault,
        outbox: Outbox,
        words: Words,
        clock: Callable[[], float],
        lease: float,
        retention: int,
    ) -> None:
        self.redis, self.keys, self.vault, self.outbox = redis, keys, vault, outbox
        self.words, self.clock, self.lease, self.retention = words, clock, lease, retention
        self.presence = Presence(redis, keys, clock, lease)
        self.service = Service(redis, keys)
        self.telling = Telling(words, outbox, clock, keys)
        self.scripts = {name: scripts.load(redis, name) for name in scripts.NAMES}


class Acting(Ledger):
    """What the queue and its parts share: the acts that more than one of them needs."""

    def __init__(self, tools: Tools) -> None:
        super().__init__(tools.redis, tools.keys, tools.vault, tools.presence)
        self._outbox, self._words, self._clock = tools.outbox, tools.words, tools.clock
        self._lease, self._retention = tools.lease, tools.retention
        # A person's data key and pointer outlive everything that hangs on them.
        self._longest = longest(tools.retention)
        self._telling, self._scripts = tools.telling, tools.scripts
        self.service = tools.service

    async def erases_in(self, handoff: Handoff) -> int:
        """Seconds until nothing is left of it: from now, or from the close while that is to come.

        Leave erases it at any time, the quiet time does not.
        """
        if handoff.state not in ENDED or not self._retention:
            return self._retention
        return max(0, int(await self._redis.ttl(self._keys.handoff(handoff.id))))

    async def held(self) -> list[Held]:
        """Every claim as far as all are looked at; whose lease ends first comes first."""
        keys = self._keys
        rows: Any = await self._scripts["held"](keys=[keys.leases()], args=[keys.handoff("")])
        return [
            Held(
                handoff.decode(), float(until), by.decode(), to.decode(), Level(int(level)),
                bool(overdue),
            )
            for handoff, until, by, to, level, overdue in rows
        ]  # fmt: skip

    async def aside(self) -> list[Handoff]:
        """Everyone who would wait, but is on hold: first who may be in danger, then by age."""
        ids: Any = await self._redis.zrange(self._keys.flagged(), 0, -1)
        now = self._clock()
        held = [one for one in await self._read(ids) if one.state is State.WAITING]
        held = [one for one in held if one.on_hold(now)]
        return sorted(held, key=lambda one: (not one.alarm, one.level, one.asked_at))

    async def ended_talks(self, start: int, count: int) -> tuple[int, list[tuple[Handoff, float]]]:
        """How many talks that ended are kept, and `count` of them with when each was closed.

        The newest come first, `start` of them are left out. One that its person erased is gone.
        """
        kept, since = self._keys.closed(), f"({self._clock() - self._retention:.3f}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zcount(kept, since, "+inf")
            pipe.zrevrangebyscore(kept, "+inf", since, start, count, withscores=True)
            total, rows = await pipe.execute()
        closed_at = {handoff.decode(): float(at) for handoff, at in rows}
        found = await self._read([handoff for handoff, _ in rows])
        return int(total), [(one, closed_at[one.id]) for one in found]

    async def _run(self, name: str, keys: list[str], args: list[Any]) -> str:
        return scripts.text(await self._scripts[name](keys=keys, args=args))

    async def _put_back(
        self, found: Handoff, counsellor: str, now: float, note: bytes = b""
    ) -> str:
        """To the front of the level; by nobody (""): only if the lease lapsed."""
        keys = self._keys
        return await self._run(
            "put_back",
            [keys.handoff(found.id), keys.queue(), keys.leases()],
            [
                found.id, counsellor, f"{now:.3f}", KEEP, note,
                *scripts.flat([self._event(State.WAITING, found.id)]),
                *await self._told(
                    found, "handoff_unknown" if found.on_hold(now) else "counsellor_away"
                ),
            ],
        )  # fmt: skip

    async def _end(self, found: Handoff, counsellor: str, outcome: str) -> str:
        verdict = await self._scripts["end"](
            keys=[
                *self._all_of(found.person), self._keys.handoff(found.id),
                self._keys.transcript(found.id), self._keys.erased(), await self._counts(),
            ],
            args=[
                self._keys.handoff(""), self._keys.transcript(""), found.id, counsellor,
                f"{self._clock():.3f}", outcome, self._retention, self._longest, KEEP,
                *await self._told(found, "counsellor_ended"),
            ],
        )  # fmt: skip
        if scripts.text(verdict) == "ok":
            await self._signal(State.CLOSED, found.id)
        return scripts.text(verdict)

    async def _told(self, found: Handoff, key: str, **params: str) -> list[Any]:
        """What the person is told, as `tell` in common.lua reads it."""
        return self._telling.args(found, await self._readable_case(found), key, **params)

    async def _readable_case(self, found: Handoff) -> Case | None:
        """The case; None for a damaged one: it must hold up nothing, and allow nothing."""
        try:
            return await self.case(found) if found.key else None
        except (Sealed, ValueError, TypeError, KeyError):
            return None

    async def _introduced(self, found: Handoff, counsellor: str) -> tuple[str, list[Any]]:
        """The alias of whoever has them now, and what the person is told of it."""
        alias, languages = await self._introduce(counsellor)
        if found.greeted:
            return alias, await self._told(found, "counsellor_now", name=alias)
        return alias, await self._told(found, HERE, name=alias, languages=languages)

    async def _introduce(self, counsellor: str) -> tuple[str, str]:
        """The alias and the languages a counsellor is announced with."""
        row: Any = await self._redis.hmget(
            self._keys.counsellor(counsellor), ["alias", "languages"]
        )
        alias, languages = row
        codes = languages.decode().split() if languages else []
        names = dict(self._words.languages())
        spoken = ", ".join(names.get(code, code) for code in codes)
        return alias.decode() if alias else counsellor, spoken

    async def _today(self) -> date:
        """The day that what happens now is counted on."""
        return day_of(self._clock(), (await self.service.read()).hours)

    async def _counts(self) -> str:
        """The counts of this month."""
        return self._keys.counts(f"{await self._today():%Y-%m}")

    def _all_of(self, person: str) -> list[str]:
        """The keys that `drop` and `tidy` in common.lua work on."""
        keys = self._keys
        return [
            keys.handoff_of(person), keys.queue(), keys.leases(), keys.datakey(person),
            keys.session(person), keys.closed(),
        ]  # fmt: skip

    def _event(self, what: str, handoff: str) -> Op:
        return ("PUBLISH", self._keys.events(), json.dumps({"what": str(what), "id": handoff}))

    async def _signal(self, what: str, handoff: str) -> None:
        channel, body = self._event(what, handoff)[1:]
        await self._redis.publish(str(channel), str(body))
