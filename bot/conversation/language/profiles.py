"""Reads a message with langdetect's n-gram profiles: every n-gram once, no random sampling.

A script's profiles are loaded with the first message in it: doors ask for them only while Redis is
away, and a process that was killed has to be back soon. None is seen before its profiles are in it
(the stock library publishes its own factory before that).
"""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path
from typing import Final

import langdetect
from langdetect.detector import Detector
from langdetect.detector_factory import DetectorFactory
from langdetect.utils.lang_profile import LangProfile

from bot.conversation.language.codes import OTHER, ROMANISED, SHARED_SCRIPTS

#: How far the summed evidence is believed. N-grams of one word are not independent; at 1.0 the
#: reading of short messages is sure far more often than it is right.
TEMPERATURE: Final = 0.2

#: Written by scripts/build_langid_profiles.py from the project's own lines: how people write in a
#: chat, in their script and romanised. The stock profiles know only what encyclopedias print.
OWN_FILE: Final = Path(__file__).with_name("own_profiles.json")
_OWN: Final = "own:"
#: For each n-gram: languages outside the 26 have no chat profile, and would lose to ours.
_OWN_HANDICAP: Final = 0.02

_STOCK: Final = Path(langdetect.__file__).with_name("profiles")
#: Profiles that together stand for `other`: a language outside the 26 that resembles one of them.
_OTHERS: Final = {
    "latin": (
        *("af", "ca", "cs", "cy", "da", "de", "et", "fi", "hr", "id"),
        *("it", "lt", "lv", "nl", "no", "sk", "sl", "sq", "sv"),
    ),
    "cyrillic": ("bg", "mk"),
    "arabic": (),
}


class _ExactDetector(Detector):  # type: ignore[misc]  # langdetect has no types
    """A detector whose result is a plain sum over all n-grams: same text, same numbers, always."""

    def log_likelihoods(self) -> tuple[list[float], int]:
        """Summed log-likelihood for each profile, and the number of n-grams it rests on."""
        ngrams = self._extract_ngrams()
        floor = self.alpha / self.BASE_FREQ
        sums = [0.0] * len(self.langlist)
        for gram in ngrams:
            for index, probability in enumerate(self.word_lang_prob_map[gram]):
                sums[index] += math.log(floor + probability)
        return sums, len(ngrams)


@functools.cache
def _factory(script: str) -> DetectorFactory:
    # Missing only while it is being built.
    own = json.loads(OWN_FILE.read_text(encoding="utf-8")) if OWN_FILE.is_file() else {}
    stock = [s for s in SHARED_SCRIPTS[script] if s != OTHER and s not in ROMANISED]
    stock.extend(_OTHERS[script])
    profiles = [json.loads((_STOCK / name).read_text(encoding="utf-8")) for name in stock]
    profiles += [
        {**profile, "name": _OWN + state}
        for state, profile in own.items()
        if state in SHARED_SCRIPTS[script]
    ]
    factory = DetectorFactory()
    for index, profile in enumerate(profiles):
        factory.add_profile(LangProfile(**profile), index, len(profiles))
    return factory


def read(text: str, script: str) -> tuple[dict[str, float], int]:
    """Tempered log-likelihood of each state `script` can be, and the n-grams seen (0: nothing).

    `text` is cleaned and holds only words of `script`, which is latin, cyrillic or arabic.
    """
    factory = _factory(script)
    detector = _ExactDetector(factory)
    detector.append(text)
    sums, ngrams = detector.log_likelihoods()
    if not ngrams:
        return {}, 0
    result: dict[str, float] = {}
    for name, total in zip(factory.langlist, sums, strict=True):
        state = OTHER if name in _OTHERS[script] else name.removeprefix(_OWN)
        believed = TEMPERATURE * total - (_OWN_HANDICAP * ngrams if name.startswith(_OWN) else 0.0)
        result[state] = max(result.get(state, -math.inf), believed)
    return result, ngrams
