"""The intent model, free of Rasa: fits, predicts and is stored as plain numbers and names."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, hstack

from northlight_engine.embedding import embed, embed_all
from northlight_engine.text import features

#: A feature seen in only one example of the training data says nothing about the next sentence.
MIN_EXAMPLES_PER_FEATURE = 2
#: How much the embedding weighs against the words; both parts have about length 1 before.
EMBEDDING_WEIGHT = 3.0
_NAMES_FILE = "intents.json"
_NUMBERS_FILE = "intents.npz"


@dataclass(frozen=True)
class IntentModel:
    """Logistic regression over TF-IDF and, when `use_embedding`, a sentence embedding."""

    labels: list[str]
    vocabulary: dict[str, int]
    idf: np.ndarray
    centre: np.ndarray  # mean of the training embeddings; empty without embedding
    scale: float
    word_weights: np.ndarray  # features x labels
    embedding_weights: np.ndarray  # 384 x labels
    intercept: np.ndarray

    @property
    def use_embedding(self) -> bool:
        """True when the model was trained with the sentence embedding."""
        return self.centre.size > 0

    def probabilities(self, text: str) -> dict[str, float]:
        """Return the probability of every intent for a text."""
        columns, values = _weigh(features(text), self.vocabulary, self.idf)
        scores = self.intercept + values @ self.word_weights[columns]
        if self.use_embedding:
            scores = scores + (embed(text) - self.centre) * self.scale @ self.embedding_weights
        odds = np.exp(scores - scores.max())
        return dict(zip(self.labels, (odds / odds.sum()).tolist(), strict=True))

    def save(self, folder: Path) -> None:
        """Write the model into a folder as JSON and npz: loading it runs no code."""
        names = {
            "labels": self.labels,
            "scale": self.scale,
            "vocabulary": sorted(self.vocabulary, key=self.vocabulary.__getitem__),
        }
        (folder / _NAMES_FILE).write_text(json.dumps(names, ensure_ascii=False), "utf-8")
        np.savez_compressed(
            folder / _NUMBERS_FILE,
            idf=self.idf,
            centre=self.centre,
            word_weights=self.word_weights,
            embedding_weights=self.embedding_weights,
            intercept=self.intercept,
        )

    @classmethod
    def load(cls, folder: Path) -> IntentModel:
        """Read a model written by `save`."""
        names = json.loads((folder / _NAMES_FILE).read_text("utf-8"))
        with np.load(folder / _NUMBERS_FILE, allow_pickle=False) as numbers:
            return cls(
                labels=names["labels"],
                vocabulary={token: column for column, token in enumerate(names["vocabulary"])},
                scale=names["scale"],
                **{name: numbers[name] for name in numbers.files},
            )


def fit(
    texts: Sequence[str], intents: Sequence[str], *, c: float, use_embedding: bool
) -> IntentModel:
    """Fit the model; `c` is the inverse of the regularisation strength."""
    from sklearn.linear_model import LogisticRegression

    counts = [features(text) for text in texts]
    vocabulary, idf = _vocabulary(counts)
    rows = csr_matrix(_word_rows(counts, vocabulary, idf))
    centre, scale = np.zeros(0, np.float32), 0.0
    if use_embedding:
        embedded = embed_all(texts)
        centre = embedded.mean(axis=0)
        # The embeddings lie close together; their spread is brought to the size of the words' part.
        scale = EMBEDDING_WEIGHT / float(np.linalg.norm(embedded - centre, axis=1).mean())
        rows = hstack([rows, csr_matrix((embedded - centre) * scale)]).tocsr()
    fitted = LogisticRegression(C=c, max_iter=1000, class_weight="balanced").fit(rows, intents)
    weights = fitted.coef_.T.astype(np.float32)
    return IntentModel(
        labels=fitted.classes_.tolist(),
        vocabulary=vocabulary,
        idf=idf,
        centre=centre,
        scale=scale,
        word_weights=weights[: len(vocabulary)],
        embedding_weights=weights[len(vocabulary) :],
        intercept=fitted.intercept_.astype(np.float32),
    )


def _vocabulary(counts: Sequence[Counter[str]]) -> tuple[dict[str, int], np.ndarray]:
    examples = Counter(token for count in counts for token in count)
    kept = sorted(token for token, seen in examples.items() if seen >= MIN_EXAMPLES_PER_FEATURE)
    seen = np.array([examples[token] for token in kept], dtype=np.float32)
    idf = np.log((1 + len(counts)) / (1 + seen)) + 1
    return {token: column for column, token in enumerate(kept)}, idf.astype(np.float32)


def _weigh(
    count: Counter[str], vocabulary: dict[str, int], idf: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of the known features and their TF-IDF values, of length 1 together."""
    known = [(vocabulary[token], times) for token, times in count.items() if token in vocabulary]
    columns = np.array([column for column, _ in known], dtype=np.int64)
    times = np.array([times for _, times in known], dtype=np.float32)
    values = (1 + np.log(times)) * idf[columns]
    length = float(np.linalg.norm(values))
    return columns, values / length if length else values


def _word_rows(
    counts: Sequence[Counter[str]], vocabulary: dict[str, int], idf: np.ndarray
) -> csr_matrix:
    weighed = [_weigh(count, vocabulary, idf) for count in counts]
    starts = np.cumsum([0, *(len(columns) for columns, _ in weighed)])
    return csr_matrix(
        (
            np.concatenate([values for _, values in weighed]),
            np.concatenate([columns for columns, _ in weighed]),
            starts,
        ),
        shape=(len(counts), len(vocabulary)),
    )
