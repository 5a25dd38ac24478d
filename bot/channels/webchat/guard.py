"""Stands around the whole web door: the headers of every answer, and no error goes out bare."""

from collections.abc import Callable
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.channels.webchat.contract import NEUTRAL_HOSTS

#: Said when even the texts cannot be had; numbers from facts/directory.yml.
LAST_RESORT: Final = "9-1-1\n9-8-8\n1-833-900-1010\n"

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        f"form-action 'self' {NEUTRAL_HOSTS}; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}

_log = structlog.get_logger(__name__)


class Guard:
    """ASGI middleware; `broken` draws the page for an error nobody foresaw, `secure`: over TLS."""

    def __init__(self, app: ASGIApp, broken: Callable[[Request], Response], secure: bool) -> None:
        self._app, self._broken = app, broken
        # Nobody between the browser and TLS may turn the next visit into one that can be read.
        tls = {"Strict-Transport-Security": "max-age=31536000"} if secure else {}
        self._headers = _HEADERS | tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application; whatever happens, a person gets a page."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        try:
            await self._app(scope, receive, send_guarded)
        except Exception as error:
            # Only the kind of the error: its text may hold what somebody wrote.
            _log.error("web_error", kind=type(error).__name__)
            if not started:
                await self._last_page(scope)(scope, receive, send_guarded)

    def _last_page(self, scope: Scope) -> Response:
        try:
            return self._broken(Request(scope))
        except Exception as error:
            _log.error("web_error_page", kind=type(error).__name__)
            return PlainTextResponse(LAST_RESORT, 500)
