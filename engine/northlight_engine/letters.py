"""Reads a text by its letters: a linear support vector machine over words and n-grams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from northlight_engine.text import features

#: A feature seen in fewer training lines says little about the next one, and costs memory.
MIN_LINES = 3
#: Turns the machine's margins into odds; found by hand on lines that are not trained on.
SHARPNESS = 5.0


@dataclass(frozen=True)
class Letters:
    """TF-IDF weights per feature and intent."""

    vocabulary: dict[str, int]
    idf: np.ndarray
    weights: np.ndarray  # features x labels
    intercept: np.ndarray

    def log_odds(self, text: str) -> np.ndarray:
        """Return one number per label; larger means likelier."""
        columns, values = _weigh(features(text), self.vocabulary, self.idf)
        margins = self.intercept + values @ self.weights[columns].astype(np.float32)
        return SHARPNESS * margins


def fit_letters(texts: Sequence[str], intents: Sequence[str], *, c: float) -> Letters:
    """Fit on every line; `c` is the inverse of the regularisation strength."""
    from sklearn.svm import LinearSVC

    counts = [features(text) for text in texts]
    vocabulary, idf = _vocabulary(counts)
    rows = _rows(counts, vocabulary, idf)
    machine = LinearSVC(C=c, class_weight="balanced", random_state=0).fit(rows, intents)
    return Letters(
        vocabulary=vocabulary,
        idf=idf,
        weights=machine.coef_.T.astype(np.float16),  # half the memory; no answer changes
        intercept=machine.intercept_.astype(np.float32),
    )


def _vocabulary(counts: Sequence[Counter[str]]) -> tuple[dict[str, int], np.ndarray]:
    lines = Counter(token for count in counts for token in count)
    least = min(MIN_LINES, max(lines.values()))
    kept = sorted(token for token, seen in lines.items() if seen >= least)
    seen = np.array([lines[token] for token in kept], dtype=np.float32)
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


def _rows(
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
