"""One page of the console in a browser, and what can be brought about around it."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect

from bot.console.logins import ABSOLUTE
from bot.handoff.record import Handoff, Level
from bot.messages import Media
from tests.console.driver import PASSWORD, CounsellorDriver
from tests.desk.house import House

#: How long anything on a page may take to come, milliseconds.
WAIT = 20_000


class Scene:
    """A browser of its own, and shortcuts for what stands behind the page."""

    def __init__(self, house: House, page: Page, language: str) -> None:
        self.house, self.page, self.language = house, page, language
        self.desk = house.desk
        self._drivers: dict[str, CounsellorDriver] = {}
        self.answers: list[int] = []

    def opens(self, path: str, status: int = 200) -> None:
        """Goes to a path of the console; the page is there when its script has run."""
        answer = self.page.goto(f"{self.house.address}{path}")
        assert answer is not None
        assert answer.status == status, (path, answer.status)

    def signed_in(self, login: str = "ana", *roles: str, path: str = "/desk", **more: Any) -> None:
        """An account, its cookies in this browser, and a first page."""
        self.house.account(login, *roles, **more)
        self.takes_cookies(login, PASSWORD)
        self.opens(path)

    def takes_cookies(self, login: str, password: str, url: str = "") -> None:
        """This browser is that login's from now on."""
        driver = self._drivers[login] = self.house.signs_in(login, password)
        url = url or self.house.address
        self.page.context.add_cookies(
            [{"name": name, "value": value, "url": url}
             for name, value in dict(driver.http.cookies).items()]
        )  # fmt: skip

    def colleague(self, login: str = "ben", *roles: str, **more: Any) -> None:
        """Somebody else, on shift."""
        self.house.account(login, *roles, **more)
        self._drivers[login] = self.house.signs_in(login)
        self.does(login, "/api/shift", on=True)

    def acts_as(self, login: str) -> None:
        """Somebody who signs in elsewhere, not on shift."""
        self._drivers[login] = self.house.signs_in(login)

    def does(self, login: str, path: str, **body: Any) -> dict[str, Any]:
        """An act of somebody who is signed in, over the API."""
        driver = self._drivers[login]

        async def call() -> httpx.Response:
            return await driver.post(path, body)

        answer = self.house.do(call)
        assert answer.status_code == 200, (path, answer.text)
        return dict(answer.json())

    def asks(
        self, name: str, level: Level = Level.ORANGE, language: str = "en", **case: Any
    ) -> str:
        """Somebody asks for a counsellor; the handoff's id."""

        async def ask() -> Handoff:
            return await self.desk.asks(name, level, language, **case)

        return str(self.house.do(ask).id)

    def leaves(self, name: str) -> None:
        """Somebody presses Leave."""
        self.house.do(lambda: self.desk.queue.abandon(self.desk.person(name).person))

    def writes(self, name: str, *texts: str, flag: str = "") -> None:
        """Somebody writes to their counsellor; `flag` as the screen found it."""

        async def write() -> None:
            for text in texts:
                found = await self.desk.queue.current(self.desk.person(name).person)
                assert found is not None
                queue = self.desk.queue
                ops = [*queue.heard_ops(found), *queue.relay_ops(found, text, flag)]
                await self.desk.run(ops)

        self.house.do(write)

    def sends(self, name: str, media: Media) -> None:
        """Somebody sends something to their counsellor."""

        async def send() -> None:
            found = await self.desk.queue.current(self.desk.person(name).person)
            assert found is not None
            await self.desk.run(self.desk.queue.relay_ops(found, "", media=media))

        self.house.do(send)

    def later(self, seconds: float) -> None:
        """Time passes, and everybody's page has been heard of meanwhile."""
        self.desk.clock.forward(seconds)
        for login in self._drivers:
            self.house.do(lambda login=login: self.desk.queue.heartbeat(login))

    def nearly_over(self, login: str) -> None:
        """Until five minutes before this sign-in ends, whatever is done.

        In small steps: a beat of the page that is on its way tells the time of a step before, and
        must not be as old as a sign-in that nobody uses.
        """
        for _ in range(20):
            self.later((ABSOLUTE - 300) / 20)
            self.does(login, "/api/heartbeat")

    def live(self) -> None:
        """Waits until the page hears of every change."""
        expect(self.page.locator("#link")).to_be_visible(timeout=WAIT)

    def widths(self, *widths: int) -> Iterator[int]:
        """The page at each of these widths, CSS pixels."""
        for width in widths:
            self.page.set_viewport_size({"width": width, "height": 800})
            yield width


@contextmanager
def scene(house: House, browser: Browser, language: str = "en") -> Iterator[Scene]:
    """A new browser at a house where nothing has happened."""
    house.clear()
    context = browser.new_context(locale=f"{language}-CA", viewport={"width": 1200, "height": 800})
    context.set_default_timeout(WAIT)
    page, faults = context.new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    try:
        yield Scene(house, page, language)
    finally:
        context.close()
    assert faults == []


def too_wide(page: Page) -> bool:
    """Whether the page must be scrolled sideways."""
    root = "document.documentElement"
    return bool(page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))


def described(violations: Sequence[Any]) -> str:
    """What axe found, short enough to read."""
    return "\n".join(
        f"{one['id']}: {json.dumps(node['target'])} {node['html'][:120]}"
        f" {node['failureSummary'][:200]!r}"
        for one in violations
        for node in one["nodes"]
    )
