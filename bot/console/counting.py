"""Figures for those who run the line, and for programs: what is counted, and how full it is now."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from babel.dates import format_skeleton
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from bot.console.answers import Refused, here, page
from bot.console.context import console, language_of, translate_of
from bot.console.strings import Translate
from bot.handoff.counts import Figure, Month

#: The first line of a CSV file. `count` is for reading, the bounds are for calculating.
HEAD: Final = ("month", "table", "code", "count", "at_least", "at_most")
_MONTH: Final = re.compile(r"[0-9]{4}-[0-9]{2}")


async def show(request: Request) -> HTMLResponse:
    """GET ?month=: the tables of a month; of the last one that is over when none is named."""
    await here(request)
    desk, t, locale = console(request), translate_of(request), f"{language_of(request)}_CA"
    month, months = await _month(request), await console(request).counts.months()
    languages = dict(desk.words.languages())
    tables = {
        table: [(_row(table, one, t, languages, locale), one) for one in rows]
        for table, rows in month.tables.items()
    }
    spoken = tables.pop("language")
    return page(
        request,
        "counts.html",
        month=month,
        named=_named(month.name, locale),
        months=[(name, _named(name, locale)) for name in months],
        tables=tables,
        # Of many languages most have nobody: these stand below, together.
        spoken=sorted(
            (row for row in spoken if not row[1].small), key=lambda row: -row[1].at_least
        ),
        few=sorted(name for name, one in spoken if one.small),
    )


async def download(request: Request) -> Response:
    """GET ?month=: the same as CSV, in codes."""
    month = await _month(request)
    return Response(
        as_csv(month),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="northlight-counts-{month.name}.csv"'
        },
    )


async def api_counts(request: Request) -> JSONResponse:
    """GET ?month=: the same as JSON, in codes."""
    month, months = await _month(request), await console(request).counts.months()
    return JSONResponse(
        {
            "month": month.name,
            "over": month.over,
            "months": months,
            "tables": {
                table: [
                    {"code": one.code, "at_least": one.at_least, "at_most": one.at_most}
                    for one in rows
                ]
                for table, rows in month.tables.items()
            },
        }
    )


async def api_queue(request: Request) -> JSONResponse:
    """GET: how many wait now and how long, who could take them; no handle, no id."""
    desk, now = console(request), console(request).clock()
    return JSONResponse(
        {
            "open": not (await desk.queue.service.read()).closed(now),
            "on_shift": await desk.queue.counsellors_on_shift(),
            "levels": [
                {
                    "level": one.level.name.lower(),
                    "waiting": one.waiting,
                    "longest": round(now - one.since) if one.since else 0,
                }
                for one in await desk.queue.tallies(now)
            ],
        }
    )


def as_csv(month: Month) -> str:
    """The figures of a month. Codes only, so no cell can be taken for a formula."""
    out = io.StringIO()
    csv.writer(out).writerows([HEAD, *_lines(month)])
    return out.getvalue()


def _lines(month: Month) -> Iterator[tuple[str | int, ...]]:
    for table, rows in month.tables.items():
        for one in rows:
            count = f"<{one.at_most + 1}" if one.small else str(one.at_least)
            yield month.name, table, one.code, count, one.at_least, one.at_most


async def _month(request: Request) -> Month:
    """The month of ?month=, else the last that is over. Raises Refused."""
    counts = console(request).counts
    asked = request.query_params.get("month", "") or await counts.latest()
    if not _MONTH.fullmatch(asked):
        raise Refused("bad_request")
    try:
        return await counts.month(asked)
    except LookupError:
        raise Refused("not_found") from None


def _row(table: str, one: Figure, t: Translate, languages: dict[str, str], locale: str) -> str:
    """What a row is called."""
    match table:
        case "day":
            return str(format_skeleton("MMMEd", date.fromisoformat(one.code), locale=locale))
        case "level":
            return t(f"level.{one.code}")
        case "language" if one.code in languages:
            return t(f"spoken.{one.code}", languages[one.code])
        case "end" if known := t(f"outcome.{one.code}", ""):
            return known
    return t(f"counts.{table}.{one.code}")


def _named(month: str, locale: str) -> str:
    return str(format_skeleton("yMMMM", date.fromisoformat(f"{month}-01"), locale=locale))
