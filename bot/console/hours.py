"""Opening hours: the week, the exceptions, the time zone, and opening or closing by hand."""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from bot.console.answers import Refused, here, page
from bot.console.context import (
    account_of,
    console,
    field,
    form_of,
    language_of,
    translate_of,
)
from bot.console.opening import opening_view
from bot.console.strings import Translate
from bot.directory.regions import REGIONS
from bot.handoff.hours import Hours, WrongHours, read_date
from bot.handoff.service import Mode
from bot.moment import city, said_day

#: Notes the page may show after an act, by the name in the address.
NOTES: Final = frozenset({"week", "date", "removed", "forgotten", "auto", "open", "closed"})
#: An exception that is over for so long is forgotten with the next change.
KEPT: Final = timedelta(days=2)
#: No exception lies further ahead: a year mistyped is no holiday.
FURTHEST: Final = timedelta(days=731)
_AUDITED: Final = {
    Mode.AUTO: "follow_hours", Mode.OPEN: "open_by_hand", Mode.CLOSED: "close_by_hand",
}  # fmt: skip
#: Signs in a span as somebody types it.
LONGEST_SPAN: Final = 40
#: The time zones of the country, from west to east.
_ZONES: Final = tuple(dict.fromkeys(REGIONS.values()))
# As people write it: 8-22, 8:00–22:00, 8 h 30 à 22 h.
_TIME = r"([0-9]{1,2})(?:\s*[:hH]\s*([0-9]{2})?)?"
_SPAN = re.compile(rf"\s*{_TIME}\s*(?:-|–|—|to|à)\s*{_TIME}\s*")
_BETWEEN = re.compile(r"[,;\n]|\band\b|\bet\b")


async def show(request: Request) -> Response:
    """GET: how it stands, and the forms."""
    await here(request)
    note = request.query_params.get("note", "")
    words = translate_of(request)(f"hours.did_{note}") if note in NOTES else ""
    return await _page(request, words)


async def change(request: Request) -> Response:
    """POST act=week|date|remove|forget with its fields: back to the page, or the page again."""
    acts: dict[str, tuple[Callable[[Hours | None], Hours | None], str]] = {
        "week": (lambda old: _with_week(request, old), "week"),
        "date": (lambda old: _with_date(request, old), "date"),
        "remove": (lambda old: _without(request, old), "removed"),
        "forget": (lambda old: None, "forgotten"),
    }
    if field(request, "act") not in acts:
        raise Refused("bad_request")
    act, note = acts[field(request, "act")]
    try:
        await _changed(request, act)
    except WrongHours as wrong:
        return await _page(request, _why(wrong, request), 400, wrong)
    return RedirectResponse(f"/hours?note={note}", 303)


async def opening(request: Request) -> Response:
    """POST mode=auto|open|closed."""
    mode = await _set_mode(request)
    return RedirectResponse(f"/hours?note={mode}", 303)


async def api_show(request: Request) -> JSONResponse:
    """GET: {"opening": {...}, "hours": {...} or null}."""
    return JSONResponse(await _view(request))


async def api_change(request: Request) -> JSONResponse:
    """POST {"hours": {"zone", "week", "dates"} or null}: all of it, in place of what there is."""
    given = form_of(request).get("hours", "")
    if given is not None and not isinstance(given, Mapping):
        raise Refused("bad_request", why="week")

    def instead(old: Hours | None) -> Hours | None:
        if given is None:
            return None
        made = Hours.make(given.get("zone"), given.get("week"), given.get("dates"))
        for day in made.dates:
            _near(request, made, day)
        return made

    try:
        await _changed(request, instead)
    except WrongHours as wrong:
        raise Refused("bad_request", why=wrong.code) from None
    return JSONResponse(await _view(request))


async def api_opening(request: Request) -> JSONResponse:
    """POST {"mode": "auto"|"open"|"closed"}."""
    await _set_mode(request)
    return JSONResponse(await _view(request))


async def _set_mode(request: Request) -> Mode:
    desk, given = console(request), field(request, "mode")
    if given not in set(Mode):
        raise Refused("bad_request")
    mode = Mode(given)
    await desk.queue.service.set_mode(mode)
    await desk.audit.write(account_of(request).login, _AUDITED[mode])
    return mode


async def _changed(request: Request, change: Callable[[Hours | None], Hours | None]) -> None:
    desk = console(request)
    await desk.queue.service.change_hours(change)
    await desk.audit.write(account_of(request).login, "hours")


def _with_week(request: Request, old: Hours | None) -> Hours:
    week = [spans_of(field(request, f"day{number}")) for number in range(7)]
    return Hours.make(field(request, "zone"), week, _kept(request, old))


def _with_date(request: Request, old: Hours | None) -> Hours:
    if old is None:
        raise WrongHours("unset")
    day = read_date(field(request, "date"))
    _near(request, old, day)
    spans = spans_of(field(request, "spans"))
    dates = {**_kept(request, old), day.isoformat(): spans}
    return Hours.make(old.zone, old.as_texts()["week"], dates)


def _without(request: Request, old: Hours | None) -> Hours | None:
    if old is None:
        return None
    dates = _kept(request, old)
    dates.pop(field(request, "date"), None)
    return Hours.make(old.zone, old.as_texts()["week"], dates)


def _kept(request: Request, old: Hours | None) -> dict[str, list[str]]:
    """The exceptions there are, less those that are over."""
    if old is None:
        return {}
    gone = (old.local(console(request).clock()).date() - KEPT).isoformat()
    return {day: spans for day, spans in old.as_texts()["dates"].items() if day >= gone}


def _near(request: Request, hours: Hours, day: date) -> None:
    """Raises WrongHours for a day long over, or too far ahead to be meant."""
    today = hours.local(console(request).clock()).date()
    if not -KEPT <= day - today <= FURTHEST:
        raise WrongHours("date", text=day.isoformat())


def spans_of(text: str) -> list[str]:
    """Spans as Hours reads them, from what somebody typed; what is none is left as it is."""
    pieces = [piece.strip() for piece in _BETWEEN.split(text)]
    return [_span(piece) for piece in pieces if piece]


def _span(piece: str) -> str:
    # Nothing longer is one; and the pattern would take seconds for thousands of spaces.
    found = _SPAN.fullmatch(piece) if len(piece) <= LONGEST_SPAN else None
    if not found:
        return piece
    hour, minute, to_hour, to_minute = (int(part or 0) for part in found.groups())
    return f"{hour:02}:{minute:02}-{to_hour:02}:{to_minute:02}"


def _why(wrong: WrongHours, request: Request) -> str:
    """What is wrong, in words."""
    t = translate_of(request)
    day = t(f"weekday.{wrong.at}") if wrong.at.isdigit() else wrong.at
    words = t(f"hours.wrong_{wrong.code}", text=wrong.text)
    return f"{day}: {words}" if day else words


async def _view(request: Request) -> dict[str, Any]:
    desk = console(request)
    standing = await desk.queue.service.read()
    return {
        "opening": opening_view(standing, desk.clock(), translate_of(request)),
        "hours": standing.hours.as_texts() if standing.hours else None,
    }


async def _page(
    request: Request, note: str, status: int = 200, wrong: WrongHours | None = None
) -> HTMLResponse:
    """The page; after a mistake with what was typed, and where it is wrong."""
    view, t, own = await _view(request), translate_of(request), language_of(request)
    hours = view["hours"] or {"zone": "", "week": [[]] * 7, "dates": {}}
    typed = wrong is not None and field(request, "act") == "week"
    zone = field(request, "zone") if typed else hours["zone"]
    return page(
        request,
        "hours.html",
        status,
        note=note,
        opening=view["opening"],
        set=view["hours"] is not None,
        zone=zone,
        zones=[(one, city(one, own)) for one in _zones(hours["zone"])],
        week=[
            {
                "day": t(f"weekday.{number}"),
                "spans": field(request, f"day{number}") if typed else ", ".join(spans),
                "wrong": wrong is not None and wrong.at == str(number),
            }
            for number, spans in enumerate(hours["week"])
        ],
        dates=[_exception(day, spans, own, t) for day, spans in hours["dates"].items()],
        typed={name: field(request, name) if wrong else "" for name in ("date", "spans")},
        wrong=wrong.code if wrong else "",
    )


def _exception(day: str, spans: list[str], own: str, t: Translate) -> dict[str, str]:
    read = date.fromisoformat(day)
    return {
        "date": day,
        "words": f"{said_day(read, own)} {read.year}",
        "spans": ", ".join(spans) or t("hours.closed"),
    }


def _zones(own: str) -> tuple[str, ...]:
    """Those to choose from: the country's, and the one that is set."""
    return _ZONES if not own or own in _ZONES else (*_ZONES, own)
