"""Leaving: everything of this person is erased, at once, in every state."""

from bot.handlers.turn import Turn
from bot.messages import Reply


async def leave(turn: Turn, *, silent: bool = False, key: str = "left", what: str = "all") -> None:
    """Takes the person out of the queue and marks the conversation for erasing.

    The worker deletes the keys in the same step that ends the turn; the door deletes the
    messages of both sides. `silent`: no goodbye (the person blocked us, or must not be written to),
    else the words of `key`. `what`: "silence" when nobody left, but nobody wrote any more.
    """
    await turn.use.queue.abandon(turn.inbound.person, turn.fence, what)
    _end(turn, silent, key)


async def fade(turn: Turn, *, silent: bool = False) -> None:
    """It was quiet for long: the chat is erased; a talk that ended is kept as long as was said."""
    turn.key_kept = await turn.use.queue.keeps(turn.inbound.person)
    _end(turn, silent, "left")


def _end(turn: Turn, silent: bool, key: str) -> None:
    turn.ended = True
    turn.ops.clear()
    goodbye = "" if silent else turn.use.words.text("responses", key, turn.language)
    turn.replies = [Reply(text=goodbye, language=turn.language, erase=True)]


async def confirm(turn: Turn) -> None:
    """Asks before leaving when it was only understood from free text, and says the limits."""
    turn.say("erase")
