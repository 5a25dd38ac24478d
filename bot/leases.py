"""What a process holds in Redis, by its name: inbox shards, and the Telegram poller's lock.

Whoever holds a lease renews it, and when it dies the lease lapses after some seconds of silence. A
supervisor that has seen its process die need not wait for that: it gave the process its name.
"""

import os
import secrets
from typing import Final

from redis.asyncio import Redis

from bot.keys import SHARDS, Keys

#: Where a supervisor tells a process it starts the name to hold leases in; a new one each time.
NAME: Final = "NORTHLIGHT_RUN"

# KEYS: workers, then leases. ARGV: name.
_FREE = """
redis.call('ZREM', KEYS[1], ARGV[1])
for at = 2, #KEYS do
  if redis.call('GET', KEYS[at]) == ARGV[1] then redis.call('DEL', KEYS[at]) end
end
"""


def own_name() -> str:
    """The name of this process among the holders of leases: the supervisor's, or a random one."""
    return os.environ.get(NAME) or secrets.token_hex(16)


async def free(redis: Redis, keys: Keys, name: str) -> None:
    """Frees at once what the process of that name held, and nothing else.

    To be called only once it is known to be dead. Nothing is done twice even if a command it had
    sent comes after this: a commit asks for the lease. Raises RedisError, OSError.
    """
    leases = [*(keys.shard(shard) for shard in range(SHARDS)), keys.poller()]
    await redis.register_script(_FREE)(keys=[keys.workers(), *leases], args=[name])
