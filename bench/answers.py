"""Through the Telegram door: how long somebody waits for an answer who is there alone."""

import asyncio

from bench.door import meet
from bench.figures import Figure, percentiles, progress
from bench.sides import Side

NAMES = {"button": "button", "typed": "typed message"}
KINDS = tuple(NAMES)
#: What one person does before somebody new takes the place; more than 30 messages a minute of one
#: person would get a "please wait" from us, which costs less than an answer.
ACTS_EACH = 20
#: Between the acts of somebody alone, so that what was begun before is over, seconds.
PAUSE = 0.05


async def warm_up(side: Side) -> None:
    """One conversation of each kind that is not counted."""
    for kind in KINDS:
        await _conversation(side, kind)


async def alone(ours: Side, peer: Side, rounds: int) -> list[Figure]:
    """Time to the complete answer of one person at a time, the sides in turns."""
    waited: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        progress(f"time to answer, round {number + 1} of {rounds}")
        for side in (ours, peer):
            for kind in KINDS:
                waited.setdefault((side.name, kind), []).extend(await _conversation(side, kind))
    figures = []
    for kind in KINDS:
        mine, theirs = waited[ours.name, kind], waited[peer.name, kind]
        figures += percentiles(f"answer to a {NAMES[kind]}", "ms", mine, theirs)
    return figures


async def _conversation(side: Side, kind: str) -> list[float]:
    person = await meet(side.api, side.script)
    acts = side.script.acts(kind)
    waited = []
    for number in range(ACTS_EACH):
        await asyncio.sleep(PAUSE)
        waited.append(await person.does(kind, acts[number % len(acts)]))
    return waited
