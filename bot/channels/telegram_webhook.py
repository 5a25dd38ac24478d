"""The webhook's own small server: an update is answered with 200 only when it is safe.

Anything else makes Telegram send it again: 503 while Redis is away is the natural back-pressure.
"""

import asyncio
import contextlib
import hmac
import json
import socket
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bot.channels.telegram_intake import Intake
from bot.errors import QueueUnavailable, SettingsError
from bot.serve import Patient
from bot.settings import PREFIX, Address

#: No update is larger, bytes.
MAX_BODY: Final = 1_000_000
_SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name


def open_listener(address: Address) -> socket.socket:
    """The socket Telegram's calls come to. Raises SettingsError."""
    try:
        return address.listen()
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}TELEGRAM_WEBHOOK_LISTEN: cannot listen there ({error.strerror})"
        ) from None


def endpoint(url: str, secret: str, intake: Intake) -> Starlette:
    """The application that takes updates in at the path of the public `url`."""
    expected = secret.encode()

    async def receive(request: Request) -> Response:
        given = request.headers.get(_SECRET_HEADER, "").encode()
        # Compared in constant time, and before anything of the body is looked at.
        if not expected or not hmac.compare_digest(given, expected):
            return Response(status_code=403)
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    return Response(status_code=413)
            raw = json.loads(body)
        # RecursionError: brackets within brackets, thousands deep.
        except (ValueError, RecursionError, ClientDisconnect):
            raw = None
        if not isinstance(raw, dict):
            return Response(status_code=400)
        try:
            await intake.take(raw)
        except QueueUnavailable:
            return Response(status_code=503)
        return Response()

    return Starlette(routes=[Route(urlsplit(url).path or "/", receive, methods=["POST"])])


async def serve(app: Starlette, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serves until `stop` is set; calls under way are answered first."""
    config = uvicorn.Config(
        app,
        http=Patient,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await stop.wait()
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
