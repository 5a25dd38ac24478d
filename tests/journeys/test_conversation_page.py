"""The counsellor's conversation page in a real browser: phrases, cards, note, keyboard."""

from playwright.sync_api import expect

from tests.journeys import script
from tests.journeys.conftest import Meet
from tests.journeys.counsellor import Counsellor


def _focused(counsellor: Counsellor) -> str:
    return str(counsellor.page.evaluate("document.activeElement.id"))


def test_a_talk_without_a_common_language_by_keyboard(meet: Meet, counsellor: Counsellor) -> None:
    # Given someone who reads Arabic, in Ontario, with a code word
    person = meet("ar")
    person.presses("do:start_check")
    person.presses("answer:phone_seen:yes")
    person.presses("answer:safe_contact:any")
    person.says("marigold")
    person.presses("do:no_thanks")
    person.presses("region:ON")
    person.presses("do:person")
    person.presses("answer:consent:all")
    counsellor.takes_next()
    page, keys = counsellor.page, counsellor.page.keyboard
    # When "/" is pressed in the empty reply, the search opens; both languages, accents, moments
    keys.press("Alt+r")
    keys.press("/")
    assert _focused(counsellor) == "search"
    shown = page.locator(".phrase:visible")
    for wanted in ("PRIVACY name", "nàme", "باسمك اخباري"):
        page.locator("#search").fill(wanted)
        expect(shown.first).to_be_visible()
    page.locator("#search").fill("zzzz")
    expect(shown).to_have_count(0)
    keys.press("Escape")
    assert _focused(counsellor) == "reply"
    # Then Enter inserts, the meaning stands beside, and it is sent with it
    keys.press("/")
    keys.type("privacy name")
    expect(shown).to_have_count(1)
    keys.press("ArrowDown")
    keys.press("Enter")
    reply, beside = page.locator("#reply"), page.locator("#beside")
    assert _focused(counsellor) == "reply"
    expect(beside).to_contain_text("You do not need to tell me your name")
    assert reply.evaluate("box => getComputedStyle(box).direction") == "rtl"
    reply.press("End")
    keys.type("!")
    expect(beside).to_be_hidden()
    keys.press("Backspace")
    expect(beside).to_be_visible()
    keys.press("Control+Enter")
    said = page.locator("#lines .counsellor")
    expect(said.locator(".beside")).to_contain_text("You do not need to tell me your name")
    assert said.locator(".said").evaluate("p => getComputedStyle(p).direction") == "rtl"
    # "/" and "?" are letters for somebody who types
    expect(reply).to_have_value("")
    keys.type("1/2?")
    expect(reply).to_have_value("1/2?")
    # When cards are pressed, nothing typed is lost and the focus stays
    page.locator("[data-key=card-safe_contact]").press("Enter")
    person.hears(script.flat(script.WORDS.text("responses", "ask_safe_contact", "ar"))[:20])
    expect(reply).to_have_value("1/2?")
    person._press("answer:safe_contact:evening")
    expect(page.locator("#card")).to_contain_text("In the evening")
    assert page.evaluate("document.activeElement.dataset.key") == "card-safe_contact"
    page.locator("#lines-near summary").click()
    page.locator("[data-key=line-on_victim_support_line]").click()
    person.hears("1-888-579-2888")
    expect(page.locator("#lines-near")).not_to_have_attribute("open", "")  # the focus is there now
    # When the code word is asked for, the answer goes to the card and to no transcript
    page.locator("[data-key=card-code_word]").click()
    person.hears(script.WORDS.text("responses", "code_word_please", "ar"))
    person._say("marigold")
    expect(page.locator("#word")).to_contain_text("The code word was right.")
    assert page.evaluate("document.activeElement.dataset.key") == "card-code_word"
    assert "marigold" not in page.content()
    # And the note is kept for the counsellor
    keys.press("Alt+n")
    keys.type("speaks a little English")
    keys.press("Control+Enter")
    expect(page.locator("#own-state")).to_have_text("Saved.")
    keys.press("Alt+r")
    reply.fill("")
    page.reload()
    expect(page.locator("#own-note")).to_have_value("speaks a little English")
    keys.press("?")
    expect(page.locator("#help")).to_be_visible()
    keys.press("Escape")
    keys.press("Alt+x")
    assert _focused(counsellor) == "to"
    keys.press("Alt+e")
    expect(page.locator("#ending")).to_be_visible()
    keys.press("Escape")
    # When the person leaves, nothing of it stays on the screen
    person.leaves()
    expect(page.locator("#problem")).to_be_visible()
    expect(page.locator("#own-note, .phrase, #lines li, #transfer")).to_have_count(0)
