"""Flagging who abuses the line, and holding them back from it; each act is audited with its reason.

Whoever holds a person may flag them; only a supervisor places a hold, lifts it, or takes somebody
out of it.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.console import acts
from bot.console.answers import Refused
from bot.console.context import account_of, console, field, form_of
from bot.console.permissions import may_lead
from bot.handoff.holds import HELD_FOR, HOURS, REASONS
from bot.handoff.record import Handoff, State

#: Where it may be pressed, but for the conversation.
PAGES = frozenset({"desk", "board"})
#: What the form offers.
CHOICES = {"reasons": REASONS, "held_for": HELD_FOR, "hours": HOURS, "default": HOURS[1]}


async def flag(request: Request) -> Response:
    """POST reason, hours: back to where it was pressed."""
    return _back(request, await _flagged(request))


async def hold(request: Request) -> Response:
    """POST seen, reason, hours: back to where it was pressed."""
    return _back(request, await _held(request))


async def lift(request: Request) -> Response:
    """POST: back to where it was pressed."""
    return _back(request, await _lifted(request))


async def api_flag(request: Request) -> JSONResponse:
    """POST {"reason": ..., "hours": 1, 24 or 48}."""
    await _flagged(request)
    return JSONResponse({"flagged": True})


async def api_hold(request: Request) -> JSONResponse:
    """POST {"seen": as a Brief has it, "reason": ..., "hours": 1, 24 or 48}.

    Without a reason for that of the flag that stands; a hold that stands keeps its end then.
    """
    await _held(request)
    return JSONResponse({"held": True})


async def api_lift(request: Request) -> JSONResponse:
    """POST: flag and hold are over."""
    await _lifted(request)
    return JSONResponse({"lifted": True})


async def _flagged(request: Request) -> Handoff:
    desk, (found, by), (reason, hours) = console(request), await _whose(request), _asked(request)
    with acts.refusing("gone"):
        await desk.queue.holds.flag(found.id, by, reason, hours)
    await desk.audit.write(account_of(request).login, f"flag_{reason}", found.id)
    return found


async def _held(request: Request) -> Handoff:
    """Raises Refused, also when they are in other danger than was `seen`: nothing is done then."""
    desk, found, seen = console(request), await acts.find(request), field(request, "seen")
    reason, hours = ("", HOURS[1]) if "reason" not in form_of(request) else _asked(request)
    if reason and reason not in HELD_FOR:
        raise Refused("not_for_this")
    if not seen:
        raise Refused("bad_request")
    with acts.refusing("gone"):
        reason = (await desk.queue.holds.hold(found.id, reason, hours, seen)).reason
    await desk.audit.write(account_of(request).login, f"hold_{reason}", found.id)
    return found


async def _lifted(request: Request) -> Handoff:
    desk, (found, by) = console(request), await _whose(request)
    with acts.refusing("gone"):
        await desk.queue.holds.lift(found.id, by)
    await desk.audit.write(account_of(request).login, "lift", found.id)
    return found


async def _whose(request: Request) -> tuple[Handoff, str]:
    """The handoff, and in whose name it is acted on: "" for a supervisor. Raises Refused."""
    if may_lead(account_of(request)):
        return await acts.find(request), ""
    found = await acts.mine(request)
    if found.state is State.CLOSED:  # they may be with a colleague by now
        raise Refused("not_yours")
    return found, account_of(request).login


def _asked(request: Request) -> tuple[str, int]:
    reason, hours = field(request, "reason"), str(form_of(request).get("hours", HOURS[1]))
    if reason not in REASONS or hours not in map(str, HOURS):
        raise Refused("bad_request")
    return reason, int(hours)


def _back(request: Request, found: Handoff) -> Response:
    page = field(request, "page")
    return RedirectResponse(f"/{page}" if page in PAGES else f"/handoffs/{found.id}", 303)
