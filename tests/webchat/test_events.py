"""Server-sent events: messages appear without a reload, and none is missed on the way."""

import contextlib
import json
import signal
from collections.abc import AsyncIterator

import httpx

from bot.messages import Channel, Recipient, Reply
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.webchat.visitors import House


async def events(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    event: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, colon, value = line.partition(": ")
        if colon and name:
            event[name] = value
        elif not line and event.keys() - {"retry"}:
            yield event
            event = {}
        elif not line:
            event = {}


async def begin(client: httpx.AsyncClient) -> None:
    await client.get("/")
    await client.post("/message", files={"text": (None, "hello")})


async def test_messages_come_as_they_are_said_and_resume_where_they_stopped(house: House) -> None:
    async with (
        house.served() as url,
        httpx.AsyncClient(base_url=url, timeout=20) as client,
        house.working(),
    ):
        await begin(client)
        person = house.vault.person(Channel.WEBCHAT, client.cookies["session"])
        async with client.stream("GET", "/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            stream = events(answer)
            first, second = await anext(stream), await anext(stream)
            assert json.loads(first["data"])["speaker"] == "person"
            assert "tel:911" in json.loads(second["data"])["html"]
            to = Recipient(person, Channel.WEBCHAT)
            await house.put(to, [Reply("I am here", speaker="counsellor")])
            third = await anext(stream)
            assert "I am here" in json.loads(third["data"])["html"]
        # The line breaks; meanwhile something is said; the browser comes back with the last id.
        await house.put(to, [Reply("said meanwhile")])
        back = {"Last-Event-ID": third["id"]}
        async with client.stream("GET", "/events?after=0-0", headers=back) as answer:
            assert "said meanwhile" in json.loads((await anext(events(answer)))["data"])["html"]


async def test_erasing_ends_the_stream(house: House) -> None:
    async with answered(house) as (client, person):
        await house.put(Recipient(person, Channel.WEBCHAT), [Reply("", erase=True)])
        async with client.stream("GET", "/events") as answer:
            kinds = [event.get("event") async for event in events(answer)]
    assert kinds == ["erase"]


@contextlib.asynccontextmanager
async def answered(house: House) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Somebody who has said hello and has the answer on the screen."""
    async with (
        house.served() as url,
        httpx.AsyncClient(base_url=url, timeout=20) as client,
        house.working(),
    ):
        await begin(client)
        person = house.vault.person(Channel.WEBCHAT, client.cookies["session"])
        await until(lambda: _filled(house, person), "a full screen")
        yield client, person


async def _filled(house: House, person: str) -> bool:
    return await house.on_screen(person) == 2


async def test_many_visitors_wait_on_one_connection(house: House) -> None:
    async with house.served() as url:
        clients = [httpx.AsyncClient(base_url=url, timeout=20) for _ in range(20)]
        streams = []
        for client in clients:
            await begin(client)
            request = client.build_request("GET", "/events")
            streams.append(await client.send(request, stream=True))
        connected = await house.redis.info("clients")
        assert connected["blocked_clients"] <= 1
        async with house.working():
            for answer in streams:
                assert json.loads((await anext(events(answer)))["data"])["speaker"] == "person"
        for answer, client in zip(streams, clients, strict=True):
            await answer.aclose()
            await client.aclose()


async def test_a_stranger_gets_no_stream(house: House) -> None:
    async with house.visitor() as someone:
        assert (await someone.request("GET", "/events")).status_code == 204


async def test_a_page_that_slept_while_all_was_erased_is_emptied(house: House) -> None:
    """The order to erase went with the screen; what the page shows must not stay."""
    async with answered(house) as (client, person):
        async with client.stream("GET", "/events") as answer:
            stream = events(answer)
            await anext(stream)
            last = (await anext(stream))["id"]
        await house.redis.delete(house.keys.screen(person))
        back = {"Last-Event-ID": last}
        async with client.stream("GET", "/events", headers=back) as answer:
            assert [event["event"] async for event in events(answer)] == ["erase"]
        client.cookies.clear()  # they left in another tab
        async with client.stream("GET", f"/events?after={last}") as answer:
            assert [event["event"] async for event in events(answer)] == ["erase"]


async def test_when_redis_goes_the_stream_ends_and_can_be_asked_for_again(
    shaky: House, own_server: RedisServer
) -> None:
    async with shaky.served() as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        async with shaky.working():
            await begin(client)
            async with client.stream("GET", "/events") as answer:
                stream = events(answer)
                await anext(stream)
                last = (await anext(stream))["id"]
        async with client.stream("GET", f"/events?after={last}", timeout=30) as answer:
            own_server.stop(signal.SIGTERM)
            assert [event async for event in events(answer)] == []
        own_server.start()
        async with client.stream("GET", "/events") as answer:
            assert "hello" in json.loads((await anext(events(answer)))["data"])["html"]
