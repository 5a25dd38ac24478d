"""A point in time on the clock of one place, and its words in every language: day, clock, place.

Days and clocks are written as CLDR has them (by Babel), always with the digits 0 to 9, so that
anybody can hold them against the clock of their phone.
"""

import functools
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, Self
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from babel import Locale

#: Where CLDR's name of a language is not ours, or Canada has a way of its own.
_LOCALES: Final = {"en": "en_CA", "fr": "fr_CA", "es": "es_MX", "tl": "fil"}
#: CLDR's short words for morning and evening are not what people read there: AM and PM are.
_ENGLISH_CLOCK: Final = frozenset({"pa", "so"})
#: There the whole words are.
_CLOCKS: Final = {"ko": "aaaa h:mm"}
# In a pattern of CLDR: quoted words, the day of the week, the month by its name.
_FIELDS = re.compile("'[^']*'|(?P<day>E+|c+)|(?P<month>MMM+)")
_WHOLE: Final = {"day": "EEEE", "month": "MMMM"}


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` in seconds since the epoch, `zone` an IANA time zone; as text "<at> <zone>"."""

    at: int
    zone: str

    def __str__(self) -> str:
        return f"{self.at} {self.zone}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The moment back from its text. Raises ValueError."""
        at, zone = text.split(" ")
        return cls(int(at), zone)

    @property
    def local(self) -> datetime:
        """What calendar and clock of the place show."""
        return datetime.fromtimestamp(self.at, ZoneInfo(self.zone))


def said(moment: Moment, language: str) -> dict[str, str]:
    """The words for the places {when} and {city} of a text in that language."""
    return {"when": _when(moment, language), "city": city(moment.zone, language)}


def said_day(day: date, language: str) -> str:
    """A day in words, without the year."""
    return _day(day, _locale(language))


@functools.lru_cache(maxsize=256)
def city(zone: str, language: str) -> str:
    """The place whose clock it is."""
    from babel.dates import get_timezone_location

    name, sign = (
        get_timezone_location(ZoneInfo(zone), locale=locale, return_city=True)
        for locale in (_locale(language), _locale("en-US"))
    )
    # In Latin letters a place is written as on the signs there.
    return sign if name[0].isascii() else name


@functools.lru_cache(maxsize=512)  # one opening is told to many people
def _when(moment: Moment, language: str) -> str:
    from babel.dates import format_datetime, get_datetime_format

    locale = clockmaker = _locale(language)
    clock = _CLOCKS.get(language, locale.time_formats["short"].pattern)
    if language in _ENGLISH_CLOCK:
        clock, clockmaker = "h:mm a", _locale("en-US")
    when = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    when = when.replace("{0}", format_datetime(moment.local, clock, locale=clockmaker))
    when = when.replace("{1}", _day(moment.local, locale))
    # No sign that phones lack, and never a date that runs into the hour.
    return re.sub(r"(\d) (\d)", r"\1, \2", when.replace("\u202f", "\u00a0"))


def _day(day: date, locale: "Locale") -> str:
    """By whole names: short forms of days and months look alike."""
    from babel.dates import format_date

    known = locale.datetime_skeletons
    pattern = known["MMMMEd" if "MMMMEd" in known else "MMMEd"].pattern
    whole = _FIELDS.sub(lambda found: _WHOLE.get(found.lastgroup or "", found[0]), pattern)
    text = format_date(day, whole, locale=locale)
    # The one ordinal that CLDR does not write.
    return text.replace(" 1 ", " 1er ") if locale.language == "fr" else text


def _locale(language: str) -> "Locale":
    # Babel is not loaded above: it takes a while, and most processes never say a moment.
    from babel import Locale

    return Locale.parse(_LOCALES.get(language, language.replace("-", "_")))
