"""A service and its practice desk side by side on one real Redis; real workers in both."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from bot.keys import Keys, PracticeKeys
from tests.core.engine_server import EngineServer
from tests.practice.place import Place
from tests.redis_server import RedisServer


@pytest.fixture(scope="package")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def place(redis_server: RedisServer) -> AsyncIterator[Place]:
    """Both work; the pretended engine answers."""
    service = Keys(f"t{secrets.token_hex(6)}:")
    async with EngineServer().serving() as engine, Redis.from_url(redis_server.url) as redis:
        place = Place(redis, service, PracticeKeys(f"{service.prefix}practice:", service), engine)
        async with place.working():
            yield place
        async for name in redis.scan_iter(f"{service.prefix}*"):
            await redis.delete(name)
