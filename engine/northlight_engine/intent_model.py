"""The intent model, free of Rasa: fits, predicts and is stored as plain numbers and names.

Two readers look at every text: one at its letters, which know slang and romanised spellings, one
at its meaning, which knows wordings that nobody wrote down. Their opinions are averaged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from northlight_engine.letters import Letters, fit_letters
from northlight_engine.meaning import Meaning, fit_meaning, log_softmax

_NAMES_FILE = "intents.json"
_NUMBERS_FILE = "intents.npz"


@dataclass(frozen=True)
class IntentModel:
    """The intents' names and the readers; `meaning` is None when trained without embedding."""

    labels: list[str]
    letters: Letters
    meaning: Meaning | None

    @property
    def use_embedding(self) -> bool:
        """True when the model was trained with the sentence embedding."""
        return self.meaning is not None

    def probabilities(self, text: str) -> dict[str, float]:
        """Return the probability of every intent for a text."""
        opinion = log_softmax(self.letters.log_odds(text))
        if self.meaning is not None:
            opinion = log_softmax((opinion + self.meaning.log_odds(text)) / 2)
        return dict(zip(self.labels, np.exp(opinion).tolist(), strict=True))

    def by_letters(self, text: str) -> dict[str, float]:
        """Return the same by the letters alone: a hundredth of the time, and much less sure."""
        opinion = log_softmax(self.letters.log_odds(text))
        return dict(zip(self.labels, np.exp(opinion).tolist(), strict=True))

    def save(self, folder: Path) -> None:
        """Write the model into a folder as JSON and npz: loading it runs no code."""
        vocabulary = self.letters.vocabulary
        names = {
            "labels": self.labels,
            "vocabulary": sorted(vocabulary, key=vocabulary.__getitem__),
        }
        (folder / _NAMES_FILE).write_text(json.dumps(names, ensure_ascii=False), "utf-8")
        numbers = {
            f"{reader}.{field.name}": getattr(part, field.name)
            for reader, part in (("letters", self.letters), ("meaning", self.meaning))
            if part is not None
            for field in fields(part)
            if field.name != "vocabulary"
        }
        np.savez_compressed(folder / _NUMBERS_FILE, **numbers)

    @classmethod
    def load(cls, folder: Path) -> IntentModel:
        """Read a model written by `save`."""
        names = json.loads((folder / _NAMES_FILE).read_text("utf-8"))
        vocabulary = {token: column for column, token in enumerate(names["vocabulary"])}
        parts: dict[str, dict[str, np.ndarray]] = {"letters": {}, "meaning": {}}
        with np.load(folder / _NUMBERS_FILE, allow_pickle=False) as numbers:
            for name in numbers.files:
                reader, _, field = name.partition(".")
                parts[reader][field] = numbers[name]
        meaning = Meaning(**parts["meaning"]) if parts["meaning"] else None
        return cls(names["labels"], Letters(vocabulary=vocabulary, **parts["letters"]), meaning)


def fit(
    texts: Sequence[str], intents: Sequence[str], *, c: float, use_embedding: bool
) -> IntentModel:
    """Fit the model; `c` is the inverse of the letters' regularisation strength."""
    return IntentModel(
        labels=sorted(set(intents)),
        letters=fit_letters(texts, intents, c=c),
        meaning=fit_meaning(texts, intents) if use_embedding else None,
    )
