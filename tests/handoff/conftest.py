"""A queue on a real Redis: one server for the run, a random key prefix for every test."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from bot.keys import Keys
from tests.handoff.desk import Desk
from tests.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def desk(redis_server: RedisServer) -> AsyncIterator[Desk]:
    redis = Redis.from_url(redis_server.url)
    keys = Keys(f"t{secrets.token_hex(6)}:")
    try:
        yield Desk(redis, keys)
    finally:
        async for name in redis.scan_iter(f"{keys.prefix}*"):
            await redis.delete(name)
        await redis.aclose()
