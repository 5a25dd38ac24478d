"""What of the assistant's own stays in a talk with a counsellor: commands, and older buttons."""

import pytest

from bot.handoff.record import Handoff
from tests.core.world import OFFERED_A_WORD, Someone, World, payloads, text_of


async def in_a_talk(world: World) -> tuple[Someone, Handoff]:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all")
    return person, await person.is_claimed()


def texts(person: Someone) -> list[str]:
    return [reply.text for reply in person.shown]


async def test_commands_typed_in_a_talk_are_no_words_for_the_counsellor(world: World) -> None:
    person, talk = await in_a_talk(world)
    await person.says("/language")
    assert "lang:pa" in payloads(person.shown)
    for command in ("/help", "/start"):
        await person.says(command)
        assert texts(person) == [text_of("counsellor_now", name="Bea")]
    assert await world.queue.transcript.read(talk) == []


@pytest.mark.parametrize("payload", ["do:person", "do:cancel_wait", "do:wait_place"])
async def test_a_button_of_the_line_says_who_is_there_now(world: World, payload: str) -> None:
    """They stay on the phone when a counsellor comes."""
    person, _ = await in_a_talk(world)
    await person.presses(payload)
    assert texts(person) == [text_of("counsellor_now", name="Bea")]
    found = await person.handoff()
    assert found is not None
    assert found.with_counsellor


async def test_it_does_not_where_the_duress_word_called_them(world: World) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says("marigold")
    await person.says("daffodil")
    await person.says("daffodil")
    await person.is_claimed()
    await person.presses("do:person")
    assert texts(person) == [text_of("old_button")]
