"""P7: no word, name, number, token or address of anybody in a log, an error, a metric.

At the most talkative level, with everything going wrong: the libraries' own lines in a process of
its own, then the whole service while its parts die, Telegram fails and nonsense comes in. For the
engine see test_engine_isolation.
"""

import contextlib
import json
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from bot import media
from bot.paths import ROOT
from tests.journeys.person import TelegramPerson, WebPerson
from tests.journeys.stack import TOKEN, WEBHOOK_SECRET, Stack
from tests.promises.conftest import Promise
from tests.waiting import wait_until

CANARY = "CANARY-of-the-logs"
_SENT = ("contact", "voice", "photo", "location")
ADDRESS = "203.0.113.99"
#: What the pretended Telegram calls people, their numbers, and what we tell ourselves.
TOLD = re.compile(
    rf"canary|{re.escape(TOKEN)}|{WEBHOOK_SECRET}|{re.escape(ADDRESS)}|u?700000\d|5195550142"
    r"|127\.0\.0\.1:\d+ - |knife|passport|file-(photo|voice)|43\.651234|79\.347012",
    re.IGNORECASE,
)


def test_what_libraries_say_when_everything_fails_quotes_nobody(promise: Promise) -> None:
    canary = f"CANARY{secrets.token_hex(6)}"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.promises.noise_process", canary],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1, "it ends with an error nobody caught"
    # Each kind of trouble left its line: silence would prove nothing.
    for trace in ("Exception in ASGI application KeyError", "Invalid HTTP request",
                  "logging exception. ValueError", "never retrieved RuntimeError", "store_away",
                  "it failed ValueError in noise_process.py", "unraisable", "thread_ended",
                  "UserWarning", "all_done", "process_ended ExceptionGroup"):  # fmt: skip
        assert trace in said, (trace, said)
    lines = said.splitlines()
    promise("P7", "libraries' lines when all fails, DEBUG", len(lines),
            sum(canary.lower() in line.lower() for line in lines))  # fmt: skip


class LoudStack(Stack):
    """Every process of ours at its most talkative. The engine is away: it has a test of its own."""

    def _run(self, name: str, command: list[str], environ: dict[str, str] | None = None) -> None:
        if name != "engine":
            super()._run(name, command, environ)

    def engine_answers(self) -> None:
        """It never does; everything else must go on."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoudStack]:
    running = LoudStack("polling", tmp_path_factory.mktemp("logs"))
    try:
        running.start()
        client = redis.Redis.from_url(running.redis.url)
        client.config_set("slowlog-log-slower-than", "0")  # every command there is
        client.config_set("slowlog-max-len", "100000")
        client.config_set("loglevel", "debug")
        client.close()
        yield running
    finally:
        running.stop()


def test_no_log_of_the_service_holds_anything_of_anybody(
    stack: LoudStack, promise: Promise
) -> None:
    people = [kind(stack, "en") for kind in (TelegramPerson, WebPerson)]
    web = people[1]
    assert isinstance(web, WebPerson)
    web._client.headers.update({"User-Agent": CANARY, "X-Forwarded-For": ADDRESS,
                                "Referer": f"https://{CANARY}.example"})  # fmt: skip
    for person in people:
        _talks(person)
    _telegram_fails(stack, people[0])
    _nonsense(stack)
    _redis_hangs(stack, people)
    for name in ("worker", "web", "telegram", "console"):
        with stack.without(name):
            pass
    for url in (stack.web, stack.console):
        wait_until(lambda url=url: stack._up(f"{url}/healthz"), f"{url} is back", 120)
    for person in people:
        person.says(f"{CANARY} after all of it")
        person.leaves()
        person.close()
    told = stack.logs()
    assert "telegram_unreachable" in told, "trouble leaves traces"
    lines = told.splitlines()
    wrong = [line for line in lines if TOLD.search(line)]
    print(*wrong[:5], sep="\n")
    promise("P7", "log lines of every process, DEBUG, all faults", len(lines), len(wrong))


def test_the_slow_log_of_redis_holds_nothing_either(stack: LoudStack, promise: Promise) -> None:
    client = redis.Redis.from_url(stack.redis.url)
    entries: Any = client.slowlog_get(100_000)
    client.close()
    folder = Path(stack.redis.url.removeprefix("unix://")).parent
    log = (folder / "log").read_text(errors="replace").splitlines()
    found = [entry for entry in entries if TOLD.search(repr(entry["command"]))]
    found_lines = [line for line in log if TOLD.search(line)]
    print(*found[:3], *found_lines[:3], sep="\n")
    promise("P7", "Redis's slow log (every command) and its log", len(entries) + len(log),
            len(found) + len(found_lines))  # fmt: skip


def test_what_tells_how_the_service_is_doing_tells_of_nobody(
    stack: LoudStack, promise: Promise
) -> None:
    person = WebPerson(stack, "en")
    person.says(f"{CANARY}, he keeps my passport")
    doctor = subprocess.run(
        [sys.executable, "-m", "bot", "doctor"], env=stack.environ, cwd=ROOT,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "redis answers" in doctor.stdout
    told = [doctor.stdout, doctor.stderr]
    told += [httpx.get(f"{url}/healthz").text for url in (stack.web, stack.console)]
    for path in ("/metrics", f"/{CANARY}", "/docs", "/openapi.json", "/debug"):
        told += [httpx.get(f"{url}{path}").text for url in (stack.web, stack.console)]
    person.leaves()
    person.close()
    promise("P7", "doctor, health and unknown pages", len(told),
            sum(bool(TOLD.search(one)) for one in told))  # fmt: skip


def test_a_service_that_cannot_start_says_why_without_its_secrets(promise: Promise) -> None:
    settings = {
        "TELEGRAM_TOKEN": f"4242:{CANARY}", "MASTER_KEY": CANARY, "REDIS_URL": f"redis://{CANARY}",
        "TELEGRAM_WEBHOOK_SECRET": f"{CANARY} {CANARY}",
    }  # fmt: skip
    failures = 0
    for name, value in settings.items():
        environ = {f"NORTHLIGHT_{name}": value, "PATH": "/usr/bin:/bin"}
        for command in ("telegram", "worker", "doctor"):
            ended = subprocess.run(
                [sys.executable, "-m", "bot", command], env=environ, cwd=ROOT,
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert ended.returncode != 0
            failures += CANARY.lower() in (ended.stdout + ended.stderr).lower()
    promise("P7", "errors at start show no secret", 3 * len(settings), failures)


# -- what happens to the service -------------------------------------------------------------------
def _talks(person: Any) -> None:
    person.says(f"hello, I am {CANARY}")
    person.presses("lang:en")
    person.says(f"{CANARY} he has a knife and my passport")
    person.presses("do:start_check")
    person.presses("answer:safe_now:watched")
    person.presses("region:ON")
    person.presses("do:person")
    person.presses("answer:consent:all")
    person.says(f"/answer{{{CANARY}}}")


def _telegram_fails(stack: LoudStack, person: Any) -> None:
    def control(path: str, /, **body: Any) -> Any:
        return httpx.post(f"{stack.botapi}/control/{path}", json=body).json()

    faults = {"getUpdates": ("502", "cut", "429"), "sendMessage": ("reset", "429")}
    for method, kinds in faults.items():
        for kind in kinds:
            control("fail", kind=kind, method=method)
        person.says(f"{CANARY} while {method} fails")
    acts: list[dict[str, str]] = [{"act": "sends", "kind": kind} for kind in _SENT]
    acts += [{"act": "forges", "payload": payload} for payload in (CANARY, "lang:xx")]
    for act in acts:
        control("do", chat=person._chat, **act)
    for fault in ("502", "reset", "cut", "429", "400"):
        for method in ("getFile", "download"):
            control("fail", kind=fault, method=method)
            _is_opened(stack)
        control("fail")
    assert _is_opened(stack) == 200
    person.says(f"{CANARY} and it works again")


def _is_opened(stack: LoudStack) -> int:
    """What the console asks when a counsellor presses; the status, 0 when it broke off."""
    given = media.order(stack.vault, "file-photo", time.time())
    url = f"http://{stack.environ['NORTHLIGHT_MEDIA_ADDRESS']}"
    try:
        return httpx.post(url, headers={"authorization": given}, timeout=20).status_code
    except httpx.TransportError:
        return 0


def _nonsense(stack: LoudStack) -> None:
    host, _, port = stack.web.removeprefix("http://").partition(":")
    for raw in (
        f"{CANARY}\r\n\r\n",
        f"POST /message HTTP/1.1\r\nHost: {CANARY}\r\n\r\n{CANARY}",
        f"GET /?{CANARY} HTTP/1.1\r\nHost: x\r\nCookie: session={CANARY}\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(raw.encode())
    for path in ("/message", "/choice", "/leave", f"/{CANARY}", "/events"):
        for body in (CANARY, json.dumps({"text": CANARY}), f"text={CANARY}", CANARY * 200_000):
            with contextlib.suppress(httpx.TransportError):
                httpx.post(f"{stack.web}{path}", content=body, timeout=20,
                           headers={"Content-Type": "multipart/form-data; boundary=x"})  # fmt: skip
    for body in ({"login": CANARY, "password": CANARY}, {}):
        httpx.post(f"{stack.console}/login", data=body, headers={"X-Forwarded-For": ADDRESS})
    # Entries nobody can open, and one that is not ours.
    client = redis.Redis.from_url(stack.redis.url)
    for stream in ("nl:inbox:0", "nl:inbox:5", "nl:outbox:telegram"):
        client.xadd(stream, {"e": b"\x00nonsense", "more": b"\xff"})
    client.close()


def _redis_hangs(stack: LoudStack, people: list[Any]) -> None:
    """Both doors answer with numbers; what was written then must not be told to a log either."""
    stack.redis.pause()
    try:
        web = people[1]._client
        answer = web.post("/message", data={"text": f"{CANARY} he has a knife", "id": "x" * 16})
        assert answer.status_code == 503
        httpx.post(f"{stack.botapi}/control/do",
                   json={"chat": people[0]._chat, "act": "says", "text": CANARY})  # fmt: skip
        wait_until(
            lambda: "9-1-1" in people[0].screen()[-1].text, "the Telegram door answers itself"
        )
        meanwhile = {seen.id for seen in people[0].screen()}
    finally:
        stack.redis.go_on()
    people[0]._answer(meanwhile)
    # With this one all that was said meanwhile is noted for Leave: the door may be killed after it.
    people[0].says(f"{CANARY} is Redis back")
    wait_until(lambda: stack._up(f"{stack.console}/healthz"), "all goes on", 60)
