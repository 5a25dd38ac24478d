"""Calls outside the desk: signed, without a person in them, repeated until somebody hears."""

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.keys import DAY
from bot.paging import PAUSES, Pager
from bot.safety.levels import Level
from tests.core.test_leaving import nothing_is_left_of
from tests.core.world import World
from tests.waiting import until

SECRET = "a-secret-of-the-receiver"


@dataclass
class Receiver:
    """Somebody else's server: answers as told, and keeps what it was sent."""

    url: str = ""
    plan: list[int] = field(default_factory=list)  # statuses to give first; 0: hang
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def hook(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        status = self.plan.pop(0) if self.plan else 204
        if not status:
            await asyncio.sleep(30)
        return Response(status_code=status or 204)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = Starlette(routes=[Route("/hook", made.hook, methods=["POST"])])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 (uvicorn offers nothing to wait for)
            await asyncio.sleep(0.01)
        made.url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        yield made
        server.should_exit = True
        await task


@dataclass
class Calls:
    """A pager on the world's Redis; `lost` are the events it gave up."""

    world: World
    url: str
    pauses: Sequence[float] = (0, 0, 0)
    lost: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def give_up(event: str) -> None:
            self.lost.append(event)

        self.pager = Pager(
            self.world.redis, self.world.keys, self.url, SECRET, self.world.clock, give_up,
            pauses=self.pauses, patience=3,
        )  # fmt: skip

    async def call(self, event: str = "supervisor", waiting: int = 61) -> None:
        for op in self.pager.ops(event, "red", waiting):
            await self.world.redis.execute_command(*op)

    async def look(self, times: int = 1) -> None:
        async with httpx.AsyncClient(timeout=3) as client:
            for _ in range(times):
                await self.pager.deliver(client)

    async def left(self) -> int:
        return int(await self.world.redis.xlen(self.world.keys.paging()))


async def test_a_call_is_signed_as_the_operations_page_says_and_holds_no_person(
    idle_world: World, receiver: Receiver
) -> None:
    calls = Calls(idle_world, receiver.url)
    await calls.call("on_call", 125)
    await calls.look()
    headers, body = receiver.got[0]
    told = json.loads(body)
    assert set(told) == {"event", "level", "waiting_seconds", "id", "time"}
    assert (told["event"], told["level"], told["waiting_seconds"]) == ("on_call", "red", 125)
    assert told["time"] == "2026-11-21T15:00:00Z"
    timestamp = headers["x-northlight-timestamp"]
    assert timestamp == f"{idle_world.clock():.0f}"
    signed = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    assert headers["x-northlight-signature"] == f"sha256={signed.hexdigest()}"
    await calls.look()
    assert (len(receiver.got), await calls.left(), calls.lost) == (1, 0, [])


async def test_the_stream_ends_by_itself(idle_world: World, receiver: Receiver) -> None:
    calls = Calls(idle_world, receiver.url)
    await calls.look()  # nothing was ever called
    await calls.call()
    assert 0 < await idle_world.redis.ttl(idle_world.keys.paging()) <= DAY


@pytest.mark.parametrize("trouble", [[500, 503], [404, 302], [0]])
async def test_what_was_not_taken_comes_again_with_the_same_id(
    idle_world: World, receiver: Receiver, trouble: list[int]
) -> None:
    receiver.plan = list(trouble)
    calls = Calls(idle_world, receiver.url)
    await calls.call()
    await calls.look(len(trouble) + 2)
    bodies = receiver.bodies()
    assert len(bodies) == len(trouble) + 1
    assert len({body["id"] for body in bodies}) == 1
    assert (await calls.left(), calls.lost) == (0, [])


async def test_nothing_is_lost_while_nobody_listens(idle_world: World, receiver: Receiver) -> None:
    away = Calls(idle_world, "http://127.0.0.1:9/hook")
    await away.call("supervisor")
    await away.call("on_call")
    await away.look(2)
    assert (await away.left(), away.lost) == (2, [])
    await Calls(idle_world, receiver.url).look()  # another janitor, later
    assert [body["event"] for body in receiver.bodies()] == ["supervisor", "on_call"]
    assert await away.left() == 0


async def test_after_its_last_try_a_call_is_given_up_and_said_so(
    idle_world: World, receiver: Receiver
) -> None:
    receiver.plan = [500] * 50
    calls = Calls(idle_world, receiver.url)
    await calls.call()
    await calls.look(3)
    assert calls.lost == []
    await calls.look(3)
    assert (len(receiver.got), calls.lost, await calls.left()) == (4, ["supervisor"], 0)


async def test_pauses_grow_and_are_kept(idle_world: World, receiver: Receiver) -> None:
    assert list(PAUSES) == sorted(PAUSES)
    assert sum(PAUSES) > 900, "a receiver may be away for a quarter of an hour"
    receiver.plan = [500]
    calls = Calls(idle_world, receiver.url, pauses=(600,))
    await calls.call()
    await calls.look(5)
    assert len(receiver.got) == 1
    redis, name = idle_world.redis, idle_world.keys.paging()
    pending: Any = await redis.xpending_range(name, "paging", "-", "+", 1)
    entry = pending[0]["message_id"]
    await redis.xclaim(name, "paging", "paging", 0, [entry], idle=600_000, retrycount=1)
    await calls.look(5)
    assert len(receiver.got) == 2


async def test_a_call_that_hangs_holds_up_no_other(idle_world: World, receiver: Receiver) -> None:
    receiver.plan = [0]
    calls = Calls(idle_world, receiver.url, pauses=(600,))
    for _ in range(3):
        await calls.call()
    await calls.look()
    assert (len(receiver.got), await calls.left()) == (3, 1)


async def test_two_janitors_send_a_call_once(idle_world: World, receiver: Receiver) -> None:
    one, two = (Calls(idle_world, receiver.url, pauses=(600,)) for _ in range(2))
    for _ in range(10):
        await one.call()
    await asyncio.gather(one.look(), two.look())
    assert len({body["id"] for body in receiver.bodies()}) == len(receiver.got) == 10


async def test_the_janitor_calls_for_a_person_nobody_comes_to_and_leaves_no_trace_of_them(
    world: World, receiver: Receiver
) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:start_check", "answer:hurt_now:yes", "do:person")
    found = await person.handoff()
    assert found is not None
    assert found.level is Level.RED
    world.clock.forward(125)
    janitor = world.janitor(Calls(world, receiver.url).pager)
    running = asyncio.create_task(janitor.run())
    await until(lambda: len(receiver.got) >= 2, "two calls")
    janitor.stop()
    await running
    assert [body["event"] for body in receiver.bodies()] == ["supervisor", "on_call"]
    for body in receiver.bodies():
        assert body["waiting_seconds"] >= 125
        said = json.dumps(body)
        assert found.handle not in said
        assert found.id not in said
        assert person.id not in said
    await person.presses("do:leave")
    assert await nothing_is_left_of(person)
