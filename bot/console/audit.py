"""Who did what to which handoff: an append-only stream that never holds text.

Each line carries a mark made with a key of the vault over itself and the mark before it. Whoever
can write to Redis but has no master key can cut off the newest lines, but cannot change, remove,
move or add one anywhere else without `python -m bot audit-log` saying so.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from redis.asyncio import Redis

from bot.keys import Keys
from bot.vault import Vault

#: Lines read from Redis at a time.
_BATCH: Final = 500

# KEYS: audit (stream). ARGV: id of the line that was last when the mark was made, then the line's
# fields and values. Returns 1, or 0 when another process was quicker.
_APPEND = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if (last[1] and last[1][1] or '') ~= ARGV[1] then return 0 end
local line = {}
for at = 2, #ARGV do line[at - 1] = ARGV[at] end
redis.call('XADD', KEYS[1], '*', unpack(line))
return 1
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `at` is seconds since the epoch; `whole` False: something before it was changed."""

    at: int
    who: str
    what: str
    handoff: str
    whole: bool

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return "\t".join((moment, self.who, self.what, self.handoff))


class Audit:
    """Writes and reads the audit stream."""

    def __init__(
        self, redis: Redis, keys: Keys, vault: Vault, clock: Callable[[], float], mark: str = ""
    ) -> None:
        """`mark` stands before every act written here, for example "practice:"."""
        self._redis, self._keys, self._vault, self._clock = redis, keys, vault, clock
        self._before = mark
        self._append = redis.register_script(_APPEND)
        self._turn = asyncio.Lock()

    async def write(self, who: str, what: str, handoff: str = "") -> None:
        """One line: login, act (read, claim, say, release, end, login...), handoff id.

        Signs that end a line or a field of it, or show none, are not written.
        """
        who, what, handoff = map(_on_one_line, (who, self._before + what, handoff))
        async with self._turn:
            while True:
                newest: Any = await self._redis.xrevrange(self._keys.audit(), count=1)
                last, before = newest[0] if newest else (b"", {})
                at = f"{self._clock():.0f}"
                mark = self._mark(before.get(b"mark", b"").decode(), at, who, what, handoff)
                line = ("at", at, "who", who, "what", what, "handoff", handoff, "mark", mark)
                if await self._append(keys=[self._keys.audit()], args=[last, *line]):
                    return

    async def read(self, count: int = 1_000) -> list[tuple[str, str, str]]:
        """The newest lines, oldest first: (who, what, handoff)."""
        rows: Any = await self._redis.xrevrange(self._keys.audit(), count=count)
        names = (b"who", b"what", b"handoff")
        return [
            (fields[names[0]].decode(), fields[names[1]].decode(), fields[names[2]].decode())
            for _, fields in reversed(rows)
        ]

    async def entries(self) -> AsyncIterator[Entry]:
        """Every line there is, oldest first, each held against the one before it."""
        start, before = "-", ""
        while True:
            rows: Any = await self._redis.xrange(self._keys.audit(), min=start, count=_BATCH)
            for _, raw in rows:
                fields = {name.decode(): value.decode() for name, value in raw.items()}
                at, mark = fields.get("at", "0"), fields.get("mark", "")
                who, what, handoff = fields["who"], fields["what"], fields["handoff"]
                whole = mark == self._mark(before, at, who, what, handoff)
                yield Entry(int(at), who, what, handoff, whole)
                before = mark
            if len(rows) < _BATCH:
                return
            start = f"({rows[-1][0].decode()}"

    def _mark(self, before: str, *line: str) -> str:
        return self._vault.word_mark(f"audit {before}", "\n".join(line))


def _on_one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text)
