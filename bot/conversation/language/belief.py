"""Remembers, message by message, which language a person writes: the detector's only public door.

A belief is a small dict of state -> probability. It holds no text, so a session may store it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.conversation.language.codes import LANGUAGES, OTHER, ROMANISED, STATES, normalise_code
from bot.conversation.language.evidence import posterior, weigh
from bot.conversation.language.words import named_language

#: Below this no language is spoken yet: the person is asked, in English and French.
SPEAK: Final = 0.5
#: From this on a conversation changes its language, or one message alone is believed.
SWITCH: Final = 0.9
#: Belief in a language the person named.
NAMED: Final = 0.97

_FORGET: Final = 0.02
_HINT: Final = 0.6
#: Phones in Canada are often set to English whoever holds them, so English is a weak hint.
_ENGLISH_HINT: Final = 0.1
_ROMANISED_SHARE: Final = 0.1
_BASE: Final = {"en": 4.0, "fr": 2.0, OTHER: 0.6, **dict.fromkeys(ROMANISED, 0.6)}
_NOT_OFFERED: Final = 0.5


@dataclass(frozen=True)
class Reading:
    """What is known about a person's language after one more message.

    belief: state -> probability, to be stored and handed in with the next message.
    language: the offered language to answer in; None means ask (two languages and buttons).
    certainty: probability of `detected`, 0 to 1.
    detected: the likeliest language of the 26, offered or not, or `other`.
    message_language: what this message alone is with p >= 0.9 (a language or `other`), else None.
    romanised: this message is most likely that language typed in Latin letters.
    script: leading script of this message (latin, arabic, han...); `unknown`: not ours, or `none`.
    """

    belief: dict[str, float]
    language: str | None
    certainty: float
    detected: str
    message_language: str | None
    romanised: bool
    script: str


def update(
    belief: Mapping[str, float] | None,
    text: str,
    *,
    hint: str = "",
    offered: Sequence[str],
    current: str | None = None,
    chosen: bool = False,
) -> Reading:
    """Read one more message.

    belief: from the last Reading, None for a new person. text: anything a person sent.
    hint: the platform's language code, used only when there is no belief yet.
    offered: languages complete enough to answer in.
    current: the language answered in so far (None: the one the old belief leads to).
    chosen: the person picked `current`; it is then kept, and only `message_language` tells that a
    message was in another language.
    """
    before = _checked(belief) or first_belief(hint, offered)
    if current not in offered:
        current = _spoken(_by_language(before), None, offered) if belief else None
    named = named_language(text)
    evidence = weigh(text)
    after, message_language, romanised = before, None, False
    if named is not None:
        after, message_language = believe(named), named
        chosen = chosen and named not in offered  # a name is a newer choice
    elif evidence.weights is not None:
        base = _base(offered)
        mixed = {s: (1 - _FORGET) * before[s] + _FORGET * base[s] for s in STATES}
        after = posterior(evidence.weights, mixed)
        alone = posterior(evidence.weights, dict.fromkeys(STATES, 1.0))
        message_language = _sure(alone)
        romanised = _leader(alone) in ROMANISED and _leader(after) in ROMANISED
    languages = _by_language(after)
    detected = _leader(languages)
    return Reading(
        belief={state: round(after[state], 6) for state in STATES},
        language=current if chosen and current else _spoken(languages, current, offered),
        certainty=languages[detected],
        detected=detected,
        message_language=message_language,
        romanised=romanised,
        script=evidence.script,
    )


def first_belief(hint: str, offered: Sequence[str]) -> dict[str, float]:
    """The belief about a person who has not written yet, from the platform's language code."""
    base = _base(offered)
    if not hint:
        return base
    state = normalise_code(hint) or OTHER
    share = _ENGLISH_HINT if state == "en" else _HINT
    belief = {s: (1 - share) * base[s] for s in STATES}
    typed = _romanised_state(state)
    if typed:
        belief[typed] += _ROMANISED_SHARE
        share -= _ROMANISED_SHARE
    belief[state] += share
    return belief


def believe(language: str) -> dict[str, float]:
    """The belief about a person who named or pressed `language` (one of the 26)."""
    rest = (1 - NAMED) / (len(STATES) - 1)
    return {state: NAMED if state == language else rest for state in STATES}


def _base(offered: Sequence[str]) -> dict[str, float]:
    def weight(state: str) -> float:
        language = ROMANISED.get(state, state)
        known = language in offered or state == OTHER
        return _BASE.get(state, 1.0) * (1.0 if known else _NOT_OFFERED)

    total = sum(map(weight, STATES))
    return {state: weight(state) / total for state in STATES}


def _checked(belief: Mapping[str, float] | None) -> dict[str, float] | None:
    """A stored belief made whole: states of another version dropped or added, the sum 1 again."""
    if not belief:
        return None
    kept = {state: float(belief.get(state, 0.0)) for state in STATES}
    if not all(math.isfinite(p) and p >= 0 for p in kept.values()) or sum(kept.values()) <= 0:
        return None
    total = sum(kept.values())
    return {state: p / total for state, p in kept.items()}


def _by_language(belief: Mapping[str, float]) -> dict[str, float]:
    """Probability per language: what is typed in Latin letters counts for its language."""
    sums = {state: belief[state] for state in (*LANGUAGES, OTHER)}
    for state, language in ROMANISED.items():
        # hi-Latn is Hindi and Urdu: it goes to the one the rest of the conversation speaks for.
        if state == "hi-Latn" and belief["ur"] > belief["hi"]:
            language = "ur"
        sums[language] += belief[state]
    return sums


def _spoken(
    languages: Mapping[str, float], current: str | None, offered: Sequence[str]
) -> str | None:
    leader = _leader(languages)
    if current is not None and (leader == current or languages[leader] < SWITCH):
        return current
    return leader if leader in offered and languages[leader] >= SPEAK else None


def _sure(alone: Mapping[str, float]) -> str | None:
    languages = _by_language(alone)
    leader = _leader(languages)
    return leader if languages[leader] >= SWITCH else None


def _leader(probabilities: Mapping[str, float]) -> str:
    return max(probabilities, key=probabilities.__getitem__)


def _romanised_state(language: str) -> str | None:
    if language == "ur":
        return "hi-Latn"
    return next((state for state, of in ROMANISED.items() if of == language), None)
