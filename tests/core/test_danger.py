"""Danger is answered first: in every state, in every language, with the engine away."""

import pytest

from bot.safety.levels import Level
from tests.core.world import DANGER, LANGUAGES, OFFERED_A_WORD, SELF_HARM, World, payloads, text_of


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_first_words_of_a_conversation_may_be_a_cry_for_help(
    world: World, language: str
) -> None:
    person = world.someone()
    await person.says(DANGER[language])
    assert text_of("report_danger", language) in person.read_words()
    assert payloads(person.shown) >= {"do:person", "do:emergency", "do:leave"}
    assert person.shown[0].urgent


@pytest.mark.parametrize("language", LANGUAGES)
async def test_thoughts_of_suicide_get_their_own_card(world: World, language: str) -> None:
    person = world.someone()
    await person.presses(f"lang:{language}")
    await person.says(SELF_HARM[language])
    assert person.was_told("report_self_harm", language)


#: What was pressed before -> the state it leads to.
STATES = {
    "greeted": ["lang:en"],
    "asked whether it is safe": ["lang:en", "do:start_check"],
    "in the middle of the check": ["lang:en", "do:start_check", "answer:safe_now:safe"],
    "danger pressed": ["lang:en", "do:start_check", "answer:safe_now:danger"],
    "asked for consent": ["lang:en", "do:person"],
    "waiting for a person": ["lang:en", "do:person", "answer:consent:nothing"],
    "line left": ["lang:en", "do:person", "answer:consent:nothing", "do:cancel_wait"],
    "asked for a code word": [*OFFERED_A_WORD],
    "asked for the province": ["lang:en", "do:near_me"],
    "choosing a language": ["lang:en", "do:language"],
    "about to leave": ["lang:en", "show:ask_privacy"],
}


@pytest.mark.parametrize("state", STATES)
async def test_danger_is_heard_in_every_state(world: World, state: str) -> None:
    person = world.someone()
    await person.presses(*STATES[state])
    await person.says("please he is going to kill me")
    assert person.was_told("report_danger")
    assert "danger_words" in (await person.session()).signals
    await person.says("il va me tuer")
    assert person.was_told("report_danger", (await person.session()).language or "en")


async def test_danger_is_heard_while_a_second_word_is_asked_for(world: World) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says("marigold")
    await person.says(DANGER["en"])
    assert person.was_told("report_danger")
    assert not (await person.session()).duress_mark


async def test_danger_is_heard_while_the_chat_is_locked_and_shows_nothing_else(
    world: World,
) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says("marigold")
    await person.presses("do:no_thanks")
    await person.says(DANGER["en"], after=3600)
    assert [reply.text for reply in person.shown] == ["", text_of("report_danger")]
    assert person.shown[0].erase


async def test_danger_moves_someone_who_waits_to_the_front(world: World) -> None:
    others = [world.someone(f"other {number}") for number in range(3)]
    for other in others:
        await other.presses("do:person", "answer:consent:nothing")
    person = world.someone()
    await person.presses("do:person", "answer:consent:all")
    waiting = await world.queue.waiting()
    assert waiting[-1].person == person.id
    await person.says(DANGER["en"])
    waiting = await world.queue.waiting()
    assert waiting[0].person == person.id
    assert waiting[0].level is Level.RED
    assert "danger_words" in waiting[0].rules


async def test_with_a_counsellor_the_card_comes_once_and_the_words_are_flagged(
    world: World,
) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all")
    claimed = await person.is_claimed()
    assert await person.says("thank you for coming") == []
    await person.says(DANGER["en"])
    assert person.was_told("danger_seen")
    assert await person.says("he is going to kill me, really") == []
    found = await world.queue.get(claimed.id)
    assert found is not None
    assert "danger_words" in found.flags
    lines = await world.queue.transcript.read(found)
    assert [line.text for line in lines] == [
        "thank you for coming", DANGER["en"], "he is going to kill me, really",
    ]  # fmt: skip


async def test_a_second_talk_shows_the_card_again(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    for login in ("bea", "cem"):
        await person.presses("do:person", "answer:consent:all")
        claimed = await person.is_claimed(login)
        await person.says(DANGER["en"])
        assert person.was_told("danger_seen"), login
        await world.queue.end(claimed.id, login, "safe")


async def test_suicide_after_danger_gets_its_own_card_in_the_same_talk(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all")
    await person.is_claimed()
    await person.says(DANGER["en"])
    await person.says(SELF_HARM["en"])
    assert person.was_told("report_self_harm")


async def test_the_danger_button_shows_the_card_and_never_ends_the_chat(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:start_check", "answer:safe_now:danger")
    assert person.was_told("report_danger")
    await person.presses("do:resume_check")
    assert person.was_asked("hurt_now")
