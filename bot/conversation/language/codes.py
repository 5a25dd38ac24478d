"""The languages the detector knows, their scripts, and how a platform's code becomes ours."""

from __future__ import annotations

import re
from typing import Final

#: Every language of the design, BCP 47, in the order in which they are listed to people.
LANGUAGES: Final = (
    "en", "fr", "es", "pt", "ro", "hu", "pl", "tl", "vi", "so", "sw", "tr", "ru", "uk", "ar", "fa",
    "ur", "hi", "pa", "bn", "gu", "ta", "ko", "zh-Hans", "zh-Hant", "th",
)  # fmt: skip

#: Languages typed in Latin letters that have a state of their own, and the language each one is.
#: `hi-Latn` is spoken Hindi and Urdu alike: which of the two is never inferred from the letters.
ROMANISED: Final = {
    "pa-Latn": "pa", "ar-Latn": "ar", "hi-Latn": "hi", "fa-Latn": "fa", "bn-Latn": "bn",
    "gu-Latn": "gu", "ta-Latn": "ta", "ru-Latn": "ru", "uk-Latn": "uk", "zh-Latn": "zh-Hans",
}  # fmt: skip

#: The state of every language outside the 26.
OTHER: Final = "other"

STATES: Final = (*LANGUAGES, *ROMANISED, OTHER)

#: The languages whose own letters are the Latin ones.
LATIN: Final = LANGUAGES[: LANGUAGES.index("ru")]

#: Which languages are written in each script that is shared by several of them.
SHARED_SCRIPTS: Final = {
    "latin": (*LATIN, *ROMANISED, OTHER),
    "cyrillic": ("ru", "uk", OTHER),
    "arabic": ("ar", "fa", "ur", OTHER),
    "han": ("zh-Hans", "zh-Hant"),
}

#: Scripts that name one language of ours on their own.
SINGLE_SCRIPTS: Final = {
    "gurmukhi": "pa",
    "devanagari": "hi",
    "bengali": "bn",
    "gujarati": "gu",
    "tamil": "ta",
    "hangul": "ko",
    "thai": "th",
}

_ALIASES: Final = {
    "fil": "tl", "pes": "fa", "prs": "fa", "yue": "zh-Hant", "cmn": "zh-Hans", "pan": "pa",
    "pnb": "ur", "mo": "ro",
}  # fmt: skip
_TRADITIONAL: Final = frozenset({"hant", "tw", "hk", "mo"})
_CODE: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*")


def normalise_code(code: str) -> str | None:
    """A platform's language code (`pt-br`, `zh_TW`, `fil`) as one of `LANGUAGES`, else None."""
    parts = code.strip().replace("_", "-").lower()
    if len(parts) > 35 or not _CODE.fullmatch(parts):
        return None
    primary, *rest = parts.split("-")
    if primary == "zh":
        return "zh-Hant" if _TRADITIONAL.intersection(rest) else "zh-Hans"
    if primary == "pa" and "arab" in rest:
        return "ur"  # Shahmukhi Punjabi is read in the letters of Urdu, not in Gurmukhi
    language = _ALIASES.get(primary, primary)
    return language if language in LANGUAGES else None
