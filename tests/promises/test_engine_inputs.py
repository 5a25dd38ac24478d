"""P6, P8: hostile requests to the real engine: no crash, no 5xx, nobody answered as another.

Two people stand in the middle of the safety check meanwhile; what the engine knows of them, and
which question it asks, is looked at again and again.
"""

import asyncio
import json
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.promises.conftest import Promise
from tests.promises.hostile import NESTED
from tests.promises.test_engine_isolation import Shut, shut
from tests.promises.test_hostile_core import Mischief

__all__ = ["shut"]

FULL, SHORT = 100_000, 2_000
AT_ONCE = 8
#: After so many requests the two people are looked at.
A_LOT = 100
ALLOWED = {200, 400, 401, 404, 405, 413, 422}
ANA, BO = "ana-in-the-middle-of-it", "bo_in_the_middle_of_it"
ANSWERED = {ANA: {"safe_now": "watched", "minor": "no"}, BO: {"safe_now": "safe", "minor": "yes"}}


class Rude:
    """Draws requests; the same ones from the same seed."""

    def __init__(self, seed: int, token: str) -> None:
        self.mischief = Mischief(seed)
        self._right = f"Bearer {token}"

    def draw(self) -> tuple[str, str, dict[str, bytes], bytes]:
        """Method, path, headers, body."""
        choose = self.mischief.random
        path = choose.choice(["turn"] * 8 + ["understand", "health", "", "turn/", "..%2f", "%00"])
        method = choose.choice(["POST"] * 12 + ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
        key = self._right
        if choose.random() < 0.15:
            key = choose.choice(
                ["", "Bearer", "Bearer x", f"{key}x", key[:-1], "Basic eA==", "\xff"]
            )
        headers = {"authorization": key.encode("latin-1"), "content-type": choose.choice(
            [b"application/json", b"text/plain", b"", b"\xff"])}  # fmt: skip
        return method, path, headers, self._body()

    def _body(self) -> bytes:
        choose, mischief = self.mischief.random, self.mischief
        roll = choose.random()
        if roll < 0.08:
            return choose.choice(NESTED).encode("utf-8", "surrogatepass")
        if roll < 0.13:
            return choose.randbytes(choose.choice((0, 1, 40, 70_000)))
        made: Any = {"sender": self._sender()}
        if roll < 0.35:  # takes the engine longest: what a person typed
            made["text"] = choose.choice(["/", "\\", "", "", ""]) + mischief.text()
        else:
            word = mischief.payload()
            made["intent"] = choose.choice(["answer", "greet", "restart", "start_check", word])
            made["entities"] = choose.choice([{}, {"minor": word}, {word: "yes"}, mischief.junk()])
        if choose.random() < 0.3:
            made = mischief.spoiled(made, 0.3)
        if choose.random() < 0.1 and isinstance(made, dict):
            made[mischief.text()[:20]] = mischief.junk()
        return json.dumps(made, ensure_ascii=choose.random() < 0.7).encode("utf-8", "surrogatepass")

    def _sender(self) -> str:
        choose = self.mischief.random
        return choose.choice(
            ["somebody-else", ANA[:-1], f"{ANA}x", f"{ANA}\n", f" {ANA}", ANA.upper(), "*" * 9,
             f"{ANA}\x00", f"../{BO}", "a" * 65, "", "somebody-else", "somebody-else2",
             f"{choose.getrandbits(40):040x}"]
        )  # fmt: skip


async def play(shut: Shut, seed: int, size: int) -> tuple[Counter[int], list[str]]:
    rude, answered, failures = Rude(seed, shut.token), Counter[int](), []
    left = size
    limits = httpx.Limits(max_connections=AT_ONCE + 2)
    async with httpx.AsyncClient(base_url=shut.base, timeout=60, limits=limits,
                                 trust_env=False) as http:  # fmt: skip

        async def ask(sender: str, **more: Any) -> Any:
            headers = {"authorization": f"Bearer {shut.token}"}
            answer = await http.post("/turn", json={"sender": sender, **more}, headers=headers)
            return answer.json()

        async def look() -> None:
            for sender, known in ANSWERED.items():
                told = await ask(sender, intent="resume_check")
                if told.get("slots") != known or told.get("asking") != "hurt_now":
                    failures.append(f"{size - left}: {sender} became {told}")

        async def hurl() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                if left % A_LOT == 0:
                    await look()
                method, path, headers, body = rude.draw()
                answer = await http.request(method, f"/{path}", headers=headers, content=body)
                answered[answer.status_code] += 1
                wrong = [f"status {answer.status_code}"] * (answer.status_code not in ALLOWED)
                opened = headers["authorization"] == f"Bearer {shut.token}".encode()
                # OPTIONS says nothing, and "/" greets: Rasa's own, see test_engine_isolation.
                told = answer.status_code == 200 and path and answer.content
                wrong += ["let in without its token"] * bool(told and not opened)
                failures.extend(f"{what}: {method} {path} {body[:200]!r}" for what in wrong)

        for sender, known in ANSWERED.items():
            await ask(sender, intent="start_check")
            for slot, value in known.items():
                await ask(sender, intent="answer", entities={slot: value})
        await asyncio.gather(*(hurl() for _ in range(AT_ONCE)))
        await look()
    return answered, failures


@pytest.mark.timeout(7200)
def test_hostile_requests_to_the_engine(
    shut: Shut, promise: Promise, full: bool, seed: int
) -> None:
    size = FULL if full else SHORT
    answered, failures = asyncio.run(play(shut, seed, size))
    assert shut.process.poll() is None, "it ended"
    print(*failures[:10], sep="\n")
    spread = ", ".join(f"{many} x {status}" for status, many in sorted(answered.items()))
    promise("P8", "hostile requests to the engine", size, len(failures), f"seed {seed}; {spread}")
