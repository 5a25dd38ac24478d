"""The desk's pages and forms: everything works without script, the script only makes it live."""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.console import acts, api, cards, holds, passing, raising, scene, views
from bot.console.answers import STATUS, Refused, here, note_of, page
from bot.console.context import account_of, console, field, language_of, translate_of
from bot.console.permissions import may_lead
from bot.handoff.record import Handoff, State

#: Notes a page may show after an act, by the name in the address.
NOTES = frozenset({"ended", "released", "empty", "gone"})


async def home(request: Request) -> Response:
    """GET /: the desk."""
    return RedirectResponse("/desk", 303)


async def desk(request: Request) -> Response:
    """GET: the strip, the queue, one's own conversations."""
    await here(request)
    note = request.query_params.get("note", "")
    words = translate_of(request)(f"note.{note}") if note in NOTES else ""
    return await _desk(request, note=words, freed=note == "ended")


async def desk_live(request: Request) -> Response:
    """GET: only the part of the desk that changes, for the script."""
    return page(request, "_desk_live.html", desk=await _view(request))


async def desk_mine(request: Request) -> Response:
    """GET: the links to one's own conversations, for the script of the page of ?talk=."""
    here = request.query_params.get("talk", "")
    return page(request, "_mine.html", desk=await _view(request), here=here)


async def conversation(request: Request) -> Response:
    """GET: case card and conversation."""
    handoff = await acts.open_to_read(request)
    await here(request)
    return await _conversation(request, handoff)


async def card(request: Request) -> Response:
    """GET: the case card again, for the script."""
    handoff = await acts.open_to_read(request, "read_on")
    mine = _mine(request, handoff)
    talking = mine and handoff.with_counsellor
    case = await _case(request, handoff)
    more = raising.offered(account_of(request), handoff)
    return page(request, "_card.html", case=case, mine=mine, talking=talking, **more)


async def lines(request: Request) -> Response:
    """GET: the lines after ?after=, for the script; what else it must know stands in headers."""
    handoff = await acts.open_to_read(request, "read_on")
    desk, t, login = console(request), translate_of(request), account_of(request).login
    shown = await views.line_views(desk, handoff, t, login, api.after_of(request))
    answer = page(request, "_lines.html", lines=shown)
    answer.headers["X-State"] = handoff.state.value
    answer.headers["X-Language"] = handoff.language
    answer.headers["X-Holder"] = handoff.claimed_by  # a login: none but plain signs
    answer.headers["X-Mine"] = "1" if handoff.claimed_by == login else "0"
    answer.headers["X-Offers"] = str(len(await desk.queue.transfers.offered(login)))
    return answer


async def conversation_live(request: Request) -> Response:
    """GET: the transcript in a frame that loads itself again, for browsers without script."""
    handoff = await acts.open_to_read(request, "read_on")
    await here(request)
    desk, t, login = console(request), translate_of(request), account_of(request).login
    shown, now = await views.line_views(desk, handoff, t, login), await scene.read_scene(desk)
    queue = {"waiting": now.total, "reds": now.reds, "late": now.late}
    return page(request, "frame.html", lines=shown, **queue)


async def take_next(request: Request) -> Response:
    """POST: to the conversation of whoever is next."""
    try:
        taken = await acts.take_next(request)
    except Refused as refused:
        return await _desk_with(request, refused)
    return RedirectResponse(f"/handoffs/{taken.id}" if taken else "/desk?note=empty", 303)


async def shift(request: Request) -> Response:
    """POST on=1|0."""
    await acts.shift(request, acts.switch(request))
    return RedirectResponse("/desk", 303)


async def claim(request: Request) -> Response:
    """POST: to the conversation, or back to the desk with who has it."""
    try:
        taken = await acts.claim(request)
    except Refused as refused:
        return await _desk_with(request, refused)
    return RedirectResponse(f"/handoffs/{taken.id}", 303)


async def say(request: Request) -> Response:
    """POST text and/or phrase."""
    handoff = await acts.say(request)
    return RedirectResponse(f"/handoffs/{handoff.id}#reply", 303)


async def release(request: Request) -> Response:
    """POST: back to the queue."""
    await acts.release(request)
    return RedirectResponse("/desk?note=released", 303)


async def end(request: Request) -> Response:
    """POST: asks whether they are sure; with sure to the wrap-up, with an outcome to the desk."""
    if not field(request, "sure") and not field(request, "outcome"):
        handoff = await acts.mine(request)
        if handoff.with_counsellor:
            case = views.brief(console(request), handoff, translate_of(request))
            return page(request, "ending.html", case=case, path=f"/handoffs/{handoff.id}")
    try:
        ended = await acts.end(request)
    except Refused as refused:
        if refused.code != "gone":
            raise
        # Closed twice, or the person has left meanwhile: there is nothing left to write down.
        return RedirectResponse("/desk?note=gone", 303)
    if ended.state is State.WRAP_UP:
        return RedirectResponse(f"/handoffs/{ended.id}", 303)
    return RedirectResponse("/desk?note=ended", 303)


async def _desk_with(request: Request, refused: Refused) -> HTMLResponse:
    note = note_of(request, refused.code, refused.more)
    wrap_up = refused.more.get("wrap_up", "")
    return await _desk(request, note=note, status=STATUS[refused.code], wrap_up=wrap_up)


async def _desk(
    request: Request, note: str, status: int = 200, wrap_up: str = "", freed: bool = False
) -> HTMLResponse:
    """`wrap_up`: the talk whose outcome is to be said; `freed`: there is room for the next one."""
    return page(
        request,
        "desk.html",
        status,
        desk=await _view(request),
        note=note,
        wrap_up=wrap_up,
        freed=freed,
    )


async def _conversation(request: Request, handoff: Handoff) -> HTMLResponse:
    shared, account = console(request), account_of(request)
    mine, own, t = _mine(request, handoff), language_of(request), translate_of(request)
    phrases = views.phrase_views(shared, handoff.language, own) if mine else []
    moments: dict[str, list[dict[str, str]]] = {}
    for phrase in phrases:
        moments.setdefault(phrase["moment"], []).append(phrase)
    return page(
        request,
        "conversation.html",
        desk=await _view(request),
        case=await _case(request, handoff),
        lines=await views.line_views(shared, handoff, t, account.login),
        help_lines=await cards.line_offers(shared, handoff, t, own) if mine else [],
        mine=mine,
        holder=handoff.claimed_by,
        talking=mine and handoff.with_counsellor,
        wrapping_up=mine and handoff.state is State.WRAP_UP,
        outcomes=acts.OUTCOMES,
        may_flag=(mine and handoff.state is not State.CLOSED) or may_lead(account),
        flagging=holds.CHOICES,
        longest=acts.LONGEST,
        once=secrets.token_hex(16),
        longest_note=passing.LONGEST_NOTE,
        longest_private=cards.LONGEST_NOTE,
        colleagues=await passing.colleagues(shared, account.login, t),
        moments=moments,
        **raising.offered(account, handoff),
    )


async def _view(request: Request) -> dict[str, Any]:
    desk, account, t = console(request), account_of(request), translate_of(request)
    offers = await passing.offers(desk, account, t)
    learned = desk.practice.lessons(account.login, language_of(request)) if desk.practice else []
    seen = await scene.desk_view(desk, account, t, api.start_of(request))
    return {**seen, "offers": offers, "lessons": learned}


async def _case(request: Request, handoff: Handoff) -> dict[str, Any]:
    return await views.case_view(
        console(request), handoff, translate_of(request), language_of(request)
    )


def _mine(request: Request, handoff: Handoff) -> bool:
    return handoff.claimed_by == account_of(request).login
