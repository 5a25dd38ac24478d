"""Drivers for the web chat's tests: a visitor without scripts, and a worker that answers."""

import asyncio
import contextlib
import copy
import functools
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette

from bot.channels.webchat import create_app
from bot.conversation.emergency import Emergency
from bot.conversation.render import Language, Words
from bot.inbox import Entry, Inbox, shard_of
from bot.keys import SHARDS, Keys
from bot.messages import Button, Channel, Inbound, Kind, Recipient, Reply
from bot.outbox import Outbox
from bot.paths import ROOT
from bot.safety.lexicon import Lexicon
from bot.vault import Vault
from tests import way_out
from tests.waiting import until

ARABIC = Language(
    "ar",
    "العربية",
    "rtl",
    None,
    {
        "responses": {
            "greeting": "مرحبا. هذا مساعد آلي.\n\nيمكنك أن تسألني، أو أن تتصل بـ 1-833-900-1010.",
        },
        "buttons": {"person": "التحدث إلى شخص", "leave": "مغادرة", "start_check": "بعض الأسئلة"},
        "web": {"leave": "غادر الآن", "send": "إرسال", "message_label": "اكتب رسالتك"},
        "commands": {},
    },
)


@functools.cache
def texts_of_the_tests() -> tuple[Words, Lexicon]:
    """The real English texts and word list, and enough Arabic for a page from right to left."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in (
            "responses/en.yml",
            "responses/layout.yml",
            "responses/notes.yml",
            "lexicon/en.yml",
        ):
            (folder / file).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / file, folder / file)
        real = Words.load(folder / "responses")
        lexicon = Lexicon.load(folder / "lexicon")
    return Words({"en": real.language("en"), "ar": ARABIC}, real._layout, {}), lexicon


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """Stands in for the conversation core: echoes, answers in one line, erases on "/exit"."""

    def __init__(self, redis: Redis, keys: Keys, vault: Vault) -> None:
        self.inbox, self.outbox = Inbox(redis, keys, vault), Outbox(redis, keys, vault)
        self.seen: list[Inbound] = []

    async def work(self) -> None:
        """Deals with everything that waits now."""
        shards = list(range(SHARDS))
        await self.inbox.begin()
        for shard in shards:
            await self.inbox.open_group(shard)
            assert await self.inbox.hold(shard)
        for entry in await self.inbox.fresh(shards, 1):
            await self._deal_with(entry)

    async def work_on(self, stop: asyncio.Event) -> None:
        """Works until it is told to stop (the Redis client can swallow a cancellation)."""
        while not stop.is_set():
            await self.work()
            await asyncio.sleep(0.01)

    async def _deal_with(self, entry: Entry) -> None:
        inbound = entry.inbound
        assert inbound is not None
        assert shard_of(inbound.person) == entry.shard
        self.seen.append(inbound)
        to = Recipient(inbound.person, Channel.WEBCHAT)
        assert await self.inbox.commit(entry, self.outbox.ops(to, self.replies(inbound))) == "ok"

    def replies(self, inbound: Inbound) -> list[Reply]:
        """What the core would hand over."""
        if inbound.text == "/exit":
            return [Reply("Goodbye.", erase=True)]
        own = inbound.text if inbound.kind is Kind.TEXT else f"[{inbound.button}]"
        rows = ((Button("Yes", "answer:minor:yes"), Button("No", "answer:minor:no")),)
        answer = f"Answer {len(self.seen)}. In danger, call 9-1-1."
        return [Reply(own, speaker="person"), Reply(answer, buttons=rows)]


class House:
    """One web door on a real Redis, under a key prefix of its own."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.redis, self.keys, self.clock = redis, Keys(prefix), Clock()
        self.vault = Vault(b"k" * 32)
        words, lexicon = texts_of_the_tests()
        self.words = copy.copy(words)
        self.emergency: Any = Emergency(words, lexicon)
        self.worker = Worker(redis, self.keys, self.vault)
        self.app = self.build()

    def build(self, secure: bool = False) -> Starlette:
        """Another process of the same door."""
        outbox = Outbox(self.redis, self.keys, self.vault)
        inbox = Inbox(self.redis, self.keys, self.vault)
        return create_app(
            redis=self.redis, keys=self.keys, vault=self.vault, inbox=inbox, outbox=outbox,
            words=self.words, emergency=self.emergency, clock=self.clock,
            secure=secure,
        )  # fmt: skip

    def visitor(self, app: Starlette | None = None, **headers: str) -> "Visitor":
        """Somebody with a browser of their own."""
        return Visitor(app or self.app, headers)

    def person(self, visitor: "Visitor") -> str:
        """The pseudonym under which a visitor's conversation is kept."""
        return self.vault.person(Channel.WEBCHAT, visitor.cookies["session"])

    async def put(self, to: Recipient, replies: Sequence[Reply]) -> None:
        """Puts words on a visitor's screen that they did not ask for."""
        await way_out.put(self.redis, self.worker.outbox, to, replies)

    async def blank(self, person: str) -> bool:
        """Whether nothing is on a screen."""
        return await self.on_screen(person) == 0

    async def on_screen(self, person: str) -> int:
        """How many entries a screen has."""
        return int(await self.redis.xlen(self.keys.screen(person)))

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[Worker]:
        """The worker at work in the background."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.worker.work_on(stop))
        try:
            yield self.worker
        finally:
            stop.set()
            await task

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """The door behind a real web server; gives its address."""
        config = uvicorn.Config(
            self.app, host="127.0.0.1", port=0, log_level="error", access_log=False,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        await until(lambda: server.started, "the server")
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await task


class Page(HTMLParser):
    """What a browser without scripts gets out of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.hidden, self.buttons, self.links = html, dict[str, str](), [], []
        self.refresh, self.text_box, self.language, self.direction = "", "", "", ""
        self._in_composer = self._in_box = False
        self.feed(html)

    buttons: list[str]
    links: list[str]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language, self.direction = at["lang"], at["dir"]
        if tag == "form":
            self._in_composer = at.get("action") == "/message"
        if tag == "input" and self._in_composer:
            self.hidden[at["name"]] = at["value"]
        if tag == "button" and at.get("name") == "payload":
            self.buttons.append(at["value"])
        if tag == "a":
            self.links.append(at["href"])
        if tag == "meta" and at.get("http-equiv") == "refresh":
            self.refresh = at["content"]
        self._in_box = tag == "textarea"

    def handle_endtag(self, tag: str) -> None:
        self._in_box = self._in_box and tag != "textarea"

    def handle_data(self, data: str) -> None:
        if self._in_box:
            self.text_box += data.removeprefix("\n")

    @property
    def messages(self) -> list[str]:
        """The words of every message, in order."""
        blocks = re.findall(r'<div class="text".*?</div>', self.html, re.S)
        return [" ".join(re.sub("<[^>]+>", " ", block).split()) for block in blocks]


class Visitor:
    """A browser without scripts. Follows our own redirects, never the one to the neutral site."""

    def __init__(self, app: Starlette, headers: dict[str, str]) -> None:
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://chat.test",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )  # fmt: skip
        self.page = Page("")
        self.last: httpx.Response | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        await self._client.aclose()

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self._client.cookies)

    async def request(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        """One request, no redirect followed."""
        self.last = await self._client.request(method, url, **kwargs)
        return self.last

    async def look(self, url: str = "/") -> Page:
        """Opens a page."""
        answer = await self.request("GET", url)
        self.page = Page(answer.text)
        return self.page

    async def post(self, url: str, fields: dict[str, str]) -> Page:
        """Sends a form as the page does, and follows to the page behind it."""
        parts = {name: (None, value) for name, value in fields.items()}
        answer = await self.request("POST", url, files=parts)
        if answer.status_code == 303 and answer.headers["location"].startswith("/"):
            return await self.look(answer.headers["location"])
        self.page = Page(answer.text)
        return self.page

    async def write(self, text: str) -> Page:
        """Types into the box of the page that is open, and presses Send."""
        return await self.post("/message", {**self.page.hidden, "text": text})

    async def press(self, payload: str) -> Page:
        """Presses a button of the page that is open."""
        assert payload in self.page.buttons
        return await self.post("/choice", {**self.page.hidden, "payload": payload})

    async def leave(self) -> httpx.Response:
        """Presses Leave."""
        return await self.request("POST", "/leave")
