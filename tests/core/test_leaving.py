"""Leaving works at once, in every state and language, and leaves nothing behind."""

import pytest

from bot.messages import Channel, Kind
from tests.core.test_danger import STATES
from tests.core.world import LANGUAGES, LEAVE, OFFERED_A_WORD, Someone, World, text_of


async def nothing_is_left_of(person: Someone) -> bool:
    """Only the order to erase what is shown, and marks that name nobody, may remain."""
    world = person.world
    allowed = {f"screen:{person.id}", f"sent:{person.id}"}
    return not {name for name in await world.names() if person.id in name} - allowed


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("chosen", ["en", "ar"])
async def test_a_leave_word_of_any_language_is_understood_whatever_was_chosen(
    world: World, language: str, chosen: str
) -> None:
    person = world.someone()
    await person.presses(f"lang:{chosen}", "do:start_check")
    await person.says(LEAVE[language])
    assert [reply.erase for reply in person.shown] == [True]
    assert person.was_told("left", chosen)
    assert await nothing_is_left_of(person)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("how", ["exit", "do:leave", "do:leave_now"])
async def test_one_can_leave_in_every_state(world: World, state: str, how: str) -> None:
    person = world.someone()
    await person.presses(*STATES[state])
    await (person.presses(how) if how.startswith("do:") else person.says(how))
    assert [reply.erase for reply in person.shown] == [True]
    assert await nothing_is_left_of(person)
    assert await person.handoff() is None
    assert await world.redis.zcard(world.keys.queue()) == 0
    assert await world.redis.zscore(world.keys.expiry(), f"webchat:{person.id}") is None


async def test_the_screen_holds_nothing_but_the_goodbye(world: World) -> None:
    person = world.someone()
    await person.says("CANARY my boss keeps my passport")
    await person.says("exit")
    screen = await person.screen()
    assert [reply.text for reply in screen] == [text_of("left")]


async def test_leaving_ends_a_talk_with_a_counsellor_and_deletes_it(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all")
    claimed = await person.is_claimed()
    await person.says("my name is CANARY")
    await person.says("exit")
    assert await nothing_is_left_of(person)
    assert await world.queue.get(claimed.id) is None
    assert await world.redis.exists(world.keys.transcript(claimed.id)) == 0


async def test_someone_locked_out_can_still_leave(world: World) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says("marigold")
    await person.presses("do:no_thanks")
    await person.says("leave", after=3600)
    assert [reply.erase for reply in person.shown] == [True]
    assert await nothing_is_left_of(person)


async def test_a_flood_does_not_hold_back_leaving(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    for number in range(40):
        await person.says(f"message {number}", after=0)
    assert person.was_told("too_fast")
    await person.says("exit", after=0)
    assert [reply.erase for reply in person.shown] == [True]


async def test_who_blocked_the_bot_is_erased_without_a_word(world: World) -> None:
    person = world.someone(channel=Channel.TELEGRAM)
    await person.presses("lang:en", "do:person", "answer:consent:all")
    await person.sends(Kind.BLOCKED)
    assert [(reply.erase, reply.text) for reply in person.shown] == [(True, "")]
    assert await nothing_is_left_of(person)
    assert await world.queue.waiting() == []


async def test_after_leaving_one_begins_anew(world: World) -> None:
    person = world.someone()
    await person.presses("lang:fr", "do:start_check", "answer:safe_now:danger", "do:leave")
    session = await person.session()
    assert (session.answers, session.signals, session.language) == ({}, [], None)
    await person.says("/start", hint="en")
    assert text_of("greeting") in person.read_words()


async def test_what_was_only_understood_from_a_sentence_is_confirmed_first(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:start_check")
    await person.says("can I leave this job")
    assert not any(reply.erase for reply in person.shown)
    assert (await person.session()).checking
