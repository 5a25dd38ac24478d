"""What was said between claim and end: sealed lines by core and console, read by the console."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from redis.asyncio import Redis

from bot.errors import Sealed
from bot.handoff.record import Handoff
from bot.inbox import Op
from bot.keys import KEEP, Keys
from bot.messages import Media
from bot.vault import seal, unseal

#: How many lines one conversation keeps.
LENGTH: Final = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `who` is person, counsellor or card; `beside` is the counsellor's own version.

    `at` is seconds since the epoch; `name` is the alias of the counsellor who wrote; `answer` is a
    pressed answer as slot:value, so that it can be read in any language; `media` is what came with
    the text or instead of it; `flag` is the rule that fired on it, as danger_words.
    """

    who: str
    text: str
    at: float
    name: str = ""
    beside: str = ""
    language: str = ""
    id: str = ""
    answer: str = ""
    media: Media | None = None
    flag: str = ""


class Transcript:
    """Seals, stores and opens the lines of handoffs."""

    def __init__(self, redis: Redis, keys: Keys, longest: int = KEEP) -> None:
        self._redis, self._keys, self._longest = redis, keys, longest

    def ops(self, handoff: Handoff, line: Line) -> list[Op]:
        """The commands that append `line`. Raises Sealed if the handoff has no data key with it."""
        if not handoff.key:
            raise Sealed("the handoff was read without its data key")
        stream = self._keys.transcript(handoff.id)
        sealed = seal(handoff.key, json.dumps(asdict(line)).encode(), stream)
        return [
            ("XADD", stream, "MAXLEN", "~", LENGTH, "*", "e", sealed),
            ("EXPIRE", stream, KEEP),
            ("EXPIRE", self._keys.handoff(handoff.id), KEEP),
            ("EXPIRE", self._keys.handoff_of(handoff.person), self._longest),
            ("EXPIRE", self._keys.datakey(handoff.person), self._longest),
            ("EXPIRE", self._keys.session(handoff.person), KEEP),
        ]

    async def read(self, handoff: Handoff, after: str = "") -> list[Line]:
        """The lines after the one with id `after`, oldest first; none once the key is erased.

        Raises Sealed when one of them is damaged.
        """
        if not handoff.key:
            return []
        stream = self._keys.transcript(handoff.id)
        rows: Any = await self._redis.xrange(stream, min=f"({after}" if after else "-")
        return [self._open(handoff.key, stream, row) for row in rows]

    async def one(self, handoff: Handoff, line: str) -> Line | None:
        """The line with that id, if there is one. Raises Sealed when it is damaged."""
        if not handoff.key:
            return None
        stream = self._keys.transcript(handoff.id)
        rows: Any = await self._redis.xrange(stream, min=line, max=line)
        return self._open(handoff.key, stream, rows[0]) if rows else None

    def _open(self, key: bytes, stream: str, row: Any) -> Line:
        entry, fields = row
        opened = json.loads(unseal(key, fields[b"e"], stream))
        media = Media.from_fields(opened["media"]) if opened.get("media") else None
        return Line(**{**opened, "id": entry.decode(), "media": media})
