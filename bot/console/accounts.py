"""Counsellors' accounts: made on the command line, kept in Redis with argon2 hashes."""

import asyncio
import base64
import re
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from redis.asyncio import Redis

from bot.errors import NorthlightError
from bot.handoff.presence import SHIFT
from bot.keys import Keys

#: A password has at least so many characters; length is what helps, so nothing else is asked.
SHORTEST: Final = 12
LONGEST: Final = 200
#: So many unknown browsers may wait for their password to be looked at, and so many of one place:
#: else a single machine that guesses could keep everybody else out of the line.
LINE: Final = 20
LINE_OF_A_PLACE: Final = 4
#: For so many seconds alias and capacity of a colleague may be old ones on the desk.
FACES: Final = 10
#: The most people one counsellor may hold at once.
MOST: Final = 5
_LANGUAGE = re.compile("[a-z]{2,3}(-[A-Za-z]{2,8})?")
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class AccountError(NorthlightError):
    """Raised when an account cannot be made or changed; the text says why, for the operator."""


class Role(StrEnum):
    """What somebody may do: an operator sees counts and never text."""

    COUNSELLOR = "counsellor"
    SUPERVISOR = "supervisor"
    OPERATOR = "operator"


#: Who takes people and talks with them.
COUNSELS: Final = frozenset({Role.COUNSELLOR, Role.SUPERVISOR})


@dataclass(frozen=True, slots=True)
class Account:
    """One counsellor. `epoch` changes with the password and ends all older logins."""

    login: str
    alias: str
    languages: tuple[str, ...]
    roles: frozenset[Role]
    must_change: bool
    capacity: int
    epoch: str
    second_step: bool = False
    identity: str = ""  # the mark of who they are at the organisation's provider


class Busy(NorthlightError):
    """Raised when so many unknown browsers try to log in that one more must come again later."""


class Accounts:
    """Making, finding and checking accounts."""

    def __init__(self, redis: Redis, keys: Keys, hasher: PasswordHasher | None = None) -> None:
        self._redis, self._keys = redis, keys
        self._hasher = hasher or PasswordHasher()
        # Checking costs memory and time on purpose: one at once for browsers nobody has logged in
        # from, one for the others. A flood of guesses can then neither take the machine from the
        # people in conversation nor stand in line before a colleague.
        self._turns = {known: asyncio.Semaphore(1) for known in (False, True)}
        self._faces: dict[str, tuple[str, int]] = {}
        self._faces_until = 0.0
        self._in_line: Counter[str] = Counter()
        self._nobody = _nobody(self._hasher)

    async def add(
        self,
        login: str,
        alias: str,
        languages: list[str],
        roles: list[str],
        capacity: int = 1,
        identity: str = "",
    ) -> str:
        """Makes an account; returns the one-time password. Raises AccountError.

        With an identity at the organisation's provider there is no password: "".
        """
        if not _LOGIN.fullmatch(login):
            raise AccountError("login: 2 to 32 of a-z 0-9 . _ -, starting with a letter or digit")
        fields = _fields(alias, languages, roles, capacity)
        if await self.find(login):
            raise AccountError("this login exists")
        if identity and await self.of_identity(identity):
            raise AccountError("another account has this identity")
        await self._redis.hset(self._keys.counsellor(login), mapping=fields)
        if identity:
            await self.bind(login, identity)
            return ""
        return await self.reset_password(login)

    async def change(
        self,
        login: str,
        *,
        alias: str | None = None,
        languages: list[str] | None = None,
        roles: list[str] | None = None,
        capacity: int | None = None,
    ) -> None:
        """Changes what is given, and nothing else. Raises AccountError.

        It holds from the next request on. Whoever is signed in stays so and keeps whom they hold;
        without a role that counsels they leave the shift, and whom they held goes back to the
        queue as when a page falls silent.
        """
        fields = _fields(alias, languages, roles, capacity)
        if not fields:
            raise AccountError("nothing to change was given")
        if await self.find(login) is None:
            raise AccountError("no such login")
        await self._redis.hset(self._keys.counsellor(login), mapping=fields)
        if roles and not set(roles) & COUNSELS:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hdel(self._keys.shift(), login)
                pipe.publish(self._keys.events(), SHIFT)
                await pipe.execute()

    async def bind(self, login: str, identity: str) -> None:
        """Ties an account to one identity, "" for none; its logins end. Raises AccountError."""
        account, taken = await self.find(login), await self.of_identity(identity)
        if account is None:
            raise AccountError("no such login")
        if taken and taken.login != login:
            raise AccountError("another account has this identity")
        fields: Any = {"identity": identity, "epoch": secrets.token_hex(8)}
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(self._keys.identities(), account.identity)
            if identity:
                pipe.hset(self._keys.identities(), identity, login)
            pipe.hset(self._keys.counsellor(login), mapping=fields)
            await pipe.execute()

    async def of_identity(self, identity: str) -> Account | None:
        """The account that is tied to an identity: both have to say so."""
        login: Any = await self._redis.hget(self._keys.identities(), identity)
        account = await self.find(login.decode()) if login else None
        return account if account and account.identity == identity else None

    async def several(self, logins: Sequence[str]) -> Sequence[Account]:
        """The accounts of these logins; without those that have none."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for login in logins:
                pipe.hgetall(self._keys.counsellor(login))
            rows = await pipe.execute() if logins else []
        return [_account(login, raw) for login, raw in zip(logins, rows, strict=True) if raw]

    async def list(self) -> list[Account]:
        """All accounts, by login."""
        prefix = self._keys.counsellor("")
        found = [name async for name in self._redis.scan_iter(match=f"{prefix}*", count=100)]
        logins = sorted(name.decode().removeprefix(prefix) for name in found)
        return [*await self.several(logins)]

    async def remove(self, login: str) -> None:
        """Deletes an account: its logins end at once, whom it held goes back to the queue."""
        account = await self.find(login)
        if account is None:
            raise AccountError("no such login")
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(self._keys.counsellor(login))
            pipe.hdel(self._keys.identities(), account.identity)
            pipe.hdel(self._keys.shift(), login)
            pipe.publish(self._keys.events(), SHIFT)
            await pipe.execute()

    async def reset_password(self, login: str) -> str:
        """A new one-time password, to be changed at the next login. Raises AccountError."""
        groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
        password = "-".join(groups)
        await self._store(login, password, must_change=True)
        return password

    async def change_password(self, login: str, old: str, new: str) -> None:
        """The counsellor's own change. Raises AccountError with a code: wrong, short or same."""
        if not await self.check(login, old):
            raise AccountError("wrong")
        if not SHORTEST <= len(new) <= LONGEST:
            raise AccountError("short")
        if new == old or login in new.lower():
            raise AccountError("same")
        await self._store(login, new, must_change=False)

    async def faces(self, logins: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Alias and capacity of these logins; without those that have no account.

        As they were up to FACES seconds ago: every change on the desk asks for all of them.
        """
        if time.monotonic() >= self._faces_until:
            self._faces, self._faces_until = {}, time.monotonic() + FACES
        faces = self._faces  # these, whatever another call begins anew meanwhile
        unknown = [login for login in logins if login not in faces]
        async with self._redis.pipeline(transaction=False) as pipe:
            for login in unknown:
                pipe.hmget(self._keys.counsellor(login), "alias", "capacity")
            rows = await pipe.execute() if unknown else []
        for login, (alias, capacity) in zip(unknown, rows, strict=True):
            if alias:
                faces[login] = alias.decode(), int(capacity or 1)
        return {login: faces[login] for login in logins if login in faces}

    async def find(self, login: str) -> Account | None:
        """The account of a login, or None."""
        raw: Any = await self._redis.hgetall(self._keys.counsellor(login))
        return _account(login, raw) if raw else None

    async def check(self, login: str, password: str, *, place: str = "") -> bool:
        """Whether the password is right; takes as long for a login that does not exist.

        `place`: where a browser is that nobody has logged in from before. Raises Busy.
        """
        line, mine = self._in_line, Counter([place] if place else [])
        if place and (line.total() >= LINE or line[place] >= LINE_OF_A_PLACE):
            raise Busy("passwords")
        line += mine
        try:
            stored: Any = b""
            if _LOGIN.fullmatch(login):
                stored = await self._redis.hget(self._keys.counsellor(login), "hash")
            hashed = stored.decode() if stored else self._nobody
            async with self._turns[not place]:
                right = await asyncio.to_thread(self._verify, hashed, password[: LONGEST + 1])
        finally:
            line -= mine
        return right and bool(stored)

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _store(self, login: str, password: str, *, must_change: bool) -> None:
        if not await self._redis.exists(self._keys.counsellor(login)):
            raise AccountError("no such login")
        async with self._turns[True]:
            hashed = await asyncio.to_thread(self._hasher.hash, password)
        await self._redis.hset(
            self._keys.counsellor(login),
            mapping={
                "hash": hashed,
                "must_change": "1" if must_change else "0",
                "epoch": secrets.token_hex(8),
            },
        )


def _fields(
    alias: str | None, languages: list[str] | None, roles: list[str] | None, capacity: int | None
) -> dict[Any, Any]:
    """What is stored of the given ones. Raises AccountError."""
    fields = {}
    if alias is not None:
        if not 1 <= len(alias.strip()) <= 40:
            raise AccountError("alias: 1 to 40 characters; people see it")
        fields["alias"] = alias.strip()
    if languages is not None:
        if not languages or not all(map(_LANGUAGE.fullmatch, languages)):
            raise AccountError("languages: at least one code, for example en or zh-Hans")
        fields["languages"] = " ".join(languages)
    if roles is not None:
        if not roles or not set(roles) <= set(Role):
            raise AccountError(f"roles: some of {', '.join(Role)}")
        fields["roles"] = " ".join(roles)
    if capacity is not None:
        if not 1 <= capacity <= MOST:
            raise AccountError(f"capacity: 1 to {MOST} people at once")
        fields["capacity"] = str(capacity)
    return fields


def _account(login: str, raw: dict[bytes, bytes]) -> Account:
    second_step = raw.pop(b"totp", b"") != b""  # sealed: no text
    fields = {name.decode(): value.decode() for name, value in raw.items()}
    return Account(
        login=login,
        alias=fields["alias"],
        languages=tuple(fields.get("languages", "").split()),
        roles=frozenset(Role(role) for role in fields.get("roles", "").split()),
        must_change=fields.get("must_change") == "1",
        capacity=int(fields.get("capacity", 1)),
        epoch=fields.get("epoch", ""),
        second_step=second_step,
        identity=fields.get("identity", ""),
    )


def _nobody(hasher: PasswordHasher) -> str:
    """The hash of no password: checking against it costs what checking a real one costs.

    Made of random bytes, not by hashing: that takes 64 MB and a moment of every start.
    """
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v=19${costs}${salt}${digest}"
