"""The composition root: the one place where everything is built and wired, from the settings.

What only some processes need is imported and made when it is first asked for: one that was killed
has to be back soon, and the janitor needs no word lists, nor the worker a Telegram library.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bot.conversation.memory import Memory
from bot.conversation.render import Words
from bot.directory import load_directory
from bot.embedded import open_vault
from bot.errors import SettingsError
from bot.handoff.queue import Queue
from bot.inbox import Inbox
from bot.keys import RETENTION, Keys, PracticeKeys, longest
from bot.leases import own_name
from bot.messages import LEAVE_BUTTONS, Inbound
from bot.outbox import Outbox
from bot.paths import ROOT
from bot.safety.lexicon import Lexicon
from bot.safety.normalise import normalise
from bot.settings import PREFIX, Settings
from bot.vault import Vault

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from bot.channels.telegram import TelegramDoor
    from bot.console.context import Practice
    from bot.conversation.emergency import Emergency
    from bot.dialogue.engine import Engine
    from bot.handlers.turn import Services
    from bot.janitor import Janitor
    from bot.paging import Pager
    from bot.worker import Worker

#: Where the engine listens unless told otherwise.
ENGINE_URL = "http://127.0.0.1:5005"


class App:
    """Everything the processes are made of."""

    def __init__(
        self, settings: Settings, redis: Redis, keys: Keys, vault: Vault, closing: AsyncExitStack
    ) -> None:
        """`closing` is where connections are put that must be closed at the end."""
        self.settings, self.redis, self.keys, self.vault = settings, redis, keys, vault
        self._closing = closing
        self.inbox = Inbox(redis, keys, vault, own_name(), self._leaves)
        self.outbox = Outbox(redis, keys, vault)
        self._retention = RETENTION[settings.retention]
        self.memory = Memory(redis, keys, vault, time.time, longest(self._retention))

    def _leaves(self, inbound: Inbound) -> bool:
        normal = normalise(inbound.text)
        return inbound.button in LEAVE_BUTTONS or self.lexicon.is_whole("leave", normal)

    @cached_property
    def words(self) -> Words:
        """Raises DataError for a wrong data file, as all that read one."""
        return Words.load(hours=self._retention // 3600)

    @cached_property
    def lexicon(self) -> Lexicon:
        """The word lists, read."""
        return Lexicon.load()

    @cached_property
    def emergency(self) -> "Emergency":
        """What the doors say while nothing can be stored."""
        from bot.conversation.emergency import Emergency

        return Emergency(self.words, self.lexicon)

    @cached_property
    def queue(self) -> Queue:
        """The handoffs."""
        return Queue(
            self.redis, self.keys, self.vault, self.outbox, self.words, time.time,
            retention=self._retention,
        )  # fmt: skip

    @cached_property
    def engine(self) -> "Engine":
        """The engine's client."""
        from bot.dialogue.engine import Engine

        engine = Engine(self.settings.engine_url or ENGINE_URL, self.vault.engine_token)
        self._closing.push_async_callback(engine.close)
        return engine

    @cached_property
    def services(self) -> "Services":
        """What a turn works with."""
        from bot.handlers.turn import Services

        directory = load_directory(ROOT / "directory")
        return Services(
            self.words, self.lexicon, directory, self.engine, self.queue, self.vault, time.time
        )

    def worker(self) -> "Worker":
        """A new worker on this app's connections."""
        from bot.worker import Worker

        return Worker(self.inbox, self.outbox, self.memory, self.services, self.emergency)

    def janitor(self) -> "Janitor":
        """The janitor on this app's connections."""
        from bot.janitor import Janitor

        def done() -> Awaitable[object]:
            pipe = self.redis.pipeline()
            pipe.sadd(self.keys.janitor(), self.vault.newest_mark())
            pipe.expire(self.keys.janitor(), 60)
            return pipe.execute()

        return Janitor(self.inbox, self.memory, self.queue, time.time, self._pager(), done)

    def _pager(self) -> "Pager | None":
        """Whoever calls out to people outside the desk, if an address is set."""
        if not self.settings.paging_url:
            return None
        from bot.console.audit import Audit
        from bot.paging import Pager

        audit = Audit(self.redis, self.keys, self.vault, time.time)

        async def lost(event: str) -> None:
            await audit.write("janitor", f"page_lost_{event}")

        url, secret = self.settings.paging_url, self.settings.paging_secret
        return Pager(self.redis, self.keys, url, secret, time.time, lost)


@asynccontextmanager
async def build(settings: Settings, keys: Keys | None = None) -> AsyncIterator[App]:
    """Builds the app, and closes its connections at the end.

    Raises SettingsError without a Redis address or master key.
    """
    if not settings.redis_url:
        raise SettingsError(
            f"{PREFIX}REDIS_URL: needed by a single process; `python -m bot up` brings its own"
        )
    vault = open_vault(settings)
    # No retries inside the client: a door must learn at once that Redis is away.
    redis = Redis.from_url(
        settings.redis_url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=2,
        socket_timeout=5,
    )
    async with AsyncExitStack() as closing:
        closing.push_async_callback(redis.aclose)
        yield App(settings, redis, keys or Keys(), vault, closing)


def telegram_door(app: App) -> "TelegramDoor":
    """The Telegram door. Raises SettingsError without a token."""
    from bot.channels.telegram import TelegramDoor

    if not app.settings.telegram_token:
        raise SettingsError(f"{PREFIX}TELEGRAM_TOKEN: needed for the Telegram door")
    return TelegramDoor(
        app.settings, app.redis, app.keys, app.vault, app.inbox, app.outbox, app.words,
        app.emergency.answer,
    )  # fmt: skip


def web_app(app: App) -> "Starlette":
    """The web chat."""
    from bot.channels.webchat import app as webchat

    return webchat.create_app(
        redis=app.redis,
        keys=app.keys,
        vault=app.vault,
        inbox=app.inbox,
        outbox=app.outbox,
        words=app.words,
        emergency=app.emergency,
        clock=time.time,
        secure=app.settings.behind_tls,
    )


def console_app(app: App, practice: "Practice | None" = None) -> "Starlette":
    """The counsellors' console, or a practice desk."""
    from bot.console import app as console

    return console.create_app(
        redis=app.redis,
        keys=app.keys,
        vault=app.vault,
        queue=app.queue,
        words=app.words,
        clock=time.time,
        secure=app.settings.behind_tls,
        second_step=app.settings.second_step,
        practice=practice,
        open_id=None if practice else app.settings.open_id,
        media_address=app.settings.media_address,
    )


@asynccontextmanager
async def practice_desk(settings: Settings) -> "AsyncIterator[Starlette]":
    """The practice desk; worker, janitor and the scripted people run while it is open.

    The same parts as the service's, in a key space of their own that begins empty: run one only.
    """
    from bot.practice import scenario
    from bot.practice.stage import Stage

    keys = PracticeKeys()
    # Nobody is paged for somebody pretended.
    async with build(replace(settings, paging_url="", paging_secret=""), keys) as app:
        people = scenario.load()
        stage = Stage(app.redis, keys, app.vault, app.inbox, app.outbox, app.queue, people)
        await stage.clear()
        worker, janitor = app.worker(), app.janitor()
        async with asyncio.TaskGroup() as together:
            together.create_task(worker.run())
            together.create_task(janitor.run())
            playing = together.create_task(stage.run())
            try:
                yield console_app(app, stage)
            finally:
                stage.stop()
                playing.cancel()
                worker.stop()
                janitor.stop()
