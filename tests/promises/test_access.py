"""P10: every route of the console, tried by every kind of caller.

DECIDED is written by hand, apart from bot/console/permissions.py: a route that is added without a
line here fails, and so does one that lets in more or fewer than its line says.
"""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from starlette.routing import Mount, Route

from tests.handoff.conftest import redis_server
from tests.promises.conftest import Promise
from tests.promises.house import (
    ANYBODY,
    CANARY,
    COLLEAGUE,
    EVERYBODY,
    HOLDER,
    NOBODY,
    OPERATOR,
    SUPERVISOR,
    House,
)
from tests.promises.wire import Answer
from tests.redis_server import RedisServer

__all__ = ["redis_server"]

SIGNED_IN = {"first_password", "to_set_up", OPERATOR, COLLEAGUE, HOLDER, SUPERVISOR}
STAFF = SIGNED_IN - {"first_password", "to_set_up"}
COUNSEL = STAFF - {OPERATOR}
READERS = {HOLDER, SUPERVISOR}
#: Method and path as routed -> who gets through.
DECIDED: dict[str, set[str]] = {
    "GET /static": set(ANYBODY),
    "GET /healthz": set(ANYBODY),
    "GET /login": set(ANYBODY),
    "POST /login": set(ANYBODY),
    "POST /language": set(ANYBODY),
    "GET /login/oidc": set(ANYBODY),
    "GET /login/oidc/callback": set(ANYBODY),
    "GET /login/oidc/finish": set(ANYBODY),
    "GET /login/code": {"half"},
    "POST /login/code": {"half"},
    "POST /logout": SIGNED_IN,
    "GET /password": SIGNED_IN,
    "POST /password": SIGNED_IN,
    "GET /second-step": SIGNED_IN,
    "POST /second-step": SIGNED_IN,
    "GET /": STAFF,
    "GET /desk": STAFF,
    "GET /desk/live": STAFF,
    "GET /desk/mine": STAFF,
    "POST /desk/next": COUNSEL,
    "POST /desk/shift": COUNSEL,
    "GET /handoffs/{id}": READERS,
    "GET /handoffs/{id}/card": READERS,
    "GET /handoffs/{id}/lines": READERS,
    "GET /handoffs/{id}/live": READERS,
    "GET /handoffs/{id}/media/{line}": {HOLDER},
    "GET /handoffs/{id}/media/{line}/page": {HOLDER},
    "POST /handoffs/{id}/claim": COUNSEL,
    "POST /handoffs/{id}/say": {HOLDER},
    "POST /handoffs/{id}/cards": {HOLDER},
    "POST /handoffs/{id}/note": {HOLDER},
    "POST /handoffs/{id}/keep-open": {HOLDER},
    "POST /handoffs/{id}/release": {HOLDER},
    "POST /handoffs/{id}/end": {HOLDER},
    "GET /handoffs/{id}/colleagues": {HOLDER},
    "POST /handoffs/{id}/transfer": {HOLDER},
    "POST /handoffs/{id}/accept": COUNSEL,
    "POST /handoffs/{id}/refuse": COUNSEL,
    "GET /handoffs/{id}/reassign": {SUPERVISOR},
    "POST /handoffs/{id}/reassign": {SUPERVISOR},
    "POST /handoffs/{id}/raise": {HOLDER, SUPERVISOR},
    "POST /handoffs/{id}/flag": {HOLDER, SUPERVISOR},
    "POST /handoffs/{id}/hold": {SUPERVISOR},
    "POST /handoffs/{id}/lift": {HOLDER, SUPERVISOR},
    "GET /board": {SUPERVISOR},
    "GET /board/live": {SUPERVISOR},
    "GET /board/closed": {SUPERVISOR},
    "POST /board/surge": {SUPERVISOR},
    "GET /hours": {SUPERVISOR},
    "POST /hours": {SUPERVISOR},
    "POST /opening": {SUPERVISOR},
    "GET /plan": STAFF,
    "POST /plan": {SUPERVISOR},
    "GET /api/hours": {SUPERVISOR},
    "POST /api/hours": {SUPERVISOR},
    "POST /api/opening": {SUPERVISOR},
    "GET /api/plan": STAFF,
    "POST /api/plan": {SUPERVISOR},
    "GET /api/board": {SUPERVISOR},
    "GET /api/closed": {SUPERVISOR},
    "POST /api/surge": {SUPERVISOR},
    "GET /counts": {OPERATOR, SUPERVISOR},
    "GET /counts.csv": {OPERATOR, SUPERVISOR},
    "GET /api/counts": {OPERATOR, SUPERVISOR, "token_counts"},
    "GET /api/queue": {*STAFF, "token_queue"},
    "GET /api/desk": STAFF,
    "GET /api/events": STAFF,
    "POST /api/heartbeat": STAFF,
    "POST /api/shift": COUNSEL,
    "POST /api/next": COUNSEL,
    "GET /api/phrases/{language}": COUNSEL,
    "GET /api/handoffs/{id}": READERS,
    "GET /api/handoffs/{id}/media/{line}": {HOLDER},
    "POST /api/handoffs/{id}/claim": COUNSEL,
    "POST /api/handoffs/{id}/say": {HOLDER},
    "POST /api/handoffs/{id}/cards": {HOLDER},
    "GET /api/handoffs/{id}/help-lines": READERS,
    "POST /api/handoffs/{id}/note": {HOLDER},
    "POST /api/handoffs/{id}/keep-open": {HOLDER},
    "POST /api/handoffs/{id}/release": {HOLDER},
    "POST /api/handoffs/{id}/end": {HOLDER},
    "POST /api/handoffs/{id}/transfer": {HOLDER},
    "POST /api/handoffs/{id}/accept": COUNSEL,
    "POST /api/handoffs/{id}/refuse": COUNSEL,
    "POST /api/handoffs/{id}/reassign": {SUPERVISOR},
    "POST /api/handoffs/{id}/raise": {HOLDER, SUPERVISOR},
    "POST /api/handoffs/{id}/flag": {HOLDER, SUPERVISOR},
    "POST /api/handoffs/{id}/hold": {SUPERVISOR},
    "POST /api/handoffs/{id}/lift": {HOLDER, SUPERVISOR},
}
READS = {route for route, who in DECIDED.items() if who is READERS}
FROM_ELSEWHERE = (
    [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
    [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
    [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "iframe"),
    ],
    [("origin", "https://evil.test")],
    [("origin", "http://console.test.evil.test")],
    [("origin", "null")],
)


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_server.url) as client:
        yield client


def routes(house: House) -> list[str]:
    """Method and path of every route the application really has."""
    found = []
    for route in house.app.routes:
        if isinstance(route, Mount):
            found.append(f"GET {route.path}")
        elif isinstance(route, Route):
            found += [f"{method} {route.path}" for method in (route.methods or set()) - {"HEAD"}]
        else:
            found.append(f"? {route}")
    return sorted(found)


def target(path: str, handoff: str) -> str:
    path = path.replace("{id}", handoff).replace("{language}", "en").replace("{line}", "1-1")
    return f"{path}/console.css" if path == "/static" else path


def shut(answer: Answer) -> bool:
    """Whether the caller was kept out, rather than told that a form was filled in wrongly."""
    if answer.status in (401, 404, 405) or answer.header("location") == "/login":
        return True
    if answer.status != 403:
        return False
    return answer.header("content-type").startswith("application/json") or "<h1>" not in answer.text


def body_for(path: str) -> bytes:
    return b'{"on": true, "text": "hello", "outcome": "helped", "sure": "1"}'


async def test_the_routes_are_the_decided_ones(redis: Redis, promise: Promise) -> None:
    house = House(redis)
    found = routes(house)
    wrong = set(found) ^ set(DECIDED)
    assert wrong == set()
    promise("P10", "every route has a decision", len(found), len(wrong))


@pytest.mark.timeout(600)
async def test_every_route_lets_in_whom_was_decided_and_nobody_else(
    redis: Redis, promise: Promise
) -> None:
    tries, failures = 0, []
    for route in routes(House(redis)):
        method, path = route.split(" ", 1)
        house = House(redis)
        handoff = (await house.fill()).id
        kept_out = [who for who in EVERYBODY if who not in DECIDED[route]]
        for who in kept_out:
            before = await house.state()
            answer = await house.call(who, method, target(path, handoff), body=body_for(path))
            tries += 1
            # A counsellor's page may come as a sign of life only where it was let in.
            unchanged = await house.state() == before
            right = shut(answer) and not answer.fault and unchanged and CANARY not in answer.text
            if not right:
                failures.append((route, who, answer.status, answer.fault, unchanged))
        await house.clear()
        for who in sorted(DECIDED[route]):
            house = House(redis)
            handoff = (await house.fill()).id
            lines = await house.audit()
            answer = await house.call(who, method, target(path, handoff), body=body_for(path))
            tries += 1
            after = await house.audit()
            right = not answer.fault and answer.status < 500
            # Logging out leads to the sign-in page too; for the half login that page is its own.
            right &= path == "/logout" or not shut(answer)
            right &= after[: len(lines)] == lines
            said = CANARY in answer.text
            right &= not said or route in READS
            if said:  # every read is in the audit
                right &= any(one[0] == who and one[2] == handoff for one in after[len(lines) :])
            right &= not any(CANARY in part for line in after for part in line)
            if not right:
                failures.append((route, who, answer.status, answer.fault, after[len(lines) :]))
            await house.clear()
    assert failures == []
    note = f"{len(DECIDED)} routes, {len(EVERYBODY)} kinds of callers"
    promise("P10", "every route for every kind of caller", tries, len(failures), note)


@pytest.mark.timeout(600)
async def test_a_forged_or_foreign_form_changes_nothing_on_any_route(
    redis: Redis, promise: Promise
) -> None:
    house = House(redis)
    handoff = (await house.fill()).id
    tries, failures = 0, []
    for route, allowed in DECIDED.items():
        method, path = route.split(" ", 1)
        if method != "POST":
            continue
        for who in sorted(allowed & {HOLDER, SUPERVISOR, OPERATOR, "half", "stranger"}):
            others = [house.callers[one].csrf for one in (COLLEAGUE, HOLDER) if one != who]
            forged = [{"csrf": token} for token in ("", "forged", "\u00e9", *others)]
            foreign = [{"more": more} for more in FROM_ELSEWHERE]
            for how in [*forged, *foreign]:
                before = await house.state()
                to, body = target(path, handoff), body_for(path)
                answer = await house.call(who, method, to, body=body, **how)  # type: ignore[arg-type]
                tries += 1
                if answer.status != 403 or not shut(answer) or await house.state() != before:
                    failures.append((route, who, how, answer.status))
    assert failures == []
    promise("P10", "forged CSRF, another's CSRF, foreign origin", tries, len(failures))


async def test_no_page_of_another_site_can_fetch_anything_or_keep_a_shift_alive(
    redis: Redis, promise: Promise
) -> None:
    house = House(redis)
    handoff = (await house.fill()).id
    tries, failures = 0, []
    for route, allowed in DECIDED.items():
        method, path = route.split(" ", 1)
        if method != "GET" or allowed == ANYBODY or HOLDER not in allowed:
            continue
        for more in FROM_ELSEWHERE:
            house.desk.clock.forward(1)
            before = await house.state()
            answer = await house.call(HOLDER, method, target(path, handoff), more=list(more))
            tries += 1
            if answer.status != 403 or CANARY in answer.text or await house.state() != before:
                failures.append((route, more, answer.status))
        for more in ([("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")],
                     [("origin", "http://console.test")]):  # fmt: skip
            answer = await house.call(HOLDER, method, target(path, handoff), more=more)
            tries += 1
            if shut(answer):
                failures.append((route, more, answer.status))
    assert failures == []
    promise("P10", "origin check on every GET, the event stream too", tries, len(failures))


async def test_no_other_method_and_no_way_of_writing_a_path_goes_round_the_gate(
    redis: Redis, promise: Promise
) -> None:
    house = House(redis)
    handoff = (await house.fill()).id
    tries, failures = 0, []
    for route in DECIDED:
        path = target(route.split(" ", 1)[1], handoff)
        methods = [m for m in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "X")]
        for method in methods:
            for who in ("stranger", COLLEAGUE, SUPERVISOR, "token_counts"):
                answer = await house.call(who, method, path)
                tries += 1
                if answer.fault or CANARY in answer.text or not 300 <= answer.status < 500:
                    failures.append((method, path, who, answer.status))
        if DECIDED[route] == set(ANYBODY):
            continue
        spellings = (f"{path}/", f"/{path}", path.upper(), f"{path}%2f", f"{path};x", f"{path}/.",
                     path.replace("/", "//"), path.replace("/", "%2f"), f"/static/..{path}",
                     f"/static/%2e%2e{path}", f"{path}%00", path.replace("d", "%64"),
                     f"http://console.test{path}", f"/login/..{path}")  # fmt: skip
        for spelling in spellings:
            for who in ("stranger", COLLEAGUE):
                answer = await house.call(who, "GET", spelling)
                tries += 1
                bad = answer.fault or CANARY in answer.text or answer.status >= 500
                opened = who == "stranger" and answer.status == 200
                if bad or opened:
                    failures.append((spelling, who, answer.status))
    assert failures == []
    promise("P10", "other methods, other spellings of paths", tries, len(failures))


async def test_the_event_stream_ends_with_every_way_a_login_ends(
    redis: Redis, promise: Promise
) -> None:
    """Before a change is told, the login is looked at."""
    failures = 0
    for who in (*NOBODY, "half", "first_password", "to_set_up"):
        house = House(redis)
        await house.fill()
        answer = await house.call(who, "GET", "/api/events")
        failures += answer.status not in (401, 403) or b"event:" in answer.body
        await house.clear()
    promise("P10", "the event stream for who may not", len(NOBODY) + 3, failures)
