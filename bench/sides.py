"""The two sides, ours and the peer's, in one shape: what people do, its processes, its engine."""

import asyncio
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import httpx
import redis
import yaml

from bench.door import Script
from bench.stock import Stock
from bot.paths import ROOT
from tests.botapi import BotApi
from tests.journeys.stack import TOKEN, Stack

#: The safety check as somebody goes through it who is in no danger and wants information.
CHECK = {
    "safe_now": "safe",
    "hurt_now": "no",
    "phone_seen": "no",
    "minor": "no",
    "free_to_leave": "yes",
    "documents_held": "no",
    "threatened": "no",
    "pay_or_debt": "no",
    "deceived": "no",
    "private_ok": "yes",
    "coerced": "no",
    "wish": "info",
    "safe_contact": "skipped",
    "consent": "all",
}
OURS = Script(
    opening=("lang:en",),
    presses=(
        "do:start_check",
        *(f"answer:{slot}:{value}" for slot, value in CHECK.items()),
        "do:topics",
        "show:ask_rights",
        "show:ask_shelter",
        "do:numbers",
        "do:near_me",
    ),
    texts=(
        "what are my rights at work",
        "where can i sleep tonight",
        "are you a robot",
        "what will the police do",
        "is this private",
        "thank you so much",
        "can they send me back to my country",
        "i need to see a doctor",
        "they keep my passport",
        "what is human trafficking",
    ),
    # The footer stands under the last message of every turn: the whole answer counts, not its
    # first message.
    ends=lambda payloads: "do:leave" in payloads,
    fixed_menu=yaml.safe_load((ROOT / "responses/en.yml").read_text("utf-8"))["responses"][
        "engine_away"
    ].splitlines()[0],
)
#: The two intents that rules of the stock project answer, always with one message.
STOCK = Script(
    opening=(),
    presses=("/bot_challenge", "/goodbye"),
    texts=("are you a bot?", "see you later", "am I talking to a human?", "bye"),
    ends=lambda payloads: True,
)


class Side(ABC):
    """One service that is running, with its own pretended Telegram."""

    name: str
    script: Script

    def __init__(self, port: int) -> None:
        self.api = BotApi(token=TOKEN)
        self.port = port
        self._client = httpx.AsyncClient(timeout=120, trust_env=False)

    @abstractmethod
    def restart_engine(self) -> float:
        """Ends the engine and starts it again; returns the seconds until it was ready."""

    @abstractmethod
    def engine(self) -> int:
        """The engine's process id."""

    @abstractmethod
    def store(self) -> int:
        """The process id of the Redis the engine keeps conversations in."""

    @abstractmethod
    def pids(self) -> list[int]:
        """All process ids of the service."""

    @abstractmethod
    async def turn(self, sender: str, kind: str, number: int) -> None:
        """Asks the engine itself for one turn: the `number`th button or typed text."""

    async def close(self) -> None:
        """Closes the connection to the engine."""
        await self._client.aclose()

    async def ready(self) -> None:
        """Waits until its Telegram door asks for updates."""
        async with asyncio.timeout(60):
            while not self.api.polling_now:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.05)

    async def _post(self, url: str, body: dict[str, Any], token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self._client.post(url, json=body, headers=headers)
        if answer.status_code != 200 or not answer.json():
            raise RuntimeError(f"{self.name}: {answer.status_code} {answer.text[:200]}")
        return answer.json()


class OurStack(Stack):
    """The journeys' service, but its Telegram runs here, where arrivals are timed."""

    def __init__(self, logs: Path) -> None:
        super().__init__("polling", logs)
        self.environ["NORTHLIGHT_LOG_LEVEL"] = "INFO"  # as shipped

    @property
    def engine_url(self) -> str:
        """Where the engine listens."""
        return f"http://{self._engine}"

    def pid(self, name: str) -> int:
        """A part's process id."""
        return self._parts[name].pid

    def pids(self) -> list[int]:
        """All parts' process ids."""
        return [part.pid for part in self._parts.values()]

    def _run(self, name: str, command: list[str], environ: dict[str, str] | None = None) -> None:
        if name != "botapi":
            super()._run(name, command, environ)


class Ours(Side):
    """Northlight, all of it."""

    name, script = "Northlight", OURS

    def __init__(self, stack: OurStack) -> None:
        super().__init__(int(stack.botapi.rsplit(":", 1)[1]))
        self._stack = stack
        self._answers = list(CHECK.items())

    def restart_engine(self) -> float:
        with self._stack.without("engine"):
            began = time.perf_counter()
        return time.perf_counter() - began

    def engine(self) -> int:
        return self._stack.pid("engine")

    def store(self) -> int:
        with redis.Redis.from_url(self._stack.redis.url) as client:
            return int(client.info("server")["process_id"])

    def pids(self) -> list[int]:
        return [self.store(), *self._stack.pids()]

    async def turn(self, sender: str, kind: str, number: int) -> None:
        body: dict[str, Any] = {"sender": sender}
        place = number % (len(self._answers) + 1)
        if kind == "typed":
            body["text"] = OURS.texts[number % len(OURS.texts)]
        elif place == 0:
            body["intent"] = "resume_check"
        else:
            slot, value = self._answers[place - 1]
            body |= {"intent": "answer", "entities": {slot: value}}
        url = f"{self._stack.engine_url}/webhooks/northlight/turn"
        await self._post(url, body, self._stack.vault.engine_token)


class Peer(Side):
    """The stock Rasa behind the door by the book."""

    name, script = "stock Rasa", STOCK

    def __init__(self, stock: Stock, port: int) -> None:
        super().__init__(port)
        self._stock = stock

    def restart_engine(self) -> float:
        self._stock.stop_engine()
        return self._stock.start()

    def engine(self) -> int:
        return self._stock.pid()

    def store(self) -> int:
        return self._stock.pid("redis")

    def pids(self) -> list[int]:
        return self._stock.pids()

    async def turn(self, sender: str, kind: str, number: int) -> None:
        acts = STOCK.acts(kind)
        await self._post(self._stock.rest, {"sender": sender, "message": acts[number % len(acts)]})
