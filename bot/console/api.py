"""The JSON API behind the desk: what the page's script and other programs call."""

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator
from typing import Any

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse

from bot.console import acts, scene, views
from bot.console.accounts import Account
from bot.console.answers import Refused
from bot.console.context import (
    account_of,
    console,
    language_of,
    login_of,
    translate_of,
)
from bot.console.events import Audience, Listener, event
from bot.console.logins import Login
from bot.console.permissions import Permission, may_counsel, may_lead, permits
from bot.handoff.record import Handoff

#: Seconds between signs of life on a silent event stream; the login is looked at each time.
PING = 15
#: So many seconds after something was said on it at most, the login is looked at.
LOOK = 2
# Nothing Redis would refuse: two numbers of less than 64 bits.
_LINE_ID = re.compile("[0-9]{1,19}(-[0-9]{1,19})?")


async def desk(request: Request) -> JSONResponse:
    """GET: the strip and the lists; of the queue a part, from place ?from= on."""
    found = await scene.desk_view(
        console(request), account_of(request), translate_of(request), start_of(request)
    )
    return JSONResponse(found)


async def heartbeat(request: Request) -> JSONResponse:
    """POST: the page is alive. Whether one is on shift, and seconds until the login ends."""
    desk, login = console(request), login_of(request)
    # Who may not write to them any more must not keep anybody either.
    on = may_counsel(login.account) and await desk.queue.heartbeat(login.account.login)
    if on:  # being on shift at night, waiting, is being there: the login stays
        await desk.logins.touch(login)
    return JSONResponse({"on_shift": on, "ends_in": desk.logins.ends_in(login)})


async def shift(request: Request) -> JSONResponse:
    """POST {"on": true|false}."""
    on = acts.switch(request)
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
    after, t = after_of(request), translate_of(request)
    return JSONResponse(
        {
            "case": await views.case_view(desk, found, t, language_of(request)),
            "lines": await views.line_views(desk, found, t, account_of(request).login, after),
        }
    )


async def claim(request: Request) -> JSONResponse:
    """POST: {"handoff": {...}}; 409 already_claimed with the holder's alias."""
    return JSONResponse({"handoff": _brief(request, await acts.claim(request))})


async def say(request: Request) -> JSONResponse:
    """POST {"text": ...} or {"phrase": id}."""
    await acts.say(request)
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
    """GET: server-sent events: that something changed, of which handoff, and what the desk shows.

    ?desk: for a page that shows the desk; ?talk=: for one that shows this handoff.
    """
    desk, cookie = console(request), request.cookies.get(console(request).cookie, "")
    account, query = account_of(request), request.query_params
    clock = asyncio.get_running_loop().time
    audience = _audience(request, account)
    listener = Listener(account.login, audience if "desk" in query else None, query.get("talk", ""))

    async def allowed() -> Login | None:
        login = await desk.logins.find(cookie, touch=False)
        may = permits(Permission.STAFF, login, second_step=desk.second_step)
        return login if may else None

    async def stream() -> AsyncIterator[bytes]:
        with desk.hub.listening(listener):
            yield b"retry: 2000\n\n"
            looked, told = clock(), False
            while True:
                said, due = b"", looked + (LOOK if told else PING)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        said = await listener.next()
                if said:
                    yield said
                if said and not told:
                    # In its own time: all pages at once would hold up what they wait for.
                    looked, told = clock() - random.uniform(0, LOOK), True  # noqa: S311 (no secret)
                if clock() < looked + (LOOK if told else PING):
                    continue
                try:
                    login = await allowed()
                    if not login:
                        yield event("signed_out", "{}")
                        return
                    if _audience(request, login.account) != audience:
                        return  # their roles were changed: the page connects again with the new
                except (RedisError, OSError):
                    return  # the page connects again, and fetches everything then
                if not told:
                    # An event, not a comment: the page hears that the line is not dead.
                    yield event("alive", "{}")
                looked, told = clock(), False

    # A proxy must pass each event on as it comes, and not collect them.
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), headers=headers, media_type="text/event-stream")


def _audience(request: Request, account: Account) -> Audience:
    return Audience(language_of(request), may_counsel(account), may_lead(account))


def _brief(request: Request, handoff: Handoff) -> dict[str, Any]:
    return views.brief(console(request), handoff, translate_of(request))


def start_of(request: Request) -> int:
    """The place in the queue of ?from=, where the part that is shown begins."""
    start = request.query_params.get("from", "")
    return int(start) if re.fullmatch("[0-9]{1,6}", start) else 0


def after_of(request: Request) -> str:
    """The line id of ?after=. Raises Refused."""
    after = request.query_params.get("after", "")
    if after and not _LINE_ID.fullmatch(after):
        raise Refused("bad_request")
    return after
