"""A secret word that opens the chat after a break, and a second that silently calls for help."""

from bot.handlers import case
from bot.handlers.turn import WORD_QUESTIONS, Turn
from bot.messages import Kind
from bot.safety.normalise import is_unspaced, normalise

#: Letters of the longest word. Chinese and Thai have no spaces between words, so that there only
#: its length tells a word from a sentence.
LONGEST, LONGEST_HAN, LONGEST_THAI = 30, 4, 8


def offer(turn: Turn) -> bool:
    """Asks once, after the question about safe contact, whether a word is wanted.

    Only somebody whose phone may be read has a use for it; others it would only confuse.
    """
    answers = turn.session.answers
    seen = answers.get("phone_seen") in ("yes", "unsure") or answers.get("safe_now") == "watched"
    if turn.session.code_offered or not seen:
        return False
    turn.session.code_offered = True
    turn.ask("code_word")
    return True


def decline(turn: Turn) -> None:
    """No word, or no second word: on with what was open."""
    turn.session.asking = None


def take(turn: Turn, word: str) -> bool:
    """Keeps a mark of a typed word (never the word itself); False when it cannot be one.

    One word only: somebody who writes a sentence is telling something, and must be heard.
    """
    session = turn.session
    longest = LONGEST
    if is_unspaced(word):
        longest = LONGEST_THAI if "\u0e00" <= word[0] <= "\u0e7f" else LONGEST_HAN
    if " " in word or not 2 <= len(word) <= longest:
        return False
    mark = turn.use.vault.word_mark(session.person, word)
    if session.asking == "code_word":
        session.code_mark = mark
        turn.ask("duress_word")
    elif mark == session.code_mark:  # the same word twice could not be told apart
        turn.ask("duress_word")
    else:
        session.duress_mark = mark
        session.asking = None
        turn.say("code_word_done")
    return True


def lock_after_break(turn: Turn) -> None:
    """Locks the conversation when it was quiet for long and a word is set."""
    session = turn.session
    if not turn.after_break:
        return
    turn.drop_word_question()
    if session.code_mark and not session.locked:
        session.locked = turn.wipes = True


def is_one(turn: Turn) -> bool:
    """Whether this message is one of the two words; one that is only being set is none yet."""
    session = turn.session
    if turn.inbound.kind is not Kind.TEXT or not session.code_mark:
        return False
    setting = session.asking in WORD_QUESTIONS and not session.locked
    return not setting and _mark(turn) in (session.code_mark, session.duress_mark)


async def opens(turn: Turn) -> bool:
    """Whether this message is one of the two words; the second also raises the urgency.

    They do the same in a chat that is not locked: whoever is forced may be forced at any time.
    """
    if not is_one(turn):
        return False
    if is_duress(turn):
        await call_for_help(turn)
    turn.session.locked, turn.wipes = False, True
    return True


def is_asked(turn: Turn) -> bool:
    """Whether the counsellor has asked for the word, and this message is to be held against it."""
    asked = turn.handoff is not None and turn.handoff.word_check == "asked"
    return asked and turn.inbound.kind is Kind.TEXT


async def in_talk(turn: Turn) -> bool:
    """During a talk: whether this message is a secret word, which goes into no transcript.

    Nothing is said in answer, whichever it was: whoever watches must see no difference. The
    counsellor sees it on the case card.
    """
    queue, duress = turn.use.queue, is_duress(turn)
    locked = turn.session.locked and turn.inbound.kind is Kind.TEXT  # asked for before the claim
    if turn.handoff is None or not (is_one(turn) or locked or is_asked(turn)):
        return False
    if duress:
        await call_for_help(turn)
        turn.session.locked = False
        turn.ops += queue.word_ops(turn.handoff, "duress", "duress_word")
        return True
    matches = bool(turn.session.code_mark) and _mark(turn) == turn.session.code_mark
    if matches or is_asked(turn):
        turn.ops += queue.word_ops(turn.handoff, "match" if matches else "no_match")
    turn.session.locked = turn.session.locked and not matches
    return matches


def ask_in_talk(turn: Turn) -> None:
    """In a chat locked before the claim somebody else may be writing.

    The word is asked for once, and the counsellor sees that it was.
    """
    found = turn.handoff
    if found is None or not turn.session.locked or found.forced or found.word_check:
        return
    turn.say("code_word_please")
    turn.ops += turn.use.queue.word_ops(found, "asked")


def is_duress(turn: Turn) -> bool:
    """Whether this message is the second word."""
    return bool(turn.session.duress_mark) and _mark(turn) == turn.session.duress_mark


async def call_for_help(turn: Turn) -> None:
    """In line as RED, and nothing of it is shown. Choosing the word was the consent."""
    turn.session.signal("duress_word")
    turn.handoff = await case.request(turn)
    await case.call_out(turn)


def _mark(turn: Turn) -> str:
    return turn.use.vault.word_mark(turn.session.person, normalise(turn.inbound.text))
