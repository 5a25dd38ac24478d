"""The way to the organisation and back in a real browser: only there are cookies kept from us."""

import os
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.console.driver import PASSWORD, Console, serving
from tests.console.test_oidc import SUB, joined, provider, running

__all__ = ["joined", "provider", "running"]

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


@pytest.fixture
async def served(joined: Console) -> AsyncIterator[str]:
    """On another host than the provider's, so that a browser takes them for two sites."""
    async with serving(joined) as address:
        yield address


@pytest.fixture(params=[True, False], ids=["with_script", "without_script"])
async def page(request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        context = await browser.new_context(locale="en-CA", java_script_enabled=request.param)
        yield await context.new_page()
        await browser.close()


async def cookie(page: Page, name: str) -> str:
    found = [one.get("value", "") for one in await page.context.cookies() if one["name"] == name]
    return found[0] if found else ""


async def sign_in(page: Page, url: str) -> None:
    await page.goto(f"{url}/login")
    await page.get_by_role("link", name="Sign in with your organisation").click()
    await page.locator("input[name=sub]").fill(SUB)
    await page.locator("input[name=sub]").press("Enter")
    await page.wait_for_url(re.compile("/desk$"))
    await expect(page.locator("a.who")).to_have_text("Ana")


async def test_a_browser_comes_back_with_its_cookies_and_is_in(
    joined: Console, served: str, page: Page
) -> None:
    state = joined.app.state.console
    once = await state.accounts.add("zoe", "Zoe", ["en"], ["counsellor"])
    await state.accounts.change_password("zoe", once, PASSWORD)
    await sign_in(page, served)
    browser_name = (await cookie(page, "nl_device")).split(".")[0]
    # A colleague signs in on the same computer, and while they are in, ana comes back.
    await page.get_by_role("button", name="Sign out").click()
    other = await page.context.new_page()
    await other.goto(f"{served}/login")
    await page.get_by_role("link", name="Sign in with your organisation").click()
    await page.locator("input[name=sub]").fill(SUB)
    await other.get_by_label("Login").fill("zoe")
    await other.get_by_label("Password").fill(PASSWORD)
    await other.locator("button.main").click()
    await other.wait_for_url(re.compile("/desk$"))
    hers = await cookie(page, "nl_console")
    await page.locator("input[name=sub]").press("Enter")
    await page.wait_for_url(re.compile("/desk$"))
    await expect(page.locator("a.who")).to_have_text("Ana")
    assert await state.logins.find(hers) is None
    name, *marks = (await cookie(page, "nl_device")).split(".")
    assert (name, len(marks)) == (browser_name, 3)
    assert await cookie(page, "nl_begun") == ""
