"""What a person typed: exact words first, then the engine, then a fixed menu if it is away."""

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.conversation import language as detection
from bot.conversation.pressed import ACTS, Act
from bot.dialogue import check
from bot.dialogue.engine import LONGEST, Answer
from bot.errors import EngineUnavailable
from bot.handlers import (
    case,
    code_word,
    handoff,
    help_lines,
    language,
    leave,
    safety_questions,
    start,
    urgent,
)
from bot.handlers.turn import WORD_QUESTIONS, Turn
from bot.messages import Kind
from bot.safety.normalise import normalise

_COMMANDS = {"/start": "start", "/help": "start", "/language": "language"}
# "Yes?" asks, it does not answer.
_ASKING = re.compile("[?？؟]")

_SIGNALS: dict[str, Act] = {
    "handoff": handoff.ask_for_person,
    "language": language.picker,
    "leave": leave.confirm,
}
#: One after the other, so that nobody reads the same sentence twice in a row.
_NOT_UNDERSTOOD = ("not_understood", "not_understood_again", "not_understood_person")
#: What a plain yes and a plain no mean to the last message, where that was not a question of the
#: safety check.
_YES: dict[str, Act] = {"person": handoff.ask_for_person, "leave": leave.leave}
_NO: dict[str, Act] = dict.fromkeys(("person", "leave", "region"), safety_questions.stay)


async def take(turn: Turn) -> None:
    """Answers a typed message in which no word of danger was found."""
    session, text = turn.session, turn.inbound.text.strip()
    if session.locked:
        heard = await urgent.heard_beside(turn)
        if heard and heard.urgent:
            await urgent.show(turn, heard)
        else:
            turn.say("code_word_please")
        return
    if name := command(turn):
        await ACTS[name](turn)
        return
    normal = normalise(text)
    if not text:
        turn.say("empty")
        turn.ask_again()
    elif not await _exact(turn, normal) and not await _secret(turn, normal):
        await _engine(turn, text)


def command(turn: Turn) -> str:
    """The act a typed command stands for; "" for any other message."""
    typed = turn.inbound.kind is Kind.TEXT
    return _COMMANDS.get(turn.inbound.text.strip().split("@")[0].lower(), "") if typed else ""


async def _exact(turn: Turn, normal: str) -> bool:
    """Words that mean one thing only: a language's own name, yes/no/skip to what was just asked."""
    session, lexicon = turn.session, turn.use.lexicon
    code = language.named(turn)
    if code:
        await language.choose(turn, code)
        return True
    if detection.names_indigenous(turn.inbound.text):
        help_lines.indigenous(turn)
        turn.ask_again()
        return True
    asked = None if turn.after_break or _ASKING.search(turn.inbound.text) else session.expects
    word = lexicon.answer(normal, session.language) if asked else None
    if asked and word:
        act = {"yes": _YES, "no": _NO, "skip": _NO, "unsure": {}}[word].get(asked)
        value = check.typed_value(asked, word)
        if act:
            await act(turn)
            return True
        if value:
            await safety_questions.answer(turn, asked, value)
            return True
    if normal and lexicon.is_whole("help", normal):
        start.hello(turn)
        turn.ask_again()
        return True
    return False


async def _secret(turn: Turn, normal: str) -> bool:
    """A secret word, if one was asked for and this can be one; a sentence never is."""
    if turn.session.asking not in WORD_QUESTIONS:
        return False
    word = turn.use.lexicon.answer(normal, turn.session.language)
    if word in ("no", "skip"):
        code_word.decline(turn)
    elif (heard := await urgent.heard_beside(turn)) and heard.urgent:  # one word can be a cry
        await urgent.show(turn, heard)
        return True
    elif word or not code_word.take(turn, normal):
        return False
    await case.renew(turn)  # a counsellor may ask for the word
    if turn.session.asking is None:
        await safety_questions.go_on(turn)
    return True


async def _engine(turn: Turn, text: str) -> None:
    if len(text) > LONGEST:
        turn.say("shortened")
    try:
        answer = await turn.use.engine.text(turn.inbound.person, text[:LONGEST])
    except EngineUnavailable:
        turn.session.signal("engine_away")
        turn.say("engine_away")
        turn.ask_again()
        return
    language.note(turn)
    await _speak(turn, answer)
    language.offer(turn)


def _ask_back(turn: Turn, guesses: Sequence[str]) -> None:
    """The first time with the likeliest topics as buttons; then the menu; then a person."""
    key = _NOT_UNDERSTOOD[turn.session.misunderstood % len(_NOT_UNDERSTOOD)]
    turn.session.misunderstood += 1
    turn.say(key)
    if key == "not_understood":
        reply = turn.replies[-1]
        offered = turn.use.words.asking_back(guesses, reply.language)
        turn.replies[-1] = replace(reply, buttons=offered + reply.buttons)


async def _speak(turn: Turn, answer: Answer) -> None:
    """Says what the engine decided. Questions are asked from our own record of what is open."""
    session = turn.session
    key = next((key for key in answer.keys if not key.startswith("check_")), answer.keys[0])
    if urgent.is_card(key):
        await urgent.show_card(turn, key)
        return
    if key == "not_understood":
        if not language.tell_unknown(turn):
            _ask_back(turn, answer.guesses)
        turn.ask_again()
        return
    session.misunderstood = 0
    if answer.signal in _SIGNALS:
        await _SIGNALS[answer.signal](turn)
        return
    if key == "ask_helpline":
        help_lines.numbers(turn)
    elif key == "greet" and not session.last_at:
        turn.say("greeting")  # the first message says what this is
    elif turn.use.words.knows(key):
        if key == "concern_for_other":
            session.signal(key)
        turn.say(key)
    else:
        turn.say("what_next")
    if key != "goodbye":
        turn.ask_again()
