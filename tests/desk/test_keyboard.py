"""A shift without a mouse: every act by keyboard, and one always sees where one is."""

import pyotp
from playwright.sync_api import Browser, Page, expect

from bot.handoff.record import Level
from tests.console.driver import PASSWORD
from tests.desk.house import House
from tests.desk.scene import WAIT, Scene, scene

#: What stands under the focus: a name to compare, and whether one sees that it is there.
FOCUS = """() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const box = at.getBoundingClientRect();
  const here = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return {
    name: at.id || at.dataset.key || at.className || at.tagName,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inSight: box.top >= 0 && box.top < innerHeight && at.contains(here ?? at),
  };
}"""


class Keys:
    """Ten fingers; after each step the focus is looked at."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def on(self, name: str) -> None:
        """The focus stands there, and can be seen."""
        self.page.wait_for_function(f"name => ({FOCUS})().name === name", arg=name, timeout=WAIT)
        found = self.page.evaluate(FOCUS)
        assert found["outlined"], name
        assert found["inSight"], name

    def press(self, key: str, then: str = "") -> None:
        """One key; `then`: where the focus stands afterwards."""
        self.page.keyboard.press(key)
        if then:
            self.on(then)

    def type(self, text: str) -> None:
        """Some letters."""
        self.page.keyboard.type(text)

    def tab_to(self, name: str, *, back: bool = False) -> None:
        """Tab, as often as it takes; every stop on the way can be seen."""
        for _ in range(80):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            found = self.page.evaluate(FOCUS)
            if found["name"] == "BODY":  # the address bar: the page begins anew
                continue
            assert found["outlined"], found
            if found["name"] == name:
                assert found["inSight"], found
                return
        raise AssertionError(f"Tab does not come to {name}")


def _signs_in(on: Scene, keys: Keys) -> None:
    secret = on.house.account("ana", second_step=True)
    on.opens("/login")
    keys.on("login")
    keys.type("ana")
    keys.press("Tab", then="password")
    keys.type(PASSWORD)
    keys.press("Enter")
    keys.page.wait_for_url("**/login/code")
    keys.on("code")
    keys.type(pyotp.TOTP(secret).at(int(on.desk.clock())))
    keys.press("Enter")
    keys.page.wait_for_url("**/desk")


def test_a_whole_shift_without_a_mouse(house: House, browser: Browser) -> None:
    with scene(house, browser) as on:
        page, keys = on.page, Keys(on.page)
        _signs_in(on, keys)
        on.colleague("ben")
        # The first Tab offers the way past the header; then the shift is started.
        page.keyboard.press("Tab")
        keys.on("skip")
        keys.press("Enter")
        keys.tab_to("/desk/shift1")
        keys.press("Enter")
        expect(page.locator("button.start")).to_have_count(0)
        on.asks("yellow", Level.YELLOW)
        # Whoever stands on somebody's button stands there still when others come before them.
        first = on.asks("orange", Level.ORANGE, "ar", safe_contact="any")
        expect(page.locator("ol.queue > li")).to_have_count(2, timeout=WAIT)
        keys.tab_to(f"claim-{first}")
        on.asks("red", Level.RED)
        expect(page.locator("ol.queue > li")).to_have_count(3, timeout=WAIT)
        keys.on(f"claim-{first}")
        on.leaves("red")
        expect(page.locator("ol.queue > li")).to_have_count(2, timeout=WAIT)
        keys.on(f"claim-{first}")
        # Help says all keys; Escape goes back to where one was.
        keys.press("?")
        expect(page.locator("#help")).to_be_visible()
        keys.press("Escape", then=f"claim-{first}")
        # Take next: the most urgent.
        keys.press("Alt+t")
        page.wait_for_url(f"**/handoffs/{first}")
        on.live()
        _talks(on, keys)
        _passes_on_and_ends(on, keys)


def _talks(on: Scene, keys: Keys) -> None:
    page = keys.page
    on.writes("orange", "مرحبا")
    expect(page.locator("#lines .person")).to_have_count(1, timeout=WAIT)
    # The card and what was said are read: the transcript is a stop of its own.
    keys.tab_to("scroll")
    # A phrase, looked for, put in, changed, sent.
    keys.press("/", then="search")
    keys.type("privacy name")
    expect(page.locator(".phrase:visible")).to_have_count(1)
    keys.press("ArrowDown", then="phrase first")
    keys.press("Enter", then="reply")
    expect(page.locator("#beside")).to_be_visible()
    keys.press("Control+Enter")
    expect(page.locator("#lines .counsellor")).to_have_count(1, timeout=WAIT)
    expect(page.locator("#reply")).to_have_value("")  # sent: it takes letters again
    keys.on("reply")
    keys.type("I am here. 1/2?")
    # What the person writes meanwhile takes neither the focus nor a letter.
    on.writes("orange", "شكرا")
    expect(page.locator("#lines .person")).to_have_count(2, timeout=WAIT)
    keys.on("reply")
    expect(page.locator("#reply")).to_have_value("I am here. 1/2?")
    keys.tab_to("main")
    keys.press("Enter")
    expect(page.locator("#lines .counsellor")).to_have_count(2, timeout=WAIT)
    # A card is sent and the focus stays on it.
    keys.tab_to("card-safe_contact")
    keys.press("Enter")
    expect(page.locator("#lines .card")).to_have_count(1, timeout=WAIT)
    keys.on("card-safe_contact")
    # The private note.
    keys.press("Alt+n", then="own-note")
    keys.type("speaks a little English")
    keys.press("Control+Enter")
    expect(page.locator("#own-state")).to_have_text("Saved.")
    keys.on("own-note")
    keys.press("Alt+r", then="reply")


def _passes_on_and_ends(on: Scene, keys: Keys) -> None:
    page = keys.page
    keys.press("Alt+x", then="to")
    expect(page.locator("#to option")).to_have_count(2)  # a colleague has come since
    keys.type("Ben")
    keys.press("Tab", then="note")
    keys.type("Needs somebody who speaks Arabic.")
    keys.press("Tab")
    keys.press("Enter")
    expect(page.locator("#card")).to_contain_text("Offered to Ben")
    asked = page.url.rsplit("/", 1)[1]
    on.does("ben", f"/api/handoffs/{asked}/refuse")
    expect(page.locator("#card")).not_to_contain_text("Offered to Ben", timeout=WAIT)
    # Ending is asked for first, and the safe answer has the focus.
    keys.press("Alt+e", then="go-on")
    keys.press("Escape")
    expect(page.locator("#ending")).to_be_hidden()
    keys.press("Alt+e", then="go-on")
    keys.tab_to("sure", back=True)
    keys.press("Enter")
    expect(page.locator("form.wrap-up")).to_be_visible()
    expect(page.locator("[name=outcome]:focus")).to_have_count(1, timeout=WAIT)
    keys.press("ArrowDown")
    keys.press("Enter")
    page.wait_for_url("**/desk?note=ended")
    # And the next one: somebody waits, and the place is free.
    expect(page.locator("main .note")).to_contain_text("Waiting: ")
    expect(page.locator("[data-key='/desk/next']")).to_be_focused()
    on.live()
    keys.press("Alt+t")
    page.wait_for_url("**/handoffs/*")
    expect(page.locator("#talk-title")).to_be_visible()
