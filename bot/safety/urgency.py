"""How urgent a situation is: fixed rules over the answers, explainable, never lowered by itself.

The rules are those of the safety check (docs/safety.md). Every rule that fires is kept with the
case, so that a counsellor sees why, and the level is that of the most urgent one.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from bot.safety.levels import Level

#: The questions whose answers point to exploitation, and the answer that does.
INDICATORS: Mapping[str, str] = {
    "free_to_leave": "no",
    "documents_held": "yes",
    "threatened": "yes",
    "pay_or_debt": "yes",
    "deceived": "yes",
    "coerced": "yes",
}
_PAIRED = ("documents_held", "pay_or_debt", "deceived", "coerced")

#: The answers that say danger now -> the rule that fires.
DANGER_ANSWERS: Mapping[tuple[str, str], str] = {
    ("safe_now", "danger"): "safe_now_danger",
    ("hurt_now", "yes"): "hurt_now",
}

Answers = Mapping[str, str]
Signals = Set[str]


def indicators(answers: Answers) -> list[str]:
    """The questions answered in the way that points to exploitation."""
    return [slot for slot, value in INDICATORS.items() if answers.get(slot) == value]


def _paired(answers: Answers) -> int:
    return sum(answers.get(slot) == "yes" for slot in _PAIRED)


def _watched(answers: Answers, signals: Signals) -> bool:
    said = not signals.isdisjoint(("watched_words", "watched_maybe"))
    return said or answers.get("safe_now") == "watched"


def _not_sure(answers: Answers) -> int:
    return sum(value == "unsure" for value in answers.values())


#: (rule, level, when it fires). Order within a level is the order shown to the counsellor.
RULES: tuple[tuple[str, Level, Callable[[Answers, Signals], bool]], ...] = (
    *(
        (rule, Level.RED, lambda a, s, slot=slot, value=value: a.get(slot) == value)
        for (slot, value), rule in DANGER_ANSWERS.items()
    ),
    ("danger_words", Level.RED, lambda a, s: "danger_words" in s),
    ("self_harm_words", Level.RED, lambda a, s: "self_harm_words" in s),
    # The engine's understanding alone: a false alarm costs little, a cry not heard everything.
    ("danger_maybe", Level.RED, lambda a, s: "danger_maybe" in s),
    ("self_harm_maybe", Level.RED, lambda a, s: "self_harm_maybe" in s),
    ("duress_word", Level.RED, lambda a, s: "duress_word" in s),
    (
        "cannot_leave_and_seen",
        Level.RED,
        lambda a, s: a.get("free_to_leave") == "no" and a.get("phone_seen") == "yes",
    ),
    (
        "minor_with_indicator",
        Level.ORANGE,
        lambda a, s: a.get("minor") == "yes" and bool(indicators(a)),
    ),
    ("cannot_leave", Level.ORANGE, lambda a, s: a.get("free_to_leave") == "no"),
    ("threatened", Level.ORANGE, lambda a, s: a.get("threatened") == "yes"),
    ("two_indicators", Level.ORANGE, lambda a, s: _paired(a) >= 2),
    (
        "watched_with_indicator",
        Level.ORANGE,
        lambda a, s: _watched(a, s) and bool(indicators(a)),
    ),
    ("asked_for_person", Level.ORANGE, lambda a, s: "asked_for_person" in s),
    ("engine_away", Level.ORANGE, lambda a, s: "engine_away" in s),
    ("one_indicator", Level.YELLOW, lambda a, s: _paired(a) == 1),
    ("two_unsure", Level.YELLOW, lambda a, s: _not_sure(a) >= 2),
    ("concern_for_other", Level.GREEN, lambda a, s: "concern_for_other" in s),
)
_NOTHING = ("information", Level.GREEN)  # said only when nothing else is


@dataclass(frozen=True)
class Assessment:
    """The level and the names of every rule that fired, most urgent first."""

    level: Level
    rules: tuple[str, ...]


def assess(answers: Answers, signals: Signals) -> Assessment:
    """The urgency of what is known. Skipped questions and "not sure" are unknown, never "no"."""
    fired = [(name, level) for name, level, fires in RULES if fires(answers, signals)]
    found = fired or [_NOTHING]
    return Assessment(min(level for _, level in found), tuple(name for name, _ in found))
