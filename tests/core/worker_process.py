"""A worker as a process of its own, for tests that kill it. Arguments: one JSON object."""

import asyncio
import json
import sys

from redis.asyncio import Redis

import bot.inbox
import bot.worker
from bot.keys import Keys
from tests.core.world import World

#: Long enough for a busy machine, short enough to wait for its end.
LEASE_MS = 1_000


async def main() -> None:
    asked = json.loads(sys.argv[1])
    async with Redis.from_url(asked["redis"]) as redis:
        world = World(redis, Keys(asked["prefix"]), asked["engine"], patience=asked["patience"])
        print("ready", flush=True)
        await world.worker().run()


if __name__ == "__main__":
    bot.inbox.LEASE_MS = bot.worker.LEASE_MS = LEASE_MS  # type: ignore[misc]
    asyncio.run(main())
