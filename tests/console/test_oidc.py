"""Signing in with the organisation: against a real provider in its own process, over HTTP."""

import base64
import hashlib
import html
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher

from bot.console.accounts import AccountError
from bot.console.app import create_app
from bot.console.oidc import AWAY_FOR, MISSED
from bot.errors import SettingsError
from bot.paths import ROOT
from bot.settings import OpenId, Settings
from tests.console.driver import PASSWORD, Console, CounsellorDriver
from tests.console.provider import CLIENT, SECRET, OrganisationProvider
from tests.redis_server import RedisServer

SUB = "sub-of-ana"
BEGUN = "nl_begun"


@pytest.fixture(scope="module")
def running() -> Iterator[OrganisationProvider]:
    provider = OrganisationProvider()
    yield provider
    provider.stop()


@pytest.fixture
def short_lived() -> Iterator[OrganisationProvider]:
    """One that a test takes away."""
    provider = OrganisationProvider()
    yield provider
    provider.stop()


@pytest.fixture
async def provider(running: OrganisationProvider) -> OrganisationProvider:
    await running.be()
    return running


def build(console: Console, provider: OrganisationProvider, *, second_step: bool = False) -> None:
    """The console of somebody whose organisation has this provider."""
    desk = console.desk
    console.app = create_app(
        redis=desk.redis, keys=desk.keys, vault=desk.vault, queue=desk.queue, words=desk.words,
        clock=desk.clock, secure=False, second_step=second_step,
        open_id=OpenId(provider.issuer, CLIENT, SECRET),
        hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
    )  # fmt: skip


@pytest.fixture
async def joined(console: Console, provider: OrganisationProvider) -> Console:
    """A console with the provider, and ana, who has an account without a password."""
    console.desk.clock.now = float(int(time.time()))  # the provider signs with the time there is
    build(console, provider)
    await add(console)
    return console


async def add(console: Console, login: str = "ana", sub: str = SUB) -> None:
    state = console.app.state.console
    once = await state.accounts.add(login, login.title(), ["en"], ["counsellor"],
                                    identity=state.provider.identity(sub))  # fmt: skip
    assert once == ""


async def away(driver: CounsellorDriver) -> str:
    """Presses the button; returns where the browser is sent."""
    assert 'href="/login/oidc"' in (await driver.look("/login")).text
    answer = await driver.get("/login/oidc")
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def returned(driver: CounsellorDriver, url: str) -> str:
    """The browser comes back; returns where the page there leads."""
    page = await driver.get(url)
    assert page.status_code == 200
    (onward,) = re.findall(r'<meta http-equiv="refresh" content="0; url=([^"]+)">', page.text)
    return html.unescape(onward)


async def sign_in(
    driver: CounsellorDriver, provider: OrganisationProvider, sub: str = SUB
) -> httpx.Response:
    url = await provider.sign_in(await away(driver), sub)
    return await driver.get(await returned(driver, url))


def opened(driver: CounsellorDriver) -> bool:
    return "nl_console" in driver.http.cookies


async def acts(console: Console) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = await console.app.state.console.audit.read()
    return found


# -- in ------------------------------------------------------------------------------------------
async def test_who_the_organisation_knows_and_who_has_an_account_is_in(
    joined: Console, provider: OrganisationProvider
) -> None:
    driver = joined.browser()
    answer = await sign_in(driver, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    assert "Ana" in (await driver.look("/desk")).text
    assert await acts(joined) == [("ana", "login_oidc", "")]
    cookies = {line.split("=")[0]: line.lower() for line in answer.headers.get_list("set-cookie")}
    assert set(cookies) == {"nl_console", "nl_device", BEGUN}
    assert all("httponly" in one for one in cookies.values())
    assert "samesite=strict" in cookies["nl_console"]
    assert "max-age=0" in cookies[BEGUN]
    assert BEGUN not in driver.http.cookies


async def test_it_asks_by_code_with_pkce_nonce_and_state_and_redeems_with_the_secret_in_the_header(
    joined: Console, provider: OrganisationProvider
) -> None:
    driver = joined.browser()
    url = await away(driver)
    asked = {name: one for name, (one,) in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{provider.issuer}/oauth2/authorize?")
    assert asked["response_type"] == "code"
    assert asked["scope"] == "openid"  # who they are, no address and no name
    assert asked["client_id"] == CLIENT
    assert asked["redirect_uri"] == "http://console.test/login/oidc/callback"
    assert asked["code_challenge_method"] == "S256"
    await driver.get(await returned(driver, await provider.sign_in(url)))
    (redeemed,) = await provider.asked()
    challenge = hashlib.sha256(redeemed["code_verifier"].encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(challenge).decode().rstrip("=")
    name, _, secret = base64.b64decode(redeemed["authorization"].split()[1]).decode().partition(":")
    assert (unquote(name), unquote(secret)) == (CLIENT, SECRET)
    assert len({asked["state"], asked["nonce"], redeemed["code_verifier"]}) == 3


async def test_the_login_is_of_the_same_kind_and_ends_the_one_before(
    joined: Console, provider: OrganisationProvider
) -> None:
    driver = joined.browser()
    await sign_in(driver, provider)
    before = driver.http.cookies["nl_console"]
    assert (await driver.get("/login/oidc")).headers["location"] == "/desk"
    device = driver.http.cookies["nl_device"]
    del driver.http.cookies["nl_console"]
    url = await provider.sign_in(await away(driver))
    driver.http.cookies.set("nl_console", before, domain="console.test", path="/")
    await driver.get(await returned(driver, url))
    assert driver.http.cookies["nl_console"] != before
    assert driver.http.cookies["nl_device"] == device
    assert await joined.app.state.console.logins.find(before) is None
    joined.desk.clock.forward(2 * 3600)
    assert (await driver.get("/api/desk")).status_code == 401


async def test_signing_out_ends_ours_only(joined: Console, provider: OrganisationProvider) -> None:
    driver = joined.browser()
    await sign_in(driver, provider)
    await driver.look("/desk")
    answer = await driver.submit("/logout")
    assert answer.headers["location"] == "/login"
    assert (await driver.get("/api/desk")).status_code == 401


async def test_a_console_without_a_provider_has_no_such_door(console: Console) -> None:
    driver = console.browser()
    assert "/login/oidc" not in (await driver.look("/login")).text
    for path in ("/login/oidc", "/login/oidc/callback", "/login/oidc/finish"):
        assert (await driver.get(path)).status_code == 404


# -- whose account -------------------------------------------------------------------------------
async def test_who_has_no_account_is_told_so_calmly_with_the_number_to_pass_on(
    joined: Console, provider: OrganisationProvider
) -> None:
    driver = joined.browser()
    answer = await sign_in(driver, provider, "<b>someone</b>")
    assert answer.status_code == 403
    assert "You have no account on this desk yet" in answer.text
    assert "&lt;b&gt;someone&lt;/b&gt;" in answer.text
    assert not opened(driver)
    assert await acts(joined) == []


async def test_an_account_is_found_by_the_lasting_name_and_never_by_an_address(
    joined: Console, provider: OrganisationProvider
) -> None:
    await provider.be(claims={"email": SUB, "email_verified": True, "preferred_username": "ana"})
    assert (await sign_in(joined.browser(), provider, "another")).status_code == 403


async def test_an_account_that_is_removed_moved_or_untied_is_closed_at_once(
    joined: Console, provider: OrganisationProvider
) -> None:
    state = joined.app.state.console
    changes: list[Any] = [
        lambda: state.accounts.bind("ana", state.provider.identity("sub-of-the-new-person")),
        lambda: state.accounts.bind("ana", ""),
        lambda: state.accounts.remove("ana"),
    ]
    for change in changes:
        driver = joined.browser()
        assert (await sign_in(driver, provider)).status_code == 303
        waiting = joined.browser()  # has come back from the provider, and is let in a moment late
        onward = await returned(waiting, await provider.sign_in(await away(waiting)))
        await change()
        assert (await driver.get("/api/desk")).status_code == 401
        assert (await waiting.get(onward)).status_code == 403
        assert not opened(waiting)
        if await state.accounts.find("ana"):
            await state.accounts.bind("ana", state.provider.identity(SUB))
    # The same login made anew is somebody else until it is tied.
    await state.accounts.add("ana", "Ana", ["en"], ["counsellor"])
    assert (await sign_in(joined.browser(), provider)).status_code == 403


async def test_one_identity_has_one_account_and_its_name_is_nowhere_in_the_store(
    joined: Console, provider: OrganisationProvider
) -> None:
    state = joined.app.state.console
    with pytest.raises(AccountError, match="another account"):
        await add(joined, "ben")
    assert await state.accounts.find("ben") is None
    await add(joined, "ben", "sub-of-ben")
    with pytest.raises(AccountError, match="another account"):
        await state.accounts.bind("ben", state.provider.identity(SUB))
    with pytest.raises(AccountError, match="no such login"):
        await state.accounts.bind("cora", state.provider.identity("sub-of-cora"))
    await sign_in(joined.browser(), provider)
    assert SUB.encode() not in await joined.desk.dump()


async def test_an_account_without_a_password_cannot_be_entered_with_one(joined: Console) -> None:
    driver = joined.browser()
    for password in ("", "None", PASSWORD):
        assert (await driver.sign_in("ana", password)).status_code == 403


# -- the second step -----------------------------------------------------------------------------
async def test_a_local_second_step_is_asked_too(
    joined: Console, provider: OrganisationProvider
) -> None:
    secret = pyotp.random_base32()
    totp, now = pyotp.TOTP(secret), joined.desk.clock
    assert await joined.app.state.console.codes.set_up("ana", secret, totp.at(int(now())))
    now.forward(60)
    driver = joined.browser()
    answer = await sign_in(driver, provider)
    assert answer.headers["location"] == "/login/code"
    assert (await driver.get("/api/desk")).status_code == 401
    assert "login_oidc" not in [what for _, what, _ in await acts(joined)]
    await driver.look("/login/code")
    assert (await driver.submit("/login/code", {"code": "000000"})).status_code == 403
    answer = await driver.submit("/login/code", {"code": totp.at(int(now()))})
    assert answer.headers["location"] == "/desk"
    assert (await acts(joined))[-1] == ("ana", "login_oidc", "")


async def test_where_a_second_step_is_a_must_the_organisation_answers_for_it(
    joined: Console, provider: OrganisationProvider
) -> None:
    build(joined, provider, second_step=True)
    accounts = joined.app.state.console.accounts
    once = await accounts.add("ben", "Ben", ["en"], ["counsellor"])
    await accounts.change_password("ben", once, PASSWORD)
    await accounts.bind("ben", joined.app.state.console.provider.identity("sub-of-ben"))
    by_password, by_organisation = joined.browser(), joined.browser()
    answer = await by_password.sign_in("ben", PASSWORD)
    assert answer.headers["location"] == "/second-step"
    assert (await by_password.get("/api/desk")).json() == {"error": "unfinished"}
    answer = await sign_in(by_organisation, provider, "sub-of-ben")
    assert answer.headers["location"] == "/desk"
    assert (await by_organisation.get("/api/desk")).status_code == 200
    # What it changes while it is in does not make less of the login.
    await by_organisation.look("/password")
    fields = {"old": PASSWORD, "new": f"{PASSWORD} again", "again": f"{PASSWORD} again"}
    answer = await by_organisation.submit("/password", fields)
    assert answer.headers["location"] == "/desk"
    assert (await by_organisation.get("/api/desk")).status_code == 200


# -- answers that prove nothing ------------------------------------------------------------------
@pytest.mark.parametrize(
    "how",
    [
        {"claims": {"exp": 1_700_000_000}},
        {"claims": {"exp": None}},
        {"claims": {"iat": 4_000_000_000}},
        {"claims": {"iss": "https://somebody.else.test"}},
        {"claims": {"iss": None}},
        {"claims": {"aud": "another console"}},
        {"claims": {"aud": ["another console"], "azp": CLIENT}},
        {"claims": {"aud": [CLIENT, "another console"]}},
        {"claims": {"aud": [CLIENT, "another console"], "azp": "another console"}},
        {"claims": {"aud": None}},
        {"claims": {"nonce": "of another sign-in"}},
        {"claims": {"nonce": None}},
        {"claims": {"sub": None}},
        {"claims": {"sub": ""}},
        {"claims": {"sub": 7}},
        {"claims": {"sub": "x" * 256}},
        {"claims": {}, "other_keys": True},
        {"claims": {}, "alg": "none"},
        {"claims": {}, "alg": "HS256"},
        {"fails": {"/oauth2/token": 401}},
        {"fails": {"/oauth2/token": 400}},
    ],
    ids=str,
)
async def test_a_token_that_is_wrong_in_any_way_opens_nothing(
    joined: Console, provider: OrganisationProvider, how: dict[str, Any]
) -> None:
    await provider.be(**how)
    driver = joined.browser()
    answer = await sign_in(driver, provider)
    assert answer.status_code == 403
    assert "could not be verified" in answer.text
    assert not opened(driver)
    assert await acts(joined) == []


@pytest.mark.parametrize("claims", [{}, {"aud": [CLIENT]}, {"aud": [CLIENT, "x"], "azp": CLIENT}])
async def test_what_the_other_tests_change_is_all_that_is_wrong_with_those_tokens(
    joined: Console, provider: OrganisationProvider, claims: dict[str, Any]
) -> None:
    await provider.be(claims=claims)
    assert (await sign_in(joined.browser(), provider)).status_code == 303


async def test_the_answer_to_another_sign_in_opens_nothing(
    joined: Console, provider: OrganisationProvider
) -> None:
    """Another browser, another state, too late, begun again meanwhile, another issuer."""
    mine, theirs = joined.browser(), joined.browser()
    onward = await returned(mine, await provider.sign_in(await away(mine)))
    kept = mine.http.cookies[BEGUN]
    stranger = joined.browser()
    await away(theirs)
    for driver in (stranger, theirs):
        assert (await driver.get(onward)).status_code == 400
        assert not opened(driver)
    for wrong in (re.sub("state=[^&]+", "state=x", onward), onward.replace("state=", "x="),
                  f"{onward}&iss=https%3A%2F%2Fsomebody.else.test"):  # fmt: skip
        mine.http.cookies.set(BEGUN, kept, domain="console.test", path="/")
        assert (await mine.get(wrong)).status_code == 400
    for cookie in ("00", "none", kept[:-2] + "00"):
        mine.http.cookies.set(BEGUN, cookie, domain="console.test", path="/")
        assert (await mine.get(onward)).status_code == 400
    mine.http.cookies.set(BEGUN, kept, domain="console.test", path="/")
    joined.desk.clock.forward(AWAY_FOR)
    assert (await mine.get(onward)).status_code == 400
    assert await provider.asked() == []  # nothing was even asked about
    assert not opened(mine)


async def test_a_nonce_of_another_sign_in_opens_nothing(
    joined: Console, provider: OrganisationProvider
) -> None:
    """Really signed by the provider, for a page somebody else began."""
    driver = joined.browser()
    url = re.sub("nonce=[^&]+", "nonce=planted", await away(driver))
    answer = await driver.get(await returned(driver, await provider.sign_in(url)))
    assert answer.status_code == 403


async def test_an_answer_opens_once_even_when_the_provider_would_take_it_twice(
    joined: Console, provider: OrganisationProvider
) -> None:
    driver, again = joined.browser(), joined.browser()
    onward = await returned(driver, await provider.sign_in(await away(driver)))
    kept = driver.http.cookies[BEGUN]
    assert (await driver.get(onward)).status_code == 303
    assert (await driver.get(onward)).status_code == 400
    for twice, status in ((False, 403), (True, 400)):
        await provider.be(twice=twice)
        again.http.cookies.set(BEGUN, kept, domain="console.test", path="/")
        assert (await again.get(onward)).status_code == status
        assert not opened(again)


async def guess(driver: CounsellorDriver) -> httpx.Response:
    """A code nobody was given, in a sign-in that was really begun."""
    url = await away(driver)
    state = parse_qs(urlsplit(url).query)["state"][0]
    return await driver.get(f"/login/oidc/finish?code=guessed&state={state}")


async def test_codes_that_prove_nothing_are_slowed_at_one_place_and_hold_up_nobody_else(
    joined: Console, provider: OrganisationProvider
) -> None:
    colleague = joined.browser()
    for _ in range(5):
        assert (await sign_in(colleague, provider)).status_code == 303
        del colleague.http.cookies["nl_console"]
    guesses = [await guess(joined.browser()) for _ in range(5)]
    assert [answer.status_code for answer in guesses] == [403, 403, 403, 429, 429]
    assert int(guesses[-1].headers["retry-after"]) > 0
    assert (await sign_in(colleague, provider)).status_code == 303  # the same place
    assert (await sign_in(joined.browser("198.51.100.9"), provider)).status_code == 303
    assert (await sign_in(joined.browser(), provider)).status_code == 429
    joined.desk.clock.forward(2)
    assert (await sign_in(joined.browser(), provider)).status_code == 303  # and all is forgiven
    assert (await guess(joined.browser())).status_code == 403


# -- away, and no ---------------------------------------------------------------------------------
async def test_a_provider_that_is_away_leaves_the_local_login(
    console: Console, short_lived: OrganisationProvider
) -> None:
    provider = short_lived
    console.desk.clock.now = float(int(time.time()))
    await console.counsellor("zoe")
    build(console, provider)
    await add(console)
    driver = console.browser()
    onward = await returned(driver, await provider.sign_in(await away(driver)))
    provider.stop()
    for path in (onward, "/login/oidc"):
        console.desk.clock.forward(400)  # what it said of itself is not believed for ever
        answer = await driver.get(path)
        assert answer.status_code == 200
        assert "cannot be reached now" in answer.text
        assert 'name="password"' in answer.text
    driver.csrf = re.findall(r'name="csrf" value="([^"]+)"', answer.text)[0]
    answer = await driver.submit("/login", {"login": "zoe", "password": PASSWORD})
    assert answer.headers["location"] == "/desk"


@pytest.mark.parametrize(
    "how",
    [
        {"description": {"issuer": "https://somebody.else.test"}},
        {"description": {"token_endpoint": "http://somebody.else.test/token"}},
        {"description": {"jwks_uri": None}},
        {"fails": {"/.well-known/openid-configuration": 500}},
        {"fails": {"/.well-known/openid-configuration": 302}},
        {"fails": {"/.well-known/openid-configuration": 200}},
    ],
    ids=str,
)
async def test_a_provider_that_describes_itself_wrongly_is_not_used(
    joined: Console, provider: OrganisationProvider, how: dict[str, Any]
) -> None:
    await provider.be(**how)
    driver = joined.browser()
    for _ in range(2):
        answer = await driver.get("/login/oidc")
        assert answer.status_code == 200
        assert "cannot be reached now" in answer.text
    await provider.be()
    joined.desk.clock.forward(MISSED)
    assert (await sign_in(driver, provider)).status_code == 303


@pytest.mark.parametrize("path", ["/oauth2/token", "/jwks"])
async def test_a_provider_that_goes_away_in_between_is_no_error_of_ours(
    joined: Console, provider: OrganisationProvider, path: str
) -> None:
    await provider.be(fails={path: 503})
    for _ in range(6):  # and nobody's fault
        answer = await sign_in(joined.browser(), provider)
        assert answer.status_code == 200
        assert "cannot be reached now" in answer.text


async def test_who_says_no_at_the_provider_is_back_at_the_login_page(
    joined: Console, provider: OrganisationProvider
) -> None:
    driver = joined.browser()
    url = await away(driver)
    back = await provider.sign_in(url, refuse=True)
    state = parse_qs(urlsplit(url).query)["state"][0]
    back += "" if "state=" in back else f"&state={state}"  # this provider forgets it
    answer = await driver.get(await returned(driver, back))
    assert answer.status_code == 200
    assert "You were not signed in" in answer.text
    assert 'name="password"' in answer.text
    assert await provider.asked() == []


# -- what goes out --------------------------------------------------------------------------------
async def test_the_way_back_leads_nowhere_but_to_the_finish(
    joined: Console, provider: OrganisationProvider
) -> None:
    driver = joined.browser()
    hostile = '/login/oidc/callback?code="><script>&state=;url=//evil.test&next=//evil.test&iss=%0d'
    onward = await returned(driver, hostile)
    assert onward.startswith("/login/oidc/finish?code=%22%3E%3Cscript%3E&state=%3B")
    assert "next" not in onward
    assert "//" not in onward
    answer = await driver.http.get("/login/oidc", headers={"host": "evil.test/x?"})
    assert answer.status_code == 400


async def test_nothing_of_it_is_ever_logged(
    joined: Console, provider: OrganisationProvider, capfd: pytest.CaptureFixture[str]
) -> None:
    seen = [SUB, SECRET, "sub-of-nobody"]
    for how in ({}, {"claims": {"nonce": "x"}}, {"fails": {"/jwks": 500}},
                {"fails": {"/oauth2/token": 400}}):  # fmt: skip
        await provider.be(**how)
        for sub in (SUB, "sub-of-nobody"):
            driver = joined.browser()
            url = await provider.sign_in(await away(driver), sub)
            seen += [one for (one,) in parse_qs(urlsplit(url).query).values()]
            await driver.get(await returned(driver, url))
            seen += [asked["code_verifier"] for asked in await provider.asked()]
    logged = "".join(capfd.readouterr())
    assert "oidc_refused" in logged
    assert "oidc_away" in logged
    assert [one for one in seen if one in logged] == []


# -- settings and accounts -------------------------------------------------------------------------
def _settings(**given: str) -> Settings:
    return Settings.load({f"NORTHLIGHT_OIDC_{name}": value for name, value in given.items()})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ISSUER": "https://id.test"}, "OIDC_CLIENT_ID: .* all three"),
        ({"ISSUER": "https://id.test", "CLIENT_ID": "x"}, "OIDC_CLIENT_SECRET: .* all three"),
        ({"CLIENT_ID": "x", "CLIENT_SECRET": "y"}, "OIDC_ISSUER: .* all three"),
        ({"ISSUER": "http://id.test", "CLIENT_ID": "x", "CLIENT_SECRET": "y"}, "ISSUER: .* https"),
        ({"ISSUER": "id.test"}, "OIDC_ISSUER: "),
        ({"ISSUER": "https://id.test/?tenant=1"}, "OIDC_ISSUER: .* exactly"),
        ({"ISSUER": "https://me:secret@id.test"}, "OIDC_ISSUER: .* exactly"),
    ],
)
def test_wrong_settings_are_named(given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        _settings(**given)


def test_the_secret_is_not_shown() -> None:
    settings = _settings(ISSUER="http://127.0.0.1:9", CLIENT_ID="x", CLIENT_SECRET="hush-hush")
    assert settings.open_id == OpenId("http://127.0.0.1:9", "x", "hush-hush")
    assert "hush" not in f"{settings} {settings.open_id}"
    assert _settings().open_id is None


def test_accounts_are_tied_on_the_command_line() -> None:
    with RedisServer() as server:
        clean = {name: text for name, text in os.environ.items() if "NORTHLIGHT" not in name}
        keyed = {"NORTHLIGHT_REDIS_URL": server.url, "NORTHLIGHT_MASTER_KEY": "07" * 32}
        there = {"ISSUER": "https://id.test", "CLIENT_ID": "x", "CLIENT_SECRET": "y"}
        environ = clean | keyed
        told = ""

        def bot(*words: str) -> int:
            nonlocal told
            done = subprocess.run(
                [sys.executable, "-m", "bot", *words],
                cwd=ROOT, env=environ, capture_output=True, text=True,
            )  # fmt: skip
            told += done.stdout + done.stderr
            return done.returncode

        add = ("counsellor", "add", "ana", "--alias", "Ana", "--oidc", SUB)
        assert bot(*add) == 2
        assert "NORTHLIGHT_OIDC_ISSUER" in told
        environ |= {f"NORTHLIGHT_OIDC_{name}": value for name, value in there.items()}
        assert bot(*add) == 0
        assert "password" not in told
        assert bot("counsellor", "add", "ben", "--alias", "Ben") == 0
        assert bot("counsellor", "oidc", "ben", SUB) == 2
        assert bot("counsellor", "oidc", "ana") == 0
        assert bot("counsellor", "oidc", "ben", SUB) == 0
        assert bot("counsellor", "oidc", "nobody", SUB) == 2
        assert bot("audit-log") == 0
    assert told.count("account_oidc") == 2
    assert SUB not in told
