"""The whole service as a person starts it, `python -m bot up`, and means to kill parts of it."""

import asyncio
import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.channels.delivery import GROUP
from bot.embedded import running_url
from bot.handoff.queue import Queue
from bot.inbox import LEASE_MS
from bot.keys import SHARDS, Keys
from bot.messages import Channel
from bot.parts import ENGINE_ADDRESS
from bot.paths import ROOT
from bot.vault import Vault
from tests import waiting
from tests.botapi import BotApi
from tests.core.engine_server import EngineServer
from tests.core.world import World
from tests.ops.test_supervisor import Service

#: How long anything may take to come back after a kill, seconds: leases, restarts and pauses.
PATIENCE = 120.0
PARTS = ("telegram", "worker", "web", "console", "engine", "janitor")


async def until(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Waits until something is so; a Redis or a part that is away counts as no."""
    return await waiting.until(true, what, seconds, pause=0.2, despite=(RedisError, OSError))


class _Up(Service):
    """The command; what it goes on to say is read, or it would block on a full pipe."""

    def start(self) -> None:
        super().start()
        self._reader = threading.Thread(target=self._read_on, daemon=True)
        self._reader.start()

    def _read_on(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(line.rstrip() for line in self.process.stdout)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait()
        if hasattr(self, "_reader"):
            self._reader.join()
        return super().end(how)


class Running:
    """The service while it runs, with its pretended Telegram and a look into its Redis."""

    def __init__(self, up: _Up, api: BotApi, redis: Redis, url: str, *, real_engine: bool) -> None:
        state = Path(up.environ["NORTHLIGHT_STATE_DIR"])
        self.up, self.api, self.redis, self.url = up, api, redis, url
        self.engine = "real engine" if real_engine else "pretended engine"
        self.web = f"http://127.0.0.1:{up.web}"
        self.console = f"http://127.0.0.1:{up.console}"
        self.world = World(
            redis, Keys(), master=bytes.fromhex((state / "master.key").read_text().strip())
        )
        # Real time: the service beside us has no clock that could be moved.
        world = self.world
        world.queue = Queue(redis, world.keys, world.vault, world.outbox, world.words, time.time)
        self.logs = state / "logs"

    @property
    def vault(self) -> Vault:
        return self.world.vault

    def kill(self, name: str) -> bool:
        """SIGKILL; False when that part is not running at this moment."""
        pid = self.up.part(name)
        with contextlib.suppress(ProcessLookupError):
            if pid:
                os.kill(pid, signal.SIGKILL)
        return bool(pid)

    async def works(self, name: str) -> bool:
        """Whether a part does its work, as far as can be seen from outside."""
        if not self.up.part(name):
            return False
        match name:
            case "telegram":
                return bool(self.api.polling_now)
            case "worker":  # a lease is renewed when a quarter of its time is over
                leases = [self.world.keys.shard(shard) for shard in range(SHARDS)]
                left = [await self.redis.pttl(lease) for lease in leases]
                return bool(min(left) > LEASE_MS * 0.7)
            case "web" | "console":
                return await _listens(getattr(self.up, name))
            case "engine":
                address = (self.logs.parent / ENGINE_ADDRESS).read_text()
                return await _listens(int(address.rpartition(":")[2]))
        return True

    async def in_flight(self) -> int:
        """How many replies the Telegram door has taken and not settled."""
        with contextlib.suppress(RedisError):
            summary: Any = await self.redis.xpending(
                self.world.keys.outbox(Channel.TELEGRAM), GROUP
            )
            return int(summary["pending"])
        return 0

    async def waiting(self) -> int:
        """How many messages and replies are on their way."""
        names = [self.world.keys.inbox(shard) for shard in range(SHARDS)]
        names.append(self.world.keys.outbox(Channel.TELEGRAM))
        return sum([int(await self.redis.xlen(name)) for name in names])

    async def settled(self) -> None:
        """Waits until nothing is on its way any more."""

        async def nothing() -> bool:
            return await self.waiting() == 0

        await until(nothing, "every message and reply is dealt with")


class Killer:
    """Kills one random part every `pause` seconds until cancelled.

    Mostly one that works; now and then one that is only starting. (Always any: where the machine
    is slower to start a process than we are to kill it, there would never be a service at all.)
    """

    def __init__(self, running: Running, rng: random.Random, pause: float = 2.0) -> None:
        self._running, self._rng, self._pause = running, rng, pause
        self.killed: dict[str, int] = dict.fromkeys(PARTS, 0)
        #: Replies that may be shown once more, because a door died before it could settle them.
        self.in_flight = 0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._pause)
            anything = self._rng.random() < 0.1
            for part in self._rng.sample(PARTS, len(PARTS)):
                if (anything or await self._running.works(part)) and self._running.kill(part):
                    break
            else:
                continue
            self.killed[part] += 1
            if part == "telegram":
                self.in_flight += await self._running.in_flight()

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.killed.items())
        return f"{sum(self.killed.values())} kills ({counts})"


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@contextlib.asynccontextmanager
async def service(folder: Path) -> AsyncIterator[Running]:
    """`python -m bot up` in an empty folder; the real engine when a trained model is there."""
    real_engine = (ROOT / "models/northlight.tar.gz").exists()
    async with BotApi().serving() as api, EngineServer().serving() as pretended:
        settings = {
            "NORTHLIGHT_TELEGRAM_TOKEN": api.token,
            "NORTHLIGHT_TELEGRAM_BASE_URL": api.base_url,
            "NORTHLIGHT_TELEGRAM_FILE_BASE_URL": api.base_file_url,
        }
        if not real_engine:
            settings["NORTHLIGHT_ENGINE_URL"] = pretended.url
        up = await asyncio.to_thread(_Up, folder / "state", **settings)
        try:
            url = running_url(folder / "state")
            assert url is not None
            async with Redis.from_url(url) as redis:
                await until(lambda: api.polling_now, "the Telegram door asks for updates")
                running = Running(up, api, redis, url, real_engine=real_engine)
                try:
                    yield running
                finally:
                    await running.world.engine.close()
        finally:
            await asyncio.to_thread(up.end)
