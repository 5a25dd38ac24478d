"""What all acts on handoffs are made of: scripts, the words that go with them, the events."""

import json
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis

from bot.errors import Sealed
from bot.handoff import scripts
from bot.handoff.ledger import Ledger
from bot.handoff.presence import Presence
from bot.handoff.record import ENDED, Case, Handoff, State
from bot.handoff.telling import Telling, Words
from bot.inbox import Op
from bot.keys import DAY, KEEP, Keys, longest
from bot.outbox import Outbox
from bot.vault import Vault


class Acting(Ledger):
    """The common half of queue and transfers. `lease` and `retention` in seconds.

    `retention` is how long a handoff is kept after its close, 0 for not at all.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        vault: Vault,
        outbox: Outbox,
        words: Words,
        clock: Callable[[], float],
        *,
        lease: float = 30,
        retention: int = DAY,
    ) -> None:
        super().__init__(redis, keys, vault, Presence(redis, keys, clock, lease))
        self._outbox, self._words, self._clock = outbox, words, clock
        self._lease, self._retention = lease, retention
        # A person's data key and pointer outlive everything that hangs on them.
        self._longest = longest(retention)
        self._telling = Telling(words, outbox, clock)
        self._scripts = {name: scripts.load(redis, name) for name in scripts.NAMES}

    async def erases_in(self, handoff: Handoff) -> int:
        """Seconds until nothing is left of it: from now, or from the close while that is to come.

        Leave erases it at any time, the quiet time does not.
        """
        if handoff.state not in ENDED or not self._retention:
            return self._retention
        return max(0, int(await self._redis.ttl(self._keys.handoff(handoff.id))))

    async def _run(self, name: str, keys: list[str], args: list[Any]) -> str:
        return scripts.text(await self._scripts[name](keys=keys, args=args))

    async def _put_back(
        self, found: Handoff, counsellor: str, now: float, note: bytes = b""
    ) -> str:
        """To the front of the level; by nobody (""): only if the lease or an offer lapsed."""
        keys = self._keys
        return await self._run(
            "put_back",
            [keys.handoff(found.id), keys.queue(), keys.leases(), keys.shift()],
            [
                found.id, counsellor, f"{now:.3f}", KEEP, self._lease, note,
                *scripts.flat([self._event(State.WAITING, found.id)]),
                *await self._told(found, "counsellor_away"),
            ],
        )  # fmt: skip

    async def _told(self, found: Handoff, key: str, **params: str) -> list[Any]:
        """What the person is told, as `tell` in common.lua reads it."""
        return self._telling.args(found, await self._readable_case(found), key, **params)

    async def _readable_case(self, found: Handoff) -> Case | None:
        """The case; None for a damaged one: it must hold up nothing, and allow nothing."""
        try:
            return await self.case(found) if found.key else None
        except (Sealed, ValueError, TypeError, KeyError):
            return None

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

    def _event(self, what: str, handoff: str) -> Op:
        return ("PUBLISH", self._keys.events(), json.dumps({"what": str(what), "id": handoff}))

    async def _signal(self, what: str, handoff: str) -> None:
        channel, body = self._event(what, handoff)[1:]
        await self._redis.publish(str(channel), str(body))
