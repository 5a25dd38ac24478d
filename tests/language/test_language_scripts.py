"""Each script alone: letters that prove a language must never be guessed wrong."""

from pathlib import Path

import pytest
import yaml

from bot.conversation.language import LANGUAGES, OTHER, update
from bot.conversation.language.codes import SINGLE_SCRIPTS
from bot.conversation.language.scripts import script_of

FIXTURES = Path(__file__).parent / "fixtures"
SAMPLES = yaml.safe_load((FIXTURES / "samples.yml").read_text(encoding="utf-8"))
PROVEN = [*SINGLE_SCRIPTS.values(), "zh-Hans", "zh-Hant", "ar", "ur", "uk"]
OFFERED = ("en", "fr", "es", "pa", "ar", "zh-Hans")


@pytest.mark.parametrize("language", sorted(set(PROVEN)))
def test_languages_with_letters_of_their_own_are_always_recognised(language):
    for text in SAMPLES[language]:
        reading = update(None, text, hint="en", offered=LANGUAGES)
        assert (reading.language, reading.message_language) == (language, language), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_whole_sentence_is_recognised_in_each_of_the_26_languages(language):
    reading = update(None, SAMPLES[language][0], hint="en", offered=LANGUAGES)
    assert reading.language == language


@pytest.mark.parametrize("text", SAMPLES[OTHER])
def test_a_language_outside_the_26_is_asked_about_and_not_taken_for_another(text):
    reading = update(None, text, hint="en", offered=LANGUAGES)
    assert reading.language is None
    assert reading.detected == OTHER


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code not in OFFERED])
def test_a_language_that_is_not_offered_is_asked_about(language):
    for text in SAMPLES[language]:
        reading = update(None, text, hint="en", offered=OFFERED)
        assert reading.language is None, text
        assert reading.message_language in (language, OTHER, None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_capitals_are_read_like_small_letters(language):
    for text in SAMPLES[language]:
        small = update(None, text, offered=LANGUAGES)
        capital = update(None, text.upper(), offered=LANGUAGES)
        assert capital.language == small.language
        if language != "tr":  # i and ı share a capital outside Turkish
            assert capital.belief == small.belief


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("hello", "latin"),
        ("привет", "cyrillic"),
        ("سلام", "arabic"),
        ("ਮਦਦ", "gurmukhi"),
        ("救命", "han"),
        ("救命 iPhone", "han"),
        ("שלום", "unknown"),
        ("日本のパスポート", "unknown"),
        ("", "none"),
        ("👍 911", "none"),
    ],
)
def test_the_script_is_named(text, script):
    assert update(None, text, offered=OFFERED).script == script


def test_invisible_marks_do_not_change_the_script():
    assert script_of("\u0645") == update(None, "\u200f\u202bم\u200c", offered=OFFERED).script
