"""A real Redis for the web chat's tests, and a door on it."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from bot.channels.webchat import door
from tests.redis_server import RedisServer
from tests.webchat.visitors import House


@pytest.fixture(scope="package")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
async def house(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(door, "LEAVE_WAIT", 20)  # this Redis is there, however busy
    async with Redis.from_url(server.url) as redis:
        yield House(redis, f"t{secrets.token_hex(4)}:")


@pytest.fixture
async def own_server() -> AsyncIterator[RedisServer]:
    """A Redis that a test may take away."""
    with RedisServer() as running:
        yield running


@pytest.fixture
async def shaky(own_server: RedisServer) -> AsyncIterator[House]:
    """A door on the Redis that a test may take away."""
    async with Redis.from_url(own_server.url) as redis:
        yield House(redis, "t:")
