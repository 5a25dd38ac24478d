"""The Telegram door: brings updates in by polling or webhook and delivers the outbox.

One process at a time holds the poller's lock: it delivers (order within a chat needs one sender)
and, in polling mode, polls. In webhook mode every process may take updates in.
"""

import asyncio
import contextlib
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError
from telegram.error import BadRequest, InvalidToken, NetworkError, TelegramError
from telegram.ext import Application
from telegram.request import HTTPXRequest

from bot.channels.delivery import Delivery, heed_cancel
from bot.channels.telegram_convert import UPDATES
from bot.channels.telegram_intake import Emergency, Intake
from bot.channels.telegram_media import serve_media
from bot.channels.telegram_profile import introduce
from bot.channels.telegram_send import refused
from bot.channels.telegram_webhook import endpoint, open_listener, serve
from bot.conversation.render import Words
from bot.errors import QueueUnavailable, SettingsError
from bot.inbox import Inbox
from bot.keys import DAY, Keys
from bot.outbox import Outbox
from bot.settings import PREFIX, Settings
from bot.vault import Vault

log = structlog.get_logger(__name__)

#: How long one getUpdates waits for something to happen, seconds.
LONG_POLL: Final = 25
#: After this silence of its holder another process takes the poller's lock, seconds.
LEASE: Final = 5.0
#: The longest pause after a fault of Telegram or Redis, seconds.
LONGEST_PAUSE: Final = 30.0
#: Telegram keeps an update for a day and may begin its numbers anew after a silence.
OFFSET_LIFE: Final = DAY


def prepare_libraries() -> None:
    """Keeps the token (it is in every URL), updates and addresses out of all logs."""
    # The coming form of durations; without it each limit Telegram sets costs a warning.
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    for name in ("httpx", "httpcore", "telegram", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


class TelegramDoor:
    """The door as a whole; `run` is its life."""

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        keys: Keys,
        vault: Vault,
        inbox: Inbox,
        outbox: Outbox,
        words: Words,
        emergency: Emergency,
        *,
        clock: Callable[[], float] = time.time,
        first_pause: float = 1.0,
    ) -> None:
        prepare_libraries()
        self._settings, self._redis, self._keys, self._vault = settings, redis, keys, vault
        self._words, self._clock, self._first_pause = words, clock, first_pause
        self._application = (
            Application.builder()
            .token(settings.telegram_token)
            .base_url(settings.telegram_base_url)
            .base_file_url(settings.telegram_file_base_url)
            .connection_pool_size(64)
            .pool_timeout(30)
            .connect_timeout(10)
            .read_timeout(15)
            .updater(None)
            .build()
        )
        self._bot = self._application.bot
        self._polls = HTTPXRequest(connection_pool_size=1, read_timeout=LONG_POLL + 10)
        self._intake = Intake(self._bot, redis, keys, vault, inbox, words, emergency, clock)
        self._delivery = Delivery(
            self._bot, redis, keys, inbox, outbox, clock=clock, first_pause=first_pause
        )
        self._lock = Lock(redis, keys.poller(), timeout=LEASE, blocking=False, thread_local=False)
        self._name = inbox.token

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, then finishes what is under way.

        Raises SettingsError when Telegram refuses the token or the webhook cannot listen.
        """
        webhook = self._settings.telegram_mode == "webhook"
        listener = open_listener(self._settings.telegram_webhook_listen) if webhook else None
        try:
            if not await _unless(stop, self._stubborn("start", self._initialize)):
                return
            if listener and not await _unless(stop, self._stubborn("webhook", self._set_webhook)):
                return
            async with asyncio.TaskGroup() as group:
                introducing = group.create_task(introduce(self._bot, self._words))
                group.create_task(self._on_duty(stop))
                group.create_task(
                    serve_media(
                        self._settings.media_address, self._bot, self._vault, self._clock, stop
                    )
                )
                if listener:
                    app = endpoint(
                        self._settings.telegram_webhook_url,
                        self._settings.telegram_webhook_secret,
                        self._intake,
                    )
                    group.create_task(serve(app, listener, stop))
                await stop.wait()
                introducing.cancel()
        finally:
            if listener:
                listener.close()
            await self._intake.aclose()
            await self._polls.shutdown()
            await self._application.shutdown()
            await self._bot.shutdown()  # the application skips it when it never began

    async def _initialize(self) -> None:
        try:
            await self._application.initialize()
            await self._polls.initialize()
        except InvalidToken:
            raise SettingsError(f"{PREFIX}TELEGRAM_TOKEN: Telegram refuses it") from None

    # -- one process at a time -----------------------------------------------------------------
    async def _on_duty(self, stop: asyncio.Event) -> None:
        """Delivers (and polls) while this process holds the lock."""
        work: asyncio.Task[None] | None = None
        owned = asyncio.Event()
        try:
            while not stop.is_set():
                heed_cancel()
                held = await self._hold()
                if held:
                    owned.set()
                if held is False and work:
                    log.warning("poller_lock_lost")
                    await _end(work)
                    work = None
                    owned.clear()
                elif held is not False and work is None:
                    work = asyncio.create_task(self._work(owned))
                waiting = {asyncio.create_task(stop.wait()), *([work] if work else [])}
                await asyncio.wait(waiting, timeout=LEASE / 3, return_when=asyncio.FIRST_COMPLETED)
                for task in waiting - {work}:
                    task.cancel()
                if work and work.done():
                    await work  # raises: it never ends by itself
        finally:
            if work:
                await _end(work)
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await self._lock.release()

    async def _hold(self) -> bool | None:
        """Takes or renews the lock: True, or False when another process has it.

        None when Redis is away: then nobody can take it, and people still need an answer.
        """
        try:
            async with asyncio.timeout(LEASE / 3):
                if await self._lock.owned():
                    await self._lock.reacquire()
                    return True
                return bool(await self._lock.acquire(blocking=False, token=self._name))
        except LockError:
            return False
        except (RedisError, OSError, TimeoutError):
            return None

    async def _work(self, owned: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(owned))
            if self._settings.telegram_mode == "polling":
                group.create_task(self._poll())

    async def _deliver(self, owned: asyncio.Event) -> None:
        # Answering while Redis is away needs no lock. Delivering does: when Redis is back, what
        # another process is about to show would be shown by us as well.
        await owned.wait()
        await self._delivery.run()

    # -- polling -------------------------------------------------------------------------------
    async def _poll(self) -> None:
        """Asks for updates; each one is stored before the next call confirms it."""
        await self._stubborn("delete_webhook", self._bot.delete_webhook)
        offset, since = await self._read_offset(), self._clock()
        pauses = self._pauses()
        while True:
            heed_cancel()
            if self._clock() - since > OFFSET_LIFE:
                offset = 0
            try:
                updates = await self._get_updates(offset)
                after = await self._take_all(updates)
            except TelegramError as error:
                log.warning("telegram_unreachable", error=type(error).__name__)
                await asyncio.sleep(next(pauses))
                continue
            if after:
                offset, since = after, self._clock()
                await self._write_offset(offset)
            if updates and after <= updates[-1]["update_id"]:
                await asyncio.sleep(min(next(pauses), 5))  # Redis is away: the rest comes again
            else:
                pauses = self._pauses()

    async def _get_updates(self, offset: int) -> list[dict[str, Any]]:
        # Not Bot.get_updates: that parses all or nothing, and one malformed update would hold up
        # everybody for as long as Telegram keeps it.
        asked = urlencode(
            {"offset": offset, "timeout": LONG_POLL, "allowed_updates": json.dumps(UPDATES)}
        )
        try:
            answer: Any = await self._polls.post(f"{self._bot.base_url}/getUpdates?{asked}")
            return [raw for raw in answer if isinstance(raw["update_id"], int)]
        except (LookupError, TypeError) as error:
            raise NetworkError("not an answer of the Bot API") from error

    async def _take_all(self, updates: list[dict[str, Any]]) -> int:
        """Takes updates in, in order; returns the offset that confirms those now safe, or 0."""
        offset, store = 0, True
        for raw in updates:
            try:
                await self._intake.take(raw, store=store)
            except QueueUnavailable:
                store = False  # those behind it must not overtake it
            if store:
                offset = raw["update_id"] + 1
        return offset

    async def _read_offset(self) -> int:
        """The next update to ask for; 0, the oldest there is, when that is not known."""
        try:
            stored: Any = await self._redis.get(self._keys.offset())
        except (RedisError, OSError):
            return 0
        bot_id, _, offset = (stored or b"").partition(b":")
        # Another bot's number would confirm, unread, what people wrote to this one.
        return int(offset) if bot_id == str(self._bot.id).encode() else 0

    async def _write_offset(self, offset: int) -> None:
        with contextlib.suppress(RedisError, OSError):  # it only saves repeats after a restart
            await self._redis.set(self._keys.offset(), f"{self._bot.id}:{offset}", ex=OFFSET_LIFE)

    # -- webhook -------------------------------------------------------------------------------
    async def _set_webhook(self) -> None:
        try:
            await self._bot.set_webhook(
                self._settings.telegram_webhook_url,
                allowed_updates=UPDATES,
                secret_token=self._settings.telegram_webhook_secret,
            )
        except BadRequest as error:
            if not refused(error):
                raise
            raise SettingsError(f"{PREFIX}TELEGRAM_WEBHOOK_URL: {error.message}") from None

    # -- patience ------------------------------------------------------------------------------
    async def _stubborn(self, what: str, act: Callable[[], Awaitable[object]]) -> None:
        """Does one thing at Telegram, again and again until it works."""
        pauses = self._pauses()
        while True:
            try:
                await act()
                return
            except TelegramError as error:
                log.warning("telegram_unreachable", doing=what, error=type(error).__name__)
                await asyncio.sleep(next(pauses))

    def _pauses(self) -> Iterator[float]:
        pause = self._first_pause
        while True:
            yield pause
            pause = min(pause * 1.5, LONGEST_PAUSE)


async def _unless(stop: asyncio.Event, act: Awaitable[object]) -> bool:
    """Does `act` unless `stop` is set first; True when it was done."""
    acting, stopping = asyncio.ensure_future(act), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({acting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if acting.done():
            await acting
            return True
        return False
    finally:
        stopping.cancel()
        await _end(acting)


async def _end(task: asyncio.Future[Any]) -> None:
    """Cancels a task and waits until it is over; its own faults were reported elsewhere."""
    task.cancel()
    await asyncio.wait({task})
