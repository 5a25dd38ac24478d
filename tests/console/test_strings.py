"""The console's words: complete in every language, with words for every code there is."""

import re

import pytest

from bot.console.acts import OUTCOMES
from bot.console.answers import STATUS
from bot.console.strings import HERE, Phrases, Strings
from bot.console.views import SLOTS
from bot.messages import Channel
from bot.safety.levels import Level

RULES = (
    "safe_now_danger",
    "hurt_now",
    "danger_words",
    "self_harm_words",
    "duress_word",
    "cannot_leave_and_seen",
    "minor_with_indicator",
    "cannot_leave",
    "threatened",
    "two_indicators",
    "watched_with_indicator",
    "asked_for_person",
    "engine_away",
    "one_indicator",
    "two_unsure",
    "information",
    "concern_for_other",
)
STRINGS = Strings()


@pytest.mark.parametrize("language", STRINGS.codes())
def test_every_language_has_the_same_keys_and_places(language: str) -> None:
    english, other = STRINGS.keys("en"), STRINGS.keys(language)
    assert other.keys() == english.keys()
    for key, text in english.items():
        assert text.strip()
        assert sorted(re.findall(r"{\w+}", other[key])) == sorted(re.findall(r"{\w+}", text)), key


@pytest.mark.parametrize("language", STRINGS.codes())
def test_every_code_has_words(language: str) -> None:
    words = STRINGS.keys(language)
    wanted = [f"rule.{rule}" for rule in RULES]
    wanted += [f"slot.{slot}" for slot in SLOTS]
    wanted += [f"outcome.{code}" for code in OUTCOMES]
    wanted += [f"level.{level.name.lower()}" for level in Level]
    wanted += [f"channel.{channel}" for channel in Channel]
    wanted += [f"note.{code}" for code in STATUS if code not in ("signed_out", "too_many",
                                                                 "unavailable")]  # fmt: skip
    assert [key for key in wanted if key not in words] == []


def test_templates_use_only_keys_that_exist() -> None:
    used = set()
    for template in (HERE / "templates").glob("*.html"):
        used |= set(re.findall(r't\("([a-z_.]+[a-z_])"', template.read_text("utf-8")))
    assert used - STRINGS.keys("en").keys() == set()


def test_the_phrase_bank_has_the_same_phrases_in_every_language() -> None:
    phrases = Phrases()
    english = [one.id for one in phrases.pairs("en", "en")]
    assert len(english) > 20
    for language in phrases.codes():
        assert [one.id for one in phrases.pairs(language, "fr")] == english, language
        assert all(one.text and one.beside for one in phrases.pairs(language, "fr"))
    moments = {one.moment for one in phrases.pairs("en", "en")}
    assert all(f"moment.{moment}" in STRINGS.keys("fr") for moment in moments)
