"""Loads the word lists that help the detector: greetings, words of no language, names of some."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Final

from bot.conversation.language.cleaning import fold
from bot.conversation.language.codes import LANGUAGES, STATES
from bot.data_file import read_mapping
from bot.errors import DataError

_HERE: Final = Path(__file__).parent
#: Arabizi: a digit stands for an Arabic letter inside a word; clock times and ranks do not.
_ARABIZI: Final = re.compile(r"(?=.*[379])(?=.*[a-z].*[a-z])[a-z379]*[a-z][a-z379]*")
_NOT_ARABIZI: Final = re.compile(
    r"\d+(am|pm|th|rd|st|nd|h|k|g|x|mg|kg|km|cm)|[a-z]{1,2}\d+|[a-z]+\d+"
)


def _load(name: str, allowed: Container[str]) -> dict[str, tuple[str, ...]]:
    content = read_mapping(_HERE / name)
    for state, words in content.items():
        if state not in allowed:
            raise DataError(f"{name}: unknown language {state}")
        for word in words:
            if not isinstance(word, str):  # YAML reads an unquoted yes or no as true or false
                raise DataError(f"{name}, {state}: {word!r} is not text, put it in quotes")
    return {state: tuple(map(fold, words)) for state, words in content.items()}


def _by_phrase(lists: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    states: dict[str, list[str]] = {}
    for state in STATES:
        for phrase in lists.get(state, ()):
            states.setdefault(phrase, []).append(state)
    return {phrase: tuple(found) for phrase, found in states.items() if phrase}


_GREETINGS: Final = _by_phrase(_load("greetings.yml", STATES))
_LONGEST: Final = max(len(phrase.split()) for phrase in _GREETINGS)
_NEUTRAL: Final = frozenset(_load("neutral.yml", ["words"])["words"])
_NAMES: Final = {
    phrase: states[0] for phrase, states in _by_phrase(_load("names.yml", LANGUAGES)).items()
}
_INDIGENOUS: Final = frozenset(_load("indigenous.yml", ["words"])["words"])
_POLITE: Final = frozenset(_load("polite.yml", ["words"])["words"])


def without_neutral(cleaned: str) -> str:
    """`cleaned` without the words that every language uses (ok, visa, Toronto, WhatsApp)."""
    return " ".join(word for word in cleaned.split() if fold(word) not in _NEUTRAL)


def greeted(folded: str) -> frozenset[str]:
    """The states whose greeting or cry for help stands in `folded`, as whole words."""
    if not folded.isascii() and " " not in folded and folded not in _GREETINGS:
        # Han text has no spaces: look inside it.
        inside = (
            s for phrase, s in _GREETINGS.items() if not phrase.isascii() and phrase in folded
        )
        return frozenset(state for states in inside for state in states if state.startswith("zh"))
    words = folded.split()
    found: set[str] = set()
    for start in range(len(words)):
        for end in range(start + 1, min(start + _LONGEST, len(words)) + 1):
            found.update(_GREETINGS.get(" ".join(words[start:end]), ()))
    return frozenset(found)


def arabizi_words(words: Iterable[str]) -> int:
    """How many words spell an Arabic letter with a digit (`3andi`, `sa7bi`)."""
    return sum(
        bool(_ARABIZI.fullmatch(word)) and not _NOT_ARABIZI.fullmatch(word) for word in words
    )


def named_language(text: str) -> str | None:
    """The language a message asks for by name ("español", "in English please"), else None.

    Only when nothing else is said: "I don't speak English" must not choose English.
    """
    if len(text) > 80:
        return None
    folded = fold(text)
    if folded in _NAMES:
        return _NAMES[folded]
    rest = " ".join(word for word in folded.split() if word not in _POLITE)
    return _NAMES.get(rest)


def names_indigenous(text: str) -> bool:
    """Whether a message only asks for an Indigenous language ("do you speak Cree?")."""
    if len(text) > 80:
        return False
    left = {word for word in fold(text).split() if word not in _POLITE}
    return bool(left) and left <= _INDIGENOUS
