"""Very many people who wait, written in one go; each as `Queue.request` would have left them."""

import random
import secrets
from dataclasses import dataclass

from bot.handoff.record import ANIMALS, Case
from bot.keys import KEEP
from bot.messages import Channel
from bot.safety.levels import Level
from bot.vault import seal
from tests.handoff.desk import Desk

LANGUAGES = ("en", "fr", "es", "pa", "ar")


@dataclass(frozen=True)
class Waits:
    """Somebody in the crowd."""

    id: str
    level: Level
    asked_at: float
    language: str
    left_by: str = ""
    left_at: float = 0.0

    @property
    def front(self) -> bool:
        return bool(self.left_at)

    @property
    def place(self) -> float:
        """As `score` in common.lua."""
        return self.level * 1e11 + self.asked_at - (1e10 if self.front else 0)


def crowd(count: int, now: float, chance: random.Random, back: tuple[str, ...] = ()) -> list[Waits]:
    """Of all levels, languages and ages up to 25 minutes; some were given back by one of `back`."""
    people = []
    for number in range(count):
        level = chance.choices(list(Level), weights=[1, 20, 40, 39])[0]
        one = Waits(
            f"{number:020x}", level, round(now - chance.uniform(0, 1_500), 3),
            chance.choice(LANGUAGES),
        )  # fmt: skip
        if back and chance.random() < 0.1:
            left = now - chance.uniform(0, 420)
            one = Waits(one.id, level, one.asked_at, one.language, chance.choice(back), left)
        people.append(one)
    return people


async def fill(desk: Desk, people: list[Waits]) -> None:
    """Lets them wait."""
    keys, vault = desk.keys, desk.vault
    for start in range(0, len(people), 500):
        async with desk.redis.pipeline(transaction=False) as pipe:
            for one in people[start : start + 500]:
                person = vault.person(Channel.WEBCHAT, one.id)
                context = keys.handoff_of(person)
                key, wrapped = vault.new_data_key(person)
                fields = {
                    "state": "waiting", "level": int(one.level), "rank": int(one.level),
                    "rules": "asked_for_person", "person": person, "channel": "webchat",
                    "language": one.language, "romanised": "0", "consent": "all",
                    "handle": f"{secrets.choice(ANIMALS)} {secrets.randbelow(990) + 10}",
                    "asked_at": f"{one.asked_at:.3f}", "front": "1" if one.front else "0",
                    "left_by": one.left_by, "left_at": f"{one.left_at:.3f}", "joined": 1,
                    "address": vault.seal_transit(b"", context),
                    "case": seal(key, Case(consent="all").to_json(), context),
                }  # fmt: skip
                pipe.hset(keys.handoff(one.id), mapping=fields)
                pipe.zadd(keys.queue(), {one.id: f"{one.place:.3f}"})
                pipe.set(context, one.id, ex=KEEP)
                pipe.set(keys.datakey(person), wrapped, ex=KEEP)
                pipe.expire(keys.handoff(one.id), KEEP)
            pipe.expire(keys.queue(), KEEP)
            await pipe.execute()
