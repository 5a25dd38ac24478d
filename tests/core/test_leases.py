"""What a dead process held is freed by its name, and nothing that somebody else holds."""

from bot.inbox import Inbox
from bot.leases import NAME, free, own_name
from tests.core.world import World


async def test_only_what_was_held_in_that_name_is_freed(idle_world: World) -> None:
    redis, keys = idle_world.redis, idle_world.keys
    dead, alive = (Inbox(redis, keys, idle_world.use.vault, name) for name in ("dead", "alive"))
    assert await dead.share() == 8
    assert await alive.share() == 4
    assert await dead.hold(0)
    assert await alive.hold(1)
    await redis.set(keys.poller(), "alive")
    await free(redis, keys, "dead")
    assert not await redis.exists(keys.shard(0))
    assert await redis.get(keys.shard(1)) == b"alive"
    assert await redis.get(keys.poller()) == b"alive"
    assert await alive.share() == 8
    await free(redis, keys, "alive")
    assert not await redis.exists(keys.shard(1), keys.poller(), keys.workers())


def test_the_name_is_the_supervisors_or_nobodys(monkeypatch) -> None:
    monkeypatch.setenv(NAME, "given")
    assert own_name() == "given"
    monkeypatch.delenv(NAME)
    assert own_name() != own_name()
