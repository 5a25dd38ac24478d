"""kill -9 at any moment: no message of a person and no reply to them is lost, or kept waiting."""

import asyncio
import contextlib
import json
import os
import random
import secrets
import sys

from bot.leases import NAME, free
from bot.vault import Vault
from tests.redis_server import RedisServer
from tests.telegram.conftest import House


async def test_nothing_is_lost_or_stored_twice_when_the_door_is_killed_again_and_again(
    house: House, shared_redis: RedisServer
):
    master = secrets.token_bytes(32)
    house.vault = house.inbox._vault = house.outbox._vault = Vault(master)
    asked = json.dumps({
        "prefix": house.keys.prefix, "master": master.hex(), "token": house.api.token,
        "base_url": house.api.base_url, "redis": shared_redis.url,
    })  # fmt: skip
    ana, bea = house.api.world.person(), house.api.world.person()

    async def live(seconds: float | None) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.telegram.door_process", asked
        )
        try:
            if seconds is None:
                await house.stores(100)
                await house.delivered()
            else:
                polled = len(house.api.called("getUpdates"))
                await house.api.world.until(lambda: len(house.api.called("getUpdates")) > polled)
                await asyncio.sleep(seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def people_write() -> None:
        for number in range(50):
            ana.says(str(number))
            bea.says(str(number))
            await house.writes(ana, f"answer {number}")
            await asyncio.sleep(0.03)

    writing = asyncio.create_task(people_write())
    for _ in range(4):
        await live(random.uniform(0, 0.2))
    await writing
    await live(None)
    stored = await house.stored()
    for person in (ana, bea):
        texts = [found.text for found in stored if found.address == str(person.id)]
        assert texts == [str(number) for number in range(50)]
    # Each kill may repeat the one reply that was in flight, and no other.
    answers = ana.answers()
    assert list(dict.fromkeys(answers)) == [f"answer {number}" for number in range(50)]
    assert len(answers) <= 54


async def test_the_lock_of_a_door_known_to_be_dead_is_free_at_once(
    house: House, shared_redis: RedisServer
):
    asked = json.dumps({
        "prefix": house.keys.prefix, "master": secrets.token_hex(32), "token": house.api.token,
        "base_url": house.api.base_url, "redis": shared_redis.url,
    })  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.telegram.door_process", asked, env=os.environ | {NAME: "first"}
    )
    lock = house.keys.poller()
    async with asyncio.timeout(60):
        while await house.redis.get(lock) != b"first":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    process.kill()
    await process.wait()
    await house.redis.set(lock, "first")  # as it stood, and it never lapses
    async with house.open() as door:
        await free(house.redis, house.keys, "another")
        assert await door._hold() is False
        await free(house.redis, house.keys, "first")
        house.api.world.person().says("hello")
        await house.stores(1)
