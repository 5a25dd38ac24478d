"""The page in a real browser: with scripts and without, and Leave above all."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright, expect

from bot.messages import Channel, Recipient, Reply
from tests.waiting import until
from tests.webchat.visitors import House

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
NEUTRAL = "https://weather.gc.ca/"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield running
        await running.close()


async def weather(route: Route) -> None:
    await route.fulfill(body="<title>Weather</title>Sunny", content_type="text/html")


async def phone(browser: Browser, scripts: bool = True) -> tuple[BrowserContext, Page, list[str]]:
    """A small phone; the third part collects what the page's console complained about."""
    context = await browser.new_context(
        viewport={"width": 320, "height": 640}, java_script_enabled=scripts
    )
    await context.route(f"{NEUTRAL}**", weather)
    page, complaints = await context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return context, page, complaints


async def person_of(house: House, context: BrowserContext) -> str:
    tokens = {one["name"]: one["value"] for one in await context.cookies()}
    return house.vault.person(Channel.WEBCHAT, tokens["session"])


async def write(page: Page, text: str) -> None:
    await page.fill("#text", text)
    await page.click("button.send")
    await expect(page.locator(".message.person", has_text=text)).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_conversation_on_a_small_phone(
    house: House, browser: Browser, scripts: bool
) -> None:
    async with house.served() as url, house.working():
        context, page, complaints = await phone(browser, scripts)
        await page.goto(url)
        await write(page, "I need help")
        await expect(page.locator("text=Answer 1")).to_be_visible()
        await page.click("button[value='answer:minor:no']")
        await expect(page.locator("text=Answer 2")).to_be_visible()
        assert await page.locator("a[href='tel:911']").count() == 2
        assert await page.locator("details").count() == 1
        assert complaints == []
        if scripts:
            wide = "document.documentElement.scrollWidth <= innerWidth"
            assert await page.evaluate(wide)
            assert await page.evaluate("performance.getEntriesByType('navigation').length") == 1
        await context.close()


async def test_a_counsellors_words_appear_and_the_typed_draft_stays(
    house: House, browser: Browser
) -> None:
    async with house.served() as url, house.working():
        context, page, complaints = await phone(browser)
        await page.goto(url)
        await write(page, "hello")
        await page.fill("#text", "half a sen")
        said = Reply("I am here", speaker="counsellor", name="Sam")
        await house.put(Recipient(await person_of(house, context), Channel.WEBCHAT), [said])
        await expect(page.locator(".message.counsellor")).to_contain_text("I am here")
        assert await page.input_value("#text") == "half a sen"
        assert await page.evaluate("document.activeElement.id") == "text"
        assert complaints == []
        await context.close()


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_urgent_card_is_in_sight_whatever_comes_after_it(
    house: House, browser: Browser, scripts: bool
) -> None:
    async with house.served() as url, house.working():
        context, page, complaints = await phone(browser, scripts)
        await page.goto(url)
        await write(page, "hello")
        await expect(page.locator("text=Answer 1")).to_be_visible()
        long = Reply("More words.\n\n" * 30)
        to = Recipient(await person_of(house, context), Channel.WEBCHAT)
        await house.put(to, [long, house.words.reply("report_danger", "en"), long])
        if not scripts:
            await page.click("a.more")
        await expect(page.locator(".message")).to_have_count(5)
        await expect(page.locator(".urgent a[href='tel:911']").first).to_be_in_viewport()
        assert complaints == []
        await context.close()


@pytest.mark.parametrize("how", ["button", "escape", "chat button", "button without scripts"])
async def test_leave_shows_the_weather_and_back_shows_nothing(
    house: House, browser: Browser, how: str
) -> None:
    async with house.served() as url:
        context, page, _ = await phone(browser, scripts="without" not in how)
        await page.goto(url)
        async with house.working():
            await write(page, "a secret")
            await expect(page.locator("text=Answer 1")).to_be_visible()
            person = await person_of(house, context)
            await house.put(
                Recipient(person, Channel.WEBCHAT),
                [house.words.with_footer(Reply("Anything else?"))],
            )
        if how == "escape":
            for _ in range(3):
                await page.keyboard.press("Escape")
        elif how == "chat button":
            await page.click("button[value='do:leave']")
        else:
            await page.click("button.leave")
        # No worker is at work: the browser is away all the same.
        await page.wait_for_url(NEUTRAL)
        await until(lambda: house.blank(person), "all is erased")
        await until(lambda: _no_cookies(context), "no cookie")
        await page.go_back()
        assert "a secret" not in await page.content()
        await house.worker.work()
        assert house.worker.seen[-1].text == "/exit"
        await until(lambda: house.blank(person), "all is erased")
        await context.close()


async def _no_cookies(context: BrowserContext) -> bool:
    return all(one["name"] != "session" for one in await context.cookies())


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_erased_chat_is_replaced_by_the_weather(
    house: House, browser: Browser, scripts: bool
) -> None:
    async with house.served() as url, house.working():
        context, page, _ = await phone(browser, scripts)
        await page.goto(url)
        await write(page, "/exit of another kind")
        person = await person_of(house, context)
        # The neutral site is asked for at the end of a redirect, which a test cannot answer itself.
        async with page.expect_request(lambda request: request.url.startswith(NEUTRAL)):
            to = Recipient(person, Channel.WEBCHAT)
            await house.put(to, [Reply("", erase=True)])
            if not scripts:
                await page.click("a.more", no_wait_after=True)
        await until(lambda: house.blank(person), "all is erased")
        assert await _no_cookies(context)
        await context.close()


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_chat_that_is_locked_is_emptied_and_goes_on(
    house: House, browser: Browser, scripts: bool
) -> None:
    async with house.served() as url, house.working():
        context, page, _ = await phone(browser, scripts)
        await page.goto(url)
        await write(page, "my secret")
        await expect(page.locator(".message.person")).to_contain_text("my secret")
        person = await person_of(house, context)
        to = Recipient(person, Channel.WEBCHAT)
        await house.put(to, [Reply("", erase=True), Reply("Please write your word.")])
        if not scripts:
            await page.click("a.more")
        await expect(page.locator("#screen .message")).to_have_count(1)
        await expect(page.locator("#screen")).to_contain_text("Please write your word.")
        assert "my secret" not in await page.content()
        await write(page, "marigold")
        await expect(page.locator(".message.person")).to_contain_text("marigold")
        assert await person_of(house, context) == person, "the same conversation"
        await context.close()


async def test_a_press_while_the_line_is_down_keeps_the_words(
    house: House, browser: Browser
) -> None:
    async with house.served() as url, house.working():
        context, page, _ = await phone(browser)
        await page.goto(url)
        await context.set_offline(True)
        await page.fill("#text", "please do not lose me")
        await page.click("button.send")
        await expect(page.locator("#status")).to_contain_text("not sent")
        assert await page.input_value("#text") == "please do not lose me"
        await context.set_offline(False)
        await page.click("button.send")
        await expect(page.locator(".message.person")).to_contain_text("please do not lose me")
        await expect(page.locator("#text")).to_have_value("")
        await context.close()
    assert len(house.worker.seen) == 1


#: What phones of some years ago lack, taken out of this browser.
OLDER = {
    "FormData knows no button": "const Real = FormData; window.FormData = function (form) "
    "{ return new Real(form); };",
    "submit names no button": "Object.defineProperty(SubmitEvent.prototype, 'submitter', "
    "{ get: () => undefined });",
    "no at": "delete Array.prototype.at;",
    "no requestSubmit": "delete HTMLFormElement.prototype.requestSubmit;",
    "no replaceChildren": "delete Element.prototype.replaceChildren;",
}


@pytest.mark.parametrize("lacks", OLDER)
async def test_an_older_phone_can_write_choose_and_leave(
    house: House, browser: Browser, lacks: str
) -> None:
    async with house.served() as url, house.working():
        context, page, complaints = await phone(browser)
        await page.add_init_script(OLDER[lacks])
        await page.goto(url)
        await write(page, "I need help")
        await expect(page.locator("text=Answer 1")).to_be_visible()
        await page.click("button[value='answer:minor:no']")
        await expect(page.locator("text=Answer 2")).to_be_visible()
        assert house.worker.seen[-1].button == "answer:minor:no"
        await page.focus("#text")
        await page.keyboard.type("by keyboard")
        if lacks != "no replaceChildren":  # there Enter is a new line, as in any plain form
            await page.keyboard.press("Enter")
            await expect(page.locator("text=Answer 3")).to_be_visible()
        assert complaints == []
        await page.click("#leave button")
        await page.wait_for_url(NEUTRAL)
        await context.close()


async def test_what_hangs_is_not_said_to_be_received_and_holds_nothing_up(
    house: House, browser: Browser
) -> None:
    async with house.served() as url, house.working():
        context, page, _ = await phone(browser)
        await page.clock.install()
        await page.goto(url)
        await write(page, "hello")
        await expect(page.locator("text=Answer 1")).to_be_visible()
        await page.route("**/message", lambda route: asyncio.sleep(0))  # never answered
        await page.fill("#text", "he has my passport")
        await page.click("button.send")
        said = page.locator("#status")
        await expect(said).to_have_text(house.words.text("web", "waiting", "en"))
        await page.clock.run_for(11_000)
        await expect(said).to_have_text(house.words.text("web", "waiting", "en"))
        await page.click("button[value='answer:minor:no']")
        await expect(page.locator("text=Answer 2")).to_be_visible()
        await page.clock.run_for(5_000)
        await expect(said).to_have_text(house.words.text("web", "not_sent", "en"))
        assert await page.input_value("#text") == "he has my passport"
        await context.close()
