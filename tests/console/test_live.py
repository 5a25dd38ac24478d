"""Pushed, not polled: a real server, a real stream of events."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from typing import Any

import httpx
import pytest

from bot.console import api, events
from bot.safety.levels import Level
from tests.console.driver import Console, CounsellorDriver, serving
from tests.handoff.desk import Desk

#: What an event of the queue tells: nobody's id.
COUNTS = {"waiting", "reds", "late", "new"}


@pytest.fixture
async def served(console: Console) -> AsyncIterator[str]:
    """The console behind uvicorn on a free port."""
    async with serving(console) as address:
        yield address


async def changes(answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def test_an_open_page_is_told_of_every_change_by_handoff_id_only(
    console: Console, ana: CounsellorDriver, served: str
) -> None:
    cookies = {"nl_console": ana.http.cookies["nl_console"]}
    async with (
        httpx.AsyncClient(base_url=served, cookies=cookies, timeout=20) as browser,
        browser.stream("GET", "/api/events") as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        stream = changes(answer)
        # The stream has begun only when its listener is there: ask until something is heard.
        asked = await console.desk.asks("p")
        first = asyncio.ensure_future(anext(stream))
        while not first.done():
            await console.desk.queue.presence.start("ana")
            await asyncio.wait([first], timeout=0.05)
        await ana.post(f"/api/handoffs/{asked.id}/claim")
        heard = []
        while ("claimed", asked.id) not in heard:
            name, event = await anext(stream)
            assert name in ("change", "queue")
            assert set(event) <= ({"what", "id"} if name == "change" else COUNTS)
            heard.append((event.get("what", ""), event.get("id", "")))


@pytest.mark.parametrize("where", ["?desk", "?talk=0123456789abcdef0123"])
async def test_who_holds_somebody_hears_that_they_became_red(
    console: Console, ana: CounsellorDriver, served: str, where: str
) -> None:
    """On the desk, or in the talk of another."""
    asked = await console.desk.asks("p", Level.GREEN)
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    cookies = {"nl_console": ana.http.cookies["nl_console"]}
    async with (
        httpx.AsyncClient(base_url=served, cookies=cookies, timeout=20) as browser,
        browser.stream("GET", f"/api/events{where}") as answer,
    ):
        assert answer.headers["x-accel-buffering"] == "no"
        stream, reds = changes(answer), list[list[str]]()
        await anext(stream)
        await console.desk.queue.raise_level(asked.person, Level.RED, ("danger_words",))
        while [asked.id] not in reds:
            name, event = await anext(stream)
            if name == "own":
                reds.append(event["red"])
    assert not any(reds[:-1]), "that one holds somebody may be told before"


async def test_an_answer_that_was_overdue_takes_the_line_off_every_page(
    console: Console, ana: CounsellorDriver, served: str
) -> None:
    """Other words of a talk are seen on no desk, and nobody looks again for them."""
    desk = console.desk
    asked = await desk.asks("p", Level.RED)
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    cookies = {"nl_console": ana.http.cookies["nl_console"]}
    async with (
        httpx.AsyncClient(base_url=served, cookies=cookies, timeout=20) as browser,
        browser.stream("GET", "/api/events?desk") as answer,
    ):
        stream = changes(answer)

        async def counted(late: int) -> None:
            while True:
                name, event = await anext(stream)
                if name == "queue" and event["late"] == late:
                    return

        await counted(0)
        desk.clock.forward(120)
        await desk.queue.escalation.run(desk.clock())
        await counted(1)
        await ana.post("/api/heartbeat")
        await ana.post(f"/api/handoffs/{asked.id}/say", {"text": "I am here."})
        await counted(0)


@pytest.mark.parametrize("error", [ConnectionError, TimeoutError, ValueError])
async def test_a_look_at_the_desk_that_failed_is_taken_again(
    desk: Desk, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever came in that moment rings all the same, though nothing more happens."""
    monkeypatch.setattr(events, "AGAIN", 0.01)
    looks = []

    async def draw(audiences: Collection[events.Audience]) -> events.Picture:
        looks.append(audiences)
        if len(looks) == 1:
            raise error
        nothing = (False, (), (), ())
        return events.Picture('{"waiting": 1, "new": "red"}', {}, {}, lambda login: nothing)

    hub = events.Hub(desk.redis, desk.keys, draw)
    with hub.listening(events.Listener("ana")) as page:
        watching = asyncio.create_task(hub._watch())
        try:
            rung = await asyncio.wait_for(page.next(), 20)
        finally:
            watching.cancel()
    assert b'"new": "red"' in rung
    assert len(looks) == 2


async def test_when_nothing_happens_the_page_still_hears_something(
    ana: CounsellorDriver, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PING", 0.05)
    cookies = {"nl_console": ana.http.cookies["nl_console"]}
    async with (
        httpx.AsyncClient(base_url=served, cookies=cookies, timeout=20) as browser,
        browser.stream("GET", "/api/events") as answer,
    ):
        stream = changes(answer)
        while (event := await anext(stream))[0] != "alive":
            assert event[0] in ("change", "queue")
        assert event == ("alive", {})


async def test_the_stream_ends_with_the_login(
    console: Console, ana: CounsellorDriver, served: str
) -> None:
    cookies = {"nl_console": ana.http.cookies["nl_console"]}
    async with (
        httpx.AsyncClient(base_url=served, cookies=cookies, timeout=20) as browser,
        browser.stream("GET", "/api/events") as answer,
    ):
        stream = changes(answer)
        await console.app.state.console.accounts.remove("ana")
        ended = asyncio.ensure_future(anext(stream))
        while not ended.done():
            await console.desk.queue.presence.stop("nobody")
            await asyncio.wait([ended], timeout=0.05)
        names = [ended.result()[0], *[name async for name, _ in stream]]
        assert names[-1] == "signed_out"


async def test_without_redis_the_console_says_so_and_comes_back(
    console: Console, ana: CounsellorDriver, redis_server: Any
) -> None:
    redis_server.stop()
    try:
        page, call = await ana.get("/desk"), await ana.get("/api/desk")
        assert (page.status_code, call.status_code) == (503, 503)
        assert call.json() == {"error": "unavailable"}
        assert "Nothing was changed" in page.text
    finally:
        redis_server.start()
    assert (await ana.get("/healthz")).json() == {"ready": True}
    assert (await ana.get("/desk")).status_code == 200
