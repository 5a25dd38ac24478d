"""Whether the service is open: what supervisors set, read by the queue and told to people."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from bot.handoff.hours import Hours, WrongHours
from bot.keys import Keys
from bot.moment import Moment

log = structlog.get_logger()
#: The event that says the service was opened or closed, or that its hours are others.
OPENING: Final = '{"what":"opening"}'


class Mode(StrEnum):
    """What a supervisor has decided; AUTO follows the opening hours."""

    AUTO = "auto"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the service stands. `surge`: one queue, nobody waits for a language they share.

    Without hours, and nothing done by hand, only who is on shift counts.
    """

    mode: Mode = Mode.AUTO
    surge: bool = False
    hours: Hours | None = None

    @property
    def timed(self) -> Hours | None:
        """The hours, while they decide."""
        return self.hours if self.mode is Mode.AUTO else None

    def closed(self, now: float) -> bool:
        """Whether the service is closed at `now` (epoch seconds)."""
        if self.mode is not Mode.AUTO:
            return self.mode is Mode.CLOSED
        return self.hours is not None and not self.hours.open_at(now)

    def opens(self, now: float) -> Moment | None:
        """When a closed service opens; None when it is open, or nobody can know."""
        return self.timed.opens_after(now) if self.timed and self.closed(now) else None

    def closes(self, now: float) -> Moment | None:
        """When an open service closes; None when it is closed, or nobody can know."""
        return self.timed.closes_after(now) if self.timed else None


class Service:
    """What supervisors set, one hash for everybody; no person in it."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys
        self._damaged = b""

    async def read(self) -> Standing:
        """How it stands; unset or damaged fields count as not set."""
        raw: Any = await self._redis.hmget(self._keys.opening(), ["mode", "surge", "hours"])
        mode, surge = ((field or b"").decode(errors="replace") for field in raw[:2])
        return Standing(
            Mode(mode) if mode in set(Mode) else Mode.AUTO, surge == "1", self._hours(raw[2])
        )

    async def set_mode(self, mode: Mode) -> None:
        """Opens or closes whatever the hours say, or lets the hours decide again."""
        await self._set("mode", mode.value)

    async def set_surge(self, on: bool) -> None:
        """One queue for everybody, or not any more."""
        await self._set("surge", "1" if on else "0")

    async def change_hours(self, change: Callable[[Hours | None], Hours | None]) -> None:
        """Puts other hours in place of those there are; None for none at all.

        `change` is called again when somebody was quicker; what it raises is raised.
        """
        key = self._keys.opening()

        async def once(pipe: Any) -> None:
            hours = change(self._hours(await pipe.hget(key, "hours")))
            pipe.multi()
            if hours:
                pipe.hset(key, "hours", hours.to_json())
            else:
                pipe.hdel(key, "hours")
            pipe.publish(self._keys.events(), OPENING)

        await self._redis.transaction(once, key)

    async def closing(self, now: float) -> str:
        """The name of the closing that goes on; the first who asks after it began gives it.

        When it opens is part of it: what people were told is not true any more when that changes.
        """
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hsetnx(self._keys.opening(), "closing", f"{now:.3f}")
            pipe.hget(self._keys.opening(), "closing")
            fresh, name = await pipe.execute()
        if fresh:
            await self._redis.publish(self._keys.events(), OPENING)
        return f"{name.decode()} {(await self.read()).opens(now) or ''}"

    async def reopened(self) -> None:
        """The service is open: the next closing is another one."""
        if await self._redis.hdel(self._keys.opening(), "closing"):
            await self._redis.publish(self._keys.events(), OPENING)

    async def _set(self, field: str, value: str) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._keys.opening(), field, value)
            pipe.publish(self._keys.events(), OPENING)
            await pipe.execute()

    def _hours(self, raw: bytes | None) -> Hours | None:
        try:
            return Hours.from_json(raw) if raw else None
        except WrongHours:
            if raw != self._damaged:  # read every two seconds: said once
                self._damaged = raw or b""
                log.error("opening.damaged")
            return None
