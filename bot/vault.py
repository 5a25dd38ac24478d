"""Keeps what people write unreadable at rest: pseudonyms, data keys, sealing.

One master key (32 bytes, from the environment or a file) is the root. From it come, by HKDF, the
key that names people, the key that wraps data keys, the transit key (inbox and outbox entries
that live for moments, web screens, addresses) and the engine's own tracker key. Each conversation
has a random data key, stored wrapped; erasing a conversation deletes that first, so that nobody can
open what is not deleted yet. A copy made before holds the wrapped key too: it can be read with the
master key, until that is changed and the older one destroyed.

Where the master key is a file, it may hold several (`Ring`): the newest seals, each one opens.
Every process follows that file, so `python -m bot rotate-keys` needs no stop of the service.
"""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import Sealed, SettingsError
from bot.messages import Channel

_NONCE = 12
#: What follows from the first master key and outlives it.
_IDENTITY: Final = ("person", "engine tracker", "engine token")
#: Length of a pseudonym.
_PERSON = 40
_LETTER = "dead letter"


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


@dataclass(frozen=True, slots=True)
class Ring:
    """The master keys, oldest first: the last one seals, every one opens.

    `identity` names people and the engine's secrets; it is kept when the key it came from is
    retired, because a conversation could not be found again under another name.
    """

    masters: tuple[bytes, ...] = field(repr=False)
    identity: bytes = field(default=b"", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The ring from its file: one key a line in hexadecimal. Raises ValueError."""
        lines = text.split()
        identity = b""
        if lines[:1] == ["identity"]:
            identity, lines = bytes.fromhex("".join(lines[1:2])), lines[2:]
        masters = tuple(bytes.fromhex(line) for line in lines)
        if {len(key) for key in masters} != {32} or len(identity) not in (0, 96):
            raise ValueError("must hold 64 hexadecimal digits (32 bytes)")
        return cls(masters, identity)

    def to_text(self) -> str:
        """The file's text."""
        lines = [f"identity {self.identity.hex()}"] if self.identity else []
        return "\n".join([*lines, *(key.hex() for key in self.masters)]) + "\n"

    def newest_only(self) -> "Ring":
        """The ring without its older keys; names and the engine's secrets stay as they were."""
        return Ring(self.masters[-1:], b"".join(self.identities()))

    def identities(self) -> tuple[bytes, bytes, bytes]:
        """The key that names people, the engine's key, the engine's token."""
        whole = self.identity or b"".join(_derive(self.masters[0], what) for what in _IDENTITY)
        return whole[:32], whole[32:64], whole[64:]


class Vault:
    """The keys that follow from the master key. Holds no state about anybody."""

    def __init__(self, master: bytes | Ring, file: Path | None = None) -> None:
        ring = master if isinstance(master, Ring) else Ring((master,))
        self._identity = ring.identities()
        self._naming = self._identity[0]
        self.engine_key, self.engine_token = (key.hex() for key in self._identity[1:])
        self._file, self._stamp = file, (0, 0, 0)
        self._use(ring)

    @classmethod
    def of_file(cls, file: Path) -> Self:
        """The vault of a key file, which it follows. Raises SettingsError."""
        try:
            return cls(Ring.parse(file.read_text("ascii")), file)
        except (OSError, ValueError):
            raise SettingsError(f"{file}: must hold 64 hexadecimal digits (32 bytes)") from None

    def _use(self, ring: Ring) -> None:
        newest_first = ring.masters[::-1]
        self._wrapping = [_derive(master, "data key") for master in newest_first]
        self._transit = [_derive(master, "transit") for master in newest_first]
        self._mark = _derive(newest_first[0], "mark").hex()

    def _follow(self) -> None:
        """Takes over a key file that was changed; one that makes no sense changes nothing."""
        if self._file is None or (stamp := _stamp(self._file)) == self._stamp:
            return
        try:
            ring = Ring.parse(self._file.read_text("ascii"))
        except (OSError, ValueError):
            return  # just being written: looked at again the next time
        if ring.identities() == self._identity:  # else it is another installation's
            self._use(ring)
        self._stamp = stamp

    def newest_mark(self) -> str:
        """By which two processes know that they seal with the same key; it tells nothing of it."""
        self._follow()
        return self._mark

    def person(self, channel: Channel, platform_id: str) -> str:
        """The pseudonym (40 hex) of a platform's id."""
        name = f"{channel}:{platform_id}".encode()
        return hmac.new(self._naming, name, hashlib.sha256).hexdigest()[:_PERSON]

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
        self._follow()
        key = AESGCM.generate_key(256)
        return key, seal(self._wrapping[0], key, person)

    def data_key(self, wrapped: bytes, person: str) -> bytes:
        """The data key from its stored form. Raises Sealed when it is not this person's."""
        self._follow()
        return _open(self._wrapping, wrapped, person)

    def renew_data_key(self, wrapped: bytes, person: str) -> bytes:
        """The stored form under the newest master key; the same bytes if it is. Raises Sealed."""
        self._follow()
        return _renew(self._wrapping, wrapped, person)

    def seal_transit(self, plain: bytes, context: str) -> bytes:
        """Seals what only passes through (inbox, outbox)."""
        self._follow()
        return seal(self._transit[0], plain, context)

    def unseal_transit(self, sealed: bytes, context: str) -> bytes:
        """Opens what `seal_transit` sealed. Raises Sealed."""
        self._follow()
        return _open(self._transit, sealed, context)

    def renew_transit(self, sealed: bytes, context: str) -> bytes:
        """The same sealed under the newest master key; the same bytes if it is. Raises Sealed."""
        self._follow()
        return _renew(self._transit, sealed, context)

    def seal_letter(self, person: str, key: bytes, plain: bytes) -> bytes:
        """A dead letter: sealed with the conversation's own key, whose it is sealed around it."""
        return self.seal_transit(person.encode() + b"\n" + seal(key, plain, person), _LETTER)

    def letter(self, sealed: bytes) -> tuple[str, bytes]:
        """Whose a dead letter is, and what only their data key opens. Raises Sealed."""
        person, _, inner = self.unseal_transit(sealed, _LETTER).partition(b"\n")
        return person.decode(), inner

    def renew_letter(self, sealed: bytes) -> bytes:
        """The same under the newest master key; the same bytes if it is. Raises Sealed."""
        return self.renew_transit(sealed, _LETTER)


def _stamp(file: Path) -> tuple[int, int, int]:
    try:
        found = os.stat(file)
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_size, found.st_ino


def _open(keys: list[bytes], sealed: bytes, context: str) -> bytes:
    for key in keys[:-1]:
        try:
            return unseal(key, sealed, context)
        except Sealed:
            continue
    return unseal(keys[-1], sealed, context)


def _renew(keys: list[bytes], sealed: bytes, context: str) -> bytes:
    try:
        unseal(keys[0], sealed, context)
    except Sealed:
        return seal(keys[0], _open(keys, sealed, context), context)
    return sealed
