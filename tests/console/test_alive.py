"""Whoever is at any page keeps whom they hold; what is pressed twice is done once."""

import asyncio

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.console.driver import Console, serving
from tests.console.test_holds_browser import at_the_desk, browser

__all__ = ["browser"]

#: Pages without the desk's own script; {id} is somebody whom one holds.
PAGES = (
    "/plan", "/hours", "/counts", "/board/closed", "/handoffs/{id}/reassign", "/second-step",
    "/password",
)  # fmt: skip
BEAT = "**/api/heartbeat"
#: The second press while the answer to the first is on its way.
TWICE = """() => {
  const press = () => document.querySelector("button.next").click();
  press();
  setTimeout(press, 150);
}"""


async def at_work(
    console: Console, browser: Browser, url: str, login: str, role: str = "counsellor"
) -> Page:
    await console.counsellor(login, role, capacity=2)
    await console.desk.queue.presence.start(login)
    return await at_the_desk(browser, url, login)


async def test_without_script_to_open_any_page_keeps_whom_one_holds(console: Console) -> None:
    sue, desk = await console.counsellor("sue", "supervisor"), console.desk
    await sue.post("/api/shift", {"on": True})
    asked = await desk.asks("p")
    await sue.post(f"/api/handoffs/{asked.id}/claim")
    for path in PAGES:
        desk.clock.forward(20)  # of the 30 after which they are somebody else's
        assert (await sue.get(path.format(id=asked.id))).status_code == 200
        await desk.queue.lapses.run(desk.clock())
        found = await desk.queue.get(asked.id)
        assert found
        assert found.claimed_by == "sue", path


async def test_every_page_shows_signs_of_life(console: Console, browser: Browser) -> None:
    asked = await console.desk.asks("p")
    async with serving(console) as url:
        page = await at_work(console, browser, url, "sue", "supervisor")
        for path in ("/desk", *PAGES):
            async with page.expect_response(BEAT) as answer:
                await page.goto(url + path.format(id=asked.id))
            assert (await answer.value).status == 200, path


async def test_a_page_of_an_older_login_keeps_what_was_typed_and_one_signed_out_goes(
    console: Console, browser: Browser
) -> None:
    status = 403

    async def answered(route: Route) -> None:
        await route.fulfill(status=status)

    async with serving(console) as url:
        page = await at_work(console, browser, url, "sue", "supervisor")
        await page.goto(f"{url}/hours")
        await page.context.route(BEAT, answered)
        await page.goto(f"{url}/hours")
        await page.locator("#day0").fill("8-22")
        await page.wait_for_timeout(300)  # nothing is to come
        await expect(page.locator("#day0")).to_have_value("8-22")
        status = 401
        async with page.expect_request("**/login"):
            await page.goto(f"{url}/plan", wait_until="commit")


@pytest.mark.parametrize("by", ["key", "button"])
async def test_pressed_twice_takes_one(console: Console, browser: Browser, by: str) -> None:
    queue, sent = console.desk.queue, 0

    async def slow(route: Route) -> None:
        nonlocal sent
        sent += 1
        await asyncio.sleep(3)
        await route.continue_()

    for name in ("p", "q"):
        await console.desk.asks(name)
    async with serving(console) as url:
        page = await at_work(console, browser, url, "ana")
        await expect(page.locator("#link")).to_be_visible()
        await page.route("**/desk/next", slow)
        if by == "key":
            await page.keyboard.press("Alt+t")
            await page.keyboard.press("Alt+t")
        else:
            await page.evaluate(TWICE)
        await page.wait_for_url("**/handoffs/*")
        assert (sent, len(await queue.held())) == (1, 1)


async def test_no_heading_stands_over_nobody(console: Console, browser: Browser) -> None:
    asked = await console.desk.asks("p")
    async with serving(console) as url:
        page = await at_work(console, browser, url, "ana")
        await console.desk.queue.claim(asked.id, "ana")
        await expect(page.locator(f"[data-mine-id='{asked.id}']")).to_be_visible()
        await console.desk.asks("q")
        await expect(page.locator(".queue li")).to_have_count(1)
        await expect(page.get_by_role("heading", name="With a colleague")).to_have_count(0)


async def test_who_reads_along_sees_who_holds_them_and_may_take_who_waits(
    console: Console, browser: Browser
) -> None:
    queue, asked = console.desk.queue, await console.desk.asks("p")
    async with serving(console) as url:
        page = await at_work(console, browser, url, "sue", "supervisor")
        for login in ("ana", "ben"):
            await console.counsellor(login)
            await queue.presence.start(login)
        await page.goto(f"{url}/handoffs/{asked.id}")
        take, banner = page.get_by_role("button", name="Take"), page.locator(".talk > .note")
        await expect(take).to_be_visible()
        await expect(page.locator("#link")).to_be_visible()
        for login in ("ana", "ben"):
            await queue.claim(asked.id, login)
            await expect(banner.last).to_contain_text(f"{login.title()} is with this person")
            await expect(take).to_have_count(0)
            await queue.release(asked.id, login)
            await expect(take).to_be_visible()
        await take.click()
        await expect(page.locator("#say")).to_be_visible()
        found = await queue.get(asked.id)
        assert found
        assert found.claimed_by == "sue"


async def test_who_cannot_be_given_to_anybody_has_no_button_for_it(console: Console) -> None:
    sue, asked = await console.counsellor("sue", "supervisor"), await console.desk.asks("p")
    assert '<button class="main">' not in (await sue.look(f"/handoffs/{asked.id}/reassign")).text
    await console.counsellor("ana")
    await console.desk.queue.presence.start("ana")
    assert '<button class="main">' in (await sue.look(f"/handoffs/{asked.id}/reassign")).text
