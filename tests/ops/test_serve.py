"""The web servers' own manners: who never finishes a request, or sends none, is hung up on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bot import serve
from tests.waiting import until

_WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def _echo(request: Request) -> PlainTextResponse:
    try:
        return PlainTextResponse(await request.body())
    except ClientDisconnect:
        return PlainTextResponse("nobody hears this", 400)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(serve, "ARRIVAL", 1)
    app = Starlette(routes=[Route("/", _echo, methods=["GET", "POST"])])
    config = uvicorn.Config(
        app, port=0, http=serve.Patient, log_config=None, access_log=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started, "the server")
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


async def _sends(port: int, what: bytes) -> bytes:
    """Sends that and nothing more; everything that came back until the server hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    async with asyncio.timeout(20):
        writer.write(what)
        with contextlib.suppress(ConnectionError):
            while more := await reader.read(1000):
                got += more
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return got


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        _WHOLE + b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na",
    ],
)
async def test_a_request_that_never_ends_is_hung_up_on(port: int, begun: bytes) -> None:
    assert (await _sends(port, begun)).count(b"HTTP/1.1 200 ") == begun.count(_WHOLE)
    whole = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    assert (await _sends(port, whole)).endswith(b"ok")


async def test_a_body_that_is_none_is_answered_once(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await _sends(port, head + b"zz\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert [one.levelname for one in caplog.records if one.levelname == "ERROR"] == []
