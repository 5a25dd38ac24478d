"""Which language a person writes: pure functions over one message and a small remembered belief."""

from bot.conversation.language.belief import (
    SWITCH,
    Reading,
    believe,
    first_belief,
    update,
)
from bot.conversation.language.codes import LANGUAGES, LATIN, OTHER, normalise_code
from bot.conversation.language.scripts import NOT_OURS
from bot.conversation.language.words import named_language, names_indigenous

__all__ = [
    "LANGUAGES",
    "LATIN",
    "NOT_OURS",
    "OTHER",
    "SWITCH",
    "Reading",
    "believe",
    "first_belief",
    "named_language",
    "names_indigenous",
    "normalise_code",
    "update",
]
