"""Brings typed text into one shape, so that word lists match however it was typed."""

import re
import unicodedata

#: Longest text looked at, characters; the rest of a longer message is not read.
LONGEST = 4_000

# Arabic letters that people write one for the other, and the tatweel that only stretches a word.
_FOLD = str.maketrans({
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ة": "ه", "ک": "ك",
    "ـ": None, "'": None, "’": None, "‘": None, "ʼ": None, "`": None, "´": None,
})  # fmt: skip
_ARABIC_MARKS = range(0x0610, 0x06ED)
_HAN = re.compile(r"[㐀-鿿豈-﫿]")


def normalise(text: str) -> str:
    """`text` folded: NFKC, lower case, no invisible or bidi marks, no Latin accents, no Arabic
    vowel marks, punctuation as single spaces. Indic vowel signs stay: they are part of the word.
    Never raises; lone surrogates and control characters vanish.
    """
    text = unicodedata.normalize("NFKC", text[:LONGEST]).casefold().translate(_FOLD)
    out: list[str] = []
    base = ""
    for char in unicodedata.normalize("NFD", text):
        category = unicodedata.category(char)
        if category == "Mn" and (ord(base or " ") < 0x0370 or ord(char) in _ARABIC_MARKS):
            continue
        if category in ("Cf", "Cs", "Co", "Cn"):
            continue
        base = char
        out.append(char if category[0] in "LMN" else " ")
    return " ".join(unicodedata.normalize("NFC", "".join(out)).split())


def has_han(text: str) -> bool:
    """Whether `text` holds Chinese characters, which are written without spaces."""
    return _HAN.search(text) is not None
