"""Flags and holds in real browsers: by keyboard, pushed to everybody, unfolded where it matters."""

import os
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.handoff.record import Level
from tests.console.driver import PASSWORD, Console, serving

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        await browser.close()


async def at_the_desk(browser: Browser, url: str, login: str) -> Page:
    page = await (await browser.new_context(locale="en-CA")).new_page()
    await page.goto(f"{url}/login")
    await page.get_by_label("Login").fill(login)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.locator("button.main").click()
    await page.wait_for_url(re.compile("/desk$"))
    return page


async def test_a_flag_a_hold_danger_and_the_end_of_it(console: Console, browser: Browser) -> None:
    queue = console.desk.queue
    for login, role in (("ana", "counsellor"), ("sue", "supervisor")):
        await console.counsellor(login, role)
        await queue.presence.start(login)
    asked = await console.desk.asks("p")
    async with serving(console) as url:
        ana, sue = [await at_the_desk(browser, url, login) for login in ("ana", "sue")]
        await ana.get_by_role("button", name=f"Take {asked.handle}").press("Enter")
        await ana.locator("#flag summary").press("Enter")
        await ana.get_by_label("insults or threats").press("Space")
        await ana.get_by_role("button", name="Flag", exact=True).press("Enter")
        await expect(ana.locator("#card .flagged")).to_contain_text("insults or threats")
        await ana.get_by_role("button", name="Release to the queue").press("Enter")
        await expect(sue.locator(".queue .flagged")).to_contain_text("insults or threats")
        await sue.get_by_role("button", name=f"Put {asked.handle} on hold").press("Enter")
        for page in (ana, sue):
            await expect(page.locator("#on-hold summary")).to_contain_text("On hold 1")
            await expect(page.locator(".queue")).to_have_count(0)
        await sue.locator("#on-hold summary").press("Enter")
        await console.desk.asks("q", Level.GREEN)
        for page, unfolded in ((ana, False), (sue, True)):
            await expect(page.locator(".queue li")).to_have_count(1)
            await expect(page.locator("#on-hold ul")).to_be_visible(visible=unfolded)
        await queue.raise_level(asked.person, Level.RED, ["danger_words"])
        for page in (ana, sue):
            await expect(page.locator("#on-hold .late")).to_be_visible()
        late = "Red, waiting, on hold or without an answer, and nobody has come: 1"
        await expect(sue.locator("#late")).to_have_text(late)
        await sue.get_by_role("button", name=f"Keep {asked.handle} on hold").press("Enter")
        await expect(sue.locator("#late")).to_be_hidden()
        await sue.locator("#on-hold summary").press("Enter")
        await sue.get_by_role("button", name=f"Lift the hold of {asked.handle}").press("Enter")
        for page in (ana, sue):
            await expect(page.locator(".queue li")).to_have_count(2)
            await expect(page.locator("#on-hold")).to_have_count(0)
