"""The console's words: complete in every language, with words for every code there is."""

import re

import pytest

from bot.console import cards
from bot.console.acts import OUTCOMES
from bot.console.answers import STATUS
from bot.console.strings import HERE, Phrases, Strings
from bot.console.views import SLOTS
from bot.data_file import read_mapping
from bot.dialogue.check import QUESTIONS
from bot.handlers.handoff import _NOT_TEXT
from bot.handlers.urgent import CARDS, Heard, How
from bot.messages import Channel
from bot.paths import ROOT
from bot.safety import urgency
from bot.safety.levels import Level

RULES = [rule for rule, _, _ in urgency.RULES] + ["information"]
HEARD = [Heard(kind, how).signal for kind in CARDS for how in How]
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
    wanted = [f"rule.{rule}" for rule in (*RULES, *HEARD)]
    wanted += [f"slot.{slot}" for slot in SLOTS]
    wanted += [f"outcome.{code}" for code in OUTCOMES]
    wanted += [f"level.{level.name.lower()}" for level in Level]
    wanted += [f"channel.{channel}" for channel in Channel]
    wanted += [f"word.{outcome}" for outcome in ("asked", "match", "no_match", "duress")]
    wanted += [f"media.closed.{kind}" for kind in _NOT_TEXT]
    wanted += [f"lines.{word}" for word in cards.SPEAKS.values()]
    wanted += [f"note.{code}" for code in STATUS if code != "too_many"]
    assert [key for key in wanted if key not in words] == []


def test_every_answer_a_person_can_press_has_words() -> None:
    pressed = [(slot, value) for slot, values in QUESTIONS.items() for value in values]
    for slot, value in pressed:
        for language in STRINGS.codes():
            words = STRINGS.keys(language)
            assert f"slot.{slot}" in words, slot
            assert f"value.{value}" in words, value


def test_every_language_a_person_may_write_in_has_a_name() -> None:
    spoken = {read_mapping(path)["language"] for path in (ROOT / "lexicon").glob("*.yml")}
    assert len(spoken) >= 26
    for language in STRINGS.codes():
        assert [code for code in spoken if f"spoken.{code}" not in STRINGS.keys(language)] == []


def test_pages_and_script_have_no_words_of_their_own() -> None:
    """All words come from strings/: else they would stay English in a French console."""
    names = {"Alt", "Ctrl", "Enter", "Esc", "+", *"JKTRNXE/?"}  # keys of the keyboard
    for template in sorted((HERE / "templates").glob("*.html")):
        text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", template.read_text("utf-8"), flags=re.S)
        bare = [word.strip() for word in re.split(r"<[^>]*>", text)]
        assert [word for word in bare if re.search(r"\w", word) and word not in names] == []
        said = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]+)"', text)
        assert said == [], template.name
    for script in (HERE / "static").glob("*.js"):
        code = re.sub(r"//.*", "", script.read_text("utf-8"))
        assert re.findall(r"""["'`][A-Z][a-z]+ [a-z ]+["'`]""", code) == [], script.name


def test_french_is_not_english_again() -> None:
    english, french = STRINGS.keys("en"), STRINGS.keys("fr")
    same = {key for key, text in english.items() if french[key] == text}
    # "Questions", "Orange", "Telegram", "Tagalog": the same word in both languages.
    assert not [key for key in same if not key.startswith("spoken.") and " " in english[key]]
    assert len(same) < 15, sorted(same)


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
