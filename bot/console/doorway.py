"""Signing in and out, the first password change, and the console's language."""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.console.accounts import SHORTEST, AccountError
from bot.console.answers import page
from bot.console.context import (
    LANGUAGE_COOKIE,
    account_of,
    console,
    field,
    login_of,
    translate_of,
)
from bot.console.logins import ABSOLUTE


async def health(request: Request) -> Response:
    """GET: whether the console and its store answer; says nothing else."""
    await console(request).redis.ping()
    return JSONResponse({"ready": True})


async def show_login(request: Request) -> Response:
    """GET: the sign-in form."""
    if request.state.login:
        return RedirectResponse("/desk", 303)
    return page(request, "login.html", note="", given="")


async def login(request: Request) -> Response:
    """POST login, password: a fresh session, whatever cookie came with it."""
    desk, t = console(request), translate_of(request)
    # As typed, not stripped: a password may end with a space.
    name, password = field(request, "login").lower()[:64], _secret(request, "password")
    source = request.client.host if request.client else ""
    if wait := await desk.logins.delay(name, source):
        note = t("login.wait", seconds=wait)
        answer: Response = page(request, "login.html", 429, note=note, given=name)
        answer.headers["Retry-After"] = str(wait)
        return answer
    if not await desk.accounts.check(name, password):
        return page(request, "login.html", 403, note=t("login.wrong"), given=name)
    return await _enter(request, name, source)


async def logout(request: Request) -> Response:
    """POST: off shift, the login is over."""
    desk = console(request)
    await desk.queue.presence.stop(account_of(request).login)
    await desk.logins.end(login_of(request).token)
    await desk.audit.write(account_of(request).login, "logout")
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(desk.cookie, path="/", secure=desk.secure, httponly=True)
    return answer


async def show_password(request: Request) -> Response:
    """GET: the form for a new password."""
    return _password_page(request, "")


async def password(request: Request) -> Response:
    """POST old, new, again: all older logins of this account end."""
    desk, t, account = console(request), translate_of(request), account_of(request)
    new = _secret(request, "new")
    if new != _secret(request, "again"):
        return _password_page(request, t("password.different"))
    source = request.client.host if request.client else ""
    if wait := await desk.logins.delay(account.login, source):
        return _password_page(request, t("login.wait", seconds=wait), 429)
    try:
        await desk.accounts.change_password(account.login, _secret(request, "old"), new)
    except AccountError as why:
        return _password_page(request, t(f"password.{why}", count=SHORTEST))
    await desk.audit.write(account.login, "password")
    return await _enter(request, account.login, source)


async def language(request: Request) -> Response:
    """POST language, back: the console's language, kept in a cookie for a year."""
    desk = console(request)
    back = field(request, "back")
    safe = back.startswith("/") and not back.startswith(("//", "/\\"))
    answer = RedirectResponse(back if safe else "/desk", 303)
    answer.set_cookie(
        LANGUAGE_COOKIE,
        desk.strings.choose(field(request, "language")),
        max_age=365 * 86_400,
        secure=desk.secure,
        httponly=True,
        samesite="strict",
    )
    return answer


async def _enter(request: Request, name: str, source: str) -> Response:
    desk = console(request)
    if request.state.login:
        await desk.logins.end(request.state.login.token)
    value = await desk.logins.open(name, source)
    await desk.audit.write(name, "login")
    account = await desk.accounts.find(name)
    target = "/password" if account and account.must_change else "/desk"
    answer = RedirectResponse(target, 303)
    answer.set_cookie(
        desk.cookie,
        value,
        max_age=ABSOLUTE,
        secure=desk.secure,
        httponly=True,
        samesite="strict",
        path="/",
    )
    return answer


def _password_page(request: Request, note: str, status: int = 0) -> Response:
    return page(
        request,
        "password.html",
        status or (400 if note else 200),
        note=note,
        shortest=SHORTEST,
        must=account_of(request).must_change,
    )


def _secret(request: Request, name: str) -> str:
    value = request.state.form.get(name, "")
    return value if isinstance(value, str) else ""
