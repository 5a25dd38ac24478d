"""Ten thousand wait: who is taken, what is counted and what is shown is what it was for ten."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.handoff import lapses, ledger
from bot.handoff.order import LANGUAGE_FIRST, in_order
from bot.handoff.record import InLine
from bot.safety.levels import Level
from tests.handoff.desk import Desk
from tests.handoff.many import Waits, crowd, fill

NOW = 1_760_000_000.0


def sorted_for(
    who: str, languages: Collection[str] | None, people: list[Waits], now: float
) -> list[str]:
    """The order of take_next as one sort over everybody: what `in_order` must come to."""

    def place(one: Waits) -> tuple[bool, int, bool, bool]:
        red = one.level is Level.RED
        left = one.left_by == who and one.left_at > now - LANGUAGE_FIRST
        known = languages is None or one.language in ("", *languages)
        suits = red or known or one.asked_at <= now - LANGUAGE_FIRST
        return left and not red, one.level, left, not suits

    return [one.id for one in sorted(sorted(people, key=by_place), key=place)]


def by_place(one: Waits) -> tuple[float, str]:
    return one.place, one.id


async def lined_up(people: list[Waits]) -> AsyncIterator[InLine]:
    for one in sorted(people, key=by_place):
        yield InLine(one.id, one.level, one.asked_at, one.language, one.left_by, one.left_at)


ages = st.sampled_from([0.0, 10.0, 209.0, 210.0, 211.0, 500.0, 2_000.0])
somebody = st.tuples(
    st.sampled_from(list(Level)), ages, st.sampled_from(["en", "fr", "ar", ""]),
    st.sampled_from(["", "", "ana", "ben"]), ages,
)  # fmt: skip


@given(st.lists(somebody, max_size=25), st.sampled_from([("en",), ("en", "fr"), (), None]))
async def test_the_line_read_from_its_head_gives_the_order_of_one_sort(
    drawn: list[tuple[Level, float, str, str, float]], languages: tuple[str, ...] | None
) -> None:
    people = [
        Waits(f"{number:020x}", level, NOW - age, language, left, NOW - back if left else 0.0)
        for number, (level, age, language, left, back) in enumerate(drawn)
    ]
    found = [one async for one in in_order(lined_up(people), "ana", languages, NOW)]
    assert found == sorted_for("ana", languages, people, NOW)


@pytest.mark.parametrize("part", [1, 3, 50])
async def test_the_line_is_whole_however_it_is_read(
    desk: Desk, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "PAGE", part)
    chance = random.Random(part)
    people = crowd(30, NOW, chance, ("ana", "ben"))
    # Ten who asked in the same moment, more than a part holds.
    people += [Waits(f"{number:020x}", Level.YELLOW, NOW, "fr") for number in range(90, 100)]
    await fill(desk, people)
    read = [one.id async for one in desk.queue.in_line()]
    assert read == [one.id for one in sorted(people, key=by_place)]


async def test_of_ten_thousand_the_right_one_is_taken_and_little_is_read(desk: Desk) -> None:
    chance = random.Random(5)
    desk.clock.now = NOW
    people = crowd(10_000, NOW, chance, ("ana", "ben"))
    await fill(desk, people)
    await desk.on_shift("ana", "ben", capacity=50)
    left = {one.id: one for one in people}
    for _ in range(12):
        who, languages = chance.choice(["ana", "ben"]), chance.choice([("en",), ("fr", "pa")])
        taken = await desk.queue.take_next(who, languages)
        assert taken is not None
        assert taken.id == sorted_for(who, languages, list(left.values()), NOW)[0]
        del left[taken.id]
    await desk.queue.service.set_surge(True)
    taken = await desk.queue.take_next("ana", ("en",))
    assert taken is not None
    assert taken.id == sorted_for("ana", None, list(left.values()), NOW)[0]
    del left[taken.id]

    # What the strip counts, and what a window shows.
    tallies = await desk.queue.tallies(NOW - 60)
    for tally in tallies:
        level = [one for one in left.values() if one.level is tally.level]
        assert tally.waiting == len(level)
        assert tally.since == pytest.approx(min(one.asked_at for one in level), abs=0.001)
        assert tally.late == sum(NOW - one.asked_at >= 60 for one in level)
    line = [one.id for one in sorted(left.values(), key=by_place)]
    for start in (0, 50, 9_950):
        window = await desk.queue.waiting(start, 50)
        assert [one.id for one in window] == line[start : start + 50]
    assert Counter(one.by for one in await desk.queue.held()).total() == 13

    # Half an hour later everybody GREEN or YELLOW has risen, a part of the queue in each round.
    desk.clock.forward(1_800)
    for _ in range(len(line) // lapses.LOOKED_AT + 1):
        await desk.redis.hset(desk.keys.shift(), mapping={"ana": NOW + 1_800, "ben": NOW + 1_800})
        await desk.queue.heartbeat("ana")
        await desk.queue.heartbeat("ben")
        await desk.queue.lapses.run(desk.clock())
    by_level = {tally.level: tally.waiting for tally in await desk.queue.tallies(0)}
    before = Counter(one.level for one in left.values())
    assert by_level[Level.RED] == before[Level.RED]
    assert by_level[Level.GREEN] == 0
    assert sum(by_level.values()) == len(left)


async def test_a_counsellor_holds_what_the_leases_say_whatever_the_set_has(desk: Desk) -> None:
    await desk.on_shift("ana", "ben", capacity=1)
    asked = await desk.asks("p")
    await desk.queue.claim(asked.id, "ana")
    taken = desk.keys.taken("ana")
    await desk.redis.sadd(taken, "0" * 20)  # of a claim that is over
    await desk.queue.heartbeat("ana")
    assert await desk.redis.smembers(taken) == {asked.id.encode()}
    await desk.queue.release(asked.id, "ana")
    assert await desk.redis.exists(taken) == 0
    await desk.queue.claim(asked.id, "ben")
    await desk.queue.transfers.offer(asked.id, "ben", "ana", "note")
    await desk.queue.transfers.accept(asked.id, "ana")
    assert await desk.redis.exists(desk.keys.taken("ben")) == 0
    assert await desk.redis.smembers(taken) == {asked.id.encode()}
