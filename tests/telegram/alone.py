"""A delivery without the door around it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from telegram.ext import Application

from bot.channels.delivery import Delivery
from tests.telegram.conftest import House


@contextlib.asynccontextmanager
async def resting(house: House, **more: Any) -> AsyncIterator[Delivery]:
    """One that does nothing yet."""
    application = Application.builder().token(house.api.token).base_url(house.api.base_url)
    async with application.updater(None).build() as built:
        yield Delivery(
            built.bot, house.redis, house.keys, house.inbox, house.outbox,
            **{"first_pause": 0.02, **more},
        )  # fmt: skip


@contextlib.asynccontextmanager
async def running(made: Delivery) -> AsyncIterator[None]:
    """Lets it work until the block ends."""
    task = asyncio.create_task(made.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@contextlib.asynccontextmanager
async def alone(house: House, **more: Any) -> AsyncIterator[None]:
    """One at work."""
    async with resting(house, **more) as made, running(made):
        yield
