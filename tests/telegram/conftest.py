"""A real Redis, the pretended Telegram over HTTP, and the door between them."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from bot.channels.delivery import GROUP
from bot.channels.telegram import TelegramDoor
from bot.conversation.render import Words
from bot.inbox import Inbox
from bot.keys import SHARDS, Keys
from bot.messages import Channel, Inbound, Recipient, Reply
from bot.outbox import Outbox
from bot.settings import Address, Settings
from bot.vault import Vault
from tests import way_out
from tests.botapi import BotApi, Chat
from tests.redis_server import RedisServer

SECRET = "CANARY-webhook-secret"
EMERGENCY = "EMERGENCY: call 9-1-1"
WORDS = Words.load()


def emergency(text: str, hint: str) -> list[Reply]:
    """A stand-in that shows what it was given."""
    return [Reply(f"{EMERGENCY} {hint} {len(text)}", urgent=True, passable=True)]


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis that this test may take away."""
    with RedisServer() as server:
        yield server


@dataclass
class House:
    """Everything a door needs, and eyes to look into it."""

    api: BotApi
    redis: Redis
    keys: Keys
    vault: Vault
    inbox: Inbox
    outbox: Outbox
    webhook_port: int
    media_port: int

    def door(self, mode: str = "polling", **more: Any) -> TelegramDoor:
        settings = Settings(
            telegram_token=more.pop("token", self.api.token),
            telegram_base_url=self.api.base_url,
            telegram_file_base_url=self.api.base_file_url,
            telegram_mode=mode,
            telegram_webhook_listen=Address("127.0.0.1", self.webhook_port),
            telegram_webhook_url=self.webhook_url,
            telegram_webhook_secret=SECRET,
            media_address=Address("127.0.0.1", self.media_port),
        )
        return TelegramDoor(
            settings, self.redis, self.keys, self.vault, self.inbox, self.outbox, WORDS, emergency,
            first_pause=0.02, **more,
        )  # fmt: skip

    @property
    def webhook_url(self) -> str:
        return f"http://127.0.0.1:{self.webhook_port}/telegram"

    @contextlib.asynccontextmanager
    async def open(self, mode: str = "polling", **more: Any) -> AsyncIterator[TelegramDoor]:
        """A door that works until the block ends, and stops cleanly."""
        stop, door = asyncio.Event(), self.door(mode, **more)
        running = asyncio.create_task(door.run(stop))
        try:
            yield door
        finally:
            stop.set()
            await running

    async def stored(self) -> list[Inbound]:
        """What is in the inbox, oldest first."""
        rows = []
        for shard in range(SHARDS):
            key = self.keys.inbox(shard)
            for entry_id, fields in await self.redis.xrange(key):
                plain = self.vault.unseal_transit(fields[b"e"], key)
                millis, _, number = entry_id.partition(b"-")
                rows.append(((int(millis), int(number)), Inbound.from_json(plain)))
        return [inbound for _, inbound in sorted(rows, key=lambda row: row[0])]

    async def stores(self, count: int) -> list[Inbound]:
        """Waits until so many messages are in the inbox."""
        async with asyncio.timeout(20):
            while len(found := await self.stored()) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return found

    def to(self, chat: Chat) -> Recipient:
        person = self.vault.person(Channel.TELEGRAM, str(chat.id))
        return Recipient(person, Channel.TELEGRAM, str(chat.id))

    async def writes(self, chat: Chat, *replies: Reply | str) -> None:
        made = [Reply(reply) if isinstance(reply, str) else reply for reply in replies]
        await self.put(self.to(chat), made)

    async def put(self, to: Recipient, replies: Sequence[Reply]) -> None:
        await way_out.put(self.redis, self.outbox, to, replies)

    async def waits(self) -> int:
        """How many replies are still in the outbox."""
        return int(await self.redis.xlen(self.keys.outbox("telegram")))

    async def delivered(self) -> None:
        """Waits until the outbox is empty."""
        async with asyncio.timeout(20):
            while await self.waits():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def read(self, count: int) -> None:
        """Waits until the delivery has taken so many replies and settled none of them."""
        async with asyncio.timeout(20):
            while (await self._pending())["pending"] < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _pending(self) -> Any:
        return await self.redis.xpending(self.keys.outbox("telegram"), GROUP)

    async def noted(self, chat: Chat) -> set[int]:
        """The message ids kept for Leave."""
        ids: Any = await self.redis.zrange(self.keys.sent(self.to(chat).person), 0, -1)
        return {int(number) for number in ids}


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with BotApi().serving() as server:
        yield server


async def _house(api: BotApi, server: RedisServer) -> AsyncIterator[House]:
    retry = Retry(NoBackoff(), 1)
    async with Redis.from_url(server.url, socket_connect_timeout=2, retry=retry) as redis:
        keys, vault = Keys(f"test-{secrets.token_hex(6)}:"), Vault(secrets.token_bytes(32))
        with (
            socket.create_server(("127.0.0.1", 0)) as hook,
            socket.create_server(("127.0.0.1", 0)) as media,
        ):
            ports = hook.getsockname()[1], media.getsockname()[1]
        inbox, outbox = Inbox(redis, keys, vault), Outbox(redis, keys, vault)
        yield House(api, redis, keys, vault, inbox, outbox, *ports)


@pytest.fixture
async def house(api: BotApi, shared_redis: RedisServer) -> AsyncIterator[House]:
    async for house in _house(api, shared_redis):
        yield house


@pytest.fixture
async def fragile_house(api: BotApi, own_redis: RedisServer) -> AsyncIterator[House]:
    """A house whose Redis the test takes away."""
    async for house in _house(api, own_redis):
        yield house
