"""The safety check: takes answers, lets urgency decide what comes next, goes on after breaks."""

from collections.abc import Mapping

from bot.dialogue import check
from bot.errors import EngineUnavailable
from bot.handlers import case, code_word, handoff
from bot.handlers.turn import Turn
from bot.safety.levels import Level
from bot.safety.urgency import DANGER_ANSWERS


async def begin(turn: Turn) -> None:
    """Starts the check, or goes on where it stopped."""
    session = turn.session
    if not session.checking and not session.answers:
        session.checking = True
        turn.say("check_intro")
    session.checking = True
    following = await _engine_asks(turn, "resume_check")
    if following is None:
        _done(turn)
    else:
        turn.ask(following)


async def answer(turn: Turn, slot: str, value: str) -> None:
    """Takes one answer, pressed or typed as an exact word, and asks what comes next.

    A late press on an earlier question corrects that answer.
    """
    session = turn.session
    before = turn.assess()
    entities = {slot: value}
    if slot == "private_ok" and value != "yes":
        entities["coerced"] = "skipped"
    if entities == {"private_ok": "yes"} and session.answers.get("coerced") == "skipped":
        del session.answers["coerced"]  # it was skipped with the other answer; now it may be asked
    session.answers.update(entities)
    session.misunderstood = 0
    if session.asking == slot:
        session.asking = None
    following = await _engine_asks(turn, "answer", entities)
    await case.renew(turn)
    if (slot, value) in DANGER_ANSWERS:
        await case.call_out(turn)
    if slot == "consent" and turn.handoff is not None:
        if check.next_open(session.answers) is None:
            session.checking = False
        turn.say("handoff_meanwhile")
        return
    if not await _react(turn, slot, value, before.level):
        await _on(turn, following)


async def go_on(turn: Turn) -> None:
    """Goes on after something of our own was settled in mid-check (a code word, for example)."""
    await _on(turn, check.next_open(turn.session.answers))


async def stay(turn: Turn) -> None:
    """No, stay here: the question that is open, or what else there is."""
    if turn.session.asking:
        turn.ask_again()
    elif turn.session.checking:
        await go_on(turn)
    else:
        turn.say("what_next")


async def _on(turn: Turn, following: str | None) -> None:
    """The next question, or the end of the check."""
    if not turn.session.checking:
        turn.say("what_next")
    elif following is None:
        await _finish(turn)
    else:
        turn.ask(following)


async def _react(turn: Turn, slot: str, value: str, before: Level) -> bool:
    """What an answer calls for before any next question; True when the check waits."""
    session = turn.session
    if (slot, value) == ("safe_now", "danger"):
        turn.say("report_danger")
        return True
    if (slot, value) == ("safe_now", "watched"):
        turn.say("report_watched")
        return True
    if (slot, value) == ("hurt_now", "yes"):
        turn.say("ask_medical")
    level = turn.assess().level
    grew = level < before and level <= Level.ORANGE
    if grew and slot in check.SITUATION and not session.person_offered and turn.handoff is None:
        session.person_offered = True
        turn.say("check_person_first")
        return True
    return slot == "safe_contact" and value != "skipped" and code_word.offer(turn)


async def _finish(turn: Turn) -> None:
    """All is answered or skipped: what was asked for, or an offer; never a verdict."""
    session = turn.session
    if session.answers.get("wish") == "person" and turn.handoff is None:
        await handoff.ask_for_person(turn)
        return
    if session.answers.get("wish") == "other":
        session.signal("concern_for_other")
    _done(turn)


def _done(turn: Turn) -> None:
    turn.session.checking, turn.session.asking = False, None
    level = turn.assess().level
    turn.say("check_done_person" if level < Level.GREEN else "check_done_info")


async def _engine_asks(
    turn: Turn, intent: str, entities: Mapping[str, str] | None = None
) -> str | None:
    """What the engine asks next; None when all is answered.

    The engine decides. When it is away the fixed order goes on without it, and when it has
    forgotten answers (it was restarted, its memory ran out) it is told them again first.
    """
    session, engine = turn.session, turn.use.engine
    person, answers = turn.inbound.person, session.answers
    try:
        heard = await engine.press(person, intent, entities)
        if any(heard.slots.get(slot) != value for slot, value in answers.items()):
            heard = await engine.press(person, "answer", answers)
        if session.checking and heard.asking is None and check.next_open(answers):
            heard = await engine.press(person, "resume_check")
    except EngineUnavailable:
        session.signal("engine_away")
        return check.next_open(answers)
    return check.earlier(heard.asking, check.next_open(answers))
