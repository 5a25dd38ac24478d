"""Hands over words as the commit of a turn does, for tests that have no turn."""

from collections.abc import Sequence

from redis.asyncio import Redis

from bot.messages import Recipient, Reply
from bot.outbox import Outbox


async def put(redis: Redis, outbox: Outbox, to: Recipient, replies: Sequence[Reply]) -> None:
    """All of them in one step, in order."""
    async with redis.pipeline(transaction=True) as pipe:
        for op in outbox.ops(to, replies):
            pipe.execute_command(*op)
        await pipe.execute()
