"""Reduces a message to the letters that can tell a language, before anything is measured."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Characters looked at. A language shows in far fewer, and a pasted book must not cost time.
MAX_RAW: Final = 4000
MAX_CLEAN: Final = 600

_LINKS: Final = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|(?<!\w)[@#/]\w+", re.IGNORECASE)
_STRETCHED: Final = re.compile(r"(.)\1{2,}")
_APOSTROPHES: Final = str.maketrans({"\u2019": "'", "\u02bc": "'", "`": "'"})
_ARABIC_FOLD: Final = str.maketrans(
    {
        "\u0640": None,
        **dict.fromkeys("أإآٱ", "ا"),
        "ى": "ي",
        "ی": "ي",
        "ک": "ك",
        "ة": "ه",
    }
)


def clean(text: str) -> str:
    """Letters and marks of `text` in lower case, single spaces; links, handles, digits dropped."""
    text = unicodedata.normalize("NFKC", text[:MAX_RAW].translate(_APOSTROPHES))
    # Capitals are lowered because langdetect drops the n-grams of words written in them.
    text = _STRETCHED.sub(r"\1\1", _LINKS.sub(" ", text).lower())
    return " ".join("".join(map(_letter, text)).split())[:MAX_CLEAN].rstrip()


def fold(text: str) -> str:
    """`clean` text without the accents and letter variants that people leave out when they type."""
    decomposed = unicodedata.normalize("NFD", clean(text).translate(_ARABIC_FOLD))
    return unicodedata.normalize("NFC", "".join(filter(_kept_by_fold, decomposed)))


def raw_words(text: str) -> list[str]:
    """Lower-case words of `text` with their digits kept (Arabic typed as `3andi`)."""
    text = unicodedata.normalize("NFKC", text[:MAX_RAW])
    return re.findall(r"\w+", _LINKS.sub(" ", text).lower())


def _letter(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] in "LM":
        return char
    # Format marks (bidi, zero width) and surrogates vanish without splitting the word around them.
    return "" if category in ("Cf", "Cs") else " "


def _kept_by_fold(char: str) -> bool:
    point = ord(char)
    return not (0x0300 <= point < 0x0370 or 0x064B <= point < 0x0660)
