"""What a counsellor may see of a person: built from the answers, cut down to the consent given."""

from bot.handlers.turn import Turn
from bot.handoff.record import Case, Handoff


def consent(turn: Turn) -> str:
    """all, urgency or nothing; not answered or skipped is nothing."""
    given = turn.session.answers.get("consent", "nothing")
    return given if given in ("all", "urgency") else "nothing"


def build(turn: Turn) -> Case:
    """The case card.

    Whether the phone is seen and when writing is safe are always told: they protect the person
    from the counsellor's own messages.
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
    )


async def request(turn: Turn) -> Handoff:
    """Puts the person in line, or renews the case of someone who already is: only ever raised."""
    found = turn.assess()
    return await turn.use.queue.request(
        turn.session.to,
        level=found.level,
        rules=found.rules if consent(turn) != "nothing" else _always(found.rules),
        language=turn.language,
        romanised=turn.session.romanised,
        case=build(turn),
    )


def _always(rules: tuple[str, ...]) -> tuple[str, ...]:
    """The one rule told without consent to the rest: its word was chosen to call for help."""
    return tuple(rule for rule in rules if rule == "duress_word")


async def renew(turn: Turn) -> None:
    """Someone who waits said more: the counsellor will see it, and they may move up."""
    if turn.handoff is not None:
        turn.handoff = await request(turn)
