"""The states of the pages before the desk: signing in, passwords, the second step (states.py)."""

import re

import pyotp
from playwright.sync_api import Route, expect

from bot.console.second_step import CODES
from tests.console.driver import PASSWORD
from tests.desk.scene import Scene


def wrong_password(s: Scene) -> None:
    s.opens("/login")
    s.page.locator("#login").fill("nobody")
    s.page.locator("#password").fill("something else")
    s.page.locator("main button.main").click()
    expect(s.page.get_by_role("alert")).to_be_visible()


def to_the_code(s: Scene) -> str:
    secret = s.house.account("ana", second_step=True)
    s.opens("/login")
    s.page.locator("#login").fill("ana")
    s.page.locator("#password").fill(PASSWORD)
    s.page.locator("main button.main").click()
    s.page.wait_for_url("**/login/code")
    return secret


def wrong_code(s: Scene) -> None:
    to_the_code(s)
    s.page.locator("#code").fill("000000")
    s.page.locator("main button.main").click()
    expect(s.page.get_by_role("alert")).to_be_visible()


def returned(s: Scene) -> None:
    def stay(route: Route) -> None:
        route.fulfill(status=204)

    s.page.route("**/login/oidc/finish*", stay)  # it would be passed through in a moment
    s.opens("/login/oidc/callback?state=x&code=y")
    expect(s.page.get_by_role("link")).to_be_visible()


def first_password(s: Scene) -> None:
    once = s.house.account("ana", first=True)
    s.takes_cookies("ana", once)
    s.opens("/password")


def passwords_differ(s: Scene) -> None:
    first_password(s)
    s.page.locator("#old").fill("this is not the one")
    s.page.locator("#new").fill("a long calm sentence")
    s.page.locator("#again").fill("another long sentence")
    s.page.locator("main button.main").click()
    expect(s.page.get_by_role("alert")).to_be_visible()


def second_step_again(s: Scene) -> None:
    secret = to_the_code(s)
    s.page.locator("#code").fill(pyotp.TOTP(secret).at(int(s.desk.clock())))
    s.page.locator("main button.main").click()
    s.page.wait_for_url(re.compile("/desk"))
    s.opens("/second-step")


def recovery(s: Scene) -> None:
    s.signed_in(path="/second-step")
    secret = re.sub(r"\s", "", s.page.locator("#secret").inner_text())
    s.page.locator("#code").fill(pyotp.TOTP(secret).at(int(s.desk.clock())))
    s.page.locator("main #password").fill(PASSWORD)
    s.page.locator("main button.main").click()
    expect(s.page.locator("#codes li")).to_have_count(CODES)


def wrong_second_step(s: Scene) -> None:
    s.signed_in(path="/second-step")
    s.page.locator("#code").fill("000000")
    s.page.locator("main #password").fill(PASSWORD)
    s.page.locator("main button.main").click()
    expect(s.page.get_by_role("alert")).to_be_visible()
