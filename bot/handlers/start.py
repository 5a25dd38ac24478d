"""Hello: the first message, /start, /help, and coming back."""

from bot.handlers.turn import Turn


def hello(turn: Turn) -> None:
    """The greeting, or where we stopped for someone who comes back in mid-check."""
    if turn.session.checking:
        turn.say("welcome_back")
    else:
        turn.say("greeting")
