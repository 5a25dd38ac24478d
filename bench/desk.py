"""`python -m bench.desk [--quick]`: the desk with very many people waiting and a full shift.

A Redis and a console of its own, as shipped; the people are written straight into it. First the
claim in Redis's own time, beside ZPOPMIN on a sorted set of the same length: less than taking the
first of a list cannot be done. Then acts of all kinds, while every counsellor's page is open, and
how long each takes to be seen on all of them, and in one real browser. Exit code 1 when a limit
is not kept.
"""

import argparse
import asyncio
import contextlib
import functools
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import uvicorn
from playwright.async_api import Page, async_playwright
from redis.asyncio import Redis

from bench.figures import Figure, percentile, progress, table
from bench.machine import Machine
from bench.wait import in_thread, up
from bot.console.app import create_app
from bot.console.scene import WINDOW
from bot.handoff import scripts
from bot.handoff.record import Case, Level
from bot.keys import Keys
from bot.paths import ROOT
from tests.handoff.desk import Desk
from tests.handoff.many import Waits, crowd, fill
from tests.ports import free_port
from tests.redis_server import RedisServer

KEYS = Keys("bench:")
#: A second's acts: somebody asks, a counsellor takes the next, a counsellor gives somebody back.
ACTS_A_SECOND = 15
#: A claim may hold up Redis so long (p99), and a change be on its way to a page so long (p95); ms.
CLAIM_LIMIT, SCREEN_LIMIT = 5, 200
#: What the page notes for us: who was in the list from when on, and how long it stood still.
WATCH = """
window.rows = []; window.longest = 0;
const look = () => rows.push([Date.now(), [...document.querySelectorAll("ol.queue [data-id]")].map((one) => one.dataset.id)]);
document.addEventListener("DOMContentLoaded", () => {
  look();
  new MutationObserver(() => requestAnimationFrame(look))
    .observe(document.querySelector("#desk"), { childList: true, subtree: true });
});
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) longest = Math.max(longest, one.duration);
}).observe({ entryTypes: ["longtask"] });
"""  # noqa: E501 (a script)


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    waiting: int
    counsellors: int
    claims: int
    seconds: float


FULL, QUICK = Size(10_000, 200, 1_000, 30.0), Size(10_000, 200, 200, 8.0)


@dataclass
class Screen:
    """What one page had in its list, from when on (epoch seconds)."""

    rows: list[tuple[float, frozenset[str]]] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """Somebody came into the part of the queue that pages show, or went from it."""

    at: float
    handoff: str
    came: bool


# -- the service ---------------------------------------------------------------------------------


def serve(url: str, port: int) -> None:
    """The console's process."""
    desk = as_desk(url)
    app = create_app(
        redis=desk.redis, keys=KEYS, vault=desk.vault, queue=desk.queue, words=desk.words,
        clock=time.time, secure=False,
    )  # fmt: skip
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def as_desk(url: str) -> Desk:
    desk = Desk(Redis.from_url(url, socket_timeout=120), KEYS)
    desk.clock = time.time  # type: ignore[assignment]
    desk.__post_init__()
    return desk


@contextlib.asynccontextmanager
async def console(url: str) -> AsyncIterator[int]:
    """Its port, while it runs."""
    port = free_port()
    words = [sys.executable, "-m", "bench.desk", "--serve", url, "--port", str(port)]
    process = await in_thread(lambda: subprocess.Popen(words, cwd=ROOT))
    try:
        await in_thread(lambda: answers(port, process))
        yield port
    finally:
        process.terminate()
        await in_thread(lambda: process.wait(20))


def answers(port: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until it does."""
    while not up(f"http://127.0.0.1:{port}/healthz", process):
        time.sleep(0.2)


async def sign_in(desk: Desk, count: int) -> dict[str, str]:
    """Counsellors on shift for the whole run, with the cookie of each."""
    app = create_app(
        redis=desk.redis, keys=KEYS, vault=desk.vault, queue=desk.queue, words=desk.words,
        clock=time.time, secure=False,
    )  # fmt: skip
    cookies = {}
    for number in range(count):
        login = f"c{number:03}"
        account = {"alias": f"C {number}", "languages": "en fr", "capacity": 3,
                   "roles": "counsellor", "epoch": "e"}  # fmt: skip
        await desk.redis.hset(KEYS.counsellor(login), mapping=account)
        await desk.redis.hset(KEYS.shift(), login, f"{time.time() + 86_400:.3f}")
        cookies[login] = await app.state.console.logins.open(login, "bench")
    return cookies


# -- the claim -----------------------------------------------------------------------------------


async def claims(desk: Desk, size: Size, logins: list[str]) -> list[Figure]:
    """Every counsellor holds somebody; then one after the other takes the next, and gives back."""
    redis, limit = desk.redis, f"{KEYS.prefix}limit"
    for login in logins:
        await desk.queue.take_next(login, ("en", "fr"))
    await redis.zadd(limit, dict(await redis.zrange(KEYS.queue(), 0, -1, withscores=True)))
    await redis.config_set("slowlog-max-len", 100_000)
    await redis.config_set("slowlog-log-slower-than", 0)
    await redis.slowlog_reset()
    whole = []
    for number in range(size.claims):
        login = logins[number % len(logins)]
        began = time.perf_counter()
        taken = await desk.queue.take_next(login, ("en", "fr"))
        whole.append((time.perf_counter() - began) * 1000)
        assert taken is not None
        await desk.queue.end(taken.id, login, "helped")
        ((member, score),) = await redis.zpopmin(limit)
        await redis.zadd(limit, {member: score})
        await fill(desk, crowd_of(1))
    rows: Any = await redis.slowlog_get(1_000_000)
    await redis.config_set("slowlog-log-slower-than", 2_000)
    await redis.slowlog_reset()
    sha = scripts.load(redis, "claim").sha
    ours, peer = (
        [row["duration"] / 1000 for row in rows if row["command"].startswith(begins)]
        for begins in (f"EVALSHA {sha}".encode(), b"ZPOPMIN")
    )
    tries = (len(ours), len(peer))
    print(f"  take next as a whole, with the reading before it and the answer: p50 "
          f"{percentile(whole, 50):.1f} ms, p99 {percentile(whole, 99):.1f} ms")  # fmt: skip
    return [
        Figure(f"claim, Redis time, p{p}", "ms", percentile(ours, p), percentile(peer, p), tries)
        for p in (50, 99)
    ]


_numbers = iter(range(10_000_000, 99_000_000))


def crowd_of(count: int) -> list[Waits]:
    """More people, with ids of their own; nobody RED, so that there is room to see who comes."""
    chance = random.Random(count)
    return [
        replace(one, id=f"{next(_numbers):020x}", level=max(one.level, Level.ORANGE))
        for one in crowd(count, time.time(), chance)
    ]


# -- the screens ---------------------------------------------------------------------------------


@functools.cache  # every page is sent the same
def listed(line: bytes) -> frozenset[str]:
    """Who is in the list that an event brings."""
    return frozenset(re.findall(r'data-id="([0-9a-f]{20})"', json.loads(line[6:])["line"]))


async def page(port: int, cookie: str, screen: Screen) -> None:
    """A counsellor's open page, as far as the line goes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    try:
        writer.write(
            f"GET /api/events?desk HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Cookie: nl_console={cookie}\r\n\r\n".encode()
        )
        named = b""
        while line := await reader.readline():
            if line.startswith(b"event: "):
                named = line
            elif line.startswith(b"data: ") and named == b"event: desk\n":
                screen.rows.append((time.time(), listed(line)))
    finally:
        writer.close()


async def listen(redis: Redis, changes: list[Change]) -> None:
    """Notes when something was published that every page shows."""
    ids: Any = await redis.zrange(KEYS.queue(), 0, WINDOW - 1)
    async with redis.pubsub() as channel:
        await channel.subscribe(KEYS.events())
        while True:
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=5)
            if not message:
                continue
            change, now, before = json.loads(message["data"]), time.time(), ids
            ids = await redis.zrange(KEYS.queue(), 0, WINDOW - 1)
            handoff = change.get("id", "")
            if change["what"] == "waiting" and handoff.encode() in ids:
                changes.append(Change(now, handoff, True))
            if change["what"] == "claimed" and handoff.encode() in before:
                changes.append(Change(now, handoff, False))


def delays(changes: list[Change], screens: list[Screen]) -> list[float]:
    """From each change to each screen that shows it, ms; not of one undone before it was seen."""
    found = []
    for number, one in enumerate(changes):
        undone = next((two.at for two in changes[number + 1 :] if two.handoff == one.handoff), 9e9)
        for screen in screens:
            for at, ids in screen.rows:
                if one.at <= at < undone and (one.handoff in ids) is one.came:
                    found.append((at - one.at) * 1000)
                    break
    return found


async def acts(desk: Desk, size: Size, port: int, cookies: dict[str, str]) -> list[float]:
    """People come, are taken and given back; returns how long Take next took over HTTP, ms."""
    chance, took = random.Random(1), []
    held: list[tuple[str, str]] = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        ends, number = time.monotonic() + size.seconds, 0
        while time.monotonic() < ends:
            pause = asyncio.create_task(asyncio.sleep(1 / ACTS_A_SECOND))
            number += 1
            login = chance.choice(list(cookies))
            if number % 3 == 0:
                await desk.queue.request(
                    desk.person(f"late {number}"), level=Level.RED if number % 2 else Level.GREEN,
                    rules=["asked_for_person"], language="en", romanised=False,
                    case=Case(consent="all"),
                )  # fmt: skip
            elif number % 3 == 1:
                headers = {"X-CSRF": await csrf(desk, cookies[login]),
                           "Cookie": f"nl_console={cookies[login]}"}  # fmt: skip
                began = time.perf_counter()
                answer = await http.post("/api/next", json={}, headers=headers)
                took.append((time.perf_counter() - began) * 1000)
                if answer.status_code == 200 and answer.json()["handoff"]:
                    held.append((answer.json()["handoff"]["id"], login))
            elif held:
                handoff, holder = held.pop(0)
                if number % 2:
                    await desk.queue.release(handoff, holder)
                else:
                    await desk.queue.end(handoff, holder, "helped")
            await pause
    return took


async def csrf(desk: Desk, cookie: str) -> str:
    """What a form of this login carries."""
    name = KEYS.login(hashlib.sha256(cookie.encode()).hexdigest())
    token: Any = await desk.redis.hget(name, "csrf")
    return str(token.decode())


@contextlib.asynccontextmanager
async def browser(port: int, cookie: str) -> AsyncIterator[Page]:
    """A real page of the desk."""
    async with async_playwright() as play:
        chromium = await play.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or None, args=["--no-sandbox"]
        )
        context = await chromium.new_context()
        address = f"http://127.0.0.1:{port}"
        await context.add_cookies([{"name": "nl_console", "value": cookie, "url": address}])
        shown = await context.new_page()
        await shown.add_init_script(WATCH)
        await shown.goto(f"{address}/desk")
        await shown.wait_for_selector("ol.queue li")
        yield shown
        await chromium.close()


def kept(what: str, found: float, limit: int) -> bool:
    """Whether a limit holds; prints it."""
    good = found <= limit
    print(f"  {'ok  ' if good else 'MISS'} {what}: {found:.1f} ms, at most {limit} ms")
    return good


async def screens(desk: Desk, size: Size, port: int, cookies: dict[str, str]) -> list[float]:
    """Every page is open; prints how soon they show what happens. Returns each p95, ms."""
    pages, changes = [Screen() for _ in cookies], list[Change]()
    cookie = next(iter(cookies.values()))
    async with browser(port, cookie) as shown:
        tasks = [
            asyncio.create_task(page(port, one, screen))
            for one, screen in zip(cookies.values(), pages, strict=True)
        ]
        tasks.append(asyncio.create_task(listen(desk.redis, changes)))
        tasks.append(asyncio.create_task(beats(desk, list(cookies))))
        await asyncio.sleep(2)
        took = await acts(desk, size, port, cookies)
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        real = Screen([(at / 1000, frozenset(ids)) for at, ids in await shown.evaluate("rows")])
        longest, rows = await shown.evaluate("[longest, document.querySelectorAll('li').length]")
    lines, shown_after = delays(changes, pages), delays(changes, [real])
    for what, found in (
        (f"event to line, {len(pages)} pages", lines),
        ("event to screen, one Chromium", shown_after),
        ("POST /api/next", took),
    ):
        print(f"  {what}: p50 {percentile(found, 50):.0f} ms, p95 {percentile(found, 95):.0f} ms, "
              f"p99 {percentile(found, 99):.0f} ms ({len(found)} tries)")  # fmt: skip
    print(f"  Chromium: {rows} rows on the page, longest time it could not react {longest:.0f} ms")
    return [percentile(one, 95) for one in (lines, shown_after)]


async def beats(desk: Desk, logins: list[str]) -> None:
    """Every page's sign of life, once in ten seconds."""
    while True:
        for login in logins:
            await desk.queue.heartbeat(login)
            await desk.redis.hset(KEYS.shift(), login, f"{time.time() + 86_400:.3f}")
            await asyncio.sleep(10 / len(logins))


# -- the janitor ---------------------------------------------------------------------------------


async def rounds(desk: Desk, size: Size) -> None:
    """Prints how long a round of the janitor takes, and what in it holds up Redis longest."""
    await desk.redis.config_set("slowlog-log-slower-than", 0)
    await desk.redis.slowlog_reset()
    took = []
    for _ in range(12):
        began = time.perf_counter()
        await desk.queue.escalation.run(time.time())
        await desk.queue.closing.run(time.time())
        await desk.queue.lapses.run(time.time())
        took.append((time.perf_counter() - began) * 1000)
    rows: Any = await desk.redis.slowlog_get(1_000_000)
    worst = max(row["duration"] / 1000 for row in rows)
    whole = sum(row["duration"] for row in rows) / 1000 / len(took)
    print(f"  a round: p50 {percentile(took, 50):.0f} ms, longest {max(took):.0f} ms; Redis works "
          f"{whole:.1f} ms for it, {worst:.1f} ms at a time at most")  # fmt: skip


async def measure(size: Size) -> bool:
    """Everything in one run; whether it keeps the limits."""
    with RedisServer() as server:
        desk = as_desk(server.url)
        progress(f"{size.waiting} people, {size.counsellors} counsellors")
        await fill(desk, crowd_of(size.waiting))
        cookies = await sign_in(desk, size.counsellors)
        async with console(server.url) as port:
            figures = await claims(desk, size, list(cookies))
            print(table("The claim", figures, "ZPOPMIN"))
            print("The screens, with what happens on a busy desk", flush=True)
            to_line, to_screen = await screens(desk, size, port, cookies)
            print("The janitor", flush=True)
            await rounds(desk, size)
        await desk.redis.aclose()
    print("The limits")
    return all([
        kept("claim, Redis time, p99", figures[-1].ours, CLAIM_LIMIT),
        kept("event to line, p95", to_line, SCREEN_LIMIT),
        kept("event to screen, p95", to_screen, SCREEN_LIMIT),
    ])  # fmt: skip


def main() -> int:
    """Reads the options and runs."""
    parser = argparse.ArgumentParser(prog="bench.desk", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer tries: a minute")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.port)
        return 0
    size, machine = QUICK if asked.quick else FULL, Machine.now()
    print(f"Machine: {machine.described()}")
    if machine.busy:
        print("WARNING: others use this machine now: trust Redis's own times, not the others.")
    print(
        f"{size.waiting} people wait, {size.counsellors} counsellors are with somebody;"
        f" {ACTS_A_SECOND} acts a second. One machine does it all.",
        flush=True,
    )
    return 0 if asyncio.run(measure(size)) else 1


if __name__ == "__main__":
    sys.exit(main())
