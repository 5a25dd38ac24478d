"""Through the Telegram door: how many messages a second are answered, and how fast, in a crowd."""

import asyncio
import os
import time
from dataclasses import dataclass, field

from bench.answers import ACTS_EACH, KINDS
from bench.door import NoAnswerError, Person, meet
from bench.figures import Figure, percentiles, progress
from bench.machine import cpu_ms, cpu_ms_of
from bench.sides import Side


@dataclass
class Done:
    """What a crowd at one side got done in the measured time."""

    seconds: float = 0.0
    cpu: float = 0.0  # of the service, ms
    own_cpu: float = 0.0  # of the crowd and the pretended Telegram, ms
    waited: list[float] = field(default_factory=list)  # ms, for each answer
    fixed_menus: int = 0  # shown instead of an answer, because the engine was too slow
    lost: int = 0  # no answer at all

    def add(self, other: "Done") -> None:
        """Takes another round in."""
        self.seconds += other.seconds
        self.cpu += other.cpu
        self.own_cpu += other.own_cpu
        self.waited += other.waited
        self.fixed_menus += other.fixed_menus
        self.lost += other.lost

    def per_message(self, cpu: float) -> float:
        """CPU ms for each message that came to an end of any kind."""
        return cpu / max(1, len(self.waited) + self.fixed_menus)


async def crowded(
    ours: Side, peer: Side, *, people: int, seconds: float, rounds: int
) -> list[Figure]:
    """Many people at once, each acting again as soon as the answer is there."""
    figures = []
    for kind in KINDS:
        done = {ours.name: Done(), peer.name: Done()}
        for number in range(rounds):
            progress(f"{people} people at once, {kind}, round {number + 1} of {rounds}")
            for side in (ours, peer):
                done[side.name].add(await _Round(side, kind, people).run(seconds))
        figures += _figures(f"{people} people, {kind}", done[ours.name], done[peer.name])
    return figures


def _figures(what: str, ours: Done, peer: Done) -> list[Figure]:
    if not ours.waited or not peer.waited:
        raise RuntimeError(f"{what}: no answers to measure")
    tries = (len(ours.waited), len(peer.waited))

    def figure(name: str, unit: str, mine: float, theirs: float) -> Figure:
        return Figure(f"{what}: {name}", unit, mine, theirs, tries, unit == "msg/s")

    return [
        figure("answered", "msg/s", tries[0] / ours.seconds, tries[1] / peer.seconds),
        *percentiles(f"{what}: answer", "ms", ours.waited, peer.waited),
        figure("fixed menu shown instead", "msgs", ours.fixed_menus, peer.fixed_menus),
        figure("never answered", "msgs", ours.lost, peer.lost),
        figure("CPU of all processes", "ms/msg", ours.per_message(ours.cpu),
               peer.per_message(peer.cpu)),
        figure("CPU of the bench itself", "ms/msg", ours.per_message(ours.own_cpu),
               peer.per_message(peer.own_cpu)),
    ]  # fmt: skip


class _Round:
    """So many places, each taken by one person after another; once."""

    def __init__(self, side: Side, kind: str, people: int) -> None:
        self._side, self._kind = side, kind
        self._done = Done()
        self._seated = [asyncio.Event() for _ in range(people)]
        self._counting = self._over = False

    async def run(self, seconds: float) -> Done:
        """Counts for so long, from when everybody had a first answer."""
        done = self._done
        async with asyncio.TaskGroup() as group:
            for here in self._seated:
                group.create_task(self._place(here))
            for here in self._seated:
                await here.wait()
            pids = self._side.pids()
            began, cpu, own = time.perf_counter(), cpu_ms_of(pids), cpu_ms(os.getpid())
            self._counting = True
            await asyncio.sleep(seconds)
            self._counting, self._over = False, True
            done.seconds = time.perf_counter() - began
            done.cpu, done.own_cpu = cpu_ms_of(pids) - cpu, cpu_ms(os.getpid()) - own
        return done

    async def _place(self, here: asyncio.Event) -> None:
        acts = self._side.script.acts(self._kind)
        while not self._over:
            try:
                person = await meet(self._side.api, self._side.script)
                for number in range(ACTS_EACH):
                    await self._act(person, acts[number % len(acts)])
                    here.set()
                    if self._over:
                        return
            except NoAnswerError:
                self._done.lost += 1  # also one after the end: it was asked before
                here.set()

    async def _act(self, person: Person, what: str) -> None:
        menus = person.fixed_menus
        waited = await person.does(self._kind, what)
        if not self._counting:
            return
        if person.fixed_menus > menus:
            self._done.fixed_menus += 1
        else:
            self._done.waited.append(waited)
