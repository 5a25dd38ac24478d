"""Browsers somebody has logged in from: guessing from elsewhere never slows them down."""

import hmac
import secrets
from typing import Final

from bot.console.accounts import Account
from bot.vault import Vault

#: How long a browser is known, seconds; each login begins it anew.
REMEMBERED: Final = 90 * 86_400
#: So many colleagues may share one browser.
SHARED: Final = 8
#: Nobody's account, to which a browser is known once somebody came in with the organisation: whose
#: it is cannot be told before the provider was asked.
ORGANISATION: Final = Account(
    "(oidc)", "", (), frozenset(), must_change=False, capacity=0, epoch=""
)


class Devices:
    """Reads and writes the device cookie: a random name and a mark for each login it is known to.

    It opens nothing. It only decides with whom an attempt is counted, so that nobody can make a
    colleague wait by guessing at their login, not even from the next desk.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def name(self, cookie: str, account: Account | None) -> str:
        """The browser's random name when this account has logged in from it, else ""."""
        name, *marks = cookie.split(".")[: SHARED + 1]
        if account is None or not name or not cookie.isascii():
            return ""
        wanted = self._mark(name, account)
        # Every mark is compared, so that the time taken tells nothing.
        return name if sum(hmac.compare_digest(mark, wanted) for mark in marks) else ""

    def remember(self, cookie: str, account: Account) -> str:
        """The cookie's new value after a login of `account`."""
        name, *marks = cookie.split(".")[: SHARED + 1] if _well_made(cookie) else [""]
        name = name or secrets.token_urlsafe(16)
        wanted = self._mark(name, account)
        return ".".join([name, wanted, *(mark for mark in marks if mark != wanted)][: SHARED + 1])

    def _mark(self, name: str, account: Account) -> str:
        # With the epoch: after a new password no browser is known any more.
        return self._vault.word_mark(f"device {account.login} {account.epoch}", name)[:32]


def _well_made(cookie: str) -> bool:
    name, *marks = cookie.split(".")
    return cookie.isascii() and len(name) == 22 and all(len(mark) == 32 for mark in marks)
