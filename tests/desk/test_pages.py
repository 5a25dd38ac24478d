"""Several pages of one browser: nobody is lost for them, and none of them is left out."""

import re
import time
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect

from bot.handoff.record import Level
from tests.desk.house import House
from tests.desk.scene import WAIT, Scene, scene
from tests.desk.test_talk import HEARD, RED, at_a_talk
from tests.waiting import wait_until

BEAT = "**/api/heartbeat"
#: A browser without a window shows every page: which of them are hidden is said here. Sound is on;
#: notes down what would be heard.
PLACED = """
localStorage.setItem("sound", "on");
window.hides = false;
Object.defineProperty(Document.prototype, "hidden", { get: () => window.hides });
window.played = [];
const create = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () {
  const made = create.call(this);
  window.played.push(made);
  return made;
};
"""


def hidden(page: Page, hides: bool = True) -> None:
    page.evaluate(
        """hides => {
          window.hides = hides;
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hides,
    )


def one_more(pages: list[Page], url: str) -> Page:
    """Opened before the others; it is there when the console has heard of it."""
    hidden(pages[-1])
    page = pages[-1].context.new_page()
    with page.expect_response(BEAT):
        page.goto(url)
    expect(page.locator("#link")).to_have_text("Live", timeout=WAIT)
    pages.append(page)
    return page


def streams(house: House) -> int:
    return len(house.console.app.state.console.hub._listeners)


def kept(on: Scene, asked: str) -> str:
    """Who has them when everybody's time of absence has been looked at."""

    async def look() -> Any:
        await on.desk.queue.lapses.run(on.desk.clock())
        found = await on.desk.queue.get(asked)
        return found and found.claimed_by

    return str(on.house.do(look))


def test_with_eight_pages_open_nobody_is_lost_and_the_hidden_ones_know_what_happens(
    house: House, browser: Browser
) -> None:
    with scene(house, browser) as on:
        on.page.context.add_init_script(PLACED)
        asked = at_a_talk(on)
        talk, desk = on.page.url, f"{house.address}/desk"
        pages = [on.page]
        on.page.keyboard.press("a")  # it may sound
        for url in (talk, desk, talk, desk, talk, desk, desk):
            one_more(pages, url)
        wait_until(lambda: streams(house) == 2, "the others to let their streams go", 20)
        for _ in range(2):
            on.desk.clock.forward(20)  # of the 30 after which they are somebody else's
            with pages[-1].expect_response(BEAT):
                pass
            assert kept(on, asked) == "ana"
        # It rings once, on the page that keeps its stream, and every title counts.
        on.asks("q", Level.RED)
        for page in pages:
            expect(page).to_have_title(re.compile(r"^\(1\)"), timeout=WAIT)
            expect(page.locator("#link")).to_have_text("Live")
        assert [one for page in pages for one in page.evaluate(HEARD)] == RED
        # The page that kept its stream is closed: another does.
        pages.pop(0).close()
        on.asks("r", Level.GREEN)
        for page in pages:
            expect(page).to_have_title(re.compile(r"^\(2\)"), timeout=WAIT)
        assert streams(house) == 2
        # What somebody erases stands on no page any more, hidden or not.
        on.writes("p", "hello")
        talks = [page for page in pages if page.url == talk]
        for page in talks:
            expect(page.locator("#lines li")).to_have_count(1, timeout=WAIT)
        on.leaves("p")
        for page in talks:
            expect(page.locator("#lines li")).to_have_count(0, timeout=WAIT)
        # Whoever comes back to the desk sees what it has come to.
        back = next(page for page in pages if page.url == desk)
        hidden(pages[-1])
        hidden(back, False)
        expect(back.locator("ol.queue > li")).to_have_count(2, timeout=WAIT)
        expect(back.locator("[data-mine-id]")).to_have_count(0)


def test_whom_one_only_reads_along_with_is_not_shown_again_before_it_is_known_to_be_there(
    house: House, browser: Browser
) -> None:
    with scene(house, browser) as on:
        on.page.context.add_init_script(PLACED)
        on.signed_in("sue", "supervisor")
        on.colleague("ben")
        asked = on.asks("p")
        on.does("ben", f"/api/handoffs/{asked}/claim")
        on.writes("p", "hello")
        pages = [on.page]
        reading = one_more(pages, f"{house.address}/handoffs/{asked}")
        lines = reading.locator("#lines li")
        expect(lines).to_be_visible()
        one_more(pages, f"{house.address}/desk")
        expect(lines).to_be_hidden()
        hidden(reading, False)
        expect(lines).to_be_visible(timeout=WAIT)
        hidden(reading)
        on.leaves("p")
        hidden(reading, False)
        expect(lines).to_have_count(0, timeout=WAIT)


def test_who_was_taken_elsewhere_is_seen_and_heard_in_a_talk(
    house: House, browser: Browser
) -> None:
    def late(route: Route) -> None:
        answer = route.fetch()
        on.writes("q", "hello?")
        time.sleep(1)  # the page hears of it meanwhile
        route.fulfill(response=answer)

    with scene(house, browser) as on:
        on.page.context.add_init_script(PLACED)
        asked = at_a_talk(on, capacity=2)
        page, nav = on.page, on.page.locator("nav.mine")
        page.keyboard.press("a")  # it may sound
        expect(nav).to_be_hidden()
        other = on.asks("q")
        on.does("ana", f"/api/handoffs/{other}/claim")
        link = nav.locator(f"[data-mine-id='{other}']")
        expect(link).to_be_visible(timeout=WAIT)
        expect(nav.locator(f"[data-mine-id='{asked}']")).to_have_attribute("aria-current", "page")
        on.does("ana", f"/api/handoffs/{other}/say", text="Hello.")
        page.evaluate("() => { window.played.length = 0; localStorage.removeItem('rang.other'); }")
        on.writes("q", "are you there?")
        expect(link.locator(".fresh")).to_contain_text("new words", timeout=WAIT)
        assert page.evaluate(HEARD) == [392]
        # Whoever stands on the link stands there still when it is drawn anew; and the keys know it.
        link.focus()
        link.evaluate("link => link.dataset.old = '1'")
        on.does("ana", f"/api/handoffs/{other}/say", text="Yes.")
        expect(link.locator(".fresh")).to_be_hidden(timeout=WAIT)
        on.later(5)
        page.route("**/desk/mine*", late, times=1)
        on.does("ana", "/api/shift", on=False)
        expect(link).not_to_have_attribute("data-old", "1", timeout=WAIT)
        expect(link).to_be_focused()
        expect(link.locator(".fresh")).to_contain_text("new words")
        page.keyboard.press("Alt+j")
        page.wait_for_url(f"**/handoffs/{other}")
        on.live()
        on.leaves("p")
        expect(nav).to_be_hidden(timeout=WAIT)


def test_when_the_answer_to_take_next_is_lost_the_desk_shows_whom_one_has(
    house: House, browser: Browser
) -> None:
    def lost(route: Route) -> None:
        on.does("ana", "/api/next")
        route.abort()

    with scene(house, browser) as on:
        asked = at_a_talk(on, capacity=2)
        other, page = on.asks("q"), on.page
        page.route("**/api/next", lost, times=1)
        page.keyboard.press("Alt+t")
        page.wait_for_url("**/desk")
        for one in (asked, other):
            expect(page.locator(f"[data-mine-id='{one}']")).to_be_visible()
        # Where the desk cannot be reached either, the talk stays.
        on.opens(f"/handoffs/{asked}")
        on.live()
        for path in ("**/api/next", "**/desk/live"):
            page.route(path, lambda route: route.abort())
        page.keyboard.press("Alt+t")
        expect(page.locator("#problem")).to_contain_text("It may not have been done.")
