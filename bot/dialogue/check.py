"""The safety check's questions in order, and the values each may take.

The order is decided by the engine (domain.yml, the form `safety_check`); a test compares the two.
This copy lets the core go on with a question when the engine is away, and refuse forged answers.
"""

from collections.abc import Mapping

YES_NO = ("yes", "no", "unsure", "skipped")

#: Slot -> values, in the order the questions are asked.
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "safe_now": ("safe", "watched", "danger", "skipped"),
    "hurt_now": YES_NO,
    "phone_seen": YES_NO,
    "minor": YES_NO,
    "free_to_leave": YES_NO,
    "documents_held": YES_NO,
    "threatened": YES_NO,
    "pay_or_debt": YES_NO,
    "deceived": YES_NO,
    "private_ok": YES_NO,
    "coerced": YES_NO,
    "wish": ("person", "shelter", "work", "papers", "health", "info", "other", "skipped"),
    "safe_contact": ("only_me", "daytime", "evening", "any", "skipped"),
    "consent": ("all", "urgency", "nothing", "skipped"),
}
#: The questions about the situation: once it is RED or ORANGE they wait, a person comes first.
SITUATION = tuple(QUESTIONS)[: tuple(QUESTIONS).index("wish")]

#: What an exact typed word means, where it is not the plain value. Not safe, or not sure that it
#: is, is taken with care: someone may see.
_TYPED = {
    "safe_now": {"yes": "safe", "no": "watched", "unsure": "watched", "skip": "skipped"},
    "private_ok": {"yes": "yes", "no": "no", "unsure": "no", "skip": "skipped"},
    "consent": {"no": "nothing", "skip": "skipped"},  # yes to which of them?
}
_TYPED_YES_NO = {"yes": "yes", "no": "no", "unsure": "unsure", "skip": "skipped"}


def typed_value(slot: str, word: str) -> str | None:
    """The value of a typed yes/no/unsure/skip for a question; None where only buttons answer."""
    if slot in _TYPED:
        return _TYPED[slot].get(word)
    if QUESTIONS.get(slot) is YES_NO:
        return _TYPED_YES_NO[word]
    return "skipped" if word == "skip" and slot in QUESTIONS else None


def valid(slot: str, value: str) -> bool:
    """Whether a button may say this; anything else is forged or from another version."""
    return value in QUESTIONS.get(slot, ())


def earlier(one: str | None, other: str | None) -> str | None:
    """The one of two questions that is asked first; None is no question."""
    order = list(QUESTIONS)
    return min(filter(None, (one, other)), key=order.index, default=None)


def next_open(answers: Mapping[str, str]) -> str | None:
    """The first question not answered yet; None when all are."""
    return next((slot for slot in QUESTIONS if slot not in answers), None)
