"""Shared by the tests of queue and console: a clock to move, people who ask, what they saw."""

import functools
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from bot.conversation.render import Words
from bot.handoff.queue import Queue
from bot.handoff.record import Case, Handoff, Level
from bot.inbox import Op
from bot.keys import DAY, Keys
from bot.messages import Channel, Recipient, Reply
from bot.outbox import Outbox
from bot.vault import Vault

CANARY = "canary-7f3a what was said"
ADDRESS = "chat-55501234"


@functools.cache  # read once for all tests
def words() -> Words:
    return Words.load()


@dataclass
class Clock:
    """Seconds since the epoch, moved by hand."""

    now: float = 1_760_000_000.0

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Desk:
    """A queue with everything around it."""

    redis: Redis
    keys: Keys
    clock: Clock = field(default_factory=Clock)
    vault: Vault = field(default_factory=lambda: Vault(b"\x07" * 32))
    retention: int = DAY

    def __post_init__(self) -> None:
        self.words = words()
        self.outbox = Outbox(self.redis, self.keys, self.vault)
        self.queue = Queue(
            self.redis, self.keys, self.vault, self.outbox, self.words, self.clock,
            retention=self.retention,
        )  # fmt: skip

    def person(self, name: str, channel: Channel = Channel.WEBCHAT) -> Recipient:
        address = ADDRESS if channel is Channel.TELEGRAM else ""
        return Recipient(self.vault.person(channel, name), channel, address)

    async def asks(
        self,
        name: str,
        level: Level = Level.ORANGE,
        language: str = "en",
        channel: Channel = Channel.WEBCHAT,
        *,
        romanised: bool = False,
        language_known: bool = True,
        **case: Any,
    ) -> Handoff:
        """Somebody asks for a counsellor."""
        return await self.queue.request(
            self.person(name, channel),
            level=level,
            rules=["asked_for_person"],
            language=language,
            romanised=romanised,
            language_known=language_known,
            case=Case(**{"consent": "all", "answers": {"minor": "no"}, **case}),
        )

    async def on_shift(self, *logins: str, capacity: int = 1, languages: str = "en") -> None:
        """These counsellors have accounts and are here."""
        for login in logins:
            await self.redis.hset(
                self.keys.counsellor(login),
                mapping={"alias": login.title(), "languages": languages, "capacity": capacity},
            )
            await self.queue.presence.start(login)

    async def nobody_beats(self, seconds: float = 31) -> list[Handoff]:
        """No page shows a sign of life for so long, and the janitor comes by; who was put back."""
        lapsed, end = [], self.clock() + seconds
        while self.clock() < end:
            self.clock.forward(min(10, end - self.clock()))
            lapsed += await self.queue.lapses.run(self.clock())
        return lapsed

    async def run(self, ops: list[Op]) -> None:
        """What the commit of a turn does with its commands."""
        for op in ops:
            await self.redis.execute_command(*op)

    async def shown(self, name: str, channel: Channel = Channel.WEBCHAT) -> list[Reply]:
        """What this person's door has been given, in order."""
        to = self.person(name, channel)
        stream = self.outbox.stream(to)
        rows: Any = await self.redis.xrange(stream)
        read = [self.outbox.read(stream, fields) for _, fields in rows]
        return [reply for recipient, reply in read if recipient.person == to.person]

    async def names(self) -> set[str]:
        """Every key there is."""
        found = [name async for name in self.redis.scan_iter(f"{self.keys.prefix}*")]
        return {name.decode().removeprefix(self.keys.prefix) for name in found}

    async def dump(self) -> bytes:
        """Every key and value as Redis holds it."""
        parts = []
        for name in await self.names():
            key = self.keys.prefix + name
            parts.append(key.encode())
            kind = (await self.redis.type(key)).decode()
            read: dict[str, Any] = {
                "string": lambda key: self.redis.get(key),
                "hash": lambda key: self.redis.hgetall(key),
                "set": lambda key: self.redis.smembers(key),
                "zset": lambda key: self.redis.zrange(key, 0, -1, withscores=True),
                "list": lambda key: self.redis.lrange(key, 0, -1),
                "stream": lambda key: self.redis.xrange(key),
            }
            parts.append(repr(await read[kind](key)).encode())
        return b"\n".join(parts)
