"""Consoles and a web door on a real Redis, in a thread of their own: the tests' thread drives a
browser, whose event loop does not mix with another.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import pyotp
from argon2 import PasswordHasher
from redis.asyncio import Redis

from bot.console.app import create_app
from bot.conversation.emergency import Emergency
from bot.keys import Keys
from bot.messages import Channel, Recipient, Reply
from bot.practice.scenario import load
from bot.safety.lexicon import Lexicon
from bot.settings import OpenId
from tests.console.driver import PASSWORD, Console, CounsellorDriver, serving
from tests.handoff.desk import Desk, words
from tests.redis_server import RedisServer
from tests.webchat.visitors import House as Door

#: A provider that nobody can reach: the sign-in page still offers it.
PROVIDER = OpenId("http://127.0.0.1:9", "desk", "secret-of-the-desk")


class Learned:
    """A practice desk on which every talk has just ended."""

    def lessons(self, login: str, language: str) -> Sequence[Mapping[str, object]]:
        """Two lessons as they are told."""
        told = [one.lesson(language) for one in load()[:2]]
        return [{"handle": f"Otter {n}", "title": one.title, "lines": one.lines}
                for n, one in enumerate(told, 41)]  # fmt: skip


class House:
    """Everything a page may be shown on. `desk` holds queue and clock, moved by hand only."""

    def __init__(self, redis_url: str) -> None:
        self._loop, self._url = asyncio.new_event_loop(), redis_url
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._ready: Future[None] = Future()
        self._stop = asyncio.Event()
        self._running: Future[None] | None = None
        self.address = self.practice = self.web = ""

    def start(self) -> None:
        """Returns when all of it answers."""
        self._thread.start()
        self._running = asyncio.run_coroutine_threadsafe(self._run(), self._loop)
        self._ready.result(60)

    def stop(self) -> None:
        """Ends all of it."""
        self._loop.call_soon_threadsafe(self._stop.set)
        if self._running:
            self._running.result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, act: Callable[[], Awaitable[Any]]) -> Any:
        """Runs `act` where the consoles run; returns what it gives."""

        async def run() -> Any:
            return await act()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(60)

    def clear(self) -> None:
        """Nobody waits, nobody has an account."""

        async def delete() -> None:
            async for name in self.desk.redis.scan_iter(f"{self.desk.keys.prefix}*"):
                await self.desk.redis.delete(name)

        self.do(delete)

    def account(
        self, login: str, *roles: str, languages: Sequence[str] = ("en",), capacity: int = 1,
        second_step: bool = False, first: bool = False,
    ) -> str:  # fmt: skip
        """An account with its password (PASSWORD; `first`: returned, to be changed at once).

        With `second_step` it returns the secret of the phone.
        """
        state = self.console.app.state.console

        async def make() -> str:
            given: str = await state.accounts.add(
                login, login.title(), list(languages), list(roles or ["counsellor"]), capacity
            )
            if first:
                return given
            await state.accounts.change_password(login, given, PASSWORD)
            if not second_step:
                return ""
            secret = pyotp.random_base32()
            now = int(self.desk.clock())
            assert await state.codes.set_up(login, secret, pyotp.TOTP(secret).at(now))
            self.desk.clock.forward(60)  # that code opens nothing more
            return secret

        return str(self.do(make))

    def signs_in(self, login: str, password: str = PASSWORD) -> CounsellorDriver:
        """Somebody's sign-in without a browser: for colleagues, and for its cookies."""
        driver = self.console.browser()

        async def sign_in() -> None:
            answer = await driver.sign_in(login, password)
            assert answer.status_code == 303, answer.text

        self.do(sign_in)
        return driver

    def shows(self, session: str, *replies: Reply) -> None:
        """Puts these on the screen of a web visitor."""
        person = self.door.vault.person(Channel.WEBCHAT, session)
        to = Recipient(person, Channel.WEBCHAT)
        self.do(lambda: self.door.put(to, list(replies)))

    async def _run(self) -> None:
        try:
            await self._serve()
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            raise

    async def _serve(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            redis = await stack.enter_async_context(Redis.from_url(self._url))
            self.desk = Desk(redis, Keys("desk:"))
            self.console = self._console(None)
            practice = self._console(Learned())
            self.address = await stack.enter_async_context(serving(self.console))
            self.practice = await stack.enter_async_context(serving(practice))
            self.door = Door(redis, "door:")
            self.door.words = words()
            self.door.emergency = Emergency(words(), Lexicon.load())
            self.door.app = self.door.build()
            self.web = await stack.enter_async_context(self.door.served())
            await stack.enter_async_context(self.door.working())
            self._ready.set_result(None)
            await self._stop.wait()
            for driver in self.console.drivers:
                await driver.close()

    def _console(self, practice: Learned | None) -> Console:
        desk = self.desk
        app = create_app(
            redis=desk.redis, keys=desk.keys, vault=desk.vault, queue=desk.queue, words=desk.words,
            clock=desk.clock, secure=False, practice=practice, open_id=PROVIDER,
            hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
        )  # fmt: skip
        return Console(app, desk)


@contextlib.contextmanager
def opened() -> Iterator[House]:
    """A house for a module of tests."""
    with RedisServer() as server:
        house = House(server.url)
        house.start()
        try:
            yield house
        finally:
            house.stop()
