"""Pushes "something changed" to every open page: one Redis subscription, many listeners."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.keys import Keys

#: What a listener gets when something may have been missed: fetch everything again.
RESYNC: Final = '{"what":"resync","id":""}'


class Hub:
    """Holds the subscription while the application runs."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys
        self._listeners: set[asyncio.Queue[str]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Subscribed inside, tidied after."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @contextlib.contextmanager
    def listening(self) -> Iterator[asyncio.Queue[str]]:
        """A queue of events for one page. They carry ids only, so a full queue may drop some."""
        events: asyncio.Queue[str] = asyncio.Queue(maxsize=100)
        self._listeners.add(events)
        try:
            yield events
        finally:
            self._listeners.discard(events)

    async def _run(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(self._keys.events())
                    self._tell(RESYNC)
                    while True:
                        message = await channel.get_message(
                            ignore_subscribe_messages=True, timeout=5
                        )
                        if message:
                            self._tell(message["data"].decode())
            except (RedisError, OSError):
                await asyncio.sleep(1)  # Redis is away; pages learn by RESYNC when it is back

    def _tell(self, event: str) -> None:
        for listener in self._listeners:
            with contextlib.suppress(asyncio.QueueFull):
                listener.put_nowait(event)
