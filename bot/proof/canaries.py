"""Canaries: strings nobody else writes, planted everywhere and looked for in every spelling."""

import base64
import re
import secrets
from dataclasses import dataclass, field

_LETTERS = "bcdfghjkmnpqrstvwxz"


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


@dataclass
class Canaries:
    """All canaries of one run share a beginning, so that one search finds any of them.

    `words` begins every text, `digits` every number (ids, phone numbers), `address` is the one
    everybody comes from.
    """

    words: str = field(default_factory=lambda: _letters(12))
    digits: str = field(default_factory=lambda: f"9{secrets.randbelow(10**8):08}")
    address: str = "203.0.113.77"
    #: Pseudonyms and cookies of people, the counsellor's name: told by their owners.
    names: set[str] = field(default_factory=set)
    _count: int = 0

    def word(self) -> str:
        """A new canary of letters only, good for any field."""
        self._count += 1
        tail = "".join(_LETTERS[int(digit)] for digit in str(self._count))
        return self.words + tail

    def number(self) -> int:
        """A new canary of twelve digits."""
        self._count += 1
        return int(f"{self.digits}{self._count:03}")

    def content(self) -> re.Pattern[bytes]:
        """Finds what people wrote, are called or can be reached at, in any of these spellings."""
        plain = [self.words, self.digits, self.address]
        spelled = [text.encode() for text in plain]
        spelled += [text.encode().hex().encode() for text in plain[:2]]
        spelled += [text.encode("utf-16-le") for text in plain[:2]]
        spelled += [part for text in plain[:2] for part in _base64(text.encode())]
        return re.compile(b"|".join(map(re.escape, spelled)), re.IGNORECASE)

    def identity(self) -> re.Pattern[bytes]:
        """Finds the names under which people were known, their cookies, who spoke with them."""
        return re.compile(b"|".join(re.escape(name.encode()) for name in sorted(self.names)))


def _base64(text: bytes) -> list[bytes]:
    """What of `text` stands in base64 whatever comes before and after it."""
    found = []
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + text)
        first = -(-before * 8 // 6) + (1 if before else 0)
        last = (before + len(text)) * 8 // 6
        found.append(whole[first:last])
    return found
