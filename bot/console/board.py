"""The supervisor's board: sees everybody, moves people between colleagues and queue, sets surge.

Moving somebody is an offer, made in the holder's stead or to somebody who waits: the colleague
accepts or refuses as with any other. Only the way back to the queue needs nobody's consent.
"""

import re
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.console import acts
from bot.console.answers import Refused, here, page
from bot.console.board_view import board_view, closed_view, person
from bot.console.context import account_of, console, field, translate_of
from bot.console.passing import LONGEST_NOTE, colleagues, passed_on

#: Notes the board may show after an act, by the name in the address.
NOTES: Final = frozenset({"offered", "queued", "surge_on", "surge_off"})
#: So many closed talks are on a page.
PAGE: Final = 50
_NUMBER = re.compile("[1-9][0-9]{0,4}")


async def show(request: Request) -> Response:
    """GET: the board."""
    await here(request)
    note = request.query_params.get("note", "")
    words = translate_of(request)(f"did.{note}") if note in NOTES else ""
    return page(request, "board.html", desk=await _view(request), note=words)


async def live(request: Request) -> Response:
    """GET: only the part of the board that changes, for the script."""
    return page(request, "_board_live.html", desk=await _view(request))


async def closed(request: Request) -> Response:
    """GET: the talks that ended and are still kept, ?page= from 1."""
    await here(request)
    number = _page_of(request)
    return page(request, "closed.html", **await _closed(request, number), number=number)


async def move(request: Request) -> Response:
    """GET: the form that moves one person."""
    await here(request)
    desk, t = console(request), translate_of(request)
    found = await acts.find(request)
    if not found.open:
        raise Refused("gone")
    return page(
        request,
        "move.html",
        person=await person(desk, found, t),
        colleagues=await colleagues(desk, found.claimed_by, t),
        longest_note=LONGEST_NOTE,
    )


async def reassign(request: Request) -> Response:
    """POST to (a login; empty: the queue), holder (as it was seen), note: back to the board."""
    await _reassigned(request)
    did = "offered" if field(request, "to") else "queued"
    return RedirectResponse(f"/board?note={did}", 303)


async def surge(request: Request) -> Response:
    """POST on=1|0."""
    on = acts.switch(request)
    await _surge(request, on)
    return RedirectResponse(f"/board?note={'surge_on' if on else 'surge_off'}", 303)


async def api_board(request: Request) -> JSONResponse:
    """GET: the whole board."""
    return JSONResponse(await _view(request))


async def api_closed(request: Request) -> JSONResponse:
    """GET ?page=: {"talks": [...], "pages": how many there are}."""
    return JSONResponse(await _closed(request, _page_of(request)))


async def api_reassign(request: Request) -> JSONResponse:
    """POST {"to", "holder", "note"}: {"offered": true}, or false when to the queue."""
    await _reassigned(request)
    return JSONResponse({"offered": bool(field(request, "to"))})


async def api_surge(request: Request) -> JSONResponse:
    """POST {"on": true|false}."""
    on = acts.switch(request)
    await _surge(request, on)
    return JSONResponse({"surge": on})


async def _reassigned(request: Request) -> None:
    """Moves the person of the path. Raises Refused.

    `holder` is who held them when it was decided ("" nobody): if that has changed meanwhile,
    nothing is done, so that nobody is taken from a colleague who was not meant.
    """
    desk, account = console(request), account_of(request)
    found = await acts.find(request)
    holder, to, note = (field(request, name) for name in ("holder", "to", "note"))
    if len(note) > LONGEST_NOTE:
        raise Refused("too_large")
    if not (holder or to) or (holder and not note):
        raise Refused("bad_request")
    with acts.refusing("moved", away="colleague_away"):
        await passed_on(desk, found.id, holder, to, note)
    await desk.audit.write(account.login, "reassign", found.id)


async def _surge(request: Request, on: bool) -> None:
    desk = console(request)
    await desk.queue.service.set_surge(on)
    await desk.audit.write(account_of(request).login, "surge_on" if on else "surge_off")


async def _view(request: Request) -> dict[str, Any]:
    return await board_view(console(request), account_of(request), translate_of(request))


async def _closed(request: Request, number: int) -> dict[str, Any]:
    desk, t = console(request), translate_of(request)
    total, talks = await desk.queue.ended_talks((number - 1) * PAGE, PAGE)
    return {
        "talks": [
            closed_view(desk, one, at, await desk.queue.erases_in(one), t) for one, at in talks
        ],
        "pages": max(1, -(-total // PAGE)),
    }


def _page_of(request: Request) -> int:
    """The number of ?page=. Raises Refused."""
    given = request.query_params.get("page", "1")
    if not _NUMBER.fullmatch(given):
        raise Refused("bad_request")
    return int(given)
