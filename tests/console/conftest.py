"""The console on the queue's real Redis, called the way a browser calls it."""

from collections.abc import AsyncIterator

import pytest
from argon2 import PasswordHasher

from bot.console.app import create_app
from tests.console.driver import Console, CounsellorDriver
from tests.handoff.conftest import desk, redis_server
from tests.handoff.desk import Desk

__all__ = ["console", "desk", "redis_server"]


@pytest.fixture
async def console(desk: Desk) -> AsyncIterator[Console]:
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # quick: only for tests
    app = create_app(
        redis=desk.redis,
        keys=desk.keys,
        vault=desk.vault,
        queue=desk.queue,
        words=desk.words,
        clock=desk.clock,
        secure=False,
        hasher=hasher,
    )
    console = Console(app, desk)
    yield console
    for driver in console.drivers:
        await driver.close()


@pytest.fixture
async def ana(console: Console) -> CounsellorDriver:
    """A counsellor who is logged in and on shift."""
    driver = await console.counsellor("ana")
    await driver.post("/api/shift", {"on": True})
    return driver
