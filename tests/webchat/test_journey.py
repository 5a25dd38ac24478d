"""A person talks through the web page, without any script."""

import asyncio

from bot.messages import Button, Channel, Kind, Recipient, Reply
from tests.webchat.visitors import House


async def test_the_first_page_greets_and_leaves_nothing_behind(house: House) -> None:
    async with house.visitor() as someone:
        page = await someone.look()
    assert "automatic helper" in page.messages[0]
    assert {"lang:en", "lang:ar", "do:person", "do:emergency"} <= set(page.buttons)
    assert "session" not in someone.cookies
    assert await house.redis.keys(f"{house.keys.prefix}*") == []


async def test_a_person_writes_and_reads_the_answer(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        page = await someone.write("I need help")
        assert page.messages == ["I need help", "Answer 1. In danger, call 9-1-1 ."]
        assert "tel:911" in page.links
        assert page.refresh == ""
        page = await someone.press("answer:minor:no")
    assert page.messages[2:] == ["[answer:minor:no]", "Answer 2. In danger, call 9-1-1 ."]
    assert [inbound.kind for inbound in house.worker.seen] == [Kind.TEXT, Kind.BUTTON]
    assert house.worker.seen[0].at == house.clock.now


async def test_a_button_of_the_first_page_begins_the_conversation(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        page = await someone.press("do:start_check")
    assert page.messages[0] == "[do:start_check]"


async def test_a_page_whose_answer_is_not_there_yet_asks_again_by_itself(house: House) -> None:
    async with house.visitor() as someone:
        await someone.look()
        page = await someone.write("hello")
        assert "try=1" in page.refresh
        address = page.refresh.partition("url=")[2]
        page = await someone.look(address.replace("try=1", "try=3"))
        assert "taking longer" in page.html
        await house.worker.work()
        page = await someone.look(address)
    assert page.refresh == ""
    assert page.messages[0] == "hello"


async def test_a_double_press_on_send_is_one_message(house: House) -> None:
    async with house.visitor() as someone:
        await someone.look()
        fields = {**someone.page.hidden, "text": "only once"}
        parts = {name: (None, value) for name, value in fields.items()}
        answers = await asyncio.gather(
            *(someone.request("POST", "/message", files=parts) for _ in range(3))
        )
        assert {answer.status_code for answer in answers} == {303}
        async with house.working():
            page = await someone.look(answers[-1].headers["location"])
            assert page.messages[0] == "only once"
            # Pressed again much later: still one message, and the answer is shown at once.
            page = await someone.post("/message", fields)
    assert page.messages.count("only once") == 1
    assert page.refresh == ""
    assert len(house.worker.seen) == 1


async def test_two_different_presses_on_one_page_are_two(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("hello")
        stale = dict(someone.page.hidden)
        for payload in ("answer:minor:yes", "answer:minor:no"):
            await someone.post("/choice", {**stale, "payload": payload})
    assert [one.button for one in house.worker.seen[1:]] == ["answer:minor:yes", "answer:minor:no"]


async def test_two_visitors_never_see_each_other(house: House) -> None:
    async with house.visitor() as one, house.visitor() as other, house.working():
        await one.look()
        await other.look()
        await one.write("words of one")
        await other.write("words of other")
        assert "words of other" not in (await one.look()).html
        assert "words of one" not in (await other.look()).html


async def test_a_counsellor_is_shown_by_name_and_earlier_choices_are_folded(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("hello")
        await someone.write("a person please")
        to = Recipient(house.person(someone), Channel.WEBCHAT)
        said = Reply("I am <here> for you", speaker="counsellor", name="Sam & Co")
        await house.put(to, [said])
        page = await someone.look()
    assert "Counsellor <bdi>Sam &amp; Co</bdi>" in page.html
    assert "I am &lt;here&gt; for you" in page.html
    assert page.html.count("<details>") == 1


async def test_an_entry_that_cannot_be_opened_hides_no_other(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("hello")
        screen = house.keys.screen(house.person(someone))
        await house.redis.xadd(screen, {"e": b"damaged"})
        await house.redis.xadd(screen, {"other": b""})
        page = await someone.look()
    assert page.messages[0] == "hello"
    assert page.messages[2:] == ["A message here could not be shown."] * 2


async def test_after_the_erasing_of_a_quiet_chat_the_page_is_gone(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("hello")
        person = house.person(someone)
        to = Recipient(person, Channel.WEBCHAT)
        await house.put(to, [Reply("", erase=True)])
        await someone.look()
        assert someone.last is not None
        assert someone.last.status_code == 303
        assert someone.last.headers["location"].startswith("https://weather.")
        assert someone.cookies == {}
        assert await house.on_screen(person) == 0


async def test_what_is_written_after_an_erasing_begins_anew(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("before")
        to = Recipient(house.person(someone), Channel.WEBCHAT)
        await house.put(to, [Reply("", erase=True)])
        page = await someone.write("after")
    assert page.messages[0] == "after"
    assert "before" not in page.html


async def test_labels_and_names_are_never_read_as_html(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("<script>alert(1)</script>")
        rows = ((Button('"><img src=x>', '"><b>'),),)
        to = Recipient(house.person(someone), Channel.WEBCHAT)
        await house.put(to, [Reply("x", buttons=rows)])
        page = await someone.look()
    assert "<script>alert" not in page.html
    assert "<img" not in page.html
    assert '"><b>' in page.buttons
