"""The engine's only door: an HTTP request in, response keys out; typed text is never a payload."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.core.constants import REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.slots import CategoricalSlot
from sanic import Blueprint, Sanic
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.response import json as json_response

from northlight_engine.classifier import FALLBACK
from northlight_engine.model_file import ModelFileError
from northlight_engine.request import PlainRequest
from northlight_engine.settings import read_settings
from northlight_engine.store import DEADLINE, SealedTrackerStore, check_time
from northlight_engine.text import clean

#: Room for the longest Telegram message (4,096 characters) in any script and any JSON escaping.
MAX_BODY_BYTES = 64 * 1024
#: Sanic reads a body up to this size, so that the answer 413 reaches the sender in order.
MAX_READ_BYTES = 4 * 1024 * 1024
#: What is looked at, as much as the bot says it reads (bot/dialogue/engine.py): time must not grow
#: with the message.
MAX_TEXT_CHARS = 2000
ANSWER = "answer"
FORM = "safety_check"
_SENDER = re.compile(r"[0-9a-zA-Z_-]{8,64}")
#: How many likely intents are told with an answer, for asking back when none is likely enough.
GUESSES = 4
_BODY_FIELDS = {"sender", "text", "intent", "entities"}

logger = logging.getLogger(__name__)


class RequestRefusedError(Exception):
    """Raised when a request is answered with an error status and a fixed reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class KeyOutput(OutputChannel):
    """Collects what a turn answers: keys in order and at most one signal."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.signal: str | None = None

    @classmethod
    def name(cls) -> str:
        """Return the channel's name."""
        return "northlight"

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Take over one answer of the dialogue."""
        if message.get("text"):
            self.keys.append(message["text"])
        signal = (message.get("custom") or {}).get("signal")
        if signal:
            self.signal = signal


class AllowList:
    """The intents, slots and values that a button may send, read from the loaded domain."""

    def __init__(self, domain: Domain) -> None:
        self.intents = set(domain.intent_properties).difference(
            (FALLBACK, "restart", "back", "session_start", "out_of_domain")
        )
        required = domain.required_slots_for_form(FORM)
        self.values = {
            slot.name: set(slot.values) - {"__other__"}
            for slot in domain.slots
            if slot.name in required and isinstance(slot, CategoricalSlot)
        }

    def check(self, intent: str, entities: dict[str, Any]) -> None:
        """Raise RequestRefusedError (422) unless the domain knows intent, slots and values."""
        if intent not in self.intents:
            raise RequestRefusedError(422, "unknown intent")
        if (intent == ANSWER) != bool(entities):
            raise RequestRefusedError(422, "entities belong to the intent answer, and it needs one")
        for slot, value in entities.items():
            if slot not in self.values:
                raise RequestRefusedError(422, "unknown slot")
            if not isinstance(value, str) or value not in self.values[slot]:
                raise RequestRefusedError(422, "unknown value")


class NorthlightInput(InputChannel):
    """Serves /turn, /understand and /health to the bot, which alone knows the token."""

    def __init__(self) -> None:
        self._token = read_settings(os.environ).token.encode()
        # The native embedding runs beside the event loop, one text at a time: a typed message
        # does not hold up the buttons of others.
        self._parser = ThreadPoolExecutor(1, thread_name_prefix="understand")
        self._allowed: AllowList | None = None

    @classmethod
    def name(cls) -> str:
        """Return the last part of the path under /webhooks/."""
        return "northlight"

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("northlight")
        routes.before_server_start(_limit_reading)
        routes.after_server_start(_fail_openly)
        routes.after_server_start(self._warm_up)
        routes.after_server_stop(_close)
        routes.add_route(self._guarded(self._turn), "/turn", methods=["POST"], name="turn")
        routes.add_route(
            self._guarded(self._understand), "/understand", methods=["POST"], name="understand"
        )
        routes.add_route(self._guarded(self._health), "/health", methods=["GET"], name="health")
        return routes

    def _guarded(
        self, handler: Callable[[Request], Awaitable[dict[str, Any]]]
    ) -> Callable[[Request], Awaitable[HTTPResponse]]:
        """Wrap a handler: token first, and every way out is JSON with the right status."""

        async def handle(request: Request) -> HTTPResponse:
            try:
                self._check_token(request)
                DEADLINE.set(_deadline(request))
                return json_response(await handler(request))
            except RequestRefusedError as refused:
                return json_response({"error": refused.reason}, status=refused.status)
            except Exception as error:
                # The error's text may hold what the person wrote: its type alone is logged.
                logger.error("engine.turn_failed error=%s", type(error).__name__)
                return json_response({"error": "engine unavailable"}, status=503)

        return handle

    def _check_token(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._token)
        if scheme.lower() != "bearer" or not right:
            raise RequestRefusedError(401, "token missing or wrong")

    async def _warm_up(self, app: Sanic, loop: Any) -> None:
        """Understand one text before the first person writes: that loads the embedding."""
        await self._parse(_ready_agent(app), "hello")

    async def _health(self, request: Request) -> dict[str, Any]:
        agent = _ready_agent(request.app)
        await _store(agent).ping()
        return {"ready": True}

    async def _understand(self, request: Request) -> dict[str, Any]:
        parsed = await self._parse(_ready_agent(request.app), _typed(_body(request)))
        return {"intent": parsed["intent"], "ranking": parsed.get("intent_ranking", [])}

    async def _turn(self, request: Request) -> dict[str, Any]:
        body = _body(request)
        sender = body.get("sender")
        if not isinstance(sender, str) or not _SENDER.fullmatch(sender):
            raise RequestRefusedError(400, "sender must be 8 to 64 letters, digits, - or _")
        agent = _ready_agent(request.app)
        if "intent" in body:
            parsed = self._pressed(agent, body)
        else:
            parsed = await self._parse(agent, _typed(body))
        return await _answer(agent, sender, parsed)

    def _pressed(self, agent: Agent, body: dict[str, Any]) -> dict[str, Any]:
        """Return what a button says, in the shape of a parse."""
        intent, entities = body["intent"], body.get("entities", {})
        if "text" in body:
            raise RequestRefusedError(400, "text or intent, not both")
        if not isinstance(intent, str) or not isinstance(entities, dict):
            raise RequestRefusedError(400, "intent must be a string and entities an object")
        if self._allowed is None:
            self._allowed = AllowList(agent.domain)
        self._allowed.check(intent, entities)
        return {
            "intent": {"name": intent, "confidence": 1.0},
            "entities": [{"entity": slot, "value": value} for slot, value in entities.items()],
        }

    async def _parse(self, agent: Agent, text: str) -> dict[str, Any]:
        """Return what the pipeline understands of a text; the text goes no further than this.

        Raise TooLateError, without looking at it, when its asker has given up in the meantime: in
        a rush the others would wait for what nobody wants any more.
        """
        deadline = DEADLINE.get()

        def understand() -> dict[str, Any]:
            check_time(deadline)
            return parse(agent, text)

        return await asyncio.get_running_loop().run_in_executor(self._parser, understand)


def parse(agent: Agent, text: str) -> dict[str, Any]:
    """Run the pipeline over one text: nothing is stored, and no entity can come of it.

    Not `Agent.parse_message`: that one writes the text to the debug log.
    """
    metadata, runner = agent.processor.model_metadata, agent.processor.graph_runner
    (message,) = runner.run(
        inputs={"__message__": [UserMessage(text)], "__tracker__": None},
        targets=[metadata.nlu_target],
    )[metadata.nlu_target]
    found = message.as_dict(only_output_properties=True)
    return {
        "intent": {name: found["intent"][name] for name in ("name", "confidence")},
        "intent_ranking": found.get("intent_ranking", []),
        "entities": [],
    }


async def _answer(agent: Agent, sender: str, parsed: dict[str, Any]) -> dict[str, Any]:
    """Run one turn of the dialogue and return the contract's answer."""
    output = KeyOutput()
    message = UserMessage(
        text=None,  # what was said ends here; the dialogue knows only what was understood
        output_channel=output,
        sender_id=sender,
        parse_data={"text": "", **parsed},
        input_channel="northlight",
    )
    store = _store(agent)
    async with agent.lock_store.lock(sender):
        await agent.processor.handle_message(message)
        snapshot = await store.snapshot(sender)
    if not output.keys or snapshot is None:
        raise RuntimeError("a turn without an answer")
    slots = dict(snapshot["slots"])
    asking = slots.pop(REQUESTED_SLOT, None)
    return {
        "keys": output.keys,
        "signal": output.signal,
        "intent": parsed["intent"],
        "guesses": [guess["name"] for guess in parsed.get("intent_ranking", [])[:GUESSES]],
        "slots": slots,
        "asking": asking if snapshot["loop"] else None,
    }


def _deadline(request: Request) -> float:
    """Return until when the asker waits, seconds since the epoch; for ever when it does not say."""
    try:
        return float(request.headers.get("x-deadline", "inf"))
    except ValueError:
        raise RequestRefusedError(400, "X-Deadline must be seconds since the epoch") from None


def _body(request: Request) -> dict[str, Any]:
    if len(request.body) > MAX_BODY_BYTES:
        raise RequestRefusedError(413, "body too large")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise RequestRefusedError(400, "body must be JSON") from None
    if not isinstance(body, dict) or not set(body) <= _BODY_FIELDS:
        raise RequestRefusedError(400, "body must be an object with sender and text or intent")
    return body


def _typed(body: dict[str, Any]) -> str:
    """Return the typed text, cleaned; a leading / or \\ would be read by Rasa as a command."""
    text = body.get("text")
    if not isinstance(text, str) or not text:
        raise RequestRefusedError(400, "text must be a string that is not empty")
    if "entities" in body:
        raise RequestRefusedError(400, "entities belong to an intent")
    return clean(text)[:MAX_TEXT_CHARS].lstrip("/\\ \n\u3000\u00a0").strip()


def _ready_agent(app: Sanic) -> Agent:
    agent: Agent | None = getattr(app.ctx, "agent", None)
    if agent is None or not agent.is_ready():
        raise RequestRefusedError(503, "not ready")
    return agent


def _store(agent: Agent) -> SealedTrackerStore:
    store = agent.processor.tracker_store
    if not isinstance(store, SealedTrackerStore):
        raise RequestRefusedError(503, "the tracker store of endpoints.yml is not in use")
    return store


async def _limit_reading(app: Sanic, loop: Any) -> None:
    app.request_class = PlainRequest
    app.config.REQUEST_MAX_SIZE = MAX_READ_BYTES
    app.config.FALLBACK_ERROR_FORMAT = "json"


async def _fail_openly(app: Sanic, loop: Any) -> None:
    """Take away Rasa's stand-in store: without Redis it would keep people's state in memory.

    And stop an engine whose model could not be loaded: Rasa alone would go on without one.
    """
    agent = app.ctx.agent
    if not agent.is_ready():
        raise ModelFileError("The model could not be loaded: train it again.")
    if isinstance(agent.tracker_store, FailSafeTrackerStore):
        agent.tracker_store = agent.tracker_store._tracker_store
        agent.processor.tracker_store = agent.tracker_store


async def _close(app: Sanic, loop: Any) -> None:
    await _store(app.ctx.agent).close()
