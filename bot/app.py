"""The composition root: the one place where everything is built and wired, from the settings."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.applications import Starlette

from bot.channels.telegram import TelegramDoor
from bot.channels.webchat import app as webchat
from bot.console import app as console
from bot.conversation.emergency import Emergency
from bot.conversation.memory import Memory
from bot.conversation.render import ROOT, Words
from bot.dialogue.engine import Engine
from bot.directory import load_directory
from bot.embedded import open_vault
from bot.errors import SettingsError
from bot.handlers.turn import Services
from bot.handoff.queue import Queue
from bot.inbox import Inbox
from bot.janitor import Janitor
from bot.keys import DAY, Keys
from bot.outbox import Outbox
from bot.safety.lexicon import Lexicon
from bot.settings import PREFIX, Settings
from bot.vault import Vault
from bot.worker import Worker

#: Where the engine listens unless told otherwise.
ENGINE_URL = "http://127.0.0.1:5005"


@dataclass(frozen=True)
class App:
    """Everything the processes are made of."""

    settings: Settings
    redis: Redis
    keys: Keys
    vault: Vault
    inbox: Inbox
    outbox: Outbox
    words: Words
    emergency: Emergency
    memory: Memory
    queue: Queue
    services: Services

    def worker(self) -> Worker:
        """A new worker on this app's connections."""
        return Worker(self.inbox, self.outbox, self.memory, self.services, self.emergency)

    def janitor(self) -> Janitor:
        """The janitor on this app's connections."""
        return Janitor(self.inbox, self.memory, self.queue, time.time)


@asynccontextmanager
async def build(settings: Settings, keys: Keys | None = None) -> AsyncIterator[App]:
    """Builds the app, and closes its connections at the end.

    Raises SettingsError without a Redis address or master key, DataError for a wrong data file.
    """
    if not settings.redis_url:
        raise SettingsError(
            f"{PREFIX}REDIS_URL: needed by a single process; `python -m bot up` brings its own"
        )
    keys = keys or Keys()
    vault = open_vault(settings)
    # No retries inside the client: a door must learn at once that Redis is away.
    redis = Redis.from_url(
        settings.redis_url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=2,
        socket_timeout=5,
    )
    words, lexicon = Words.load(), Lexicon.load()
    engine = Engine(settings.engine_url or ENGINE_URL, vault.engine_token)
    outbox = Outbox(redis, keys, vault)
    retention = {"0": 0, "24h": DAY}[settings.retention]
    queue = Queue(redis, keys, vault, outbox, words, time.time, retention=retention)
    services = Services(
        words, lexicon, load_directory(ROOT / "directory"), engine, queue, vault, time.time
    )
    try:
        yield App(
            settings=settings,
            redis=redis,
            keys=keys,
            vault=vault,
            inbox=Inbox(redis, keys, vault),
            outbox=outbox,
            words=words,
            emergency=Emergency(words, lexicon),
            memory=Memory(redis, keys, vault, time.time),
            queue=queue,
            services=services,
        )
    finally:
        await engine.close()
        await redis.aclose()


def telegram_door(app: App) -> TelegramDoor:
    """The Telegram door. Raises SettingsError without a token."""
    if not app.settings.telegram_token:
        raise SettingsError(f"{PREFIX}TELEGRAM_TOKEN: needed for the Telegram door")
    return TelegramDoor(
        app.settings, app.redis, app.keys, app.vault, app.inbox, app.outbox, app.words,
        app.emergency.answer,
    )  # fmt: skip


def web_app(app: App) -> Starlette:
    """The web chat. Off this machine its cookies need TLS in front (docs/operations.md)."""
    return webchat.create_app(
        redis=app.redis,
        keys=app.keys,
        vault=app.vault,
        inbox=app.inbox,
        outbox=app.outbox,
        words=app.words,
        emergency=app.emergency,
        clock=time.time,
        secure_cookies=app.settings.behind_tls or not app.settings.web_listen.loopback,
    )


def console_app(app: App) -> Starlette:
    """The counsellors' console."""
    return console.create_app(
        redis=app.redis,
        keys=app.keys,
        vault=app.vault,
        queue=app.queue,
        words=app.words,
        clock=time.time,
        secure=app.settings.behind_tls or not app.settings.console_listen.loopback,
        second_step=app.settings.second_step,
    )
