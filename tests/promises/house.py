"""A console with everybody who may stand before it: each kind of login there is, and no login."""

import secrets
from dataclasses import dataclass
from typing import Any

import pyotp
from argon2 import PasswordHasher
from redis.asyncio import Redis
from starlette.applications import Starlette

from bot.console.app import create_app
from bot.handoff.record import Handoff
from bot.keys import Keys
from bot.settings import OpenId
from tests.handoff.desk import Desk
from tests.promises.wire import Answer, hit

#: Said by the person whom the holder talks with: may come back to the holder and a supervisor only.
CANARY = "canary-person-5d1c"
HOLDER, COLLEAGUE, SUPERVISOR, OPERATOR = "holder", "colleague", "supervisor", "operator"
#: Kinds of callers that have nothing: no cookie or token, or one that opens nothing any more.
NOBODY = (
    "stranger", "planted", "idle", "old", "left", "removed", "revoked",
    "token_wrong", "token_expired", "token_removed", "token_and_login",
)  # fmt: skip
#: Programs: each has a token with this one scope.
TOKENS = {"token_queue": "queue", "token_counts": "counts"}
EVERYBODY = (
    *NOBODY, *TOKENS, "half", "first_password", "to_set_up", OPERATOR, COLLEAGUE, HOLDER, SUPERVISOR
)  # fmt: skip
#: To whom what is open to anybody is open: a token opens what its scope says and nothing else.
ANYBODY = frozenset(who for who in EVERYBODY if not who.startswith("token_"))
#: What was decided, seconds; not taken from the code.
IDLE, ABSOLUTE = 2 * 3600, 12 * 3600
PASSWORD = "a quiet evening walk"
#: An organisation's provider where nobody answers: what it does is tried in tests/console.
PROVIDER = OpenId("http://127.0.0.1:9", "console", "secret")


@dataclass
class Caller:
    """A browser: its login cookie and its CSRF token ("" where it has none); or a program."""

    name: str
    cookie: str = ""
    csrf: str = ""
    token: str = ""

    def headers(self) -> list[tuple[str, str]]:
        if self.token:
            cookies = [("cookie", f"nl_console={self.cookie}")] if self.cookie else []
            return [("authorization", f"Bearer {self.token}"), *cookies]
        form = "form-token-of-the-browser"
        cookies = f"nl_form={form}" + (f"; nl_console={self.cookie}" if self.cookie else "")
        return [("cookie", cookies), ("x-csrf", self.csrf or form)]


class House:
    """One console under a key prefix of its own; `strict` is the same with a second step asked."""

    def __init__(self, redis: Redis) -> None:
        self.desk = Desk(redis, Keys(f"t{secrets.token_hex(6)}:"))
        self.app, self.strict = self._build(False), self._build(True)
        self.console = self.app.state.console
        self.callers: dict[str, Caller] = {}
        self.secret = ""

    def _build(self, second_step: bool) -> Starlette:
        desk = self.desk
        return create_app(
            redis=desk.redis, keys=desk.keys, vault=desk.vault, queue=desk.queue, words=desk.words,
            clock=desk.clock, secure=False, second_step=second_step, open_id=PROVIDER,
            hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
        )  # fmt: skip

    async def account(self, login: str, role: str = "counsellor", *, ready: bool = True) -> None:
        accounts = self.console.accounts
        first = await accounts.add(login, login.title(), ["en"], [role])
        if ready:
            await accounts.change_password(login, first, PASSWORD)

    async def log_in(self, login: str, *, half: bool = False) -> Caller:
        """A login as the form makes it."""
        cookie = await self.console.logins.open(login, "test", half=half)
        found = await self.console.logins.find(cookie)
        assert found is not None
        self.callers[login] = Caller(login, cookie, found.csrf)
        return self.callers[login]

    async def fill(self) -> Handoff:
        """Everybody there is; the holder talks with somebody who has said CANARY."""
        self.callers = {"stranger": Caller("stranger"), "planted": Caller("planted", "x" * 43)}
        await self._programs()
        for role in (SUPERVISOR, OPERATOR):
            await self.account(role, role)
        for login in (HOLDER, COLLEAGUE, "to_set_up", "idle", "old", "left", "removed", "revoked"):
            await self.account(login)
        await self.account("first_password", ready=False)
        for login in EVERYBODY:
            if login not in (*self.callers, "half"):
                await self.log_in(login)
        await self._half()
        self.callers["token_and_login"].cookie = self.callers[SUPERVISOR].cookie
        await self._close_logins()
        for login in (HOLDER, COLLEAGUE, SUPERVISOR):
            await self.desk.queue.presence.start(login)
        return await self.talk("person")

    async def talk(self, name: str, holder: str = HOLDER, words: str = CANARY) -> Handoff:
        """Somebody asks, is claimed and says something."""
        asked = await self.desk.asks(name)
        taken = await self.desk.queue.claim(asked.id, holder)
        await self.desk.run(self.desk.queue.relay_ops(taken, words))
        return taken

    async def _programs(self) -> None:
        tokens = self.console.tokens
        everything = list(TOKENS.values())
        for name in (*TOKENS, "token_expired", "token_removed", "token_and_login"):
            scopes = [TOKENS[name]] if name in TOKENS else everything
            value = await tokens.add(name, scopes)
            self.callers[name] = Caller(name, token=value)
        self.callers["token_wrong"] = Caller("token_wrong", token=f"northlight_{'x' * 43}")
        expired = await tokens.find(self.callers["token_expired"].token)
        over = f"{self.desk.clock():.0f}"
        await self.desk.redis.hset(self.desk.keys.token(expired.mark), "until", over)
        await tokens.remove("token_removed")

    async def _half(self) -> None:
        await self.account("half")
        secret = pyotp.random_base32()
        code = pyotp.TOTP(secret).at(int(self.desk.clock()))
        assert await self.console.codes.set_up("half", secret, code)
        self.secret = secret
        await self.log_in("half", half=True)

    async def _close_logins(self) -> None:
        redis, keys = self.desk.redis, self.desk.keys
        for login, name, age in (("idle", "seen", IDLE), ("old", "began", ABSOLUTE)):
            found = await self.console.logins.find(self.callers[login].cookie, touch=False)
            assert found is not None
            await redis.hset(keys.login(found.token), name, f"{self.desk.clock() - age:.0f}")
        left = await self.console.logins.find(self.callers["left"].cookie)
        assert left is not None
        await self.console.logins.end(left.token)
        await self.console.accounts.remove("removed")
        await self.console.accounts.reset_password("revoked")
        for login in NOBODY:  # their browser shows the sign-in form, whose token they send
            self.callers[login].csrf = ""

    async def call(
        self, who: str, method: str, target: str, *, more: list[tuple[str, str]] | None = None,
        body: bytes = b"{}", csrf: str | None = None,
    ) -> Answer:  # fmt: skip
        """One call of the API or of a page, as this caller's browser would make it."""
        caller = self.callers[who]
        headers = caller.headers() if csrf is None else [
            caller.headers()[0], *([("x-csrf", csrf)] if csrf else [])
        ]  # fmt: skip
        if method == "POST":
            headers.append(("content-type", "application/json"))
        app = self.strict if who == "to_set_up" else self.app
        sent = body if method == "POST" else b""
        return await hit(app, method, target, [*headers, *(more or [])], sent)

    async def audit(self) -> list[tuple[str, str, str]]:
        """Every line."""
        return [(one.who, one.what, one.handoff) async for one in self.console.audit.entries()]

    async def state(self) -> dict[bytes, Any]:
        """Everything stored but audit, logins and the counting of attempts."""
        redis, prefix = self.desk.redis, self.desk.keys.prefix
        kept: dict[bytes, Any] = {}
        async for name in redis.scan_iter(f"{prefix}*", count=500):
            short = name.decode().removeprefix(prefix)
            if not short.startswith(("console:audit", "console:login:", "console:attempts:")):
                kept[name] = await redis.dump(name)
        return kept

    async def clear(self) -> None:
        """Nothing of it stays."""
        names = [name async for name in self.desk.redis.scan_iter(f"{self.desk.keys.prefix}*")]
        if names:
            await self.desk.redis.delete(*names)
