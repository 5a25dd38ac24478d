"""People who hold a whole conversation at either door, and know afterwards what it must have left.

Each does the same things: a part of the safety check, several buttons pressed at once, typed
words, and one of three a talk with a counsellor. Nothing in it depends on how fast it is answered.
"""

import asyncio
import contextlib
import itertools
import random
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
from redis.exceptions import RedisError

from bot.console.accounts import AccountError, Accounts
from bot.handoff.record import State
from bot.keys import Keys
from bot.messages import Channel, Inbound, Kind
from tests.botapi import Chat
from tests.console.driver import PASSWORD
from tests.core.world import text_of
from tests.promises.service import PATIENCE, Running, until

TOPICS = (
    "ask_rights",
    "ask_shelter",
    "ask_police",
    "ask_medical",
    "ask_privacy",
    "ask_trafficking",
)
TYPED = ("what are my rights at work", "where can i sleep tonight", "thank you so much",
         "are you a robot", "i need to see a doctor")  # fmt: skip
SLOTS = {
    "safe_now": ("safe",),
    "hurt_now": ("no",),
    "phone_seen": ("no", "unsure"),
    "minor": ("no", "yes"),
}
LINES = 5
GREETING = "I am here with you now"


class Somebody:
    """One person; `faults` tells what went wrong, `acts` how much was done."""

    channel: Channel

    def __init__(self, running: Running, rng: random.Random) -> None:
        self.running, self.rng = running, rng
        self.id = ""
        self.faults: list[str] = []
        self.acts = 0
        self.answers: dict[str, str] = {}
        self.topics: list[str] = []  # in the order they were asked for
        self.lines: list[str] = []  # what was said to the counsellor
        self.handoff = ""
        self.finished_at = 0.0

    # -- what differs between the doors ----------------------------------------------------------
    async def opens(self) -> None:
        """Comes to the door."""

    async def sends(self, what: str, *, typed: bool = False) -> None:
        """Hands one thing to the door, as often as it takes until the door has it."""
        raise NotImplementedError

    async def is_answered(self) -> None:
        """Waits until everything sent so far has its answer."""
        raise NotImplementedError

    async def shown(self) -> list[str]:
        """The assistant's and the counsellor's messages, oldest first."""
        raise NotImplementedError

    async def repeats(self) -> int:
        """How many messages were shown more than once."""
        return 0

    async def own_words(self) -> list[str] | None:
        """What the screen shows of the person's words; None where the platform shows them."""
        return None

    # -- the conversation ------------------------------------------------------------------------
    async def presses(self, payload: str) -> None:
        await self.sends(payload)
        await self.is_answered()

    async def converses(self, *, with_counsellor: bool) -> None:
        """All of it; what is not answered in time becomes a fault."""
        try:
            await self.opens()
            await self.presses("lang:en")
            await self._safety_check()
            await self._many_at_once()
            await self.sends(self.rng.choice(TYPED), typed=True)
            await self.is_answered()
            if with_counsellor:
                await self._talk()
            self.faults += await self.check()
        except AssertionError as error:
            self.faults.append(str(error))
        self.finished_at = asyncio.get_running_loop().time()

    async def _safety_check(self) -> None:
        await self.presses("do:start_check")
        for slot in list(SLOTS)[: self.rng.randint(2, 4)]:
            value = self.rng.choice(SLOTS[slot])
            await self.presses(f"answer:{slot}:{value}")
            self.answers[slot] = value

    async def _many_at_once(self) -> None:
        """Several buttons pressed faster than any answer: the answers keep the order."""
        for topic in self.rng.sample(TOPICS, 3):
            await self.sends(f"show:{topic}")
            self.topics.append(text_of(topic))
        await until(lambda: self._sees(self.topics[-1]), "the answer to several presses")
        await self.is_answered()

    async def _talk(self) -> None:
        await self.presses("do:person")
        # Not waited for: a counsellor who is there already gets it, and the assistant is silent.
        await self.sends("answer:consent:all")
        self.answers["consent"] = "all"
        current = await until(
            lambda: self.running.world.queue.current(self.id), "the handoff that was asked for"
        )
        self.handoff = current.id
        await until(lambda: self._sees(GREETING), "a counsellor")
        for number in range(LINES):
            self.lines.append(f"line {number} of {self.id[:6]}")
            await self.sends(self.lines[-1], typed=True)
        await until(lambda: self._sees(text_of("counsellor_ended")), "the end of the talk")

    async def _sees(self, text: str) -> bool:
        return any(text in shown for shown in await self.shown())

    # -- what it must have left ------------------------------------------------------------------
    async def check(self) -> list[str]:
        """Everything that is not as it must be, in few words."""
        world, faults = self.running.world, []
        session, _, _ = await _steady(
            lambda: world.memory.load(Inbound(self.id, self.channel, Kind.TEXT, 0))
        )
        if session.answers != self.answers:
            faults.append(f"answers {session.answers} instead of {self.answers}")
        shown = await self.shown()
        first_seen = list(dict.fromkeys(text for text in shown if text in self.topics))
        if first_seen != self.topics:
            faults.append("answers are missing or in another order")
        own = await self.own_words()
        if own is not None and await self.repeats():
            faults.append("shown twice on the page")
        if self.handoff:
            faults += await self._check_talk(shown)
        return faults

    async def _check_talk(self, shown: list[str]) -> list[str]:
        queue, faults = self.running.world.queue, []
        found = await _steady(lambda: queue.get(self.handoff))
        if found is None or found.state is not State.CLOSED:
            return [f"handoff {found.state if found else 'lost'}"]
        lines = await _steady(lambda: queue.transcript.read(found))
        said = _typed([(line.who, line.text) for line in lines])
        if said != self.lines:
            faults.append(f"the counsellor read {said}")
        greeted = sum(GREETING in text for text in shown)
        # What Telegram is shown again is counted apart.
        if not greeted or (greeted > 1 and self.channel is Channel.WEBCHAT):
            faults.append(f"greeted {greeted} times")
        return faults


def _typed(lines: list[tuple[str, str]]) -> list[str]:
    """The person's own words; an answer pressed during the talk is a line in brackets."""
    return [text for who, text in lines if who == "person" and text[:1] != "["]


async def _steady(act: Any) -> Any:
    """The result of `act`, as soon as Redis gives it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(RedisError, OSError):
                return await act()
            await asyncio.sleep(0.1)


class OnTelegram(Somebody):
    """Somebody with Telegram on their phone."""

    channel = Channel.TELEGRAM

    async def opens(self) -> None:
        self._chat: Chat = self.running.api.world.person()
        self._before = 0
        self.id = self.running.vault.person(self.channel, str(self._chat.id))

    async def sends(self, what: str, *, typed: bool = False) -> None:
        self.acts += 1
        self._before = max(self._chat.messages, default=0)
        if typed:
            self._chat.says(what)
        else:
            shown = [message for message in self._chat.sees() if message.by_bot]
            self._chat.forges(what, shown[-1] if shown else None)

    async def is_answered(self) -> None:
        # The buttons under every answer stand under its last message.
        await until(
            lambda: any("do:leave" in _payloads(message) for message in self._new()), "an answer"
        )

    def _new(self) -> list[Any]:
        return [m for m in self._chat.sees() if m.by_bot and m.id > self._before]

    async def shown(self) -> list[str]:
        return self._chat.answers()

    async def repeats(self) -> int:
        """A message and the one before it, the same: a door that died, or a lost answer.

        The assistant never says the same twice in a row to somebody who does something else; only
        what is said directly while nothing can be stored is said as often as it is so.
        """
        away = text_of("store_away")
        shown = [(m.text, _payloads(m)) for m in self._chat.sees() if m.by_bot]
        shown = [(text, payloads) for text, payloads in shown if away not in text]
        return sum(one == other for one, other in itertools.pairwise(shown))


def _payloads(message: Any) -> tuple[str, ...]:
    return tuple(button.get("callback_data", "") for row in message.buttons for button in row)


class OnTheWeb(Somebody):
    """Somebody at the web page; what it shows is read where the page reads it."""

    channel = Channel.WEBCHAT

    async def opens(self) -> None:
        self._http = httpx.AsyncClient(base_url=self.running.web, timeout=20, trust_env=False)
        self._form = 0
        self.said = 0
        await until(self._comes, "the page")
        token = self._http.cookies["visit"]
        self.id = self.running.vault.person(self.channel, token)

    async def _comes(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return (await self._http.get("/")).status_code == 200
        return False

    async def converses(self, *, with_counsellor: bool) -> None:
        try:
            await super().converses(with_counsellor=with_counsellor)
        finally:
            if hasattr(self, "_http"):
                await self._http.aclose()

    async def sends(self, what: str, *, typed: bool = False) -> None:
        self.acts += 1
        self.said += 1
        form = {"id": secrets.token_hex(8), "text" if typed else "payload": what, "language": "en"}
        path = "/message" if typed else "/choice"

        async def taken() -> bool:
            # Pressed again and again until the page comes: the same form, the same delivery.
            with contextlib.suppress(httpx.HTTPError):
                return (await self._http.post(path, data=form)).status_code == 303
            return False

        await until(taken, "the web door takes it")
        if self.rng.random() < 0.2:
            assert await until(taken, "and takes it again, which changes nothing")

    async def is_answered(self) -> None:
        async def all_done() -> bool:
            return len(await self.own_words()) >= self.said

        await until(all_done, "an answer")

    async def _screen(self) -> list[Any]:
        stream = self.running.world.keys.screen(self.id)
        rows = await _steady(lambda: self.running.redis.xrange(stream))
        return [self.running.world.outbox.read(stream, fields)[1] for _, fields in rows]

    async def shown(self) -> list[str]:
        return [reply.text for reply in await self._screen() if reply.speaker != "person"]

    async def own_words(self) -> list[str]:
        """One line for each turn that was committed."""
        return [reply.text for reply in await self._screen() if reply.speaker == "person"]

    async def repeats(self) -> int:
        return len(await self.own_words()) - self.said


@dataclass
class Counsellor:
    """At the console, as a program is: takes whoever is next, listens, ends the talk.

    What gets no answer is done again. `run` until cancelled.
    """

    running: Running
    login: str
    #: Who held which handoff, over all counsellors: claim by claim.
    claims: dict[str, list[str]]
    failures: list[str] = field(default_factory=list)
    #: What was done over HTTP.
    acts: int = 0

    async def run(self) -> None:
        await _steady(self._account)
        async with httpx.AsyncClient(
            base_url=self.running.console, timeout=20, trust_env=False
        ) as self._http:
            await until(self._signs_in, "a login at the console")
            async with asyncio.TaskGroup() as group:
                group.create_task(self._stays())
                group.create_task(self._works())

    async def _account(self) -> None:
        accounts = Accounts(self.running.redis, Keys())
        with contextlib.suppress(AccountError):  # from the crowd before
            await accounts.add(self.login, self.login.title(), ["en", "fr"], ["counsellor"])
        once = await accounts.reset_password(self.login)
        await accounts.change_password(self.login, once, PASSWORD)

    async def _signs_in(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            form = {"csrf": await self._csrf("/login"), "login": self.login, "password": PASSWORD}
            if (await self._http.post("/login", data=form)).status_code == 303:
                self._token = await self._csrf("/desk")
                return bool(self._token)
        return False

    async def _csrf(self, path: str) -> str:
        page = (await self._http.get(path)).text
        found = re.search(r'<meta name="csrf" content="([^"]+)"', page)
        return found[1] if found else ""

    async def _does(self, path: str, **body: Any) -> httpx.Response:
        """A POST of the API, again until there is an answer."""
        self.acts += 1
        csrf = {"X-CSRF": self._token}
        return await self._answered(lambda: self._http.post(path, json=body, headers=csrf))

    async def _reads(self, path: str) -> httpx.Response:
        return await self._answered(lambda: self._http.get(path))

    async def _answered(self, act: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        async def answer() -> httpx.Response | None:
            with contextlib.suppress(httpx.HTTPError):
                found = await act()
                return found if found.status_code < 500 else None
            return None

        return cast("httpx.Response", await until(answer, "an answer of the console"))

    async def _stays(self) -> None:
        while True:
            alive = await self._does("/api/heartbeat")
            if not alive.json().get("on_shift"):
                await self._does("/api/shift", on=True)
            await asyncio.sleep(3)

    async def _works(self) -> None:
        while True:
            if found := await self._next():
                await self._talks(found)
            await asyncio.sleep(0.2)

    async def _next(self) -> str:
        """Whom we hold already (the answer to a claim may have been lost), else who waits."""
        mine = (await self._reads("/api/desk")).json().get("mine")
        taken = mine[0] if mine else (await self._does("/api/next")).json().get("handoff")
        if not taken:
            return ""
        holders = self.claims.setdefault(taken["id"], [])
        if holders[-1:] != [self.login]:
            holders.append(self.login)
        return str(taken["id"])

    async def _talks(self, found: str) -> None:
        path = f"/api/handoffs/{found}"
        once = secrets.token_hex(16)
        sent = await self._does(f"{path}/say", text=GREETING, once=once)
        while (read := await self._reads(path)).is_success and not _all_said(read):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        ended = await self._does(f"{path}/end", outcome="helped")
        if not (sent.is_success and ended.is_success):
            self.failures.append(f"{self.login} lost the handoff ({sent.text} {ended.text})")


def _all_said(read: httpx.Response) -> bool:
    return len(_typed([(line["who"], line["text"]) for line in read.json()["lines"]])) >= LINES


async def crowd(
    running: Running, seed: int, *, conversations: int, at_once: int
) -> tuple[list[Somebody], dict[str, list[str]], list[Counsellor]]:
    """So many conversations, both doors by turns, every third with a counsellor.

    Returns the people, who claimed which handoff, and the counsellors.
    """
    claims: dict[str, list[str]] = {}
    counsellors = [Counsellor(running, login, claims) for login in ("bea", "cem", "dia")]
    people: list[Somebody] = []
    room = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with room:
            kind = OnTelegram if number % 2 else OnTheWeb
            person = kind(running, random.Random(f"{seed} {number}"))
            people.append(person)
            await person.converses(with_counsellor=number % 3 == 0)

    working = [asyncio.create_task(counsellor.run()) for counsellor in counsellors]
    try:
        await asyncio.gather(*(one(number) for number in range(conversations)))
    finally:
        for task in working:
            task.cancel()
        ended = await asyncio.gather(*working, return_exceptions=True)
    for counsellor, end in zip(counsellors, ended, strict=True):
        if not isinstance(end, asyncio.CancelledError):
            counsellor.failures.append(f"{counsellor.login} went away: {end!r}")
    return people, claims, counsellors
