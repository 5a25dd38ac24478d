"""The console's own words (strings/<lang>.yml) and the counsellors' phrase bank (phrases/)."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.data_file import read_mapping
from bot.errors import DataError

HERE = Path(__file__).parent
PHRASES = HERE.parents[1] / "phrases"

#: Gives the words of a key such as "desk.take_next", with its places filled in.
Translate = Callable[..., str]


class Strings:
    """Every word of the console's pages, per language."""

    def __init__(self, folder: Path = HERE / "strings") -> None:
        self._words = {path.stem: _flat(_read(path)) for path in sorted(folder.glob("*.yml"))}
        if "en" not in self._words:
            raise DataError("console strings: en.yml is missing")

    def codes(self) -> list[str]:
        """The languages the console speaks."""
        return list(self._words)

    def keys(self, language: str) -> dict[str, str]:
        """All keys of a language with their words."""
        return self._words[language]

    def choose(self, *wishes: str) -> str:
        """The first of the wished languages there is, else English."""
        return next((wish for wish in wishes if wish in self._words), "en")

    def translate(self, language: str) -> Translate:
        """The `t` of the templates: t("desk.waiting", count=3)."""
        words = self._words[language]

        def t(key: str, default: str | None = None, **places: object) -> str:
            text = words.get(key, default)
            if text is None:
                raise DataError(f"console string {key} is missing in {language}")
            return text.format(**places) if places else text

        return t


@dataclass(frozen=True, slots=True)
class Phrase:
    """One reviewed sentence: for the person, and the same for the counsellor."""

    id: str
    moment: str
    text: str
    beside: str


class Phrases:
    """The phrase bank, the same ids in every language."""

    def __init__(self, folder: Path = PHRASES) -> None:
        self._moments: dict[str, str] = {}
        self._texts: dict[str, dict[str, str]] = {}
        for path in sorted(folder.glob("*.yml")):
            bank = _read(path)
            texts = {}
            for moment, phrases in bank["moments"].items():
                for phrase in phrases:
                    texts[phrase["id"]] = str(phrase["text"]).strip()
                    self._moments.setdefault(phrase["id"], moment)
            self._texts[bank["language"]] = texts

    def codes(self) -> list[str]:
        """The languages the bank has."""
        return sorted(self._texts)

    def pairs(self, language: str, own: str) -> list[Phrase]:
        """All phrases for a person of `language` beside the counsellor's `own` language.

        A language the bank does not have gives nothing: no sentence is better than a wrong one.
        """
        texts = self._texts.get(language, {})
        beside = self._texts.get(own, self._texts.get("en", {}))
        return [
            Phrase(name, self._moments[name], text, beside.get(name, ""))
            for name, text in texts.items()
        ]

    def joined(self, names: Sequence[str], language: str, own: str) -> tuple[str, str] | None:
        """Phrases of the bank by their ids, one after the other: for the person, and beside it.

        None when one of them is not in the bank, or none is named.
        """
        bank = {one.id: one for one in self.pairs(language, own)}
        if not names or not all(name in bank for name in names):
            return None
        said = [bank[name] for name in names]
        return " ".join(one.text for one in said), " ".join(one.beside for one in said)


# The files do not change while the console runs.
_read = functools.cache(read_mapping)


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    words: dict[str, str] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            words |= _flat(value, f"{prefix}{name}.")
        else:
            words[f"{prefix}{name}"] = str(value)
    return words
