"""What a counsellor does to a handoff; pages and API call the same acts, each one is audited."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Final

from starlette.requests import Request

from bot.console.answers import Refused
from bot.console.context import account_of, console, field, form_of, language_of
from bot.console.permissions import may_lead, may_read
from bot.errors import AlreadyClaimed, Moved, NotForThis, NotOnShift, OnHold, SessionEnded
from bot.handoff.holds import open_to_all
from bot.handoff.record import Handoff, State

#: The longest reply, signs.
LONGEST: Final = 2_000
#: How a conversation may have ended; the words are in strings/<lang>.yml, `outcome`.
OUTCOMES: Final = ("helped", "referred", "emergency", "no_answer", "elsewhere", "other")
_ID = re.compile(r"[0-9a-f]{20}")
_ONCE = re.compile("[0-9a-zA-Z-]{16,64}")


async def find(request: Request) -> Handoff:
    """The handoff of the path. Raises Refused("gone")."""
    wanted = request.path_params["id"]
    found = await console(request).queue.get(wanted) if _ID.fullmatch(wanted) else None
    if found is None:
        raise Refused("gone")
    return found


async def open_to_read(request: Request, what: str = "read") -> Handoff:
    """The only way to a case or a transcript: permitted, and written to the audit first.

    A supervisor who reads what somebody else holds is said to have watched; the holder is not told.
    """
    handoff = await find(request)
    account = account_of(request)
    if not may_read(account, handoff):
        await console(request).audit.write(account.login, "read_refused", handoff.id)
        raise Refused("not_yours")
    if handoff.claimed_by != account.login:
        what = what.replace("read", "watched")
    await console(request).audit.write(account.login, what, handoff.id)
    return handoff


async def take_next(request: Request) -> Handoff | None:
    """Claims the right person. Raises Refused."""
    desk, account = console(request), account_of(request)
    async with taking(request):
        taken = await desk.queue.take_next(account.login, account.languages)
    if taken:
        await desk.audit.write(account.login, "claim", taken.id)
    return taken


async def claim(request: Request) -> Handoff:
    """Claims the one of the path. Raises Refused, naming the holder when somebody was quicker."""
    desk, account = console(request), account_of(request)
    found = await find(request)
    may = may_lead(account) or found.offered_to == account.login
    if found.on_hold(desk.clock()) and not may and not open_to_all(found, desk.clock()):
        raise Refused("on_hold")
    async with taking(request, "gone"):
        taken = await desk.queue.claim(found.id, account.login)
    await desk.audit.write(account.login, "claim", taken.id)
    return taken


async def say(request: Request) -> Handoff:
    """Sends `text`, or the phrases named by `phrase`, blanks between; once. Raises Refused."""
    desk, account = console(request), account_of(request)
    handoff = await mine(request)
    text, named = field(request, "text"), field(request, "phrase").split()
    phrases = desk.phrases.joined(named, handoff.language, language_of(request))
    if phrases and not text:
        text = phrases[0]
    if not 1 <= len(text) <= LONGEST:
        raise Refused("too_large" if text else "bad_request")
    # The original stands beside the words only while they are the reviewed ones.
    beside = phrases[1] if phrases and phrases[0] == text else ""
    once = once_of(request)
    with refusing():
        fresh = await desk.queue.say(handoff.id, account.login, text, beside, once=once)
    await desk.audit.write(account.login, "say" if fresh else "say_again", handoff.id)
    return handoff


def once_of(request: Request) -> str:
    """What names this press, so that it counts once however often it comes. Raises Refused."""
    once = field(request, "once")
    if once and not _ONCE.fullmatch(once):
        raise Refused("bad_request")
    return once


async def release(request: Request) -> None:
    """Back to the queue. Raises Refused."""
    desk, account = console(request), account_of(request)
    handoff = await mine(request)
    with refusing():
        await desk.queue.release(handoff.id, account.login)
    await desk.audit.write(account.login, "release", handoff.id)


async def end(request: Request) -> Handoff:
    """Ends it: to wrap-up without `outcome`, else closed. Raises Refused."""
    desk, account = console(request), account_of(request)
    handoff, outcome = await mine(request), field(request, "outcome")
    if outcome and outcome not in OUTCOMES:
        raise Refused("bad_request")
    if handoff.state is State.CLOSED or (not outcome and handoff.state is State.WRAP_UP):
        return handoff
    with refusing():
        await desk.queue.end(handoff.id, account.login, outcome)
    await desk.audit.write(account.login, "close" if outcome else "end", handoff.id)
    # Kept for no time after its close: nothing is left of it by now.
    return await desk.queue.get(handoff.id) or replace(handoff, state=State.CLOSED)


async def shift(request: Request, on: bool) -> None:
    """Starts or stops taking people."""
    desk, account = console(request), account_of(request)
    presence = desk.queue.presence
    await (presence.start(account.login) if on else presence.stop(account.login))
    await desk.audit.write(account.login, "shift_start" if on else "shift_stop")


async def mine(request: Request) -> Handoff:
    """The handoff of the path, held by whoever asks. Raises Refused."""
    handoff = await find(request)
    if handoff.claimed_by != account_of(request).login:
        raise Refused("not_yours")
    return handoff


@contextlib.asynccontextmanager
async def taking(request: Request, ended: str = "not_yours") -> AsyncIterator[None]:
    """As `refusing`, for what needs a free place: `wrap_up` is a talk that only lacks its outcome.

    It holds a place until that is said, and saying it is the quickest way to a free one.
    """
    try:
        with refusing(ended):
            yield
    except Refused as refused:
        if refused.code == "at_capacity" and (ended_talk := await _wrapping_up(request)):
            raise Refused("at_capacity", wrap_up=ended_talk.id) from None
        raise


async def _wrapping_up(request: Request) -> Handoff | None:
    queue, login = console(request).queue, account_of(request).login
    held = await queue.several([one.id for one in await queue.held() if one.by == login])
    return next((one for one in held if one.state is State.WRAP_UP), None)


def switch(request: Request) -> bool:
    """What `on` says: 1 or 0 in a form, true or false in JSON. Raises Refused."""
    match form_of(request).get("on"):
        case True | "1":
            return True
        case False | "0":
            return False
    raise Refused("bad_request")


@contextlib.contextmanager
def refusing(ended: str = "not_yours", *, away: str = "") -> Iterator[None]:
    """Raises Refused, as the page says it, for what the queue raises inside.

    `ended` is said when the handoff has gone on without whoever acts; `away` when it is not they
    but a colleague who cannot take somebody now.
    """
    try:
        yield
    except AlreadyClaimed as quicker:
        raise Refused("already_claimed", holder=quicker.holder) from None
    except NotOnShift as cannot:
        own = "at_capacity" if cannot.why == "full" else "off_shift"
        raise Refused(away or own) from None
    except NotForThis:
        raise Refused("not_for_this") from None
    except OnHold:
        raise Refused("on_hold") from None
    except Moved:
        raise Refused("moved") from None
    except SessionEnded:
        raise Refused(ended) from None
