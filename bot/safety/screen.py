"""The safety screen: what a message says about danger, before anything else is done with it.

A pure function of the text and the word lists of all languages. No I/O, so it works with the
engine, Redis and the network down, and it takes well under a millisecond.
"""

from dataclasses import dataclass

from bot.safety.lexicon import Lexicon
from bot.safety.normalise import normalise


@dataclass(frozen=True)
class Screen:
    """What was found. `languages`: whose lists matched, for choosing an answer's language."""

    danger: bool = False
    self_harm: bool = False
    watched: bool = False
    leave: bool = False
    languages: tuple[str, ...] = ()

    @property
    def urgent(self) -> bool:
        """Whether a life may be at stake."""
        return self.danger or self.self_harm

    def kinds(self) -> list[str]:
        """The names of what was found, for operators."""
        names = ("danger", "self_harm", "watched", "leave")
        return [name for name in names if getattr(self, name)]


def screen(text: str, lexicon: Lexicon) -> Screen:
    """Screens one message. Never raises, whatever the text."""
    normal = normalise(text)
    if not normal:
        return Screen()
    found = lexicon.hits(text)
    kinds = {hit.kind for hit in found}
    return Screen(
        danger="danger" in kinds,
        self_harm="self_harm" in kinds,
        watched="watched" in kinds,
        leave=lexicon.is_whole("leave", normal),
        languages=tuple(sorted({hit.language for hit in found})),
    )
