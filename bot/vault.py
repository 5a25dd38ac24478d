"""Keeps what people write unreadable at rest: pseudonyms, data keys, sealing.

One master key (32 bytes, from the environment or a file) is the root. From it come, by HKDF, the
key that names people, the key that wraps data keys, the transit key (inbox and outbox entries
that live for moments) and the engine's own tracker key. Each conversation has a random data key,
stored wrapped; erasing a conversation deletes that first, so that what a disk or a backup still
holds can be read by nobody.
"""

import hashlib
import hmac
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import Sealed
from bot.messages import Channel

_NONCE = 12


def _derive(master: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"northlight " + purpose.encode()).derive(master)


def seal(key: bytes, plain: bytes, context: str) -> bytes:
    """`plain` encrypted under `key`; `context` (the Redis key it is for) must match to open it."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """The plain bytes back. Raises Sealed when key or context differ or a bit was changed."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], context.encode())
    except (InvalidTag, ValueError) as error:
        raise Sealed("cannot open sealed bytes") from error


class Vault:
    """The keys that follow from the master key. Holds no state about anybody."""

    def __init__(self, master: bytes) -> None:
        self._naming = _derive(master, "person")
        self._wrapping = _derive(master, "data key")
        self._transit = _derive(master, "transit")
        self.engine_key = _derive(master, "engine tracker").hex()
        self.engine_token = _derive(master, "engine token").hex()

    def person(self, channel: Channel, platform_id: str) -> str:
        """The pseudonym (40 hex) of a platform's id."""
        name = f"{channel}:{platform_id}".encode()
        return hmac.new(self._naming, name, hashlib.sha256).hexdigest()[:40]

    def word_mark(self, person: str, word: str) -> str:
        """A mark by which a code word is recognised; the word itself is never stored."""
        return hmac.new(self._naming, f"{person}:{word}".encode(), hashlib.sha256).hexdigest()

    def visitor_token(self) -> str:
        """A new web visitor's cookie: 256 random bits, and a mark so that nobody can plant one."""
        random = secrets.token_urlsafe(32)
        return f"{random}.{self._visitor_mark(random)}"

    def is_visitor_token(self, token: str) -> bool:
        """Whether a cookie is one we gave."""
        random, _, mark = token.partition(".")
        return token.isascii() and hmac.compare_digest(mark, self._visitor_mark(random))

    def _visitor_mark(self, random: str) -> str:
        return hmac.new(self._naming, f"visitor {random}".encode(), hashlib.sha256).hexdigest()[:32]

    def new_data_key(self, person: str) -> tuple[bytes, bytes]:
        """A fresh data key for one conversation: (the key, its wrapped form for storage)."""
        key = AESGCM.generate_key(256)
        return key, seal(self._wrapping, key, person)

    def data_key(self, wrapped: bytes, person: str) -> bytes:
        """The data key from its stored form. Raises Sealed when it is not this person's."""
        return unseal(self._wrapping, wrapped, person)

    def seal_transit(self, plain: bytes, context: str) -> bytes:
        """Seals what only passes through (inbox, outbox)."""
        return seal(self._transit, plain, context)

    def unseal_transit(self, sealed: bytes, context: str) -> bytes:
        """Opens what `seal_transit` sealed. Raises Sealed."""
        return unseal(self._transit, sealed, context)
