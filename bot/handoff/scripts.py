"""Loads the queue's Lua scripts: every act of several steps is one of them, so it is atomic."""

from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

_HERE = Path(__file__).parent
#: Every act on handoffs, and every look at them in one step; the shift's is in presence.py.
NAMES: Final = (
    "request", "raise", "claim", "put_back", "say", "end", "abandon", "expire", "heartbeat", "age",
    "held", "offer", "accept", "decline", "told", "keep_note", "escalate", "overdue",
    "keep_open", "flag", "lift", "closing", "uninformed", "gap",
)  # fmt: skip


def load(redis: Redis, name: str) -> AsyncScript:
    """The script `name`.lua, with common.lua before it, ready to be called on `redis`."""
    common = (_HERE / "common.lua").read_text("utf-8")
    return redis.register_script(common + (_HERE / f"{name}.lua").read_text("utf-8"))


def flat(ops: list[Any]) -> list[Any]:
    """Commands as `run` in common.lua reads them."""
    words: list[Any] = []
    for op in ops:
        words += [len(op), *op]
    return words


def text(value: Any) -> str:
    """A script's answer as a string."""
    return value.decode() if isinstance(value, bytes) else str(value)
