"""Cards for danger: shown at once, in every state, with or without the engine."""

import contextlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.dialogue.engine import LONGEST
from bot.errors import EngineUnavailable
from bot.handlers import case, language
from bot.handlers.turn import Turn

#: What may be heard, most urgent first -> its card, which has the name of the engine's intent.
CARDS = {"danger": "report_danger", "self_harm": "report_self_harm", "watched": "report_watched"}
_BY_CARD = {card: kind for kind, card in CARDS.items()}


#: Beside a counsellor, who reads it too, an understanding below this confidence only marks a line:
#: with all of them three ordinary lines in a hundred would make a talk RED, with this one in 250.
CLEAR: Final = 0.6


class How(StrEnum):
    """How something was heard: in a phrase of the word lists, or by the engine alone."""

    WORDS = "words"
    MAYBE = "maybe"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Heard:
    """A kind of CARDS, and how it was heard."""

    kind: str
    how: How = How.WORDS

    @property
    def urgent(self) -> bool:
        """Whether a life may be at stake, clearly enough to act on it."""
        return self.kind != "watched" and self.how is not How.UNCLEAR

    @property
    def signal(self) -> str:
        """What is kept with the case: its words tell the counsellor how sure it is."""
        return f"{self.kind}_{self.how}"


def is_card(key: str) -> bool:
    """Whether a response key of the engine is one of the urgent cards."""
    return key in _BY_CARD


async def show(turn: Turn, heard: Heard) -> None:
    """Shows the card of what was heard and raises the urgency. Nobody else is told anything."""
    card = CARDS[heard.kind]
    turn.session.signal(heard.signal)
    turn.session.misunderstood = 0
    turn.say(card)
    if other := _also_in(turn):
        turn.replies.append(turn.use.words.reply(card, other))
    await case.renew(turn)
    if heard.urgent:
        await case.call_out(turn)


def _also_in(turn: Turn) -> str:
    """The other language a card is shown in; "" for none.

    A chosen language stays, but a cry in another one is answered in that one too. Whoever writes
    in Latin letters and did not choose gets English beside letters they may not read.
    """
    heard = turn.screen.languages
    if language.writes_latin(turn):
        return "en"
    other = len(heard) == 1 and turn.session.language not in (None, heard[0])
    return heard[0] if other else ""


async def show_card(turn: Turn, card: str) -> None:
    """The same, by the card's name, for what the engine heard."""
    await show(turn, Heard(_BY_CARD[card], How.MAYBE))


def screened(turn: Turn) -> Heard | None:
    """The most urgent kind the word lists found in this message."""
    return next((Heard(kind) for kind in CARDS if getattr(turn.screen, kind)), None)


async def heard_beside(turn: Turn) -> Heard | None:
    """The most urgent kind in a message of a talk, where nobody else asks the engine.

    It is asked when the lists found no danger: they know a third of how danger is said. Nothing is
    stored there, and while it is away or slow (engine.PATIENCE) the lists alone are heard.
    """
    listed, text = screened(turn), turn.inbound.text.strip()[:LONGEST]
    if not text or (listed and listed.urgent):
        return listed
    understood = None
    with contextlib.suppress(EngineUnavailable):
        intent, confidence = await turn.use.engine.understand(text)
        if intent in _BY_CARD:
            how = How.MAYBE if confidence >= CLEAR else How.UNCLEAR
            understood = Heard(_BY_CARD[intent], how)
    return understood if understood and understood.urgent else listed or understood
