"""Who did what to which handoff: an append-only stream that never holds text."""

from typing import Any

from redis.asyncio import Redis

from bot.keys import Keys


class Audit:
    """Writes and reads the audit stream."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    async def write(self, who: str, what: str, handoff: str = "") -> None:
        """One line: login, act (read, claim, say, release, end, login...), handoff id."""
        await self._redis.xadd(self._keys.audit(), {"who": who, "what": what, "handoff": handoff})

    async def read(self, count: int = 1_000) -> list[tuple[str, str, str]]:
        """The newest lines, oldest first: (who, what, handoff)."""
        rows: Any = await self._redis.xrevrange(self._keys.audit(), count=count)
        names = (b"who", b"what", b"handoff")
        return [
            (fields[names[0]].decode(), fields[names[1]].decode(), fields[names[2]].decode())
            for _, fields in reversed(rows)
        ]
