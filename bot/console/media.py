"""What a person sent in a talk, opened by its holder when they press, and not before.

The bytes come from the process that holds the bot's token and go on to the page: no disk, no
Redis, no cache. Every opening is in the audit, written before anything is asked for.
"""

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Final

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.console import acts, views
from bot.console.answers import Refused, here, page
from bot.console.context import account_of, console, translate_of
from bot.console.courier import NotBrought
from bot.handoff.record import Handoff
from bot.media import LONGEST, content_type
from bot.messages import Kind, Media
from bot.serve import PassedOn

#: What each kind may turn out to be; whatever else it is, it is not shown.
_SHOWN: Final = {Kind.PHOTO: "image/", Kind.VOICE: "audio/"}
_LINE: Final = re.compile("[0-9]{1,19}-[0-9]{1,19}")


async def show(request: Request) -> Response:
    """GET: the photo or voice message itself, for the page that shows it."""
    handoff, media = await _sent(request)
    if media.place or request.headers.get("sec-fetch-dest") == "document":
        # Nothing that may be hard to see fills a window of its own.
        return RedirectResponse(f"{views.media_path(handoff, _line_of(request))}/page", 303)
    return await _bytes(request, handoff, media)


async def show_page(request: Request) -> Response:
    """GET: a page with it, for browsers without script; blurred unless ?clear=1."""
    await here(request)
    handoff, media = await _sent(request)
    t = translate_of(request)
    if media.place:
        await _write(request, handoff, media)
    return page(
        request,
        "media.html",
        case=views.brief(console(request), handoff, t),
        media=views.media_view(media, t, views.media_path(handoff, _line_of(request))),
        place=views.place_words(media),
        clear=request.query_params.get("clear") == "1",
    )


async def api_open(request: Request) -> Response:
    """GET: the bytes; for a location {"latitude": ..., "longitude": ...}."""
    handoff, media = await _sent(request)
    if media.place is None:
        return await _bytes(request, handoff, media)
    await _write(request, handoff, media)
    latitude, longitude = media.place
    return JSONResponse({"latitude": latitude, "longitude": longitude})


async def _sent(request: Request) -> tuple[Handoff, Media]:
    """What the line of the path holds, for whoever holds the talk. Raises Refused.

    Not for a supervisor who reads along: whoever needs to see it takes the person over.
    """
    handoff = await acts.mine(request)
    if not handoff.with_counsellor:
        raise Refused("not_yours")
    wanted = _line_of(request)
    known = _LINE.fullmatch(wanted)
    line = await console(request).queue.transcript.one(handoff, wanted) if known else None
    if line is None or line.media is None or not line.media.can_be_opened:
        raise Refused("media_gone")
    return handoff, line.media


def _line_of(request: Request) -> str:
    return str(request.path_params["line"])


async def _write(request: Request, handoff: Handoff, media: Media) -> None:
    login = account_of(request).login
    await console(request).audit.write(login, f"opened_{media.kind}", handoff.id)


async def _bytes(request: Request, handoff: Handoff, media: Media) -> Response:
    await _write(request, handoff, media)
    async with contextlib.AsyncExitStack() as closing:
        try:
            bringing = console(request).courier.bringing(media.file)
            pieces = await closing.enter_async_context(bringing)
            first = await anext(pieces, b"")
        except NotBrought as reason:
            raise Refused(f"media_{reason.why}") from None
        except httpx.HTTPError:
            raise Refused("media_away") from None
        found = content_type(first)
        if not found.startswith(_SHOWN[media.kind]):
            raise Refused("media_unknown")
        headers = {"Content-Disposition": "inline"}
        return PassedOn(_all(first, pieces), closing.pop_all(), LONGEST, found, headers)
    raise AssertionError("the stack swallows nothing")


async def _all(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
