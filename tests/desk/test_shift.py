"""A whole night at the desk: two counsellors, a supervisor, twenty people at both doors.

Everything is real: the doors, the engine, the worker, the janitor, three browsers. The tests are
one night and run in the order they stand in; each leaves both counsellors free. What every person
was told is compared word for word, and at the end nobody may be missing.
"""

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from tests.desk.mates import Cable, Mate, Night, asleep
from tests.journeys.conftest import launch
from tests.journeys.counsellor import WAIT
from tests.journeys.stack import Stack
from tests.waiting import wait_until

#: The service starts within the first of them; another waits for leases to end.
pytestmark = pytest.mark.timeout(600)
#: Longer than a lease, milliseconds.
LEASE: Final = 60_000
#: Presses at a moment that was agreed on before, also when the desk has just been drawn anew.
AT_ONCE: Final = """([selector, at]) => {
  const button = document.querySelector(selector);
  const form = button.form.cloneNode(true);
  form.removeAttribute("id");
  form.action = button.getAttribute("formaction") ?? button.form.getAttribute("action");
  form.hidden = true;
  document.body.append(form);
  setTimeout(() => form.requestSubmit(), at - Date.now());
}"""


@pytest.fixture(scope="module")
def night(stack: Stack, browser: Browser) -> Iterator[Night]:
    """Fourteen people have come already: one with a browser, one who speaks French."""
    made = Night(stack, browser)
    made.arrives("browser")
    for _ in range(12):
        made.arrives()
    made.arrives(language="fr")
    yield made
    for guest in made.guests:
        guest.person.close()
    stack.forget_everyone()


@pytest.fixture(scope="module")
def sam(night: Night, stack: Stack, browser: Browser) -> Iterator[Mate]:
    mate = Mate(stack, browser, "en,fr", "Sam")
    yield mate
    mate.goes_home()


@pytest.fixture(scope="module")
def laptop(browser: Browser) -> Iterator[Browser]:
    """A browser of its own, so that it can be put to sleep alone."""
    running = launch(browser.browser_type)
    yield running
    running.close()


@pytest.fixture(scope="module")
def cable(stack: Stack) -> Iterator[Cable]:
    """What Kim's laptop hangs on."""
    made = Cable(stack.console)
    yield made
    made.close()


@pytest.fixture(scope="module")
def kim(night: Night, stack: Stack, laptop: Browser, cable: Cable) -> Iterator[Mate]:
    mate = Mate(stack, laptop, "en", "Kim", address=cable.address)
    yield mate
    mate.goes_home()


@pytest.fixture(scope="module")
def ada(night: Night, stack: Stack, browser: Browser) -> Iterator[Mate]:
    """The supervisor; she takes people only when it is needed."""
    mate = Mate(stack, browser, "en,fr", "Ada", "supervisor")
    mate.stops()
    yield mate
    mate.goes_home()


def press_at_once(first: Mate, second: Mate, selector: str) -> None:
    """Both press the same thing in the same moment."""
    for mate in (first, second):
        mate.at_the_desk()
    at = first.page.evaluate("Date.now()") + 1000
    for mate in (first, second):
        mate.page.evaluate(AT_ONCE, [selector, at])


def test_both_press_take_next_at_once_and_get_two_people(
    night: Night, sam: Mate, kim: Mate
) -> None:
    first, second = night.waiting()[:2]
    press_at_once(sam, kim, "button.next")
    for mate in (sam, kim):
        mate.page.wait_for_url("**/handoffs/*")
        mate.is_live()
    assert {sam.holds, kim.holds} == {first.id, second.id}
    for mate in (sam, kim):
        guest = first if mate.holds == first.id else second
        guest.is_told(f"here {mate.alias}")
        assert night.state(guest) == ("claimed", mate.alias)
        guest.says("I can write now")
        mate.hears("I can write now")
        mate.says(f"This is {mate.alias}. Are you alone?")
        guest.hears(f"This is {mate.alias}. Are you alone?")
        assert night.state(guest) == ("active", mate.alias)
        mate.ends()
        guest.ended("closed", f"here {mate.alias}", "ended")
    # One erases at once, the other keeps it for its time.
    first.person._press("do:erase_now")
    first.person.is_clean()
    wait_until(lambda: night.state(first) == ("", ""), "nothing to be left of who erased")
    second.person.presses("do:keep")
    assert night.state(second)[0] == "closed"


def test_both_take_the_same_one_and_the_slower_is_told_who_has_them(
    night: Night, sam: Mate, kim: Mate
) -> None:
    guest = night.waiting()[-1]
    press_at_once(sam, kim, f"[data-key=claim-{guest.id}]")
    wait_until(lambda: night.state(guest)[1], "somebody to have them")
    holder = night.state(guest)[1]
    quick, slow = (sam, kim) if holder == "Sam" else (kim, sam)
    quick.page.wait_for_url(f"**/handoffs/{guest.id}")
    expect(slow.page.locator("main .note")).to_have_text(
        f"{holder} was quicker and has this person."
    )
    assert slow.holds == ""
    expect(slow.page.locator(f"[data-key=claim-{guest.id}]")).to_have_count(0)
    quick.ends()
    guest.ended("closed", f"here {holder}", "ended")


def test_the_network_is_cut_and_back_and_nothing_is_missed(
    night: Night, kim: Mate, cable: Cable
) -> None:
    guest = kim.takes_next_of(night.waiting())
    guest.says("before")
    kim.hears("before")
    cable.cut()
    expect(kim.page.locator("#link")).to_have_class("link lost", timeout=WAIT)
    guest.says("while it was cut")
    late = night.arrives()
    kim.page.locator("#reply").fill("I am still here.")
    kim.page.locator("#say button.main").click()
    expect(kim.page.locator("#problem")).to_contain_text("It is not known whether that went out.")
    expect(kim.page.locator("#reply")).to_have_value("I am still here.")
    cable.mend()
    kim.is_live()
    kim.hears("while it was cut")
    expect(kim.page.locator("#lines .person")).to_have_count(2)
    expect(kim.page).to_have_title(f"({len(night.waiting())}) Conversation with {_handle(kim)}")
    kim.page.locator("#say button.main").click()
    guest.hears("I am still here.")
    guest.is_told("here Kim")
    assert late in night.waiting()
    kim.ends()
    guest.ended("closed", "here Kim", "ended")


def _handle(mate: Mate) -> str:
    return mate.page.locator(".case-head h2").inner_text()


def test_two_tabs_of_one_counsellor_are_one_counsellor(night: Night, kim: Mate) -> None:
    guest = kim.takes_next_of(night.waiting())
    tab = kim.second_tab()
    guest.says("hello both")
    for page in (kim.page, tab):
        expect(page.locator("#lines .person .said")).to_have_text(["hello both"], timeout=WAIT)
    tab.locator("#reply").fill("from the second")
    tab.locator("#say button.main").click()
    expect(kim.page.locator("#lines .counsellor")).to_have_count(1, timeout=WAIT)
    guest.hears("from the second")
    # Nobody is taken beside: there is one place, in how many tabs ever.
    before = len(night.waiting())
    tab.keyboard.press("Alt+t")
    expect(tab.locator("#problem")).to_contain_text("You have no free place.")
    assert len(night.waiting()) == before
    # What one tab ends the other ends too; the outcome is given once.
    tab.keyboard.press("Alt+e")
    tab.locator("#ending button.sure").click()
    for page in (kim.page, tab):
        expect(page.locator("form.wrap-up")).to_be_visible(timeout=WAIT)
        page.locator("form.wrap-up input[name=outcome]").first.check()
    for page in (kim.page, tab):
        page.locator("form.wrap-up button.main").click()
        page.wait_for_url("**/desk?note=*")
    tab.close()
    guest.ended("closed", "here Kim", "ended")


def test_somebody_leaves_in_the_middle_and_nothing_stays_on_the_screen(
    night: Night, kim: Mate
) -> None:
    guest = kim.takes_next_of(night.waiting())
    guest.says("he keeps my papers")
    kim.hears("he keeps my papers")
    kim.page.locator("#reply").fill("Can you tell me more")
    guest.is_told("here Kim")
    guest.person.leaves()
    guest.ended("left")
    expect(kim.page.locator("#problem")).to_contain_text("The person has left", timeout=WAIT)
    assert "he keeps my papers" not in kim.page.content()
    assert kim.page.locator("#reply").count() == 0
    wait_until(lambda: night.state(guest) == ("", ""), "nothing to be left of them")
    # The place is free again.
    other = kim.takes_next_of(night.waiting())
    kim.ends()
    other.ended("closed", "here Kim", "ended")


def passes_on_to(mate: Mate, colleague: Mate) -> None:
    """Opens the form, whose list is that of now, and chooses a colleague."""
    mate.page.keyboard.press("Alt+x")
    one = mate.page.locator(f"#to option[value='{colleague.login}']:enabled")
    expect(one).to_have_count(1, timeout=WAIT)
    mate.page.locator("#to").select_option(colleague.login)


def test_a_transfer_is_refused_then_accepted(night: Night, sam: Mate, kim: Mate) -> None:
    guest = sam.takes_next_of(night.waiting())
    guest.says("I would like to talk to a woman")
    sam.hears("I would like to talk to a woman")
    sam.says("I will ask a colleague.")
    for accepted in (False, True):
        kim.at_the_desk()
        passes_on_to(sam, kim)
        sam.page.locator("#note").fill("Wants a woman.")
        sam.page.locator("#transfer button").first.click()
        expect(sam.page.locator("#card")).to_contain_text("Offered to Kim")
        offer = kim.page.locator("ul.people li", has_text="Wants a woman.")
        expect(offer).to_be_visible(timeout=WAIT)
        assert sam.holds == guest.id, "until then it is Sam's"
        offer.get_by_role("button", name="Accept" if accepted else "Refuse").click()
        if not accepted:
            expect(sam.page.locator("#card")).not_to_contain_text("Offered to Kim", timeout=WAIT)
            sam.says("One moment more.")
            guest.hears("One moment more.")
            guest.is_told("here Sam")
    kim.page.wait_for_url(f"**/handoffs/{guest.id}")
    guest.is_told("here Sam", "now Kim")
    # The history travels, and Sam can write no more.
    for part in ("I would like to talk to a woman", "One moment more."):
        kim.hears(part)
    expect(sam.page.locator("#problem")).to_contain_text("not with you any more", timeout=WAIT)
    expect(sam.page.locator("#say button")).to_have_count(0)
    kim.says("Hello, this is Kim.")
    guest.hears("Hello, this is Kim.")
    kim.ends()
    guest.ended("closed", "here Sam", "now Kim", "ended")


def test_a_transfer_to_somebody_who_has_just_gone_changes_nothing(
    night: Night, sam: Mate, kim: Mate
) -> None:
    guest = sam.takes_next_of(night.waiting())
    passes_on_to(sam, kim)
    sam.page.locator("#note").fill("Needs a shelter tonight.")
    kim.stops()
    sam.page.locator("#transfer button").first.click()
    expect(sam.page.get_by_text("That colleague is not on shift any more")).to_be_visible()
    assert night.state(guest) == ("claimed", "Sam")
    sam.page.goto(f"/handoffs/{guest.id}")
    sam.says("I am still here.")
    guest.hears("I am still here.")
    sam.ends()
    guest.ended("closed", "here Sam", "ended")
    kim.starts()


def test_a_crash_and_a_laptop_asleep_bring_both_people_back_to_the_front(
    night: Night, stack: Stack, browser: Browser, laptop: Browser, sam: Mate, kim: Mate, ada: Mate
) -> None:
    # Given two who came last of all, each in the middle of a talk
    crashed, slept = night.waiting()[-2:]
    sam.takes(crashed)
    kim.takes(slept)
    for mate, guest in ((sam, crashed), (kim, slept)):
        guest.says(f"my story, told to {mate.alias}")
        mate.hears(f"my story, told to {mate.alias}")
        mate.says("Go on, please.")
        guest.hears("Go on, please.")
    kim.page.locator("#reply").fill("words not sent yet")
    kim.page.locator("#own-note").fill("a note not kept yet")
    ada.at_the_desk()
    # When one browser crashes and the other laptop falls asleep
    sam.crashes()
    with asleep(laptop):
        # Then both people are told neutrally, and stand before all who waited longer
        for guest, alias in ((crashed, "Sam"), (slept, "Kim")):
            guest.is_told(f"here {alias}", "away")
        assert set(night.waiting()[:2]) == {crashed, slept}
        first = night.waiting()[0]
        for guest in (crashed, slept):
            expect(ada.page.locator(f"[data-key=claim-{guest.id}]")).to_be_visible(timeout=WAIT)
        ada.starts()
        assert ada.takes_next_of(night.waiting()) is first
    was = "Sam" if first is crashed else "Kim"
    ada.hears(f"my story, told to {was}")
    ada.hears("Go on, please.")
    first.is_told(f"here {was}", "away", "now Ada")
    # The laptop that wakes says that the claim has gone; what was typed there is there still.
    problem = kim.page.locator("#problem")
    expect(problem).to_contain_text("not with you any more", timeout=LEASE)
    assert "my story" not in kim.page.content()
    unsent = kim.page.locator("#unsent-words")
    expect(unsent).to_have_value("words not sent yet\n\nPrivate note: a note not kept yet")
    expect(kim.page.locator("#say, #own")).to_have_count(0)
    # The other is taken by who is back first, with all that was said.
    kim.starts()
    other = kim.takes_next_of(night.waiting())
    assert {first, other} == {crashed, slept}
    kim.hears("Go on, please.")
    sam.signs_in_again(browser, stack)
    lost = "Sam" if other is crashed else "Kim"
    for mate, guest, who in ((ada, first, was), (kim, other, lost)):
        mate.ends()
        guest.ended("closed", f"here {who}", "away", f"now {mate.alias}", "ended")
    ada.stops()


def test_somebody_red_comes_while_everybody_is_busy(night: Night, sam: Mate, kim: Mate) -> None:
    held = [mate.takes_next_of(night.waiting()) for mate in (sam, kim)]
    red = night.arrives(red=True)
    waiting = len(night.waiting())
    assert night.waiting()[0] is red
    for mate in (sam, kim):
        handle = _handle(mate)
        expect(mate.page).to_have_title(f"({waiting}) Conversation with {handle}", timeout=WAIT)
        expect(mate.page.locator("#announce")).to_contain_text("Red", timeout=WAIT)
        expect(mate.page.locator("#queue-now")).to_be_visible()
        expect(mate.page.locator("#queue-waiting")).to_have_text(f"Waiting: {waiting}")
        expect(mate.page.locator("#queue-reds")).to_have_text("Red: 1")
    sam.page.keyboard.press("Alt+t")
    expect(sam.page.locator("#problem")).to_contain_text("You have no free place.")
    assert night.state(red)[0] == "waiting"
    sam.ends()
    assert sam.takes_next_of(night.waiting()) is red
    assert "Red" in sam.page.locator(".case-head").inner_text()
    red.is_told("here Sam")
    sam.ends()
    kim.ends()
    red.ended("closed", "here Sam", "ended")
    for guest, mate in zip(held, (sam, kim), strict=True):
        guest.ended("closed", f"here {mate.alias}", "ended")


def test_closing_time_with_people_waiting(night: Night, sam: Mate, kim: Mate, ada: Mate) -> None:
    talking = sam.takes_next_of(night.waiting())
    talking.is_told("here Sam")
    waiting = night.waiting()
    before = [guest.heard("handoff_nobody") for guest in waiting]
    ada.page.goto("/hours")
    ada.page.locator("details:has(button[value=closed]) > summary").click()
    ada.page.locator("form[action='/opening'] button[value=closed]").click()
    ada.page.wait_for_url("**/hours?note=closed")
    # Everybody who waits is told, with numbers that answer day and night; and so is who comes now.
    for guest, count in zip(waiting, before, strict=True):
        wait_until(lambda g=guest, n=count: g.heard("handoff_nobody") == n + 1, "to be told of it")
    late = night.arrives()
    # Twice when the janitor looked between her request and its answer; both come before it.
    heard = {guest: count + 1 for guest, count in zip(waiting, before, strict=True)}
    heard[late] = late.heard("handoff_nobody")
    assert heard[late] in (1, 2)
    # Nobody who talks is cut off, and whoever is still there may take somebody.
    sam.says("We go on.")
    talking.hears("We go on.")
    sam.ends()
    talking.ended("closed", "here Sam", "ended")
    first = kim.takes_next_of(waiting)
    kim.ends()
    first.ended("closed", "here Kim", "ended")
    # Open again: the places were kept, and nobody was told twice.
    ada.page.goto("/hours")
    ada.page.locator("form[action='/opening'] button[value=auto]").click()
    ada.page.wait_for_url("**/hours?note=auto")
    assert night.waiting() == [guest for guest in [*waiting, late] if guest is not first]
    while night.waiting():
        guest = sam.takes_next_of(night.waiting())
        assert guest.heard("handoff_nobody") == heard[guest]
        sam.ends()
        guest.ended("closed", "here Sam", "ended")


def test_in_a_surge_everybody_takes_the_next_whatever_they_speak(
    night: Night, kim: Mate, ada: Mate
) -> None:
    spanish, english, other = (night.arrives(language=code) for code in ("es", "en", "en"))
    assert kim.takes_next_of(night.waiting()) is english, "Kim speaks no Spanish"
    kim.ends()
    english.ended("closed", "here Kim", "ended")
    ada.page.goto("/board")
    ada.page.locator("form[action='/board/surge'] button").click()
    ada.page.wait_for_url("**/board?note=surge_on")
    assert kim.takes_next_of(night.waiting()) is spanish
    kim.ends()
    spanish.ended("closed", "here Kim", "ended")
    ada.page.locator("form[action='/board/surge'] button").click()
    ada.page.wait_for_url("**/board?note=surge_off")
    assert kim.takes_next_of(night.waiting()) is other
    kim.ends()
    other.ended("closed", "here Kim", "ended")


def test_everybody_who_came_had_one_end(night: Night) -> None:
    assert night.waiting() == []
    assert night.open() == []
    assert len(night.guests) == len({guest.id for guest in night.guests}) == 20
    assert all(guest.end for guest in night.guests)
    for what in ("day", "level", "language", "wait", "end"):
        assert night.counted(what) == 20, what
