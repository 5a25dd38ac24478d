"""Bringing in a person: consent, the place in line, the talk itself, and its end."""

from bot.handlers import case, language, urgent
from bot.handlers.leave import leave
from bot.handlers.turn import Turn
from bot.handoff import silence, telling
from bot.handoff.closing import OF_THE_MOMENT
from bot.messages import Kind, Media
from bot.safety.levels import Level
from bot.safety.urgency import DANGER_ANSWERS

#: What is no text: the counsellor sees that it came, and opens it or not.
_NOT_TEXT = {Kind.VOICE, Kind.PHOTO, Kind.STICKER, Kind.CONTACT, Kind.LOCATION, Kind.OTHER}


async def ask_for_person(turn: Turn) -> None:
    """Someone wants a person: in line at once, sharing nothing; then what may be shared is asked.

    Nobody loses a place because they did not know what to answer.
    """
    session = turn.session
    session.signal("asked_for_person")
    turn.handoff = await case.request(turn)
    await place(turn)
    if session.answers.get("consent", "skipped") == "skipped":
        turn.ask("consent")
    else:
        session.asking = None
        turn.say("handoff_meanwhile")


async def place(turn: Turn) -> None:
    """Where the person is in line, or when it opens again (bot/handoff/closing.py)."""
    if turn.handoff is None:
        turn.say("handoff_cancelled")
        return
    closing, words = turn.use.queue.closing, turn.use.words
    key, params = await closing.place_words(turn.handoff.id)
    choice = turn.session.answers.get("safe_contact", "")
    turn.show(*(telling.worded(words, key, one, choice, **params) for one in (turn.language, "fr")))
    if key in OF_THE_MOMENT:  # on hold nothing was said of the closing
        turn.ops += await closing.informed_ops(turn.handoff.id)


async def cancel(turn: Turn) -> None:
    """The person leaves the line and stays in the chat."""
    if turn.handoff is not None:
        await turn.use.queue.abandon(turn.inbound.person, turn.fence, "open")
        turn.handoff = None
    turn.say("handoff_cancelled")
    turn.ask_again()


def who_is_here(turn: Turn) -> None:
    """Asked for in a talk, by a button of before it or /help: a person is there already.

    Not told in a locked chat, nor where the duress word called them: whoever looks on must not
    learn it.
    """
    found = turn.handoff
    if turn.session.locked:
        turn.say("code_word_please")
    elif found is None or found.forced:
        turn.say("old_button")
    else:
        turn.say("counsellor_now", name=found.claimed_as)


async def catch_up(turn: Turn) -> None:
    """The person writes: what they could not be told before comes first, and their place lives on.

    In a locked conversation nothing is told: it may be somebody else who writes. But in a talk they
    are heard, or their silence would end it.
    """
    queue, last, untold = turn.use.queue, "", ""
    if turn.ended or turn.inbound.kind is Kind.IDLE:
        return
    if turn.session.locked:
        if turn.handoff is not None and turn.handoff.with_counsellor:
            turn.ops += queue.heard_ops(turn.handoff)
        return
    if turn.handoff is not None:
        turn.ops += queue.heard_ops(turn.handoff)
        last, untold = turn.handoff.id, turn.handoff.untold
    else:
        last, untold = await queue.untold(turn.inbound.person)
    if untold:
        key, params = await queue.closing.kept_words(last, untold)
        choice = turn.session.answers.get("safe_contact", "")
        reply = telling.worded(turn.use.words, key, turn.language, choice, **params)
        if reply not in turn.replies:  # they may just have asked for their place
            turn.replies.insert(0, reply)
        turn.ops += queue.forget_ops(last, key)


async def fall_silent(turn: Turn) -> None:
    """It has been quiet for a while: the next step of a silence in a talk, if one is due.

    Nothing for whoever waits, or is still to be answered.
    """
    found, allowed = turn.handoff, case.may_write(turn)
    if found is None:
        return
    step = silence.due(found, turn.use.clock(), may_write=allowed)
    if step is silence.Step.CLOSE:
        await leave(turn, silent=not allowed, key="talk_over_quiet", what="silence")
    elif step:
        if step is silence.Step.ASK:
            turn.say("talk_still_there")
        else:
            turn.say("quiet_warning", minutes=silence.PAUSE // 60)
        turn.ops += turn.use.queue.silence_ops(found, step, turn.replies[-1].text)


async def relay(turn: Turn) -> None:
    """Carries a message to the counsellor; the assistant itself stays silent.

    What sounds like danger is flagged to the counsellor, and the person gets the 9-1-1 card once.
    Of being watched only the counsellor learns: a card would show on the watched screen.
    """
    if turn.handoff is None:
        return
    turn.session.expects = None  # the next yes answers the counsellor
    kind, text, media = turn.inbound.kind, turn.inbound.text, None
    if kind in _NOT_TEXT:
        media = turn.inbound.media or Media(kind)
        key = "contact_or_place" if kind in (Kind.CONTACT, Kind.LOCATION) else "media"
        turn.say("media_came" if media.can_be_opened and not turn.handoff.forced else key)
    elif kind is Kind.EDITED:
        text = f"[{kind}] {text}".strip()
    heard = await urgent.heard_beside(turn)
    if heard and heard.urgent:
        await _raise(turn, heard.signal)
    elif heard and heard.how is not urgent.How.UNCLEAR:  # that only marks its line
        turn.session.signal(heard.signal)
        await case.renew(turn)  # with other answers it may count for more
    _carry(turn, text, heard.signal if heard else "", media=media)
    if heard and heard.urgent:
        _tell_once(turn, _danger_card(turn) if heard.kind == "danger" else "report_self_harm")


async def relay_answer(turn: Turn, slot: str, value: str) -> None:
    """A safety question answered during a talk: kept, shown to the counsellor as a line."""
    session = turn.session
    session.answers[slot] = value
    flag = DANGER_ANSWERS.get((slot, value), "")
    await case.renew(turn)
    label = turn.use.words.label_of(turn.inbound.button, turn.language)
    question = turn.use.words.text("responses", f"ask_{slot}", turn.language).splitlines()[-1]
    if flag:
        await _raise(turn, flag)
    _carry(turn, f"[{question}] {label}", flag, f"{slot}:{value}")
    if flag:
        _tell_once(turn, _danger_card(turn))


async def relay_language(turn: Turn, code: str) -> None:
    """A language chosen during a talk: kept, shown to the counsellor as a line."""
    await language.keep(turn, code)
    question = turn.use.words.text("responses", "change_language", turn.language)
    label = turn.use.words.label_of(turn.inbound.button, turn.language)
    _carry(turn, f"[{question}] {label}", answer=f"language:{code}")
    turn.say("language_set")


async def _raise(turn: Turn, flag: str) -> None:
    """RED, for what was heard in the talk."""
    turn.session.signal(flag)
    await turn.use.queue.raise_level(turn.inbound.person, Level.RED, (flag,), turn.fence)


def _carry(
    turn: Turn, text: str, flag: str = "", answer: str = "", media: Media | None = None
) -> None:
    """A line of the transcript, with this turn's commit."""
    if turn.handoff is not None and (text.strip() or media):
        turn.ops += turn.use.queue.relay_ops(turn.handoff, text, flag, answer, media)


def _danger_card(turn: Turn) -> str:
    """Says that the counsellor was told: unless whoever looks on would learn that there is one."""
    return "report_danger" if turn.handoff and turn.handoff.forced else "danger_seen"


def _tell_once(turn: Turn, card: str) -> None:
    """An urgent card during a talk: once for each talk and kind, the counsellor has the rest."""
    told = f"{turn.handoff.id if turn.handoff else ''}:{card}"
    if told not in turn.session.cards_told:
        turn.session.cards_told = [*turn.session.cards_told, told][-8:]
        turn.say(card)
