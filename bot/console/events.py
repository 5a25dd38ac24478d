"""Pushes "something changed" to every open page: one Redis subscription, many listeners.

And beside it what the queue has come to (alerts.py), looked at once for all of them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.keys import Keys

#: What a listener gets when something may have been missed: fetch everything again.
RESYNC: Final = '{"what":"resync","id":""}'
#: What changes within so many seconds is one look at the queue.
TOGETHER: Final = 0.2
#: Name and data of a server-sent event: `change` {what, id} or `queue` (alerts.py).
Event = tuple[str, str]


class Hub:
    """Holds the subscription while the application runs."""

    def __init__(self, redis: Redis, keys: Keys, look: Callable[[], Awaitable[str]]) -> None:
        self._redis, self._keys, self._look = redis, keys, look
        self._listeners: set[asyncio.Queue[Event]] = set()
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Subscribed inside, tidied after."""
        tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._watch())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @contextlib.contextmanager
    def listening(self) -> Iterator[asyncio.Queue[Event]]:
        """A queue of events for one page. No text in them: of too many, one says all."""
        events: asyncio.Queue[Event] = asyncio.Queue(maxsize=100)
        self._listeners.add(events)
        self._changed.set()  # a new page is told how things stand
        try:
            yield events
        finally:
            self._listeners.discard(events)

    async def _run(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(self._keys.events())
                    self._tell(("change", RESYNC))
                    while True:
                        message = await channel.get_message(
                            ignore_subscribe_messages=True, timeout=5
                        )
                        if message:
                            self._tell(("change", message["data"].decode()))
            except (RedisError, OSError):
                await asyncio.sleep(1)  # Redis is away; pages learn by RESYNC when it is back

    async def _watch(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(TOGETHER)
            self._changed.clear()
            try:
                self._tell(("queue", await self._look()))
            except (RedisError, OSError):
                continue  # looked at again after the RESYNC that follows

    def _tell(self, event: Event) -> None:
        if event[0] == "change":
            self._changed.set()
        for listener in self._listeners:
            if listener.full():  # a page that stood still: it fetches everything again
                while not listener.empty():
                    listener.get_nowait()
                listener.put_nowait(("change", RESYNC))
            listener.put_nowait(event)
