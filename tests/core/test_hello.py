"""Who answers is said at the start, whatever the first message is."""

import pytest

from bot.messages import Channel, Kind
from tests.core.engine_server import EngineServer
from tests.core.world import DANGER, World, payloads, text_of

FRENCH = "mon patron a pris mon passeport et je ne peux pas partir"


async def test_a_first_message_that_is_no_greeting_is_told_who_answers(
    spoken_world: World, engine: EngineServer
) -> None:
    engine.means[FRENCH] = (["disclose_control"], None)
    person = spoken_world.someone(channel=Channel.TELEGRAM)
    for answer in (["greeting", "disclose_control"], ["disclose_control"]):
        await person.says(FRENCH)
        assert [reply.text for reply in person.shown] == [text_of(key, "fr") for key in answer]
    await person.presses("do:leave")
    await person.says(FRENCH)
    assert person.was_told("greeting", "fr"), "all was erased: this is a first message again"
    assert not person.shown[0].buttons, "one set of choices"
    assert "do:start_check" in payloads(person.shown)


@pytest.mark.parametrize("kind", [Kind.VOICE, Kind.STICKER, Kind.EDITED])
async def test_so_is_who_sends_a_voice_or_a_sticker(world: World, kind: Kind) -> None:
    person = world.someone(channel=Channel.TELEGRAM)
    await person.sends(kind, text="hello" if kind is Kind.EDITED else "")
    assert text_of("greeting") in person.shown[0].text
    assert len(person.shown) == 2


async def test_so_is_who_presses_a_button_of_before(world: World) -> None:
    person = world.someone(channel=Channel.TELEGRAM)
    await person.presses("do:numbers")
    assert text_of("greeting") in person.shown[0].text
    assert "1-833-900-1010" in person.shown[1].text


@pytest.mark.parametrize("text", [DANGER["en"], "someone is watching me"])
async def test_what_is_urgent_comes_before_it(world: World, text: str) -> None:
    person = world.someone(channel=Channel.TELEGRAM)
    await person.says(text, hint="en")
    card = "report_danger" if text == DANGER["en"] else "report_watched"
    assert [text_of(key) in reply.text for key, reply in zip(
        (card, "greeting"), person.shown, strict=True)] == [True, True]  # fmt: skip
    assert payloads(person.shown[1:]) >= {"do:person", "do:emergency", "do:leave"}


@pytest.mark.parametrize("text", ["/start", "hello", "who are you"])
async def test_nobody_is_told_twice(spoken_world: World, engine: EngineServer, text: str) -> None:
    engine.means |= {"hello": (["greet"], None), "who are you": (["ask_identity"], None)}
    person = spoken_world.someone(channel=Channel.TELEGRAM)
    await person.says(text, hint="en")
    assert len(person.shown) == 1


async def test_the_web_page_has_greeted_before(world: World) -> None:
    person = world.someone()
    await person.presses("do:numbers")
    assert text_of("greeting") not in person.read_words()
