"""Redis dies and comes back, again and again, in the middle of conversations.

With `appendfsync always`, which the embedded Redis uses, nothing that was accepted is lost. With
`everysec` a power cut may take the last second with it, and no more: that is what it says.
"""

import asyncio
import contextlib
import random
import signal
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bot.errors import QueueUnavailable
from bot.keys import SHARDS, Keys
from tests.core.world import Someone, World, all_claimed
from tests.promises.conftest import Promise
from tests.promises.people import OnTelegram, Somebody, crowd
from tests.promises.service import Running, service, until
from tests.redis_server import RedisServer


async def test_killed_and_started_again_under_load(
    tmp_path: Path, full: bool, seed: int, promise: Promise
) -> None:
    times, at_once = (20, 30) if full else (5, 12)
    people: list[Somebody] = []
    claims: dict[str, list[str]] = {}
    trouble: list[str] = []
    async with service(tmp_path) as running:
        assert (await running.redis.config_get("appendfsync"))["appendfsync"] == "always"
        killing = asyncio.create_task(_kill_redis(running, random.Random(seed), times))
        rounds = 0
        while not killing.done() or not rounds:
            rounds += 1
            met, claimed, failed = await crowd(
                running, seed * 1000 + rounds, conversations=at_once, at_once=at_once
            )
            people += met
            claims |= claimed
            trouble += failed
        await killing
        await running.settled()
        again = [fault for person in people for fault in await person.check()]
        twice = sum([await person.repeats() for person in people if isinstance(person, OnTelegram)])
        dead = await running.world.dead_letters()
        left = [*await running.world.queue.waiting(), *await all_claimed(running.world.queue)]
    faults = [fault for person in people for fault in person.faults]
    print("\n".join([*faults, *again, *trouble, *dead]))
    held_twice = [holders for holders in claims.values() if len(holders) != 1]
    note = f"{times} kills, appendfsync always, {running.engine}, seed {seed}"
    promise("P1/P3/P6", "Redis killed: conversations answered in full and in order", len(people),
            sum(bool(person.faults) for person in people) + len(dead), note)  # fmt: skip
    acts = sum(person.acts for person in people)
    promise("P2", "Redis killed: state changes applied exactly once", acts, len(again), "")
    promise("P2", "Redis killed: replies shown again, at most those in flight", acts,
            max(0, twice - times * 32), f"{twice} shown again")  # fmt: skip
    promise("P4", "Redis killed: handoffs, none lost, none held twice", len(claims),
            len(held_twice) + len(trouble) + len(left), "")  # fmt: skip


async def _kill_redis(running: Running, rng: random.Random, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(2 + rng.random() * 2)
        await until(lambda: running.redis.ping(), "Redis is back")
        assert running.kill("redis")


@dataclass
class _Writing:
    """Somebody who writes numbered messages and knows since and until when each was accepted."""

    person: Someone
    accepted: dict[str, tuple[float, float]] = field(default_factory=dict)

    async def shown(self) -> list[str]:
        """The person's own words on the screen: one line for each turn done."""
        return [reply.text for reply in await self.person.screen() if reply.speaker == "person"]


async def test_a_power_cut_with_everysec_takes_at_most_the_last_second(
    full: bool, seed: int, promise: Promise
) -> None:
    """The file is cut back to what it was one second before Redis died: the worst it may be."""
    cuts, rng = 20 if full else 5, random.Random(seed)
    with RedisServer(appendfsync="everysec") as server:
        redis = Redis.from_url(server.url, retry=Retry(NoBackoff(), 0))
        world = World(redis, Keys("t:"))
        people: list[_Writing] = []
        stop = asyncio.Event()
        cut_at: list[tuple[float, float]] = []  # since when everything was lost, and the cut
        async with world.working(world.worker(), world.worker()):
            writing = [asyncio.create_task(_write(world, people, stop)) for _ in range(12)]
            for _ in range(cuts):
                await _grow(server, world, 2 + rng.random())
                cut_at.append(_cut_power(server))
                server.start()
            await asyncio.sleep(1)
            stop.set()
            await asyncio.gather(*writing)
            await until(lambda: _none_left(world), "every message is dealt with")
            shown = [await one.shown() for one in people]
        await world.engine.close()
        await redis.aclose()
    lost = wrong = 0
    for one, done in zip(people, shown, strict=True):
        kept = one.accepted.keys() & set(done)
        order = [text for text in one.accepted if text in kept]
        wrong += done != order  # in order, each once, and nothing that was never accepted
        for text in one.accepted.keys() - kept:
            asked, told = one.accepted[text]
            in_the_last_second = any(told >= since and asked <= cut for since, cut in cut_at)
            lost += in_the_last_second
            wrong += not in_the_last_second
    longest = max(cut - since for since, cut in cut_at)
    total = sum(len(one.accepted) for one in people)
    promise("P1-P3", "power cut, everysec: all but the last second kept, in order, once", total,
            wrong, f"{cuts} cuts; {lost} of the last {longest:.1f} s lost, as stated")  # fmt: skip


#: (when, the file, how long it was): everything accepted before that moment was in the file.
_sizes: deque[tuple[float, Path, int]] = deque(maxlen=200)


async def _grow(server: RedisServer, world: World, seconds: float) -> None:
    """Lets time go by and notes how long the file was when."""
    until_then = time.monotonic() + seconds
    _sizes.clear()
    while time.monotonic() < until_then or not _sizes:
        now = time.monotonic()
        with contextlib.suppress(RedisError, OSError):
            # While the disk is busy Redis keeps back for up to two seconds what it has accepted.
            if not (await world.redis.info("persistence"))["aof_buffer_length"]:
                _sizes.append((now, *server.written()))
        await asyncio.sleep(0.02)


def _cut_power(server: RedisServer) -> tuple[float, float]:
    server.stop(signal.SIGKILL)
    now = time.monotonic()
    since, file, size = max((entry for entry in _sizes if entry[0] <= now - 1), default=_sizes[0])
    with file.open("r+b") as opened:
        opened.truncate(size)
    return since, now


async def _write(world: World, people: list[_Writing], stop: asyncio.Event) -> None:
    """A message every moment, from one person after another (a screen keeps only the newest).

    What is refused is written again, as a door does.
    """
    while not stop.is_set():
        one = _Writing(world.someone(f"person {len(people)}"))
        people.append(one)
        while len(one.accepted) < 30 and not stop.is_set():
            number = len(one.accepted)
            world.clock.forward(1)
            asked = time.monotonic()
            with contextlib.suppress(QueueUnavailable):
                await world.accept(
                    one.person.inbound(text=f"{number}"), f"{one.person.id} {number}"
                )
                one.accepted[f"{number}"] = asked, time.monotonic()
            await asyncio.sleep(0.1)


async def _none_left(world: World) -> bool:
    return not any([await world.redis.xlen(world.keys.inbox(shard)) for shard in range(SHARDS)])
