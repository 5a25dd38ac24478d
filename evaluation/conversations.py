"""The language over whole conversations: ten lines of one language after another."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bot.conversation import language as detection
from evaluation.sets import Line

CONVERSATIONS, LENGTH, SEED = 40, 10, 7
#: How often the platform names the person's own language; else it says English, as phones do.
HINTED = 0.6


@dataclass(frozen=True)
class Spoken:
    """Of all messages the share answered in the right language, or by asking which; switches."""

    right: float
    asked: float
    wrong_switches: float  # a conversation


def speak(lines: Sequence[Line], language: str, offered: Sequence[str]) -> Spoken:
    """Forty conversations of ten lines, drawn with a fixed seed. Romanised Hindi is also Urdu.

    Lines that ask for another language are left out: to follow them is right.
    """
    lines = [line for line in lines if line.intent != "change_language"]
    draw = random.Random(SEED)  # noqa: S311 - no secret
    right = asked = switches = 0
    same = {"hi", "ur"} if language in ("hi", "ur") else {language}
    for _ in range(CONVERSATIONS):
        hint = language if draw.random() < HINTED else "en"
        belief, current = None, None
        for line in draw.sample(lines, LENGTH):
            reading = detection.update(
                belief, line.text, hint=hint, offered=offered, current=current
            )
            right_one = same if line.kind == "romanised" else {language}
            right += reading.language in right_one
            asked += reading.language is None
            moved = current is not None and reading.language != current
            switches += moved and reading.language not in right_one
            belief, current = reading.belief, reading.language
    count = CONVERSATIONS * LENGTH
    return Spoken(right / count, asked / count, switches / CONVERSATIONS)
