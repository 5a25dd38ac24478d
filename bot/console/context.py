"""What the console's routes share, and how they reach it from a request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from jinja2 import Environment
from redis.asyncio import Redis
from starlette.requests import Request

from bot.console.accounts import Account, Accounts
from bot.console.audit import Audit
from bot.console.courier import Courier
from bot.console.devices import Devices
from bot.console.events import Hub
from bot.console.logins import Login, Logins
from bot.console.oidc import Provider
from bot.console.planned import Plan
from bot.console.second_step import SecondStep
from bot.console.strings import Phrases, Strings, Translate
from bot.console.tokens import Tokens
from bot.conversation.render import Words
from bot.directory import Entry
from bot.handoff.counts import Counts
from bot.handoff.queue import Queue

#: The cookie that names the console's language; it says nothing about anybody.
LANGUAGE_COOKIE = "nl_console_language"


class Practice(Protocol):
    """What a practice desk adds: nobody on it is real."""

    def lessons(self, login: str, language: str) -> Sequence[Mapping[str, object]]:
        """What this counsellor's last talks were about: handle, title, lines."""


@dataclass(frozen=True)
class Console:
    """Everything a route may use."""

    redis: Redis
    queue: Queue
    plan: Plan
    counts: Counts
    words: Words
    accounts: Accounts
    logins: Logins
    codes: SecondStep
    devices: Devices
    courier: Courier
    tokens: Tokens
    audit: Audit
    hub: Hub
    strings: Strings
    phrases: Phrases
    directory: Sequence[Entry]
    pages: Environment
    clock: Callable[[], float]
    secure: bool
    second_step: bool
    practice: Practice | None = None
    provider: Provider | None = None

    @property
    def cookie(self) -> str:
        """The name of the login cookie."""
        return "__Host-nl_console" if self.secure else "nl_console"

    @property
    def form_cookie(self) -> str:
        """The name of the cookie that ties the sign-in form to the browser."""
        return "__Host-nl_form" if self.secure else "nl_form"

    @property
    def device_cookie(self) -> str:
        """The name of the cookie by which a browser is known to somebody's login."""
        return "__Host-nl_device" if self.secure else "nl_device"

    @property
    def begun_cookie(self) -> str:
        """The name of the cookie that ties a sign-in at the provider to the browser."""
        return "__Host-nl_begun" if self.secure else "nl_begun"


def console(request: Request) -> Console:
    """The console of this application."""
    return cast(Console, request.app.state.console)


def login_of(request: Request) -> Login:
    """Who is logged in; only for routes that ask for a login."""
    return cast(Login, request.state.login)


def account_of(request: Request) -> Account:
    """The account behind the request."""
    return login_of(request).account


def form_of(request: Request) -> Mapping[str, Any]:
    """The fields of a POST, as the gate read them (form or JSON)."""
    return cast(Mapping[str, Any], request.state.form)


def field(request: Request, name: str) -> str:
    """One text field of a POST; empty when it is missing or no text."""
    value = form_of(request).get(name, "")
    return value.strip() if isinstance(value, str) else ""


def secret_field(request: Request, name: str) -> str:
    """One field of a POST as typed, not stripped: a password may end with a space."""
    value = form_of(request).get(name, "")
    return value if isinstance(value, str) else ""


def language_of(request: Request) -> str:
    """The console's language for this browser: chosen, else what the browser prefers."""
    asked = request.headers.get("accept-language", "")
    preferred = [part.split(";")[0].strip()[:2].lower() for part in asked.split(",")[:5]]
    return console(request).strings.choose(request.cookies.get(LANGUAGE_COOKIE, ""), *preferred)


def translate_of(request: Request) -> Translate:
    """The `t` of this request."""
    return console(request).strings.translate(language_of(request))
