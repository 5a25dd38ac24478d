"""A visitor's screen: reading what is on it, and waiting for what comes."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.errors import QueueUnavailable, Sealed
from bot.keys import Keys
from bot.messages import Reply
from bot.outbox import Outbox

#: Before everything.
START: Final = "0-0"
#: How long one look at all the screens waits, milliseconds; also how soon a new one is included.
_LOOK_MS: Final = 250
# Nothing Redis would refuse (64 bits): all visitors of this process wait in one command.
_ID = re.compile("[0-9]{1,19}-[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry of a screen; `reply` is None when it could not be opened."""

    id: str
    reply: Reply | None

    @property
    def erases(self) -> bool:
        """Whether what was shown before is gone; the last entry of a screen ends the session."""
        return self.reply is not None and self.reply.erase


def valid_id(text: str) -> str:
    """`text` if it is a stream id, else START."""
    return text if _ID.fullmatch(text) else START


def place(entry_id: str) -> tuple[int, int]:
    """A stream id as something that can be compared."""
    moment, _, number = entry_id.partition("-")
    return int(moment), int(number)


class Screens:
    """All screens. One connection waits for all visitors of this process together."""

    def __init__(self, redis: Redis, keys: Keys, outbox: Outbox) -> None:
        self._redis, self._keys, self._outbox = redis, keys, outbox
        self._waiting: dict[asyncio.Future[None], tuple[str, str]] = {}
        self._look: asyncio.Task[None] | None = None

    async def read(self, person: str, after: str = START) -> list[Shown]:
        """What stands on a screen after an id, oldest first. Raises QueueUnavailable."""
        key = self._keys.screen(person)
        try:
            rows: Any = await self._redis.xrange(key, f"({after}", "+")
        except (RedisError, OSError) as error:
            raise QueueUnavailable("screen") from error
        return [self._shown(key, row) for row in rows]

    async def holds(self, person: str, entry_id: str) -> bool:
        """Whether this entry still stands on the screen. Raises QueueUnavailable."""
        try:
            key = self._keys.screen(person)
            return bool(await self._redis.xrange(key, entry_id, entry_id))
        except (RedisError, OSError) as error:
            raise QueueUnavailable("screen") from error

    async def last_id(self, person: str) -> str:
        """The id of the newest entry, START if there is none. Raises QueueUnavailable."""
        try:
            rows: Any = await self._redis.xrevrange(self._keys.screen(person), count=1)
        except (RedisError, OSError) as error:
            raise QueueUnavailable("screen") from error
        return rows[0][0].decode() if rows else START

    async def clear(self, person: str) -> None:
        """Removes a screen. Raises QueueUnavailable."""
        try:
            await self._redis.delete(self._keys.screen(person))
        except (RedisError, OSError) as error:
            raise QueueUnavailable("screen") from error

    async def wait(self, person: str, after: str, seconds: float) -> bool:
        """Waits until there is something after an id; False when `seconds` went by without.

        Raises QueueUnavailable.
        """
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[mine] = (self._keys.screen(person), after)
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_around())
        try:
            async with asyncio.timeout(seconds):
                await mine
            return True
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(mine, None)

    async def close(self) -> None:
        """Stops looking: the last look ends by itself in a moment."""
        for mine in self._waiting:
            mine.cancel()
        self._waiting.clear()
        if self._look is not None:
            await asyncio.wait([self._look], timeout=1)

    async def _look_around(self) -> None:
        while self._waiting:
            try:
                newest = await self._newest()
            except (RedisError, OSError):
                for mine in list(self._waiting):
                    if not mine.done():
                        mine.set_exception(QueueUnavailable("screen"))
                return
            for mine, (key, after) in list(self._waiting.items()):
                if key in newest and place(newest[key]) > place(after) and not mine.done():
                    mine.set_result(None)
            # The ones just answered take themselves off the list before the next look.
            await asyncio.sleep(0)

    async def _newest(self) -> dict[str, str]:
        """The first entry each waiting visitor has not seen, by screen."""
        seen: dict[str, str] = {}
        for key, after in self._waiting.values():
            seen[key] = min(seen.get(key, after), after, key=place)
        streams: dict[Any, Any] = dict(seen)
        answer: Any = await self._redis.xread(streams, count=1, block=_LOOK_MS)
        return {name.decode(): rows[-1][0].decode() for name, rows in answer or []}

    def _shown(self, key: str, row: Any) -> Shown:
        try:
            _, reply = self._outbox.read(key, row[1])
        except (Sealed, KeyError, ValueError, TypeError):
            return Shown(row[0].decode(), None)
        return Shown(row[0].decode(), reply)
