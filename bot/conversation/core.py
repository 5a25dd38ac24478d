"""The order of a turn, the same for every door: safety first, then the person's own wish.

    screen (pure) -> leave -> with a counsellor? relay -> language -> exact words and buttons
    -> engine (2 s, else a fixed menu) -> words

Nothing here stores or sends: the worker commits what a turn says and does in one step.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.dialogue import check
from bot.dialogue.engine import Answer
from bot.errors import EngineUnavailable
from bot.handlers import (
    code_word,
    handoff,
    help_lines,
    language,
    leave,
    safety_questions,
    start,
    urgent,
)
from bot.handlers.turn import Services, Turn
from bot.messages import Inbound, Kind, Reply
from bot.safety.normalise import normalise
from bot.safety.screen import Screen, screen

#: Longer messages are read up to here, characters, and the person is told.
LONGEST = 2_000
#: A flood gets a kind "please wait": each message costs, and the cost drains away with time. About
#: 30 typed messages or 120 buttons at once; urgent messages always pass.
ROOM, DRAIN, TYPED, PRESSED = 120.0, 2.0, 4.0, 1.0
#: Quiet for so long, and the person is told that the chat will be erased; seconds.
QUIET = 15 * 60
#: And so long after that it is erased; seconds.
GRACE = 5 * 60

_COMMANDS = {"/start": "start", "/help": "start", "/language": "language"}
_UNOPENED = {
    Kind.VOICE: "media",
    Kind.PHOTO: "media",
    Kind.STICKER: "media",
    Kind.OTHER: "media",
    Kind.CONTACT: "contact_or_place",
    Kind.LOCATION: "contact_or_place",
    Kind.EDITED: "edited",
}
_ASKING = re.compile("[?？؟]")
_SURROGATES = re.compile("[\ud800-\udfff]")

Act = Callable[[Turn], Awaitable[None]]


async def take_turn(use: Services, turn: Turn) -> Turn:
    """Fills `turn` with everything to say and do about its message."""
    await _decide(use, turn)
    if turn.replies and not turn.ended:
        # While a counsellor speaks the footer still offers 9-1-1 and Leave, not another person.
        hidden = frozenset({"person"}) if turn.handoff else frozenset()
        turn.replies[-1] = use.words.with_footer(turn.replies[-1], hidden)
    if turn.on_web and not turn.ended:
        turn.replies[:0] = _own_words(turn)
    return turn


def open_turn(use: Services, inbound: Inbound) -> tuple[Inbound, Screen]:
    """The message made safe to work with, and what the screen finds in it; pure."""
    text = _SURROGATES.sub("", inbound.text)
    if text != inbound.text:
        inbound = replace(inbound, text=text)
    return inbound, screen(text, use.lexicon)


async def _decide(use: Services, turn: Turn) -> None:
    inbound, session = turn.inbound, turn.session
    if inbound.kind is Kind.BLOCKED:
        await leave.leave(turn, silent=True)
        return
    if inbound.kind is Kind.IDLE:
        await _idle(turn)
        return
    session.warned = False
    if turn.screen.leave or inbound.button in ("do:leave", "do:leave_now", "do:erase_now"):
        await leave.leave(turn)
        return
    if turn.handoff is not None and turn.handoff.with_counsellor:
        await _with_counsellor(turn)
        return
    if _too_fast(turn):
        return
    code_word.lock_after_break(turn)
    if inbound.kind is Kind.BUTTON:
        await _button(turn)
    elif inbound.kind in _UNOPENED:
        turn.say(_UNOPENED[inbound.kind])
        if not session.locked:
            turn.ask_again()
    else:
        await _text(turn)


async def _idle(turn: Turn) -> None:
    """Quiet for long: told once, then erased; whoever waits for a person is never erased."""
    if turn.handoff is not None:
        return
    only_me = turn.session.answers.get("safe_contact") == "only_me"
    if turn.session.warned or only_me:
        await leave.leave(turn, silent=only_me)
    else:
        turn.session.warned = True
        turn.say("quiet_warning", minutes=GRACE // 60)


async def _with_counsellor(turn: Turn) -> None:
    button = turn.inbound.button
    if button == "do:emergency":
        help_lines.emergency(turn)
    elif button == "do:numbers":
        help_lines.numbers(turn)
    elif button.startswith("show:card_"):
        turn.say(button.removeprefix("show:"))
    elif turn.inbound.kind is Kind.BUTTON:
        turn.say("danger_seen" if button.endswith(":danger") else "old_button")
    else:
        await handoff.relay(turn)


def _too_fast(turn: Turn) -> bool:
    session, now = turn.session, turn.inbound.at
    drained = max(0.0, session.spent - max(0.0, now - session.last_at) * DRAIN)
    cost = PRESSED if turn.inbound.kind is Kind.BUTTON else TYPED
    session.spent = min(ROOM + TYPED, drained + cost)
    if session.spent <= ROOM or turn.screen.urgent:
        return False
    turn.say("too_fast")
    return True


async def _text(turn: Turn) -> None:
    session, text = turn.session, turn.inbound.text.strip()
    language.listen(turn)
    heard = urgent.screened(turn)
    if heard:
        await urgent.show(turn, heard)
        return
    if session.locked:
        if not await code_word.unlock(turn):
            turn.say("code_word_please")
            return
        start.hello(turn)
        return
    if text.split("@")[0].lower() in _COMMANDS:
        await _ACTS[_COMMANDS[text.split("@")[0].lower()]](turn)
        return
    if session.asking in ("code_word", "duress_word"):
        await _word(turn)
        return
    normal = normalise(text)
    if not normal and not text:
        turn.say("empty")
        turn.ask_again()
        return
    if await _exact(turn, normal):
        return
    await _engine(turn, text)


async def _word(turn: Turn) -> None:
    """The typed text is a code word, unless it says that none is wanted."""
    normal = normalise(turn.inbound.text)
    declined = turn.use.lexicon.answer(normal, turn.session.language) in ("no", "skip")
    if declined:
        code_word.decline(turn)
    if declined or code_word.take(turn):
        await safety_questions.ask_next(turn)


async def _exact(turn: Turn, normal: str) -> bool:
    """Words that mean one thing only: a language's own name, yes/no/skip to an open question."""
    code = language.named(turn)
    if code:
        language.choose(turn, code)
        return True
    # "Yes?" asks, it does not answer.
    slot = None if _ASKING.search(turn.inbound.text) else turn.session.asking
    word = turn.use.lexicon.answer(normal, turn.session.language) if slot else None
    value = check.typed_value(slot, word) if slot and word else None
    if slot and value:
        await safety_questions.answer(turn, slot, value)
        return True
    if normal and turn.use.lexicon.is_whole("help", normal):
        start.hello(turn)
        turn.ask_again()
        return True
    return False


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
    await _speak(turn, answer)
    language.offer(turn)


async def _speak(turn: Turn, answer: Answer) -> None:
    """Says what the engine decided. Questions are asked from our own record of what is open."""
    key = next((key for key in answer.keys if not key.startswith("check_")), answer.keys[0])
    if urgent.is_card(key):
        await urgent.show_card(turn, key)
        return
    if key == "not_understood":
        turn.session.misunderstood += 1
        turn.say("not_understood" if turn.session.misunderstood == 1 else "not_understood_again")
        turn.ask_again()
        return
    turn.session.misunderstood = 0
    if answer.signal in _SIGNALS:
        await _SIGNALS[answer.signal](turn)
        return
    if key == "ask_helpline":
        help_lines.numbers(turn)
    elif turn.use.words.knows(key):
        if key == "concern_for_other":
            turn.session.signal(key)
        turn.say(key)
    else:
        turn.say("what_next")
    if not key.startswith("goodbye"):
        turn.ask_again()


async def _button(turn: Turn) -> None:
    """A pressed button: only what layout.yml can offer does anything; the rest is old or forged."""
    kind, _, rest = turn.inbound.button.partition(":")
    session = turn.session
    if session.locked and turn.inbound.button not in ("do:emergency", "do:numbers"):
        turn.say("code_word_please")
        return
    slot, _, value = rest.partition(":")
    if kind == "answer" and check.valid(slot, value):
        await safety_questions.answer(turn, slot, value)
    elif kind == "lang":
        language.choose(turn, rest)
    elif kind == "region":
        help_lines.near(turn, rest)
        turn.ask_again()
    elif kind == "show" and turn.use.words.has_topic(rest):
        if rest == "concern_for_other":
            session.signal(rest)
        turn.say(rest)
        turn.ask_again()
    elif kind == "do" and rest in _ACTS:
        await _ACTS[rest](turn)
    else:
        turn.say("old_button")
        if session.asking:
            turn.ask_again()
        else:
            turn.say("what_next")


def _own_words(turn: Turn) -> list[Reply]:
    """The web page shows what the person said, too; Telegram does that by itself."""
    inbound = turn.inbound
    text = inbound.text
    if inbound.kind is Kind.BUTTON:
        text = turn.use.words.label_of(inbound.button, turn.language)
    own = text.strip() and inbound.kind in (Kind.TEXT, Kind.BUTTON)
    return [Reply(text=text, language=turn.language, speaker="person")] if own else []


def _plain(act: Callable[[Turn], object]) -> Act:
    """An act that needs no waiting, in the shape of one that does."""

    async def run(turn: Turn) -> None:
        act(turn)

    return run


def _then_ask_again(act: Callable[[Turn], object]) -> Act:
    async def run(turn: Turn) -> None:
        act(turn)
        turn.ask_again()

    return run


async def _decline_word(turn: Turn) -> None:
    if turn.session.asking not in ("code_word", "duress_word"):
        turn.say("what_next")
        return
    code_word.decline(turn)
    await safety_questions.ask_next(turn)


async def _stay(turn: Turn) -> None:
    if turn.session.checking:
        await safety_questions.ask_next(turn)
    else:
        turn.say("what_next")


def _say(key: str) -> Act:
    return _plain(lambda turn: turn.say(key))


_ACTS: dict[str, Act] = {
    "start": _plain(start.hello),
    "person": handoff.ask_for_person,
    "emergency": _then_ask_again(help_lines.emergency),
    "numbers": _then_ask_again(help_lines.numbers),
    "start_check": safety_questions.begin,
    "resume_check": safety_questions.begin,
    "topics": _say("topics"),
    "language": _plain(language.picker),
    "cancel_wait": handoff.cancel,
    "wait_place": handoff.place,
    "keep": _say("kept"),
    "stay": _stay,
    "not_now": _stay,
    "no_thanks": _decline_word,
    "near_me": _plain(help_lines.ask_region),
    "crime_stoppers": _then_ask_again(lambda turn: turn.say("card_crime_stoppers")),
}
_SIGNALS: dict[str, Act] = {
    "handoff": handoff.ask_for_person,
    "language": _plain(language.picker),
    "leave": _plain(leave.confirm),
}
