"""Puts the web door together: routes, limits, pages, and the guard around them."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.channels.webchat.door import Door
from bot.channels.webchat.guard import Guard
from bot.channels.webchat.leaving import Leaving
from bot.channels.webchat.pages import Pages
from bot.channels.webchat.screen import Screens
from bot.channels.webchat.visitor import Cookies
from bot.conversation.render import Words
from bot.inbox import Inbox
from bot.keys import Keys
from bot.outbox import Outbox
from bot.vault import Vault

if TYPE_CHECKING:
    from bot.conversation.emergency import Emergency

_STATIC = Path(__file__).parent / "static"


def create_app(
    *,
    redis: Redis,
    keys: Keys,
    vault: Vault,
    inbox: Inbox,
    outbox: Outbox,
    words: Words,
    emergency: "Emergency",
    clock: Callable[[], float],
    secure: bool,
) -> Starlette:
    """The web chat as an ASGI application.

    `emergency` is what is asked when Redis is away; `clock` gives seconds since the epoch;
    `secure` is False only for plain http on this machine.
    """
    pages, screens = Pages(words), Screens(redis, keys, outbox)
    leaving = Leaving(inbox, screens, clock)
    door = Door(
        vault=vault, inbox=inbox, screens=screens, pages=pages, words=words, emergency=emergency,
        leaving=leaving, cookies=Cookies(secure, vault), clock=clock,
    )  # fmt: skip

    def broken(request: Request) -> Response:
        language = door.language(request)
        return pages.plain("", language, 500, emergency.answer("", language))

    async def no_such_page(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return pages.plain("not_found", door.language(request), status)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await leaving.close()
        await screens.close()

    return Starlette(
        routes=[
            Route("/", door.home),
            Route("/message", door.message, methods=["POST"]),
            Route("/choice", door.choice, methods=["POST"]),
            Route("/leave", door.leave, methods=["POST"]),
            Route("/events", door.events),
            Route("/healthz", door.health),
            Route("/favicon.ico", door.no_icon),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(Guard, broken=broken, secure=secure)],
        exception_handlers={HTTPException: no_such_page},
        lifespan=lifespan,
    )
