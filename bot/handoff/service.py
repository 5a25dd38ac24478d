"""Whether the service is open: what supervisors set, read by the queue and told to people."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis

from bot.keys import Keys


class Mode(StrEnum):
    """What a supervisor has decided; AUTO follows the opening hours."""

    AUTO = "auto"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the service stands now. `surge`: one queue, nobody waits for a language they share."""

    mode: Mode = Mode.AUTO
    surge: bool = False


class Service:
    """What supervisors set, one hash for everybody; no person in it."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def read(self) -> Standing:
        """How it stands; unset or damaged fields count as not set."""
        raw: Any = await self._redis.hmget(self._keys.opening(), ["mode", "surge"])
        mode, surge = ((field or b"").decode(errors="replace") for field in raw)
        return Standing(Mode(mode) if mode in set(Mode) else Mode.AUTO, surge == "1")

    async def set_mode(self, mode: Mode) -> None:
        """Opens or closes whatever the hours say, or lets the hours decide again."""
        await self._set("mode", mode.value)

    async def set_surge(self, on: bool) -> None:
        """One queue for everybody, or not any more."""
        await self._set("surge", "1" if on else "0")

    async def _set(self, field: str, value: str) -> None:
        await self._redis.hset(self._keys.opening(), field, value)
