"""What a counsellor learns of the language: its letters, a change, or that nobody knows it."""

import pytest

from bot.handoff.record import Handoff
from bot.messages import Reply
from tests.core.world import DANGER, Someone, World, payloads, text_of

ROMANISED = "mainu madad chahidi"
OWN_LETTERS = "ਮੈਨੂੰ ਮਦਦ ਚਾਹੀਦੀ ਹੈ"
ARABIC = "أحتاج إلى مساعدة من فضلك، صاحب العمل أخذ جواز سفري"


async def asks(person: Someone) -> Handoff:
    await person.presses("do:person", "answer:consent:all")
    return await handoff_of(person)


async def handoff_of(person: Someone) -> Handoff:
    found = await person.handoff()
    assert found is not None
    return found


def texts(replies: list[Reply]) -> list[str]:
    return [reply.text for reply in replies]


async def test_a_short_word_says_nothing_of_the_letters(world: World) -> None:
    person = world.someone()
    await person.says(ROMANISED)
    for said in ("ok", "911", "yes", "🙂", "Punjabi", "thank you very much, I am waiting"):
        await person.says(said)
        assert (await person.session()).romanised, said
    await person.says(OWN_LETTERS)
    assert not (await person.session()).romanised


async def test_the_language_button_forgets_no_letters(world: World) -> None:
    person = world.someone()
    await person.says(ROMANISED)
    await person.presses("lang:pa")
    found = await asks(person)
    assert (found.language, found.romanised) == ("pa", True)
    await person.presses("lang:en")
    assert not (await handoff_of(person)).romanised
    await person.presses("lang:pa")
    assert (await handoff_of(person)).romanised


@pytest.mark.parametrize("in_talk", [False, True])
async def test_the_case_follows_the_letters_waiting_and_in_the_talk(
    world: World, in_talk: bool
) -> None:
    person = world.someone()
    await person.presses("lang:pa")
    assert not (await asks(person)).romanised
    if in_talk:
        await person.is_claimed()
    await person.says(ROMANISED)
    found = await handoff_of(person)
    assert (found.language, found.romanised) == ("pa", True)
    await person.says("ok")
    assert (await handoff_of(person)).romanised
    await person.says(OWN_LETTERS)
    assert not (await handoff_of(person)).romanised


async def test_in_a_talk_the_language_changes_when_it_is_sure_and_not_by_a_word(
    world: World,
) -> None:
    person = world.someone()
    await person.says("good morning, I would like to talk with somebody please")
    assert (await asks(person)).language == "en"
    await person.is_claimed()
    for said in ("oui", "hola", DANGER["fr"]):
        await person.says(said)
        assert (await handoff_of(person)).language == "en", said
    for known in ("en", "ar"):  # one sentence might be somebody's quotation
        await person.says(ARABIC)
        assert (await handoff_of(person)).language == known
    await person.says("ok")
    await person.says("შეგიძლიათ დამეხმაროთ")
    found = await handoff_of(person)
    assert (found.language, found.language_known) == ("ar", True)


async def test_a_chosen_language_stays_in_a_talk_whatever_is_written(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    await asks(person)
    await person.is_claimed()
    await person.says(ARABIC)
    assert (await handoff_of(person)).language == "en"


async def test_a_language_nobody_knows_is_told_as_that(world: World) -> None:
    person = world.someone()
    await person.says("შეგიძლიათ დამეხმაროთ")
    found = await asks(person)
    assert (found.language, found.language_known) == ("en", False)
    assert [one.language async for one in world.queue.in_line()] == [""]
    await person.is_claimed()
    await person.says("hello")
    assert not (await handoff_of(person)).language_known
    await person.says(ARABIC)
    found = await handoff_of(person)
    assert (found.language, found.language_known) == ("ar", True)


async def test_a_language_pressed_in_a_talk_is_kept_and_shown_to_the_counsellor(
    world: World,
) -> None:
    person = world.someone()
    await asks(person)
    talk = await person.is_claimed()
    await person.presses("do:language")
    assert "lang:pa" in payloads(person.shown)
    await person.presses("lang:pa")
    assert texts(person.shown) == [text_of("language_set", "pa")]
    found = await handoff_of(person)
    assert (found.id, found.language, found.language_known) == (talk.id, "pa", True)
    [line] = await world.queue.transcript.read(found)
    assert (line.who, line.answer) == ("person", "language:pa")
    assert line.text == f"[{text_of('change_language', 'pa')}] ਪੰਜਾਬੀ"
    assert (await person.session()).pinned


async def test_a_forged_language_changes_nothing_in_a_talk(world: World) -> None:
    person = world.someone()
    await person.presses("lang:fr")
    await asks(person)
    await person.is_claimed()
    await person.presses("lang:xx")
    assert person.was_told("old_button", "fr")
    assert (await handoff_of(person)).language == "fr"
