"""Names the script of a message and what its letters alone prove about the language."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Final

from bot.conversation.language.codes import OTHER, SINGLE_SCRIPTS

#: First and last code point of every script that is told apart; a letter outside them is "unknown".
_RANGES: Final = (
    ("latin", 0x0041, 0x024F),
    ("latin", 0x1E00, 0x1EFF),
    ("cyrillic", 0x0400, 0x052F),
    ("arabic", 0x0600, 0x06FF),
    ("arabic", 0x0750, 0x077F),
    ("devanagari", 0x0900, 0x097F),
    ("bengali", 0x0980, 0x09FF),
    ("gurmukhi", 0x0A00, 0x0A7F),
    ("gujarati", 0x0A80, 0x0AFF),
    ("tamil", 0x0B80, 0x0BFF),
    ("thai", 0x0E00, 0x0E7F),
    ("hangul", 0x1100, 0x11FF),
    ("ethiopic", 0x1200, 0x139F),
    ("ethiopic", 0x2D80, 0x2DDF),
    ("syllabics", 0x1400, 0x167F),
    ("syllabics", 0x18B0, 0x18FF),
    ("hangul", 0x3130, 0x318F),
    ("hangul", 0xAC00, 0xD7AF),
    ("kana", 0x3040, 0x30FF),
    ("han", 0x3400, 0x4DBF),
    ("han", 0x4E00, 0x9FFF),
    ("han", 0x20000, 0x323AF),
)
#: Known by name because there is a line to give (Amharic, Tigrinya, Cree, Inuktitut), not spoken.
NOT_OURS: Final = frozenset({"unknown", "ethiopic", "syllabics"})
#: A few letters of another script outweigh Latin ones beside them: brand names and English words
#: are mixed into every language, and nobody mixes Bengali letters into English.
_LATIN_WEIGHT: Final = 1 / 6

_UKRAINIAN: Final = frozenset("іїєґ")
_RUSSIAN: Final = frozenset("ыэё")  # ъ is left out: Bulgarian is full of it
_FOREIGN_CYRILLIC: Final = frozenset("ўәғқңөұүһђјљњћџѓќѕ")
_URDU: Final = frozenset("ٹڈڑںےھہ")
_FOREIGN_ARABIC: Final = frozenset("ټډړږښڼڕڵۆێە")
_CANTONESE: Final = frozenset("嘅咗喺唔佢冇")


@lru_cache(maxsize=4096)
def script_of_letter(char: str) -> str:
    """The script of one letter, or `unknown`."""
    point = ord(char)
    for name, first, last in _RANGES:
        if first <= point <= last:
            return name
    return "unknown"


def script_of(cleaned: str) -> str:
    """The leading script of a cleaned message; `unknown`: not one of ours, `none`: it is empty."""
    counts = Counter(script_of_letter(char) for char in cleaned if char != " ")
    if not counts:
        return "none"
    if counts["kana"] and counts["kana"] + counts["han"] > counts["latin"]:
        return "unknown"  # Japanese also uses hanzi; its own letters decide
    # Ties go to the name that comes first in the alphabet, never to the order of a set.
    leading = min(
        counts, key=lambda name: (-counts[name] * (_LATIN_WEIGHT if name == "latin" else 1.0), name)
    )
    return "unknown" if leading == "kana" else leading


def own_words(cleaned: str, script: str) -> str:
    """Only the words of `cleaned` that hold a letter of `script`."""
    return " ".join(
        word for word in cleaned.split() if any(script_of_letter(c) == script for c in word)
    )


def proven_by_letters(cleaned: str, script: str) -> str | None:
    """The one state the letters prove, or None when several languages share everything seen."""
    if script in SINGLE_SCRIPTS:
        return SINGLE_SCRIPTS[script]
    letters = set(cleaned)
    if script in NOT_OURS:
        return OTHER
    if script == "cyrillic":
        return _proven_cyrillic(letters)
    if script == "arabic":
        if letters & _FOREIGN_ARABIC:
            return OTHER
        return "ur" if letters & _URDU else None
    return _proven_han(cleaned) if script == "han" else None


def _proven_cyrillic(letters: set[str]) -> str | None:
    if letters & _FOREIGN_CYRILLIC:
        return OTHER
    ukrainian, russian = letters & _UKRAINIAN, letters & _RUSSIAN
    if bool(ukrainian) == bool(russian):
        return None
    return "uk" if ukrainian else "ru"


def _proven_han(cleaned: str) -> str | None:
    if _CANTONESE.intersection(cleaned):
        return "zh-Hant"
    simplified = sum(_encodes(char, "gb2312") and not _encodes(char, "big5") for char in cleaned)
    traditional = sum(_encodes(char, "big5") and not _encodes(char, "gb2312") for char in cleaned)
    if simplified == traditional:
        return None
    return "zh-Hans" if simplified > traditional else "zh-Hant"


@lru_cache(maxsize=8192)
def _encodes(char: str, codec: str) -> bool:
    try:
        char.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
