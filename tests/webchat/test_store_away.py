"""Redis is away: the page still answers, with numbers, and loses nothing that was typed."""

import signal

import pytest

from tests.redis_server import RedisServer
from tests.webchat.visitors import House


async def test_danger_gets_the_emergency_card_and_the_words_stay_in_the_box(
    shaky: House, own_server: RedisServer
) -> None:
    own_server.stop(signal.SIGKILL)
    async with shaky.visitor() as someone:
        await someone.look()
        assert "automatic helper" in someone.page.messages[0]
        page = await someone.write("he is going to kill me")
        assert someone.last is not None
        assert someone.last.status_code == 503
        assert page.text_box == "he is going to kill me"
        assert "If you are in danger, call 9-1-1" in page.messages[0]
        assert "tel:911" in page.links
        assert "tel:+18339001010" in page.links
        # Redis is back: the same words, sent again from that page, are one message.
        own_server.start()
        async with shaky.working():
            page = await someone.write(page.text_box)
            assert page.messages[0] == "he is going to kill me"
    assert len(shaky.worker.seen) == 1


async def test_a_button_and_a_reload_show_numbers_too(
    shaky: House, own_server: RedisServer
) -> None:
    async with shaky.visitor() as someone:
        await someone.look()
        async with shaky.working():
            await someone.write("hello")
        hidden = someone.page.hidden
        own_server.stop(signal.SIGTERM)
        page = await someone.post("/choice", {**hidden, "payload": "do:person"})
        assert "tel:911" in page.links
        page = await someone.look()
        assert someone.last is not None
        assert someone.last.status_code == 503
        assert "tel:+18339001010" in page.links
        assert page.hidden["id"]
        own_server.start()
        assert (await someone.look()).messages[0] == "hello"


async def test_the_language_of_the_page_is_the_language_of_the_numbers(
    shaky: House, own_server: RedisServer
) -> None:
    own_server.stop(signal.SIGKILL)
    hints = []
    real = shaky.emergency.answer

    def listen(text: str, hint: str = "") -> object:
        hints.append(hint)
        return real(text, hint)

    shaky.emergency.answer = listen
    async with shaky.visitor(accept_language="ar-SY,ar;q=0.9") as someone:
        await someone.look()
        await someone.write("مرحبا")
        await someone.post("/choice", {**someone.page.hidden, "payload": "lang:en"})
    assert hints == ["ar", "en"]


async def test_a_redis_that_hangs_is_not_waited_for(shaky: House, own_server: RedisServer) -> None:
    async with shaky.visitor() as someone:
        await someone.look()
        own_server.pause()
        try:
            page = await someone.write("help")
        finally:
            own_server.go_on()
        assert someone.last is not None
        assert someone.last.status_code == 503
        assert page.text_box == "help"


@pytest.mark.parametrize("path", ["/healthz", "/static/chat.css"])
async def test_what_needs_no_redis_works(shaky: House, own_server: RedisServer, path: str) -> None:
    own_server.stop(signal.SIGKILL)
    async with shaky.visitor() as someone:
        assert (await someone.request("GET", path)).status_code == 200


async def test_redis_that_goes_before_the_answer_is_there_leaves_the_right_card(
    shaky: House, own_server: RedisServer
) -> None:
    async with shaky.visitor(accept_language="ar") as someone:
        await someone.look()
        sent = {name: (None, value) for name, value in someone.page.hidden.items()}
        words = {"text": (None, "he is going to kill me")}
        answer = await someone.request("POST", "/message", files=sent | words)
        assert answer.status_code == 303
        own_server.stop(signal.SIGKILL)
        page = await someone.look(answer.headers["location"])
        assert someone.last is not None
        assert someone.last.status_code == 503
        assert "If you are in danger, call 9-1-1" in page.messages[0]
        own_server.start()
        async with shaky.working():
            await someone.look(answer.headers["location"])
        await someone.look()
        own_server.stop(signal.SIGKILL)
        page = await someone.look()
        assert page.language == "ar", "answered: nothing of it is remembered"
