"""Weighs one message: how strongly it speaks for every language, with no memory of the others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from bot.conversation.language.cleaning import clean, fold, raw_words
from bot.conversation.language.codes import SHARED_SCRIPTS, STATES
from bot.conversation.language.profiles import read
from bot.conversation.language.scripts import own_words, proven_by_letters, script_of
from bot.conversation.language.words import arabizi_words, greeted, without_neutral

#: Natural-log weights, tuned in the study behind docs/decisions.md; results are flat around them.
FLOOR: Final = -8.0
SHORT: Final = -2.0
PER_NGRAM: Final = 0.15
PROVEN: Final = -6.0
GREETING: Final = 5.0
ARABIZI_WORD: Final = 3.0


@dataclass(frozen=True)
class Evidence:
    """What one message says: its script, and for each state a log weight from FLOOR to 0.

    `weights` is None when the message says nothing about language ("ok", "911", an emoji).
    """

    script: str
    weights: dict[str, float] | None


def weigh(text: str) -> Evidence:
    """The evidence in `text`: pure, deterministic, any string is accepted."""
    cleaned = clean(text)
    script = script_of(cleaned)
    greetings = greeted(fold(cleaned))
    telling = without_neutral(cleaned)
    digits = arabizi_words(raw_words(text)) if script == "latin" else 0
    if not telling and not greetings and not digits:
        return Evidence(script, None)
    weights, ngrams = _of_script(telling or cleaned, script)
    if weights is None:
        return Evidence(script, None)
    for state in greetings:
        weights[state] += GREETING
    if digits:
        weights["ar-Latn"] += ARABIZI_WORD * min(digits, 2)
    best = max(weights.values())
    # A word or two must not turn a whole conversation round.
    floor = max(FLOOR, SHORT - PER_NGRAM * ngrams) if ngrams else FLOOR
    return Evidence(script, {s: max(w - best, floor) for s, w in weights.items()})


def posterior(weights: dict[str, float], prior: dict[str, float]) -> dict[str, float]:
    """`prior` multiplied by the evidence and normalised to 1."""
    raw = {state: prior[state] * math.exp(weights[state]) for state in STATES}
    total = sum(raw.values())
    return {state: value / total for state, value in raw.items()}


def _of_script(cleaned: str, script: str) -> tuple[dict[str, float] | None, int]:
    proven = proven_by_letters(cleaned, script)
    if proven is not None:
        return {state: 0.0 if state == proven else PROVEN for state in STATES}, 0
    if script == "han":  # letters shared by both ways of writing: either of them, nothing else
        both = SHARED_SCRIPTS["han"]
        return {state: 0.0 if state in both else PROVEN for state in STATES}, 0
    likelihoods, ngrams = read(own_words(cleaned, script), script)
    if not likelihoods:
        return None, 0
    best = max(likelihoods.values())
    outside = -min(6.0, 1.0 + 0.1 * ngrams)
    return {
        state: max(likelihoods[state] - best, FLOOR) if state in likelihoods else outside
        for state in STATES
    }, ngrams
