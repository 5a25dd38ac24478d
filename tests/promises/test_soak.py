"""Thirty messages a second for a long time: nothing grows, nothing gets slower.

People come, talk, leave, and others come in their place, so that what is stored should be the
same at any moment. The first and the last third of the time are compared.
"""

import asyncio
import contextlib
import os
import random
import secrets
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from redis.exceptions import RedisError

from bot.messages import Channel
from bot.outbox import FAREWELL
from tests.botapi import Chat
from tests.ops.test_supervisor import children
from tests.promises.conftest import Promise
from tests.promises.people import SLOTS, TOPICS, TYPED
from tests.promises.service import PARTS, Running, service

A_SECOND, PEOPLE = 30, 60
#: What the last third may use more than the first: memory (of a process), CPU (of a turn).
MORE_BYTES, MORE_SHARE = 8 * 2**20, 0.10
MORE_CPU_FULL, MORE_CPU_SHORT = 0.15, 1.0  # 20 s on a shared machine show no less
#: Marks of deliveries seen, one a message with a lifetime of its own: their number is bounded by
#: that and grows until then, so they are told and not compared. Bytes each, at most.
SEEN, A_MARK = "seen", 250
_TICK = os.sysconf("SC_CLK_TCK")


async def test_thirty_messages_a_second(
    tmp_path: Path, full: bool, seed: int, promise: Promise
) -> None:
    warm_up, third = (300, 2_400) if full else (10, 20)
    async with service(tmp_path) as running:
        load = _Load(running, random.Random(seed))
        async with load.on():
            await asyncio.sleep(warm_up)
            thirds = [await _watch(load, third) for _ in range(3)]
    first, _, last = thirds
    cpu = MORE_CPU_FULL if full else MORE_CPU_SHORT
    grown = [
        f"{name} {first.memory[name] >> 20} -> {last.memory[name] >> 20} MB"
        for name in first.memory
        if last.memory[name] > first.memory[name] * (1 + MORE_SHARE) + MORE_BYTES
    ]
    marks = (last.keys[SEEN] - first.keys[SEEN]) * A_MARK
    if last.redis > first.redis * (1 + MORE_SHARE) + MORE_BYTES + marks:
        grown.append(f"redis {first.redis >> 20} -> {last.redis >> 20} MB")
    more_keys = _grown(first.keys, last.keys) + _grown(first.longest, last.longest)
    slower = last.cpu_a_turn > first.cpu_a_turn * (1 + cpu)
    answered = sum(part.answered for part in thirds)
    handed_in, dropped = (sum(getattr(part, name) for part in thirds)
                          for name in ("handed_in", "dropped"))  # fmt: skip
    rate = (
        f"{handed_in / (3 * third):.1f} of {A_SECOND} handed in a second for {3 * third} s, "
        f"{dropped} not: nobody was free; {running.engine}"
    )
    print(first, last, more_keys, grown, load.failed, sep="\n")
    # Told and not judged: what else this machine does is in them.
    for how, of_first in first.waits.items():
        of_last = last.waits[how]
        promise("P6", f"soak: from handing in to the answer, {how}", len(of_first + of_last), 0,
                f"{_waited(of_first)} -> {_waited(of_last)}")  # fmt: skip
    promise("P1/P6", "soak: everybody is answered", answered + load.unanswered, load.unanswered,
            rate)  # fmt: skip
    promise("P8", "soak: no kind of key grows in number or length", len(last.keys), len(more_keys),
            f"{sum(last.keys.values()) - last.keys[SEEN]} keys, and {last.keys[SEEN]} marks of "
            "deliveries, each with a TTL")  # fmt: skip
    memory = ", ".join(f"{name} {last.memory[name] >> 20}" for name in sorted(last.memory))
    promise("P6", "soak: memory is flat", len(first.memory) + 1, len(grown), f"MB: {memory}")
    promise("P6", "soak: CPU of a turn is flat", 1, int(slower),
            f"{first.cpu_a_turn * 1000:.1f} -> {last.cpu_a_turn * 1000:.1f} ms")  # fmt: skip


def _waited(seconds: list[float]) -> str:
    median, p95 = (statistics.quantiles(seconds, n=100)[at - 1] * 1000 for at in (50, 95))
    return f"median {median:.0f}, p95 {p95:.0f} ms"


def _grown(first: Counter[str], last: Counter[str]) -> list[str]:
    return [
        f"{name} {first[name]} -> {last[name]}"
        for name in last
        if name != SEEN and last[name] > first[name] * 1.3 + PEOPLE
    ]


@dataclass
class _Third:
    """What was measured over one third of the time."""

    answered: int
    handed_in: int
    dropped: int  # beats at which nobody was free to hand anything in
    cpu_a_turn: float  # seconds, all processes of the service
    memory: dict[str, int]  # bytes: the most each process held
    redis: int  # bytes
    keys: Counter[str]  # kind -> how many, at the end
    longest: Counter[str]  # kind -> how many entries the longest has, at the end
    #: Seconds from handing in to the answer, of each message pressed and typed.
    waits: dict[str, list[float]] = field(repr=False)


@dataclass
class _Load:
    """People who come and go; messages are handed in at an even pace."""

    running: Running
    rng: random.Random
    answered: int = 0
    unanswered: int = 0
    handed_in: int = 0
    dropped: int = 0
    waits: dict[str, list[float]] = field(default_factory=lambda: {"pressed": [], "typed": []})
    failed: list[str] = field(default_factory=list)
    #: When web visitors left: their page is told so for a while.
    left: list[float] = field(default_factory=list)
    _over: bool = False

    @contextlib.asynccontextmanager
    async def on(self) -> AsyncIterator[None]:
        self._pace: asyncio.Queue[None] = asyncio.Queue(A_SECOND)
        tasks = [asyncio.create_task(self._beat())]
        tasks += [asyncio.create_task(self._place(number)) for number in range(PEOPLE)]
        try:
            yield
        finally:
            self._over = True
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [one for one in ended if isinstance(one, Exception)], ended

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time()
        while True:
            at += 1 / A_SECOND
            await asyncio.sleep(at - loop.time())
            if self._pace.full():
                self.dropped += 1
            else:
                self._pace.put_nowait(None)

    async def _turn(self) -> None:
        """Waits until it is time for somebody to hand something in."""
        await self._pace.get()
        self.handed_in += 1

    @contextlib.contextmanager
    def _answered(self, typed: bool) -> Iterator[None]:
        """Inside, something is handed in and its answer waited for."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        yield
        self.waits["typed" if typed else "pressed"].append(loop.time() - since)
        self.answered += 1

    async def _place(self, number: int) -> None:
        """One place, taken by one person after another."""
        while not self._over:
            try:
                if number % 3:
                    await self._on_telegram()
                else:
                    await self._on_the_web()
            except (TimeoutError, AssertionError, httpx.HTTPError) as error:
                if self._over:  # so the HTTP library may take being cancelled
                    return
                self.unanswered += 1
                self.failed.append(f"{type(error).__name__} {error}")

    def _acts(self) -> list[tuple[str, bool]]:
        """(what, typed): a short conversation."""
        acts = ["lang:en", "do:start_check"]
        acts += [f"answer:{slot}:{self.rng.choice(SLOTS[slot])}" for slot in SLOTS]
        acts += [f"show:{topic}" for topic in self.rng.sample(TOPICS, 3)]
        typed = self.rng.sample(TYPED, 2)
        return [*((act, False) for act in acts), *((text, True) for text in typed)]

    async def _on_telegram(self) -> None:
        api = self.running.api
        chat: Chat = api.world.person()
        for what, typed in self._acts():
            await self._turn()
            with self._answered(typed):
                before = max(chat.messages, default=0)
                if typed:
                    chat.says(what)
                else:
                    shown = [message for message in chat.sees() if message.by_bot]
                    chat.forges(what, shown[-1] if shown else None)
                await api.world.until(
                    lambda before=before: any(
                        m.id > before and m.by_bot and m.buttons for m in chat.sees()
                    ),
                    60,
                )
        await self._turn()
        chat.forges("do:leave")
        await api.world.until(lambda: len(chat.sees()) <= 1, 60)
        self.answered += 1
        del api.calls[:]
        chat.messages.clear()

    async def _on_the_web(self) -> None:
        running = self.running
        # A connection is not used again after long: the server may just be closing it.
        limits = httpx.Limits(keepalive_expiry=1)
        async with httpx.AsyncClient(
            base_url=running.web, timeout=20, trust_env=False, limits=limits
        ) as http:
            assert (await http.get("/")).status_code == 200
            person = running.vault.person(Channel.WEBCHAT, http.cookies["visit"])
            screen = running.world.keys.screen(person)
            for what, typed in self._acts():
                await self._turn()
                length = int(await running.redis.xlen(screen))
                form = {"id": secrets.token_hex(8), "text" if typed else "payload": what}
                with self._answered(typed):
                    posted = await http.post("/message" if typed else "/choice", data=form)
                    assert posted.status_code == 303, posted.status_code
                    async with asyncio.timeout(60):
                        while await running.redis.xlen(screen) == length:  # noqa: ASYNC110
                            await asyncio.sleep(0.02)
            await self._turn()
            assert (await http.post("/leave")).status_code == 303
            self.left.append(asyncio.get_running_loop().time())
            self.answered += 1

    def screens_told(self) -> int:
        """How many pages may still be told that their conversation was erased."""
        since = asyncio.get_running_loop().time() - FAREWELL
        self.left = [at for at in self.left if at >= since]
        return len(self.left)


async def _watch(load: _Load, seconds: float) -> _Third:
    """Measures for so long."""
    running = load.running
    processes = {name: pid for name in PARTS if (pid := running.up.part(name))}
    pids = [*processes.values(), running.up.part("redis")]
    answered, cpu = load.answered, sum(_cpu(pid) for pid in pids)
    handed_in, dropped = load.handed_in, load.dropped
    before = {how: len(waits) for how, waits in load.waits.items()}
    memory: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        await asyncio.sleep(1)
        for name, pid in processes.items():
            memory[name] = max(memory[name], _memory(pid))
    done = load.answered - answered
    used = sum(_cpu(pid) for pid in pids) - cpu
    handed_in, dropped = load.handed_in - handed_in, load.dropped - dropped
    waits = {how: all_of_them[before[how] :] for how, all_of_them in load.waits.items()}
    assert set(pids) <= set(children(running.up.process.pid)), "a process has ended"
    keys, longest = await _keys(load)
    info = await running.redis.info("memory")
    return _Third(
        done, handed_in, dropped, used / max(done, 1), dict(memory), info["used_memory"], keys,
        longest, waits,
    )  # fmt: skip


async def _keys(load: _Load) -> tuple[Counter[str], Counter[str]]:
    """How many keys there are of each kind, and how long the longest is."""
    redis = load.running.redis
    names = [name async for name in redis.scan_iter("nl:*", count=1000)]
    keys = Counter(name.decode().split(":")[1] for name in names)
    keys["screen"] = max(0, keys["screen"] - load.screens_told())
    longest: Counter[str] = Counter()
    for name in names:
        kind = name.decode().split(":")[1]
        if kind == SEEN:
            continue
        with contextlib.suppress(RedisError):  # it has ended meanwhile
            match await redis.type(name):
                case b"stream":
                    length = await redis.xlen(name)
                case b"zset":
                    length = await redis.zcard(name)
                case b"list":
                    length = await redis.llen(name)
                case b"hash":
                    length = await redis.hlen(name)
                case _:
                    length = 1
            longest[kind] = max(longest[kind], int(length))
    return keys, longest


def _cpu(pid: int) -> float:
    """CPU seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _memory(pid: int) -> int:
    """Bytes of memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
