"""A whole Northlight behind its doors: real Redis, real inbox, real worker, people who write.

The clock is moved by hand. The engine is away unless a test starts one (engine_server.py).
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis

from bot.conversation.emergency import Emergency
from bot.conversation.memory import Memory
from bot.conversation.render import Words
from bot.conversation.session import Session
from bot.data_file import read_mapping
from bot.dialogue.engine import Engine
from bot.directory import Entry, load_directory
from bot.handlers.turn import Services
from bot.handoff.queue import Queue
from bot.handoff.record import Handoff
from bot.inbox import Inbox, shard_of
from bot.janitor import Janitor
from bot.keys import DAY, SHARDS, Keys, longest
from bot.messages import Channel, Inbound, Kind, Recipient, Reply
from bot.outbox import Outbox
from bot.paging import Pager
from bot.paths import ROOT
from bot.safety.lexicon import ANYWHERE, Lexicon
from bot.vault import Vault
from bot.worker import Worker
from tests import way_out
from tests.waiting import until

#: Nobody listens there.
NO_ENGINE = "http://127.0.0.1:9"
MASTER = b"\x05" * 32
#: What leads to the offer of a secret word: only who may be read over the shoulder gets it.
OFFERED_A_WORD = ("lang:en", "do:start_check", "answer:phone_seen:unsure",
                  "answer:safe_contact:any")  # fmt: skip


_load_words = Words.load


@functools.cache
def _words(hours: int) -> Words:
    return _load_words(hours=hours)


def words(hours: int = 24) -> Words:
    """The words of a house that keeps talks for so many hours; read once."""
    return _words(hours)


@functools.cache
def lexicon() -> Lexicon:
    return Lexicon.load()


@functools.cache
def directory() -> tuple[Entry, ...]:
    return tuple(load_directory(ROOT / "directory"))


def first_of(kind: str) -> dict[str, str]:
    """For every language the first entry of a word list that no other language's list knows."""
    found = {}
    for code in LANGUAGES:
        entries = read_mapping(ROOT / "lexicon" / f"{code}.yml")[kind]
        alone = (kind, (code,)) if kind in ANYWHERE else None
        found[code] = next(
            entry
            for entry in entries
            if alone is None
            or {(hit.kind, (hit.language,)) for hit in lexicon().hits(entry)} == {alone}
        )
    return found


LANGUAGES = words().codes()
#: One sentence of the danger and of the self-harm list and one leave word, in every language.
DANGER, SELF_HARM, LEAVE = first_of("danger"), first_of("self_harm"), first_of("leave")


def text_of(key: str, language: str = "en", **params: object) -> str:
    """The words of a response as a person sees them."""
    return words().reply(key, language, **params).text


@dataclass
class Clock:
    """Seconds since the epoch, moved by hand. Starts near the day the directory was checked."""

    now: float = datetime(2026, 11, 21, 15, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


async def all_claimed(queue: Queue) -> list[Handoff]:
    """Everyone who is with a counsellor, or in wrap-up."""
    return await queue.several([one.id for one in await queue.held()])


@dataclass
class World:
    """Everything a worker needs, and a worker."""

    redis: Redis
    keys: Keys
    engine_url: str = NO_ENGINE
    patience: float = 2.0
    master: bytes = MASTER
    clock: Clock = field(default_factory=Clock)
    retention: int = DAY

    def __post_init__(self) -> None:
        self.vault = Vault(self.master)
        self.words, self.lexicon = words(self.retention // 3600), lexicon()
        self.outbox = Outbox(self.redis, self.keys, self.vault)
        self.queue = Queue(
            self.redis, self.keys, self.vault, self.outbox, self.words, self.clock,
            retention=self.retention,
        )  # fmt: skip
        self.engine = Engine(self.engine_url, self.vault.engine_token, self.patience)
        self.memory = Memory(self.redis, self.keys, self.vault, self.clock, longest(self.retention))
        self.inbox = self.new_inbox()
        self.use = Services(
            self.words, self.lexicon, directory(), self.engine, self.queue, self.vault, self.clock
        )
        self.emergency = Emergency(self.words, self.lexicon)
        self.updates = 0

    def new_inbox(self) -> Inbox:
        """The inbox as another process would have it."""
        return Inbox(self.redis, self.keys, self.vault)

    def worker(self, inbox: Inbox | None = None, use: Services | None = None) -> Worker:
        return Worker(
            inbox or self.new_inbox(), self.outbox, self.memory, use or self.use, self.emergency
        )

    def janitor(self, pager: Pager | None = None) -> Janitor:
        return Janitor(self.inbox, self.memory, self.queue, self.clock, pager)

    async def later(self, seconds: float) -> None:
        """Time passes for Redis too: what would have ended meanwhile ends.

        But for what workers hold for some seconds only: they live in real time.
        """
        self.clock.forward(seconds)
        names = [self.keys.prefix + name for name in await self.names()]
        async with self.redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.pttl(name)
            for name, left in zip(names, await pipe.execute(), strict=True):
                if left > 10_000:
                    pipe.pexpire(name, max(0, left - int(seconds * 1000)))
            await pipe.execute()

    @contextlib.asynccontextmanager
    async def working(self, *workers: Worker) -> AsyncIterator[None]:
        """Workers that run; one with everything when none is named."""
        all_of_them = workers or (self.worker(),)
        tasks = [asyncio.create_task(worker.run()) for worker in all_of_them]
        try:
            yield
        finally:
            for worker, task in zip(all_of_them, tasks, strict=True):
                worker.stop()
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def accept(self, inbound: Inbound, update: str = "") -> bool:
        self.updates += 1
        return await self.inbox.accept(inbound, update or f"update {self.updates}")

    async def put(self, to: Recipient, replies: Sequence[Reply]) -> None:
        """Hands over words that no turn says."""
        await way_out.put(self.redis, self.outbox, to, replies)

    async def all_done(self, what: str = "every message is dealt with") -> None:
        """Waits until no accepted message is left."""

        async def none_left() -> bool:
            lengths = [await self.redis.xlen(self.keys.inbox(shard)) for shard in range(SHARDS)]
            return not any(lengths)

        await until(none_left, what)

    def someone(self, name: str = "ana", channel: Channel = Channel.WEBCHAT) -> "Someone":
        return Someone(self, name, channel)

    async def on_shift(self, login: str = "bea", capacity: int = 1) -> None:
        """A counsellor has an account and is here."""
        account = {"alias": login.title(), "languages": "en fr", "capacity": capacity}
        await self.redis.hset(self.keys.counsellor(login), mapping=account)
        await self.queue.presence.start(login)

    async def dead_letters(self) -> list[str]:
        """Why entries were given up."""
        rows: Any = await self.redis.xrange(self.keys.dead())
        return [fields[b"why"].decode() for _, fields in rows]

    async def names(self) -> set[str]:
        """Every key there is, without the prefix."""
        found = [name async for name in self.redis.scan_iter(f"{self.keys.prefix}*")]
        return {name.decode().removeprefix(self.keys.prefix) for name in found}

    async def dump(self) -> bytes:
        """Every key as Redis holds it."""
        found = [name async for name in self.redis.scan_iter(f"{self.keys.prefix}*")]
        return b"\n".join([name + (await self.redis.dump(name) or b"") for name in found])


class Someone:
    """A person who writes and presses, and reads the answers."""

    def __init__(self, world: World, name: str, channel: Channel) -> None:
        self.world, self.name, self.channel = world, name, channel
        self.id = world.vault.person(channel, name)
        self.address = f"chat {name}" if channel is Channel.TELEGRAM else ""
        self.to = Recipient(self.id, channel, self.address)
        self._seen = b"-"
        #: Everything shown by the last act, the person's own words (web) left out.
        self.shown: list[Reply] = []

    def inbound(self, kind: Kind = Kind.TEXT, **fields: Any) -> Inbound:
        return Inbound(
            self.id, self.channel, kind, self.world.clock(), address=self.address, **fields
        )

    async def sends(self, kind: Kind, *, after: float = 10, **fields: Any) -> list[Reply]:
        """Sends one thing `after` seconds, and returns what is shown then."""
        self.world.clock.forward(after)
        await self.world.accept(self.inbound(kind, **fields))
        return await self.answers()

    async def says(self, text: str, *, after: float = 10, hint: str = "") -> list[Reply]:
        return await self.sends(Kind.TEXT, after=after, text=text, hint=hint)

    async def presses(self, *payloads: str, after: float = 10) -> list[Reply]:
        """Presses one button after the other; returns what the last one shows."""
        for payload in payloads:
            await self.sends(Kind.BUTTON, after=after, button=payload)
        return self.shown

    async def answers(self) -> list[Reply]:
        """Waits until everything this person sent is dealt with; what is new on the screen."""
        stream = self.world.keys.inbox(shard_of(self.id))

        async def dealt_with() -> bool:
            return await self.world.redis.xlen(stream) == 0

        await until(dealt_with, f"an answer to {self.name}")
        self.shown = [reply for reply in await self.reads() if reply.speaker != "person"]
        return self.shown

    async def reads(self) -> list[Reply]:
        """What is new on the person's screen, their own words too."""
        stream = self.world.outbox.stream(self.to)
        rows: Any = await self.world.redis.xrange(stream, min=self._seen)
        if rows:
            self._seen = b"(" + rows[-1][0]
        read = [self.world.outbox.read(stream, fields) for _, fields in rows]
        return [reply for to, reply in read if to.person == self.id]

    async def screen(self) -> list[Reply]:
        """Everything on the screen."""
        self._seen = b"-"
        return await self.reads()

    async def session(self) -> Session:
        """What is remembered of the conversation."""
        return (await self.world.memory.load(self.inbound()))[0]

    async def handoff(self) -> Handoff | None:
        return await self.world.queue.current(self.id)

    async def is_claimed(self, login: str = "bea") -> Handoff:
        """A counsellor comes."""
        await self.world.on_shift(login)
        found = await self.handoff()
        assert found is not None
        claimed = await self.world.queue.claim(found.id, login)
        await self.reads()
        return claimed

    def read_words(self) -> str:
        """The text of everything shown by the last act."""
        return "\n".join(reply.text for reply in self.shown)

    def was_told(self, key: str, language: str = "en", **params: object) -> bool:
        """Whether the last act showed this response."""
        return text_of(key, language, **params) in [reply.text for reply in self.shown]

    def was_asked(self, slot: str, language: str = "en") -> bool:
        return bool(self.shown) and self.shown[-1].text == text_of(f"ask_{slot}", language)


def payloads(replies: list[Reply]) -> set[str]:
    """Every button under these messages."""
    return {button.payload for reply in replies for row in reply.buttons for button in row}
