"""Leave, done behind the person's back: the browser is elsewhere before any of it is finished."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

import structlog

from bot.channels.webchat.screen import START, Screens
from bot.errors import QueueUnavailable
from bot.inbox import Inbox
from bot.messages import Channel, Inbound, Kind

#: Waits between tries while Redis is away, seconds: about a quarter of an hour in all.
_PAUSES: Final = (0.5, 1, 2, 5, 10, 30, 60, 120, 240, 480)
#: How long the worker is given to erase before the empty screen is left to its time to live.
_WORKER: Final = 60.0
#: For so long a request that began before Leave may still be on its way, seconds.
_LATE: Final = 60.0

_log = structlog.get_logger(__name__)


class Leaving:
    """Erases for those who left; keeps trying while Redis is away, as long as the process lives."""

    def __init__(self, inbox: Inbox, screens: Screens, clock: Callable[[], float]) -> None:
        self._inbox, self._screens, self._clock = inbox, screens, clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._left: dict[str, float] = {}

    def has_left_since(self, person: str, moment: float) -> bool:
        """Whether they pressed Leave after `moment` of the event loop's clock."""
        return self._left.get(person, -1.0) >= moment

    def start(self, person: str) -> asyncio.Task[None]:
        """Begins; the task ends when "/exit" is in the inbox."""
        now = asyncio.get_running_loop().time()
        self._left = {one: at for one, at in self._left.items() if at > now - _LATE}
        self._left[person] = now
        handed_in = asyncio.create_task(self._hand_in(person))
        for task in (handed_in, asyncio.create_task(self._sweep(person, handed_in))):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return handed_in

    async def close(self) -> None:
        """Gives up what is still open, at the end of the process."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:  # with a limit: the Redis client can swallow a cancellation
            await asyncio.wait(self._tasks, timeout=1)

    async def _hand_in(self, person: str) -> None:
        update = secrets.token_hex(32)
        for pause in (*_PAUSES, None):
            try:
                # The words go at once; the worker's own erasing follows in order.
                await self._screens.clear(person)
                exit_words = Inbound(
                    person, Channel.WEBCHAT, Kind.TEXT, self._clock(), text="/exit"
                )
                await self._inbox.accept(exit_words, update)
                return
            except QueueUnavailable:
                if pause is not None:
                    await asyncio.sleep(pause)
        _log.error("leave_not_stored")

    async def _sweep(self, person: str, handed_in: asyncio.Task[None]) -> None:
        """Removes the worker's last entry, which nobody is there to read any more."""
        await asyncio.wait([handed_in])
        after = START
        try:
            async with asyncio.timeout(_WORKER):
                while await self._screens.wait(person, after, _WORKER):
                    entries = await self._screens.read(person, after)
                    if any(entry.erases for entry in entries):
                        await self._screens.clear(person)
                        return
                    after = entries[-1].id if entries else after
        except (QueueUnavailable, TimeoutError):
            _log.warning("screen_left_to_expire")
