"""The client of the dialogue engine (engine/, Rasa): what a person wrote in, response keys out."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from bot.dialogue.check import QUESTIONS
from bot.errors import EngineUnavailable

#: Longer than this and the person gets the fixed menu instead, seconds.
PATIENCE = 2.0
#: An engine that hung twice in a row is left alone for so long, seconds: in a row of messages each
#: would wait for it, and Leave behind them. One slow answer sends nobody to the fixed menu.
REST = 5.0
#: What says that a life may be at stake.
LIFE = frozenset({"report_danger", "report_self_harm"})
#: Messages are read up to here, characters.
LONGEST = 2_000
_PATH = "/webhooks/northlight"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine decided: keys of responses, at most one signal, and what it understood."""

    keys: tuple[str, ...]
    signal: str | None = None
    intent: str = ""
    confidence: float = 0.0
    guesses: tuple[str, ...] = ()  # the likeliest intents, also when none was likely enough
    slots: Mapping[str, str] = field(default_factory=dict)
    asking: str | None = None


def understood(answer: Mapping[str, Any]) -> tuple[str, float]:
    """Intent and confidence in what the engine understood. Raises EngineUnavailable.

    The confidence of danger is that of danger and self-harm together: they share what a line says
    that is both.
    """
    try:
        name, sure = str(answer["intent"]["name"]), float(answer["intent"]["confidence"])
        if name in LIFE:
            shares = [float(o["confidence"]) for o in answer["ranking"] if o["name"] in LIFE]
            sure = max(sure, sum(shares))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise EngineUnavailable("unexpected shape") from None
    return name, sure


class Engine:
    """One engine address; a connection is kept open."""

    def __init__(self, url: str, token: str, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._hangs, self._hung_at, self._rests_until = 0, 0.0, 0.0
        self._client = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}"},
            timeout=patience,
            trust_env=False,  # the engine is next door: never through a proxy
        )

    async def text(self, person: str, text: str) -> Answer:
        """A typed message. Raises EngineUnavailable."""
        return self._answer(await self._post("turn", {"sender": person, "text": text}))

    async def press(
        self, person: str, intent: str, entities: Mapping[str, str] | None = None
    ) -> Answer:
        """A button. Raises EngineUnavailable."""
        body = {"sender": person, "intent": intent, "entities": dict(entities or {})}
        return self._answer(await self._post("turn", body))

    async def understand(self, text: str) -> tuple[str, float]:
        """Intent and confidence of a text, nothing stored. Raises EngineUnavailable."""
        return understood(await self._post("understand", {"text": text}))

    async def ready(self) -> bool:
        """Whether the engine answers."""
        try:
            answer = await self._client.get(f"{_PATH}/health")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    async def close(self) -> None:
        """Closes the connection."""
        await self._client.aclose()

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        began = asyncio.get_running_loop().time()
        if began < self._rests_until:
            raise EngineUnavailable("resting")
        try:
            async with asyncio.timeout(self._patience):
                answer = await self._client.post(
                    f"{_PATH}/{path}",
                    json=body,
                    # Later than this the engine keeps nothing: the person may have left by then.
                    headers={"X-Deadline": f"{time.time() + self._patience:.3f}"},
                )
            self._hangs = 0
            if answer.status_code != 200:
                raise EngineUnavailable(f"status {answer.status_code}")
            decoded = answer.json()
        except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            self._note_hang(began)
            raise EngineUnavailable(type(error).__name__) from None
        if not isinstance(decoded, dict):
            raise EngineUnavailable("not an object")
        return decoded

    def _note_hang(self, began: float) -> None:
        now = asyncio.get_running_loop().time()
        # Calls of several people that hung side by side are one hang.
        if now - began < self._patience * 0.9 or began < self._hung_at:
            return
        self._hangs, self._hung_at = self._hangs + 1, now
        if self._hangs > 1:
            self._rests_until = now + REST

    @staticmethod
    def _answer(raw: dict[str, Any]) -> Answer:
        try:
            intent = raw.get("intent") or {}
            signal, asking = raw.get("signal"), raw.get("asking")
            answer = Answer(
                keys=tuple(str(key) for key in raw["keys"]),
                signal=signal if isinstance(signal, str) else None,
                intent=str(intent.get("name") or ""),
                confidence=float(intent.get("confidence") or 0.0),
                guesses=tuple(str(name) for name in raw.get("guesses", ())),
                slots={str(slot): str(value) for slot, value in raw.get("slots", {}).items()},
                asking=asking,
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise EngineUnavailable("unexpected shape") from None
        if asking is not None and asking not in tuple(QUESTIONS):
            raise EngineUnavailable("an unknown question")
        if not answer.keys:
            raise EngineUnavailable("no answer")
        return answer
