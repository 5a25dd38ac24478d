"""The one gate before every route: login, permission, origin, CSRF, size; headers after it."""

import hmac
import json
import secrets
from typing import Any, Final
from urllib.parse import parse_qs

import structlog
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.console.answers import Refused, refuse
from bot.console.context import console
from bot.console.permissions import Permission, permission_of, permits, scope_of, unfinished
from bot.place import place_of

#: The longest body of a POST, bytes. A reply of 2,000 signs in any script fits.
LARGEST: Final = 32_768
#: Routes the page calls by itself: they are no sign that the counsellor is there.
AUTOMATIC: Final = frozenset(
    {
        "/api/events",
        "/api/heartbeat",
        "/desk/live",
        "/desk/mine",
        "/board/live",
        "/handoffs/{id}/card",
        "/handoffs/{id}/lines",
        "/handoffs/{id}/live",
    }
)

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "media-src 'self'; connect-src 'self'; worker-src 'self'; frame-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "{frame}",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}

#: What a person sent is nothing but itself, even in a window of its own.
_SENT_POLICY: Final = "default-src 'none'; sandbox; frame-ancestors 'none'"

#: Said to whoever comes through a TLS proxy that the console was not told of: cookies would travel
#: without TLS too, and nobody would be asked for a second step.
_NOT_TOLD: Final = (
    "This console is reached over https and was not told so: set NORTHLIGHT_BEHIND_TLS=1 and start "
    "it again (docs/operations.md).\n"
)

_log = structlog.get_logger(__name__)


class Gate:
    """Deny by default: a route that permissions.TABLE does not name is refused."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        route = _route(scope["app"], scope)
        state = request.state
        state.login, state.form = None, {}
        state.program = _token(request) is not None
        desk = console(request)
        state.form_token = request.cookies.get(desk.form_cookie, "") or secrets.token_urlsafe(24)

        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _finish(request, route, message)
            await send(message)

        if scope["scheme"] == "https" and not desk.secure:
            await PlainTextResponse(_NOT_TOLD, 503)(scope, receive, answer)
            return
        try:
            body = await self._check(request, route)
            await self._app(scope, _replay(body, receive) if body else receive, answer)
        except Refused as refused:
            response = refuse(request, refused.code, **refused.more)
            await response(scope, receive, answer)
        except (RedisError, OSError):
            await refuse(request, "unavailable")(scope, receive, answer)
        except Exception as error:
            # Only the kind of the error: its text may hold what somebody wrote.
            _log.error("console_error", kind=type(error).__name__, route=route)
            if not started:
                await refuse(request, "broken")(scope, receive, answer)

    async def _check(self, request: Request, route: str) -> bytes:
        """Raises Refused; returns the body of a POST, already read into state.form."""
        desk, state = console(request), request.state
        if (token := _token(request)) is not None:
            await self._check_program(request, route, token)
            return b""
        cookie = request.cookies.get(desk.cookie, "")
        if cookie:
            state.login = await desk.logins.find(cookie, touch=route not in AUTOMATIC)
        login = state.login
        if not route:
            raise Refused("not_found" if login and not login.half else "signed_out")
        permission = permission_of(route, request.method)
        if permission is None:
            raise Refused("forbidden")
        if permission is not Permission.PUBLIC and _fetched_from_elsewhere(request):
            raise Refused("forbidden")
        body = b""
        if request.method == "POST":
            body = await _body(request)
            # What another site wrote is not read, and so not shown as if it were one's own.
            state.form = {} if _from_elsewhere(request) else _fields(request, body)
        if not permits(permission, login, second_step=desk.second_step):
            if login is None or login.half:
                raise Refused("signed_out")
            to_do = unfinished(login, second_step=desk.second_step)
            raise Refused("unfinished" if to_do else "forbidden")
        if request.method == "POST":
            self._check_form(request)
        return body

    async def _check_program(self, request: Request, route: str, value: str) -> None:
        """A program with a token: what its scopes read, and nothing else. Raises Refused.

        Never together with a browser's login, and never from a page of another site.
        """
        desk = console(request)
        if request.cookies.get(desk.cookie) or _from_elsewhere(request):
            raise Refused("forbidden")
        token = await desk.tokens.find(value)
        if token is None:
            place = place_of(request.client.host) if request.client else "nowhere"
            wait = await desk.logins.delay("(token)", place)
            raise Refused("too_many" if wait else "signed_out")
        if scope_of(route, request.method) not in token.scopes:
            raise Refused("forbidden")
        await desk.tokens.touch(token)

    def _check_form(self, request: Request) -> None:
        """The token of the login, or for the sign-in form the one in its own cookie."""
        given = request.headers.get("x-csrf") or request.state.form.get("csrf") or ""
        login = request.state.login
        expected = login.csrf if login else request.cookies.get(console(request).form_cookie, "")
        right = isinstance(given, str) and expected
        if not right or not hmac.compare_digest(str(given).encode(), expected.encode()):
            raise Refused("csrf")
        if _from_elsewhere(request):
            raise Refused("csrf")


def _token(request: Request) -> str | None:
    """What a program has sent as its token; None for a browser."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _from_elsewhere(request: Request) -> bool:
    """Whether a browser tells that a page which is not ours asks.

    Not every browser sends Sec-Fetch-Site, and none over plain http to another machine; then the
    Origin counts, which goes with every POST and with every script's call to another origin.
    """
    if site := request.headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and origin.partition("://")[2] != request.headers.get("host", "")


def _fetched_from_elsewhere(request: Request) -> bool:
    """The same for a GET; following a link to a page of ours is no harm."""
    if request.method == "POST" or not _from_elsewhere(request):
        return False
    told = (request.headers.get("sec-fetch-mode"), request.headers.get("sec-fetch-dest"))
    return told != ("navigate", "document")


def _route(app: Starlette, scope: Scope) -> str:
    """The path of the route that will answer, as declared; "" when there is none."""
    partial = ""
    for route in app.routes:
        match, _ = route.matches(scope)
        if match is Match.FULL:
            return _path(route)
        if match is Match.PARTIAL:
            partial = _path(route)
    return partial


def _path(route: BaseRoute) -> str:
    return str(getattr(route, "path", "?"))


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > LARGEST:
                raise Refused("too_large")
            parts.append(part)
    except ClientDisconnect:
        raise Refused("bad_request") from None
    return b"".join(parts)


def _fields(request: Request, body: bytes) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    try:
        if kind == "application/json":
            fields = json.loads(body or b"{}")
            if not isinstance(fields, dict):
                raise ValueError
            # A lone surrogate can be written in JSON and then be stored, hashed or sent nowhere.
            json.dumps(fields, ensure_ascii=False).encode()
            return fields
        if kind == "application/x-www-form-urlencoded" or not body:
            pairs = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=50)
            return {name: values[-1] for name, values in pairs.items()}
    except (ValueError, RecursionError):  # the latter: brackets within brackets, thousands deep
        pass
    raise Refused("bad_request")


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _finish(request: Request, route: str, message: Message) -> None:
    """Headers of every answer."""
    desk = console(request)
    own_frame = route == "/handoffs/{id}/live"  # the frame for browsers without script
    headers = MutableHeaders(scope=message)
    for name, value in _HEADERS.items():
        headers[name] = value.format(
            ancestors="'self'" if own_frame else "'none'",
            frame="SAMEORIGIN" if own_frame else "DENY",
        )
    if headers.get("content-type", "").startswith(("image/", "audio/")):
        headers["Content-Security-Policy"] = _SENT_POLICY
    if desk.secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    browser = not request.state.program
    if browser and request.state.login is None and not request.cookies.get(desk.form_cookie):
        secure = "; Secure" if desk.secure else ""
        headers.append(
            "set-cookie",
            f"{desk.form_cookie}={request.state.form_token}; Path=/; HttpOnly; "
            f"SameSite=Strict{secure}",
        )
