"""The JSON API behind the desk: what the page's script and other programs call."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

from bot.console import acts, cards, views
from bot.console.answers import Refused
from bot.console.context import (
    account_of,
    console,
    form_of,
    language_of,
    login_of,
    translate_of,
)
from bot.console.permissions import Permission, permits
from bot.handoff.record import Handoff

#: Seconds between signs of life on the event stream; the login is looked at each time.
PING = 15
# Nothing Redis would refuse: two numbers of less than 64 bits.
_LINE_ID = re.compile("[0-9]{1,19}(-[0-9]{1,19})?")


async def desk(request: Request) -> JSONResponse:
    """GET: the strip and the lists."""
    return JSONResponse(
        await views.desk_view(console(request), account_of(request), translate_of(request))
    )


async def heartbeat(request: Request) -> JSONResponse:
    """POST: the page is alive. Answers whether this counsellor is on shift."""
    desk, login = console(request), login_of(request)
    on = await desk.queue.heartbeat(login.account.login)
    if on:  # being on shift at night, waiting, is being there: the login stays
        await desk.logins.touch(login)
    return JSONResponse({"on_shift": on})


async def shift(request: Request) -> JSONResponse:
    """POST {"on": true|false}."""
    on = form_of(request).get("on")
    if not isinstance(on, bool):
        raise Refused("bad_request")
    await acts.shift(request, on)
    return JSONResponse({"on_shift": on})


async def take_next(request: Request) -> JSONResponse:
    """POST: {"handoff": {...}}, or null when nobody waits."""
    taken = await acts.take_next(request)
    return JSONResponse({"handoff": _brief(request, taken) if taken else None})


async def phrases(request: Request) -> JSONResponse:
    """GET: the phrase bank in a person's language beside the console's."""
    language = request.path_params["language"]
    pairs = views.phrase_views(console(request), language, language_of(request))
    return JSONResponse({"phrases": pairs})


async def handoff(request: Request) -> JSONResponse:
    """GET: case and transcript (after the line named by ?after=)."""
    found, desk = await acts.open_to_read(request), console(request)
    after = after_of(request)
    return JSONResponse(
        {
            "case": await views.case_view(desk, found, translate_of(request), language_of(request)),
            "lines": await views.line_views(desk, found, translate_of(request), after),
        }
    )


async def claim(request: Request) -> JSONResponse:
    """POST: {"handoff": {...}}; 409 already_claimed with the holder's alias."""
    return JSONResponse({"handoff": _brief(request, await acts.claim(request))})


async def say(request: Request) -> JSONResponse:
    """POST {"text": ...} or {"phrase": id}."""
    await acts.say(request)
    return JSONResponse({"sent": True})


async def emergency(request: Request) -> JSONResponse:
    """POST: the 9-1-1 card to the person."""
    await cards.sent(request, "emergency")
    return JSONResponse({"sent": True})


async def release(request: Request) -> JSONResponse:
    """POST: back to the queue."""
    await acts.release(request)
    return JSONResponse({"released": True})


async def end(request: Request) -> JSONResponse:
    """POST {"outcome": ...}; without an outcome the conversation is in wrap-up."""
    ended = await acts.end(request)
    return JSONResponse({"state": ended.state.value})


async def events(request: Request) -> StreamingResponse:
    """GET: server-sent events. They say only that something changed, and of which handoff."""
    desk, cookie = console(request), request.cookies.get(console(request).cookie, "")

    async def allowed() -> bool:
        login = await desk.logins.find(cookie, touch=False)
        return permits(Permission.STAFF, login, second_step=desk.second_step)

    async def stream() -> AsyncIterator[str]:
        with desk.hub.listening() as changes:
            yield "retry: 2000\n\n"
            while True:
                try:
                    name, data = await asyncio.wait_for(changes.get(), PING)
                    said = f"event: {name}\ndata: {data}\n\n"
                except TimeoutError:
                    # An event, not a comment: the page hears that the line is not dead.
                    said = "event: alive\ndata: {}\n\n"
                try:
                    if not await allowed():
                        yield "event: signed_out\ndata: {}\n\n"
                        return
                except (RedisError, OSError):
                    return  # the page connects again, and fetches everything then
                yield said

    return StreamingResponse(stream(), media_type="text/event-stream")


def _brief(request: Request, handoff: Handoff) -> dict[str, Any]:
    return views.brief(console(request), handoff, translate_of(request))


def after_of(request: Request) -> str:
    """The line id of ?after=. Raises Refused."""
    after = request.query_params.get("after", "")
    if after and not _LINE_ID.fullmatch(after):
        raise Refused("bad_request")
    return after
