"""The desk calls whoever looks elsewhere: off until asked for, and only how urgent it is."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.journeys.counsellor import WAIT, Counsellor
from tests.journeys.person import WebPerson
from tests.journeys.stack import Stack

#: Notes down what would be heard and shown; the counsellor is in another window.
RECORDER = """
window.shown = []; window.played = []; window.asked = 0;
window.Notification = class {
  static permission = "default";
  static async requestPermission() {
    window.asked += 1;
    return (this.permission = "granted");
  }
  constructor(title, options) { window.shown.push(JSON.stringify([title, options])); }
};
document.hasFocus = () => false;
const create = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () {
  const made = create.call(this);
  window.played.push(made);
  return made;
};
"""
HEARD = "() => window.played.map((one) => one.frequency.value)"


@pytest.fixture
def meet(stack: Stack) -> Iterator[Callable[[], WebPerson]]:
    met: list[WebPerson] = []

    def at_the_door() -> WebPerson:
        met.append(WebPerson(stack, "en"))
        met[-1].presses("lang:en")
        return met[-1]

    yield at_the_door
    for person in met:
        person.close()
    stack.forget_everyone()


def test_the_desk_calls_by_sound_title_and_level(
    counsellor: Counsellor, meet: Callable[[], WebPerson]
) -> None:
    page = counsellor.page
    page.add_init_script(RECORDER)
    page.goto("/desk")
    expect(page).to_have_title("Northlight desk")

    meet().presses("do:person")
    expect(page).to_have_title("(1) Northlight desk", timeout=WAIT)
    assert page.evaluate("[window.asked, window.shown.length, window.played.length]") == [0, 0, 0]

    page.locator("#sound").click()
    page.locator("#notify").click()
    expect(page.locator("#sound")).to_have_text("Sound: on")
    expect(page.locator("#notify")).to_have_text("Notifications: on")
    assert page.evaluate("window.asked") == 1
    assert page.evaluate(HEARD) == [392], "how it will sound"

    urgent = meet()
    urgent.presses("do:start_check")
    urgent.presses("answer:hurt_now:yes")
    urgent.presses("do:person")
    expect(page).to_have_title("(2) Northlight desk", timeout=WAIT)
    page.wait_for_function("window.shown.length > 0", timeout=WAIT)
    shown = page.evaluate("window.shown.at(-1)")
    assert shown == '["Red",{"tag":"northlight","renotify":true,"silent":true}]'
    assert page.evaluate(HEARD)[-3:] == [523, 659, 784], "red sounds otherwise"
    expect(page.locator("#announce")).to_have_text("Red. 2 waiting", timeout=WAIT)

    # On a new page the browser wants a key first, and the button says so.
    page.reload()
    expect(page.locator("#sound")).to_have_text("Sound: press any key")
    page.keyboard.press("a")
    expect(page.locator("#sound")).to_have_text("Sound: on")
    expect(page).to_have_title("(2) Northlight desk")
    # In a talk a card at rest says nothing is awaited; what one writes begins the silence.
    counsellor.takes_next()
    expect(page.locator("#silence")).to_contain_text("Red is never closed")
    counsellor.says("hello")
    expect(page.locator("#silence .wait")).to_be_visible(timeout=WAIT)
    counsellor.releases_all()


def test_a_page_that_was_refused_is_live_again_and_calls_for_whoever_came_meanwhile(
    counsellor: Counsellor, meet: Callable[[], WebPerson]
) -> None:
    page = counsellor.page
    page.add_init_script(RECORDER)
    page.route("**/api/events*", lambda route: route.fulfill(status=503))
    page.goto("/desk")
    page.locator("#notify").click()
    expect(page.locator("#link")).to_have_text("Connection lost. Trying again.")
    meet().presses("do:person")
    # When it is live again, the first refresh fails too.
    page.route("**/desk/live", lambda route: route.fulfill(status=503), times=1)
    page.unroute("**/api/events*")
    expect(page.locator("#link")).to_have_text("Live", timeout=WAIT)
    expect(page).to_have_title("(1) Northlight desk", timeout=WAIT)
    page.wait_for_function("window.shown.length > 0", timeout=WAIT)
    assert re.match(r'\["(Green|Yellow)"', page.evaluate("window.shown[0]"))
    expect(page.locator("ol.queue li")).to_have_count(1, timeout=WAIT)
    # A page of an older login says that nothing was sent, and keeps the words.
    counsellor.takes_next()
    refused = {"status": 403, "json": {"error": "csrf"}}
    page.route("**/say", lambda route: route.fulfill(**refused), times=1)
    page.locator("#reply").fill("hello")
    page.locator("#say button").click()
    expect(page.locator("#problem")).to_contain_text("Not sent.")
    expect(page.locator("#reply")).to_have_value("hello")
    page.locator("#say button").click()
    counsellor.hears("hello")
    # Whom to take next is answered without leaving the talk.
    page.keyboard.press("Alt+t")
    expect(page.locator("#problem")).to_have_text("Nobody is waiting.")
    counsellor.releases_all()
