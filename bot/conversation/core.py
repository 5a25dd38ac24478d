"""The order of a turn, the same for every door: safety first, then the person's own wish.

    screen (pure) -> leave -> with a counsellor? relay -> danger card -> language
    -> exact words and buttons -> engine (2 s, else a fixed menu) -> words

Nothing here stores or sends: the worker commits what a turn says and does in one step.
"""

import re
from dataclasses import replace

from bot.conversation import pressed, typed
from bot.conversation.session import GRACE, QUIET
from bot.handlers import case, code_word, handoff, language, leave, start, urgent
from bot.handlers.turn import WORD_QUESTIONS, Services, Turn
from bot.messages import LEAVE_BUTTONS, Inbound, Kind, Reply
from bot.safety.screen import Screen, screen

#: A flood gets a kind "please wait": each message costs, and the cost drains away with time. About
#: 30 typed messages at once. Buttons are never held back, nor is a message with words of danger.
ROOM, DRAIN, COST = 120.0, 2.0, 4.0
#: The janitor's word that somebody was quiet is worth nothing once it waited for so long, seconds:
#: they may have written behind it. (It comes again; a minute for clocks that differ.)
LATE = 60

_UNOPENED = {
    Kind.VOICE: "media",
    Kind.PHOTO: "media",
    Kind.STICKER: "media",
    Kind.OTHER: "media",
    Kind.CONTACT: "contact_or_place",
    Kind.LOCATION: "contact_or_place",
    Kind.EDITED: "edited",
}
_SURROGATES = re.compile("[\ud800-\udfff]")


def open_turn(use: Services, inbound: Inbound) -> tuple[Inbound, Screen]:
    """The message made safe to work with, and what the screen finds in it; pure."""
    inbound = replace(inbound, text=_SURROGATES.sub("", inbound.text))
    return inbound, screen(inbound.text, use.lexicon)


async def take_turn(use: Services, turn: Turn) -> Turn:
    """Fills `turn` with everything to say and do about its message."""
    beside = turn.handoff is not None and turn.handoff.with_counsellor
    # Beside a counsellor everything else is relayed, in a locked chat too.
    secret = not beside and (turn.session.locked or turn.session.asking in WORD_QUESTIONS)
    secret = secret or code_word.is_asked(turn) or code_word.is_one(turn)
    setting = not beside and turn.session.asking == "duress_word"
    await _decide(turn)
    if turn.ended:
        return turn
    if setting and turn.session.asking != "duress_word":
        turn.wipes = True  # the words just set, and what the second is for, stood in the chat
    await handoff.catch_up(turn)
    _introduce(turn)
    if turn.replies:
        # In line it says where one stands; only beside a counsellor it would mean nothing, and
        # there it stays when nobody may see that one has come.
        found = turn.handoff
        talking = found is not None and found.with_counsellor and not found.forced
        hidden = frozenset({"person"}) if talking else frozenset()
        turn.replies[-1] = use.words.with_footer(turn.replies[-1], hidden)
    # At Telegram an urgent card would wait until everything was deleted.
    waits = not turn.on_web and any(reply.urgent for reply in turn.replies)
    if turn.wipes and not waits:
        turn.replies.insert(0, Reply("", turn.language, erase=True))
    elif turn.on_web and not (secret or turn.wipes or (turn.session.locked and not beside)):
        turn.replies[:0] = _own_words(turn)
    return turn


async def _decide(turn: Turn) -> None:
    inbound, session = turn.inbound, turn.session
    if inbound.kind is Kind.BLOCKED:
        await leave.leave(turn, silent=True)
        return
    if inbound.kind is Kind.IDLE:
        await _idle(turn)
        return
    session.warned_at = 0.0
    if turn.screen.leave or inbound.button in LEAVE_BUTTONS:
        await leave.leave(turn)
        return
    if turn.handoff is not None and turn.handoff.with_counsellor:
        await _with_counsellor(turn)
        return
    code_word.lock_after_break(turn)
    if await code_word.opens(turn):
        start.hello(turn)
        return
    if inbound.kind is Kind.BUTTON:
        await language.read_page(turn)
        await pressed.take(turn)
        return
    # Words under a picture are answered like any others; edited ones are only screened.
    written = inbound.kind is Kind.TEXT
    written = written or (inbound.kind is not Kind.EDITED and bool(inbound.text.strip()))
    if written:
        await language.listen(turn)
    heard = urgent.screened(turn)
    if heard and not heard.urgent:  # "in the next room" may be said with "he has a gun"
        heard = await urgent.heard_beside(turn)
    if heard:
        await urgent.show(turn, heard)
        return
    if _too_fast(turn):
        return
    if inbound.kind is not Kind.TEXT:
        turn.say(_UNOPENED[inbound.kind])
    if written:
        await typed.take(turn)
        if not turn.ended:
            language.offer_letters(turn)
    else:
        turn.ask_again()


async def _idle(turn: Turn) -> None:
    """Quiet for long: told once, then erased; whoever waits for a person is never erased.

    In a talk it is the counsellor's words that wait for an answer (bot/handoff/silence.py). Said
    late, after an outage, or about somebody who has written since, it does nothing.
    """
    session, now = turn.session, turn.use.clock()
    if now - turn.inbound.at > LATE:
        return
    # A time far ahead of ours is from before the clock was set back, and says nothing.
    if turn.handoff is None or not turn.handoff.with_counsellor:
        code_word.lock_after_break(turn)
        if turn.wipes and turn.on_web:  # what stays open there must not stay readable
            turn.say("code_word_please")
    if turn.handoff is not None:
        await handoff.fall_silent(turn)
        return
    if session.last_at and abs(now - session.last_at) < QUIET:
        return
    allowed = case.may_write(turn)
    if not session.last_at:
        await leave.fade(turn, silent=True)
    elif not session.warned_at:
        session.warned_at = now
        if allowed:
            turn.say("quiet_warning", minutes=GRACE // 60)
    elif abs(now - session.warned_at) >= GRACE:
        await leave.fade(turn, silent=not allowed)


async def _with_counsellor(turn: Turn) -> None:
    turn.drop_word_question()
    if turn.inbound.kind is Kind.BUTTON:
        await pressed.beside_counsellor(turn)
    elif await code_word.in_talk(turn):
        return
    elif command := typed.command(turn):
        if command == "language":
            await language.picker(turn)
        else:
            handoff.who_is_here(turn)
    else:
        if turn.inbound.kind is Kind.TEXT:
            await language.listen(turn)
        await handoff.relay(turn)
        code_word.ask_in_talk(turn)


def _too_fast(turn: Turn) -> bool:
    session, now = turn.session, turn.inbound.at
    drained = max(0.0, session.spent - max(0.0, now - session.last_at) * DRAIN)
    session.spent = min(ROOM + COST, drained + COST)
    if session.spent <= ROOM:
        return False
    turn.say("too_fast")
    return True


def _introduce(turn: Turn) -> None:
    """Who answers is said with the first answer, whatever it is; under an urgent card it can wait.

    The web page says it before anybody writes.
    """
    if turn.session.last_at or turn.on_web or turn.inbound.kind is Kind.IDLE or not turn.replies:
        return
    if turn.handoff is not None and turn.handoff.with_counsellor:
        return
    greeting = turn.worded("greeting")
    if {greeting.text, turn.worded("ask_identity").text} & {reply.text for reply in turn.replies}:
        return
    first = turn.replies[0]
    if first.urgent or first.text == turn.worded("report_watched").text:
        turn.replies.append(replace(greeting, buttons=()))
    else:
        own = any(reply.buttons for reply in turn.replies)
        turn.replies.insert(0, replace(greeting, buttons=()) if own else greeting)


def _own_words(turn: Turn) -> list[Reply]:
    """The web page shows what the person said, too; Telegram does that by itself."""
    inbound = turn.inbound
    text = inbound.text
    if inbound.kind is Kind.BUTTON:
        text = turn.use.words.label_of(inbound.button, turn.language)
    own = text.strip() and inbound.kind in (Kind.TEXT, Kind.BUTTON)
    return [Reply(text=text, language=turn.language, speaker="person")] if own else []
