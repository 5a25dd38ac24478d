"""Looks through everything the service keeps: keys, values, lists of Redis, files, logs."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis

#: What is looked through, in the order of the table.
PLACES: Final = (
    "names of keys", "values of keys", "Redis's slow log", "append-only file", "snapshot",
    "logs", "other files",
)  # fmt: skip


@dataclass
class Searched:
    """One place: how many things were read, their size in bytes, and how many held it."""

    things: int = 0
    size: int = 0
    found: int = 0

    def read(self, pattern: re.Pattern[bytes], raw: bytes) -> None:
        """Counts one thing."""
        self.things += 1
        self.size += len(raw)
        self.found += pattern.search(raw) is not None


async def search(redis: Redis, folder: Path, pattern: re.Pattern[bytes]) -> dict[str, Searched]:
    """Reads all of Redis and every file under `folder`; how often `pattern` stands where."""
    places = {place: Searched() for place in PLACES}
    async for name in redis.scan_iter(count=1000):
        places["names of keys"].read(pattern, name)
        async for value in _values(redis, name):
            places["values of keys"].read(pattern, value)
    slow: Any = await redis.slowlog_get(-1)
    for entry in slow:
        places["Redis's slow log"].read(pattern, repr(entry).encode())
    for place, raw in _files(folder):
        places[place].read(pattern, raw)
    return places


async def _values(redis: Redis, name: bytes) -> AsyncIterator[bytes]:
    """Everything a key holds; not DUMP, which may compress it."""
    rows: Any
    match await redis.type(name):
        case b"string":
            yield await redis.get(name) or b""  # type: ignore[misc]
        case b"hash":
            rows = await redis.hgetall(name)
            for field, value in rows.items():
                yield field + b" " + value
        case b"stream":
            rows = await redis.xrange(name)
            for entry, fields in rows:
                yield entry + b" ".join([word for pair in fields.items() for word in pair])
        case b"zset":
            rows = await redis.zrange(name, 0, -1, withscores=True)
            for member, score in rows:
                yield member + f" {score}".encode()
        case b"list":
            rows = await redis.lrange(name, 0, -1)
            for value in rows:
                yield value
        case b"set":
            rows = await redis.smembers(name)
            for value in rows:
                yield value


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        try:
            raw = path.read_bytes() if path.is_file() else None
        except FileNotFoundError:
            continue  # Redis has just replaced it
        if raw is None:
            continue
        if ".aof" in path.name:
            yield "append-only file", raw
        elif path.suffix == ".rdb":
            yield "snapshot", raw
        elif path.suffix == ".log":
            yield "logs", raw
        else:
            yield "other files", raw
