"""The urgency rules, one by one: what fires, what it makes, and that nothing lowers it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.check import QUESTIONS
from bot.safety.levels import Level
from bot.safety.urgency import RULES, assess


@pytest.mark.parametrize(
    ("answers", "signals", "level", "rule"),
    [
        ({"safe_now": "danger"}, (), Level.RED, "safe_now_danger"),
        ({"hurt_now": "yes"}, (), Level.RED, "hurt_now"),
        ({}, ("danger_words",), Level.RED, "danger_words"),
        ({}, ("self_harm_words",), Level.RED, "self_harm_words"),
        ({}, ("duress_word",), Level.RED, "duress_word"),
        (
            {"free_to_leave": "no", "phone_seen": "yes"},
            (),
            Level.RED,
            "cannot_leave_and_seen",
        ),
        ({"minor": "yes", "deceived": "yes"}, (), Level.ORANGE, "minor_with_indicator"),
        ({"free_to_leave": "no"}, (), Level.ORANGE, "cannot_leave"),
        ({"threatened": "yes"}, (), Level.ORANGE, "threatened"),
        ({"documents_held": "yes", "pay_or_debt": "yes"}, (), Level.ORANGE, "two_indicators"),
        ({"safe_now": "watched", "deceived": "yes"}, (), Level.ORANGE, "watched_with_indicator"),
        ({"coerced": "yes"}, ("watched_words",), Level.ORANGE, "watched_with_indicator"),
        ({}, ("asked_for_person",), Level.ORANGE, "asked_for_person"),
        ({}, ("engine_away",), Level.ORANGE, "engine_away"),
        ({"documents_held": "yes"}, (), Level.YELLOW, "one_indicator"),
        ({"documents_held": "unsure", "minor": "unsure"}, (), Level.YELLOW, "two_unsure"),
        ({}, ("concern_for_other",), Level.GREEN, "concern_for_other"),
        ({}, (), Level.GREEN, "information"),
    ],
)
def test_each_rule_fires_and_gives_its_level(
    answers: dict[str, str], signals: tuple[str, ...], level: Level, rule: str
) -> None:
    found = assess(answers, set(signals))
    assert (found.level, rule in found.rules) == (level, True)


@pytest.mark.parametrize(
    "answers",
    [
        {"minor": "yes"},
        {"safe_now": "watched"},
        {"hurt_now": "skipped", "free_to_leave": "skipped"},
        {"free_to_leave": "yes", "phone_seen": "yes"},
        {"documents_held": "unsure"},
    ],
)
def test_what_is_unknown_or_harmless_alone_raises_nothing(answers: dict[str, str]) -> None:
    assert assess(answers, set()).level is Level.GREEN


def test_every_fired_rule_is_kept_not_only_the_first() -> None:
    found = assess({"safe_now": "danger", "threatened": "yes", "deceived": "yes"}, set())
    assert found.rules == ("safe_now_danger", "threatened", "one_indicator")


_ANSWERS = st.fixed_dictionaries(
    {}, optional={slot: st.sampled_from(values) for slot, values in QUESTIONS.items()}
)
_SIGNALS = st.sets(st.sampled_from(["danger_words", "watched_words", "engine_away"]))


@given(_ANSWERS, _SIGNALS)
def test_a_skipped_question_never_counts_as_an_answer(
    answers: dict[str, str], signals: set[str]
) -> None:
    told = {slot: value for slot, value in answers.items() if value != "skipped"}
    assert assess(answers, signals) == assess(told, signals)


@given(_ANSWERS, _SIGNALS)
def test_the_level_is_that_of_the_most_urgent_rule(
    answers: dict[str, str], signals: set[str]
) -> None:
    found = assess(answers, signals)
    levels = {"information": Level.GREEN} | {name: level for name, level, _ in RULES}
    assert found.level == min(levels[name] for name in found.rules)
