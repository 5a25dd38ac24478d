"""Leave: away at once, nothing stays, with Redis or without."""

import asyncio
import signal

import pytest

from bot.inbox import Inbox
from bot.messages import Channel, Inbound
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.webchat.visitors import House, Visitor


def assert_away(someone: Visitor) -> None:
    assert someone.last is not None
    assert someone.last.status_code == 303
    assert someone.last.headers["location"] == "https://weather.gc.ca/"
    assert '"cookies"' in someone.last.headers["clear-site-data"]
    assert someone.last.headers["cache-control"] == "no-store"
    assert someone.cookies == {}


async def test_leave_clears_the_screen_and_the_cookie_before_any_worker_acts(house: House) -> None:
    async with house.visitor() as someone:
        await someone.look()
        async with house.working():
            await someone.write("a secret")
        person = house.person(someone)
        await someone.leave()
        assert_away(someone)
        assert await house.on_screen(person) == 0
        page = await someone.look()  # the Back button
        assert "a secret" not in page.html
        assert "automatic helper" in page.html
        await house.worker.work()
    assert house.worker.seen[-1].text == "/exit"
    assert house.worker.seen[-1].person == person
    await until(lambda: house.blank(person), "all is erased")


@pytest.mark.parametrize("payload", ["do:leave", "do:leave_now", "do:erase_now"])
async def test_every_leave_button_leaves_at_once(house: House, payload: str) -> None:
    async with house.visitor() as someone:
        await someone.look()
        async with house.working():
            await someone.write("hello")
        await someone.post("/choice", {**someone.page.hidden, "payload": payload})
        assert_away(someone)


async def test_leave_without_a_conversation_is_only_away(house: House) -> None:
    async with house.visitor() as someone:
        await someone.leave()
        assert_away(someone)
    assert await house.redis.keys(f"{house.keys.prefix}*") == []


async def test_leave_while_the_first_message_is_on_its_way_erases_that_too(house: House) -> None:
    """Its answer has not come, so the browser has no session yet."""
    async with house.visitor() as someone:
        await someone.look()
        await someone.write("a secret")
        person = house.person(someone)
        someone._client.cookies.delete("session")
        await someone.leave()
        assert_away(someone)
        assert await house.on_screen(person) == 0
        async with house.working():
            await until(lambda: len(house.worker.seen) == 2, "both")
            await until(lambda: house.blank(person), "all is erased")
    assert [seen.text for seen in house.worker.seen] == ["a secret", "/exit"]


async def test_a_message_that_arrives_behind_leave_is_erased_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was sent first; Redis was slow with it. Its late answer opens no session either."""
    async with house.visitor() as someone, house.visitor() as same:
        await someone.look()
        same._client.cookies.update(someone.cookies)
        person = house.vault.person(Channel.WEBCHAT, someone.cookies["visit"])
        arrived, go_on, accept = asyncio.Event(), asyncio.Event(), Inbox.accept

        async def slow(inbox: Inbox, inbound: Inbound, update: str) -> bool:
            if inbound.text != "/exit":
                arrived.set()
                await go_on.wait()
            return await accept(inbox, inbound, update)

        monkeypatch.setattr(Inbox, "accept", slow)
        writing = asyncio.create_task(someone.write("a secret"))
        await arrived.wait()
        await same.leave()
        go_on.set()
        await writing
        assert "session" not in someone.cookies
        async with house.working():
            await until(lambda: len(house.worker.seen) == 3, "all three")
            await until(lambda: house.blank(person), "all is erased")
    assert [seen.text for seen in house.worker.seen] == ["/exit", "a secret", "/exit"]


async def test_the_script_leaves_with_a_beacon(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("hello")
        answer = await someone.request("POST", "/leave?quiet=1")
    assert answer.status_code == 204
    assert someone.cookies == {}


async def test_chromium_is_not_made_to_wait_for_its_cache(house: House) -> None:
    async with house.visitor(user_agent="Mozilla/5.0 Chrome/140.0 Safari/537.36") as someone:
        assert '"cache"' not in (await someone.leave()).headers["clear-site-data"]
    async with house.visitor(user_agent="Mozilla/5.0 Version/18.0 Safari/605.1") as someone:
        assert '"cache"' in (await someone.leave()).headers["clear-site-data"]


async def test_another_site_cannot_make_somebody_leave(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("hello")
        answer = await someone.request("POST", "/leave", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 303
        assert "session" in someone.cookies
        assert await house.on_screen(house.person(someone)) == 2


async def test_leave_works_without_redis_and_erases_when_it_is_back(
    shaky: House, own_server: RedisServer
) -> None:
    async with shaky.visitor() as someone:
        await someone.look()
        async with shaky.working():
            await someone.write("hello")
        person = shaky.vault.person(Channel.WEBCHAT, someone.cookies["session"])
        own_server.stop(signal.SIGTERM)
        await someone.leave()
        assert_away(someone)
        own_server.start()
        async with shaky.working():
            await until(lambda: shaky.worker.seen[-1].text == "/exit", "Leave")
            await until(lambda: shaky.blank(person), "all is erased")
    assert shaky.worker.seen[-1].person == person


async def test_leave_does_not_wait_for_a_redis_that_hangs(
    shaky: House, own_server: RedisServer
) -> None:
    async with shaky.visitor() as someone:
        await someone.look()
        async with shaky.working():
            await someone.write("hello")
        own_server.pause()
        try:
            async with asyncio.timeout(10):
                await someone.leave()
        finally:
            own_server.go_on()
        assert_away(someone)
