"""A talk in a browser: who waits meanwhile, danger said again, what nobody knows was sent."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Route, expect

from bot.handoff.record import Level
from tests.desk.house import House
from tests.desk.scene import WAIT, Scene, scene

#: Sound is on; notes down what would be heard, and every word the line above the reply says.
RECORDER = """
localStorage.setItem("sound", "on");
window.played = []; window.said = [];
const create = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () {
  const made = create.call(this);
  window.played.push(made);
  return made;
};
addEventListener("DOMContentLoaded", () => {
  const alarm = document.querySelector("#alarm");
  const note = () => alarm.textContent && window.said.push(alarm.textContent);
  if (alarm) new MutationObserver(note).observe(alarm, { childList: true, characterData: true });
});
"""
HEARD = "window.played.map((one) => one.frequency.value)"
RED = [523, 659, 784]
MARK = "Last marked line:"


def at_a_talk(on: Scene, name: str = "p", *, capacity: int = 1, language: str = "en") -> str:
    on.signed_in("ana", capacity=capacity)
    on.does("ana", "/api/shift", on=True)
    asked = on.asks(name, language=language)
    on.does("ana", f"/api/handoffs/{asked}/claim")
    on.opens(f"/handoffs/{asked}")
    on.live()
    return asked


def test_whoever_talks_sees_live_who_waits_and_that_nobody_comes(
    house: House, browser: Browser
) -> None:
    with scene(house, browser) as on:
        at_a_talk(on)
        page = on.page
        now, reds, late = (page.locator(name) for name in ("#queue-now", "#queue-reds", "#late"))
        expect(now).to_be_hidden()
        on.asks("q", Level.GREEN)
        expect(now).to_have_text("Waiting: 1 Red: 0", timeout=WAIT)
        expect(reds).to_be_hidden()
        on.asks("r", Level.RED)
        expect(now).to_have_text("Waiting: 2 Red: 1", timeout=WAIT)
        expect(reds).to_be_visible()
        # A counsellor, no supervisor: said in words, and at once to a screen reader.
        expect(late).to_be_hidden()
        on.later(61)
        on.asks("s", Level.GREEN)
        expect(late).to_have_text(re.compile("nobody has come: 1$"), timeout=WAIT)
        assert late.get_attribute("role") == "alert"
        on.leaves("r")
        expect(late).to_be_hidden(timeout=WAIT)
        expect(now).to_have_text("Waiting: 2 Red: 0", timeout=WAIT)
        now.press("Enter")
        page.wait_for_url("**/desk")


def test_danger_said_again_rings_again_and_its_line_is_marked(
    house: House, browser: Browser
) -> None:
    with scene(house, browser) as on:
        page = on.page
        page.add_init_script(RECORDER)
        at_a_talk(on)
        page.keyboard.press("a")
        expect(page.locator("#sound")).to_have_text("Sound: on")
        alarm, marks = page.locator("#alarm"), page.locator("#lines .line-flag .level.red")
        on.writes("p", "he has a knife", flag="danger_words")
        expect(marks).to_have_count(1, timeout=WAIT)
        expect(alarm).to_contain_text(MARK)
        assert page.evaluate(HEARD) == RED
        told = page.evaluate("window.said.length")
        # The same words, the same flag, in the same minute: while an end is being asked for.
        page.keyboard.press("Alt+e")
        expect(page.locator("#ending")).to_be_visible()
        page.wait_for_timeout(1600)  # within that of several open pages one rings
        on.writes("p", "he comes with the knife", flag="danger_words")
        expect(marks).to_have_count(2, timeout=WAIT)
        expect(page.locator("#ending")).to_be_hidden()
        page.wait_for_function("told => window.said.length > told", arg=told)
        assert page.evaluate(HEARD) == RED * 2
        first, second = page.evaluate("[window.said[0], window.said.at(-1)]")
        assert first == second
        # Ordinary words, and a new page: nothing rings.
        on.writes("p", "now he is away")
        expect(page.locator("#lines .person")).to_have_count(3, timeout=WAIT)
        assert page.evaluate(HEARD) == RED * 2
        page.reload()
        on.live()
        expect(alarm).to_have_text(first)
        assert page.evaluate(HEARD) == []


def test_danger_said_again_to_the_next_counsellor(house: House, browser: Browser) -> None:
    with scene(house, browser) as on:
        asked = at_a_talk(on)
        on.writes("p", "he has a knife", flag="danger_words")
        on.colleague("ben")
        on.does("ana", f"/api/handoffs/{asked}/transfer", to="ben", note="Danger was said.")
        on.does("ben", f"/api/handoffs/{asked}/accept")
        on.takes_cookies("ben", "a quiet evening walk")
        on.page.add_init_script(RECORDER)
        on.opens(f"/handoffs/{asked}")
        on.live()
        on.page.keyboard.press("a")
        expect(on.page.locator("#sound")).to_have_text("Sound: on")
        expect(on.page.locator("#lines .line-flag")).to_have_count(1)
        on.writes("p", "he comes with the knife", flag="danger_words")
        expect(on.page.locator("#lines .line-flag")).to_have_count(2, timeout=WAIT)
        on.page.wait_for_function("() => window.played.length > 0")  # said: a moment before
        assert on.page.evaluate(HEARD) == RED


def test_when_the_answer_is_lost_it_says_so_and_arrives_once(
    house: House, browser: Browser
) -> None:
    def lost(route: Route) -> None:
        route.fetch()
        route.abort()

    with scene(house, browser) as on:
        at_a_talk(on)
        page, reply = on.page, on.page.locator("#reply")
        problem, said = page.locator("#problem"), page.locator("#lines .counsellor .said")
        page.route("**/say", lost, times=1)
        reply.fill("I am here.")
        reply.press("Control+Enter")
        expect(problem).to_contain_text("It is not known whether that went out.")
        expect(reply).to_have_value("I am here.")
        expect(said).to_have_text(["I am here."], timeout=WAIT)  # it did: seen above
        reply.press("Control+Enter")
        expect(reply).to_have_value("")
        expect(problem).to_be_hidden()
        # The same words meant a second time are sent a second time.
        reply.fill("I am here.")
        reply.press("Control+Enter")
        expect(said).to_have_text(["I am here."] * 2, timeout=WAIT)
        # So are they when nobody knew, and they were typed anew.
        page.route("**/say", lost, times=1)
        reply.fill("Are you there?")
        reply.press("Control+Enter")
        expect(problem).to_contain_text("It is not known")
        reply.fill("")
        reply.fill("Are you there?")
        reply.press("Control+Enter")
        expect(said.filter(has_text="Are you there?")).to_have_count(2, timeout=WAIT)
        # A card too; and what is refused was not sent.
        page.route("**/cards", lost, times=1)
        card, cards = page.locator("[data-key=card-emergency]"), page.locator("#lines .card")
        card.click()
        expect(problem).to_contain_text("It is not known")
        expect(cards).to_have_count(1, timeout=WAIT)
        card.click()
        expect(problem).to_be_hidden()
        card.click()
        expect(cards).to_have_count(2, timeout=WAIT)
        page.route("**/say", lambda route: route.fulfill(status=400, json={"error": "x"}), times=1)
        reply.fill("And now?")
        reply.press("Control+Enter")
        expect(problem).to_contain_text("Not sent.")


def test_two_phrases_keep_both_languages_until_a_letter_is_changed(
    house: House, browser: Browser
) -> None:
    with scene(house, browser) as on:
        at_a_talk(on, language="fr")
        page, reply, beside = on.page, on.page.locator("#reply"), on.page.locator("#beside")
        for words in ("opening_hello", "opening_thanks"):
            reply.focus()
            page.locator("#phrases").evaluate("bank => (bank.open = true)")
            page.locator(f".phrase[value={words}]").click()
        own = [page.locator(f".phrase[value={words}] .beside").text_content() or ""
               for words in ("opening_hello", "opening_thanks")]  # fmt: skip
        both = " ".join(one.strip() for one in own)
        expect(beside.locator("bdi")).to_have_text(both)
        reply.press("End")
        page.keyboard.type("!")
        expect(beside).to_be_hidden()
        page.keyboard.press("Backspace")
        expect(beside).to_be_visible()
        page.keyboard.press("Control+Enter")
        expect(page.locator("#lines .counsellor .beside")).to_have_text(both, timeout=WAIT)
        # What one typed oneself before a phrase stays one's own.
        reply.fill("Bon.")
        page.locator("#phrases").evaluate("bank => (bank.open = true)")
        page.locator(".phrase[value=opening_hello]").click()
        expect(beside).to_be_hidden()


def test_new_words_are_marked_on_the_desk_and_beside_a_talk_also_on_a_new_page(
    house: House, browser: Browser
) -> None:
    with scene(house, browser) as on:
        asked = at_a_talk(on, capacity=2)
        other = on.asks("q")
        on.does("ana", f"/api/handoffs/{other}/claim")
        for one in (asked, other):
            on.does("ana", f"/api/handoffs/{one}/say", text="Hello.")
        page = on.page
        page.reload()
        on.live()
        link = page.locator(f"nav.mine [data-mine-id='{other}']")
        sign = link.locator(".fresh")
        expect(sign).to_be_hidden()
        on.later(5)
        on.writes("q", "hello")
        expect(sign).to_have_text(re.compile(r"new words 0:0\d"), timeout=WAIT)
        on.later(20)
        page.reload()
        on.live()
        expect(sign).to_have_text(re.compile(r"new words 0:2\d"))
        # Answered in another window.
        on.does("ana", f"/api/handoffs/{other}/say", text="I read you.")
        expect(sign).to_be_hidden(timeout=WAIT)
        # On the desk it comes and goes by itself.
        on.opens("/desk")
        on.live()
        mine = page.locator(f"li:has([data-mine-id='{other}']) .fresh")
        expect(mine).to_be_hidden()
        on.later(5)
        on.writes("q", "are you there?")
        expect(mine).to_have_text(re.compile("new words"), timeout=WAIT)
        on.does("ana", f"/api/handoffs/{other}/say", text="Yes.")
        expect(mine).to_be_hidden(timeout=WAIT)


def test_the_end_of_the_sign_in_is_announced_with_its_time(house: House, browser: Browser) -> None:
    with scene(house, browser) as on:
        on.signed_in()
        on.does("ana", "/api/shift", on=True)
        on.nearly_over("ana")
        for path in ("/desk", "/plan"):
            on.opens(path)
            line = on.page.locator("#ends")
            expect(line).to_have_text(re.compile(r"ends in 5 min\. \(\d+:\d\d"), timeout=WAIT)
            expect(on.page.locator("#ends-said")).to_contain_text("ends in 5 min.")


def test_who_chooses_another_language_is_answered_in_it_from_then_on(
    house: House, browser: Browser
) -> None:
    with scene(house, browser) as on:
        at_a_talk(on)
        page = on.page
        page.locator("#phrases summary").click()
        first = page.locator(".phrase").first
        expect(first.locator(".said")).to_have_count(0)
        on.asks("p", language="pa")  # the person presses it, and their case is renewed
        on.writes("p", "[Language] ਪੰਜਾਬੀ")
        expect(first.locator(".said")).to_have_attribute("lang", "pa", timeout=WAIT)
        words = first.locator(".said").text_content()
        first.click()
        expect(page.locator("#reply")).to_have_value(str(words))
        page.locator("#say button").click()
        expect(page.locator("#lines .counsellor .beside")).to_be_visible(timeout=WAIT)


def test_whom_a_supervisor_raises_is_told_to_the_counsellor_in_the_talk(
    house: House, browser: Browser
) -> None:
    with scene(house, browser) as on:
        on.page.add_init_script(RECORDER)
        asked = at_a_talk(on)
        on.page.keyboard.press("a")
        expect(on.page.locator("#sound")).to_have_text("Sound: on")
        on.colleague("sue", "supervisor")
        on.does("sue", f"/api/handoffs/{asked}/raise", reason="danger")
        expect(on.page.locator("#card .case-head .level.red")).to_be_visible(timeout=WAIT)
        expect(on.page.locator("#announce")).to_have_text("Red", timeout=WAIT)
        assert on.page.evaluate(HEARD) == RED


def test_without_opening_hours_times_are_those_of_the_counsellors_own_clock(
    house: House, browser: Browser
) -> None:
    with scene(house, browser) as on:
        zone = {"timezoneId": "America/St_Johns"}
        on.page.context.new_cdp_session(on.page).send("Emulation.setTimezoneOverride", zone)
        at_a_talk(on)
        on.writes("p", "he has a knife", flag="danger_words")
        time = on.page.locator("#lines time")
        expect(time).to_have_count(1, timeout=WAIT)
        at = datetime.fromisoformat(time.get_attribute("datetime") or "")
        there = f"{at.astimezone(ZoneInfo(zone['timezoneId'])):%H:%M}"
        for _ in range(2):
            expect(time).to_have_text(there)
            expect(on.page.locator("#alarm")).to_have_text(re.compile(f"{MARK} {there}$"))
            on.page.reload()
            on.live()
