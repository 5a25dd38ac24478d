"""A person falls silent in a talk: the counsellor may keep it open, or let it close by itself."""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.console import acts
from bot.console.context import account_of, console
from bot.handoff.record import Handoff


async def keep_open(request: Request) -> Response:
    """POST on=1|0: back to the conversation."""
    handoff = await _kept(request)
    return RedirectResponse(f"/handoffs/{handoff.id}#silence", 303)


async def api_keep_open(request: Request) -> JSONResponse:
    """POST {"on": true|false}."""
    await _kept(request)
    return JSONResponse({"kept": True})


async def _kept(request: Request) -> Handoff:
    desk, account = console(request), account_of(request)
    handoff, on = await acts.mine(request), acts.switch(request)
    with acts.refusing():
        await desk.queue.keep_open(handoff.id, account.login, on)
    await desk.audit.write(account.login, "keep_open" if on else "let_close", handoff.id)
    return handoff
