"""The janitor: erases what is over, brings back people whose counsellor vanished, calls for help.

One process. TTLs on every key are the second line should it not run.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError, ResponseError

from bot.conversation.memory import Memory
from bot.errors import QueueUnavailable
from bot.handoff.queue import Queue
from bot.inbox import Inbox

if TYPE_CHECKING:
    from bot.paging import Pager

log = structlog.get_logger()
#: Seconds between two rounds.
ROUND = 2.0


class Janitor:
    """Runs its rounds until `stop` is called; with a `pager` it delivers its calls meanwhile.

    `done` is called after each round.
    """

    def __init__(
        self,
        inbox: Inbox,
        memory: Memory,
        queue: Queue,
        clock: Callable[[], float],
        pager: "Pager | None" = None,
        done: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._inbox, self._memory, self._queue, self._clock = inbox, memory, queue, clock
        self._pager, self._done = pager, done
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End `run` after the round that is running."""
        self._stopping.set()

    async def run(self) -> None:
        """A round every few seconds; waits out a Redis that is away."""
        async with asyncio.TaskGroup() as group:
            if self._pager:
                group.create_task(self._pager.run(self._stopping))
            group.create_task(self._rounds())

    async def _rounds(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.round()
                if self._done:
                    await self._done()
            except (RedisError, OSError, QueueUnavailable) as error:
                log.warning("janitor.store_away", error=type(error).__name__)
            try:
                await asyncio.wait_for(self._stopping.wait(), ROUND)
            except TimeoutError:
                continue

    async def round(self) -> None:
        """One round: who waits too long is called out, lapsed claims go back to the front.

        Quiet conversations are dealt with, and what was erased since goes out of Redis's file on
        the disk too.
        """
        began = self._clock()
        page = self._pager.ops if self._pager else None
        if calls := await self._queue.escalation.run(self._clock(), page):
            log.warning("janitor.nobody_came", calls=calls)
        if told := await self._queue.closing.run(self._clock()):
            log.info("janitor.told_closed", count=told)
        lapsed = await self._queue.lapses.run(self._clock())
        if lapsed:
            log.info("janitor.lapsed", count=len(lapsed))
        for inbound in await self._memory.quiet():
            # Through the inbox like everything else, so that it stays in order with what the
            # person may be writing right now. The minute in the name makes repeats harmless; the
            # name is hashed, because it outlives the person's own keys.
            minute = f"{inbound.person} {int(inbound.at // 60)}".encode()
            await self._inbox.accept(inbound, f"idle:{hashlib.sha256(minute).hexdigest()[:24]}")
            await self._memory.put_off(inbound)
        try:
            if await self._memory.rewrite_file():
                log.info("janitor.file_rewritten")
        except ResponseError as error:  # not allowed, or one is running: tried again later
            log.warning("janitor.file_not_rewritten", error=type(error).__name__)
        await self._queue.lapses.rounded(began, self._clock())
