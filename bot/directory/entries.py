"""What one help line is: plain frozen records, the same fields as in directory/*.yml."""

from dataclasses import dataclass
from datetime import date, time
from typing import Final

from bot.directory.regions import CANADA

KINDS: Final = (
    "emergency", "hotline", "sexual_assault", "suicide", "youth", "indigenous", "shelter", "labour",
    "legal", "immigration", "info", "tipline",
)  # fmt: skip
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Name:
    """The service's name; `fr_sourced` says that the French one is its own, not our translation."""

    en: str
    fr: str | None
    fr_sourced: bool


@dataclass(frozen=True)
class Phone:
    """A number to call: `dial` for the phone, `display` for the eye, `e164` unless it is short."""

    e164: str | None
    dial: str
    display: str


@dataclass(frozen=True)
class Text:
    """A number to text (`keyword` first, if any), in `regions` only when those are given."""

    number: str
    also: str | None
    keyword: str | None
    regions: tuple[str, ...] | None
    note: str | None


@dataclass(frozen=True)
class Opening:
    """From `start` to `end` on each of `days` (0 is Monday); past midnight when end <= start."""

    days: tuple[int, ...]
    start: time
    end: time


@dataclass(frozen=True)
class Hours:
    """Always open, or weekly openings on the clock of `timezone`. Holidays are not known."""

    always: bool
    weekly: tuple[Opening, ...]
    timezone: str | None
    note: str | None


@dataclass(frozen=True)
class Languages:
    """Languages served; `interpreters`: True when many more are by phone, None when not stated."""

    codes: tuple[str, ...]
    interpreters: bool | None
    note: str | None


@dataclass(frozen=True)
class Entry:
    """One service a person can be pointed to. None means "not stated" or "does not have one"."""

    id: str
    name: Name
    kind: str
    regions: tuple[str, ...]
    phone: Phone | None
    text: Text | None
    chat: str | None
    web: str | None
    email: str | None
    tty: str | None
    hours: Hours | None
    languages: Languages | None
    cost: str | None
    confidentiality: str | None
    notes: str | None
    sources: tuple[str, ...]
    verified_on: date
    method: str
    verification: str

    @property
    def national(self) -> bool:
        """Whether it is for the whole country."""
        return CANADA in self.regions

    def text_in(self, region: str | None) -> Text | None:
        """The text number that works in `region`; None if there is none or it may not."""
        if self.text is None or self.text.regions is None or region in self.text.regions:
            return self.text
        return None

    def serves(self, language: str) -> bool | None:
        """Whether help is given in `language` (BCP 47); None when the sources do not say."""
        if self.languages is None:
            return None
        if self.languages.interpreters or language.split("-")[0] in self.languages.codes:
            return True
        # Where languages are named and no interpreter is, another one cannot be counted on.
        return False if self.languages.codes else None
