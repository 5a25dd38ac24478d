"""A secret word that opens the chat after a break, and a second that silently calls for help."""

from bot.handlers import case
from bot.handlers.turn import Turn
from bot.safety.normalise import normalise

#: After so long a silence the word is asked for, seconds.
BREAK = 10 * 60


def offer(turn: Turn) -> bool:
    """Asks once, after the question about safe contact, whether a word is wanted."""
    if turn.session.code_offered:
        return False
    turn.session.code_offered = True
    turn.ask("code_word")
    return True


def decline(turn: Turn) -> None:
    """No word, or no second word: on with what was open."""
    turn.session.asking = None


def take(turn: Turn) -> bool:
    """Keeps a mark of the typed word (never the word). False when more is still to be asked."""
    session = turn.session
    word = normalise(turn.inbound.text)
    if not word:
        turn.ask_again()
        return False
    mark = turn.use.vault.word_mark(session.person, word)
    if session.asking == "code_word":
        session.code_mark = mark
        turn.ask("duress_word")
        return False
    if mark == session.code_mark:  # the same word twice could not be told apart
        turn.ask_again()
        return False
    session.duress_mark = mark
    turn.say("code_word_done")
    session.asking = None
    return True


def lock_after_break(turn: Turn) -> None:
    """Locks the conversation when it was quiet for long and a word is set."""
    session = turn.session
    if session.code_mark and turn.inbound.at - session.last_at > BREAK:
        session.locked = True


async def unlock(turn: Turn) -> bool:
    """Whether this message is one of the two words; the second also raises the urgency."""
    session = turn.session
    mark = turn.use.vault.word_mark(session.person, normalise(turn.inbound.text))
    if mark not in (session.code_mark, session.duress_mark):
        return False
    session.locked = False
    if mark == session.duress_mark:
        session.signal("duress_word")
        await case.renew(turn)
    return True
