"""Speaks to an ASGI application as a web server does, and can send what no browser would."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

#: A stream that has no end is listened to for so long after it has begun, seconds.
LISTEN = 0.02
#: An answer that takes longer than this hangs, seconds.
HANGS = 30.0


@dataclass
class Answer:
    """What came back; `fault` is the exception that came out of the application, if one did."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    fault: str = ""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def cookies(self) -> dict[str, str]:
        found = [value.partition(";")[0] for key, value in self.headers if key == "set-cookie"]
        return dict(line.split("=", 1) for line in found)


async def hit(
    app: Any,
    method: str,
    target: str,
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
    source: str = "192.0.2.1",
) -> Answer:
    """One request. `target` as it stands in the request line; header values in Latin-1."""
    path, _, query = target.partition("?")
    given = [("host", "console.test"), *(headers or [])]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "method": method, "scheme": "http", "path": unquote(path), "root_path": "",
        "raw_path": path.encode("ascii", "replace"),
        "query_string": query.encode("ascii", "replace"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1", "replace"))
                    for name, value in given],
        "client": (source, 1), "server": ("console.test", 80), "state": {},
    }  # fmt: skip
    answer, gone, sent = Answer(), asyncio.Event(), False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(name.decode("latin-1").lower(), value.decode("latin-1"))
                              for name, value in message["headers"]]  # fmt: skip
            if answer.header("content-type").startswith("text/event-stream"):
                asyncio.get_running_loop().call_later(LISTEN, gone.set)
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")

    try:
        async with asyncio.timeout(HANGS):
            await app(scope, receive, send)
    except Exception as error:
        answer.fault = f"{type(error).__name__}: {error}"
    with contextlib.suppress(RuntimeError):
        gone.set()
    return answer
