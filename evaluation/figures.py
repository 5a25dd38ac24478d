"""The figures of a set of answers; all are shares from 0 to 1 unless their name says otherwise."""

from collections.abc import Callable, Sequence

from evaluation.measure import Found

DISCLOSURES = ("disclose_labour", "disclose_sexual", "disclose_control")


def macro_f1(found: Sequence[Found]) -> float:
    """The mean, over the intents that occur, of the harmonic mean of precision and recall."""
    return sum(f1(found, intent) for intent in _intents(found)) / max(1, len(_intents(found)))


def f1(found: Sequence[Found], intent: str) -> float:
    """Precision and recall of one intent, together."""
    right = sum(one.line.intent == intent == one.intent for one in found)
    meant = sum(one.line.intent == intent for one in found)
    said = sum(one.intent == intent for one in found)
    return 2 * right / (meant + said) if meant + said else 0.0


def recalled(found: Sequence[Found], intent: str, kind: str | None = None) -> float:
    """Lines of an urgent intent that bring a card for danger or self-harm."""
    return share(_lines(found, intent, kind), lambda one: one.raised)


def heard(found: Sequence[Found], intent: str) -> float:
    """Lines of an intent that are read as exactly that intent."""
    return share(_lines(found, intent), lambda one: one.intent == intent)


def false_alarms(found: Sequence[Found], kind: str | None = None) -> float:
    """Lines that are not urgent, and still bring a card for danger or self-harm."""
    calm = [one for one in found if not one.line.intent.startswith("report_")]
    return share([one for one in calm if kind in (None, one.line.kind)], lambda one: one.raised)


def kept_out(found: Sequence[Found]) -> float:
    """Lines out of scope that are not taken for somebody telling what was done to them."""
    return share(_lines(found, "out_of_scope"), lambda one: one.intent not in DISCLOSURES)


def share(found: Sequence[Found], true: Callable[[Found], bool]) -> float:
    """How many of them, from 0 to 1; nan of none."""
    return sum(map(true, found)) / len(found) if found else float("nan")


def _lines(found: Sequence[Found], intent: str, kind: str | None = None) -> list[Found]:
    return [one for one in found if one.line.intent == intent and kind in (None, one.line.kind)]


def _intents(found: Sequence[Found]) -> list[str]:
    return sorted({one.line.intent for one in found})
