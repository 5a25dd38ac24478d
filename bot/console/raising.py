"""A counsellor hears more than the rules do: their holder, or who leads, raises them to Red."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bot.console import acts
from bot.console.accounts import Account
from bot.console.answers import Refused
from bot.console.context import account_of, console, field
from bot.console.permissions import may_lead
from bot.handoff.record import Handoff
from bot.safety.levels import Level

#: Why; the words are in strings/<lang>.yml, `raise_reason`. In the audit, never on the case.
REASONS: Final = ("danger", "self_harm", "watched", "worse")
#: The rule that the case names from then on.
RULE: Final = "counsellor_raised"


async def to_red(request: Request) -> Response:
    """POST reason: back to the conversation."""
    found = await _raised(request)
    return RedirectResponse(f"/handoffs/{found.id}", 303)


async def api_to_red(request: Request) -> JSONResponse:
    """POST {"reason": one of REASONS}: {"level": "red"}."""
    await _raised(request)
    return JSONResponse({"level": Level.RED.name.lower()})


def offered(account: Account, handoff: Handoff) -> dict[str, Any]:
    """What the card's form takes: the reasons, none when there is nothing to raise."""
    may = may_lead(account) or handoff.claimed_by == account.login
    higher = handoff.open and handoff.level is not Level.RED
    return {"raising": REASONS if may and higher else ()}


async def _raised(request: Request) -> Handoff:
    """Only ever up; who is Red already stays as they are. Raises Refused."""
    desk, account = console(request), account_of(request)
    found = await (acts.find if may_lead(account) else acts.mine)(request)
    reason = field(request, "reason")
    if reason not in REASONS:
        raise Refused("bad_request")
    if not found.open:
        raise Refused("gone")
    if found.level is not Level.RED:
        await desk.queue.raise_level(found.person, Level.RED, (RULE,))
        await desk.audit.write(account.login, f"raise_{reason}", found.id)
    return found
