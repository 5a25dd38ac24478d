"""P6, P10: bytes that are no HTTP, or nearly, to every server as it is started; people talk on.

The real processes (`python -m bot web|console|telegram`, and the engine), real sockets. Three
people are in conversation all the while: each of their messages is answered, nobody else is shown
it, no answer to an attack is a 5xx, no process ends or logs an error.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle

import pytest

from tests.journeys.person import TelegramPerson, WebPerson
from tests.journeys.stack import WEBHOOK_SECRET, Stack
from tests.promises.conftest import Promise
from tests.promises.rawhttp import Maker, Raw, Server, send, statuses
from tests.waiting import wait_until

FULL, SHORT = 100_000, 4_000
AT_ONCE = 40
#: So many unfinished requests are left lying at any moment, and that many seconds between two
#: messages of one person, or they are asked to slow down.
HELD, PAUSE = 60, 3.2


class Talking(threading.Thread):
    """Somebody in conversation, until told to stop."""

    def __init__(self, person: WebPerson | TelegramPerson, word: str) -> None:
        super().__init__(name=word)
        self.person, self.word, self.said = person, word, 0
        self.stop, self.error = threading.Event(), ""

    def run(self) -> None:
        try:
            while not self.stop.wait(PAUSE if self.said else 0):
                self.said += 1
                assert self.person.says(f"{self.word} number {self.said}. can I see a doctor")
        except Exception as error:
            self.error = f"{self.word}: {type(error).__name__} {error}"

    def sees(self) -> str:
        return "\n".join(seen.text for seen in self.person.screen())

    def wrong(self, others: list[str]) -> list[str]:
        """What is not as it should be at the end."""
        screen = self.sees()
        found = [self.error] if self.error else []
        # A page keeps the last 200 messages.
        for number in range(max(1, self.said - 20), self.said + 1):
            many = screen.count(f"{self.word} number {number}.")
            found += [f"{self.word}: message {number} is there {many} times"] * (many != 1)
        return found + [f"{self.word} is shown {other}" for other in others if other in screen]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack("webhook", tmp_path_factory.mktemp("logs"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


def servers(stack: Stack) -> list[Server]:
    def at(name: str, url: str, gets: str, posts: str, *keys: str) -> Server:
        host, _, port = url.removeprefix("http://").partition(":")
        return Server(name, host, int(port), tuple(gets.split()), tuple(posts.split()),
                      tuple(key.encode() for key in keys))  # fmt: skip

    return [
        at("web", stack.web, "/ /events /healthz /static/chat.css /nowhere",
           "/message /choice /leave"),
        at("console", stack.console, "/login /desk /api/desk /api/events /static/desk.js /nowhere",
           "/login /language /api/shift /desk/next /handoffs/x/say"),
        at("telegram", f"127.0.0.1:{stack._hook}", "/hook /", "/hook /hook /nowhere",
           f"X-Telegram-Bot-Api-Secret-Token: {WEBHOOK_SECRET}"),
        at("engine", stack._engine, "/webhooks/northlight/health / /version",
           "/webhooks/northlight/turn /webhooks/northlight/understand",
           f"Authorization: Bearer {stack.vault.engine_token}"),
    ]  # fmt: skip


async def attack(
    stack: Stack, seed: int, tries: int, words: list[str]
) -> tuple[Counter[str], list[str]]:
    """Sends it all; how it was answered, and what was wrong."""
    targets = servers(stack)
    jobs = cycle([(server, Maker(seed, server)) for server in targets])
    answered: Counter[str] = Counter()
    wrong: list[str] = []
    held: list[asyncio.StreamWriter] = []
    left = tries

    async def attacker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            server, maker = next(jobs)
            raw: Raw = maker.draw()
            try:
                answer = await send(server, raw, held)
            except OSError as error:
                wrong.append(f"{server.name} refuses: {type(error).__name__}")
                continue
            found = list(statuses(answer))
            for status in found:
                answered[f"{status // 100}xx"] += 1
                if status >= 500:
                    wrong.append(
                        f"{server.name} says {status} to {raw.kind}: {raw.pieces[0][:300]!r}"
                    )
            answered["silent"] += not found
            told = answer.decode("utf-8", "replace")
            wrong.extend(f"{server.name} shows {word}" for word in words if word in told)
            while len(held) > HELD:
                held.pop(0).close()

    await asyncio.gather(*(attacker() for _ in range(AT_ONCE)))
    for writer in held:
        writer.close()
    return answered, wrong


@pytest.mark.timeout(7200)
def test_malformed_http_harms_nobody_in_conversation(
    stack: Stack, promise: Promise, full: bool, seed: int
) -> None:
    tries = FULL if full else SHORT
    people = [Talking(kind(stack, "en"), f"canary{name}qz") for kind, name in
              ((WebPerson, "ana"), (WebPerson, "bo"), (TelegramPerson, "cy"))]  # fmt: skip
    words = [one.word for one in people]
    for one in people:
        one.start()
    began = time.monotonic()
    answered, wrong = asyncio.run(attack(stack, seed, tries, words))
    took = time.monotonic() - began
    for one in people:
        one.stop.set()
    for one in people:
        one.join()
        wrong += one.wrong([word for word in words if word != one.word])
        one.person.leaves()
        one.person.close()
    for url in (stack.web, stack.console):
        wait_until(lambda url=url: stack._up(f"{url}/healthz"), url)  # also: every process is there
    # What can be read as JSON and is no update is told, as it should be.
    wrong += [line for line in stack.logs().splitlines()
              if ("Traceback" in line or "'error'" in line or line.startswith("ERROR"))
              and "telegram_update_malformed" not in line]  # fmt: skip
    print(*wrong[:20], sep="\n")
    spread = ", ".join(f"{many} {what}" for what, many in sorted(answered.items()))
    said = sum(one.said for one in people)
    promise("P6", "malformed HTTP, four servers, people talk on", tries, len(wrong),
            f"seed {seed}; {spread}; {said} messages of 3, {tries / took:.0f}/s")  # fmt: skip
