"""One running service for all journeys of a Telegram mode, and a counsellor's browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserType, sync_playwright

from tests.journeys.counsellor import Counsellor
from tests.journeys.person import TelegramPerson, WebPerson
from tests.journeys.stack import Stack

LANGUAGES = ("en", "fr", "es", "pa", "ar", "zh-Hans")
AnyPerson = TelegramPerson | WebPerson
Meet = Callable[..., AnyPerson]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service, polling Telegram."""
    running = Stack("polling", tmp_path_factory.mktemp("logs"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


def launch(chromium: BrowserType) -> Browser:
    """Chromium of the system; the path may be named by CHROMIUM."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    assert Path(path).exists(), "journeys need Chromium: install it or set CHROMIUM"
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--no-first-run"]  # fmt: skip
    return chromium.launch(executable_path=path, args=quiet)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = launch(playwright.chromium)
        yield running
        running.close()


@pytest.fixture(params=["telegram", "web"])
def meet(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Meet]:
    """`meet(language)`: a new person at this door, who has chosen that language."""
    met: list[AnyPerson] = []

    def at_the_door(language: str = "en", *, choose: bool = True) -> AnyPerson:
        kind = TelegramPerson if request.param == "telegram" else WebPerson
        person = kind(stack, language.split("-")[0])
        met.append(person)
        if choose:
            person.presses(f"lang:{language}")
        return person

    yield at_the_door
    for person in met:
        person.close()
    stack.forget_everyone()


@pytest.fixture
def counsellor(stack: Stack, browser: Browser) -> Iterator[Counsellor]:
    """A counsellor, logged in and on shift, in a browser of their own."""
    made = Counsellor(stack, browser)
    yield made
    made.goes_home()
