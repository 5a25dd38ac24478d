"""Cards a counsellor sends with one press, and the note kept for oneself; each act is audited.

A card is a message of the assistant's own, reviewed in every language: the person reads it in
theirs, the transcript shows the counsellor the same in their own beside it.
"""

from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.bidi import keep_numbers
from bot.console import acts
from bot.console.answers import Refused
from bot.console.context import Console, account_of, console, field, language_of, translate_of
from bot.console.strings import Translate
from bot.conversation.lines import describe
from bot.directory import Entry, find
from bot.handoff.record import Case, Handoff
from bot.messages import Channel, Reply

#: What can be sent; `line` is a help line, named by the field of that name.
CARDS: Final = ("emergency", "safe_contact", "quick_exit", "code_word", "line")
#: So many help lines are offered: the counsellor picks, and the best fitting stand first.
FEW: Final = 12
#: How it is said whether a line serves the person's language (Entry.serves).
SPEAKS: Final = {True: "speaks", None: "may_speak", False: "speaks_not"}
#: The longest private note, signs.
LONGEST_NOTE: Final = 2_000


async def send(request: Request) -> Response:
    """POST card (one of CARDS), line: back to the conversation."""
    handoff = await sent(request, field(request, "card"))
    return RedirectResponse(f"/handoffs/{handoff.id}#reply", 303)


async def api_send(request: Request) -> JSONResponse:
    """POST {"card": one of CARDS, "line": id of a help line}."""
    await sent(request, field(request, "card"))
    return JSONResponse({"sent": True})


async def note(request: Request) -> Response:
    """POST note: back to the conversation."""
    handoff = await _noted(request)
    return RedirectResponse(f"/handoffs/{handoff.id}#own-note", 303)


async def api_note(request: Request) -> JSONResponse:
    """POST {"note": ...}; an empty one removes it."""
    await _noted(request)
    return JSONResponse({"kept": True})


async def api_lines(request: Request) -> JSONResponse:
    """GET: the few help lines that fit this person, in the counsellor's language."""
    handoff = await acts.open_to_read(request)
    own, t = language_of(request), translate_of(request)
    return JSONResponse({"lines": await line_offers(console(request), handoff, t, own)})


async def line_offers(
    desk: Console, handoff: Handoff, t: Translate, own: str
) -> list[dict[str, Any]]:
    """The help lines that fit the person's region and language, best first."""
    case = await desk.queue.case(handoff)
    return [
        {
            "id": entry.id,
            "text": describe(desk.words, entry, _now(desk), own, case.region),
            "speaks": t(f"lines.{SPEAKS[entry.serves(handoff.language)]}"),
        }
        for entry in _fitting(desk, handoff, case)[:FEW]
    ]


async def sent(request: Request, name: str) -> Handoff:
    """Sends one of CARDS to the person. Raises Refused."""
    desk, account = console(request), account_of(request)
    handoff = await acts.mine(request)
    case = await desk.queue.case(handoff)
    if name not in CARDS or (name == "code_word" and not case.code_word):
        raise Refused("bad_request")
    # All that fit, not the first few: who was among them may have closed since it was offered.
    chosen = field(request, "line")
    line = next((one for one in _fitting(desk, handoff, case) if one.id == chosen), None)
    if name == "line" and line is None:
        raise Refused("bad_request")
    card = _card(desk, handoff, case, name, line, handoff.language)
    own = language_of(request)
    beside = _card(desk, handoff, case, name, line, own).text if own != handoff.language else ""
    word = name == "code_word"
    once = acts.once_of(request)
    with acts.refusing():
        fresh = await desk.queue.send_card(
            handoff.id, account.login, card, beside, word=word, once=once
        )
    again = "" if fresh else "_again"
    await desk.audit.write(account.login, f"{name}_card{again}", handoff.id)
    return handoff


async def _noted(request: Request) -> Handoff:
    desk, account = console(request), account_of(request)
    handoff, text = await acts.mine(request), field(request, "note")
    if len(text) > LONGEST_NOTE:
        raise Refused("too_large")
    with acts.refusing():
        await desk.queue.keep_note(handoff.id, account.login, text)
    await desk.audit.write(account.login, "note", handoff.id)
    return handoff


def _card(
    desk: Console, handoff: Handoff, case: Case, name: str, line: Entry | None, language: str
) -> Reply:
    words = desk.words
    if line is not None and name == "line":
        text = describe(words, line, _now(desk), language, case.region)
        return Reply(keep_numbers(text), language, passable=True)
    if name == "emergency":
        return words.reply("card_911_nunavut" if case.region == "NU" else "card_911", language)
    if name == "safe_contact":
        return words.reply("ask_safe_contact", language)
    if name == "code_word":
        return words.reply("code_word_please", language)
    text = words.reply("report_watched", language).text  # without its button, which is the bot's
    if handoff.channel is Channel.WEBCHAT:
        how = [words.text("web", key, language) for key in ("leave", "leave_hint")]
        text = "\n".join([text, "", *how])
    return Reply(text, language)


def _fitting(desk: Console, handoff: Handoff, case: Case) -> list[Entry]:
    return find(
        desk.directory,
        region=case.region or None,
        kinds=None,
        language=handoff.language,
        at=_now(desk),
    )


def _now(desk: Console) -> datetime:
    return datetime.fromtimestamp(desk.clock(), UTC)
