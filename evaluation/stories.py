"""Lines as people tell them, one after the other: a cry in a story, and stories without one.

Put together by code from the lines of a language; nothing here was written for it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evaluation.measure import URGENT
from evaluation.sets import Line

SEED = 7
#: Where the cry stands, and in how many ordinary lines; each cry is told in one of these ways.
PLACES = {
    "before one line": (0, 1),
    "behind one line": (1, 1),
    "before three": (0, 3),
    "among three": (2, 3),
    "behind three": (3, 3),
}
#: So many stories without a cry a language, of two, three and four lines in turn.
CALM = 21
_STOPS = {"zh-Hans": "。", "zh-Hant": "。", "hi": "।", "bn": "।", "pa": "।", "ur": "۔",
          "th": ""}  # fmt: skip
_ENDS = tuple("?!？！؟.。।۔…")


@dataclass(frozen=True)
class Story:
    """The lines of a story, the text they make, and where the cry stands; "" where there is none.

    `line.intent` is that of the cry, or of the first line.
    """

    line: Line
    place: str
    told: tuple[Line, ...]


def tell(lines: Sequence[Line]) -> Iterator[Story]:
    """The stories of all lines, the same ones each time. Each keeps to one script."""
    for code in sorted({line.language for line in lines}):
        own = [line for line in lines if line.language == code]
        draw = random.Random(f"{code}{SEED}")  # noqa: S311 - no secret
        written = [line for line in own if line.kind != "romanised"]
        for script in (written, [line for line in own if line.kind == "romanised"]):
            yield from _cries(script, draw)
        calm = [line for line in written if not line.intent.startswith("report_")]
        for many in range(CALM):
            told = draw.sample(calm, 2 + many % 3)
            yield Story(_joined(told, told[0]), "", tuple(told))


def _cries(lines: Sequence[Line], draw: random.Random) -> Iterator[Story]:
    calm = [line for line in lines if not line.intent.startswith("report_")]
    cries = [line for line in lines if line.intent in URGENT]
    for number, cry in enumerate(cries):
        place = list(PLACES)[number % len(PLACES)]
        at, around = PLACES[place]
        told = draw.sample(calm, around)
        told.insert(at, cry)
        yield Story(_joined(told, cry), place, tuple(told))


def _joined(told: Sequence[Line], means: Line) -> Line:
    # Chinese puts no space behind its stop; Thai has no stop, a space parts its sentences.
    stop = "." if means.kind == "romanised" else _STOPS.get(means.language, ".")
    room = "" if stop == "。" else " "
    texts = [line.text if line.text.endswith(_ENDS) else line.text + stop for line in told]
    return Line(room.join(texts), means.intent, means.language, "story")
