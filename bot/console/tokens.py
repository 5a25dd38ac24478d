"""Tokens of programs that read figures beside the desk: paging, case systems. They reach no person.

Made and removed on the command line. What is stored is a keyed mark of the token, so whoever reads
Redis cannot use one; the key ends with the token. The gate lets it through to its scopes' routes.
"""

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from redis.asyncio import Redis

from bot.console.permissions import Scope
from bot.errors import NorthlightError
from bot.keys import DAY, Keys
from bot.vault import Vault

#: By this a token is known for one wherever it turns up.
BEGINS: Final = "northlight_"
#: How long a token opens its routes unless told otherwise, days.
A_YEAR: Final = 365
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")

# KEYS: token (hash). ARGV: day. Never brings back a token that has just been removed.
_USED: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'used', ARGV[1])
return 1
"""


class TokenError(NorthlightError):
    """Raised when a token cannot be made or removed; the text says why, for the operator."""


@dataclass(frozen=True, slots=True)
class Token:
    """One program's token. `until` in epoch seconds; `used` is the day it was last used, or ""."""

    mark: str
    name: str
    scopes: frozenset[Scope]
    until: float
    used: str

    def __str__(self) -> str:
        ends = f"until {_day(self.until)}"
        used = f"last used {self.used}" if self.used else "never used"
        return "\t".join((self.name, ",".join(sorted(self.scopes)), ends, used))


class Tokens:
    """Making, finding and removing tokens."""

    def __init__(self, redis: Redis, keys: Keys, vault: Vault, clock: Callable[[], float]) -> None:
        self._redis, self._keys, self._vault, self._clock = redis, keys, vault, clock
        self._used = redis.register_script(_USED)

    async def add(self, name: str, scopes: Iterable[str], days: int = A_YEAR) -> str:
        """Makes a token and returns it: it is stored nowhere. Raises TokenError."""
        asked = set(scopes)
        if not _NAME.fullmatch(name):
            raise TokenError("name: 2 to 32 of a-z 0-9 . _ -, starting with a letter or digit")
        if not asked or not asked <= set(Scope):
            raise TokenError(f"scope: some of {', '.join(Scope)}")
        if not 1 <= days <= 10 * A_YEAR:
            raise TokenError(f"days: 1 to {10 * A_YEAR}")
        if any(token.name == name for token in await self.list()):
            raise TokenError("there is a token of this name")
        value = BEGINS + secrets.token_urlsafe(32)
        key = self._key(value)
        fields: dict[Any, Any] = {
            "name": name,
            "scopes": " ".join(sorted(asked)),
            "until": f"{self._clock() + days * DAY:.0f}",
        }
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping=fields)
            pipe.expire(key, days * DAY)
            await pipe.execute()
        return value

    async def find(self, value: str) -> Token | None:
        """The token of a value; None when there is none, or none any more."""
        if not value.startswith(BEGINS) or len(value) > 100:
            return None
        return await self._read(self._key(value))

    async def touch(self, token: Token) -> None:
        """Keeps the day: it shows the operator which tokens nobody uses."""
        if token.used != (today := _day(self._clock())):
            await self._used(keys=[self._keys.token(token.mark)], args=[today])

    async def list(self) -> list[Token]:
        """All that still open something, by name."""
        pattern = self._keys.token("*")
        found = [await self._read(key.decode()) async for key in self._redis.scan_iter(pattern)]
        return sorted((token for token in found if token), key=lambda token: token.name)

    async def remove(self, name: str) -> None:
        """It opens nothing from now on. Raises TokenError."""
        marks = [token.mark for token in await self.list() if token.name == name]
        if not marks:
            raise TokenError("no token of this name")
        await self._redis.delete(*map(self._keys.token, marks))

    async def _read(self, key: str) -> Token | None:
        raw: Any = await self._redis.hgetall(key)
        fields = {field.decode(): value.decode() for field, value in raw.items()}
        if float(fields.get("until", 0)) <= self._clock():
            return None
        return Token(
            mark=key.removeprefix(self._keys.token("")),
            name=fields["name"],
            scopes=frozenset(Scope(scope) for scope in fields["scopes"].split()),
            until=float(fields["until"]),
            used=fields.get("used", ""),
        )

    def _key(self, value: str) -> str:
        return self._keys.token(self._vault.word_mark("token", value))


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
