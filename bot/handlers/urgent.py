"""Cards for danger: shown at once, in every state, with or without the engine."""

from bot.handlers import case
from bot.handlers.turn import Turn

#: What the screen or the engine heard -> (card, signal kept with the case).
CARDS = {
    "danger": ("report_danger", "danger_words"),
    "self_harm": ("report_self_harm", "self_harm_words"),
    "watched": ("report_watched", "watched_words"),
}
_BY_CARD = {card: kind for kind, (card, _) in CARDS.items()}


def is_card(key: str) -> bool:
    """Whether a response key of the engine is one of the urgent cards."""
    return key in _BY_CARD


async def show(turn: Turn, kind: str) -> None:
    """Shows the card of one kind and raises the urgency. Nothing is passed on to anybody."""
    card, signal = CARDS[kind]
    turn.session.signal(signal)
    turn.session.misunderstood = 0
    turn.say(card)
    heard = turn.screen.languages
    if len(heard) == 1 and turn.session.language not in (None, heard[0]):
        # A chosen language stays, but a cry in another one is answered in that one too.
        turn.replies.append(turn.use.words.reply(card, heard[0]))
    await case.renew(turn)
    if kind != "watched":
        await case.call_out(turn)


async def show_card(turn: Turn, card: str) -> None:
    """The same, by the card's name, for what the engine heard."""
    await show(turn, _BY_CARD[card])


def screened(turn: Turn) -> str | None:
    """The most urgent kind the word lists found in this message."""
    return next((kind for kind in CARDS if getattr(turn.screen, kind)), None)
