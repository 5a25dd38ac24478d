"""Dead letters: what no worker and no door could handle, put aside sealed for an operator.

A message or reply of a person is sealed with their conversation's own key, so Leave makes it
unreadable here too. One that could not be opened at all is kept as it stood: after a wrong master
key was put right, it can be read again.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.errors import QueueUnavailable, Sealed
from bot.inbox import Inbox, Op
from bot.keys import Keys
from bot.messages import Inbound
from bot.outbox import Outbox
from bot.vault import Vault, unseal

#: Why something is kept as it stood, not under the key of a conversation.
UNREADABLE: Final = "unreadable"
#: How many are read at a time.
_PAGE: Final = 200


@dataclass(slots=True)
class Replayed:
    """What became of the dead letters.

    Handed in `again`; `erased`, because their person has left; still `closed`, because they cannot
    be opened with the master key that is set.
    """

    again: int = 0
    erased: int = 0
    closed: int = 0


@dataclass(frozen=True, slots=True)
class _Letter:
    id: bytes
    why: str
    stream: str
    sealed: bytes = field(repr=False)


class _Erased(Exception):
    """Raised for a letter whose person has left: their key is gone."""


class DeadLetters:
    """Counts, hands in again, drops. Every act raises RedisError while Redis is away."""

    def __init__(
        self, redis: Redis, keys: Keys, vault: Vault, inbox: Inbox, outbox: Outbox
    ) -> None:
        self._redis, self._keys, self._vault = redis, keys, vault
        self._inbox, self._outbox = inbox, outbox

    async def counts(self) -> dict[tuple[str, str], int]:
        """How many there are of each (inbox or outbox, reason); says nothing about anybody."""
        found = Counter([(self._kind(letter), letter.why) async for letter in self._all()])
        return dict(found)

    async def drop(self) -> int:
        """Removes all that are there now; returns how many."""
        return sum([await self._remove(letter) async for letter in self._all()])

    async def replay(self) -> Replayed:
        """Hands all of them in again, oldest first: messages to the inbox, replies to the outbox.

        What is interrupted and begun anew hands nothing in twice. Raises QueueUnavailable.
        """
        done = Replayed()
        async for letter in self._all():
            try:
                await self._hand_in(letter)
                done.again += 1
            except _Erased:
                await self._remove(letter)
                done.erased += 1
            except (Sealed, KeyError, ValueError, TypeError):
                done.closed += 1
        return done

    async def _hand_in(self, letter: _Letter) -> None:
        plain = await self._open(letter)
        if self._kind(letter) == "inbox":
            await self._inbox.accept(Inbound.from_json(plain), f"dead:{letter.id.decode()}")
            await self._remove(letter)
            return
        to, reply = self._outbox.opened(plain)
        ops: list[Op] = [*self._outbox.ops(to, [reply]), ("XDEL", self._keys.dead(), letter.id)]
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                for op in ops:
                    pipe.execute_command(*op)
                await pipe.execute()
        except (RedisError, OSError) as error:
            raise QueueUnavailable("dead letters") from error

    async def _open(self, letter: _Letter) -> bytes:
        if not letter.sealed:
            raise _Erased
        if letter.why == UNREADABLE:
            return self._vault.unseal_transit(letter.sealed, letter.stream)
        person, inner = self._vault.letter(letter.sealed)
        wrapped: Any = await self._redis.get(self._keys.datakey(person))
        try:
            return unseal(self._vault.data_key(wrapped or b"", person), inner, person)
        except Sealed:
            raise _Erased from None

    async def _remove(self, letter: _Letter) -> int:
        return int(await self._redis.xdel(self._keys.dead(), letter.id))

    async def _all(self) -> AsyncIterator[_Letter]:
        """Those that are there at the start; one that comes back at once is not met again."""
        newest: Any = await self._redis.xrevrange(self._keys.dead(), count=1)
        start = "-"
        while newest:
            rows: Any = await self._redis.xrange(
                self._keys.dead(), min=start, max=newest[0][0], count=_PAGE
            )
            if not rows:
                return
            for entry_id, fields in rows:
                why, stream = fields.get(b"why", b""), fields.get(b"stream", b"")
                yield _Letter(entry_id, why.decode(), stream.decode(), fields.get(b"e", b""))
            start = f"({rows[-1][0].decode()}"

    def _kind(self, letter: _Letter) -> str:
        """Where it comes from: "inbox" or "outbox"."""
        return letter.stream.removeprefix(self._keys.prefix).partition(":")[0]
