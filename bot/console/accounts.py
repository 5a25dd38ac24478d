"""Counsellors' accounts: made on the command line, kept in Redis with argon2 hashes."""

import asyncio
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from redis.asyncio import Redis

from bot.errors import NorthlightError
from bot.keys import Keys

#: A password has at least so many characters; length is what helps, so nothing else is asked.
SHORTEST: Final = 12
LONGEST: Final = 200
#: So many unknown browsers may wait for their password to be looked at.
LINE: Final = 20
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class AccountError(NorthlightError):
    """Raised when an account cannot be made or changed; the text says why, for the operator."""


class Role(StrEnum):
    """What somebody may do: an operator sees counts and never text."""

    COUNSELLOR = "counsellor"
    SUPERVISOR = "supervisor"
    OPERATOR = "operator"


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
        self._in_line = 0
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    async def add(
        self,
        login: str,
        alias: str,
        languages: list[str],
        roles: list[str],
        capacity: int = 1,
    ) -> str:
        """Makes an account; returns the one-time password. Raises AccountError."""
        if not _LOGIN.fullmatch(login):
            raise AccountError("login: 2 to 32 of a-z 0-9 . _ -, starting with a letter or digit")
        if not 1 <= len(alias.strip()) <= 40:
            raise AccountError("alias: 1 to 40 characters; people see it")
        if not roles or not set(roles) <= set(Role):
            raise AccountError(f"roles: some of {', '.join(Role)}")
        if not languages:
            raise AccountError("languages: at least one code, for example en")
        if not 1 <= capacity <= 5:
            raise AccountError("capacity: 1 to 5 people at once")
        if await self.find(login):
            raise AccountError("this login exists")
        await self._redis.hset(
            self._keys.counsellor(login),
            mapping={
                "alias": alias.strip(),
                "languages": " ".join(languages),
                "roles": " ".join(roles),
                "capacity": str(capacity),
            },
        )
        return await self.reset_password(login)

    async def list(self) -> list[Account]:
        """All accounts, by login."""
        prefix = self._keys.counsellor("")
        found = [name async for name in self._redis.scan_iter(match=f"{prefix}*", count=100)]
        logins = sorted(name.decode().removeprefix(prefix) for name in found)
        accounts = [await self.find(login) for login in logins]
        return [account for account in accounts if account]

    async def remove(self, login: str) -> None:
        """Deletes an account: its logins end at once, whom it held goes back to the queue."""
        if not await self._redis.delete(self._keys.counsellor(login)):
            raise AccountError("no such login")
        await self._redis.hdel(self._keys.shift(), login)

    async def reset_password(self, login: str) -> str:
        """A new one-time password, to be changed at the next login. Raises AccountError."""
        groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
        password = "-".join(groups)
        await self._store(login, password, must_change=True)
        return password

    async def change_password(self, login: str, old: str, new: str) -> None:
        """The counsellor's own change. Raises AccountError with a code: wrong, short or same."""
        if not await self.check(login, old, known=True):
            raise AccountError("wrong")
        if not SHORTEST <= len(new) <= LONGEST:
            raise AccountError("short")
        if new == old or login in new.lower():
            raise AccountError("same")
        await self._store(login, new, must_change=False)

    async def find(self, login: str) -> Account | None:
        """The account of a login, or None."""
        raw: Any = await self._redis.hgetall(self._keys.counsellor(login))
        if not raw:
            return None
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
        )

    async def check(self, login: str, password: str, *, known: bool = False) -> bool:
        """Whether the password is right; takes as long for a login that does not exist.

        `known`: somebody has logged in from this browser before. Raises Busy.
        """
        if not known and self._in_line >= LINE:
            raise Busy("passwords")
        self._in_line += not known
        try:
            stored: Any = b""
            if _LOGIN.fullmatch(login):
                stored = await self._redis.hget(self._keys.counsellor(login), "hash")
            hashed = stored.decode() if stored else self._nobody
            async with self._turns[known]:
                right = await asyncio.to_thread(self._verify, hashed, password[: LONGEST + 1])
        finally:
            self._in_line -= not known
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
