"""The second step of a login: a code from the counsellor's phone (TOTP), or a recovery code."""

import hmac
import re
import secrets
from collections.abc import Callable
from typing import Any, Final

import pyotp
import segno
from redis.asyncio import Redis

from bot.errors import Sealed
from bot.keys import Keys
from bot.vault import Vault

#: Recovery codes given at a time; each opens once.
CODES: Final = 10
#: Steps of 30 seconds before and after now that are taken too: phones' clocks differ.
DRIFT: Final = 1
ISSUER: Final = "Northlight desk"
_CODE = re.compile("[0-9]{6}")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"

# KEYS: account (hash). ARGV: the step of a code that is right. A code opens once, also when it
# comes twice at the same moment. Returns 1 when it is the first time.
_USE = """
if redis.call('HEXISTS', KEYS[1], 'totp') == 0 then return 0 end
if tonumber(ARGV[1]) <= tonumber(redis.call('HGET', KEYS[1], 'totp_used') or '0') then return 0 end
redis.call('HSET', KEYS[1], 'totp_used', ARGV[1])
return 1
"""
# KEYS: account (hash). ARGV: prefix of recovery fields, fields and values to set. Nothing of an
# account that was removed meanwhile comes back. Returns 1 when it was done.
_REPLACE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[1], 'totp', 'totp_used')
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  if name:sub(1, #ARGV[1]) == ARGV[1] then redis.call('HDEL', KEYS[1], name) end
end
for at = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
return 1
"""
_RECOVERY = "recovery:"


class SecondStep:
    """Sets up, checks and takes away second steps. The secret is sealed, codes are only marks."""

    def __init__(self, redis: Redis, keys: Keys, vault: Vault, clock: Callable[[], float]) -> None:
        self._redis, self._keys, self._vault, self._clock = redis, keys, vault, clock
        self._use = redis.register_script(_USE)
        self._replace = redis.register_script(_REPLACE)

    def offer(self, token: str) -> tuple[str, str]:
        """A new secret for the phone, and its sealed form: this login's page brings it back."""
        secret = pyotp.random_base32()
        return secret, self._vault.seal_transit(secret.encode(), f"offer {token}").hex()

    def offered(self, sealed: str, token: str) -> str:
        """The secret that was offered to this login, "" for anything else."""
        try:
            return self._vault.unseal_transit(bytes.fromhex(sealed), f"offer {token}").decode()
        except (Sealed, ValueError):
            return ""

    def fits(self, secret: str, code: str) -> bool:
        """Whether `code` is one of `secret` now."""
        return self._step(secret, code) is not None

    def picture(self, login: str, secret: str) -> str:
        """The secret as a QR code: an SVG without style or script."""
        uri = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)
        code = segno.make(uri, error="m", micro=False)
        return code.svg_inline(scale=4, border=4, light="white", omitsize=True, svgclass="qr")

    async def set_up(self, login: str, secret: str, code: str) -> list[str]:
        """Makes `secret` the account's; all logins end. Returns the recovery codes, shown once.

        An empty list: the code is not the secret's, nothing was changed.
        """
        step = self._step(secret, code)
        if step is None:
            return []
        codes = [_recovery_code() for _ in range(CODES)]
        name = self._keys.counsellor(login)
        # Its context stands in bot/rotate_keys.py too, which seals it under a new master key.
        fields: list[Any] = [
            "totp", self._vault.seal_transit(secret.encode(), f"{name} totp"),
            "totp_used", step, "epoch", secrets.token_hex(8),
        ]  # fmt: skip
        for one in codes:
            fields += [_RECOVERY + self._mark(login, one), "1"]
        done = await self._replace(keys=[name], args=[_RECOVERY, *fields])
        return codes if done else []

    async def remove(self, login: str) -> bool:
        """Takes the second step off an account (a lost phone); all its logins end."""
        fields = ["epoch", secrets.token_hex(8)]
        name = self._keys.counsellor(login)
        return bool(await self._replace(keys=[name], args=[_RECOVERY, *fields]))

    async def check(self, login: str, given: str) -> str:
        """What opened: "code", "recovery" or "" for nothing. Each code opens once."""
        folded = re.sub(r"[\s-]", "", given[:100]).lower()
        name = self._keys.counsellor(login)
        if _CODE.fullmatch(folded):
            sealed: Any = await self._redis.hget(name, "totp")
            if not sealed:
                return ""
            secret = self._vault.unseal_transit(sealed, f"{name} totp").decode()
            step = self._step(secret, folded)
            return "code" if step and await self._use(keys=[name], args=[step]) else ""
        used = await self._redis.hdel(name, _RECOVERY + self._mark(login, folded))
        return "recovery" if used else ""

    async def codes_left(self, login: str) -> int:
        """How many recovery codes have not been used."""
        names: Any = await self._redis.hkeys(self._keys.counsellor(login))
        return sum(name.startswith(_RECOVERY.encode()) for name in names)

    def _step(self, secret: str, code: str) -> int | None:
        """The step for which `code` is right, if it is near now."""
        given = re.sub(r"\s", "", code)
        if not _CODE.fullmatch(given):
            return None
        now, totp = int(self._clock() // 30), pyotp.TOTP(secret)
        for step in range(now - DRIFT, now + DRIFT + 1):
            if hmac.compare_digest(totp.generate_otp(step), given):
                return step
        return None

    def _mark(self, login: str, code: str) -> str:
        return self._vault.word_mark(f"recovery {login}", code.replace("-", ""))


def _recovery_code() -> str:
    """Ten letters, 49 bits: too many to guess through a door that slows down."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(10))
    return f"{letters[:5]}-{letters[5:]}"
