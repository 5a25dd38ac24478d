"""The shift plan of this week and the next: who is planned, where nobody is, who is missing."""

from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from bot.console.accounts import Account
from bot.console.answers import Refused, here, page
from bot.console.context import (
    account_of,
    console,
    field,
    form_of,
    translate_of,
)
from bot.console.permissions import may_counsel, may_lead
from bot.console.planned import Planned, Stretch, gaps
from bot.handoff.hours import Hours, Span, WrongHours, epoch_of, read_date
from bot.moment import city, said_day

#: So many weeks are shown, from Monday on.
WEEKS: Final = 2


async def show(request: Request) -> Response:
    """GET: the two weeks; for supervisors also the form."""
    await here(request)
    return await _page(request, "")


async def change(request: Request) -> Response:
    """POST date, from, to, login; or remove=an entry: back to the page, or the page again."""
    try:
        await _changed(request)
    except WrongHours as wrong:
        return await _page(request, _why(wrong, request), 400)
    return RedirectResponse("/plan", 303)


async def api_show(request: Request) -> JSONResponse:
    """GET: {"zone", "days": [...], "missing": [...]}; without opening hours there are no days."""
    return JSONResponse(await _view(request))


async def api_change(request: Request) -> JSONResponse:
    """POST {"date", "from", "to", "login"} or {"remove": an entry}: the plan as it is then."""
    try:
        await _changed(request)
    except WrongHours as wrong:
        raise Refused("bad_request", why=wrong.code) from None
    return JSONResponse(await _view(request))


async def _changed(request: Request) -> None:
    """Raises WrongHours, Refused."""
    desk, plan = console(request), console(request).plan
    if "remove" in form_of(request):
        if not await plan.remove(field(request, "remove")):
            raise Refused("gone")
    else:
        hours = (await desk.queue.service.read()).hours
        if hours is None:
            raise WrongHours("unset")
        day = read_date(field(request, "date"))
        today = hours.local(desk.clock()).date()
        if day not in _days(today):
            raise WrongHours("date", text=day.isoformat())
        span = Span.parse(f"{field(request, 'from')}-{field(request, 'to')}")
        account = await desk.accounts.find(field(request, "login"))
        if account is None or not may_counsel(account):
            raise WrongHours("login")
        await plan.add(Planned(day, span, account.login), today)
    await desk.audit.write(account_of(request).login, "plan")


def _why(wrong: WrongHours, request: Request) -> str:
    return translate_of(request)(f"plan.wrong_{wrong.code}", text=wrong.text)


def _days(today: date) -> list[date]:
    """This week and the next."""
    monday = today - timedelta(days=today.weekday())
    return [monday + timedelta(days=number) for number in range(7 * WEEKS)]


async def _view(request: Request) -> dict[str, Any]:
    desk = console(request)
    hours, now = (await desk.queue.service.read()).hours, desk.clock()
    if hours is None:
        return {"zone": None, "days": [], "missing": []}
    today = hours.local(now).date()
    days = _days(today)
    # A night that began on Sunday reaches into the first day.
    planned = await desk.plan.read(days[0] - timedelta(days=1), days[-1])
    aliases = {one.login: one.alias for one in await desk.accounts.list()}
    here = set(await desk.queue.presence.on_shift())
    due = {one.login for one in planned if _covers(one.stretch(hours.zone), now)}
    open_gaps = _open_gaps(hours, days, planned, now)
    return {
        "zone": hours.zone,
        "days": [
            {
                "date": day.isoformat(),
                "planned": [
                    {
                        "entry": str(one),
                        "span": str(one.span),
                        "login": one.login,
                        "alias": aliases.get(one.login, one.login),
                    }
                    for one in planned
                    if one.day == day
                ],
                "gaps": _on(day, open_gaps, hours.zone),
            }
            for day in days
        ],
        "missing": sorted(aliases.get(login, login) for login in due - here),
    }


def _covers(stretch: Stretch, now: float) -> bool:
    return stretch[0] <= now < stretch[1]


def _open_gaps(hours: Hours, days: list[date], planned: list[Planned], now: float) -> list[Stretch]:
    """When it is open and nobody is planned, from now to the end of the days."""
    end = epoch_of(days[-1] + timedelta(days=1), 0, hours.zone)
    ahead = (days[-1] - hours.local(now).date()).days + 1
    open_ = [(max(int(now), one), min(two, end)) for one, two in hours.stretches(now, ahead)]
    return gaps(
        [one for one in open_ if one[0] < one[1]], [one.stretch(hours.zone) for one in planned]
    )


def _on(day: date, stretches: list[Stretch], zone: str) -> list[str]:
    """What of these stretches lies on a day, by its clock: "08:00-16:00"."""
    midnight = epoch_of(day, 0, zone)
    next_ = epoch_of(day + timedelta(days=1), 0, zone)
    found = []
    for begin, end in stretches:
        begin, end = max(begin, midnight), min(end, next_)
        if begin < end:
            till = "24:00" if end == next_ else _clock(end, zone)
            found.append(f"{_clock(begin, zone)}-{till}")
    return found


def _clock(at: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%H:%M}"


async def _page(request: Request, note: str, status: int = 200) -> HTMLResponse:
    desk, t = console(request), translate_of(request)
    view, own = await _view(request), t("language.code")
    names = [
        {**day, "name": said_day(date.fromisoformat(day["date"]), own)} for day in view["days"]
    ]
    team: list[Account] = []
    if may_lead(account_of(request)):
        team = [one for one in await desk.accounts.list() if may_counsel(one)]
    return page(
        request,
        "plan.html",
        status,
        note=note,
        team=sorted(team, key=lambda one: one.alias.casefold()),
        city=city(view["zone"], own) if view["zone"] else "",
        weeks=[names[at : at + 7] for at in range(0, len(names), 7)],
        today=_today(view["zone"], desk.clock()),
        missing=view["missing"],
        typed={name: field(request, name) for name in ("date", "from", "to", "login")},
    )


def _today(zone: str | None, now: float) -> str:
    return f"{datetime.fromtimestamp(now, ZoneInfo(zone)):%Y-%m-%d}" if zone else ""
