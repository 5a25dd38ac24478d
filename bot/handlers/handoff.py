"""Bringing in a person: consent, the place in line, the talk itself, and its end."""

from bot.handlers import case, urgent
from bot.handlers.turn import Turn
from bot.messages import Kind

#: How an unopened thing is shown to the counsellor; the console says it in words.
_UNOPENED = {Kind.VOICE, Kind.PHOTO, Kind.STICKER, Kind.CONTACT, Kind.LOCATION, Kind.OTHER}


async def ask_for_person(turn: Turn) -> None:
    """Someone wants a person: always accepted; first what the counsellor may see."""
    session = turn.session
    session.signal("asked_for_person")
    if turn.handoff is not None:
        await place(turn)
    elif session.answers.get("consent", "skipped") == "skipped":
        session.wants_person = True
        turn.say("request_counsellor")
        turn.ask("consent")
    else:
        await enter_queue(turn)


async def enter_queue(turn: Turn) -> None:
    """Puts the person in line (or renews the case of someone who already is) and says where."""
    session = turn.session
    session.wants_person = False
    session.asking = None
    turn.handoff = await case.request(turn)
    await place(turn)
    turn.say("handoff_meanwhile")


async def place(turn: Turn) -> None:
    """Where the person is in line; true figures, or that they are not known."""
    if turn.handoff is None:
        turn.say("handoff_cancelled")
        return
    at = await turn.use.queue.place(turn.handoff.id)
    if await turn.use.queue.counsellors_on_shift() == 0:
        turn.say("handoff_nobody", place=at.number)
    elif at.minutes is None:
        turn.say("handoff_waiting_place", place=at.number)
    else:
        turn.say("handoff_waiting", place=at.number, minutes=at.minutes)


async def cancel(turn: Turn) -> None:
    """The person leaves the line and stays in the chat."""
    if turn.handoff is not None:
        await turn.use.queue.abandon(turn.inbound.person)
        turn.handoff = None
    turn.session.wants_person = False
    turn.say("handoff_cancelled")
    turn.ask_again()


async def relay(turn: Turn) -> None:
    """Carries a message to the counsellor; the assistant itself stays silent.

    Words of danger are flagged to the counsellor, and the person gets the 9-1-1 card once.
    """
    if turn.handoff is None:
        return
    kind = turn.inbound.kind
    text, flag = turn.inbound.text, ""
    if kind in _UNOPENED:
        text = f"[{kind}]"
        turn.say("contact_or_place" if kind in (Kind.CONTACT, Kind.LOCATION) else "media")
    elif kind is Kind.EDITED:
        text = f"[{kind}] {turn.inbound.text}".strip()
    heard = urgent.screened(turn)
    if heard in ("danger", "self_harm"):
        flag = urgent.CARDS[heard][1]
        turn.session.signal(flag)
        await turn.use.queue.raise_level(turn.inbound.person, turn.assess().level, (flag,))
        if not turn.session.danger_told:
            turn.session.danger_told = True
            turn.say("danger_seen" if heard == "danger" else "report_self_harm")
    if text.strip():
        turn.ops += turn.use.queue.relay_ops(turn.handoff, text, flag)
