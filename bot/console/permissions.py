"""Which route needs what. A route that is not in the table is refused, whoever asks."""

from enum import StrEnum
from typing import Final

from bot.console.accounts import COUNSELS, Account, Role
from bot.console.logins import Login
from bot.handoff.record import Handoff


class Permission(StrEnum):
    """What a route asks of who calls it."""

    PUBLIC = "public"  # anybody
    HALF = "half"  # only between the password and the code
    SIGNED_IN = "signed_in"  # any account, even one that has to set something up first
    STAFF = "staff"  # any role: counts and the list, never text
    COUNSEL = "counsel"  # counsellors and supervisors: claim, read, write
    LEAD = "lead"  # supervisors: the board, open and close, hours
    COUNT = "count"  # supervisors and operators: counts of many, of nobody


_P, _H, _I, _S, _C, _L, _N = Permission


class Scope(StrEnum):
    """What a program's token may read: figures. None reaches words, a handle, an id or an act."""

    QUEUE = "queue"  # how many wait now, how long, and whether anybody is there
    COUNTS = "counts"  # counts of many, of nobody


_ROLES: Final[dict[Permission, frozenset[Role]]] = {
    _S: frozenset(Role),
    _C: COUNSELS,
    _L: frozenset({Role.SUPERVISOR}),
    _N: frozenset({Role.SUPERVISOR, Role.OPERATOR}),
}

#: Path as routed -> method -> permission.
TABLE: Final[dict[str, dict[str, Permission]]] = {
    "/static": {"GET": _P},
    "/login": {"GET": _P, "POST": _P},
    "/language": {"POST": _P},
    "/healthz": {"GET": _P},
    "/login/oidc": {"GET": _P},
    "/login/oidc/callback": {"GET": _P},
    "/login/oidc/finish": {"GET": _P},
    "/login/code": {"GET": _H, "POST": _H},
    "/logout": {"POST": _I},
    "/password": {"GET": _I, "POST": _I},
    "/second-step": {"GET": _I, "POST": _I},
    "/": {"GET": _S},
    "/desk": {"GET": _S},
    "/desk/live": {"GET": _S},
    "/desk/mine": {"GET": _S},
    "/desk/next": {"POST": _C},
    "/desk/shift": {"POST": _C},
    "/handoffs/{id}": {"GET": _C},
    "/handoffs/{id}/card": {"GET": _C},
    "/handoffs/{id}/lines": {"GET": _C},
    "/handoffs/{id}/live": {"GET": _C},
    "/handoffs/{id}/media/{line}": {"GET": _C},
    "/handoffs/{id}/media/{line}/page": {"GET": _C},
    "/handoffs/{id}/claim": {"POST": _C},
    "/handoffs/{id}/say": {"POST": _C},
    "/handoffs/{id}/cards": {"POST": _C},
    "/handoffs/{id}/note": {"POST": _C},
    "/handoffs/{id}/keep-open": {"POST": _C},
    "/handoffs/{id}/release": {"POST": _C},
    "/handoffs/{id}/end": {"POST": _C},
    "/handoffs/{id}/colleagues": {"GET": _C},
    "/handoffs/{id}/transfer": {"POST": _C},
    "/handoffs/{id}/accept": {"POST": _C},
    "/handoffs/{id}/refuse": {"POST": _C},
    "/handoffs/{id}/reassign": {"GET": _L, "POST": _L},
    "/handoffs/{id}/raise": {"POST": _C},
    "/handoffs/{id}/flag": {"POST": _C},
    "/handoffs/{id}/hold": {"POST": _L},
    "/handoffs/{id}/lift": {"POST": _C},
    "/board": {"GET": _L},
    "/board/live": {"GET": _L},
    "/board/closed": {"GET": _L},
    "/board/surge": {"POST": _L},
    "/hours": {"GET": _L, "POST": _L},
    "/opening": {"POST": _L},
    "/plan": {"GET": _S, "POST": _L},
    "/api/hours": {"GET": _L, "POST": _L},
    "/api/opening": {"POST": _L},
    "/api/plan": {"GET": _S, "POST": _L},
    "/api/board": {"GET": _L},
    "/api/closed": {"GET": _L},
    "/api/surge": {"POST": _L},
    "/counts": {"GET": _N},
    "/counts.csv": {"GET": _N},
    "/api/counts": {"GET": _N},
    "/api/queue": {"GET": _S},
    "/api/desk": {"GET": _S},
    "/api/events": {"GET": _S},
    "/api/heartbeat": {"POST": _S},
    "/api/shift": {"POST": _C},
    "/api/next": {"POST": _C},
    "/api/phrases/{language}": {"GET": _C},
    "/api/handoffs/{id}": {"GET": _C},
    "/api/handoffs/{id}/media/{line}": {"GET": _C},
    "/api/handoffs/{id}/claim": {"POST": _C},
    "/api/handoffs/{id}/say": {"POST": _C},
    "/api/handoffs/{id}/cards": {"POST": _C},
    "/api/handoffs/{id}/help-lines": {"GET": _C},
    "/api/handoffs/{id}/note": {"POST": _C},
    "/api/handoffs/{id}/keep-open": {"POST": _C},
    "/api/handoffs/{id}/release": {"POST": _C},
    "/api/handoffs/{id}/end": {"POST": _C},
    "/api/handoffs/{id}/transfer": {"POST": _C},
    "/api/handoffs/{id}/accept": {"POST": _C},
    "/api/handoffs/{id}/refuse": {"POST": _C},
    "/api/handoffs/{id}/reassign": {"POST": _L},
    "/api/handoffs/{id}/raise": {"POST": _C},
    "/api/handoffs/{id}/flag": {"POST": _C},
    "/api/handoffs/{id}/hold": {"POST": _L},
    "/api/handoffs/{id}/lift": {"POST": _C},
}

#: What a program's token of a scope reads, and all of it.
SCOPES: Final = {"/api/queue": Scope.QUEUE, "/api/counts": Scope.COUNTS}


def permission_of(path: str, method: str) -> Permission | None:
    """What a route asks for; None when nothing is declared: refuse it."""
    return TABLE.get(path, {}).get("GET" if method == "HEAD" else method)


def scope_of(path: str, method: str) -> Scope | None:
    """The scope that opens a route to a program; None when no token does."""
    return SCOPES.get(path) if method in ("GET", "HEAD") else None


def permits(permission: Permission, login: Login | None, *, second_step: bool) -> bool:
    """Whether this login (None: there is none) may; `second_step`: every account needs one."""
    if permission is Permission.PUBLIC:
        return True
    if login is None or login.half:
        return login is not None and permission is Permission.HALF
    if permission in (Permission.HALF, Permission.SIGNED_IN):
        return permission is Permission.SIGNED_IN
    if unfinished(login, second_step=second_step):
        return False
    return bool(login.account.roles & _ROLES[permission])


def unfinished(login: Login, *, second_step: bool) -> str:
    """The page on which something has to be set up before this login may do anything; else ""."""
    if login.vouched:
        return ""
    if login.account.must_change:
        return "/password"
    return "/second-step" if second_step and not login.account.second_step else ""


def may_counsel(account: Account) -> bool:
    """Whether somebody may take people and talk with them."""
    return bool(account.roles & _ROLES[_C])


def may_lead(account: Account) -> bool:
    """Whether somebody may see the board and move people who are with others."""
    return bool(account.roles & _ROLES[_L])


def may_read(account: Account, handoff: Handoff) -> bool:
    """Whether somebody may see case and transcript: their holder, or a supervisor."""
    return handoff.claimed_by == account.login or may_lead(account)
