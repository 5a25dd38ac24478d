"""Turns response keys into words and buttons, in the person's language.

Words live in responses/<lang>.yml and the buttons under them in responses/layout.yml; both are
read once at start. Nothing here does I/O after that, so it works when everything else is down.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.bidi import keep_numbers
from bot.data_file import read_mapping
from bot.errors import DataError
from bot.messages import Button, Reply
from bot.moment import Moment, said
from bot.paths import ROOT

#: Messages that hold numbers a person may need to hand on: they may be copied and forwarded.
PASSABLE_PREFIXES = ("card_", "line", "ask_helpline", "topic_")
#: Messages that must overtake everything else on the way out.
URGENT = frozenset({"report_danger", "report_self_harm", "danger_seen", "card_911", "store_away"})

_NOT_LANGUAGES = ("layout.yml", "notes.yml")
_TOPICS = ("ask_", "topic_", "concern_for_other")


@dataclass(frozen=True)
class Language:
    """One language file, as read."""

    code: str
    name: str
    direction: str
    reviewed_by: str | None
    sections: dict[str, dict[str, str]]


class Words:
    """Every word the assistant can say, in every language offered."""

    def __init__(
        self,
        languages: dict[str, Language],
        layout: dict[str, Any],
        notes: dict[str, str],
        hours: int = 24,
    ) -> None:
        self._languages, self._layout, self._notes = languages, layout, notes
        self._always: dict[str, object] = {"hours": hours}
        named = {name for rows in layout["messages"].values() for row in rows for name in row}
        self._topics = {name for name in named if name.startswith(_TOPICS)}

    @classmethod
    def load(cls, folder: Path = ROOT / "responses", hours: int = 24) -> "Words":
        """Reads all language files. Raises DataError naming the file that is wrong.

        `hours` is how long a talk is kept after its end; every message may say it.
        """
        layout = read_mapping(folder / "layout.yml")
        languages = {}
        for path in sorted(folder.glob("*.yml")):
            if path.name in _NOT_LANGUAGES:
                continue
            raw = read_mapping(path)
            sections = {
                name: {str(key): str(text).strip() for key, text in raw.get(name, {}).items()}
                for name in ("responses", "buttons", "web", "commands")
            }
            try:
                languages[raw["language"]] = Language(
                    raw["language"], raw["name"], raw["direction"], raw["reviewed_by"], sections
                )
            except KeyError as missing:
                raise DataError(f"{path.name}: {missing} is missing") from None
        if "en" not in languages:
            raise DataError("responses/en.yml is missing")
        return cls(languages, layout, read_mapping(folder / "notes.yml")["notes"], hours)

    def codes(self) -> tuple[str, ...]:
        """The languages offered, English and French first."""
        order = {"en": 0, "fr": 1}
        return tuple(sorted(self._languages, key=lambda code: (order.get(code, 2), code)))

    def languages(self) -> list[tuple[str, str]]:
        """(code, own name) of every language offered."""
        return [(code, self._languages[code].name) for code in self.codes()]

    def language(self, code: str) -> Language:
        """The file of a language; English for one that is not offered."""
        return self._languages.get(code, self._languages["en"])

    def direction(self, code: str) -> str:
        """ "ltr" or "rtl"."""
        return self.language(code).direction

    def text(self, section: str, key: str, language: str) -> str:
        """The words of a key; falls back to English. Raises DataError for an unknown key."""
        for code in (language, "en"):
            text = self.language(code).sections[section].get(key)
            if text is not None:
                return text
        raise DataError(f"{section}.{key} has no words")

    def knows(self, key: str) -> bool:
        """Whether there is a response of that name."""
        return key in self._languages["en"].sections["responses"]

    def note(self, script: str) -> str:
        """What is said to who writes in a script we can only recognise; "" for any other."""
        return keep_numbers(self._notes.get(script, "")).strip()

    def asking_back(self, guesses: Sequence[str], language: str) -> tuple[tuple[Button, ...], ...]:
        """Buttons for what somebody may have meant, the likeliest intent first."""
        known = (self._layout["guesses"].get(intent) for intent in guesses)
        return self.rows(([name] for name in dict.fromkeys(filter(None, known))), language)

    def has_topic(self, key: str) -> bool:
        """Whether a button may open it: a topic that stands in layout.yml."""
        return key in self._topics

    def reply(self, key: str, language: str, **params: object) -> Reply:
        """The message of a response key, with its own buttons but no footer."""
        text = self.text("responses", key, language)
        code = self.language(language).code
        if "when" in params:  # a Moment, as text when it was kept
            params |= said(Moment.parse(str(params["when"])), code)
        for name, value in (self._always | params).items():
            text = text.replace("{" + name + "}", str(value))
        rows = self._layout["messages"].get(key, [])
        return Reply(
            text=keep_numbers(text),
            language=code,
            buttons=self.rows(rows, language),
            urgent=key in URGENT,
            passable=key.startswith(PASSABLE_PREFIXES),
        )

    def with_footer(self, reply: Reply, without: frozenset[str] = frozenset()) -> Reply:
        """The same message with the footer under it, less the acts named in `without`."""
        present = {button.payload for row in reply.buttons for button in row}
        footer = [
            [name for name in row if name not in without and f"do:{name}" not in present]
            for row in self._layout["footer"]
        ]
        return replace(reply, buttons=reply.buttons + self.rows(footer, reply.language))

    def rows(self, rows: Iterable[Sequence[str]], language: str) -> tuple[tuple[Button, ...], ...]:
        """Rows of buttons from rows of button names (see layout.yml)."""
        made: list[tuple[Button, ...]] = []
        for row in rows:
            if list(row) == ["languages"]:
                names = (Button(name, f"lang:{code}") for code, name in self.languages())
                made += self._beside(names, 3)  # their own names are short
            elif list(row) == ["regions"]:
                regions = [
                    name
                    for name in self._languages["en"].sections["buttons"]
                    if name.startswith("region.")
                ]
                made += self._beside((self._button(name, language) for name in regions), 2)
                made.append((self._button("not_now", language),))
            elif row:
                made.append(tuple(self._button(name, language) for name in row))
        return tuple(made)

    def _beside(self, buttons: Iterable[Button], width: int) -> list[tuple[Button, ...]]:
        flat = list(buttons)
        return [tuple(flat[at : at + width]) for at in range(0, len(flat), width)]

    def _button(self, name: str, language: str) -> Button:
        labels = self.language(language).sections["buttons"]
        scope, dot, value = name.partition(".")
        label = labels.get(name) or labels.get(value if dot else name)
        label = label or self.text("buttons", name if not dot else value, "en")
        if scope == "region":
            return Button(label, f"region:{value}")
        if dot:
            return Button(label, f"answer:{scope}:{value}")
        if name.startswith(_TOPICS):
            return Button(label, f"show:{name}")
        return Button(label, f"do:{name}")

    def label_of(self, payload: str, language: str) -> str:
        """What a button said, for showing a person their own choice; "" when there is none."""
        kind, _, rest = payload.partition(":")
        names = {"answer": rest.replace(":", "."), "region": f"region.{rest}"}
        if kind == "lang":
            return self._languages[rest].name if rest in self._languages else ""
        try:
            return self._button(names.get(kind, rest), language).label
        except DataError:  # forged, or from another version
            return ""
