"""Quiet conversations are announced once and then erased; whoever waits is left in peace."""

import pytest

from bot.conversation.core import GRACE, QUIET
from bot.keys import KEEP
from bot.messages import Channel, Kind
from tests.core.test_leaving import nothing_is_left_of
from tests.core.world import Someone, World, text_of


async def a_round(world: World, person: Someone, after: float) -> list[str]:
    """The janitor comes by after so many seconds; what the person is shown then."""
    world.clock.forward(after)
    await world.janitor().round()
    await person.answers()
    return [reply.text for reply in person.shown]


async def test_quiet_is_told_once_and_then_erased(world: World) -> None:
    person = world.someone()
    await person.presses("lang:fr", "do:start_check")
    assert await a_round(world, person, QUIET - 1) == []
    assert await a_round(world, person, 2) == [text_of("quiet_warning", "fr", minutes=5)]
    for _ in range(3):
        assert await a_round(world, person, GRACE / 4) == []
    assert await a_round(world, person, GRACE / 4) == [text_of("left", "fr")]
    assert person.shown[0].erase
    assert await nothing_is_left_of(person)
    for _ in range(3):
        assert await a_round(world, person, QUIET) == []


async def test_a_word_after_the_warning_keeps_the_chat(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:start_check")
    await a_round(world, person, QUIET + 1)
    await person.presses("do:stay")
    assert person.was_asked("safe_now")
    assert await a_round(world, person, QUIET - 60) == []
    assert await a_round(world, person, 120) == [text_of("quiet_warning", minutes=5)]


async def test_someone_who_waits_is_never_erased_or_bothered(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all")
    for _ in range(20):
        assert await a_round(world, person, QUIET + GRACE) == []
    assert await person.handoff() is not None
    assert (await person.session()).answers == {"consent": "all"}


async def a_silence(world: World, person: Someone) -> list[tuple[float, str]]:
    """A little over two days without a word, and the janitor at work: what is shown, and when."""
    told, began = [], world.clock()
    for minutes in [90] * 31 + [2] * 50:
        await world.later(minutes * 60)
        await world.janitor().round()
        await person.answers()
        told += [(world.clock() - began, reply.text) for reply in person.shown]
    return told


@pytest.mark.parametrize("channel", list(Channel))
async def test_a_place_is_kept_for_two_days_and_then_all_is_erased(
    world: World, channel: Channel
) -> None:
    person = world.someone("ana", channel)
    await person.presses("lang:en", "do:person", "answer:consent:all")
    await world.later(KEEP - 3_600)
    await world.janitor().round()
    await person.says("I am still here", after=0)
    told = await a_silence(world, person)
    expected = ["handoff_cancelled", "quiet_warning", "left"]
    assert [text for _, text in told] == [text_of(key, minutes=5) for key in expected]
    assert KEEP - 2_400 < told[0][0] < KEEP - 1_200
    assert told[-1][0] < KEEP, "Telegram lets nobody delete what is older"
    assert await nothing_is_left_of(person)


async def test_who_must_not_be_written_to_loses_the_place_and_all_else_without_a_word(
    world: World,
) -> None:
    person = world.someone("ana", Channel.TELEGRAM)
    await person.presses(
        "lang:en", "do:person", "answer:consent:all", "answer:safe_contact:only_me"
    )
    told = await a_silence(world, person)
    assert [text for _, text in told] == [""]
    assert told[0][0] < KEEP
    assert await nothing_is_left_of(person)


async def test_what_a_counsellor_says_late_keeps_what_is_known_of_the_person(world: World) -> None:
    """Else nobody would know when they may be written to."""
    person = world.someone()
    await person.presses(
        "lang:en", "do:person", "answer:consent:all", "answer:safe_contact:only_me"
    )
    await world.later(KEEP - 7_200)
    claimed = await person.is_claimed()
    await world.later(KEEP - 7_200)
    await world.on_shift()
    await world.queue.say(claimed.id, "bea", "hello")
    await world.later(7_300)
    assert (await person.session()).answers["safe_contact"] == "only_me"


async def test_someone_with_a_counsellor_is_never_erased(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all")
    claimed = await person.is_claimed()
    for _ in range(5):
        world.clock.forward(QUIET)
        await world.on_shift()
        await world.queue.heartbeat("bea")
        await world.janitor().round()
        assert await person.answers() == []
    found = await person.handoff()
    assert found is not None
    assert found.id == claimed.id
    assert found.with_counsellor


async def test_who_must_not_be_written_to_is_erased_without_a_word(world: World) -> None:
    person = world.someone("ana", Channel.TELEGRAM)
    await person.presses("lang:en", "do:start_check", "answer:safe_contact:only_me")
    assert await a_round(world, person, QUIET + 1) == []
    await person.presses("do:resume_check")
    assert await a_round(world, person, QUIET + 1) == []
    assert await a_round(world, person, GRACE + 1) == [""]
    assert person.shown[0].erase
    assert await nothing_is_left_of(person)


async def test_many_rounds_in_one_minute_warn_once(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    first = await a_round(world, person, QUIET + 1)
    again = [await a_round(world, person, 2) for _ in range(30)]
    assert first == [text_of("quiet_warning", minutes=5)]
    assert again == [[]] * 30


async def test_two_janitors_are_no_worse_than_one(idle_world: World) -> None:
    person = idle_world.someone()
    async with idle_world.working():
        await person.presses("lang:en")
    idle_world.clock.forward(QUIET + 1)
    for _ in range(2):
        await idle_world.janitor().round()
    async with idle_world.working():
        assert [reply.text for reply in await person.answers()] == [
            text_of("quiet_warning", minutes=5)
        ]


async def test_the_janitor_writes_to_the_address_of_the_person(world: World) -> None:
    person = world.someone("ana", Channel.TELEGRAM)
    await person.presses("lang:en")
    await a_round(world, person, QUIET + 1)
    stream = world.outbox.stream(person.to)
    rows = await world.redis.xrange(stream)
    assert world.outbox.read(stream, rows[-1][1])[0] == person.to


@pytest.mark.parametrize("channel", list(Channel))
async def test_someone_who_left_meanwhile_is_not_written_to_again(
    world: World, channel: Channel
) -> None:
    """Left, while the janitor's "it has been quiet" was still on its way."""
    person = world.someone("ana", channel)
    await person.presses("lang:en")
    await person.presses("do:leave")
    await person.sends(Kind.IDLE)
    assert [reply.text for reply in person.shown if reply.text] == []
    assert await nothing_is_left_of(person)


async def test_a_counsellor_who_vanished_gives_the_person_back_to_the_front(
    world: World,
) -> None:
    ana, bo = world.someone("ana"), world.someone("bo")
    for person in (ana, bo):
        await person.presses("lang:en", "do:person", "answer:consent:nothing")
    await ana.is_claimed()
    assert await a_round(world, ana, 25) == []
    assert await a_round(world, ana, 10) == [text_of("counsellor_away")]
    assert [waits.person for waits in await world.queue.waiting()] == [ana.id, bo.id]
    await ana.says("are you there?")
    assert ana.was_told("engine_away"), "the assistant speaks again"


async def test_what_the_janitor_said_before_an_outage_bothers_nobody_after_it(
    idle_world: World,
) -> None:
    person = idle_world.someone()
    async with idle_world.working():
        await person.presses("lang:en")
    idle_world.clock.forward(QUIET + 1)
    await idle_world.janitor().round()  # and only now do the workers come back
    await idle_world.accept(person.inbound(text="I am still here"))
    await idle_world.accept(person.inbound(Kind.IDLE))
    async with idle_world.working():
        shown = [reply.text for reply in await person.answers()]
    assert shown.count(text_of("quiet_warning", minutes=5)) == 1
    assert shown[-1] == text_of("engine_away"), "what the person wrote is what counts"


async def test_a_clock_that_was_set_back_keeps_nobody_for_longer(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:start_check")
    world.clock.forward(-86_400)
    assert await a_round(world, person, 0) == []
    assert await a_round(world, person, QUIET + 1) == [text_of("quiet_warning", minutes=5)]
    assert await a_round(world, person, GRACE + 1) == [text_of("left")]
    assert await nothing_is_left_of(person)
