"""Brings typed text into one shape, so that word lists match however it was typed."""

import re
import unicodedata

#: Longest text looked at, characters; the rest of a longer message is not read.
LONGEST = 4_000

# Letters that people write one for the other, and the tatweel that only stretches a word.
_FOLD = str.maketrans({
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ة": "ه", "ک": "ك",
    "ё": "е", "đ": "d", "ı": "i", "ł": "l",
    "ـ": None, "'": None, "’": None, "‘": None, "ʼ": None, "`": None, "´": None,
})  # fmt: skip
_ARABIC_MARKS = range(0x0610, 0x06ED)
# The nukta and the addak of Indic scripts: half of all writers leave them out.
_OFTEN_LEFT_OUT = frozenset("\u093c\u09bc\u0a3c\u0abc\u0a71")
# Stretched words ("noooo"). Arabic never doubles a letter in writing, other scripts do.
_STRETCHED = re.compile(r"(.)\1{2,}")
# A dash inside a word ends nothing, nor does the point in "9.30". Who is in a hurry leaves out the
# space behind, or puts an emoji where a sentence ends.
_CLAUSE_END = re.compile(
    r"[,.;:!?()](?!\d)|\s[-–]+|[-–]+\s"
    r"|[—…\n،؛؟۔।。，！？；：、（）\u2600-\u27bf\U0001f300-\U0001faff]"
)
_AND = re.compile(r"\b[وف](?=[\u0620-\u064a]{3})")
_UNSPACED = re.compile(r"[㐀-鿿豈-﫿\u0e00-\u0e7f]")


def clauses(text: str) -> str:
    """`text` folded like `normalise`, with a bar where a clause ends: "no | he has a knife"."""
    return " | ".join(filter(None, map(normalise, _CLAUSE_END.split(text[:LONGEST]))))


def normalise(text: str) -> str:
    """`text` folded: NFKC, lower case, no invisible or bidi marks, no Latin accents, no Arabic
    vowel marks, no nukta or addak, punctuation as single spaces. Indic vowel signs stay: they
    are part of the word. Never raises; lone surrogates and control characters vanish.
    """
    text = unicodedata.normalize("NFKC", text[:LONGEST]).casefold().translate(_FOLD)
    out: list[str] = []
    base = ""
    for char in unicodedata.normalize("NFD", text):
        category = unicodedata.category(char)
        if category == "Mn" and (ord(base or " ") < 0x0370 or ord(char) in _ARABIC_MARKS):
            continue
        if category in ("Cf", "Cs", "Co", "Cn") or char in _OFTEN_LEFT_OUT:
            continue
        base = char
        out.append(char if category[0] in "LMN" else " ")
    folded = " ".join(unicodedata.normalize("NFC", "".join(out)).split())
    return _STRETCHED.sub(_shrink, folded)


def _shrink(run: re.Match[str]) -> str:
    letter = run[1]
    return letter if "\u0600" <= letter <= "\u06ff" else letter * 2


def without_arabic_and(normal: str) -> str:
    """The same text without the "and" (و, ف) that Arabic writes onto the next word."""
    return _AND.sub("", normal)


def is_unspaced(text: str) -> bool:
    """Whether `text` holds Chinese or Thai letters, which are written without spaces."""
    return _UNSPACED.search(text) is not None
