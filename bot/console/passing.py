"""Passing a person on at the desk: to the queue or a colleague, who accepts or refuses."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.console import acts
from bot.console.accounts import Account
from bot.console.answers import Refused, page
from bot.console.board_view import counsellors
from bot.console.context import Console, account_of, console, field, translate_of
from bot.console.permissions import may_counsel, may_lead
from bot.console.scene import read_scene
from bot.console.strings import Translate
from bot.console.views import brief
from bot.errors import NotOnShift
from bot.handoff.record import Handoff, State

#: The longest note for the next counsellor, signs.
LONGEST_NOTE: Final = 500


async def transfer(request: Request) -> Response:
    """POST note, to (a login; empty: the queue). A note is required."""
    to = await _transfer(request)
    return RedirectResponse(
        f"/handoffs/{request.path_params['id']}" if to else "/desk?note=released", 303
    )


async def show_colleagues(request: Request) -> Response:
    """GET: to whom the person of the path could go now, for the script."""
    desk, t = console(request), translate_of(request)
    found = await acts.mine(request)
    mates = await colleagues(desk, found.claimed_by, t)
    return page(request, "_colleagues.html", colleagues=mates, case=brief(desk, found, t))


async def accept(request: Request) -> Response:
    """POST: to the conversation, which is now one's own."""
    taken = await _accept(request)
    return RedirectResponse(f"/handoffs/{taken.id}", 303)


async def refuse(request: Request) -> Response:
    """POST: a colleague refuses, back to the desk; the holder takes the offer back, and stays."""
    found = await _refuse(request)
    mine = found.claimed_by == account_of(request).login
    return RedirectResponse(f"/handoffs/{found.id}" if mine else "/desk", 303)


async def api_transfer(request: Request) -> JSONResponse:
    """POST {"note": ..., "to": login or ""}: {"offered": true}, or false when to the queue."""
    return JSONResponse({"offered": bool(await _transfer(request))})


async def api_accept(request: Request) -> JSONResponse:
    """POST: {"id": ...} of the handoff that is now one's own."""
    return JSONResponse({"id": (await _accept(request)).id})


async def api_refuse(request: Request) -> JSONResponse:
    """POST: {"refused": true}."""
    await _refuse(request)
    return JSONResponse({"refused": True})


async def offers(desk: Console, account: Account, t: Translate) -> list[dict[str, Any]]:
    """Who is offered to this counsellor, with the note, for the desk."""
    shown = []
    for one in await desk.queue.transfers.offered(account.login):
        if found := await desk.queue.get(one.id):  # with its data key
            shown.append({**brief(desk, found, t), "note": await desk.queue.note(found)})
    return shown


async def colleagues(desk: Console, without: str, t: Translate) -> list[dict[str, Any]]:
    """Who is on shift and could take somebody over from the one of the login `without`."""
    everybody = await counsellors(desk, await read_scene(desk), t)
    return [one for one in everybody if one["on_shift"] and one["login"] != without]


async def _transfer(request: Request) -> str:
    desk, account = console(request), account_of(request)
    found = await acts.mine(request)
    to, note = field(request, "to"), field(request, "note")
    if not 1 <= len(note) <= LONGEST_NOTE:
        raise Refused("too_large" if note else "bad_request")
    if to == account.login:
        raise Refused("colleague_away")
    with acts.refusing(away="colleague_away"):
        await passed_on(desk, found.id, account.login, to, note)
    await desk.audit.write(account.login, "offer" if to else "transfer", found.id)
    return to


async def passed_on(desk: Console, handoff: str, holder: str, to: str, note: str) -> None:
    """Offers the person `holder` has ("" nobody) to a colleague; to nobody: into the queue.

    Raises NotOnShift (of the colleague), SessionEnded.
    """
    if to:
        colleague = await desk.accounts.find(to)
        if not colleague or not may_counsel(colleague):
            raise NotOnShift("off")
        await desk.audit.write(to, "offered", handoff)  # their desk will show them the note
        await desk.queue.transfers.offer(handoff, holder, to, note)
    else:
        await desk.queue.transfers.to_queue(handoff, holder, note)


async def _accept(request: Request) -> Handoff:
    desk, account = console(request), account_of(request)
    found = await acts.find(request)
    if found.state is State.WAITING and found.offered_to == account.login:
        return await acts.claim(request)  # nobody holds them: whoever is quickest has them
    async with acts.taking(request, "offer_over"):
        taken = await desk.queue.transfers.accept(found.id, account.login)
    await desk.audit.write(account.login, "accept", found.id)
    return taken


async def _refuse(request: Request) -> Handoff:
    desk, account = console(request), account_of(request)
    found = await acts.find(request)
    # Whoever leads may take back any offer.
    who = found.offered_to if may_lead(account) else account.login
    with acts.refusing("offer_over"):
        await desk.queue.transfers.decline(found.id, who)
    await desk.audit.write(account.login, "refuse", found.id)
    return found
