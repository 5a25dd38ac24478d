"""The second step: a code from a phone, recovery codes, and that nobody is locked out by others."""

import asyncio
import re

import pyotp
import pytest
from argon2 import PasswordHasher
from starlette.applications import Starlette

from bot.console.app import create_app
from bot.console.logins import HALF, STRANGE_CODES, STRANGE_WINDOW
from bot.rotate_keys import Rewrapping
from bot.vault import Ring, Vault
from tests.console.driver import PASSWORD, Console, CounsellorDriver


def build(console: Console, *, required: bool, vault: Vault | None = None) -> Starlette:
    """Another console process on the same accounts."""
    desk = console.desk
    return create_app(
        redis=desk.redis, keys=desk.keys, vault=vault or desk.vault, queue=desk.queue,
        words=desk.words, clock=desk.clock, secure=False, second_step=required,
        hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
    )  # fmt: skip


def code_of(console: Console, secret: str) -> str:
    """What the phone shows now."""
    return pyotp.TOTP(secret).at(int(console.desk.clock()))


async def set_up(
    console: Console, driver: CounsellorDriver, old: str = ""
) -> tuple[str, list[str]]:
    """Goes through the page; returns the phone's secret and the recovery codes."""
    shown = (await driver.look("/second-step")).text
    secret = re.sub(r"\s", "", re.findall(r'<code id="secret">([^<]+)<', shown)[0])
    sealed = re.findall(r'name="secret" value="([0-9a-f]+)"', shown)[0]
    fields = {"secret": sealed, "code": code_of(console, secret), "password": PASSWORD, "old": old}
    answer = await driver.submit("/second-step", fields)
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", answer.text)
    assert answer.status_code == 200, answer.text
    driver.csrf = re.findall(r'name="csrf" content="([^"]+)"', answer.text)[0]
    console.desk.clock.forward(60)  # the code just used opens nothing more
    return secret, codes


async def with_second_step(console: Console, login: str = "ana") -> tuple[str, list[str]]:
    driver = await console.counsellor(login)
    return await set_up(console, driver)


async def to_the_code(
    console: Console, login: str = "ana", source: str = "192.0.2.1"
) -> CounsellorDriver:
    driver = console.browser(source)
    answer = await driver.sign_in(login, PASSWORD)
    assert answer.headers["location"] == "/login/code"
    return driver


async def test_signing_in_takes_the_password_and_then_a_code_under_a_new_token(
    console: Console,
) -> None:
    secret, codes = await with_second_step(console)
    assert len(set(codes)) == 10
    driver = await to_the_code(console)
    half = driver.http.cookies["nl_console"]
    assert (await driver.get("/api/desk")).status_code == 401
    assert (await driver.get("/desk")).headers["location"] == "/login"
    assert (await driver.submit("/login/code", {"code": "000000"})).status_code == 403
    answer = await driver.submit("/login/code", {"code": code_of(console, secret)})
    assert answer.headers["location"] == "/desk"
    assert driver.http.cookies["nl_console"] != half
    assert (await driver.get("/desk")).status_code == 200
    assert await console.app.state.console.logins.find(half) is None
    acts = [what for _, what, _ in await console.app.state.console.audit.read()]
    assert acts[-2:] == ["code_refused", "login"]
    assert "second_step" in acts


async def test_a_code_opens_once_even_when_it_comes_twice_at_the_same_moment(
    console: Console,
) -> None:
    secret, _ = await with_second_step(console)
    drivers = [await to_the_code(console, source=f"192.0.2.{at}") for at in range(6)]
    code = code_of(console, secret)
    answers = await asyncio.gather(
        *(driver.submit("/login/code", {"code": code}) for driver in drivers)
    )
    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403, 403, 403]
    console.desk.clock.forward(30)
    assert (await drivers[0].submit("/login/code", {"code": code})).status_code != 303


@pytest.mark.parametrize(("late", "opens"), [(-30, True), (0, True), (30, True), (90, False)])
async def test_a_phone_whose_clock_differs_a_little_is_understood(
    console: Console, late: int, opens: bool
) -> None:
    secret, _ = await with_second_step(console)
    driver = await to_the_code(console)
    code = pyotp.TOTP(secret).at(int(console.desk.clock()) - late)
    answer = await driver.submit("/login/code", {"code": f"{code[:3]} {code[3:]}"})
    assert (answer.status_code == 303) is opens


async def test_each_recovery_code_opens_once_and_leads_to_a_new_phone(console: Console) -> None:
    _, codes = await with_second_step(console)
    driver = await to_the_code(console)
    answer = await driver.submit("/login/code", {"code": codes[3].upper()})
    assert answer.headers["location"] == "/second-step"
    assert "Recovery codes left: 9" in (await driver.look("/second-step")).text
    again = await to_the_code(console)
    assert (await again.submit("/login/code", {"code": codes[3]})).status_code == 403
    # The new phone: the old one's codes end, recovery codes included.
    _, fresh = await set_up(console, driver, old=codes[4])
    assert not set(fresh) & set(codes)
    console.desk.clock.forward(120)
    last = await to_the_code(console)
    console.desk.clock.forward(1)
    assert (await last.submit("/login/code", {"code": codes[5]})).status_code == 403
    console.desk.clock.forward(2)
    assert (await last.submit("/login/code", {"code": fresh[0]})).status_code == 303


async def test_a_stolen_login_cannot_move_the_second_step_to_another_phone(
    console: Console,
) -> None:
    driver = await console.counsellor("ana")
    shown = (await driver.look("/second-step")).text
    secret = re.sub(r"\s", "", re.findall(r'<code id="secret">([^<]+)<', shown)[0])
    sealed = re.findall(r'name="secret" value="([0-9a-f]+)"', shown)[0]
    other = await console.counsellor("ben")
    foreign = re.findall(r'name="secret" value="([0-9a-f]+)"',
                         (await other.look("/second-step")).text)[0]  # fmt: skip
    right = {"secret": sealed, "code": code_of(console, secret), "password": PASSWORD}
    for wrong in ({"password": "wrong"}, {"secret": foreign}, {"secret": "00"}, {"code": "1"},
                  {"secret": ""}, {"code": "\u0661\u0662\u0663\u0664\u0665\u0666"}):  # fmt: skip
        console.desk.clock.forward(1_000)
        right["code"] = code_of(console, secret)
        answer = await driver.submit("/second-step", {**right, **wrong})
        assert answer.status_code == 400, wrong
    console.desk.clock.forward(1_000)
    await set_up(console, driver)
    shown = (await driver.look("/second-step")).text
    secret = re.sub(r"\s", "", re.findall(r'<code id="secret">([^<]+)<', shown)[0])
    sealed = re.findall(r'name="secret" value="([0-9a-f]+)"', shown)[0]
    fields = {"secret": sealed, "code": code_of(console, secret), "password": PASSWORD}
    for old in ("", "123456", "aaaaa-aaaaa"):
        answer = await driver.submit("/second-step", {**fields, "old": old})
        assert answer.status_code in (400, 429)
        console.desk.clock.forward(400)
        fields["code"] = code_of(console, secret)


async def test_setting_it_up_ends_every_other_login(console: Console) -> None:
    driver, elsewhere = await console.counsellor("ana"), console.browser()
    await elsewhere.sign_in("ana", PASSWORD)
    before = driver.http.cookies["nl_console"]
    await set_up(console, driver)
    assert (await elsewhere.get("/api/desk")).status_code == 401
    assert (await driver.get("/api/desk")).status_code == 200
    assert driver.http.cookies["nl_console"] != before


async def test_where_it_is_required_nothing_opens_before_it_is_set_up(console: Console) -> None:
    driver = await console.counsellor("ana")
    console.app = build(console, required=True)
    strict = console.browser()
    answer = await strict.sign_in("ana", PASSWORD)
    assert answer.headers["location"] == "/second-step"
    refused = await strict.get("/desk")
    assert refused.status_code == 403
    assert 'href="/second-step"' in refused.text
    assert (await strict.get("/api/desk")).json() == {"error": "unfinished"}
    await set_up(console, strict)
    assert (await strict.get("/desk")).status_code == 200
    assert (await driver.get("/api/desk")).status_code == 401  # an older login


async def test_the_half_login_ends_by_itself_and_is_no_login(console: Console) -> None:
    secret, _ = await with_second_step(console)
    driver = await to_the_code(console)
    for path in ("/password", "/second-step", "/api/heartbeat", "/logout"):
        assert (await driver.submit(path)).status_code in (303, 401)
    console.desk.clock.forward(HALF)
    answer = await driver.submit("/login/code", {"code": code_of(console, secret)})
    assert answer.headers["location"] == "/login"


async def test_the_secret_and_the_codes_are_readable_nowhere(console: Console) -> None:
    secret, codes = await with_second_step(console)
    stored = await console.desk.dump()
    for hidden in (secret, codes[0], codes[0].replace("-", "")):
        assert hidden.encode() not in stored


async def test_an_operator_can_take_it_off_an_account_whose_phone_is_lost(
    console: Console,
) -> None:
    await with_second_step(console)
    assert await console.app.state.console.codes.remove("ana")
    assert not await console.app.state.console.codes.remove("nobody")
    assert await console.app.state.console.accounts.find("nobody") is None
    assert (await console.browser().sign_in("ana", PASSWORD)).headers["location"] == "/desk"


async def test_a_new_master_key_keeps_every_phone_working(console: Console) -> None:
    secret, codes = await with_second_step(console)
    old = b"\x07" * 32
    both = Vault(Ring((old, b"\x08" * 32)))
    await Rewrapping(console.desk.redis, console.desk.keys, both).rewrap()
    newest = Vault(Ring((old, b"\x08" * 32)).newest_only())
    console.app = build(console, required=True, vault=newest)
    driver = await to_the_code(console)
    answer = await driver.submit("/login/code", {"code": code_of(console, secret)})
    assert answer.headers["location"] == "/desk"
    driver = await to_the_code(console)
    answer = await driver.submit("/login/code", {"code": codes[0]})
    assert answer.headers["location"] == "/second-step"


# -- nobody is locked out -----------------------------------------------------------------------


async def test_guessing_at_the_next_desk_never_slows_a_colleague(console: Console) -> None:
    """The same address (one office, or a proxy that hides all): only unknown browsers wait."""
    ana = await console.counsellor("ana")
    guesser = console.browser()
    await guesser.look("/login")
    for _ in range(30):
        await guesser.submit("/login", {"login": "ana", "password": "wrong wrong"})
        console.desk.clock.forward(1)
    assert (await guesser.sign_in("ana", PASSWORD)).status_code == 429
    await ana.submit("/logout")
    assert (await ana.sign_in("ana", PASSWORD)).headers["location"] == "/desk"


async def test_a_known_browser_is_slowed_when_the_guesses_come_from_itself(
    console: Console,
) -> None:
    ana = await console.counsellor("ana")
    await ana.submit("/logout")
    await ana.look("/login")
    codes = [
        (await ana.submit("/login", {"login": "ana", "password": "wrong"})).status_code
        for _ in range(5)
    ]
    assert codes == [403, 403, 403, 429, 429]


async def test_a_browser_is_known_only_to_whose_login_it_was_until_a_new_password(
    console: Console,
) -> None:
    ana = await console.counsellor("ana")
    await console.counsellor("ben")
    devices, accounts = console.app.state.console.devices, console.app.state.console.accounts
    cookie = ana.http.cookies["nl_device"]
    anas, bens = await accounts.find("ana"), await accounts.find("ben")
    assert devices.name(cookie, anas)
    assert not devices.name(cookie, bens)
    both = devices.remember(cookie, bens)
    assert devices.name(both, anas) == devices.name(both, bens) == devices.name(cookie, anas)
    for forged in ("", "x", "x.y", cookie[:-1], f"x{cookie}", "\u00e9.\u00e9", "." * 99):
        assert not devices.name(forged, anas), forged
        assert devices.name(devices.remember(forged, anas), anas)
    await accounts.reset_password("ana")
    assert not devices.name(cookie, await accounts.find("ana"))


async def test_codes_guessed_from_many_addresses_are_stopped_and_ana_still_gets_in(
    console: Console,
) -> None:
    """Somebody has the password, and a thousand addresses."""
    ana = await console.counsellor("ana")
    secret, _ = await set_up(console, ana)
    answers = []
    for at in range(STRANGE_CODES + 10):
        guesser = await to_the_code(console, source=f"198.51.100.{at}")
        answer = await guesser.submit("/login/code", {"code": f"{at:06}"})
        answers.append(answer.status_code)
    assert answers == [403] * STRANGE_CODES + [429] * 10
    await ana.submit("/logout")
    await ana.sign_in("ana", PASSWORD)
    console.desk.clock.forward(60)
    answer = await ana.submit("/login/code", {"code": code_of(console, secret)})
    assert answer.headers["location"] == "/desk"
    assert int(answers[-1]) == 429
    waits = await console.app.state.console.logins.strange_code(
        await console.app.state.console.accounts.find("ana")
    )
    assert 0 < waits <= STRANGE_WINDOW


async def test_a_crowd_of_guesses_does_not_stand_before_a_known_browser(
    console: Console,
) -> None:
    ana = await console.counsellor("ana")
    accounts = console.app.state.console.accounts
    await accounts._turns[False].acquire()  # a guess that takes long
    crowd = [console.browser(f"203.0.113.{at}") for at in range(40)]
    for one in crowd:
        await one.look("/login")
    tries = [
        asyncio.create_task(one.submit("/login", {"login": f"n{at}", "password": "x"}))
        for at, one in enumerate(crowd)
    ]
    try:
        refused = await asyncio.wait_for(asyncio.shield(_answered(tries, 20)), 30)
        assert {answer.status_code for answer in refused} == {429}, refused[0].text
        await ana.submit("/logout")
        assert (await ana.sign_in("ana", PASSWORD)).headers["location"] == "/desk"
    finally:
        accounts._turns[False].release()
    answers = await asyncio.gather(*tries)
    assert sorted(answer.status_code for answer in answers) == [403] * 20 + [429] * 20


async def _answered(tries: list[asyncio.Task], count: int) -> list:  # type: ignore[type-arg]
    while sum(one.done() for one in tries) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return [one.result() for one in tries if one.done()]
