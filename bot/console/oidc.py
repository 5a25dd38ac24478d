"""Asks the organisation's OpenID Connect provider who somebody is; knows nothing of accounts.

Authorization code flow with PKCE. Nothing is kept between the two halves but a sealed cookie, so
that beginning costs no memory and an answer is worth something in one browser only.
"""

import asyncio
import base64
import functools
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from bot.errors import NorthlightError, Sealed
from bot.settings import OpenId, safe_url
from bot.vault import Vault

#: Between leaving for the provider and coming back, seconds.
AWAY_FOR: Final = 600
#: The provider may take so long for all that is asked at a time, seconds.
PATIENCE: Final = 8.0
#: What it says of itself is believed so long; that it is away, so long from the asking, which is
#: longer than PATIENCE, so that of all who wait only one has to wait in vain. Seconds.
KNOWN, MISSED = 300, 15
#: Clocks may differ so much, seconds.
LEEWAY: Final = 60
#: Signatures by a key that only the provider has; never "none", never one made with our secret.
_SIGNED: Final = JWSRegistry(
    algorithms=["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"],
    strict_check_header=False,
)
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
#: The provider's words for what went wrong that may stand in a log; any other is only "refused".
_KNOWN_ERRORS: Final = {"invalid_client", "invalid_grant", "invalid_request", "unauthorized_client"}
_SEALED_FOR: Final = "oidc begun"
#: Reading the certificates of the world takes 20 ms: once, or anybody could keep us busy with it.
_trusted: Final = functools.cache(httpx.create_ssl_context)


class Away(NorthlightError):
    """Raised when the provider cannot be reached or describes itself wrongly; text for the log."""


class NotVouched(NorthlightError):
    """Raised when the provider's answer does not prove who somebody is; text for the log."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that was begun: what the answer is held against. `at`: seconds since the epoch."""

    state: str
    nonce: str
    verifier: str
    callback: str
    at: float


class Provider:
    """The organisation's provider, as this console knows it."""

    def __init__(self, settings: OpenId, vault: Vault, clock: Callable[[], float]) -> None:
        self._settings, self._vault, self._clock = settings, vault, clock
        self._turn = asyncio.Lock()
        self._about: dict[str, Any] = {}
        self._until = 0.0

    @property
    def issuer(self) -> str:
        """The name under which the provider signs."""
        return self._settings.issuer

    async def begin(self, callback: str) -> tuple[str, str]:
        """Where the browser is sent, and the cookie it takes along. Raises Away."""
        async with self._calling() as http:
            about = await self._described(http)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        begun = Begun(state, nonce, verifier, callback, self._clock())
        challenge = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self._settings.client_id,
            "redirect_uri": callback,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        url = httpx.URL(about["authorization_endpoint"]).copy_merge_params(asked)
        sealed = self._vault.seal_transit(json.dumps(asdict(begun)).encode(), _SEALED_FOR)
        return str(url), sealed.hex()

    def begun(self, cookie: str, state: str) -> Begun | None:
        """What this browser began, when `state` is its and it is not too long ago."""
        try:
            opened = self._vault.unseal_transit(bytes.fromhex(cookie), _SEALED_FOR)
        except (Sealed, ValueError):
            return None
        begun = Begun(**json.loads(opened))
        same = hmac.compare_digest(begun.state.encode(), state.encode())
        return begun if same and self._clock() - begun.at < AWAY_FOR else None

    async def subject(self, begun: Begun, code: str) -> str:
        """Who came back with `code`: the provider's own lasting name for them, its `sub`.

        Raises Away, NotVouched.
        """
        async with self._calling() as http:
            about = await self._described(http)
            answer = await http.post(
                about["token_endpoint"],
                data={
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": begun.callback,
                    "code_verifier": begun.verifier,
                },
                auth=(
                    quote(self._settings.client_id, safe=""),
                    quote(self._settings.client_secret, safe=""),
                ),
            )
            if answer.status_code >= 500:
                raise Away(f"token {answer.status_code}")
            token = _token(answer)
            keys = await _json(http, about["jwks_uri"])
        claims = jwt.JWTClaimsRegistry(
            int(self._clock()), LEEWAY,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self._settings.client_id},
            exp={"essential": True}, iat={"essential": True}, sub={"essential": True},
            nonce={"essential": True, "value": begun.nonce},
        )  # fmt: skip
        try:
            signed = jwt.decode(token, KeySet.import_key_set(keys), registry=_SIGNED).claims  # type: ignore[arg-type]
            claims.validate(signed)
        # A key set or a token can be malformed in every way there is.
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise NotVouched(type(error).__name__) from None
        several = isinstance(signed["aud"], list) and len(signed["aud"]) > 1
        meant_for = signed.get("azp") or ("" if several else self._settings.client_id)
        if meant_for != self._settings.client_id or len(signed["sub"]) > 255:
            raise NotVouched("azp or sub")
        return str(signed["sub"])

    def identity(self, sub: str) -> str:
        """The mark under which an account is tied to `sub`; the name itself is not stored."""
        # With the issuer: a name means nothing at any other.
        return self._vault.word_mark(f"oidc {self.issuer}", sub)

    async def _described(self, http: httpx.AsyncClient) -> dict[str, Any]:
        """What the provider says of itself, asked once for everybody. Raises Away."""
        async with self._turn:
            if self._clock() >= self._until:
                self._about, self._until = {}, self._clock() + MISSED
                path = "/.well-known/openid-configuration"
                found = await _json(http, self.issuer.rstrip("/") + path)
                if found.get("issuer") != self.issuer:
                    raise Away("issuer differs")
                for name in _ENDPOINTS:
                    safe_url(str(found.get(name)))
                self._about, self._until = found, self._clock() + KNOWN
            if not self._about:
                raise Away("just now")
            return self._about

    @asynccontextmanager
    async def _calling(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client for a few calls, with an end to waiting. Raises Away for all that goes wrong."""
        try:
            async with (
                asyncio.timeout(PATIENCE),
                httpx.AsyncClient(timeout=PATIENCE, verify=_trusted()) as http,
            ):
                yield http
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            raise Away(type(error).__name__) from None


async def _json(http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """A JSON object. Raises HTTPError, ValueError."""
    answer = (await http.get(url)).raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _token(answer: httpx.Response) -> str:
    """The ID token of the token endpoint's answer. Raises NotVouched."""
    try:
        found = answer.json()
        if answer.is_success:
            return str(found["id_token"])
        error = str(found.get("error"))
    except (ValueError, TypeError, KeyError, AttributeError):
        error = ""
    raise NotVouched(error if error in _KNOWN_ERRORS else "refused")
