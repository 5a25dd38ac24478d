"""Every page and state of the console: the route that shows it, a name, how one gets there.

A new page or state is one line in STATES. `test_axe.py` looks at each in both languages, dark and
light, wide and narrow; it fails when a page that permissions.TABLE lists has no line here.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Route, expect

from bot.handoff.record import Level
from bot.messages import Kind, Media
from tests.console.driver import PASSWORD
from tests.desk.doorway import (
    first_password,
    passwords_differ,
    recovery,
    returned,
    second_step_again,
    to_the_code,
    wrong_code,
    wrong_password,
    wrong_second_step,
)
from tests.desk.scene import WAIT, Scene

Lead = Callable[[Scene], object]

#: Everything a card can show.
CASE = {
    "answers": {
        "safe_now": "watched", "hurt_now": "no", "phone_seen": "yes", "minor": "unsure",
        "documents_held": "yes", "threatened": "yes", "wish": "papers", "safe_contact": "daytime",
        "consent": "all",
    },
    "skipped": ("coerced", "deceived"),
    "phone_seen": "yes", "safe_contact": "any", "region": "ON", "code_word": True,
}  # fmt: skip


# -- the desk -----------------------------------------------------------------------------------


def _on_shift(s: Scene, *roles: str, **more: object) -> None:
    s.signed_in("ana", *roles, **more)
    s.does("ana", "/api/shift", on=True)
    s.opens("/desk")
    s.live()


def _everybody(s: Scene) -> None:
    """People of each level, one who moved up, one's own, a colleague's, an offer."""
    for level in Level:
        s.asks(f"first {level.name}", level, "ar" if level is Level.GREEN else "en", **CASE)
    s.later(1900)
    s.house.do(lambda: s.desk.queue.lapses.run(s.desk.clock()))  # the long waiting rise
    for level in Level:
        s.asks(f"second {level.name}", level, "fr")


def _full_desk(s: Scene, *roles: str) -> None:
    s.signed_in("ana", *roles, capacity=2)
    s.does("ana", "/api/shift", on=True)
    s.colleague("ben", capacity=2)
    _everybody(s)
    s.does("ana", "/api/next")
    offered = s.does("ben", "/api/next")["handoff"]["id"]
    s.does("ben", "/api/next")
    s.does("ben", f"/api/handoffs/{offered}/transfer", to="ana", note="Asked for somebody else.")
    s.opens("/desk")
    s.live()
    expect(s.page.locator("ol.queue > li")).to_have_count(5)


def _at_practice(s: Scene) -> None:
    s.house.account("ana")
    s.takes_cookies("ana", PASSWORD, s.house.practice)
    s.page.goto(f"{s.house.practice}/desk")
    expect(s.page.locator(".lessons")).to_be_visible()


def _quicker(s: Scene) -> None:
    _on_shift(s)
    s.colleague()
    asked = s.asks("p")
    _deaf(s)
    s.does("ben", f"/api/handoffs/{asked}/claim")
    s.page.locator(f"[data-key=claim-{asked}]").click()
    expect(s.page.locator("main .note")).to_contain_text("Ben")


def _deaf(s: Scene) -> None:
    """The page as it is now, and it hears of nothing more."""
    s.page.route("**/api/events*", lambda route: route.fulfill(status=503))
    s.page.route("**/desk/live*", lambda route: route.fulfill(status=503))
    s.page.reload()


def _lost(s: Scene) -> None:
    _on_shift(s)
    _deaf(s)
    expect(s.page.locator("#link.lost")).to_be_visible(timeout=WAIT)


def _help(s: Scene) -> None:
    _on_shift(s)
    s.page.keyboard.press("?")
    expect(s.page.locator("#help")).to_be_visible()


# -- a conversation -------------------------------------------------------------------------------


def _talk(s: Scene, level: Level = Level.ORANGE, language: str = "ar", *roles: str) -> str:
    s.signed_in("ana", *roles, capacity=2)
    s.does("ana", "/api/shift", on=True)
    asked = s.asks("p", level, language, **CASE)
    s.does("ana", f"/api/handoffs/{asked}/claim")
    s.opens(f"/handoffs/{asked}")
    s.live()
    return asked


def _active(s: Scene, level: Level = Level.ORANGE) -> str:
    asked = _talk(s, level)
    s.writes("p", "مرحبا، هل هناك أحد؟", "I can write a little English too.")
    phrase = s.page.locator("#phrases button.phrase").first.get_attribute("value")
    s.does("ana", f"/api/handoffs/{asked}/say", text="Good that you wrote.")
    s.does("ana", f"/api/handoffs/{asked}/say", phrase=phrase)
    s.does("ana", f"/api/handoffs/{asked}/cards", card="emergency")
    s.does("ana", f"/api/handoffs/{asked}/note", note="speaks a little English")
    s.opens(f"/handoffs/{asked}")
    expect(s.page.locator("#lines li")).to_have_count(5)
    s.live()
    return asked


def _flagged(s: Scene) -> None:
    asked = _talk(s, Level.RED)
    for text in ("عنده سكين", "قادم"):
        s.writes("p", text, flag="danger_words")
    s.does("ana", f"/api/handoffs/{asked}/cards", card="code_word")
    expect(s.page.locator("#alarm")).to_be_visible(timeout=WAIT)


def _raising(s: Scene) -> None:
    _talk(s)
    s.page.locator("#raise summary").click()
    expect(s.page.locator("#raise button").first).to_be_visible()


def _raised(s: Scene) -> None:
    _raising(s)
    s.page.locator("#raise button").first.click()
    expect(s.page.locator("#card .level.red")).to_be_visible(timeout=WAIT)
    expect(s.page.locator("#raise")).to_have_count(0)


def _kept_open(s: Scene) -> None:
    asked = _active(s)
    s.later(60)
    s.does("ana", f"/api/handoffs/{asked}/keep-open", on="1")
    s.opens(f"/handoffs/{asked}")


def _offered(s: Scene) -> None:
    asked = _talk(s)
    s.colleague()
    s.does("ana", f"/api/handoffs/{asked}/transfer", to="ben", note="Needs French.")
    s.opens(f"/handoffs/{asked}")
    s.page.locator("#transfer summary").click()


def _taken_back(s: Scene) -> None:
    """In the card, and without leaving the page."""
    _offered(s)
    s.page.locator("#reply").fill("half written")
    s.page.locator("[data-key=take-back]").click()
    expect(s.page.locator("#card")).not_to_contain_text("Ben", timeout=WAIT)
    expect(s.page.locator("#reply")).to_have_value("half written")


def _offer_over(s: Scene) -> None:
    """The colleague was quicker to refuse, and the page had not heard of it."""
    _offered(s)
    _deaf(s)
    s.does("ben", f"/api/handoffs/{s.page.url.rsplit('/', 1)[1]}/refuse")
    s.page.locator("[data-key=take-back]").click()
    expect(s.page.locator("#problem")).to_be_visible(timeout=WAIT)
    expect(s.page.locator("[data-key=take-back]")).to_have_count(0, timeout=WAIT)
    expect(s.page.locator("#problem")).to_contain_text(re.compile("does not stand|ne tient plus"))


def _offer_and_two_talks(s: Scene) -> None:
    """Two at once, new words of the other, and a colleague offers a third."""
    asked = _talk(s)
    other = s.asks("q", Level.RED)
    s.does("ana", f"/api/handoffs/{other}/claim")
    s.opens(f"/handoffs/{asked}")
    s.live()
    s.writes("q", "hello")
    expect(s.page.locator("nav.mine .fresh:visible")).to_contain_text("0:", timeout=WAIT)


def _transfer(s: Scene) -> None:
    _talk(s)
    s.colleague()
    s.page.keyboard.press("Alt+x")
    expect(s.page.locator("#to")).to_be_focused()
    expect(s.page.locator("#to option")).to_have_count(2)


def _phrases(s: Scene) -> None:
    _talk(s)
    s.page.keyboard.press("/")
    s.page.locator("#search").fill("e")
    expect(s.page.locator(".phrase:visible").first).to_be_visible()


def _no_phrases(s: Scene) -> None:
    _talk(s, language="la")
    s.page.locator("#phrases summary").click()


def _cards(s: Scene) -> None:
    _talk(s)
    s.page.locator("#lines-near summary").click()
    expect(s.page.locator(".line-offer").first).to_be_visible()


def _inserted(s: Scene) -> None:
    _phrases(s)
    s.page.keyboard.press("Enter")
    expect(s.page.locator("#beside")).to_be_visible()


def _not_sent(s: Scene) -> None:
    _talk(s)
    s.page.route("**/say", lambda route: route.abort())
    s.page.locator("#reply").fill("hello")
    s.page.keyboard.press("Control+Enter")
    expect(s.page.locator("#problem")).to_be_visible()


def _ending(s: Scene) -> None:
    _active(s)
    s.page.keyboard.press("Alt+e")
    expect(s.page.locator("#ending")).to_be_visible()


def _ending_page(s: Scene) -> None:
    """As it is asked without script."""
    _active(s)
    s.page.locator("form[action$='/end'] button.end").evaluate("button => button.form.submit()")
    s.page.wait_for_url("**/end")


def _wrap_up(s: Scene) -> None:
    asked = _active(s)
    s.opens("/desk")  # the page of the talk would load itself again
    s.does("ana", f"/api/handoffs/{asked}/end")
    s.opens(f"/handoffs/{asked}")
    expect(s.page.locator("form.wrap-up")).to_be_visible()


def _closed(s: Scene) -> None:
    asked = _active(s)
    s.opens("/desk")  # the page of the talk would load itself again
    s.does("ana", f"/api/handoffs/{asked}/end", outcome="helped")
    s.opens(f"/handoffs/{asked}")


def _gone(s: Scene) -> None:
    _active(s)
    s.leaves("p")
    expect(s.page.locator("#problem")).to_be_visible(timeout=WAIT)


def _read_only(s: Scene) -> None:
    s.signed_in("ada", "supervisor")
    s.colleague()
    asked = s.asks("p", Level.ORANGE, "ar", **CASE)
    s.does("ben", f"/api/handoffs/{asked}/claim")
    s.writes("p", "مرحبا")
    s.does("ben", f"/api/handoffs/{asked}/note", note="speaks a little English")
    s.opens(f"/handoffs/{asked}")
    s.live()


def _not_claimed(s: Scene) -> None:
    s.signed_in("ada", "supervisor")
    s.opens(f"/handoffs/{s.asks('p', **CASE)}")


def _frame(s: Scene) -> None:
    """As it stands in the page where no script runs."""
    asked = _active(s)

    def once(route: Route) -> None:  # it would load itself again while it is looked at
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('content="8"', 'content="9999"'))

    s.page.route(f"**/handoffs/{asked}/live", once)
    s.page.evaluate(
        """asked => {
          const frame = document.createElement("iframe");
          Object.assign(frame, { className: "frame", title: "x", src: `/handoffs/${asked}/live` });
          document.querySelector("#scroll").replaceWith(frame);
        }""",
        asked,
    )
    expect(s.page.frame_locator("iframe.frame").locator("li.line").first).to_be_visible()


def _problem(path: str, status: int, *roles: str) -> Lead:
    def lead(s: Scene) -> None:
        s.signed_in("ana", *(roles or ("counsellor",)))
        s.opens(path, status)

    return lead


def _red_waits(s: Scene) -> None:
    _talk(s)
    s.asks("q", Level.RED)
    s.later(90)
    s.asks("r", Level.GREEN)
    expect(s.page.locator("#late")).to_be_visible(timeout=WAIT)
    expect(s.page.locator("#queue-reds")).to_be_visible()


def _sign_in_ends(s: Scene) -> None:
    s.signed_in()
    s.does("ana", "/api/shift", on=True)
    s.nearly_over("ana")
    s.opens("/plan")
    expect(s.page.locator("#ends time")).not_to_be_empty()


def _late(s: Scene) -> None:
    s.signed_in("ada", "supervisor")
    s.asks("p", Level.RED)
    s.later(90)
    s.opens("/desk")
    expect(s.page.locator("#late")).to_be_visible(timeout=WAIT)


# -- the board ----------------------------------------------------------------------------------


def _board(s: Scene) -> None:
    """Whoever can be on it: held, offered, silent, about to lapse; languages that lack."""
    s.signed_in("ada", "supervisor")
    s.colleague("ben", capacity=2)
    s.colleague("cem", languages=("en", "ar"))
    _everybody(s)
    talks = [s.does("ben", "/api/next")["handoff"]["id"] for _ in range(2)]
    s.does("ben", f"/api/handoffs/{talks[0]}/say", text="I am here.")
    s.does("ada", f"/api/handoffs/{talks[0]}/reassign", holder="ben", to="cem", note="A break.")
    s.desk.clock.forward(20)
    s.does("cem", "/api/heartbeat")
    s.does("ada", "/api/surge", on=True)
    s.opens("/board")
    s.live()
    expect(s.page.locator(".held > li")).to_have_count(2)
    expect(s.page.locator(".held .warn")).to_have_count(2)


def _board_moves(s: Scene) -> None:
    """Live: what happens meanwhile is shown, and the focus stays."""
    s.signed_in("ada", "supervisor", path="/board")
    s.live()
    s.colleague()
    asked = s.asks("p")
    link = s.page.locator(f"[data-key=move-{asked}]")
    link.focus(timeout=WAIT)
    s.does("ben", "/api/next")
    expect(s.page.locator(".held > li")).to_have_count(1, timeout=WAIT)
    assert s.page.evaluate("document.activeElement.dataset.key") == f"move-{asked}"


def _moving(s: Scene) -> None:
    s.signed_in("ada", "supervisor")
    s.colleague()
    s.colleague("cem", languages=("en", "fr"))
    asked = s.asks("p", language="fr")
    s.does("ben", f"/api/handoffs/{asked}/claim")
    s.does("ada", f"/api/handoffs/{asked}/reassign", holder="ben", to="cem", note="A break.")
    s.opens(f"/handoffs/{asked}/reassign")


def _giving(s: Scene) -> None:
    s.signed_in("ada", "supervisor")
    s.opens(f"/handoffs/{s.asks('p')}/reassign")


def _moved_away(s: Scene) -> None:
    """A supervisor moves the person while the counsellor writes."""
    _active(s)
    talk = str(s.page.locator("#conversation").get_attribute("data-id"))
    s.page.locator("#reply").fill("What I was about to say")
    s.house.account("ada", "supervisor")
    s.acts_as("ada")
    s.does("ada", f"/api/handoffs/{talk}/reassign", holder="ana", note="She needs a break.")
    expect(s.page.locator("#problem")).to_be_visible(timeout=WAIT)
    expect(s.page.locator("#unsent-words")).to_have_value("What I was about to say")
    expect(s.page.locator("#say")).to_have_count(0)
    expect(s.page.locator("#lines > li")).to_have_count(0)


def _closed_talks(s: Scene) -> None:
    s.signed_in("ada", "supervisor")
    s.colleague()
    for outcome in ("helped", "emergency"):
        asked = s.asks(outcome, language="fr")
        s.does("ben", f"/api/handoffs/{asked}/claim")
        s.does("ben", f"/api/handoffs/{asked}/end", outcome=outcome)
    s.opens("/board/closed")
    expect(s.page.locator(".talk-over")).to_have_count(2)


# -- what supervisors see -------------------------------------------------------------------------


def _leads(path: str) -> Lead:
    return lambda s: s.signed_in("ada", "supervisor", path=path)


def _hours_set(s: Scene) -> None:
    _leads("/hours")(s)
    s.page.locator("#zone").select_option("America/Toronto")
    for day in range(5):
        s.page.locator(f"#day{day}").fill("8-12, 13-22")
    s.page.locator("form.hours button.main").click()
    s.page.wait_for_url("**/hours?note=week")
    s.page.locator("#date").fill("2025-12-25")
    s.page.locator("form.fields button").click()
    s.page.wait_for_url("**/hours?note=date")
    for one in s.page.locator("details summary").all():
        one.click()


def _hours_wrong(s: Scene) -> None:
    _leads("/hours")(s)
    s.page.locator("#zone").select_option("America/Toronto")
    s.page.locator("#day1").fill("8-25")
    s.page.locator("form.hours button.main").click()
    expect(s.page.locator("#day1[aria-invalid=true]")).to_be_visible()


def _planned(s: Scene) -> None:
    _hours_set(s)
    s.opens("/plan")
    s.page.locator("#from").fill("08:00")
    s.page.locator("#to").fill("16:00")
    s.page.locator("form.fields button.main").click()
    expect(s.page.locator("section.plan .gap").first).to_be_visible()


def _counted(s: Scene) -> None:
    first = datetime.fromtimestamp(s.desk.clock(), UTC).replace(day=1)
    counted = {"day:03": 7, "level:1": 7, "language:pa": 5, "language:so": 2, "end:helped": 7}
    name = s.desk.keys.counts(f"{first - timedelta(days=1):%Y-%m}")
    s.house.do(lambda: s.desk.redis.hset(name, mapping=counted))
    _leads("/counts")(s)
    expect(s.page.locator("table.counts").nth(4)).to_be_visible()


def _closed_desk(s: Scene) -> None:
    s.signed_in("ada", "supervisor")
    s.does("ada", "/api/opening", mode="closed")
    s.asks("p")
    s.opens("/desk")
    expect(s.page.locator("#strip .closed")).to_be_visible()


# -- what a person sent; who abuses the line ------------------------------------------------------

SENT = (Media(Kind.PHOTO, "file-photo", 240_000), Media(Kind.VOICE, "file-voice", 9_000),
        Media(Kind.LOCATION, place=(43.651234, -79.347012)), Media(Kind.STICKER))  # fmt: skip


def _sent(s: Scene) -> str:
    asked = _talk(s)
    for media in SENT:
        s.sends("p", media)
    s.opens(f"/handoffs/{asked}")
    expect(s.page.locator("#lines .media")).to_have_count(len(SENT))
    s.live()
    return asked


def _place_opened(s: Scene) -> None:
    _sent(s)
    s.page.locator("[data-media=location]").click()
    expect(s.page.locator(".opened:visible")).to_have_count(1)


def _sent_page(kind: str, more: str = "") -> Lead:
    def lead(s: Scene) -> None:
        _sent(s)
        path = s.page.locator(f"[data-media={kind}]").get_attribute("href")
        s.opens(f"{path}{more}")

    return lead


def _flag_form(*roles: str) -> Lead:
    def lead(s: Scene) -> None:
        asked = _talk(s, Level.ORANGE, "en", *roles)
        s.does("ana", f"/api/handoffs/{asked}/flag", reason="abusive", hours="24")
        s.opens(f"/handoffs/{asked}")
        s.page.locator("#flag summary").click()

    return lead


def _on_hold(s: Scene) -> None:
    s.signed_in("ada", "supervisor")
    for name in ("p", "q"):
        held = {"reason": "flooding", "hours": "24", "seen": "2 0.000"}
        s.does("ada", f"/api/handoffs/{s.asks(name)}/hold", **held)
    s.opens("/desk")
    s.page.locator("#on-hold summary").click()


#: (route, what of it, how one gets there)
STATES: tuple[tuple[str, str, Lead], ...] = (
    ("/login", "empty", lambda s: s.opens("/login")),
    ("/login", "wrong password", wrong_password),
    ("/login/oidc", "provider away", lambda s: s.opens("/login/oidc")),
    ("/login/oidc/callback", "on the way back", returned),
    ("/login/oidc/finish", "begun by nobody", lambda s: s.opens("/login/oidc/finish", 400)),
    ("/login/code", "empty", to_the_code),
    ("/login/code", "wrong code", wrong_code),
    ("/password", "first password", first_password),
    ("/password", "they differ", passwords_differ),
    ("/password", "by choice", lambda s: s.signed_in(path="/password")),
    ("/second-step", "set up", lambda s: s.signed_in(path="/second-step")),
    ("/second-step", "wrong code", wrong_second_step),
    ("/second-step", "to another phone", second_step_again),
    ("/second-step", "recovery codes", recovery),
    ("/desk", "off shift, nobody", lambda s: s.signed_in()),
    ("/desk", "on shift, nobody", _on_shift),
    ("/desk", "everybody", _full_desk),
    ("/desk", "everybody, supervisor", lambda s: _full_desk(s, "supervisor")),
    ("/desk", "nobody came in time", _late),
    ("/desk", "operator", lambda s: (_everybody(s), s.signed_in("olga", "operator"))),
    ("/desk", "note", lambda s: s.signed_in(path="/desk?note=released")),
    ("/desk", "somebody was quicker", _quicker),
    ("/desk", "connection lost", _lost),
    ("/desk", "help", _help),
    ("/desk", "practice, lessons", _at_practice),
    ("/handoffs/{id}", "claimed", _talk),
    ("/handoffs/{id}", "claimed, no common page", lambda s: _talk(s, language="en")),
    ("/handoffs/{id}", "active", _active),
    ("/handoffs/{id}", "active, red", lambda s: _active(s, Level.RED)),
    ("/handoffs/{id}", "danger was written", _flagged),
    ("/handoffs/{id}", "to be raised", _raising),
    ("/handoffs/{id}", "raised", _raised),
    ("/handoffs/{id}", "kept open", _kept_open),
    ("/handoffs/{id}", "a Red waits", _red_waits),
    ("/handoffs/{id}", "phrases", _phrases),
    ("/handoffs/{id}", "no phrases", _no_phrases),
    ("/handoffs/{id}", "phrase inserted", _inserted),
    ("/handoffs/{id}", "cards", _cards),
    ("/handoffs/{id}", "not sent", _not_sent),
    ("/handoffs/{id}", "transfer", _transfer),
    ("/handoffs/{id}", "offered to a colleague", _offered),
    ("/handoffs/{id}", "offer taken back", _taken_back),
    ("/handoffs/{id}", "offer was over", _offer_over),
    ("/handoffs/{id}", "two talks", _offer_and_two_talks),
    ("/handoffs/{id}", "ending", _ending),
    ("/handoffs/{id}", "ending, a page", _ending_page),
    ("/handoffs/{id}", "wrap-up", _wrap_up),
    ("/handoffs/{id}", "closed", _closed),
    ("/handoffs/{id}", "the person has left", _gone),
    ("/handoffs/{id}", "a supervisor reads", _read_only),
    ("/handoffs/{id}", "nobody is with them", _not_claimed),
    ("/handoffs/{id}/live", "the frame without script", _frame),
    ("/handoffs/{id}", "unknown", _problem(f"/handoffs/{'0' * 20}", 410)),
    ("/handoffs/{id}", "not for operators", _problem(f"/handoffs/{'0' * 20}", 403, "operator")),
    ("/handoffs/{id}", "moved away", _moved_away),
    ("/handoffs/{id}/reassign", "held and offered", _moving),
    ("/handoffs/{id}/reassign", "nobody to give to", _giving),
    ("/board", "nobody", lambda s: s.signed_in("ada", "supervisor", path="/board")),
    ("/board", "everybody", _board),
    ("/board", "live", _board_moves),
    ("/board/closed", "none", lambda s: s.signed_in("ada", "supervisor", path="/board/closed")),
    ("/board/closed", "some", _closed_talks),
    ("/", "no such page", _problem("/nothing", 404)),
    ("/desk", "closed", _closed_desk),
    ("/desk", "on hold", _on_hold),
    ("/handoffs/{id}", "flag", _flag_form("counsellor")),
    ("/handoffs/{id}", "flag, supervisor", _flag_form("supervisor")),
    ("/handoffs/{id}", "things were sent", _sent),
    ("/handoffs/{id}", "a place is open", _place_opened),
    ("/handoffs/{id}/media/{line}/page", "photo, blurred", _sent_page("photo")),
    ("/handoffs/{id}/media/{line}/page", "photo", _sent_page("photo", "?clear=1")),
    ("/handoffs/{id}/media/{line}/page", "voice", _sent_page("voice")),
    ("/handoffs/{id}/media/{line}/page", "place", _sent_page("location")),
    ("/hours", "not set", _leads("/hours")),
    ("/hours", "set", _hours_set),
    ("/hours", "wrong", _hours_wrong),
    ("/plan", "not set", _leads("/plan")),
    ("/plan", "set", _planned),
    ("/plan", "the sign-in ends", _sign_in_ends),
    ("/counts", "nothing yet", _leads("/counts")),
    ("/counts", "a month", _counted),
)

#: What a route gives that is no page of its own: parts for the script, redirects.
NO_PAGE = frozenset({
    "/static", "/healthz", "/desk/live", "/desk/mine", "/board/live", "/counts.csv",
    "/handoffs/{id}/card", "/handoffs/{id}/colleagues",
    "/handoffs/{id}/lines", "/handoffs/{id}/media/{line}",
})  # fmt: skip
