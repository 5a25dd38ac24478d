"""Redis dies and comes back, again and again, in the middle of conversations.

With `appendfsync always`, which the embedded Redis uses, nothing that was accepted is lost. With
`everysec` a power cut may take the last second with it: what else is kept must be whole.
"""

import asyncio
import contextlib
import ctypes
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
    by_counsellors = 0
    async with service(tmp_path) as running:
        assert (await running.redis.config_get("appendfsync"))["appendfsync"] == "always"
        killing = asyncio.create_task(_kill_redis(running, random.Random(seed), times))
        rounds = 0
        while not killing.done() or not rounds:
            rounds += 1
            met, claimed, counsellors = await crowd(
                running, seed * 1000 + rounds, conversations=at_once, at_once=at_once
            )
            people += met
            claims |= claimed
            trouble += [text for counsellor in counsellors for text in counsellor.failures]
            by_counsellors += sum(counsellor.acts for counsellor in counsellors)
        in_flight = await killing
        await running.settled()
        again = [fault for person in people for fault in await person.check()]
        on_telegram = [person for person in people if isinstance(person, OnTelegram)]
        twice = sum([await person.repeats() for person in on_telegram])
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
    promise("P2", "Redis killed: replies shown again, at most those in flight",
            sum(person.acts for person in on_telegram), max(0, twice - in_flight),
            f"{twice} shown again, {in_flight} in flight")  # fmt: skip
    promise("P4", "Redis killed: handoffs, none lost, none held twice", len(claims),
            len(held_twice) + len(trouble) + len(left),
            f"{by_counsellors} calls of the console by counsellors")  # fmt: skip


async def _kill_redis(running: Running, rng: random.Random, times: int) -> int:
    """Returns how many replies were taken and not settled at the kills: each may come again."""
    in_flight = 0
    for _ in range(times):
        await asyncio.sleep(2 + rng.random() * 2)
        await until(lambda: running.redis.ping(), "Redis is back")
        before = await running.in_flight()
        assert running.kill("redis")
        # What was taken in the moment between is still there, unless the door was quicker.
        await until(lambda: running.redis.ping(), "Redis is back")
        in_flight += max(before, await running.in_flight())
    return in_flight


async def test_with_always_what_is_accepted_is_on_the_disk(full: bool, promise: Promise) -> None:
    """A kill spares what the kernel has not written yet, a power cut does not: it is asked."""
    tries = 3_000 if full else 300
    what = "power cut, always: accepted and not on the disk"
    try:
        held, control = [await _held_back(how, tries) for how in ("always", "everysec")]
    except OSError:
        promise.not_run("P1", what, "this kernel does not tell")
        return
    if control:
        promise("P1", what, tries, held, f"as the kernel counts; with everysec {control} were not")
    else:
        promise.not_run("P1", what, "the tests' files are on no disk here")


async def _held_back(appendfsync: str, tries: int) -> int:
    """How many acceptances were not on the disk when they were told."""
    held = 0
    with RedisServer(appendfsync=appendfsync) as server:
        async with Redis.from_url(server.url) as redis:
            world = World(redis, Keys("t:"))
            person = world.someone()
            for number in range(tries):
                assert await world.accept(person.inbound(text=f"{number}"))
                held += _not_written(server.written()[0]) > 0
            await world.engine.close()
    return held


def _not_written(path: Path) -> int:
    """Pages of a file that the kernel has still to write. Raises OSError where it does not tell."""
    whole, counts = (ctypes.c_uint64 * 2)(0, 0), (ctypes.c_uint64 * 5)()
    with path.open("rb") as opened:
        if _LIBC.syscall(_CACHESTAT, opened.fileno(), whole, counts, 0) != 0:
            raise OSError(ctypes.get_errno(), "cachestat")
    _, dirty, being_written, *_ = counts
    return int(dirty + being_written)


#: Asks Linux (6.5 and later) what it holds of a file; the same number on every machine.
_CACHESTAT, _LIBC = 451, ctypes.CDLL(None, use_errno=True)


@dataclass
class _Writing:
    """Somebody who writes numbered messages and knows since and until when each was accepted."""

    person: Someone
    accepted: dict[str, tuple[float, float]] = field(default_factory=dict)

    async def shown(self) -> list[str]:
        """The person's own words on the screen: one line for each turn done."""
        return [reply.text for reply in await self.person.screen() if reply.speaker == "person"]


async def test_a_power_cut_with_everysec_takes_the_end_and_nothing_else(
    full: bool, seed: int, promise: Promise
) -> None:
    """The file is cut back to what it was one second before Redis died."""
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
    promise("P1-P3", "power cut, everysec: all but what was cut off kept, in order, once", total,
            wrong, f"{cuts} cuts of the last {longest:.1f} s at most, {lost} in them")  # fmt: skip


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
