"""Messages nobody asked for come at the times the person chose, or when they are just there."""

from datetime import UTC, datetime

import pytest

from bot.dialogue.check import QUESTIONS
from bot.directory.regions import REGIONS
from bot.handlers.case import _ANYWHERE
from bot.handoff.contact import STILL_HERE, welcome
from bot.handoff.lapses import ENDING
from bot.handoff.record import Handoff, Level
from bot.handoff.telling import PROMISES, worded
from bot.keys import KEEP
from tests.handoff.desk import Desk, words
from tests.handoff.test_transfer import told

TORONTO = ("America/Toronto",)


def at(hour: int, minute: int = 0) -> float:
    """A time in UTC on a winter's day: Toronto is five hours earlier, Vancouver eight."""
    return datetime(2026, 11, 21, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("choice", "zones", "hour", "may"),
    [
        ("only_me", TORONTO, 17, False),
        ("any", TORONTO, 8, True),
        ("", (), 8, True),
        ("skipped", (), 8, True),
        ("daytime", TORONTO, 12, False),
        ("daytime", TORONTO, 13, True),
        ("daytime", TORONTO, 22, True),
        ("daytime", TORONTO, 23, False),
        ("evening", TORONTO, 22, False),
        ("evening", TORONTO, 23, True),
        ("evening", TORONTO, 3, True),
        ("evening", TORONTO, 4, False),
        ("daytime", ("America/Vancouver",), 15, False),
        ("daytime", ("America/Vancouver",), 16, True),
        ("daytime", (), 15, False),
    ],
)
def test_the_hour_is_the_persons_own(
    choice: str, zones: tuple[str, ...], hour: int, may: bool
) -> None:
    assert welcome(choice, zones, at(hour)) is may


@pytest.mark.parametrize("choice", ["daytime", "evening"])
def test_with_no_region_known_the_hour_must_be_right_everywhere(choice: str) -> None:
    allowed = 0
    for minute in range(0, 24 * 60, 15):
        when = at(0) + minute * 60
        everywhere = [welcome(choice, (zone,), when) for zone in REGIONS.values()]
        assert welcome(choice, _ANYWHERE, when) is all(everywhere)
        allowed += all(everywhere)
    assert allowed >= 2, "there is a time each day, or nobody would ever be told"


async def asks(desk: Desk, choice: str, level: Level = Level.ORANGE) -> Handoff:
    """It is 2 in the morning in Toronto, and somebody asks."""
    desk.clock.now = at(7)
    await desk.on_shift("ana", "ben", capacity=9)
    return await desk.asks("p", level, safe_contact=choice, zones=TORONTO)


async def quiet_for(desk: Desk, seconds: float = STILL_HERE + 1) -> None:
    desk.clock.forward(seconds)
    await desk.on_shift("ana", "ben", capacity=9)


@pytest.mark.parametrize("choice", ["only_me", "daytime", "evening"])
async def test_at_the_wrong_time_nothing_is_said_and_the_claim_holds(
    desk: Desk, choice: str
) -> None:
    asked = await asks(desk, choice)
    await quiet_for(desk)
    claimed = await desk.queue.claim(asked.id, "ana")
    assert claimed.claimed_by == "ana"
    await desk.queue.lapses.run(desk.clock())
    assert await told(desk) == []
    await desk.queue.release(asked.id, "ana")
    await desk.queue.claim(asked.id, "ben")
    await desk.queue.end(asked.id, "ben")
    assert await told(desk) == []


@pytest.mark.parametrize("choice", ["any", "skipped", ""])
async def test_whoever_set_no_time_is_told_at_once(desk: Desk, choice: str) -> None:
    asked = await asks(desk, choice)
    await quiet_for(desk)
    await desk.queue.claim(asked.id, "ana")
    assert await told(desk) == ["Ana"]


async def test_who_has_just_written_is_there_and_told_at_once(desk: Desk) -> None:
    asked = await asks(desk, "only_me")
    await quiet_for(desk, STILL_HERE - 1)
    await desk.queue.claim(asked.id, "ana")
    assert await told(desk) == ["Ana"]
    await quiet_for(desk)
    await desk.run(desk.queue.heard_ops(asked))
    await desk.queue.release(asked.id, "ana")
    assert await told(desk) == ["Ana", "away"]


@pytest.mark.parametrize("key", sorted(PROMISES | {"counsellor_here", "handoff_nobody"}))
@pytest.mark.parametrize("choice", [*QUESTIONS["safe_contact"], ""])
def test_behind_a_promise_to_write_who_set_times_is_told_to_look(choice: str, key: str) -> None:
    expects_it = key in PROMISES and choice in ("only_me", "daytime", "evening")
    for code in words().codes():
        plain, again = words().reply(key, code), words().reply("line_look_again", code)
        said = worded(words(), key, code, choice)
        assert said.text == plain.text + (f"\n\n{again.text}" if expects_it else "")
        assert (said.buttons, said.passable, said.language) == (plain.buttons, False, code)


@pytest.mark.parametrize("choice", QUESTIONS["safe_contact"])
async def test_of_a_break_they_are_told_so_too(desk: Desk, choice: str) -> None:
    """Told at once to who is there; to the others when their hour comes, but to some never."""
    away = worded(words(), "counsellor_away", "en", choice).text
    asked = await asks(desk, choice)
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.release(asked.id, "ana")
    assert (await desk.shown("p"))[-1].text == away
    await quiet_for(desk)
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.release(asked.id, "ana")
    desk.clock.now = at(13) if choice == "daytime" else at(23)  # at 8 and at 18 in Toronto
    await desk.queue.lapses.run(desk.clock())
    told_again = [reply.text for reply in await desk.shown("p")].count(away)
    assert told_again == (1 if choice == "only_me" else 2)


async def test_red_is_no_exception(desk: Desk) -> None:
    asked = await asks(desk, "only_me", Level.RED)
    await quiet_for(desk)
    await desk.queue.claim(asked.id, "ana")
    assert await told(desk) == []
    await desk.run(desk.queue.heard_ops(asked))
    await desk.queue.release(asked.id, "ana")
    assert await told(desk) == ["away"], "they write: they are there"


async def test_what_was_kept_is_told_when_the_hour_comes_once(desk: Desk) -> None:
    asked = await asks(desk, "daytime")
    await quiet_for(desk)
    await desk.queue.claim(asked.id, "ana")
    desk.clock.now = at(13, 1)
    await desk.on_shift("ana", capacity=9)
    await desk.queue.heartbeat("ana")
    for _ in range(3):
        await desk.queue.lapses.run(desk.clock())
        assert await told(desk) == ["Ana"]


async def test_of_several_things_kept_the_newest_is_told(desk: Desk) -> None:
    asked = await asks(desk, "daytime")
    await quiet_for(desk)
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.release(asked.id, "ana")
    await desk.queue.claim(asked.id, "ben")
    desk.clock.now = at(14)
    await desk.on_shift("ben", capacity=9)
    await desk.queue.heartbeat("ben")
    await desk.queue.lapses.run(desk.clock())
    assert await told(desk) == ["Ben"]


async def test_a_counsellor_who_writes_all_the_same_is_introduced_first(desk: Desk) -> None:
    asked = await asks(desk, "only_me")
    await quiet_for(desk)
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.say(asked.id, "ana", "Hello.")
    await desk.queue.say(asked.id, "ana", "Are you there?")
    assert await told(desk) == ["Ana"]
    assert [reply.text for reply in await desk.shown("p")][1:] == ["Hello.", "Are you there?"]


async def test_only_who_was_told_that_a_person_writes_hears_just_the_next_name(
    desk: Desk,
) -> None:
    asked = await asks(desk, "only_me")
    await quiet_for(desk)
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.release(asked.id, "ana")
    assert await told(desk) == [], "it was kept, and is not known to them"
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.say(asked.id, "ana", "Hello.")
    assert await told(desk) == ["Ana"]
    await desk.run(desk.queue.heard_ops(asked))
    await desk.queue.release(asked.id, "ana")
    await desk.queue.claim(asked.id, "ben")
    assert await told(desk) == ["Ana", "away", "Ben now"]


async def test_a_damaged_case_holds_nothing_up_and_allows_nothing(desk: Desk) -> None:
    asked = await asks(desk, "any")
    await desk.redis.hset(desk.keys.handoff(asked.id), "case", b"nonsense")
    await quiet_for(desk)
    assert (await desk.queue.claim(asked.id, "ana")).claimed_by == "ana"
    await desk.queue.lapses.run(desk.clock())
    assert await told(desk) == []


# -- the end of a place ------------------------------------------------------------------------


async def ends_in(desk: Desk, asked: Handoff, seconds: int) -> None:
    for key in (desk.keys.handoff(asked.id), desk.keys.handoff_of(asked.person)):
        await desk.redis.expire(key, seconds)


async def test_before_a_place_ends_by_itself_its_person_is_told(desk: Desk) -> None:
    asked, other = await asks(desk, "any"), await desk.asks("q")
    await ends_in(desk, asked, ENDING + 60)
    await desk.queue.lapses.run(desk.clock())
    assert await told(desk) == []
    await ends_in(desk, asked, ENDING - 60)
    await quiet_for(desk)
    for _ in range(2):
        await desk.queue.lapses.run(desk.clock())
        assert await told(desk) == ["cancelled"]
    assert [one.id for one in await desk.queue.waiting()] == [other.id]
    assert await desk.queue.current(asked.person) is None
    assert not any(asked.id in name for name in await desk.names())


async def test_who_must_not_be_written_to_loses_the_place_without_a_word(desk: Desk) -> None:
    asked = await asks(desk, "only_me")
    await ends_in(desk, asked, ENDING - 60)
    await quiet_for(desk)
    await desk.queue.lapses.run(desk.clock())
    assert await told(desk) == []
    assert await desk.queue.current(asked.person) is None


async def test_a_talk_nobody_goes_on_with_ends_with_a_word(desk: Desk) -> None:
    asked = await asks(desk, "any")
    await desk.queue.claim(asked.id, "ana")
    await ends_in(desk, asked, ENDING - 60)
    await desk.queue.lapses.run(desk.clock())
    assert await told(desk) == ["Ana", "ended"]
    assert await desk.redis.zcard(desk.keys.leases()) == 0


async def test_the_line_itself_lives_as_long_as_somebody_waits(desk: Desk) -> None:
    """It used to end two days after the last request, whoever had written since."""
    asked = await asks(desk, "any")
    await desk.redis.expire(desk.keys.queue(), 60)
    await desk.run(desk.queue.heard_ops(asked))
    assert await desk.redis.ttl(desk.keys.queue()) > KEEP - 60
    await desk.redis.expire(desk.keys.queue(), 60)
    await desk.queue.lapses.run(desk.clock())
    assert await desk.redis.ttl(desk.keys.queue()) > KEEP - 60


async def test_a_claim_late_in_a_wait_keeps_everything_together(desk: Desk) -> None:
    asked = await asks(desk, "any")
    names = [
        desk.keys.handoff(asked.id), desk.keys.handoff_of(asked.person),
        desk.keys.datakey(asked.person),
    ]  # fmt: skip
    for name in names:
        await desk.redis.expire(name, 1_000)
    await desk.queue.claim(asked.id, "ana")
    assert [await desk.redis.ttl(name) > KEEP - 60 for name in names] == [True] * 3


async def test_closing_an_old_talk_leaves_the_newer_request_its_time(desk: Desk) -> None:
    first = await asks(desk, "any")
    await desk.queue.claim(first.id, "ana")
    await desk.queue.end(first.id, "ana")
    second = await desk.asks("p")
    assert second.id != first.id
    await desk.queue.end(first.id, "ana", "helped")
    assert await desk.redis.ttl(desk.keys.handoff_of(second.person)) > KEEP - 60


async def test_a_sign_of_life_and_the_janitor_at_once_keep_a_counsellor_on_shift(
    desk: Desk,
) -> None:
    await desk.on_shift("ana", "ben")
    desk.clock.forward(31)
    await desk.queue.heartbeat("ana")
    assert await desk.queue.presence.drop_stale(desk.clock()) == ["ben"]
    assert await desk.queue.presence.on_shift() == ["ana"]
