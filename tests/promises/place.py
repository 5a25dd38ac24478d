"""Northlight as bot/app.py wires it, on a Redis behind a proxy that a test can cut anywhere.

The doors and the worker each have connections of their own, as the processes do. A cut happens at
a step of a turn: just before a command reaches Redis ("before"), when Redis has done it and its
answer gets lost ("after"), or with the answer that somebody was waiting for ("answer").
"""

import asyncio
import contextlib
import hashlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette

import bot.app
from bot.app import App
from bot.conversation.render import Words
from bot.keys import SHARDS, Keys
from bot.messages import Channel, Inbound, Kind, Reply
from bot.safety.lexicon import Lexicon
from bot.settings import Address, Settings
from bot.worker import Worker
from tests import waiting
from tests.botapi import BotApi
from tests.core.world import MASTER, NO_ENGINE, directory, lexicon, words

#: How long a cut lasts, seconds.
AWAY = 0.3
SECRET = "CANARY-webhook-secret"


@dataclass(frozen=True)
class Step:
    """A step of a turn: the bytes by which it is recognised, and when in it to cut."""

    name: str
    pattern: bytes
    when: str = "before"


class Proxy:
    """Stands before a Redis; `url` names it. Use it as a context manager."""

    def __init__(self, redis_url: str) -> None:
        self._target = redis_url.removeprefix("unix://")
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._at: Step | None = None
        self._down = False
        self.url = ""
        #: How often a connection was cut at a step.
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self._hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self, step: "Step") -> None:
        """Redis goes away when this step comes next, for AWAY seconds."""
        self._at = step

    def down(self) -> None:
        """Redis is away until `up`."""
        self._down = True
        self._hang_up()

    def up(self) -> None:
        self._down = False

    def _hang_up(self) -> None:
        for writer in self._open:
            writer.close()
        self._open.clear()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._down:
            writer.close()
            return
        there_reader, there_writer = await asyncio.open_unix_connection(self._target)
        self._open |= {writer, there_writer}
        for pair in ((reader, there_writer, True), (there_reader, writer, False)):
            task = asyncio.create_task(self._carry(*pair))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_command: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(1 << 20):
                if self._at and self._is_the_step(chunk, is_command):
                    after, self._at = self._at.when == "after", None
                    if after:
                        await self._do_without_answer(chunk)
                    self._go_away()
                    return
                sink.write(chunk)
                await sink.drain()
        sink.close()

    def _is_the_step(self, chunk: bytes, is_command: bool) -> bool:
        assert self._at is not None
        return is_command == (self._at.when != "answer") and self._at.pattern in chunk

    async def _do_without_answer(self, chunk: bytes) -> None:
        reader, writer = await asyncio.open_unix_connection(self._target)
        writer.write(chunk)
        await reader.read(1)  # Redis has done it
        writer.close()

    def _go_away(self) -> None:
        self.cuts += 1
        self.down()
        asyncio.get_running_loop().call_later(AWAY, self.up)


@pytest.fixture(scope="module", autouse=True)
def _read_once() -> Any:
    """Words and lists are read once for all places."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Words, "load", staticmethod(words))
        patch.setattr(Lexicon, "load", staticmethod(lexicon))
        patch.setattr(bot.app, "load_directory", lambda _: directory())
        yield


@dataclass
class Place:
    """Doors and a worker at work, and eyes that look past the proxy."""

    redis: Redis
    keys: Keys
    settings: Settings
    api: BotApi | None
    door: App
    worker_app: App
    web: Starlette
    worker: Worker
    steps: list[Step]

    def person(self, channel: Channel, name: str) -> str:
        return self.door.vault.person(channel, name)

    async def session(self, channel: Channel, name: str) -> Any:
        """What is remembered of a conversation."""
        inbound = Inbound(self.person(channel, name), channel, Kind.TEXT, 0.0)
        memory = bot.app.Memory(self.redis, self.keys, self.door.vault, lambda: 0.0)
        return (await memory.load(inbound))[0]

    async def waiting(self) -> int:
        """How many accepted messages are not dealt with."""
        return sum([await self.redis.xlen(self.keys.inbox(shard)) for shard in range(SHARDS)])

    async def undelivered(self) -> int:
        return int(await self.redis.xlen(self.keys.outbox("telegram")))

    async def screen(self, person: str) -> list[Reply]:
        """What stands on a web visitor's screen."""
        key = self.keys.screen(person)
        rows: Any = await self.redis.xrange(key)
        return [self.door.outbox.read(key, fields)[1] for _, fields in rows]


@contextlib.asynccontextmanager
async def place(
    eyes: str,
    hands: str,
    *,
    api: BotApi | None = None,
    mode: str = "polling",
    engine_url: str = NO_ENGINE,
    master: bytes = MASTER,
    keys: Keys | None = None,
) -> AsyncIterator[Place]:
    """A place on the Redis `hands` (through a proxy); tests look at it through `eyes`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(
        telegram_token=api.token if api else "",
        telegram_base_url=api.base_url if api else "",
        telegram_file_base_url=api.base_file_url if api else "",
        telegram_mode=mode,
        telegram_webhook_listen=Address("127.0.0.1", port),
        telegram_webhook_url=f"http://127.0.0.1:{port}/telegram",
        telegram_webhook_secret=SECRET,
        redis_url=hands,
        engine_url=engine_url,
        master_key=master,
    )
    keys = keys or Keys(f"t{secrets.token_hex(6)}:")
    async with (
        Redis.from_url(eyes) as redis,
        bot.app.build(settings, keys) as door,
        bot.app.build(settings, keys) as worker_app,
        bot.app.build(settings, keys) as telegram_app,
    ):
        worker = worker_app.worker()
        made = Place(
            redis, keys, settings, api, door, worker_app, bot.app.web_app(door), worker,
            [*steps_of(worker_app, keys), *(telegram_steps(keys) if api else web_steps(keys))],
        )  # fmt: skip
        stop = asyncio.Event()
        tasks = [asyncio.create_task(worker.run())]
        if api:
            telegram = bot.app.telegram_door(telegram_app)
            telegram._first_pause = telegram._delivery._first_pause = 0.02
            tasks.append(asyncio.create_task(telegram.run(stop)))
        try:
            yield made
        finally:
            worker.stop()
            stop.set()
            await asyncio.wait(tasks, timeout=15)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            async for name in redis.scan_iter(f"{keys.prefix}*"):
                await redis.delete(name)
            faults = [error for error in ended if isinstance(error, Exception)]
            assert not faults, faults


def steps_of(app: App, keys: Keys) -> list[Step]:
    """Every step of a turn at which Redis is asked for something."""
    inbox = app.inbox
    commands = {
        "accept": inbox._accept.sha.encode(),
        "lease": inbox._hold.sha.encode(),
        "load": b"MGET",
        "new data key": keys.datakey("").encode(),
        "handoff": keys.handoff_of("").encode(),
        "commit": hashlib.sha1(inbox._commit.encode(), usedforsecurity=False).hexdigest().encode(),
    }
    both = [Step(name, of, when) for name, of in commands.items() for when in ("before", "after")]
    return [
        *both,
        Step("read", b"XREADGROUP\r\n$5\r\nGROUP\r\n$7\r\nworkers"),
        Step("read", keys.inbox("").encode(), "answer"),  # type: ignore[arg-type]
        Step("strayed", b"XPENDING"),
    ]


def web_steps(keys: Keys) -> list[Step]:
    """Those of the web door."""
    screen = keys.screen("").encode()
    return [Step("screen", screen), Step("screen", screen, "after")]


def telegram_steps(keys: Keys) -> list[Step]:
    """Those of the Telegram door."""
    return [
        *[Step("settle", keys.sent("").encode(), when) for when in ("before", "after")],
        *[Step("offset", keys.offset().encode(), when) for when in ("before", "after")],
        Step("deliver", b"XREADGROUP\r\n$5\r\nGROUP\r\n$5\r\ndoors"),
        Step("deliver", keys.outbox("telegram").encode(), "answer"),
        Step("poller", keys.poller().encode()),
    ]


async def until(true: Callable[[], Any], what: str, seconds: float = 20) -> bool:
    """Waits until something is so; False when it never came, which the caller counts."""
    try:
        await waiting.until(true, what, seconds)
    except AssertionError as never:
        print(never)
        return False
    return True
