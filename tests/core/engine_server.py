"""An engine over real HTTP that keeps the contract: answers, is slow, forgets, talks nonsense.

It decides as the real one does: a button fills slots and the next open question is asked. What a
typed text means is told to it beforehand (`means`).
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.dialogue.check import next_open
from tests.botapi.server import QuietServer


class EngineServer:
    """`url` names it while `serving`."""

    def __init__(self) -> None:
        self.url = ""
        #: Slots by sender; clear it and the engine has forgotten everybody.
        self.slots: dict[str, dict[str, str]] = {}
        #: Typed text -> (keys, signal).
        self.means: dict[str, tuple[list[str], str | None]] = {}
        #: The likeliest intents told with every answer.
        self.guesses: list[str] = []
        #: The bodies received, in order.
        self.heard: list[dict[str, Any]] = []
        #: Until when their answers were waited for, seconds since the epoch.
        self.deadlines: list[float] = []
        #: How sure it is of what it was only asked to understand.
        self.confidence = 0.9
        self.ranking: list[dict[str, object]] = []
        #: The texts it was only asked to understand, in order.
        self.understood: list[str] = []
        #: Raw bytes and status to answer with instead, when set.
        self.nonsense: tuple[int, bytes] | None = None
        #: Cleared: requests wait until it is set again.
        self.answers = asyncio.Event()
        self.answers.set()

    async def _turn(self, request: Request) -> Response:
        body = await request.json()
        self.heard.append(body)
        self.deadlines.append(float(request.headers["x-deadline"]))
        await self.answers.wait()
        if self.nonsense is not None:
            status, raw = self.nonsense
            return Response(raw, status, media_type="application/json")
        slots = self.slots.setdefault(body["sender"], {})
        if "text" in body:
            keys, signal = self.means.get(body["text"], (["not_understood"], None))
        else:
            slots.update(body.get("entities") or {})
            keys, signal = [f"ask_{next_open(slots)}"] if next_open(slots) else ["check_done"], None
        answer = {
            "keys": keys, "signal": signal, "intent": {"name": keys[0], "confidence": 0.9},
            "guesses": self.guesses, "slots": slots,
            "asking": next_open(slots) if "text" not in body else None,
        }  # fmt: skip
        return Response(json.dumps(answer), media_type="application/json")

    async def _understand(self, request: Request) -> Response:
        text = (await request.json())["text"]
        self.understood.append(text)
        await self.answers.wait()
        if self.nonsense is not None:
            status, raw = self.nonsense
            return Response(raw, status, media_type="application/json")
        [intent, *_], _ = self.means.get(text, (["nlu_fallback"], None))
        answer = {
            "intent": {"name": intent, "confidence": self.confidence},
            "ranking": self.ranking,
        }
        return Response(json.dumps(answer), media_type="application/json")

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["EngineServer"]:
        doors = {"turn": self._turn, "understand": self._understand}
        app = Starlette(
            routes=[
                Route(f"/webhooks/northlight/{name}", door, methods=["POST"])
                for name, door in doors.items()
            ]
        )
        server = QuietServer(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.003)
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self.answers.set()
            server.should_exit = True
            await task
