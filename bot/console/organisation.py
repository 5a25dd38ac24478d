"""Signing in with the organisation's provider instead of a password: away, back, and in."""

import re
from typing import Final
from urllib.parse import urlencode

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.answers import Refused, drop_cookie, keep_cookie, page
from bot.console.context import console, translate_of
from bot.console.devices import ORGANISATION
from bot.console.doorway import enter, known_as, slow_down, start, to
from bot.console.oidc import AWAY_FOR, Away, NotVouched, Provider

CALLBACK: Final = "/login/oidc/callback"
FINISH: Final = "/login/oidc/finish"
#: What a provider may send back, and how much of it is handed on.
_SENT: Final = ("code", "state", "iss", "error")
_LONGEST: Final = 4_096
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-f:]{2,39}\](:[0-9]{1,5})?")

_log = structlog.get_logger(__name__)


async def begin(request: Request) -> Response:
    """GET: off to the provider, with a cookie that ties its answer to this browser.

    A link and no form: what a form leads to is bound by our policy, and who knows over how many
    hosts a provider sends people.
    """
    desk, provider = console(request), _provider(request)
    if request.state.login and not request.state.login.half:
        return to("/desk")
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise Refused("bad_request")
    try:
        url, cookie = await provider.begin(f"http{'s' * desk.secure}://{host}{CALLBACK}")
    except Away as why:
        return _away(request, why)
    answer = RedirectResponse(url, 303)
    keep_cookie(request, answer, desk.begun_cookie, cookie, AWAY_FOR)
    return answer


async def callback(request: Request) -> Response:
    """GET: what the provider sent, handed on by a page of our own.

    A browser that another site has sent here keeps our cookies (SameSite=Strict) to itself; with
    the step that this page makes they come along, and the login it had before can be ended.
    """
    _provider(request)
    sent = {name: request.query_params.get(name, "")[:_LONGEST] for name in _SENT}
    onward = urlencode({name: value for name, value in sent.items() if value})
    return page(request, "returned.html", onward=f"{FINISH}?{onward}")


async def finish(request: Request) -> Response:
    """GET code, state: a login as after a password, for an account that is tied to who came."""
    answer = await _finish(request)
    drop_cookie(request, answer, console(request).begun_cookie)
    return answer


async def _finish(request: Request) -> Response:
    desk, provider, sent = console(request), _provider(request), request.query_params
    cookie = request.cookies.get(desk.begun_cookie, "")
    begun = provider.begun(cookie, sent.get("state", ""))
    if begun is None or sent.get("iss", provider.issuer) != provider.issuer:
        return _again(request, "begin_again", 400)
    if error := sent.get("error"):
        away = error in ("server_error", "temporarily_unavailable")
        return _again(request, "away" if away else "cancelled")
    door = ORGANISATION.login, known_as(request, ORGANISATION)[1]
    if wait := await desk.logins.delay(*door):
        note = translate_of(request)("login.wait", seconds=wait)
        return slow_down(_login_page(request, note, 429), wait)
    try:
        sub = await provider.subject(begun, sent.get("code", ""))
    except Away as why:
        await desk.logins.forgive(*door)
        return _away(request, why)
    except NotVouched as why:
        _log.warning("oidc_refused", kind=str(why))
        return _again(request, "not_vouched", 403)
    await desk.logins.forgive(*door)
    if not await desk.logins.first_use(begun.nonce):
        return _again(request, "begin_again", 400)
    account = await desk.accounts.of_identity(provider.identity(sub))
    if account is None:
        return _again(request, "no_account", 403, number=sub)
    _, counted = known_as(request, account)
    half = account.second_step
    return await enter(
        request,
        account.login,
        counted,
        lambda: to("/login/code" if half else start(request)),
        half=half,
        vouched=True,
    )


def _provider(request: Request) -> Provider:
    provider = console(request).provider
    if provider is None:
        raise Refused("not_found")
    return provider


def _away(request: Request, why: Away) -> Response:
    _log.warning("oidc_away", kind=str(why))
    return _again(request, "away")


def _again(request: Request, words: str, status: int = 200, **places: str) -> Response:
    return _login_page(request, translate_of(request)(f"organisation.{words}", **places), status)


def _login_page(request: Request, note: str, status: int) -> Response:
    return page(request, "login.html", status, note=note, given="", path="/login")
