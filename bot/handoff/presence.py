"""Who is on shift: the counsellor says it, the console page keeps it alive, silence ends it."""

from collections.abc import Callable
from typing import Any, Final

from redis.asyncio import Redis

from bot.handoff import scripts
from bot.keys import Keys

#: The event that says somebody came or went.
SHIFT: Final = '{"what":"shift"}'


class Presence:
    """The shift. A counsellor whose page fell silent for `lease` seconds is not on it."""

    def __init__(
        self, redis: Redis, keys: Keys, clock: Callable[[], float], lease: float = 30
    ) -> None:
        self._redis, self._keys, self._clock, self._lease = redis, keys, clock, lease
        self._stale = scripts.load(redis, "stale")

    async def start(self, counsellor: str) -> None:
        """The counsellor is here and takes people."""
        await self._change(("HSET", self._keys.shift(), counsellor, f"{self._clock():.3f}"))

    async def stop(self, counsellor: str) -> None:
        """The counsellor takes nobody new; whom they have, they keep."""
        await self._change(("HDEL", self._keys.shift(), counsellor))

    async def on_shift(self) -> list[str]:
        """The logins of all who are here now, sorted."""
        seen: Any = await self._redis.hgetall(self._keys.shift())
        fresh = self._clock() - self._lease
        return sorted(login.decode() for login, at in seen.items() if float(at) >= fresh)

    async def drop_stale(self, now: float) -> list[str]:
        """Takes off the shift those whose page fell silent; returns them."""
        # In one step: who shows a sign of life meanwhile stays.
        gone: Any = await self._stale(keys=[self._keys.shift()], args=[f"{now - self._lease:.3f}"])
        if gone:
            await self._redis.publish(self._keys.events(), SHIFT)
        return [login.decode() for login in gone]

    async def _change(self, command: tuple[str, ...]) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.execute_command(*command)
            pipe.publish(self._keys.events(), SHIFT)
            await pipe.execute()
