"""The lines to measure with: evaluation/<code>.yml, intent -> kind -> texts."""

from dataclasses import dataclass
from pathlib import Path

from bot.data_file import read_mapping

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Line:
    """One text, what it means, and what kind of writing it is (plain, typo, romanised...)."""

    text: str
    intent: str
    language: str
    kind: str


def load(folder: Path = HERE) -> list[Line]:
    """Every line of every set in a folder. Raises DataError naming a file that is wrong."""
    return [
        Line(text, intent, content["language"], kind)
        for path in sorted(folder.glob("*.yml"))
        for content in [read_mapping(path)]
        for intent, kinds in content["lines"].items()
        for kind, texts in kinds.items()
        for text in texts
    ]
