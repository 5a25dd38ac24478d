"""The answer when nothing can be stored: the right card, from the text alone, with no I/O.

The doors use it while Redis is away, and the worker when a turn fails.
"""

from dataclasses import replace

import structlog

from bot.conversation import language as detection
from bot.conversation.render import Words
from bot.messages import Reply
from bot.safety.lexicon import Lexicon
from bot.safety.screen import screen

log = structlog.get_logger()


class Emergency:
    """Bound once to the words and the word lists; `answer` is a pure function."""

    def __init__(self, words: Words, lexicon: Lexicon) -> None:
        self._words, self._lexicon = words, lexicon

    def urgent(self, text: str) -> bool:
        """Whether a life may be at stake, by the word lists alone."""
        return screen(text, self._lexicon).urgent

    def answer(self, text: str, hint: str = "") -> list[Reply]:
        """What to show for a message that cannot be kept; `hint` is the app's language code.

        Buttons are left out: pressing them would lead nowhere now.
        """
        found = screen(text, self._lexicon)
        # A phrase of one language's list proves more than any guess.
        language = found.languages[0] if len(found.languages) == 1 else self._guess(text, hint)
        keys = ["report_danger"] if found.danger else []
        keys += ["report_self_harm"] if found.self_harm else []
        keys += ["report_watched"] if found.watched and not keys else []
        languages = (language,) if language else ("en", "fr")
        if language and language not in detection.LATIN and text and text.isascii():
            languages = (language, "en")  # they may not read the letters that others write it in
        return [
            replace(self._words.reply(key, code), buttons=(), urgent=True)
            for key in [*keys, "store_away"]
            for code in languages
        ]

    def _guess(self, text: str, hint: str) -> str | None:
        try:
            return detection.update(None, text, hint=hint, offered=self._words.codes()).language
        except Exception as error:
            # What made a turn fail may fail here again: the numbers are shown all the same.
            log.error("emergency.language_unknown", error=type(error).__name__)
            return None
