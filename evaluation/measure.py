"""Asks the product about every line: the safety screen first, then the engine, as in a turn."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from bot.handlers.urgent import CLEAR
from bot.safety.lexicon import Lexicon
from bot.safety.normalise import normalise
from bot.safety.screen import screen
from bot.understand import Parser
from evaluation.sets import Line

URGENT = ("report_danger", "report_self_harm")
#: What the screen hears, most urgent first, as the intent that it stands for.
_HEARD = {
    "danger": "report_danger",
    "self_harm": "report_self_harm",
    "watched": "report_watched",
    "leave": "erase",
}
_MEANS = {"affirm": "yes", "deny": "no", "unsure": "unsure"}


@dataclass(frozen=True)
class Found:
    """A line and what was made of it. `engine`: the engine alone, `sure` from 0 to 1; `seconds`."""

    line: Line
    screen: str | None
    engine: str
    sure: float
    seconds: float
    answer: str | None

    @property
    def intent(self) -> str:
        """Screen and engine together: a word list's hit or the engine's urgent intent is enough."""
        if self.engine in URGENT and self.screen not in URGENT:
            return self.engine
        return self.screen or self.engine

    @property
    def raised(self) -> bool:
        """Whether the person gets a card for danger or self-harm."""
        return self.intent in URGENT

    @property
    def raised_in_talk(self) -> bool:
        """Whether it makes a talk RED: there the engine has to be clear."""
        return self.screen in URGENT or (self.engine in URGENT and self.sure >= CLEAR)

    @property
    def opposite(self) -> bool:
        """Whether a yes, a no or a not-sure would fill a safety answer with another value."""
        meant = _MEANS.get(self.line.intent)
        return bool(meant and self.answer and self.answer != meant)


def measure(lines: Iterable[Line], engine: Parser) -> list[Found]:
    """One Found a line. Raises EngineUnavailable."""
    lexicon = Lexicon.load()
    return [_one(line, lexicon, engine) for line in lines]


def _one(line: Line, lexicon: Lexicon, engine: Parser) -> Found:
    kinds = screen(line.text, lexicon).kinds()
    began = time.perf_counter()
    intent, sure = engine.intent(" ".join(line.text.split()))
    seconds = time.perf_counter() - began
    heard = next((intent for kind, intent in _HEARD.items() if kind in kinds), None)
    answer = lexicon.answer(normalise(line.text), line.language)
    return Found(line, heard, intent, sure, seconds, answer)
