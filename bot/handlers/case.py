"""What a counsellor may see of a person: built from the answers, cut down to the consent given."""

import contextlib

from bot.conversation.language import LATIN
from bot.directory.regions import REGIONS
from bot.errors import SessionEnded
from bot.handlers.turn import Turn
from bot.handoff.contact import welcome
from bot.handoff.record import Case, Handoff
from bot.safety.levels import Level

#: Where a person may be whose region is not known.
_ANYWHERE = tuple(sorted(set(REGIONS.values())))


def consent(turn: Turn) -> str:
    """all, urgency or nothing; not answered or skipped is nothing."""
    given = turn.session.answers.get("consent", "nothing")
    return given if given in ("all", "urgency") else "nothing"


def build(turn: Turn) -> Case:
    """The case card.

    Whether the phone is seen, when writing is safe and that there is a code word are always told:
    they protect the person from the counsellor's own messages.
    """
    session, given = turn.session, consent(turn)
    shared = given == "all"
    answers = {slot: value for slot, value in session.answers.items() if slot != "consent"}
    return Case(
        answers={s: v for s, v in answers.items() if v != "skipped"} if shared else {},
        skipped=tuple(s for s, v in answers.items() if v == "skipped") if shared else (),
        phone_seen=answers.get("phone_seen", ""),
        safe_contact=answers.get("safe_contact", ""),
        region=session.region if shared else "",
        consent=given,
        zones=_zones(turn),
        code_word=bool(session.code_mark),
    )


def may_write(turn: Turn) -> bool:
    """Whether a message may come that the person did not ask for, by the times they chose.

    Never to somebody who was forced: it would show who is there.
    """
    if turn.handoff is not None and turn.handoff.forced:
        return False
    choice = turn.session.answers.get("safe_contact", "")
    return welcome(choice, _zones(turn), turn.use.clock())


def _zones(turn: Turn) -> tuple[str, ...]:
    zone = REGIONS.get(turn.session.region)
    return (zone,) if zone else _ANYWHERE


async def request(turn: Turn, only: str = "") -> Handoff:
    """Puts the person in line, or renews the case of someone who already is: only ever raised.

    `only`: nothing but this handoff is renewed. Raises SessionEnded when it is gone.
    """
    found = turn.assess()
    return await turn.use.queue.request(
        turn.session.to,
        level=found.level,
        rules=found.rules if consent(turn) != "nothing" else _always(found.rules),
        language=turn.language,
        language_known=turn.session.language is not None,
        romanised=turn.session.romanised and turn.language not in LATIN,
        case=build(turn),
        fence=turn.fence,
        only=only,
    )


def _always(rules: tuple[str, ...]) -> tuple[str, ...]:
    """The one rule told without consent to the rest: its word was chosen to call for help."""
    return tuple(rule for rule in rules if rule == "duress_word")


async def call_out(turn: Turn) -> None:
    """Danger was said just now: an open handoff becomes RED, and who is on hold is called out.

    `renew` alone would not do: the rules may have said RED before (Queue.raise_level).
    """
    if turn.handoff is not None:
        await turn.use.queue.raise_level(turn.inbound.person, Level.RED, (), turn.fence)


async def renew(turn: Turn) -> None:
    """Someone who waits or talks said more: the counsellor will see it, and they may move up."""
    if turn.handoff is None:
        return
    # Over, or in other hands meanwhile: kept as it was read, so that the guard has the turn done
    # again. Nobody is put in line anew who did not ask.
    with contextlib.suppress(SessionEnded):
        found = await request(turn, turn.handoff.id)
        if found.open and found.with_counsellor == turn.handoff.with_counsellor:
            turn.handoff = found
