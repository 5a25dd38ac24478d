"""Runs the whole service on one machine: `python -m bot up` starts every part and keeps it going.

Redis first, then the engine, then our own processes; stopped in the opposite order. No part
outlives this process. What each is started with is in parts.py.
"""

import asyncio
import contextlib
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import redis.asyncio

from bot import leases
from bot.console.accounts import Accounts
from bot.embedded import EmbeddedRedis, die_with_parent, open_vault, private_dir
from bot.errors import NorthlightError, SettingsError
from bot.keys import Keys
from bot.parts import Part, forgetful, parts_of, practice_part, refuse_taken
from bot.paths import ROOT
from bot.settings import PREFIX, Settings
from bot.vault import Vault

#: How long a part may take until it is ready, seconds. The engine loads its model.
START_LIMIT: Final = 120.0
#: How long a part may take to finish what it is doing when asked to stop, seconds.
STOP_LIMIT: Final = 15.0
#: The pause before a part is started again, seconds: after its first bad start, and at most. It
#: doubles with every further one; after a good start there is none.
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
#: A part that lived this long had a good start, seconds. Somebody may be waiting in danger for the
#: part that died, so only what cannot live is made to wait.
SETTLED: Final = 5.0
#: A part that dies this often before it was ever ready will not get better by itself.
HOPELESS: Final = 3
#: How often each part is asked whether it does its work, seconds; one that does not, so often in a
#: row, hangs and is started again. (As long as a start may take: no part is ended while it starts.)
LOOK_EVERY: Final = 10.0
HANGS: Final = 12
#: The login of the counsellor who is there at once on a machine of one's own.
DEMO: Final = "demo"


def up(settings: Settings, *, practice: bool = False) -> int:
    """Runs everything until Ctrl-C or SIGTERM; returns the exit code.

    `practice`: the practice desk at once, else when somebody opens it. Raises SettingsError when
    something cannot start as it is set.
    """
    return asyncio.run(Supervisor(settings).run(practice=practice))


class Supervisor:
    """Starts the parts, restarts the ones that die, stops them all."""

    def __init__(self, settings: Settings, say: Callable[[str], None] | None = None) -> None:
        self._settings = settings
        self._say = say or _tell
        self._logs = settings.state_dir / "logs"
        self._stopping = asyncio.Event()
        self._redis: EmbeddedRedis | None = None
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._deaths: dict[str, int] = {}
        self._store = ""
        self._vault: Vault
        self._door: socket.socket | None = None

    async def run(self, *, practice: bool = False) -> int:
        """The whole life of the service."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(name, self._stopping.set)
        refuse_taken("WEB_LISTEN", self._settings.web_listen)
        refuse_taken("CONSOLE_LISTEN", self._settings.console_listen)
        private_dir(self._settings.state_dir)
        private_dir(self._logs)
        self._vault = open_vault(self._settings)  # before anything is started
        parts: list[Part] = []
        try:
            self._store = await self._start_redis()
            engines = self._redis.engine_url if self._redis else self._settings.engine_redis_url
            parts = parts_of(self._settings, self._vault, self._store, engines)
            await self._start(parts)
            if not self._stopping.is_set():
                desk = self._practice(parts)
                if desk and practice:
                    await self._start([desk])
                elif desk:
                    self._start_when_opened(desk)
                self._welcome(parts, await self._demo(), desk)
            while not self._stopping.is_set():
                self._mind()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), 0.5)
        finally:
            self._stopping.set()
            await self._stop(parts)
        return 0

    # -- what there is to run ------------------------------------------------------------------
    async def _start_redis(self) -> str:
        if url := self._settings.redis_url:
            with contextlib.suppress(redis.RedisError, OSError):  # away: the parts wait for it
                async with _client(url) as client:
                    if why := await forgetful(client):
                        raise SettingsError(f"{PREFIX}REDIS_URL: {why}")
            return url
        began = time.monotonic()
        self._redis = EmbeddedRedis(self._settings.state_dir, self._say)
        # Not in a thread: Linux ties a child's fate to the thread that made it.
        url = self._redis.start()
        self._say(f"{'redis':10} ready  {time.monotonic() - began:5.1f} s")
        return url

    def _practice(self, parts: list[Part]) -> Part | None:
        """The practice desk, behind a socket that listens already; None when it cannot.

        It is no part the others wait for: what goes wrong with it leaves the service alone.
        """
        address = self._settings.practice_listen
        try:
            self._door = address.listen()
        except OSError:
            return None
        desk = practice_part(parts, address, self._door.fileno())
        parts.append(desk)
        return desk

    def _start_when_opened(self, desk: Part) -> None:
        """At the first connection: until somebody wants to practise it takes no memory."""
        loop, door = asyncio.get_running_loop(), desk.files[0]

        def opened() -> None:
            loop.remove_reader(door)
            self._keepers[desk.name] = asyncio.create_task(self._keep(desk))

        self._deaths[desk.name] = 0
        loop.add_reader(door, opened)

    # -- starting ------------------------------------------------------------------------------
    async def _start(self, parts: list[Part]) -> None:
        for part in parts:
            self._deaths[part.name] = 0
            self._keepers[part.name] = asyncio.create_task(self._keep(part))
        waiting = [asyncio.create_task(self._until_ready(part)) for part in parts]
        try:
            await asyncio.gather(*waiting)
        finally:
            for task in waiting:
                task.cancel()
        self._watchers += [asyncio.create_task(self._watch(part)) for part in parts]

    async def _until_ready(self, part: Part) -> None:
        began = time.monotonic()
        while not self._stopping.is_set():
            if part.name in self._running and await part.ready():
                self._say(f"{part.name:10} ready  {time.monotonic() - began:5.1f} s")
                return
            waited = time.monotonic() - began
            self._mind()
            if self._deaths[part.name] >= HOPELESS or waited > START_LIMIT:
                log = self._log(part)
                words = f"{part.name} is not ready after {waited:.0f} s"
                words += f"; its log {log} ends: {_last_line(log)}"
                if not part.spared:
                    raise NorthlightError(words)
                self._say(f"{words}\nEverything else works; {part.name} is tried again and again")
                return
            await asyncio.sleep(0.1)

    async def _keep(self, part: Part) -> None:
        """Runs one part, again and again, with a growing pause between deaths."""
        pause = 0.0
        self._log(part).write_bytes(b"")
        while not self._stopping.is_set():
            began, name = time.monotonic(), secrets.token_hex(16)
            try:
                ended = str(await self._run_once(part, name))
            except OSError as error:
                ended = f"it cannot be run: {error}"
            if self._stopping.is_set():
                return
            await self._free(name)
            self._deaths[part.name] += 1
            settled = time.monotonic() - began > SETTLED
            pause = 0.0 if settled else min(max(pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
            self._say(f"{part.name} ended ({ended}); starting it again in {pause:.1f} s, "
                      f"see {self._log(part)}")  # fmt: skip
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _watch(self, part: Part) -> None:
        """Ends a part that lives and does not do its work, so that it is started again."""
        watched, failed = None, 0
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK_EVERY)
            process = self._running.get(part.name)
            if process is not watched:
                watched, failed = process, 0
            # While Redis is away nobody can work, and a new start would change nothing.
            if process is None or await part.ready() or not await self._store_answers():
                failed = 0
                continue
            failed += 1
            if failed >= HANGS:
                self._say(f"{part.name} runs and does not do its work; ending it")
                with contextlib.suppress(ProcessLookupError):
                    process.kill()

    async def _store_answers(self) -> bool:
        try:
            async with _client(self._store) as client:
                return bool(await client.ping())
        except (redis.RedisError, OSError):
            return False

    async def _free(self, name: str) -> None:
        """Frees what a dead part held: whoever waits for an answer must not wait for its leases."""
        with contextlib.suppress(redis.RedisError, OSError):  # away: then they lapse
            async with _client(self._store) as client:
                await leases.free(client, Keys(), name)

    async def _run_once(self, part: Part, name: str) -> int:
        with self._log(part).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *part.command,
                env={**part.environ, leases.NAME: name},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone; we stop them in order
                preexec_fn=die_with_parent,
                pass_fds=part.files,
            )
        self._running[part.name] = process
        try:
            return await process.wait()
        finally:
            del self._running[part.name]

    def _mind(self) -> None:
        for task in (*self._keepers.values(), *self._watchers):
            if task.done():  # none ends by itself
                task.result()
        if self._redis is not None and not self._redis.alive:
            self._say("redis ended; starting it again")
            try:
                self._redis.start()
            except SettingsError as error:  # everybody waits for it, so it is tried until it works
                self._say(str(error))

    # -- stopping ------------------------------------------------------------------------------
    async def _stop(self, parts: list[Part]) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        for order in sorted({part.order for part in parts}, reverse=True):
            names = [part.name for part in parts if part.order == order]
            await asyncio.gather(*(self._stop_one(name) for name in names))
        if self._door is not None:
            asyncio.get_running_loop().remove_reader(self._door)
            self._door.close()
        if self._redis is not None:
            self._redis.stop()
        if parts:
            self._say("stopped")

    async def _stop_one(self, name: str) -> None:
        keeper = self._keepers.get(name)
        if process := self._running.get(name):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        if keeper is None:
            return
        _, late = await asyncio.wait([keeper], timeout=STOP_LIMIT)
        if late and (process := self._running.get(name)):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.wait([keeper])

    # -- words ---------------------------------------------------------------------------------
    def _log(self, part: Part) -> Path:
        return self._logs / f"{part.name}.log"

    async def _demo(self) -> str:
        """How to get into the console. On a machine of one's own there is a demo counsellor.

        The one-time password is new at each start until it was used, and shown nowhere else.
        """
        if self._redis is None or self._settings.behind_tls:
            return "accounts are made with: python -m bot counsellor add"
        async with redis.asyncio.Redis.from_url(self._redis.url) as client:
            accounts = Accounts(client, Keys())
            account = await accounts.find(DEMO)
            if account is None and await accounts.list():
                return "log in with your account"
            if account is None:
                roles = ["counsellor", "supervisor"]
                password = await accounts.add(DEMO, "Demo", ["en", "fr"], roles)
            elif account.must_change:
                password = await accounts.reset_password(DEMO)
            else:
                return f"login {DEMO}, with the password you chose"
        return f"login {DEMO}, one-time password {password}"

    def _welcome(self, parts: list[Part], login: str, practice: Part | None) -> None:
        telegram = any(part.name == "telegram" for part in parts)
        self._say("")
        self._say(f"Web chat   {self._settings.web_listen.url}/")
        self._say(f"Console    {self._settings.console_listen.url}/  ({login})")
        if practice:
            address = f"{self._settings.practice_listen.url}/"
            self._say(f"Practice   {address}  (the same login; everyone there is pretended)")
        else:
            self._say(f"Practice   off ({PREFIX}PRACTICE_LISTEN: cannot listen there)")
        self._say(f"Telegram   {'on' if telegram else f'off ({PREFIX}TELEGRAM_TOKEN is not set)'}")
        self._say(f"Logs       {self._logs}/")
        self._say("Ctrl-C stops everything.")


def _client(url: str) -> "redis.asyncio.Redis":
    return redis.asyncio.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)


def _tell(text: str) -> None:
    print(text, flush=True)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "it said nothing"
