"""No page in any state breaks a rule of accessibility that a program can check (axe-core).

In both languages of the console, dark and light, wide and narrow; and nothing has to be scrolled
sideways on a phone, or on a laptop with everything at twice the size.
"""

from typing import Any, Final

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from bot.console.permissions import TABLE
from tests.desk.house import House
from tests.desk.scene import described, scene, too_wide
from tests.desk.states import NO_PAGE, STATES, Lead

RULES: Final[dict[str, Any]] = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
#: The frame without script has no other way to show what is said now.
RELOADS_ITSELF: Final = "/handoffs/{id}/live"
SCHEMES: Final = ("light", "dark")
WIDTHS: Final = (1200, 320)
#: A laptop of 1280 points at 200 %.
ENLARGED: Final = 640


# Shared with the web chat's pages, test_axe_web.py.
def look(page: Page, without: tuple[str, ...] = (), *, unscrolled: bool = False) -> str:
    """Every rule that is broken, in every scheme and width; "" for none.

    `unscrolled`: the window is as high as the page, so that nothing lies half behind a bar that
    stays in sight; where one scrolls, that is a moment and no size of a button.
    """
    for frame in page.frames:
        frame.evaluate(AXE_SCRIPT)  # no script element: the pages' own policy stays in force
    rules = {**RULES, "rules": {**RULES["rules"], **{n: {"enabled": False} for n in without}}}
    found = []
    for width in (*WIDTHS, ENLARGED):
        page.set_viewport_size({"width": width, "height": 800})
        if unscrolled:
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": height})
        if too_wide(page):
            found.append(f"{width} px: must be scrolled sideways")
        for scheme in SCHEMES if width in WIDTHS else ():
            page.emulate_media(color_scheme=scheme)
            violations = page.evaluate(
                "async (rules) => (await axe.run(document, rules)).violations", rules
            )
            if violations:
                found.append(f"{width} px, {scheme}:\n{described(violations)}")
    return "\n".join(found)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    ("route", "lead"),
    [(route, lead) for route, _, lead in STATES],
    ids=[f"{route} {name}" for route, name, _ in STATES],
)
def test_a_page_of_the_console(
    house: House, browser: Browser, language: str, route: str, lead: Lead
) -> None:
    with scene(house, browser, language) as on:
        lead(on)
        assert look(on.page, ("meta-refresh",) if route == RELOADS_ITSELF else ()) == ""
        assert on.page.locator("html").get_attribute("lang") == language


def test_every_page_there_is_was_looked_at() -> None:
    pages = {
        path for path, methods in TABLE.items() if "GET" in methods and not path.startswith("/api/")
    }
    assert pages - NO_PAGE == {route for route, _, _ in STATES}


def test_what_axe_is_to_find_it_finds(house: House, browser: Browser) -> None:
    """Else a rule that never ran would look like one that is kept."""
    with scene(house, browser) as on:
        on.opens("/login")
        on.page.evaluate(SPOIL)
        found = look(on.page)
    for rule in ("color-contrast", "label", "target-size", "region", "page-has-heading-one"):
        assert f"{rule}: " in found, rule
    assert "sideways" in found


SPOIL = """() => {
  document.querySelector("label[for=login]").remove();
  document.querySelector("h1").remove();
  document.querySelector("p.brand").style.color = "#bbbbbb";
  for (const name of ["a", "b"]) {
    const button = document.createElement("button");
    button.textContent = name;
    button.style.cssText = "position:absolute;top:0;padding:0;border:0;min-height:0;height:9px";
    button.style.width = "9px";
    button.style.left = name === "a" ? "0" : "10px";
    document.body.append(button);
  }
  const wide = document.createElement("p");
  wide.textContent = "x";
  wide.style.cssText = "width:2000px;max-width:none";
  document.body.append(wide);
}"""
