"""Hands photos and voice messages to the console, which asks with an order (bot/media.py).

The bytes pass through from Telegram, piece by piece: no disk, no Redis, no copy. This listens on
the own machine or on a network of its own that only the console is in.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import httpx
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot
from telegram.error import BadRequest, TelegramError

from bot import media
from bot.channels.telegram_webhook import serve
from bot.errors import Sealed
from bot.serve import PassedOn
from bot.settings import Address
from bot.vault import Vault

log = structlog.get_logger(__name__)

#: How many files are handed over at the same time.
AT_ONCE: Final = 4
#: The pause before it is tried again to listen where something else does, seconds.
PAUSE: Final = 30.0
_TIMEOUT: Final = httpx.Timeout(15, connect=10)


def endpoint(
    bot: Bot, vault: Vault, clock: Callable[[], float], client: httpx.AsyncClient
) -> Starlette:
    """The application that answers orders.

    404: Telegram has the file no more; 413: too large; 502: Telegram is away; 503: too many now.
    """
    room = asyncio.Semaphore(AT_ONCE)

    async def hand_over(request: Request) -> Response:
        try:
            file = media.ordered(vault, request.headers.get("authorization", ""), clock())
        except Sealed:
            log.warning("media_order_refused")  # two clocks apart, or another master key
            return Response(status_code=403)
        if room.locked():
            return Response(status_code=503)
        async with contextlib.AsyncExitStack() as closing:
            await closing.enter_async_context(room)
            try:
                path = (await bot.get_file(file)).file_path
                answer = await closing.enter_async_context(client.stream("GET", path or ""))
            except BadRequest as error:
                return Response(status_code=413 if "too big" in error.message.lower() else 404)
            except (TelegramError, httpx.HTTPError, httpx.InvalidURL):
                return Response(status_code=502)
            if answer.status_code != 200:
                return Response(status_code=404 if answer.status_code == 404 else 502)
            return PassedOn(_at_most(answer, media.LARGEST), closing.pop_all(), media.LONGEST)
        raise AssertionError("the stack swallows nothing")

    return Starlette(routes=[Route("/", hand_over, methods=["POST"])])


async def _at_most(answer: httpx.Response, largest: int) -> AsyncIterator[bytes]:
    passed = 0
    async for piece in answer.aiter_bytes():
        passed += len(piece)
        if passed > largest:
            raise httpx.ReadError("more than Telegram promises")
        yield piece


async def serve_media(
    address: Address, bot: Bot, vault: Vault, clock: Callable[[], float], stop: asyncio.Event
) -> None:
    """Answers orders until `stop` is set; where it cannot listen, the door works on without."""
    async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
        app, said = endpoint(bot, vault, clock, client), False
        while not stop.is_set():
            try:
                listener = address.listen()
            except OSError:
                if not said:  # another telegram process of this machine may do it for good
                    log.warning("media_cannot_listen")
                said = True
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), PAUSE)
                continue
            with listener:
                await serve(app, listener, stop)
