"""Silence in a talk: the person is asked once, then told, then the talk is closed and erased.

It counts from the counsellor's last words, so nobody is asked while it is their turn to be
answered. The counsellor may keep the talk open; a RED one is never closed by itself.
"""

from enum import StrEnum
from typing import Final

from bot.handoff.record import Handoff
from bot.safety.levels import Level

#: Silent for so long, and the person is asked whether they are still there; seconds.
ASK_AFTER: Final = 600
#: So long after the question the end is announced, and so long after that it comes; seconds.
#: Together as long as any other chat may be quiet (QUIET and GRACE in bot/conversation/session.py).
PAUSE: Final = 300


class Step(StrEnum):
    """What a silence has come to."""

    ASK = "ask"
    WARN = "warn"
    CLOSE = "close"


#: The field of the handoff that holds when a step was taken.
FIELD: Final = {Step.ASK: "nudged_at", Step.WARN: "warned_at"}


def since(found: Handoff) -> float:
    """When the silence began, epoch seconds; 0 while nothing is awaited from the person."""
    last = found.spoken_at
    awaited = found.with_counsellor and last >= max(found.claimed_at, found.heard_at)
    return last if awaited else 0.0


def answer_since(found: Handoff) -> float:
    """Since when an answer is awaited from the counsellor, epoch seconds; 0 while none is."""
    if not found.with_counsellor or since(found):
        return 0.0
    return found.claimed_at if found.spoken_at < found.claimed_at else found.unanswered


def asked(found: Handoff) -> bool:
    """Whether the person was asked in this silence."""
    return found.nudged_at >= since(found) > 0


def warned(found: Handoff) -> bool:
    """Whether the end was announced in this silence."""
    return found.warned_at >= since(found) > 0


def due(found: Handoff, now: float, *, may_write: bool) -> Step | None:
    """The step that is due. `may_write`: whether a message may come unasked now (contact.py).

    Who may not be written to is not asked or told: after the same time the talk closes silently.
    """
    began, red = since(found), found.level is Level.RED
    if not began or found.kept_open:
        return None
    if not may_write:
        return Step.CLOSE if not red and now - began >= ASK_AFTER + 2 * PAUSE else None
    if not asked(found):
        return Step.ASK if now - began >= ASK_AFTER else None
    if red:
        return None
    if not warned(found):
        return Step.WARN if now - found.nudged_at >= PAUSE else None
    return Step.CLOSE if now - found.warned_at >= PAUSE else None
