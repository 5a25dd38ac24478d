"""What people say: every intent in every language, enough of it, and no contradictions."""

import pytest
import yaml

from bot.conversation.language import LANGUAGES
from bot.paths import ROOT
from bot.safety.lexicon import ANYWHERE, Lexicon
from bot.safety.normalise import normalise
from bot.safety.screen import screen

CODES = LANGUAGES
LEAST = 15
INTENTS = (
    "greet", "goodbye", "thank", "ask_identity", "ask_repeat", "out_of_scope", "affirm", "deny",
    "unsure", "skip", "report_danger", "report_self_harm", "report_watched", "request_counsellor",
    "concern_for_other", "disclose_labour", "disclose_sexual", "disclose_control", "ask_police",
    "ask_anonymous_report", "ask_helpline", "ask_shelter", "ask_medical", "ask_immigration",
    "ask_rights", "ask_trafficking", "ask_privacy", "change_language", "erase",
)  # fmt: skip
URGENT = ("report_danger", "report_self_harm", "report_watched")
LEXICON = Lexicon.load()


def lines(code: str) -> dict[str, list[str]]:
    raw = yaml.safe_load((ROOT / "nlu" / f"{code}.yml").read_text("utf-8"))
    return {
        block["intent"]: [
            line.removeprefix("- ").strip() for line in block["examples"].splitlines()
        ]
        for block in raw["nlu"]
    }


@pytest.mark.parametrize("code", CODES)
def test_every_intent_has_enough_lines(code: str) -> None:
    found = lines(code)
    assert set(found) == set(INTENTS)
    assert {intent: len(said) for intent, said in found.items() if len(said) < LEAST} == {}


@pytest.mark.parametrize("code", CODES)
def test_no_line_stands_under_two_intents(code: str) -> None:
    seen: dict[str, str] = {}
    for intent, said in lines(code).items():
        for line in said:
            assert seen.setdefault(line.casefold(), intent) == intent, line


@pytest.mark.parametrize("code", CODES)
def test_nothing_else_that_people_say_erases_the_chat(code: str) -> None:
    """A leave word erases at once, unasked; Turkish "cık" (no) was one by its letters."""
    erased = [
        line
        for intent, said in lines(code).items()
        for line in said
        if screen(line, LEXICON).leave and intent not in ("erase", "goodbye")
    ]
    assert erased == []


@pytest.mark.parametrize("code", CODES)
def test_the_word_lists_do_not_fire_on_harmless_training_lines(code: str) -> None:
    """Danger words on everyday lines would make every message an alarm: at most 2 in 100."""
    harmless = [
        line
        for intent, said in lines(code).items()
        for line in said
        if intent not in URGENT and not intent.startswith(("disclose", "concern"))
    ]
    fired = [line for line in harmless if screen(line, LEXICON).urgent]
    assert len(fired) <= 0.02 * len(harmless), fired


@pytest.mark.parametrize("code", CODES)
def test_lexicon_lists_are_long_enough_and_do_not_contradict(code: str) -> None:
    raw = yaml.safe_load((ROOT / "lexicon" / f"{code}.yml").read_text("utf-8"))
    assert [kind for kind in ANYWHERE if len(raw[kind]) < 20] == []
    exact: dict[str, str] = {}
    for kind in ("leave", "yes", "no", "unsure", "skip"):
        for word in raw[kind]:
            assert exact.setdefault(normalise(word), kind) == kind, word
