"""Reads practice/*.yml: what each scripted person does, and what a counsellor may learn from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.data_file import read_mapping
from bot.errors import DataError
from bot.paths import ROOT

#: What a step of a talk waits for: a counsellor's next line, only its seconds, or that a counsellor
#: writes nothing for its seconds (else it is left out).
WAITS: Final = ("line", "pause", "silence")
#: How long typing takes when a step does not say it, seconds for each sign; and at most.
A_SIGN: Final = 0.06
LONGEST: Final = 8.0
#: Who waits for so long, in line or for a counsellor's words, goes away; seconds.
PATIENCE: Final = 20 * 60.0
_STEP: Final = {"say", "press", "when", "seconds"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a person does: types `say` or presses a button, after what `when` names."""

    say: str
    press: str
    when: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a talk was about, in the console's language."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scripted person.

    `arrives` leads to the place in line, `talk` is said to a counsellor, then `more` in turn.
    `level` is what the rules make of it, `romanised` and `language_known` what the assistant makes
    of their language. `lessons` by language of the console.
    """

    name: str
    language: str
    level: str
    arrives: tuple[Step, ...]
    talk: tuple[Step, ...]
    more: tuple[Step, ...]
    patience: float
    romanised: bool
    language_known: bool
    lessons: Mapping[str, Lesson] = field(repr=False)

    def lesson(self, language: str) -> Lesson:
        """The lesson in this language, else in English."""
        return self.lessons.get(language, self.lessons["en"])


def load(folder: Path = ROOT / "practice") -> tuple[Scenario, ...]:
    """Every scripted person. Raises DataError naming the file that is wrong."""
    return tuple(_read(path) for path in sorted(folder.glob("*.yml")))


def _read(path: Path) -> Scenario:
    raw = read_mapping(path)
    try:
        lessons = {
            code: Lesson(str(one["title"]), tuple(str(line) for line in one["lines"]))
            for code, one in raw["lesson"].items()
        }
        made = Scenario(
            name=path.stem,
            language=raw["language"],
            level=raw["level"],
            arrives=_steps(({"seconds": 0, **step} for step in raw["arrives"]), "pause"),
            talk=_steps(raw["talk"], "line"),
            more=_steps(({"say": words} for words in raw.get("more", ())), "line"),
            patience=float(raw.get("patience", 0)),
            romanised=bool(raw.get("romanised", False)),
            language_known=bool(raw.get("language_known", True)),
            lessons=lessons,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"practice/{path.name}: {error}") from None
    if not made.arrives or "en" not in lessons:
        raise DataError(f"practice/{path.name}: nobody arrives, or there is no English lesson")
    return made


def _steps(raw: Any, when: str) -> tuple[Step, ...]:
    return tuple(_step(one, when) for one in raw)


def _step(raw: dict[str, Any], when: str) -> Step:
    say, press, waits = raw.get("say", ""), raw.get("press", ""), raw.get("when", when)
    if bool(say) == bool(press) or waits not in WAITS or not raw.keys() <= _STEP:
        raise ValueError(f"not a step: {raw}")
    typing = min(LONGEST, 1 + len(say) * A_SIGN)
    return Step(say, press, waits, float(raw.get("seconds", typing)))
