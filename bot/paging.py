"""Calls somebody outside the desk, over a signed webhook; nothing about the person is in it.

What is to be called out is written with the act it tells about, to a small stream of its own; the
janitor's process delivers it, again and again with growing pauses while the receiver is away.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from bot.inbox import Op
from bot.keys import DAY, Keys

log = structlog.get_logger()
#: Seconds to wait after each try that failed; one more try than pauses, about 20 minutes in all.
PAUSES: Final = (2, 4, 8, 16, 32, 64, 120, 240, 300, 300)
#: So long the receiver may take to answer, seconds.
PATIENCE: Final = 5.0
#: Seconds between two looks at the stream.
LOOK: Final = 1.0
#: More calls than this are not kept waiting.
LONGEST: Final = 1_000
#: How many are sent at the same time.
_AT_ONCE: Final = 20
_GROUP: Final = "paging"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What stands in X-Northlight-Signature: HMAC-SHA256 over `<timestamp>.<body>`, in hex."""
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class Pager:
    """Keeps calls and delivers them; `lost` is awaited with the event of one that was given up."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        url: str,
        secret: str,
        clock: Callable[[], float],
        lost: Callable[[str], Awaitable[None]],
        *,
        pauses: Sequence[float] = PAUSES,
        patience: float = PATIENCE,
    ) -> None:
        self._redis, self._stream, self._clock, self._lost = redis, keys.paging(), clock, lost
        self._url, self._secret = url, secret
        self._pauses, self._patience = pauses, patience

    def ops(self, event: str, level: str, waiting: int) -> list[Op]:
        """The commands that call; run them in the step of the act itself. `waiting` in seconds."""
        row = ("event", event, "level", level, "waiting", waiting, "at", f"{self._clock():.0f}")
        return [
            ("XADD", self._stream, "MAXLEN", "~", LONGEST, "*", *row),
            ("EXPIRE", self._stream, DAY),
        ]

    async def run(self, stopping: asyncio.Event) -> None:
        """Delivers until `stopping` is set; waits out a Redis that is away."""
        async with httpx.AsyncClient(timeout=self._patience) as client:
            while not stopping.is_set():
                try:
                    await self.deliver(client)
                except (RedisError, OSError) as error:
                    log.warning("paging.store_away", error=type(error).__name__)
                try:
                    await asyncio.wait_for(stopping.wait(), LOOK)
                except TimeoutError:
                    continue

    async def deliver(self, client: httpx.AsyncClient) -> None:
        """One look: sends what is new, and what failed and has rested. Raises RedisError."""
        if not await self._redis.exists(self._stream):
            return
        try:
            due = await self._rested()
        except ResponseError:  # the stream is new
            with contextlib.suppress(ResponseError):  # another janitor was quicker
                await self._redis.xgroup_create(self._stream, _GROUP, id="0")
            due = []
        due += await self._fresh()
        # Side by side: a receiver that hangs on one call must not hold up the next.
        tried = [self._deliver(client, entry, fields, tries) for entry, fields, tries in due]
        for failed in await asyncio.gather(*tried, return_exceptions=True):
            if failed is not None:
                raise failed

    async def _fresh(self) -> list[Any]:
        """Never tried: id, fields, number of this try."""
        names: Any = {self._stream: ">"}
        read: Any = await self._redis.xreadgroup(_GROUP, _GROUP, names, count=_AT_ONCE)
        return [(*row, 1) for row in read[0][1]] if read else []

    async def _rested(self) -> list[Any]:
        """Tried before and due again: id, fields, number of this try."""
        due: list[Any] = []
        pending: Any = await self._redis.xpending_range(self._stream, _GROUP, "-", "+", LONGEST)
        for row in pending:
            tries, idle = row["times_delivered"], row["time_since_delivered"]
            pause = int(self._pauses[min(tries, len(self._pauses)) - 1] * 1000)
            if idle < pause or len(due) == _AT_ONCE:
                continue
            # Only one janitor gets it: for the others it has not rested any more.
            claimed: Any = await self._redis.xclaim(
                self._stream, _GROUP, _GROUP, pause, [row["message_id"]]
            )
            if claimed and claimed[0][1]:
                due.append((*claimed[0], tries + 1))
        return due

    async def _deliver(
        self, client: httpx.AsyncClient, entry: bytes, fields: dict[bytes, bytes], tries: int
    ) -> None:
        event = fields[b"event"].decode()
        if not await self._sent(client, entry, fields):
            if tries <= len(self._pauses):
                return
            log.error("paging.given_up", page=event)
            await self._lost(event)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xack(self._stream, _GROUP, entry)
            pipe.xdel(self._stream, entry)
            await pipe.execute()

    async def _sent(
        self, client: httpx.AsyncClient, entry: bytes, fields: dict[bytes, bytes]
    ) -> bool:
        """Whether the receiver took it. A repeat has the same id."""
        moment = datetime.fromtimestamp(int(fields[b"at"]), UTC)
        body = json.dumps(
            {
                "event": fields[b"event"].decode(),
                "level": fields[b"level"].decode(),
                "waiting_seconds": int(fields[b"waiting"]),
                "id": entry.decode(),
                "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ).encode()
        timestamp = f"{self._clock():.0f}"
        headers = {
            "Content-Type": "application/json",
            "X-Northlight-Timestamp": timestamp,
            "X-Northlight-Signature": signature(self._secret, timestamp, body),
        }
        try:
            # The timeout of httpx counts each read; somebody who drips must not hold us up either.
            async with (
                asyncio.timeout(self._patience),
                client.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                taken, why = answer.is_success, str(answer.status_code)
        # An address or a receiver that makes no sense must not stop whoever delivers.
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            taken, why = False, type(error).__name__
        if not taken:
            log.warning("paging.not_taken", why=why)
        return taken
