"""Which language to speak: the person's choice by button or by name always wins.

Who writes in a language we do not speak is told so, with the phone line that does; never a guess.
"""

from bot.conversation import language as detection
from bot.handlers import case, help_lines
from bot.handlers.turn import Turn
from bot.messages import Reply

#: Below this it is not known which language of a script somebody writes.
_UNSURE = 0.5
#: One language in speech and in Latin letters: there a word list's phrase does not tell them apart.
_ALIKE = frozenset({"hi", "ur"})
#: Kept in the session once the offer of other letters was made.
_LETTERS = "letters"


async def listen(turn: Turn) -> None:
    """Takes what a typed message shows about the language; offers a switch, never forces one.

    In a talk only what is sure: what a counsellor answers in does not change by a single word.
    """
    session, offered = turn.session, turn.use.words.codes()
    before = session.language, session.romanised
    reading = detection.update(
        session.belief,
        turn.inbound.text,
        hint=turn.inbound.hint,
        offered=offered,
        current=session.language,
        chosen=session.pinned,
    )
    turn.reading = reading
    session.belief = reading.belief
    if reading.romanised:
        session.romanised = True
    elif reading.message_language and reading.script != "latin":
        session.romanised = False  # "ok" and 911 are written so by everybody, and show nothing
    if turn.handoff is None or not turn.handoff.with_counsellor:
        session.language = _spoken(turn, reading)
    elif reading.certainty >= detection.SWITCH or reading.language == reading.message_language:
        session.language = reading.language or session.language
    if (session.language, session.romanised) != before:
        await case.renew(turn)  # whoever takes them must write what they can read


def _spoken(turn: Turn, reading: detection.Reading) -> str | None:
    """The language to answer in; None: not known."""
    heard = turn.screen.languages
    if turn.screen.urgent and not turn.session.pinned and len(heard) == 1:
        # Too short to be sure of, but a phrase of one language's danger list was found.
        known = turn.session.language
        both = reading.script == "latin" and known in _ALIKE and heard[0] in _ALIKE
        return known if both else heard[0]
    if reading.language is None and reading.script == "arabic" and reading.certainty < _UNSURE:
        return "ar"  # a short message in the one script that few languages share
    return reading.language


async def read_page(turn: Turn) -> None:
    """Takes the language of somebody who only pressed a button so far.

    A web page was shown in that language, and a button in it was chosen; an app's language is a
    hint only, and English the weakest.
    """
    if turn.session.language is None and turn.on_web:
        if turn.inbound.hint in turn.use.words.codes():
            turn.session.language = turn.inbound.hint
    elif turn.session.language is None:
        await listen(turn)


def offer(turn: Turn) -> None:
    """One line in the other language, once, when someone writes in one we do not answer in."""
    session = turn.session
    if not session.pinned or session.belief is None:
        return
    reading = detection.update(None, turn.inbound.text, offered=turn.use.words.codes())
    other = reading.message_language
    if other in (None, session.language, session.offered_language):
        return
    if other in turn.use.words.codes():
        session.offered_language = other
        turn.replies.append(turn.use.words.reply("language_offer", other))


def writes_latin(turn: Turn) -> bool:
    """Whether they write in Latin letters and are answered in others, which nobody chose.

    They may not be able to read them: Punjabi is written in two alphabets.
    """
    session = turn.session
    latin = session.romanised or (turn.reading is not None and turn.reading.script == "latin")
    own = session.language is None or session.language in detection.LATIN
    return latin and not (own or session.pinned)


def offer_letters(turn: Turn) -> None:
    """Once, in letters they can read, the languages as buttons, for who `writes_latin`."""
    session = turn.session
    if session.locked or session.offered_language == _LETTERS or not session.romanised:
        return
    if writes_latin(turn):
        session.offered_language = _LETTERS
        turn.replies.append(turn.use.words.reply("language_romanised", "en"))


def note(turn: Turn) -> None:
    """Once, in their own letters, for languages we can only recognise (Amharic, Tigrinya)."""
    script = turn.reading.script if turn.reading else ""
    text = turn.use.words.note(script)
    if text and turn.session.offered_language != script:
        turn.session.offered_language = script
        turn.replies.append(Reply(text))


def tell_unknown(turn: Turn) -> bool:
    """Says that a message is in no language of ours; False when it is in one, or nobody can tell.

    Indigenous languages get the lines that serve in them, every other the line that interprets.
    """
    reading = turn.reading
    if reading is None:
        return False
    if reading.detected != detection.OTHER and reading.script not in detection.NOT_OURS:
        return False
    if reading.script == "syllabics":
        help_lines.indigenous(turn)
    else:
        turn.say("language_unknown")
    return True


def named(turn: Turn) -> str | None:
    """The language a message asks for by its own name ("ਪੰਜਾਬੀ", "français"), if it is offered."""
    code = detection.named_language(turn.inbound.text)
    return code if code in turn.use.words.codes() else None


async def choose(turn: Turn, code: str) -> None:
    """The person pressed or named a language."""
    if code not in turn.use.words.codes():
        turn.say("change_language")
        return
    greeted = turn.session.language is not None or turn.session.asking
    await keep(turn, code)
    if not greeted:
        turn.say("greeting")
        return
    turn.say("language_set")
    turn.ask_again()


async def keep(turn: Turn, code: str) -> None:
    """The person's choice, for good; in which letters they type it shows when they write."""
    turn.session.language, turn.session.pinned = code, True
    turn.session.belief = detection.believe(code)
    await case.renew(turn)


async def picker(turn: Turn) -> None:
    """All languages, each under its own name."""
    turn.say("change_language")
