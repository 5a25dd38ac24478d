"""The language: what a person chose or writes decides, and a switch is only ever offered."""

import pytest

from bot.data_file import read_mapping
from bot.paths import ROOT
from tests.core.engine_server import EngineServer
from tests.core.world import LANGUAGES, World, lexicon, payloads, text_of, words

#: Of the words of danger that Hindi and Urdu share in Latin letters, some stand in one list only.
DANGER_IN_LATIN = {
    code: next(
        phrase
        for phrase in read_mapping(ROOT / "lexicon" / f"{code}.yml")["danger"]
        if phrase.isascii() and {hit.language for hit in lexicon().hits(phrase)} == {code}
    )
    for code in ("hi", "ur")
}
PUNJABI = "ਮੈਨੂੰ ਮਦਦ ਚਾਹੀਦੀ ਹੈ, ਮਾਲਕ ਨੇ ਮੇਰਾ ਪਾਸਪੋਰਟ ਰੱਖ ਲਿਆ ਹੈ"


async def test_another_language_is_offered_once(spoken_world: World, engine: EngineServer) -> None:
    engine.means[PUNJABI] = (["disclose_control"], None)
    person = spoken_world.someone()
    await person.presses("lang:en")
    await person.says(PUNJABI)
    assert person.was_told("disclose_control", "en")
    assert person.was_told("language_offer", "pa")
    assert "lang:pa" in payloads(person.shown)
    await person.says(PUNJABI)
    assert not person.was_told("language_offer", "pa")


async def test_who_chose_a_language_keeps_it(spoken_world: World, engine: EngineServer) -> None:
    person = spoken_world.someone()
    await person.presses("lang:ar")
    for text in ("hello how are you doing today", "bonjour, comment allez-vous", PUNJABI):
        await person.says(text)
        assert (await person.session()).language == "ar"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_language_is_chosen_by_button_or_by_its_own_name(
    world: World, language: str
) -> None:
    person = world.someone()
    await person.presses(f"lang:{language}")
    assert person.was_told("greeting", language)
    await person.presses("lang:en")
    await person.says(dict(words().languages())[language])
    assert person.was_told("language_set", language)
    assert (await person.session()).language == language


async def test_while_it_is_not_known_everything_is_said_twice_with_the_choice(
    world: World,
) -> None:
    person = world.someone()
    await person.says("🙂")
    assert text_of("engine_away", "en") in person.read_words()
    assert text_of("engine_away", "fr") in person.read_words()
    assert {f"lang:{code}" for code in LANGUAGES} <= payloads(person.shown)


async def test_a_language_not_offered_shows_the_choice(world: World) -> None:
    person = world.someone()
    for payload in ("lang:xx", "lang:", "lang:en-CA", "lang:EN"):
        await person.presses(payload)
        assert {f"lang:{code}" for code in LANGUAGES} <= payloads(person.shown)
        assert (await person.session()).language is None


@pytest.mark.parametrize(
    "text",
    ["do you speak Cree?", "Inuktitut", "parlez-vous innu", "ᐃᑲᔪᕐᓂᕐᒥᒃ ᐱᔪᒪᔪᖓ", "ojibwe please"],
)
async def test_who_asks_for_an_indigenous_language_gets_the_lines_that_serve_in_it(
    spoken_world: World, text: str
) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en")
    await person.says(text)
    assert person.was_told("language_indigenous")
    assert "1-855-242-3310" in person.read_words()
    assert "1-844-413-6649" in person.read_words()


async def test_talk4healing_is_shown_where_it_serves(spoken_world: World) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en")
    await person.presses("region:ON")
    await person.says("anishinaabemowin")
    assert "(4325)" in person.read_words()


async def test_amharic_and_tigrinya_get_a_note_in_their_own_letters_once(
    spoken_world: World,
) -> None:
    person = spoken_world.someone()
    for times in (1, 0):
        await person.says("እርዳታ እፈልጋለሁ")
        said = person.read_words()
        assert said.count("አማርኛ") == said.count("ትግርኛ") == times
        for language in ("en", "fr"):
            assert text_of("language_unknown", language) in said
    assert {f"lang:{code}" for code in LANGUAGES} <= payloads(person.shown)


async def test_a_language_we_do_not_know_is_never_guessed(spoken_world: World) -> None:
    person = spoken_world.someone()
    await person.says("შეგიძლიათ დამეხმაროთ")
    assert (await person.session()).language is None
    assert text_of("language_unknown", "en") in person.read_words()
    assert text_of("language_unknown", "fr") in person.read_words()


@pytest.mark.parametrize("text", ["my carrier", "i have an indigenous friend", "native plants"])
async def test_a_word_in_passing_is_not_a_plea(spoken_world: World, text: str) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en")
    await person.says(text)
    assert not person.was_told("language_indigenous")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("mujhe madad chahiye, mera malik mera passport nahi deta", "hi"),
        ("menu madad chahidi hai mera malik mera passport nahi dinda", "pa"),
    ],
)
async def test_who_writes_in_latin_letters_may_choose_others_than_they_get(
    spoken_world: World, engine: EngineServer, text: str, language: str
) -> None:
    """Roman Urdu reads as Hindi, and not everybody who speaks Punjabi reads Gurmukhi."""
    engine.means[text] = (["disclose_control"], None)
    person = spoken_world.someone()
    await person.says(text)
    assert [reply.text for reply in person.shown] == [
        text_of("disclose_control", language), text_of("language_romanised", "en"),
    ]  # fmt: skip
    assert "lang:ur" in payloads(person.shown)
    await person.says(text)
    assert not person.was_told("language_romanised"), "once"
    await person.says(DANGER_IN_LATIN["hi"])
    assert person.was_told("report_danger", "hi")
    assert person.was_told("report_danger", "en")


@pytest.mark.parametrize("chosen", ["pa", "es"])
async def test_who_chose_or_reads_latin_letters_is_offered_no_others(
    spoken_world: World, chosen: str
) -> None:
    person = spoken_world.someone()
    await person.presses(f"lang:{chosen}")
    await person.says("menu madad chahidi hai mera malik mera passport nahi dinda")
    assert not person.was_told("language_romanised")


@pytest.mark.parametrize(("known", "other"), [("hi", "ur"), ("ur", "hi")])
async def test_a_phrase_in_latin_letters_does_not_turn_hindi_into_urdu(
    world: World, known: str, other: str
) -> None:
    person = world.someone()
    await person.says({"hi": "मुझे मदद चाहिए", "ur": "مجھے مدد چاہیے، میرا پاسپورٹ"}[known])
    assert (await person.session()).language == known
    await person.says(DANGER_IN_LATIN[other])
    assert (await person.session()).language == known
    assert person.was_told("report_danger", known)
    assert person.was_told("report_danger", "en"), "in letters they can read for sure"
