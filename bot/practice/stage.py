"""Keeps the practice desk peopled: each scripted person comes, goes, and comes again as another."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.channels.webchat.screen import Screens
from bot.errors import NorthlightError
from bot.handoff.queue import Queue
from bot.inbox import Inbox
from bot.keys import PracticeKeys
from bot.outbox import Outbox
from bot.practice.person import LINGER, Person
from bot.practice.scenario import Scenario
from bot.vault import Vault

#: Seconds between two arrivals at the start, and until somebody who went away comes again.
BETWEEN: Final = 0.5
AWAY: Final = 60.0
#: So many lessons are kept for each counsellor, newest first, while the process runs.
REMEMBERED: Final = 3
#: Tells open desks to fetch their lists again.
_EVENT: Final = '{"what":"practice","id":""}'

log = structlog.get_logger()


class Stage:
    """All scripted people of one practice desk, and what counsellors learned from them."""

    def __init__(
        self, redis: Redis, keys: PracticeKeys, vault: Vault, inbox: Inbox, outbox: Outbox,
        queue: Queue, people: Sequence[Scenario], *, pace: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`pace` stretches every pause (1: as in life, 0: none)."""
        self._redis, self._keys, self._vault = redis, keys, vault
        self._inbox, self._queue = inbox, queue
        self._screens = Screens(redis, keys, outbox)
        self._people, self._pace, self._clock = people, pace, clock
        self._stopping = asyncio.Event()
        self._learned: dict[str, deque[tuple[str, Scenario]]] = defaultdict(
            lambda: deque(maxlen=REMEMBERED)
        )

    async def clear(self) -> None:
        """Empties the practice space: whoever an earlier process left there has no script."""
        async for name in self._redis.scan_iter(match=f"{self._keys.prefix}*", count=500):
            await self._redis.delete(name)

    def stop(self) -> None:
        """Nobody waits for anything any more; then `run` may be cancelled."""
        self._stopping.set()

    async def run(self) -> None:
        """Plays until stopped and cancelled; waits out a Redis that is away."""
        try:
            async with asyncio.TaskGroup() as together:
                for number, scenario in enumerate(self._people):
                    together.create_task(self._play(scenario, number * BETWEEN * self._pace))
        finally:
            await self.close()

    async def close(self) -> None:
        """Lets go of the screens, at the end."""
        await self._screens.close()

    async def play(self, scenario: Scenario) -> Person:
        """One person from coming to going; tells their counsellor what it was about.

        Raises RedisError or QueueUnavailable.
        """
        person = Person(
            scenario, self._inbox, self._screens, self._queue, self._vault, self._clock,
            self._pace, self._stopping,
        )  # fmt: skip
        try:
            await person.arrive()
            await person.talk()
            await self._tell(person, scenario)
            if person.counsellor:
                await asyncio.sleep(LINGER * self._pace)
        finally:
            await person.leave()
        return person

    def lessons(self, login: str, language: str) -> list[dict[str, object]]:
        """What this counsellor's last talks were about, newest first."""
        told = self._learned.get(login, ())
        lessons = [(handle, one.lesson(language)) for handle, one in told]
        return [
            {"handle": handle, "title": one.title, "lines": one.lines} for handle, one in lessons
        ]

    async def _play(self, scenario: Scenario, pause: float) -> None:
        while not self._stopping.is_set():
            await asyncio.sleep(pause)
            pause = AWAY * self._pace
            try:
                await self.play(scenario)
            except (RedisError, OSError, NorthlightError) as error:
                log.warning("practice.interrupted", error=type(error).__name__)
                pause = AWAY

    async def _tell(self, person: Person, scenario: Scenario) -> None:
        if person.counsellor and person.handoff:
            self._learned[person.counsellor].appendleft((person.handoff.handle, scenario))
            await self._redis.publish(self._keys.events(), _EVENT)
