"""Takes replies from the Telegram outbox and shows them: in order in a chat, chats side by side.

An entry leaves the outbox only after it was shown, so a crash repeats what was in flight and loses
nothing. What waits in one chat (a limit, a fault) never holds up another; a chat with an urgent
reply goes first. One process delivers at a time (see telegram.py), so nothing overtakes.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx
import structlog
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from bot.channels.telegram_send import refused, sent_ops, show
from bot.errors import QueueUnavailable, Sealed
from bot.inbox import Inbox, Op, bury
from bot.keys import KEEP, Keys
from bot.messages import Channel, Inbound, Kind, Recipient, Reply
from bot.outbox import Outbox

log = structlog.get_logger(__name__)

GROUP: Final = "doors"
#: How many chats are served at once, and how many more of those with something urgent: chats that
#: hang must not keep a 9-1-1 card waiting.
SLOTS: Final = 32
URGENT_SLOTS: Final = 16
#: Of more entries than this only the ids are kept in memory: one chat that is held up for hours
#: must neither fill it nor keep us from reading what comes for others.
HELD: Final = 5_000
#: Telegram deletes at most this many messages in one call.
BATCH: Final = 100
#: Where a copy whose id we never learned is looked for: among so many of the bot's messages.
NEAR: Final = 100
#: The longest pause after a fault, seconds: when nothing was done, and when that is not known (the
#: answer got lost, so each new attempt may show the message once more).
PAUSE, PAUSE_UNSURE = 30.0, 300.0
#: The longest pause while Redis is away, seconds.
PAUSE_REDIS: Final = 5.0
#: How long a clean stop waits for what is being sent, seconds.
FAREWELL: Final = 10.0

# KEYS: outbox stream. ARGV: group, number of entries, their ids, then the commands: number of
# words, words..., and so on. XACK first: what has begun to write may go on when Redis is full.
_SETTLE = """
local at = 3
for _ = 1, tonumber(ARGV[2]) do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[at])
  redis.call('XDEL', KEYS[1], ARGV[at])
  at = at + 1
end
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + words))
  at = at + words + 1
end
"""


@dataclass(eq=False, slots=True)
class _Entry:
    id: bytes
    to: Recipient
    urgent: bool
    erase: bool
    reply: Reply | None  # None: it is in Redis and read when its turn comes
    shown: list[int] = field(default_factory=list)
    tries: int = 0
    erased: bool = False


@dataclass(eq=False, slots=True)
class _Chat:
    address: str
    waiting: deque[_Entry] = field(default_factory=deque)
    since: int = 0
    busy: bool = False
    pause: asyncio.TimerHandle | None = None
    # Until when Telegram wants no more in this chat, by the loop's clock.
    limit: float = 0.0
    # Something may have been shown of which we never learned the id.
    unsure: bool = False

    def rank(self) -> tuple[bool, int]:
        """Chats with something urgent first, then who has waited longest."""
        urgent = any(entry.urgent or entry.erase for entry in self.waiting)
        return not urgent, self.since


class Delivery:
    """Delivers the Telegram outbox with `run`, until that is cancelled."""

    def __init__(
        self,
        bot: Bot,
        redis: Redis,
        keys: Keys,
        inbox: Inbox,
        outbox: Outbox,
        *,
        clock: Callable[[], float] = time.time,
        slots: int = SLOTS,
        first_pause: float = 1.0,
    ) -> None:
        self._bot, self._redis, self._keys = bot, redis, keys
        self._inbox, self._outbox, self._clock = inbox, outbox, clock
        self._slots, self._first_pause = slots, first_pause
        self._stream = keys.outbox(Channel.TELEGRAM)
        self._settle_script = redis.register_script(_SETTLE)
        self._chats: dict[str, _Chat] = {}
        self._ready: dict[str, _Chat] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._known: set[bytes] = set()
        # Entries that are over, and what else to do when they are taken out of the outbox.
        self._over: dict[bytes, list[Op]] = {}
        self._settling = asyncio.Lock()
        self._turn = 0
        self._closing = False
        self._faults = 0

    async def run(self) -> None:
        """Delivers until cancelled; then what is being sent is finished and settled."""
        self._closing, self._faults = False, 0
        try:
            while True:
                heed_cancel()
                try:
                    await self._read()
                except (RedisError, OSError) as error:
                    log.warning("outbox_unavailable", error=type(error).__name__)
                    await asyncio.sleep(min(self._first_pause * 2**self._faults, PAUSE_REDIS))
                    self._faults = min(self._faults + 1, 10)
        finally:
            await self._close()

    # -- reading the outbox --------------------------------------------------------------------
    async def _read(self) -> None:
        try:
            await self._redis.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except OutOfMemoryError:
            pass  # it is there already, or reading will say that it is not
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        # What an earlier process (or this one, before Redis went away) read and did not settle.
        start: Any = "0-0"
        while True:
            answer: Any = await self._redis.xautoclaim(
                self._stream, GROUP, "door", min_idle_time=0, start_id=start, count=100
            )
            start = answer[0]
            self._take(answer[1], again=True)
            if start in (b"0-0", "0-0"):
                break
        self._faults = 0
        while True:
            heed_cancel()
            await self._settle()
            streams: dict[Any, Any] = {self._stream: ">"}
            answer = await self._redis.xreadgroup(GROUP, "door", streams, count=64, block=1000)
            for _, rows in answer or []:
                self._take(rows)

    def _take(self, rows: Any, *, again: bool = False) -> None:
        """Lines entries up; `again`: somebody had them before, and may have shown one of a chat."""
        for entry_id, fields in rows:
            if entry_id in self._known:
                continue
            self._known.add(entry_id)
            if not fields:  # trimmed away while it was pending
                self._over[entry_id] = []
                continue
            try:
                to, reply = self._outbox.read(self._stream, fields)
            except (Sealed, KeyError, ValueError, TypeError):
                sealed = fields.get(b"e", b"")
                self._over[entry_id] = bury(self._keys, self._stream, "unreadable", sealed)
                continue
            chat = self._chats.setdefault(to.address, _Chat(to.address))
            chat.unsure = chat.unsure or again
            held = reply if len(self._known) <= HELD else None
            chat.waiting.append(_Entry(entry_id, to, reply.urgent, reply.erase, held))
            self._welcome(chat, reply)
        self._fill()

    def _welcome(self, chat: _Chat, reply: Reply) -> None:
        """Finds a chat its turn after `reply` came in for it."""
        if chat.busy:
            return  # looked after when its attempt is over
        if chat.address in self._ready:
            if reply.erase:
                self._drop_before_erase(chat)
        elif chat.pause is None:
            self._requeue(chat)
        elif reply.erase or reply.urgent:
            self._requeue(chat, chat.pause.when() - _now())

    # -- who goes next ---------------------------------------------------------------------------
    def _requeue(self, chat: _Chat, pause: float = 0) -> None:
        """Lets a chat wait for its next turn, at once or after `pause` seconds."""
        if self._closing:
            return  # whoever delivers next begins with what is in Redis
        if chat.pause:
            chat.pause.cancel()
            chat.pause = None
        self._drop_before_erase(chat)
        pause = max(pause, chat.limit - _now())
        if not chat.waiting:
            self._chats.pop(chat.address, None)
        elif pause > 0 and not self._overtake(chat):
            chat.pause = asyncio.get_running_loop().call_later(pause, self._resume, chat)
        else:
            self._turn += 1
            chat.since = self._turn
            self._ready[chat.address] = chat

    def _resume(self, chat: _Chat) -> None:
        chat.pause = None
        self._requeue(chat)
        self._fill()

    def _drop_before_erase(self, chat: _Chat) -> None:
        """After Leave nothing older may still appear."""
        older = max((n for n, entry in enumerate(chat.waiting) if entry.erase), default=0)
        for _ in range(older):
            self._finish(chat, chat.waiting[0])

    def _overtake(self, chat: _Chat) -> bool:
        """Puts an urgent reply before those that are held up; True when the first need not wait."""
        first = chat.waiting[0]
        if not first.urgent and not first.erase:
            urgent = next((entry for entry in chat.waiting if entry.urgent), None)
            if urgent is None:
                return False
            chat.waiting.remove(urgent)
            chat.waiting.appendleft(urgent)
            first = urgent
        return not first.tries

    def _fill(self) -> None:
        while self._ready and not self._closing:
            chat = min(self._ready.values(), key=_Chat.rank)
            not_urgent, _ = chat.rank()
            if len(self._tasks) >= self._slots + (0 if not_urgent else URGENT_SLOTS):
                return
            del self._ready[chat.address]
            chat.busy = True
            task = asyncio.create_task(self._serve(chat))
            self._tasks.add(task)
            task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._fill()

    # -- one entry -------------------------------------------------------------------------------
    async def _serve(self, chat: _Chat) -> None:
        entry = chat.waiting[0]
        pause = 0.0
        try:
            pause = await self._attempt(chat, entry)
        except Exception as error:
            # A fault of ours in one entry must not end the delivery of all others.
            log.error("delivery_failed", error=type(error).__name__)
            pause = await self._give_up(chat, entry, "failed")
        with contextlib.suppress(RedisError, OSError):
            await self._settle()
        chat.busy = False
        self._requeue(chat, pause)

    async def _attempt(self, chat: _Chat, entry: _Entry) -> float:
        """Shows one entry. Returns how long its chat pauses, seconds, beside Telegram's limit."""
        age = self._clock() - int(entry.id.partition(b"-")[0]) / 1000
        try:
            reply = entry.reply = entry.reply or await self._reread(entry)
            if reply is None:
                self._finish(chat, entry)
                return 0
            if age > KEEP:
                return await self._give_up(chat, entry, "too old")
            if entry.erase and not entry.erased:
                await self._erase(chat, entry.to)
                entry.erased = True
            await show(self._bot, chat.address, reply, entry.shown)
        except RetryAfter as error:
            entry.tries += 1
            chat.limit = _now() + _seconds(error) + 0.1
            return 0
        except (BadRequest, ChatMigrated, Forbidden) as error:
            if not refused(error):
                return self._pause_after(chat, entry, error)
            if isinstance(error, Forbidden):
                return await self._blocked(chat, entry)
            log.error("reply_refused", error=type(error).__name__)
            return await self._give_up(chat, entry, "refused")
        except (TelegramError, RedisError, OSError) as error:
            return self._pause_after(chat, entry, error)
        self._finish(chat, entry)
        chat.unsure = False
        return 0

    async def _reread(self, entry: _Entry) -> Reply | None:
        """A reply of which only the id was kept; None: it is gone. Raises as Outbox.read."""
        rows: Any = await self._redis.xrange(self._stream, entry.id, entry.id)
        return self._outbox.read(self._stream, rows[0][1])[1] if rows else None

    async def _blocked(self, chat: _Chat, entry: _Entry) -> float:
        """The person blocked the bot: nothing more is written to them, and the core is told."""
        if not entry.erase:
            told = Inbound(
                entry.to.person, Channel.TELEGRAM, Kind.BLOCKED, self._clock(),
                address=chat.address,
            )  # fmt: skip
            try:
                await self._inbox.accept(told, f"blocked:{entry.id.decode()}")
            except QueueUnavailable as error:
                return self._pause_after(chat, entry, error)
        for waiting in list(chat.waiting):
            self._finish(chat, waiting)
        return 0

    def _pause_after(self, chat: _Chat, entry: _Entry, error: Exception) -> float:
        chat.unsure = chat.unsure or isinstance(error, TelegramError)
        longest = PAUSE_UNSURE if _unsure(error) else PAUSE
        pause: float = min(self._first_pause * 2 ** min(entry.tries, 20), longest)
        entry.tries += 1
        log.warning("delivery_delayed", error=type(error).__name__, tries=entry.tries)
        return pause

    async def _give_up(self, chat: _Chat, entry: _Entry, why: str) -> float:
        """Puts a reply aside, sealed so that Leave makes it unreadable; returns as `_attempt`."""
        try:
            sealed = await self._outbox.letter(entry.to, entry.reply) if entry.reply else b""
        except (RedisError, OSError) as error:
            return self._pause_after(chat, entry, error)
        self._over[entry.id] = bury(self._keys, self._stream, why, sealed)
        self._finish(chat, entry)
        return 0

    def _finish(self, chat: _Chat, entry: _Entry) -> None:
        """The entry is over: it will be taken out of the outbox, its messages noted for Leave."""
        chat.waiting.remove(entry)
        # After Leave not even the id of the last neutral line is kept.
        ids: Collection[int] = [] if entry.erase else entry.shown
        if ids and chat.unsure:
            # A copy may stand before it. All chats share one count of ids; deleting in this one
            # skips those of the others.
            ids = {*ids, *_near(max(ids), 0)}
        self._over.setdefault(entry.id, []).extend(
            sent_ops(self._keys, entry.to.person, ids, self._clock())
        )

    async def _settle(self) -> None:
        """Takes entries that are over out of the outbox, in one step with what belongs to that."""
        async with self._settling:
            batch, self._over = self._over, {}
            if not batch:
                return
            words = [word for ops in batch.values() for op in ops for word in (len(op), *op)]
            try:
                await self._settle_script(
                    keys=[self._stream], args=[GROUP, len(batch), *batch, *words]
                )
            except BaseException:
                self._over = {**batch, **self._over}
                raise
            self._known -= batch.keys()

    # -- Leave -----------------------------------------------------------------------------------
    async def _erase(self, chat: _Chat, to: Recipient) -> None:
        """Deletes every message of both sides that Telegram still lets us delete, newest first."""
        await self._settle()
        key = self._keys.sent(to.person)
        noted: Any = await self._redis.zrevrange(key, 0, -1, withscores=True)
        horizon = self._clock() - KEEP
        ids = [int(number) for number, at in noted if float(at) > horizon]
        if ids and chat.unsure:
            ids = sorted({*ids, *_near(max(ids), NEAR)}, reverse=True)
        for start in range(0, len(ids), BATCH):
            await self._delete(int(to.address), ids[start : start + BATCH])
        # Only what was read: the person may have written again in the meantime.
        if noted:
            await self._redis.zrem(key, *(number for number, _ in noted))

    async def _delete(self, chat: int, ids: list[int]) -> None:
        try:
            if len(ids) == 1:
                await self._bot.delete_message(chat, ids[0])
            else:
                await self._bot.delete_messages(chat, ids)
        except (Forbidden, BadRequest) as error:
            if not refused(error):
                raise
            if isinstance(error, Forbidden):
                return  # blocked: we may delete no longer
            # One message that is too old fails the whole call: find it by halves, save the others.
            if len(ids) > 1:
                await self._delete(chat, ids[: len(ids) // 2])
                await self._delete(chat, ids[len(ids) // 2 :])

    async def _close(self) -> None:
        self._closing = True
        self._ready.clear()
        for chat in self._chats.values():
            if chat.pause:
                chat.pause.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=FAREWELL)
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(RedisError, OSError):
            await self._settle()
        # Anything else is still in the outbox; the next `run`, here or elsewhere, claims it.
        self._chats.clear()
        self._known = set(self._over)


def heed_cancel() -> None:
    """Ends a task whose cancellation a library lost; call it once in every round of a long loop.

    Before Python 3.12 `asyncio.wait_for` (Redis connections use it) loses one that comes in the
    very moment it succeeds.
    """
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


def _now() -> float:
    return asyncio.get_running_loop().time()


def _near(message: int, after: int) -> range:
    """The ids of the messages around one, up to `after` behind it."""
    return range(max(1, message - NEAR), message + after + 1)


def _seconds(error: RetryAfter) -> float:
    after = error.retry_after  # a number only where PTB_TIMEDELTA was switched off
    return after.total_seconds() if isinstance(after, timedelta) else float(after)


def _unsure(error: Exception) -> bool:
    """Whether the message may have been shown although the call failed."""
    cause = error.__cause__
    never_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
    return isinstance(cause, httpx.TransportError) and not isinstance(cause, never_sent)
