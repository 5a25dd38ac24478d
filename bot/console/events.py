"""Pushes what changed to every open page: one Redis subscription, one look, many listeners.

A change of a handoff is passed on at once, to whom it concerns. What the desk and the queue have
come to is looked at once for all pages: at once too, and then so often that it never piles up.
"""

import asyncio
import contextlib
import json
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.keys import Keys
from bot.safety.levels import Level

log = structlog.get_logger()
#: What a listener gets when something may have been missed: fetch everything again.
RESYNC: Final = '{"what":"resync","id":""}'
#: Between the beginnings of two looks at the desk there is so much time, seconds.
EVERY: Final = 0.1
#: So long at least anything else may be done between two looks, seconds.
REST: Final = 0.02
#: A look that failed is taken again after so long, seconds.
AGAIN: Final = 1.0
#: Changes within a talk: nothing of them is seen on the desk.
WITHIN: Final = frozenset({"heard", "said", "silence"})


@dataclass(frozen=True, slots=True)
class Audience:
    """What makes the desk look different: the language, and what somebody may do there."""

    language: str
    acts: bool
    leads: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """How things stand: what pages ring for, the desk for each audience when it has changed.

    `held` are the handoffs by who holds them, `own` gives what else is somebody's own.
    """

    rung: str
    drawn: Mapping[Audience, str]
    held: Mapping[str, Collection[str]]
    own: Callable[[str], tuple[object, Sequence[tuple[str, Level]], object, object]]


class Listener:
    """The stream of one page.

    `audience` is there for pages that show the desk. `talk` is the handoff a page shows. Without
    either it hears of every change.
    """

    def __init__(self, login: str = "", audience: Audience | None = None, talk: str = "") -> None:
        self.login, self.audience, self.talk = login, audience, talk
        self.rung = ""  # this and the next as it was last told
        self.own: object = None
        self._said: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=100)
        self._drawn = b""  # the desk that is still to be sent; None in the queue is its place

    async def next(self) -> bytes:
        """Waits for what is said, as it goes over the line."""
        said = await self._said.get()
        if said is None:
            said, self._drawn = self._drawn, b""
        return said

    def hear(self, said: bytes | None) -> None:
        """No text in it. A page that stood still gets one word that says all: fetch everything."""
        if self._said.full():
            while not self._said.empty():
                self._said.get_nowait()
            self._drawn = b""
            self._said.put_nowait(event("change", RESYNC))
        self._said.put_nowait(said)

    def show(self, drawn: bytes) -> None:
        """The desk as drawn; of several that were not sent yet only the newest counts."""
        if not self._drawn:
            self.hear(None)
        self._drawn = drawn

    def own_of(self, picture: Picture) -> object:
        """What is this page's own. Who is on hold is not shown in a talk."""
        on_shift, mine, offered, aside = picture.own(self.login)
        return (on_shift, mine, offered) if self.talk else (on_shift, mine, offered, aside)


class Hub:
    """Holds the subscription while the application runs."""

    def __init__(
        self, redis: Redis, keys: Keys, draw: Callable[[Collection[Audience]], Awaitable[Picture]]
    ) -> None:
        self._redis, self._keys, self._draw = redis, keys, draw
        self._listeners: set[Listener] = set()
        self._changed = asyncio.Event()
        self._last: Picture | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Subscribed inside, tidied after."""
        tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._watch())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @contextlib.contextmanager
    def listening(self, listener: Listener) -> Iterator[Listener]:
        """For as long as a page is open."""
        if self._last:
            listener.own = listener.own_of(self._last)
        self._listeners.add(listener)
        self._changed.set()  # a new page is told how things stand
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def _run(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(self._keys.events())
                    self._pass_on(RESYNC)
                    while True:
                        message = await channel.get_message(
                            ignore_subscribe_messages=True, timeout=5
                        )
                        if message:
                            self._pass_on(message["data"].decode())
            except (RedisError, OSError):
                await asyncio.sleep(1)  # Redis is away; pages learn by RESYNC when it is back
            except Exception as error:  # only its kind: no page would hear anything any more
                log.error("console.not_heard", error=type(error).__name__)
                await asyncio.sleep(1)

    def _pass_on(self, data: str) -> None:
        try:
            change = json.loads(data)
        except ValueError:
            return  # not ours
        what, handoff = change["what"], change.get("id", "")
        if what not in WITHIN:
            self._changed.set()
        said = event("change", data)
        for one in self._listeners:
            everything = what == "resync" or not (one.audience or one.talk)
            if everything or handoff == one.talk or handoff in self._held(one.login):
                one.hear(said)

    def _held(self, login: str) -> Collection[str]:
        return self._last.held.get(login, ()) if self._last else ()

    async def _watch(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._changed.wait()
            self._changed.clear()
            again, shown = clock() + EVERY, False
            try:
                self._show(
                    await self._draw({one.audience for one in self._listeners if one.audience})
                )
                shown = True
            except (RedisError, OSError):
                pass  # Redis is away
            except Exception as error:  # only its kind: it must not leave all pages standing still
                log.error("console.not_drawn", error=type(error).__name__)
            if not shown:  # whoever came in this moment would ring on no page
                self._changed.set()
                again = clock() + AGAIN
            await asyncio.sleep(max(REST, again - clock()))

    def _show(self, picture: Picture) -> None:
        self._last = picture
        rung, rings = event("queue", picture.rung), bool(json.loads(picture.rung)["new"])
        drawn = {audience: event("desk", data) for audience, data in picture.drawn.items()}
        for one in self._listeners:
            if one.audience and (desk := drawn.get(one.audience)):
                one.show(desk)
            said, own = b"", one.own_of(picture)
            if one.own != own and (one.audience or one.talk):
                one.own, said = own, said + event("own", json.dumps({"red": _red(picture, one)}))
            if rings or one.rung != picture.rung:
                one.rung, said = picture.rung, said + rung
            if said:
                one.hear(said)


def _red(picture: Picture, one: Listener) -> list[str]:
    """Whom somebody holds and is RED: they may look elsewhere when one of them becomes it."""
    return [handoff for handoff, level in picture.own(one.login)[1] if level is Level.RED]


def event(name: str, data: str) -> bytes:
    """A server-sent event."""
    return f"event: {name}\ndata: {data}\n\n".encode()
