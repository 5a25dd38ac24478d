"""The second step of signing in: giving the code, and setting it up."""

from starlette.requests import Request
from starlette.responses import Response

from bot.console.answers import here, page
from bot.console.context import account_of, console, field, login_of, secret_field, translate_of
from bot.console.doorway import enter, known_as, slow_down, to
from bot.console.permissions import unfinished


async def show_code(request: Request) -> Response:
    """GET: the form for the code."""
    return page(request, "code.html", note="")


async def code(request: Request) -> Response:
    """POST code: six figures, or a recovery code; then the login is whole, under a new token."""
    desk, t, account = console(request), translate_of(request), account_of(request)
    device, counted = known_as(request, account)
    wait = await desk.logins.delay(account.login, counted)
    if not wait and not device:
        wait = await desk.logins.strange_code(account)
    if wait:
        answer: Response = page(request, "code.html", 429, note=t("login.wait", seconds=wait))
        return slow_down(answer, wait)
    opened = await desk.codes.check(account.login, secret_field(request, "code"))
    if not opened:
        await desk.audit.write(account.login, "code_refused")
        return page(request, "code.html", 403, note=t("code.wrong"))
    if opened == "recovery":
        await desk.audit.write(account.login, "recovery_code")
    login = login_of(request)
    target = unfinished(login, second_step=desk.second_step)
    target = target or ("/second-step" if opened == "recovery" else "/desk")
    return await enter(request, account.login, counted, lambda: to(target), vouched=login.vouched)


async def show_second_step(request: Request) -> Response:
    """GET: a secret for the phone, and the form that takes it into use."""
    await here(request)
    return await _set_up_page(request, "")


async def second_step(request: Request) -> Response:
    """POST secret, code, password (and code of the old one): shows the recovery codes, once."""
    desk, t, account = console(request), translate_of(request), account_of(request)
    _, counted = known_as(request, account)
    if wait := await desk.logins.delay(account.login, counted):
        answer = await _set_up_page(request, t("login.wait", seconds=wait), 429)
        return slow_down(answer, wait)
    password = secret_field(request, "password")
    if not await desk.accounts.check(account.login, password):
        return await _set_up_page(request, t("code.password"), 400)
    secret = desk.codes.offered(field(request, "secret"), login_of(request).token)
    if not secret:
        return await _set_up_page(request, t("note.csrf"), 400)
    if not desk.codes.fits(secret, field(request, "code")):
        return await _set_up_page(request, t("code.wrong"), 400)
    if account.second_step and not await desk.codes.check(
        account.login, secret_field(request, "old")
    ):
        await desk.audit.write(account.login, "code_refused")
        return await _set_up_page(request, t("code.wrong_old"), 400)
    codes = await desk.codes.set_up(account.login, secret, field(request, "code"))
    if not codes:
        return await _set_up_page(request, t("code.wrong"), 400)
    await desk.audit.write(account.login, "second_step")

    def shown() -> Response:
        return page(request, "recovery.html", codes=codes)

    vouched = login_of(request).vouched
    return await enter(request, account.login, counted, shown, vouched=vouched)


async def _set_up_page(request: Request, note: str, status: int = 200) -> Response:
    """The same secret again after a mistake: it is on the phone already."""
    desk, account, token = console(request), account_of(request), login_of(request).token
    sealed = field(request, "secret")
    secret = desk.codes.offered(sealed, token) if sealed else ""
    if not secret:
        secret, sealed = desk.codes.offer(token)
    return page(
        request,
        "second_step.html",
        status,
        note=note,
        picture=desk.codes.picture(account.login, secret),
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        sealed=sealed,
        left=await desk.codes.codes_left(account.login) if account.second_step else 0,
        on=account.second_step,
        must=unfinished(login_of(request), second_step=desk.second_step) == "/second-step",
    )
