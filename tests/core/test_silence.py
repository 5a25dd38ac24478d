"""Silent in a talk: asked, told, then closed; RED never, and nothing is said at a bad hour."""

import pytest

from bot.conversation.session import GRACE, QUIET
from bot.errors import SessionEnded
from bot.handoff import silence
from bot.handoff.record import Handoff
from bot.messages import Channel, Inbound, Kind
from bot.safety.levels import Level
from tests.core.test_code_word import with_words
from tests.core.test_leaving import nothing_is_left_of
from tests.core.world import LANGUAGES, Someone, World, all_claimed, text_of

ASKED, WARNED = text_of("talk_still_there"), text_of("quiet_warning", minutes=5)
ERASED = "everything before is erased: "
OVER = ERASED + text_of("talk_over_quiet")


async def talking(world: World, *before: str, channel: Channel = Channel.WEBCHAT) -> Someone:
    """Somebody with a counsellor who has just written to them."""
    person = world.someone("ana", channel)
    await person.presses("lang:en", *before, "do:person", "answer:consent:all")
    claimed = await person.is_claimed()
    await person.says("hello?")
    await world.queue.say(claimed.id, "bea", "What do you need?")
    await person.answers()
    return person


async def passes(world: World, person: Someone, seconds: float, step: float = 30) -> list[str]:
    """Time goes by, the janitor and the counsellor's page live on. What is shown meanwhile."""
    shown: list[str] = []
    end = world.clock() + seconds
    while world.clock() < end:
        world.clock.forward(min(step, end - world.clock()))
        await world.on_shift()
        await world.queue.heartbeat("bea")
        await world.janitor().round()
        replies = await person.answers()
        shown += [f"{ERASED if reply.erase else ''}{reply.text}" for reply in replies]
    return shown


async def the(person: Someone) -> Handoff:
    found = await person.handoff()
    assert found is not None
    return found


def test_a_talk_may_be_quiet_exactly_as_long_as_any_other_chat() -> None:
    assert silence.ASK_AFTER + 2 * silence.PAUSE == QUIET + GRACE


@pytest.mark.parametrize("channel", list(Channel))
async def test_asked_told_closed_and_erased(world: World, channel: Channel) -> None:
    person = await talking(world, channel=channel)
    assert await passes(world, person, silence.ASK_AFTER - 30) == []
    assert await passes(world, person, 60) == [ASKED]
    assert silence.asked(await the(person))
    assert await passes(world, person, silence.PAUSE - 60) == []
    assert await passes(world, person, 60) == [WARNED]
    assert silence.warned(await the(person))
    assert await passes(world, person, silence.PAUSE - 60) == []
    assert await passes(world, person, 60) == [OVER]
    assert await nothing_is_left_of(person)
    assert await all_claimed(world.queue) == [], "the counsellor's place is free"
    counted = await world.redis.hgetall(world.keys.counts("2026-11"))
    assert (counted[b"end:silence"], counted.get(b"end:left_talk")) == (b"1", None)
    assert await passes(world, person, 4 * QUIET, 300) == []


async def test_the_counsellor_sees_what_was_asked_in_the_talk(world: World) -> None:
    person = await talking(world)
    await passes(world, person, silence.ASK_AFTER + 30)
    lines = await world.queue.transcript.read(await the(person))
    assert [(line.who, line.text) for line in lines][-2:] == [
        ("counsellor", "What do you need?"), ("card", ASKED),
    ]  # fmt: skip


@pytest.mark.parametrize("after", [silence.ASK_AFTER + 60, silence.ASK_AFTER + silence.PAUSE + 90])
async def test_a_word_from_the_person_ends_the_silence(world: World, after: float) -> None:
    person = await talking(world)
    await passes(world, person, after)
    await person.says("I am here")
    assert not silence.since(await the(person))
    assert await passes(world, person, 3_600, 300) == [], "it is the counsellor's turn now"
    await world.queue.say((await the(person)).id, "bea", "Good.")
    await person.answers()
    assert await passes(world, person, silence.ASK_AFTER + 60) == [ASKED]


async def test_a_word_from_the_counsellor_gives_the_person_time_again(world: World) -> None:
    person = await talking(world)
    assert await passes(world, person, silence.ASK_AFTER + silence.PAUSE + 90) == [ASKED, WARNED]
    await world.queue.say((await the(person)).id, "bea", "I am still here.")
    await person.answers()
    assert await passes(world, person, silence.ASK_AFTER - 60) == []
    assert await passes(world, person, 120) == [ASKED]


async def test_nobody_is_asked_before_the_counsellor_has_written(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all")
    await person.is_claimed()
    assert await passes(world, person, 2 * (QUIET + GRACE), 120) == []
    assert (await the(person)).with_counsellor


async def test_red_is_asked_and_never_closed(world: World) -> None:
    person = await talking(world, "do:start_check", "answer:hurt_now:yes")
    assert (await the(person)).level is Level.RED
    assert await passes(world, person, 3 * (QUIET + GRACE), 120) == [ASKED]
    assert (await the(person)).with_counsellor


async def test_who_becomes_red_after_the_warning_is_not_closed(world: World) -> None:
    person = await talking(world)
    await passes(world, person, silence.ASK_AFTER + silence.PAUSE + 90)
    await world.queue.raise_level(person.id, Level.RED, ["danger_words"])
    assert await passes(world, person, QUIET + GRACE, 120) == []
    assert (await the(person)).with_counsellor


@pytest.mark.parametrize("after", [60, silence.ASK_AFTER + silence.PAUSE + 90])
async def test_the_counsellor_can_keep_it_open_and_let_it_go_again(
    world: World, after: float
) -> None:
    person = await talking(world)
    await passes(world, person, after)
    found = await the(person)
    await world.queue.keep_open(found.id, "bea", True)
    assert await passes(world, person, 2 * (QUIET + GRACE), 120) == []
    assert (await the(person)).kept_open
    await world.queue.keep_open(found.id, "bea", False)
    shown = await passes(world, person, QUIET + GRACE + 60)
    assert shown[-1] == OVER


async def test_only_the_holder_can_keep_it_open(world: World) -> None:
    person = await talking(world)
    with pytest.raises(SessionEnded):
        await world.queue.keep_open((await the(person)).id, "eve", True)
    assert not (await the(person)).kept_open


async def test_the_next_counsellor_decides_anew(world: World) -> None:
    person = await talking(world)
    found = await the(person)
    await world.queue.keep_open(found.id, "bea", True)
    await world.queue.release(found.id, "bea")
    world.clock.forward(1)
    await person.is_claimed("cleo")
    again = await the(person)
    assert not again.kept_open
    assert not silence.since(again), "what another counsellor wrote is no question of this one"


async def test_at_a_bad_hour_nothing_is_said_and_the_talk_fades_away(world: World) -> None:
    person = await talking(world, "do:start_check", "answer:safe_contact:only_me")
    assert await passes(world, person, QUIET + GRACE - 60) == []
    assert (await the(person)).with_counsellor
    assert await passes(world, person, 400) == [ERASED]
    assert await nothing_is_left_of(person)


async def test_who_waits_again_is_left_in_peace(world: World) -> None:
    person = await talking(world)
    await world.queue.release((await the(person)).id, "bea")
    await person.answers()
    assert await passes(world, person, 2 * (QUIET + GRACE), 120) == []
    assert not (await the(person)).with_counsellor


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_are_there_in_every_language(language: str) -> None:
    said = {text_of(key, language) for key in ("talk_still_there", "talk_over_quiet", "left")}
    assert len(said) == 3
    assert all("\n" not in text for text in said)


async def test_who_writes_in_a_locked_talk_is_heard_all_the_same(world: World) -> None:
    person = await with_words(world.someone("ana"))
    await person.presses("do:person")
    await person.says("hello", after=601)
    assert person.was_told("code_word_please"), "locked while in line"
    claimed = await person.is_claimed()
    await world.queue.say(claimed.id, "bea", "What do you need?")
    world.clock.forward(60)
    await person.says("a moment please")
    assert silence.since(await the(person)) == 0, "it is the counsellor's turn"
    await person.says(" MARIGOLD")
    found = await the(person)
    assert found.word_check == "match"
    assert [line.text for line in await world.queue.transcript.read(found)][1:] == [
        "a moment please"
    ], "the word itself goes into no transcript"


async def test_a_look_that_comes_late_closes_nothing(world: World) -> None:
    person = await talking(world)
    await passes(world, person, silence.ASK_AFTER + silence.PAUSE + 30)
    assert silence.warned(await the(person))
    idle = Inbound(person.id, Channel.WEBCHAT, Kind.IDLE, world.clock())
    world.clock.forward(silence.PAUSE + 90)  # the workers were away, and the person has written
    await world.inbox.accept(idle, "late look")
    await person.says("I am here")
    assert await person.handoff(), "nothing was closed over the answer"
