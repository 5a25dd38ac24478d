"""People at the pretended Telegram, who note when the answer to what they did has arrived."""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.botapi import BotApi, Chat, Message

#: Who waits longer for an answer has got none, seconds.
PATIENCE = 60.0
_numbers = itertools.count(9_000_001)

#: Tells from a message's buttons (payloads) whether it ends the answer to what somebody did.
Ends = Callable[[list[str]], bool]


@dataclass(frozen=True)
class Script:
    """What the people of one side do, again and again, each from the beginning."""

    opening: tuple[str, ...]  # button payloads, before anything is measured
    presses: tuple[str, ...]  # button payloads
    texts: tuple[str, ...]  # typed
    ends: Ends
    #: How the message begins that is shown instead of an answer when the engine is too slow.
    fixed_menu: str = ""

    def acts(self, kind: str) -> tuple[str, ...]:
        """The acts of a kind, "button" or "typed"."""
        return self.presses if kind == "button" else self.texts


class NoAnswerError(Exception):
    """Nothing came within PATIENCE."""


class Person(Chat):
    """Somebody in their private chat with the bot; `fixed_menus` counts answers that are none."""

    def __init__(self, api: BotApi, script: Script) -> None:
        number = next(_numbers)
        user = {"id": number, "is_bot": False, "first_name": "Canary", "language_code": "en"}
        super().__init__(api.world, number, "private", user)
        api.world.chats[number] = self
        self._script, self._last, self.fixed_menus = script, 0, 0
        self._answered: asyncio.Future[float] | None = None

    async def does(self, kind: str, what: str) -> float:
        """Presses ("button") or types; returns the milliseconds until the answer was complete.

        Raises NoAnswerError.
        """
        self._answered = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        if kind == "button":
            self.forges(what, self._seen())
        else:
            self.says(what)
        try:
            return (await asyncio.wait_for(self._answered, PATIENCE) - began) * 1000
        except TimeoutError:
            raise NoAnswerError(f"{kind} {what!r}") from None

    def bot_writes(self, text: str, flags: dict[str, Any], buttons: Any) -> dict[str, Any]:
        """The bot's message arrives."""
        at = time.perf_counter()
        wire = super().bot_writes(text, flags, buttons)
        self._last = wire["message_id"]
        if self._script.fixed_menu and text.startswith(self._script.fixed_menu):
            self.fixed_menus += 1
        payloads = [button.get("callback_data", "") for row in buttons for button in row]
        if self._answered and not self._answered.done() and self._script.ends(payloads):
            self._answered.set_result(at)
        return wire

    def _seen(self) -> Message | None:
        return self.messages.get(self._last)


async def meet(api: BotApi, script: Script) -> Person:
    """Somebody new, who has done what comes before anything is measured."""
    person = Person(api, script)
    for payload in script.opening:
        await person.does("button", payload)
    return person
