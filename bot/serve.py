"""Serves a web application until its process is asked to stop; hangs up on who never finishes."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Final

import h11
import httpx
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.settings import Address

#: A request must be here, to its last byte, within so many seconds: whoever sends one for ever
#: would hold a place for ever. A long message on a poor mobile link takes a few.
ARRIVAL: Final = 30.0


class Patient(H11Protocol):
    """HTTP on one connection, with ARRIVAL seconds for each request (uvicorn has no such limit).

    After a body that is none nothing more is said but that: what the application was about to
    answer would only fail.
    """

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Asyncio's."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Asyncio's."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Uvicorn's: what was sent ahead of the answer may be the beginning of a next request."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Uvicorn's."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's."""
        super().connection_lost(exc)
        self._arrived()

    def _watch(self) -> None:
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._arrived()
        elif self._late is None:
            self._late = self.loop.call_later(ARRIVAL, self.transport.abort)

    def _arrived(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class PassedOn(StreamingResponse):
    """Passes on what another server sends, and closes that however it ends.

    What stops in the middle stops here in the middle too, so that it is not taken for whole;
    `longest` is how long it may take, seconds.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        closing: contextlib.AsyncExitStack,
        longest: float,
        media_type: str = "application/octet-stream",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=headers)
        self._closing, self._longest = closing, longest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        broken = (httpx.HTTPError, TimeoutError, ClientDisconnect)
        async with self._closing:
            with contextlib.suppress(*broken):
                async with asyncio.timeout(self._longest):
                    await super().__call__(scope, receive, send)


async def serve(app: ASGIApp, listen: Address, door: int | None = None) -> None:
    """Serves `app` on `listen`. No access log: it would hold addresses of people.

    `door`: the file descriptor of a socket that listens there already (bot/supervisor.py).
    """
    config = uvicorn.Config(
        app,
        host=listen.host,
        port=listen.port,
        http=Patient,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=3,
    )
    sockets = [socket.socket(fileno=door)] if door is not None else None
    await uvicorn.Server(config).serve(sockets)
