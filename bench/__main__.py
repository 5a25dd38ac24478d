"""`python -m bench [--quick] [--only PART ...]`: runs the measurements and prints the tables."""

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import answers, crowd, engines, stock
from bench.door import NoAnswerError
from bench.figures import Figure, progress, table
from bench.machine import Machine
from bench.sides import Ours, OurStack, Peer, Side
from bench.wait import in_thread
from tests.journeys.stack import TOKEN
from tests.ports import free_port


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    starts: int
    rounds: int
    people: int
    seconds: float
    crowds: int
    marks: tuple[int, ...]


FULL = Size(3, 15, 50, 20.0, 3, (1, 50, 200, 1000))
QUICK = Size(1, 2, 20, 5.0, 1, (1, 20, 50))
PARTS = ("starts", "alone", "crowd", "turns")
NOTES = """\
Northlight: all its processes as shipped, through its engine, Redis and Telegram door.
stock Rasa: `rasa init` as it comes, `rest` channel, Redis tracker store, behind the smallest
python-telegram-bot program (64 updates at once, nothing stored, nothing repeated).
Answer: from the person's act at a pretended Telegram on this machine until the last message of
the answer arrived there; the peer answers with one. Both sides by turns, same Redis settings.
Our presses go once through the safety check (15 of 20 need the engine); typed texts all need it.
CPU: by the processes' own clocks, so it holds on a busy machine, where waiting times do not."""


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Side, Side]]:
    """Both services, running."""
    stack, peer = OurStack(_made(folder / "ours")), stock.Stock(_made(folder / "peer"))
    sides = Ours(stack), Peer(peer, free_port())
    try:
        async with sides[0].api.serving(sides[0].port), sides[1].api.serving(sides[1].port):
            try:
                progress("starting both services")
                await in_thread(stack.start)
                await in_thread(peer.start)
                peer.start_door(TOKEN, sides[1].api.base_url)
                for side in sides:
                    await side.ready()
                yield sides
            finally:
                # While their Telegram still answers, so that they end politely.
                await in_thread(stack.stop)
                await in_thread(peer.stop)
    finally:
        for side in sides:
            await side.close()


async def measure(size: Size, parts: list[str]) -> None:
    """Runs the parts and prints a table for each as soon as it is known."""
    # SIGTERM like Ctrl-C: ending the bench ends what it started.
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with tempfile.TemporaryDirectory(prefix="nl-bench-") as name:
        async with serving(Path(name)) as (ours, peer):
            runs: dict[str, tuple[str, Callable[[], Awaitable[list[Figure]]]]] = {
                "starts": ("Engine start and memory",
                           lambda: engines.starts(ours, peer, size.starts)),
                "alone": ("Telegram door, one person at a time",
                          lambda: answers.alone(ours, peer, size.rounds)),
                "crowd": ("Telegram door, many people at once",
                          lambda: crowd.crowded(ours, peer, people=size.people,
                                                  seconds=size.seconds, rounds=size.crowds)),
                "turns": ("Engine, cost of a turn as a conversation grows",
                          lambda: engines.turns(ours, peer, size.marks)),
            }  # fmt: skip
            for part in parts:
                title, run = runs[part]
                for side in (ours, peer):
                    await answers.warm_up(side)
                figures = await run()
                print(f"\n{table(f'{title} ({_load()})', figures)}", flush=True)
            print(f"\n{table('Memory at the end', engines.memory(ours, peer))}", flush=True)


def main() -> int:
    """Reads the options and runs."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer tries: some three minutes instead of half an hour",
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--people", type=int, help="how many make a crowd")
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    size = replace(size, people=asked.people or size.people)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    machine = Machine.now()  # before our own training is part of the load
    stock.prepare()
    print(f"Machine: {machine.described()}")
    if machine.busy:
        print("WARNING: others use this machine now: trust the CPU figures, not the times.")
    print(NOTES, flush=True)
    try:
        asyncio.run(measure(size, asked.only))
    except (AssertionError, RuntimeError, NoAnswerError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0


def _load() -> str:
    machine = Machine.now()
    return f"load afterwards {machine.load:.2f} on {machine.cores} cores"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
