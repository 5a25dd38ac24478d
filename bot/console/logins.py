"""Who is logged in: a random token in a cookie, its hash in Redis, and the delay after failures."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from bot.console.accounts import Account, Accounts
from bot.keys import Keys
from bot.vault import Vault

#: A login ends after this much silence, and after this much time whatever happens; seconds.
IDLE: Final = 2 * 3600
ABSOLUTE: Final = 12 * 3600
#: After the password there is so much time for the code, seconds.
HALF: Final = 300
#: A used answer of the organisation's provider is known so long: as long as it could be offered.
ANSWERED: Final = 600
#: Failures are forgotten after so long, seconds.
FORGIVEN: Final = 900
#: Codes that unknown browsers may try for one account, all together, in so many seconds. Whoever
#: tries has the password already, so this stops a guesser with many addresses; browsers the
#: colleague has logged in from are not counted, and a new password begins the count again.
STRANGE_CODES: Final = 20
STRANGE_WINDOW: Final = 3600

# KEYS: attempts (string: "count until"). ARGV: now, ttl. Counts this attempt before the password
# is looked at, so that many at once cannot slip through. Returns seconds to wait, or 0.
_ATTEMPT = """
local count, til = (redis.call('GET', KEYS[1]) or '0 0'):match('(%d+) (%d+)')
count, til = tonumber(count), tonumber(til)
local now = math.floor(tonumber(ARGV[1]))
if til > now then return til - now end
count = count + 1
local wait = 0
if count >= 3 then wait = math.min(2 ^ (count - 3), 300) end
redis.call('SET', KEYS[1], string.format('%d %d', count, now + wait), 'EX', ARGV[2])
return 0
"""


# KEYS: login (hash). ARGV: now, ttl. Never brings back a login that has just been ended.
_TOUCH = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'seen', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""


@dataclass(frozen=True, slots=True)
class Login:
    """A login that is valid now. `token` is the stored (hashed) name, never the cookie's value.

    `half`: the password was right, the code has not been given yet; it opens nothing else.
    `vouched`: the organisation's provider said who this is; its rules hold in place of ours.
    """

    account: Account
    token: str
    csrf: str
    began: float
    half: bool = False
    vouched: bool = False


class Logins:
    """Opening, finding and ending logins."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        vault: Vault,
        accounts: Accounts,
        clock: Callable[[], float],
    ) -> None:
        self._redis, self._keys, self._vault = redis, keys, vault
        self._accounts, self._clock = accounts, clock
        self._attempt = redis.register_script(_ATTEMPT)
        self._touch = redis.register_script(_TOUCH)

    async def delay(self, login: str, source: str) -> int:
        """Counts one attempt; seconds to wait before it may be made, 0 for now.

        Counted per login and source together, so nobody can lock a colleague out from elsewhere.
        """
        return int(await self._attempt(keys=[self._failures(login, source)],
                                       args=[f"{self._clock():.0f}", FORGIVEN]))  # fmt: skip

    async def strange_code(self, account: Account) -> int:
        """Counts a code tried from an unknown browser; seconds to wait, 0 when it may be tried."""
        name = self._failures(account.login, f"codes {account.epoch}")
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(name, 0, ex=STRANGE_WINDOW, nx=True)
            pipe.incr(name)
            pipe.ttl(name)
            _, count, left = await pipe.execute()
        return max(1, int(left)) if int(count) > STRANGE_CODES else 0

    async def forgive(self, login: str, source: str) -> None:
        """Forgets the attempts counted so far."""
        await self._redis.delete(self._failures(login, source))

    async def first_use(self, answer: str) -> bool:
        """Whether this answer of the organisation's provider has not been used before."""
        name = self._keys.answered(self._vault.word_mark("answered", answer)[:32])
        return bool(await self._redis.set(name, 1, nx=True, ex=ANSWERED))

    async def open(
        self, login: str, source: str, *, half: bool = False, vouched: bool = False
    ) -> str:
        """A new login for somebody proven; returns the cookie's value. Raises LookupError."""
        account = await self._accounts.find(login)
        if account is None:
            raise LookupError("account")
        if not half:
            await self.forgive(login, source)
        value = secrets.token_urlsafe(32)
        name = self._keys.login(_hashed(value))
        now = f"{self._clock():.0f}"
        fields: dict[Any, Any] = {
            "login": login,
            "csrf": secrets.token_urlsafe(24),
            "epoch": account.epoch,
            "began": now,
            "seen": now,
            "half": "1" if half else "",
            "vouched": "1" if vouched else "",
        }
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(name, mapping=fields)
            pipe.expire(name, HALF if half else IDLE)
            await pipe.execute()
        return value

    async def find(self, value: str, *, touch: bool = True) -> Login | None:
        """The login of a cookie's value; None when it is unknown, over or revoked.

        `touch` False reads without counting as activity.
        """
        if not value or len(value) > 100:
            return None
        token = _hashed(value)
        raw: Any = await self._redis.hgetall(self._keys.login(token))
        if not raw:
            return None
        fields = {name.decode(): text.decode() for name, text in raw.items()}
        account = await self._accounts.find(fields["login"])
        now = self._clock()
        half = bool(fields.get("half"))
        over = (
            now - float(fields["began"]) >= (HALF if half else ABSOLUTE)
            or now - float(fields["seen"]) >= IDLE
        )
        if account is None or account.epoch != fields["epoch"] or over:
            await self.end(token)
            return None
        vouched = bool(fields.get("vouched"))
        login = Login(account, token, fields["csrf"], float(fields["began"]), half, vouched)
        if touch and not half:
            await self.touch(login)
        return login

    async def touch(self, login: Login) -> None:
        """The counsellor did something: the idle time starts again."""
        now = self._clock()
        left = max(1, int(min(IDLE, login.began + ABSOLUTE - now)))
        await self._touch(keys=[self._keys.login(login.token)], args=[f"{now:.0f}", left])

    def ends_in(self, login: Login) -> int:
        """Seconds until this login ends whatever happens."""
        return max(0, int(login.began + ABSOLUTE - self._clock()))

    async def end(self, token: str) -> None:
        """Ends a login by its stored name."""
        await self._redis.delete(self._keys.login(token))

    def _failures(self, login: str, source: str) -> str:
        # Login and source only as a keyed mark: no address is stored.
        return self._keys.attempts(self._vault.word_mark(login, source)[:32])


def _hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
