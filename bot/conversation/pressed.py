"""What a person pressed. Only what layout.yml can offer does anything."""

from collections.abc import Awaitable, Callable

from bot.dialogue import check
from bot.handlers import code_word, handoff, help_lines, language, safety_questions, start
from bot.handlers.turn import WORD_QUESTIONS, Turn

Act = Callable[[Turn], Awaitable[None]]
#: These work in a locked conversation too: nobody is kept from help by a forgotten word.
_NEVER_LOCKED = frozenset({"do:emergency", "do:numbers", "do:person", "do:crime_stoppers"})


async def take(turn: Turn) -> None:
    """Answers a pressed button."""
    kind, _, rest = turn.inbound.button.partition(":")
    slot, _, value = rest.partition(":")
    if rest != "no_thanks":
        turn.drop_word_question()
    if turn.session.locked and turn.inbound.button not in _NEVER_LOCKED:
        turn.say("code_word_please")
    elif kind == "answer" and check.valid(slot, value):
        await safety_questions.answer(turn, slot, value)
    elif kind == "lang":
        await language.choose(turn, rest)
    elif kind == "do" and rest in ACTS:
        await ACTS[rest](turn)
    elif _showed(turn, kind, rest):
        turn.ask_again()
    else:
        turn.say("old_button")
        await safety_questions.stay(turn)


async def beside_counsellor(turn: Turn) -> None:
    """During a talk numbers and topics can be looked at.

    An answer goes to the counsellor, and so does a language: they must write what is read.
    """
    kind, _, rest = turn.inbound.button.partition(":")
    slot, _, value = rest.partition(":")
    if kind == "answer" and check.valid(slot, value):
        await handoff.relay_answer(turn, slot, value)
    elif kind == "lang" and rest in turn.use.words.codes():
        await handoff.relay_language(turn, rest)
    elif kind == "do" and rest in _LOOKING:
        await ACTS[rest](turn)
    elif kind == "do" and rest in _IN_LINE:
        handoff.who_is_here(turn)
    elif not _showed(turn, kind, rest):
        turn.say("old_button")


def _showed(turn: Turn, kind: str, rest: str) -> bool:
    """Shows a topic or the numbers of a place; False when the button is neither."""
    if kind == "region":
        help_lines.near(turn, rest)
        return True
    if kind == "show" and turn.use.words.has_topic(rest):
        if rest == "concern_for_other":
            turn.session.signal(rest)
        turn.say(rest)
        return True
    return False


def _say(key: str) -> Act:
    async def run(turn: Turn) -> None:
        turn.say(key)

    return run


def _then_ask_again(act: Callable[[Turn], object]) -> Act:
    async def run(turn: Turn) -> None:
        act(turn)
        if not (turn.handoff and turn.handoff.with_counsellor):
            turn.ask_again()

    return run


async def _hello(turn: Turn) -> None:
    start.hello(turn)


async def _near_me(turn: Turn) -> None:
    help_lines.ask_region(turn)


async def _decline_word(turn: Turn) -> None:
    if turn.session.asking in WORD_QUESTIONS:
        code_word.decline(turn)
        await safety_questions.go_on(turn)
    else:
        turn.say("what_next")


ACTS: dict[str, Act] = {
    "start": _hello,
    "person": handoff.ask_for_person,
    "emergency": _then_ask_again(help_lines.emergency),
    "numbers": _then_ask_again(help_lines.numbers),
    "start_check": safety_questions.begin,
    "resume_check": safety_questions.begin,
    "topics": _say("topics"),
    "language": language.picker,
    "cancel_wait": handoff.cancel,
    "wait_place": handoff.place,
    "keep": _say("kept"),
    "stay": safety_questions.stay,
    "not_now": safety_questions.stay,
    "no_thanks": _decline_word,
    "near_me": _near_me,
    "crime_stoppers": _then_ask_again(lambda turn: turn.say("card_crime_stoppers")),
}
#: What does not interrupt a talk with a counsellor.
_LOOKING = frozenset({"emergency", "numbers", "crime_stoppers", "near_me", "language", "keep"})
#: What was offered while they waited, and still stands in the chat.
_IN_LINE = frozenset({"person", "cancel_wait", "wait_place"})
