"""One real Redis for the run; for every test a world under a random key prefix."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from bot.keys import Keys
from tests.core.engine_server import EngineServer
from tests.core.world import World
from tests.redis_server import RedisServer


@pytest.fixture(scope="package")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def own_redis() -> AsyncIterator[RedisServer]:
    """A Redis that a test may take away."""
    with RedisServer() as server:
        yield server


@pytest.fixture
async def idle_world(redis_server: RedisServer) -> AsyncIterator[World]:
    """Nobody works there yet; the engine is away."""
    async with Redis.from_url(redis_server.url) as redis:
        world = World(redis, Keys(f"t{secrets.token_hex(6)}:"))
        try:
            yield world
        finally:
            await world.engine.close()
            async for name in redis.scan_iter(f"{world.keys.prefix}*"):
                await redis.delete(name)


@pytest.fixture
async def world(idle_world: World) -> AsyncIterator[World]:
    """A worker works; the engine is away."""
    async with idle_world.working():
        yield idle_world


@pytest.fixture
async def engine() -> AsyncIterator[EngineServer]:
    async with EngineServer().serving() as server:
        yield server


@pytest.fixture
async def spoken_world(redis_server: RedisServer, engine: EngineServer) -> AsyncIterator[World]:
    """A worker works and the engine answers."""
    async with Redis.from_url(redis_server.url) as redis:
        world = World(redis, Keys(f"t{secrets.token_hex(6)}:"), engine_url=engine.url)
        async with world.working():
            yield world
        await world.engine.close()
        async for name in redis.scan_iter(f"{world.keys.prefix}*"):
            await redis.delete(name)
