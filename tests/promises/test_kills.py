"""SIGKILL of any process at any moment, in the middle of conversations through both doors."""

import asyncio
import random
from pathlib import Path

from tests.core.world import all_claimed
from tests.promises.conftest import Promise
from tests.promises.people import OnTelegram, OnTheWeb, Somebody, crowd
from tests.promises.service import Killer, service

#: A finished conversation is erased after 20 quiet minutes: until then it is looked at again.
REMEMBERED = 600


async def test_kill_of_a_random_process_every_two_seconds(
    tmp_path: Path, full: bool, seed: int, promise: Promise
) -> None:
    conversations, at_once = (1_000, 40) if full else (60, 30)
    async with service(tmp_path) as running:
        killer = Killer(running, random.Random(seed))
        killing = asyncio.create_task(killer.run())
        try:
            people, claims, counsellors = await crowd(
                running, seed, conversations=conversations, at_once=at_once
            )
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
        await running.settled()
        twice = sum([await person.repeats() for person in people if isinstance(person, OnTelegram)])
        again = [
            person for person in people
            if asyncio.get_running_loop().time() - person.finished_at < REMEMBERED
            and not person.faults
        ]  # fmt: skip
        applied_twice = await _looked_at_again(again)
        dead = await running.world.dead_letters()
        left_waiting = [
            *await running.world.queue.waiting(),
            *await all_claimed(running.world.queue),
        ]
    note = f"{killer}; {running.engine}; seed {seed}"
    faults = [fault for person in people for fault in person.faults]
    trouble = [text for counsellor in counsellors for text in counsellor.failures]
    by_counsellors = sum(counsellor.acts for counsellor in counsellors)
    print(f"{killer}\n" + "\n".join([*faults, *applied_twice, *trouble, *dead]))
    askers = [person for person in people if person.handoff]
    held_twice = [handoff for handoff, holders in claims.items() if len(holders) != 1]
    figures = [
        ("P1/P3/P6", "killed: conversations answered in full and in order", conversations,
         sum(bool(person.faults) for person in people) + len(dead), note),
        ("P2", "killed: nothing done once more after the end",
         sum(person.acts for person in again), len(applied_twice),
         f"acts of {len(again)} conversations of the last {REMEMBERED // 60} minutes"),
        ("P2", "killed: replies shown again, at most what was in flight",
         sum(person.acts for person in people if isinstance(person, OnTelegram)),
         max(0, twice - killer.in_flight), f"{twice} shown again, {killer.in_flight} in flight"),
        ("P4", "killed: handoffs, none lost, none held twice", len(askers),
         len(held_twice) + len(trouble) + len(left_waiting) + abs(len(askers) - len(claims)),
         f"{by_counsellors} calls of the console by counsellors"),
    ]  # fmt: skip
    for figure in figures:
        promise(*figure)


async def _looked_at_again(people: list[Somebody]) -> list[str]:
    """Once nothing is on its way any more: has anything been done once more since?"""
    found = []
    for person in people:
        found += await person.check()
        if isinstance(person, OnTheWeb) and await person.repeats():
            found.append("a turn was done twice")
    return found
