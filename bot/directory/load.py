"""Reads directory/*.yml at start and refuses anything doubtful, naming file, entry and field."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import date, time
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.data_file import read_mapping
from bot.directory.entries import (
    DAYS,
    KINDS,
    Entry,
    Hours,
    Languages,
    Name,
    Opening,
    Phone,
    Text,
)
from bot.directory.regions import CANADA, REGIONS
from bot.errors import DataError

#: Files of the folder that hold no entries.
NOT_ENTRIES: Final = ("sources.yml", "superseded.yml", "rights.yml")

_ID: Final = re.compile(r"[a-z]{2,12}(_[a-z0-9]+)+")
_E164: Final = re.compile(r"\+1[2-9]\d{9}")
_SHORT: Final = re.compile(r"\d{3}|\d{5,7}")
_DISPLAY: Final = re.compile(r"[0-9A-Z() -]+")
_T = TypeVar("_T")


class _Wrong(Exception):
    """A field is wrong; the reader adds where."""


class _Fields:
    """One mapping of a file, read field by field; `done` refuses what nobody asked for."""

    def __init__(self, where: str, value: object) -> None:
        if not isinstance(value, dict):
            raise DataError(f"{where}: must be a mapping")
        self.where = where
        self.left: dict[Any, Any] = dict(value)

    def need(self, name: str, convert: Callable[[Any], _T]) -> _T:
        """The field, converted; it must be there and not null."""
        if self.left.get(name) is None:
            raise DataError(f"{self.where}: {name}: is missing")
        return self._convert(name, self.left.pop(name), convert)

    def may(self, name: str, convert: Callable[[Any], _T]) -> _T | None:
        """The field, converted, or None if it is null or absent."""
        value = self.left.pop(name, None)
        return None if value is None else self._convert(name, value, convert)

    def inside(self, name: str, build: Callable[[_Fields], _T]) -> _T | None:
        """A mapping within this one, built by `build`, or None if it is null or absent."""
        value = self.left.pop(name, None)
        if value is None:
            return None
        fields = _Fields(f"{self.where}: {name}", value)
        built = build(fields)
        fields.done()
        return built

    def done(self) -> None:
        """Refuse fields that nothing reads: most are misspelt ones."""
        if self.left:
            raise DataError(f"{self.where}: {min(map(str, self.left))}: is not a known field")

    def _convert(self, name: str, value: object, convert: Callable[[Any], _T]) -> _T:
        try:
            return convert(value)
        except _Wrong as wrong:
            raise DataError(f"{self.where}: {name}: {wrong}") from None


def load_directory(folder: Path) -> tuple[Entry, ...]:
    """Every entry of the folder, national.yml first, then by file name. Raises DataError."""
    about = _Fields("sources.yml", read_mapping(folder / "sources.yml"))
    known = {
        name: about.need(name, lambda v: v.keys())
        for name in ("methods", "verification", "secondary")
    }
    retired = load_retired_numbers(folder)
    entries: list[Entry] = []
    files = sorted(path for path in folder.glob("*.yml") if path.name not in NOT_ENTRIES)
    for path in sorted(files, key=lambda path: (path.name != "national.yml", path.name)):
        top = _Fields(path.name, read_mapping(path))
        for item in top.need("entries", _list):
            name = item.get("id", "entry without id") if isinstance(item, dict) else "entry"
            fields = _Fields(f"{path.name}: {name}", item)
            _refuse_retired(fields, retired)
            entries.append(_entry(fields, known))
        top.done()
    _refuse_doubles(entries)
    return tuple(entries)


def load_retired_numbers(folder: Path) -> tuple[str, ...]:
    """Digits of the numbers that must never be given (closed lines, misprints)."""
    top = _Fields("superseded.yml", read_mapping(folder / "superseded.yml"))
    printed = [str(line["number"]) for line in top.need("superseded", _list)]
    printed += [str(line["wrong"]) for line in top.need("wrong_in_print", _list)]
    return tuple(dict.fromkeys(_digits(number).removeprefix("1") for number in printed))


def _entry(fields: _Fields, known: dict[str, Collection[str]]) -> Entry:
    entry = Entry(
        id=fields.need("id", _matching(_ID)),
        name=_required(fields, "name", _name),
        kind=fields.need("kind", _one_of(KINDS)),
        regions=fields.need("regions", _many(_one_of((*REGIONS, CANADA)))),
        phone=fields.inside("phone", _phone),
        text=fields.inside("text", _text_line),
        chat=fields.may("chat", _link),
        web=fields.may("web", _link),
        email=fields.may("email", _matching(re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"))),
        tty=fields.may("tty", _matching(_E164)),
        hours=fields.inside("hours", _hours),
        languages=fields.inside("languages", _languages),
        cost=fields.may("cost", _str),
        confidentiality=fields.may("confidentiality", _str),
        notes=fields.may("notes", _str),
        sources=fields.need("sources", _many(_source(known["secondary"]))),
        verified_on=fields.need("verified_on", _date),
        method=fields.need("method", _one_of(known["methods"])),
        verification=fields.need("verification", _one_of(known["verification"])),
    )
    fields.done()
    if not (entry.phone or entry.text or entry.chat or entry.web):
        raise DataError(f"{fields.where}: phone: no way to reach it (phone, text, chat or web)")
    if entry.national and len(entry.regions) > 1:
        raise DataError(f"{fields.where}: regions: CA already holds the others")
    return entry


def _required(fields: _Fields, name: str, build: Callable[[_Fields], _T]) -> _T:
    built = fields.inside(name, build)
    if built is None:
        raise DataError(f"{fields.where}: {name}: is missing")
    return built


def _name(fields: _Fields) -> Name:
    return Name(fields.need("en", _str), fields.may("fr", _str), fields.need("fr_sourced", _bool))


def _phone(fields: _Fields) -> Phone:
    phone = Phone(
        e164=fields.may("e164", _matching(_E164)),
        dial=fields.need("dial", _number),
        display=fields.need("display", _matching(_DISPLAY)),
    )
    if phone.e164 is not None and phone.dial != phone.e164:
        raise DataError(f"{fields.where}: dial: differs from e164")
    if phone.dial.removeprefix("+1") not in _digits(phone.display):
        raise DataError(f"{fields.where}: display: does not show the number that is dialled")
    return phone


def _text_line(fields: _Fields) -> Text:
    return Text(
        number=fields.need("number", _number),
        also=fields.may("also", _number),
        keyword=fields.may("keyword", _str),
        regions=fields.may("regions", _many(_one_of(REGIONS))),
        note=fields.may("note", _str),
    )


def _hours(fields: _Fields) -> Hours:
    hours = Hours(
        always=fields.may("always", _bool) or False,
        weekly=tuple(
            _opening(f"{fields.where}: weekly", one) for one in fields.may("weekly", _list) or ()
        ),
        timezone=fields.may("timezone", _timezone),
        note=fields.may("note", _str),
    )
    if hours.always == bool(hours.weekly):
        raise DataError(f"{fields.where}: needs either always: true or weekly")
    if bool(hours.weekly) != bool(hours.timezone):
        raise DataError(f"{fields.where}: timezone: goes with weekly")
    return hours


def _opening(where: str, value: object) -> Opening:
    fields = _Fields(where, value)
    days = fields.need("days", _many(_one_of(DAYS)))
    opening = Opening(
        days=tuple(DAYS.index(day) for day in days),
        start=fields.need("from", _time),
        end=fields.need("to", _time),
    )
    fields.done()
    if opening.start == opening.end:
        raise DataError(f"{where}: to: is the same as from")
    return opening


def _languages(fields: _Fields) -> Languages:
    return Languages(
        codes=fields.need("codes", _languages_list),
        interpreters=fields.may("interpreters", _bool),
        note=fields.may("note", _str),
    )


def _refuse_retired(fields: _Fields, retired: tuple[str, ...]) -> None:
    for name, value in fields.left.items():
        if name == "sources":
            continue
        digits = _digits(str(value))
        if any(number in digits for number in retired):
            raise DataError(f"{fields.where}: {name}: holds a number listed in superseded.yml")


def _refuse_doubles(entries: list[Entry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise DataError(f"{entry.id}: id: is used twice")
        seen.add(entry.id)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _str(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Wrong("must be text (quote it: YAML reads ON, yes and 211 as something else)")
    return value.strip()


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("must be true or false")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _Wrong("must be a list with something in it")
    return value


def _many(convert: Callable[[Any], _T]) -> Callable[[Any], tuple[_T, ...]]:
    return lambda value: tuple(convert(one) for one in _list(value))


def _one_of(allowed: Collection[str]) -> Callable[[Any], str]:
    def check(value: object) -> str:
        if _str(value) not in allowed:
            raise _Wrong(f"{value} is not one of {', '.join(allowed)}")
        return str(value)

    return check


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], str]:
    def check(value: object) -> str:
        if not pattern.fullmatch(_str(value)):
            raise _Wrong("is not in the right form")
        return str(value)

    return check


def _number(value: object) -> str:
    if not (_E164.fullmatch(_str(value)) or _SHORT.fullmatch(_str(value))):
        raise _Wrong("must be +1 and ten digits, or a short number of 3 or 5 to 7 digits")
    return str(value)


def _link(value: object) -> str:
    if not _str(value).startswith("https://"):
        raise _Wrong("must start with https://")
    return str(value)


def _source(secondary: Collection[str]) -> Callable[[Any], str]:
    def check(value: object) -> str:
        scheme, _, rest = _str(value).partition(":")
        if scheme not in ("http", "https") and not (scheme == "secondary" and rest in secondary):
            raise _Wrong("must be an address, or secondary: and an id listed in sources.yml")
        return str(value)

    return check


def _languages_list(value: object) -> tuple[str, ...]:
    if value == []:
        return ()  # interpreters or a note say the rest
    return _many(_matching(re.compile(r"[a-z]{2,3}")))(value)


def _date(value: object) -> date:
    try:
        return date.fromisoformat(_str(value))
    except ValueError:
        raise _Wrong("must be a day like 2026-11-21, in quotes") from None


def _time(value: object) -> time:
    if _str(value) == "24:00":
        return time(0)
    try:
        return time.fromisoformat(_str(value))
    except ValueError:
        raise _Wrong("must be a time like 09:00, in quotes") from None


def _timezone(value: object) -> str:
    try:
        return ZoneInfo(_str(value)).key
    except (ZoneInfoNotFoundError, ValueError):
        raise _Wrong("is not a timezone of the IANA list") from None
