"""A counsellor in a real browser, doing what a counsellor does."""

import re
from typing import Any

from playwright.sync_api import Browser, expect

from tests.journeys.stack import Stack

WAIT = 20_000


class Counsellor:
    """Logged in, with a password of their own, on shift."""

    def __init__(
        self,
        stack: Stack,
        browser: Browser,
        languages: str = "en,fr",
        alias: str = "Sam",
        role: str = "counsellor",
        address: str = "",
    ) -> None:
        self.alias = alias
        self.login, once = stack.counsellor(alias, languages, role)
        self._context = browser.new_context(base_url=address or stack.console, locale="en-CA")
        self._context.set_default_timeout(WAIT)
        self.page = self._context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto("/login")
        self.page.get_by_label("Login").fill(self.login)
        self.page.get_by_label("Password").fill(once)
        self.page.locator("button.main").click()
        self.page.wait_for_url("**/password")
        self.page.locator("#old").fill(once)
        self.page.locator("#new").fill("a long calm sentence")
        self.page.locator("#again").fill("a long calm sentence")
        self.page.locator("button.main").click()
        self.page.wait_for_url(re.compile(r"/desk(\?|$)"))
        self.page.locator("button.start").click()
        expect(self.page.locator("button.start")).to_have_count(0)

    def sees_waiting(self, level: str) -> None:
        """Waits until somebody of that level stands in the queue, without reloading the page."""
        expect(self.page.locator(f"ol.queue li.{level}").first).to_be_visible(timeout=WAIT)

    def takes_next(self) -> str:
        """Presses the big button; returns the case card's words."""
        self.page.goto("/desk")
        self.page.locator("button.next").click()
        self.page.wait_for_url(re.compile("/handoffs/"))
        return self.page.locator("#card").inner_text()

    def hears(self, part: str) -> None:
        """Waits until these words of the person are on the screen."""
        expect(self.page.locator("#lines").get_by_text(part).first).to_be_visible(timeout=WAIT)

    def says(self, text: str) -> None:
        """Writes to the person."""
        self.page.locator("#reply").fill(text)
        self.page.locator("#say button").click()
        self.hears(text)

    def sends_emergency_card(self) -> None:
        """One tap: the 9-1-1 card."""
        self.page.locator("button.emergency").click()

    def ends(self) -> None:
        """Ends the conversation and codes the outcome."""
        self.page.locator("button.end").click()
        self.page.locator("#ending button.sure").click()
        first: Any = self.page.locator("form.wrap-up input[name=outcome]").first
        first.check()
        self.page.locator("form.wrap-up button.main").click()
        self.page.wait_for_url(re.compile(r"/desk(\?|$)"))

    def releases_all(self) -> None:
        """Whoever is still held goes back to the queue."""
        self.page.goto("/desk")
        for link in self.page.locator("a[data-key^=mine-]").all():
            href = str(link.get_attribute("href"))
            self.page.goto(href)
            self.page.locator("form[action$='/release'] button").click()
            self.page.wait_for_url(re.compile(r"/desk(\?|$)"))

    def goes_home(self) -> None:
        """Off shift, browser closed; nothing must have gone wrong on any page."""
        self.page.goto("/desk")
        stop = self.page.locator("form[action='/desk/shift'] button")
        if stop.count() and not self.page.locator("button.start").count():
            stop.click()
            expect(self.page.locator("button.start")).to_be_visible()
        self._context.close()
        assert self.faults == []
