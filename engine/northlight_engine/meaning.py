"""Reads a text by its meaning: small neural networks over the sentence embedding."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from northlight_engine.embedding import embed, embed_all

#: More lines than this add little here and each costs time (docs/decisions.md): of a larger set
#: every n-th is read, evenly over languages and intents.
MOST_LINES = 24_000
#: Two that began differently and are averaged err less than one.
NETWORKS = 2
HIDDEN = 512
EPOCHS = 16


@dataclass(frozen=True)
class Meaning:
    """One hidden layer each; the first index of the weights is the network."""

    mean: np.ndarray  # of the training embeddings
    spread: np.ndarray
    hidden_weights: np.ndarray  # networks x 384 x HIDDEN
    hidden_bias: np.ndarray
    label_weights: np.ndarray  # networks x HIDDEN x labels
    label_bias: np.ndarray

    def log_odds(self, text: str) -> np.ndarray:
        """Return one number per label; larger means likelier."""
        scaled = (embed(text) - self.mean) / self.spread
        hidden = np.maximum(scaled @ self.hidden_weights + self.hidden_bias, 0)
        scores = np.einsum("nh,nhl->nl", hidden, self.label_weights) + self.label_bias
        return log_softmax(scores).mean(axis=0)


def fit_meaning(texts: Sequence[str], intents: Sequence[str]) -> Meaning:
    """Fit the networks on (at most MOST_LINES of) the lines."""
    from sklearn.exceptions import ConvergenceWarning

    chosen = np.linspace(0, len(texts) - 1, min(len(texts), MOST_LINES)).astype(int)
    rows = embed_all([texts[at] for at in chosen])
    labels = np.asarray(intents)[chosen]
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + np.float32(1e-6)
    scaled = (rows - mean) / spread
    # Around the threads, not in them: filters of warnings belong to the whole process.
    with warnings.catch_warnings(), ThreadPoolExecutor(NETWORKS) as pool:
        warnings.simplefilter("ignore", ConvergenceWarning)  # to stop early is meant
        networks = list(pool.map(lambda seed: _network(scaled, labels, seed), range(NETWORKS)))
    layers = [(*net.coefs_, *net.intercepts_) for net in networks]
    hidden, label, hidden_bias, label_bias = (
        np.stack(part).astype(np.float32) for part in zip(*layers, strict=True)
    )
    return Meaning(mean, spread, hidden, hidden_bias, label, label_bias)


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Return the logarithms of probabilities that sum to 1 along the last axis."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _network(rows: np.ndarray, labels: np.ndarray, seed: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier((HIDDEN,), alpha=0.1, batch_size=min(256, len(rows)), max_iter=EPOCHS,
                            random_state=seed)  # fmt: skip
    return network.fit(rows, labels)
