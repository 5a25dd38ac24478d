"""Signing in and out, the first password change, and the console's language."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.console.accounts import SHORTEST, Account, AccountError, Busy
from bot.console.answers import drop_cookie, here, keep_cookie, page
from bot.console.context import (
    LANGUAGE_COOKIE,
    account_of,
    console,
    field,
    login_of,
    secret_field,
    translate_of,
)
from bot.console.devices import ORGANISATION, REMEMBERED
from bot.console.logins import ABSOLUTE
from bot.console.permissions import unfinished
from bot.place import place_of

#: What an unknown browser is told to wait when too many others try at the same moment, seconds.
CROWDED = 5


async def health(request: Request) -> Response:
    """GET: whether the console and its store answer; says nothing else."""
    await console(request).redis.ping()
    return JSONResponse({"ready": True})


async def show_login(request: Request) -> Response:
    """GET: the sign-in form."""
    if request.state.login and not request.state.login.half:
        return RedirectResponse("/desk", 303)
    return page(request, "login.html", note="", given="")


async def login(request: Request) -> Response:
    """POST login, password: a fresh session, whatever cookie came with it."""
    desk, t = console(request), translate_of(request)
    # As typed, not stripped: a password may end with a space.
    name, password = field(request, "login").lower()[:64], secret_field(request, "password")
    account = await desk.accounts.find(name) if name.isascii() else None
    device, counted = known_as(request, account)
    wait = await desk.logins.delay(name, counted)
    right = False
    if not wait:
        try:
            right = await desk.accounts.check(name, password, place="" if device else counted)
        except Busy:
            wait = CROWDED
    if wait:
        note = t("login.wait", seconds=wait)
        return slow_down(page(request, "login.html", 429, note=note, given=name), wait)
    if account is None or not right:
        return page(request, "login.html", 403, note=t("login.wrong"), given=name)
    if account.second_step:
        return await enter(request, name, counted, lambda: to("/login/code"), half=True)
    return await enter(request, name, counted, lambda: to(start(request)))


async def logout(request: Request) -> Response:
    """POST: off shift, the login is over."""
    desk = console(request)
    await desk.queue.presence.stop(account_of(request).login)
    await desk.logins.end(login_of(request).token)
    await desk.audit.write(account_of(request).login, "logout")
    answer = RedirectResponse("/login", 303)
    drop_cookie(request, answer, desk.cookie)
    return answer


async def show_password(request: Request) -> Response:
    """GET: the form for a new password."""
    await here(request)
    return _password_page(request, "")


async def password(request: Request) -> Response:
    """POST old, new, again: all older logins of this account end."""
    desk, t, account = console(request), translate_of(request), account_of(request)
    new = secret_field(request, "new")
    if new != secret_field(request, "again"):
        return _password_page(request, t("password.different"))
    _, counted = known_as(request, account)
    if wait := await desk.logins.delay(account.login, counted):
        return _password_page(request, t("login.wait", seconds=wait), 429)
    try:
        await desk.accounts.change_password(account.login, secret_field(request, "old"), new)
    except AccountError as why:
        return _password_page(request, t(f"password.{why}", count=SHORTEST))
    await desk.audit.write(account.login, "password")
    vouched = login_of(request).vouched
    return await enter(request, account.login, counted, lambda: to(start(request)), vouched=vouched)


async def language(request: Request) -> Response:
    """POST language, back: the console's language, kept in a cookie for a year."""
    desk = console(request)
    back = field(request, "back")
    safe = back.startswith("/") and not back.startswith(("//", "/\\"))
    answer = RedirectResponse(back if safe else "/desk", 303)
    chosen = desk.strings.choose(field(request, "language"))
    keep_cookie(request, answer, LANGUAGE_COOKIE, chosen, 365 * 86_400)
    return answer


def known_as(request: Request, account: Account | None) -> tuple[str, str]:
    """The browser's name, "" when it is unknown to this account; and what attempts count under."""
    desk = console(request)
    device = desk.devices.name(request.cookies.get(desk.device_cookie, ""), account)
    place = place_of(request.client.host) if request.client else "nowhere"
    return device, f"browser {device}" if device else place


async def enter(
    request: Request,
    name: str,
    counted: str,
    answer: Callable[[], Response],
    *,
    half: bool = False,
    vouched: bool = False,
) -> Response:
    """Opens a login under a new token, ends the one before; `answer` is made inside the new one."""
    desk, state = console(request), request.state
    if state.login:
        await desk.logins.end(state.login.token)
    value = await desk.logins.open(name, counted, half=half, vouched=vouched)
    state.login = await desk.logins.find(value)
    if not half:
        await desk.audit.write(name, "login_oidc" if vouched else "login")
    made = answer()
    keep_cookie(request, made, desk.cookie, value, ABSOLUTE)
    if not half:
        known = request.cookies.get(desk.device_cookie, "")
        if vouched:
            known = desk.devices.remember(known, ORGANISATION)
        device = desk.devices.remember(known, account_of(request))
        keep_cookie(request, made, desk.device_cookie, device, REMEMBERED)
    return made


def slow_down(answer: Response, wait: int) -> Response:
    """The same answer, telling programs too how long to wait."""
    answer.headers["Retry-After"] = str(wait)
    return answer


def to(path: str) -> Response:
    """To another page of ours."""
    return RedirectResponse(path, 303)


def start(request: Request) -> str:
    """Where somebody goes who has just signed in."""
    return unfinished(login_of(request), second_step=console(request).second_step) or "/desk"


def _password_page(request: Request, note: str, status: int = 0) -> Response:
    return page(
        request,
        "password.html",
        status or (400 if note else 200),
        note=note,
        shortest=SHORTEST,
        must=account_of(request).must_change,
    )
