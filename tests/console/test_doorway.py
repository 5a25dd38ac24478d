"""Signing in: the cookie, its end, the delay after failures, the first password."""

import asyncio

import pytest

from bot.console.accounts import LINE, LINE_OF_A_PLACE, AccountError, Busy
from tests.console.driver import PASSWORD, Console, CounsellorDriver


async def test_the_login_cookie_is_out_of_reach_of_scripts_and_other_sites(
    console: Console,
) -> None:
    await console.counsellor("ana")
    driver = console.browser()
    answer = await driver.sign_in("ana", PASSWORD)
    (cookie,) = [
        line for line in answer.headers.get_list("set-cookie") if line.startswith("nl_console=")
    ]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    value = cookie.split(";")[0].split("=", 1)[1]
    assert value.encode() not in await console.desk.dump()
    assert PASSWORD.encode() not in await console.desk.dump()


async def test_each_sign_in_gets_a_new_token_and_ends_the_one_before(console: Console) -> None:
    driver = await console.counsellor("ana")
    before = driver.http.cookies["nl_console"]
    await driver.submit("/login", {"login": "ana", "password": PASSWORD})
    assert driver.http.cookies["nl_console"] != before
    driver.http.cookies.set("nl_console", before, domain="console.test", path="/")
    assert await console.app.state.console.logins.find(before) is None


async def test_a_planted_cookie_is_never_taken_over(console: Console) -> None:
    await console.counsellor("ana")
    driver = console.browser()
    driver.http.cookies.set("nl_console", "planted", domain="console.test", path="/")
    await driver.look("/login")
    answer = await driver.submit("/login", {"login": "ana", "password": PASSWORD})
    assert "nl_console=planted" not in str(answer.headers.get_list("set-cookie"))
    assert await console.app.state.console.logins.find("planted") is None


async def test_a_login_ends_after_two_idle_hours_and_after_twelve_in_all(console: Console) -> None:
    driver = await console.counsellor("ana")
    for _ in range(11):
        console.desk.clock.forward(3_599)
        assert (await driver.get("/api/desk")).status_code == 200
    console.desk.clock.forward(3_700)
    assert (await driver.get("/api/desk")).status_code == 401
    other = await console.counsellor("ben")
    console.desk.clock.forward(2 * 3600)
    assert (await other.get("/api/desk")).status_code == 401


async def test_a_page_left_open_counts_as_presence_only_while_on_shift(console: Console) -> None:
    idle, waiting = await console.counsellor("idle"), await console.counsellor("waiting")
    await waiting.post("/api/shift", {"on": True})
    for _ in range(300):
        console.desk.clock.forward(25)
        await idle.post("/api/heartbeat")
        await waiting.post("/api/heartbeat")
    assert (await idle.get("/api/desk")).status_code == 401
    assert (await waiting.get("/api/desk")).status_code == 200


async def test_logging_out_ends_the_login_and_the_shift(
    console: Console, ana: CounsellorDriver
) -> None:
    value = ana.http.cookies["nl_console"]
    await ana.submit("/logout")
    assert await console.app.state.console.logins.find(value) is None
    assert await console.desk.queue.counsellors_on_shift() == 0


async def test_guessing_is_slowed_and_locks_no_colleague_out(console: Console) -> None:
    await console.counsellor("ana")
    guesser = console.browser("198.51.100.7")
    await guesser.look("/login")
    answers = []
    for _ in range(5):
        answer = await guesser.submit("/login", {"login": "ana", "password": "wrong wrong"})
        answers.append(answer.status_code)
    assert answers == [403, 403, 403, 429, 429]
    # Even the right password is not looked at before the delay is over.
    answer = await guesser.submit("/login", {"login": "ana", "password": PASSWORD})
    assert answer.status_code == 429
    assert (await console.browser("192.0.2.9").sign_in("ana", PASSWORD)).status_code == 303
    console.desk.clock.forward(int(answer.headers["retry-after"]))
    assert (await guesser.sign_in("ana", PASSWORD)).status_code == 303


async def test_the_delay_grows_and_is_forgotten_after_a_right_password(console: Console) -> None:
    logins = console.app.state.console.logins
    await console.counsellor("ana")
    for _ in range(2):
        assert await logins.delay("ana", "here") == 0
    waits = []
    for _ in range(12):
        assert await logins.delay("ana", "here") == 0
        waits.append(await logins.delay("ana", "here"))
        console.desk.clock.forward(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    await logins.open("ana", "here")
    for _ in range(3):
        assert await logins.delay("ana", "here") == 0


async def test_one_place_that_guesses_keeps_nobody_else_out_of_the_line(console: Console) -> None:
    await console.counsellor("ana")
    accounts = console.app.state.console.accounts
    async with accounts._turns[False]:  # a password is being looked at, and takes its time
        guesses = [
            asyncio.create_task(accounts.check(f"login{number}", "wrong", place="192.0.2.66"))
            for number in range(LINE + 5)
        ]
        await asyncio.sleep(0)
        colleague = asyncio.create_task(accounts.check("ana", PASSWORD, place="192.0.2.9"))
        await asyncio.sleep(0)
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(answer, Busy) for answer in answers) == LINE + 5 - LINE_OF_A_PLACE
    assert await colleague
    assert not accounts._in_line


async def test_an_unknown_login_is_answered_like_a_wrong_password(console: Console) -> None:
    await console.counsellor("ana")
    answers = []
    for login in ("ana", "nobody", "../../etc", "*"):
        driver = console.browser(f"source of {login}")
        await driver.look("/login")
        answer = await driver.submit("/login", {"login": login, "password": "wrong wrong"})
        answers.append((answer.status_code, "is not right" in answer.text))
    assert answers == [(403, True)] * 4


async def test_the_first_password_must_be_changed_for_one_that_is_long_enough(
    console: Console,
) -> None:
    accounts = console.app.state.console.accounts
    first = await accounts.add("ana", "Ana", ["en", "fr"], ["counsellor"])
    driver = console.browser()
    await driver.sign_in("ana", first)
    for new, again in (("short", "short"), (first, first), ("one thing here", "another thing")):
        answer = await driver.submit("/password", {"old": first, "new": new, "again": again})
        assert answer.status_code == 400
    console.desk.clock.forward(600)
    other = console.browser()
    await other.sign_in("ana", first)
    changed = await driver.submit("/password", {"old": first, "new": PASSWORD, "again": PASSWORD})
    assert changed.headers["location"] == "/desk"
    assert (await driver.get("/desk")).status_code == 200
    assert (await other.get("/password")).headers["location"] == "/login"


async def test_a_removed_account_is_out_at_once(console: Console, ana: CounsellorDriver) -> None:
    accounts = console.app.state.console.accounts
    assert [account.login for account in await accounts.list()] == ["ana"]
    await accounts.remove("ana")
    assert (await ana.get("/api/desk")).status_code == 401
    assert await accounts.list() == []
    with pytest.raises(AccountError):
        await accounts.remove("ana")


@pytest.mark.parametrize(
    ("login", "alias", "languages", "roles"),
    [
        ("A B", "Ana", ["en"], ["counsellor"]),
        ("ana", "", ["en"], ["counsellor"]),
        ("ana", "Ana", [], ["counsellor"]),
        ("ana", "Ana", ["en"], ["boss"]),
        ("ana", "Ana", ["en"], []),
    ],
)
async def test_an_account_that_makes_no_sense_is_refused(
    console: Console, login: str, alias: str, languages: list[str], roles: list[str]
) -> None:
    with pytest.raises(AccountError):
        await console.app.state.console.accounts.add(login, alias, languages, roles)


async def test_the_console_speaks_english_and_french(console: Console) -> None:
    driver = console.browser()
    assert 'lang="en"' in (await driver.look("/login")).text
    answer = await driver.submit("/language", {"language": "fr", "back": "//evil.test/"})
    assert answer.headers["location"] == "/desk"
    page = (await driver.look("/login")).text
    assert 'lang="fr"' in page
    assert "Mot de passe" in page
