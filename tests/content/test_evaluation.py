"""The lines to measure with: complete, of every kind, and kept away from what was trained on."""

import pytest
import yaml

from bot.conversation.language import LANGUAGES
from bot.paths import ROOT
from bot.safety.normalise import normalise
from evaluation import figures, sets, stories
from evaluation.conversations import speak
from evaluation.measure import URGENT, Found
from evaluation.sets import Line
from tests.content.test_training_data import INTENTS, lines

SETS = sets.load()
KINDS = {"plain", "short", "long", "typo", "slang", "no_accents", "romanised", "mixed", "harmless",
         "no_danger_word"}  # fmt: skip
#: A greeting is a greeting: one word can be written twice by anybody.
LONG_ENOUGH = 1


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_has_a_set_with_every_intent(code: str) -> None:
    own = [line for line in SETS if line.language == code]
    assert len(own) >= 100
    assert {line.intent for line in own} == set(INTENTS)
    assert {line.kind for line in own} <= KINDS
    assert len({line.text for line in own}) == len(own)


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_line_to_measure_with_is_trained_on(code: str) -> None:
    trained = {normalise(line) for said in lines(code).values() for line in said}
    listed = yaml.safe_load((ROOT / "lexicon" / f"{code}.yml").read_text("utf-8"))
    trained |= {normalise(entry) for kind in ("danger", "self_harm", "watched")
                for entry in listed[kind]}  # fmt: skip
    same = [
        line.text
        for line in SETS
        if line.language == code
        and len(line.text.split()) > LONG_ENOUGH
        and normalise(line.text) in trained
    ]
    assert same == []


def found(meant: str, engine: str, screen: str | None = None, sure: float = 1.0) -> Found:
    return Found(Line("", meant, "en", "plain"), screen, engine, sure, 0.01, None)


def test_screen_and_engine_count_together() -> None:
    assert found("report_danger", "greet", "report_danger").intent == "report_danger"
    assert found("report_danger", "report_danger", "report_watched").raised
    assert found("report_watched", "greet", "report_watched").intent == "report_watched"
    assert found("erase", "greet", "erase").intent == "erase"


def test_in_a_talk_the_engine_has_to_be_clear() -> None:
    assert found("report_danger", "report_danger", sure=0.6).raised_in_talk
    assert not found("report_danger", "report_danger", sure=0.59).raised_in_talk
    assert found("report_danger", "greet", "report_self_harm", sure=0.1).raised_in_talk
    assert not found("greet", "greet").raised_in_talk


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_cry_is_told_once_among_ordinary_lines_of_its_language(code: str) -> None:
    told = [story for story in stories.tell(SETS) if story.line.language == code]
    cries = [line for line in SETS if line.language == code and line.intent in URGENT]
    for story in told:
        assert all(line.text in story.line.text for line in story.told)
        urgent = [line for line in story.told if line.intent.startswith("report_")]
        assert len(urgent) == bool(story.place)
        if story.place:
            at, around = stories.PLACES[story.place]
            assert (story.told.index(urgent[0]), len(story.told)) == (at, around + 1)
            assert story.line.intent == urgent[0].intent
            cries.remove(urgent[0])
    assert cries == []
    assert {len(story.told) for story in told if not story.place} == {2, 3, 4}
    assert told == [story for story in stories.tell(SETS) if story.line.language == code]


def test_figures_of_a_small_case() -> None:
    three = [found("greet", "greet"), found("greet", "thank"), found("thank", "thank")]
    assert figures.f1(three, "greet") == pytest.approx(2 / 3)
    assert figures.macro_f1(three) == pytest.approx(2 / 3)
    alarms = [found("greet", "report_danger"), found("report_danger", "greet"), *three]
    assert figures.false_alarms(alarms) == pytest.approx(1 / 4)
    assert figures.recalled(alarms, "report_danger") == 0


def test_a_wrong_answer_word_is_counted() -> None:
    line = Line("no", "affirm", "en", "short")
    assert Found(line, None, "deny", 1.0, 0.01, "no").opposite
    assert not Found(line, None, "deny", 1.0, 0.01, None).opposite


def test_conversations_of_one_language_are_answered_in_it() -> None:
    spoken = speak([line for line in SETS if line.language == "ko"], "ko", LANGUAGES)
    assert spoken.right >= 0.98
    assert spoken.wrong_switches == 0
