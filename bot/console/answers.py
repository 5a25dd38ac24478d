"""How the console answers: pages from templates, errors as a page or as JSON with a code."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from bot.console.context import console, field, language_of, login_of
from bot.console.permissions import may_counsel, may_lead, permission_of, permits, unfinished

#: The pages there are to go to, in this order; each is shown to whom it lets in.
PAGES: Final = ("desk", "board", "hours", "plan", "counts")
#: Code -> status. The words are in strings/<lang>.yml, `note`.
STATUS: Final = {
    "signed_out": 401,
    "forbidden": 403,
    "unfinished": 403,
    "csrf": 403,
    "not_yours": 403,
    "not_found": 404,
    "already_claimed": 409,
    "off_shift": 409,
    "at_capacity": 409,
    "colleague_away": 409,
    "on_hold": 409,
    "moved": 409,
    "offer_over": 409,
    "gone": 410,
    "media_gone": 410,
    "media_large": 413,
    "media_unknown": 415,
    "media_away": 503,
    "too_large": 413,
    "bad_request": 400,
    "not_for_this": 400,
    "too_many": 429,
    "broken": 500,
    "unavailable": 503,
}


#: The fields somebody writes in: their words are shown again when they went nowhere.
WRITTEN: Final = ("text", "note")


#: A page says that the sign-in ends from so many seconds before; the script reads it there.
ENDS_SOON: Final = 900


class Refused(Exception):
    """Raised by a route to answer with one of STATUS; `more` goes into the JSON beside the code."""

    def __init__(self, code: str, **more: str) -> None:
        super().__init__(code)
        self.code, self.more = code, more


async def here(request: Request) -> None:
    """Whoever opens a page is there, and keeps whom they hold, without script too (alive.js)."""
    desk, login = console(request), login_of(request)
    unready = unfinished(login, second_step=desk.second_step)
    if may_counsel(login.account) and not unready:
        await desk.queue.heartbeat(login.account.login)


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page in the console's language for this browser."""
    desk = console(request)
    language = language_of(request)
    login = request.state.login
    whole = login if login and not login.half else None
    body = desk.pages.get_template(template).render(
        t=desk.strings.translate(language),
        lang=language,
        languages=[
            (code, desk.strings.keys(code)["language.own_name"]) for code in desk.strings.codes()
        ],
        login=whole,
        can_act=whole is not None and may_counsel(whole.account),
        leads=whole is not None and may_lead(whole.account),
        ends_in=desk.logins.ends_in(login) if login else 0,
        ends_soon=ENDS_SOON,
        nav=[name for name in PAGES if _opens(request, f"/{name}")],
        csrf=login.csrf if login else request.state.form_token,
        # Not request.url: that is made with the Host header, which may hold anything.
        **{"path": request.scope["path"], **values},
    )
    return HTMLResponse(body, status)


def keep_cookie(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    """Has the browser keep a value for the console alone, out of reach of scripts."""
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=console(request).secure,
        httponly=True,
        samesite="strict",
    )


def drop_cookie(request: Request, answer: Response, name: str) -> None:
    """Has the browser forget such a value."""
    answer.delete_cookie(
        name, path="/", secure=console(request).secure, httponly=True, samesite="strict"
    )


def note_of(request: Request, code: str, more: Mapping[str, str]) -> str:
    """What a page says of a refusal."""
    key = "already_claimed_plain" if code == "already_claimed" and not more else code
    key = "wrap_up_first" if "wrap_up" in more else key
    return console(request).strings.translate(language_of(request))(f"note.{key}", **more)


def _opens(request: Request, path: str) -> bool:
    permission = permission_of(path, "GET")
    second_step = console(request).second_step
    return permission is not None and permits(
        permission, request.state.login, second_step=second_step
    )


def refuse(request: Request, code: str, **more: str) -> Response:
    """The answer to a request that cannot be done; on a page with what was written in it."""
    status = STATUS[code]
    if request.scope["path"].startswith("/api/") or request.state.program:
        return JSONResponse({"error": code, **more}, status)
    unsent = "\n\n".join(words for name in WRITTEN if (words := field(request, name)))
    back = "/desk"
    if code == "signed_out":
        back = "/login"
        if not unsent:
            return RedirectResponse(back, 303)
    if code == "unfinished":
        back = unfinished(request.state.login, second_step=console(request).second_step)
    # Words to a person may have gone out all the same: sent again by the same name they come once.
    once = field(request, "once") if unsent and code in ("unavailable", "broken") else ""
    note = note_of(request, "not_known" if once else code, more)
    if "wrap_up" in more:
        back = f"/handoffs/{more['wrap_up']}"
    return page(request, "problem.html", status, note=note, back=back, unsent=unsent, once=once)
