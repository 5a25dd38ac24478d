"""Normalises what people write, in any script, and cuts it into the classifier's word features."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import regex
from anyascii import anyascii

#: Runs of letters, marks and digits. The standard `re` module does not count Indic vowel signs as
#: word characters and would cut Gurmukhi words apart.
_WORDS = regex.compile(r"[\p{L}\p{M}\p{N}]+")
#: Scripts written without spaces: one character is a word of its own.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]")
_MEANING = regex.compile(r"[\p{L}\p{N}]")
_INVISIBLE = regex.compile(r"(?:(?!\n)[\p{Cf}\p{Cc}\p{Cs}\u0640])+")
_ARABIC_FOLD = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ئ": "ي", "ة": "ه"})
_ARABIC_MARKS = regex.compile(r"[\u0610-\u061a\u064b-\u065f\u0670]")
#: Marks are folded away only below this code point: above it they are vowels (Gurmukhi, Hindi...).
_FOLD_ACCENTS_BELOW = "\u0370"

MAX_GRAM = 5
#: Romanised text has no one spelling ("zyada", "jyada", "ziada"): letters that are taken for one
#: another are written as one, in this order.
_SOUNDS_ALIKE = (
    ("ph", "f"), ("w", "v"), ("z", "j"), ("kh", "h"), ("q", "k"), ("c", "k"), ("x", "ks"),
    ("sh", "s"), ("th", "t"), ("dh", "d"), ("bh", "b"), ("gh", "g"), ("y", "i"),
    ("3", "a"), ("7", "h"), ("9", "k"), ("2", ""),
)  # fmt: skip
_DOUBLED = regex.compile(r"(.)\1+")
_VOWELS = regex.compile("[aeiou]+")


def has_meaning(text: str) -> bool:
    """True when the text has at least one letter or digit (an emoji or "?!" alone has none)."""
    return _MEANING.search(text) is not None


def clean(text: str) -> str:
    """Return the text without controls, lone surrogates and invisible marks.

    Spaces are kept, and the ends of lines, which part sentences.
    """
    kept = "".join(" " if char in "\r\t" else char for char in text)
    return _INVISIBLE.sub("", kept).strip()


def normalise(text: str) -> str:
    """Return lower case text in one form: NFKC, accents and Arabic variants folded."""
    folded = clean(unicodedata.normalize("NFKC", text)).lower()
    folded = _ARABIC_MARKS.sub("", folded.translate(_ARABIC_FOLD))
    return unicodedata.normalize("NFC", "".join(_fold_accents(folded)))


def _fold_accents(text: str) -> Iterator[str]:
    for char in text:
        base = unicodedata.normalize("NFD", char)[0]
        yield base if base < _FOLD_ACCENTS_BELOW else char


def words(text: str) -> list[str]:
    """Return the words of a normalised text; Han, kana and Thai characters stand alone."""
    return [
        piece for run in _WORDS.findall(text) for piece in _UNSPACED.sub(r" \g<0> ", run).split()
    ]


def features(text: str) -> Counter[str]:
    """Count words, pairs and character n-grams of a raw text, as it is written and as it sounds."""
    tokens = words(normalise(text))
    found: Counter[str] = Counter(f"w:{token}" for token in tokens)
    found.update(f"p:{left} {right}" for left, right in pairwise(tokens))
    for token in tokens:
        found.update(f"c:{gram}" for gram in _grams(token, MAX_GRAM))
    heard = sounds(tokens)
    found.update(f"s:{sound}" for sound in heard)
    found.update(f"t:{left} {right}" for left, right in pairwise(heard))
    for sound in dict.fromkeys(heard):
        found.update(f"k:{gram}" for gram in _grams(sound, 3))
    return found


def sounds(tokens: list[str]) -> list[str]:
    """Return the words as they sound, in Latin consonants: one form for every script and spelling.

    The first vowel of a word is kept as "a", the others go: the Gurmukhi for "my", "mera" and
    "meraa" are all "mr".
    """
    heard = []
    for token in words(anyascii(" ".join(tokens)).lower()):
        for written, said in _SOUNDS_ALIKE:
            token = token.replace(written, said)
        token = _DOUBLED.sub(r"\1", token)
        heard.append(_VOWELS.sub("a", token[:1]) + _VOWELS.sub("", token[1:]))
    return heard


def _grams(token: str, longest: int) -> Iterator[str]:
    padded = f" {token} "
    for size in range(2, longest + 1):
        yield from (padded[start : start + size] for start in range(len(padded) - size + 1))
