"""The engine alone: how fast it starts, what memory it takes, what a turn costs as talks grow."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, median

from bench.answers import KINDS
from bench.door import meet
from bench.figures import Figure, progress
from bench.machine import cpu_ms_of, rss_mb
from bench.sides import Side
from bench.wait import in_thread

#: So many turns of a kind are measured at each length of the conversation.
WINDOW = 10


async def starts(ours: Side, peer: Side, times: int) -> list[Figure]:
    """From start to ready: seconds, CPU, memory; and the wait of the first who types then."""
    found: dict[str, list[_Start]] = {ours.name: [], peer.name: []}
    for number in range(times):
        for side in (ours, peer):
            progress(f"{side.name}: engine start {number + 1} of {times}")
            found[side.name].append(await _start(side))

    def figure(what: str, unit: str, read: Callable[[_Start], float]) -> Figure:
        mine, theirs = ([read(start) for start in found[side.name]] for side in (ours, peer))
        return Figure(f"{what} (median)", unit, median(mine), median(theirs), (times, times))

    return [
        figure("start to ready", "s", lambda start: start.seconds),
        figure("CPU until ready", "s", lambda start: start.cpu),
        figure("first typed message answered", "ms", lambda start: start.first),
        figure("memory after that", "MB", lambda start: start.memory),
    ]


@dataclass(frozen=True)
class _Start:
    seconds: float
    cpu: float  # seconds
    first: float  # ms
    memory: float  # MB


async def _start(side: Side) -> _Start:
    seconds = await in_thread(side.restart_engine)
    cpu = cpu_ms_of([side.engine()]) / 1000
    person = await meet(side.api, side.script)
    first = await person.does("typed", side.script.texts[0])
    return _Start(seconds, cpu, first, rss_mb(side.engine()))


def memory(ours: Side, peer: Side) -> list[Figure]:
    """Memory now, after the conversations of this run."""
    return [
        Figure("engine: memory after this run", "MB", rss_mb(ours.engine()),
               rss_mb(peer.engine()), (1, 1)),
        Figure("all processes: memory after this run", "MB", sum(map(rss_mb, ours.pids())),
               sum(map(rss_mb, peer.pids())), (1, 1)),
    ]  # fmt: skip


async def turns(ours: Side, peer: Side, marks: tuple[int, ...]) -> list[Figure]:
    """Wall and CPU time of a turn at these lengths of one conversation, engine and its Redis.

    Raises RuntimeError when an engine gives no answer.
    """
    figures = []
    talks = {side.name: _Talk(side) for side in (ours, peer)}
    for mark in marks:
        found = {side.name: await talks[side.name].at(mark) for side in (ours, peer)}
        for kind in KINDS:
            mine, theirs = found[ours.name][kind], found[peer.name][kind]
            tries = (WINDOW, WINDOW)
            what = f"turn {mark}, {kind}"
            figures += [
                Figure(f"{what}: wall (median)", "ms", mine[0], theirs[0], tries),
                Figure(f"{what}: CPU (mean)", "ms", mine[1], theirs[1], tries),
            ]
    return figures


class _Talk:
    """One conversation with one engine, that gets longer and longer."""

    def __init__(self, side: Side) -> None:
        self._side, self._sender, self._length = side, _sender(), 0

    async def at(self, mark: int) -> dict[str, tuple[float, float]]:
        """Wall (median) and CPU (mean), ms, of the turns from `mark` on, for each kind.

        The first turn of a conversation is measured in as many new ones.
        """
        if mark == 1:
            return {kind: await self._first(kind) for kind in KINDS}
        while self._length < mark - 1:
            if self._length % 100 == 0:
                progress(f"{self._side.name}: one conversation, turn {self._length} to {mark}")
            await self._turn(self._sender, "button")
        return {kind: await self._window(kind) for kind in KINDS}

    async def _first(self, kind: str) -> tuple[float, float]:
        return await self._measure([_sender() for _ in range(WINDOW)], kind)

    async def _window(self, kind: str) -> tuple[float, float]:
        return await self._measure([self._sender] * WINDOW, kind)

    async def _measure(self, senders: list[str], kind: str) -> tuple[float, float]:
        pids = [self._side.engine(), self._side.store()]
        wall, cpu = [], []
        for sender in senders:
            used, began = cpu_ms_of(pids), time.perf_counter()
            await self._turn(sender, kind)
            wall.append((time.perf_counter() - began) * 1000)
            cpu.append(cpu_ms_of(pids) - used)
        return median(wall), fmean(cpu)

    async def _turn(self, sender: str, kind: str) -> None:
        number = 0
        if sender == self._sender:
            number, self._length = self._length, self._length + 1
        await self._side.turn(sender, kind, number)


def _sender() -> str:
    return secrets.token_hex(20)
