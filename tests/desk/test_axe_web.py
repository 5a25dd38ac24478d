"""The public web chat breaks no rule of accessibility either, whatever it shows in which script.

People come to it on small old phones; some of the languages are read from right to left.
"""

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from bot.messages import Reply
from tests.desk.house import House
from tests.desk.scene import WAIT
from tests.desk.test_axe import look
from tests.handoff.desk import words

LANGUAGES: Final = ("en", "fr", "ar", "fa", "ur", "zh-Hans", "pa", "th", "ta")


class Visit:
    """Somebody at the web page."""

    def __init__(self, house: House, page: Page, language: str) -> None:
        self.house, self.page, self.language = house, page, language

    def opens(self, path: str = "/") -> None:
        """Goes there."""
        self.page.goto(f"{self.house.web}{path}")

    def writes(self, text: str) -> None:
        """Types, sends, and waits for the stand-in's answer."""
        self.page.locator("#text").fill(text)
        self.sends("button.send")

    def sends(self, button: str) -> None:
        """Presses, and waits for the stand-in's answer."""
        before = self.page.locator("#screen .message").count()
        self.page.locator(button).click()
        expect(self.page.locator("#screen .message")).to_have_count(before + 2, timeout=WAIT)

    def gets(self, *keys: str, **params: object) -> None:
        """These responses come, in this language."""
        said = [words().reply(key, self.language, **params) for key in keys]
        self.gets_replies(*said[:-1], words().with_footer(said[-1]))

    def gets_replies(self, *replies: Reply) -> None:
        """These come."""
        cookies = {one["name"]: one["value"] for one in self.page.context.cookies()}
        before = self.page.locator("#screen .message").count()
        self.house.shows(cookies["session"], *replies)
        expect(self.page.locator("#screen .message")).to_have_count(
            before + len(replies), timeout=WAIT
        )


@pytest.fixture
def visit(house: House, browser: Browser, language: str) -> Iterator[Visit]:
    context = browser.new_context(locale=language, viewport={"width": 320, "height": 640})
    page, faults = context.new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield Visit(house, page, language)
    context.close()
    assert faults == []


def _began(v: Visit) -> None:
    v.opens()
    v.writes("hello")


def _question(v: Visit) -> None:
    _began(v)
    v.gets("check_intro", "ask_hurt_now")


def _answered(v: Visit) -> None:
    """Earlier choices are folded, and one of them is open again."""
    _question(v)
    v.sends("#screen button[value='answer:hurt_now:no']")
    v.gets("ask_phone_seen")
    v.page.locator("details summary").first.click()


def _talk(v: Visit) -> None:
    _began(v)
    v.gets("counsellor_here", name="Sam", languages="English")
    v.gets_replies(Reply("I am here.", speaker="counsellor", name="Sam"))


def _not_sent(v: Visit) -> None:
    v.opens()
    v.page.route("**/message", lambda route: route.abort())
    v.page.locator("#text").fill("hello")
    v.page.locator("button.send").click()
    expect(v.page.locator("#status")).not_to_be_empty()


#: (what is shown, how one gets there)
STATES: Final[tuple[tuple[str, Callable[[Visit], object]], ...]] = (
    ("start", lambda v: v.opens()),
    ("a question", _question),
    ("answered", _answered),
    ("9-1-1", lambda v: (_began(v), v.gets("report_danger", "card_911"))),
    ("topics", lambda v: (_began(v), v.gets("topics"))),
    ("languages", lambda v: (_began(v), v.gets("change_language"))),
    ("regions", lambda v: (_began(v), v.gets("ask_region"))),
    ("a counsellor is here", _talk),
    ("not sent", _not_sent),
    ("no such page", lambda v: v.opens("/nothing")),
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("name", "lead"), STATES, ids=[name for name, _ in STATES])
def test_a_page_of_the_web_chat(visit: Visit, name: str, lead: Callable[[Visit], object]) -> None:
    lead(visit)
    assert look(visit.page, unscrolled=True) == ""
    assert visit.page.locator("html").get_attribute("lang") == visit.language
