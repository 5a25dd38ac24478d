"""Nobody reads or claims anything without a login that permits it, on any route there is."""

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from bot.console.app import ROUTES
from bot.console.permissions import TABLE, Permission, permission_of
from tests.console.driver import Console, CounsellorDriver

ALL = [
    (method, path, permission)
    for path, methods in sorted(TABLE.items())
    if path != "/static"
    for method, permission in methods.items()
]
CLOSED = [route for route in ALL if route[2] is not Permission.PUBLIC]
ID = "0" * 20


def filled(path: str, handoff: str = ID) -> str:
    return path.replace("{id}", handoff).replace("{language}", "en")


async def call(driver: CounsellorDriver, method: str, path: str) -> tuple[int, str]:
    answer = await (driver.get(path) if method == "GET" else driver.post(path))
    return answer.status_code, answer.headers.get("location", "")


async def test_every_route_declares_what_it_asks_for(console: Console) -> None:
    routed = set()
    for route in console.app.routes:
        if isinstance(route, Mount):
            routed.add((route.path, "GET"))
        else:
            assert isinstance(route, Route)
            routed |= {(route.path, method) for method in (route.methods or set()) - {"HEAD"}}
    declared = {(path, method) for path, methods in TABLE.items() for method in methods}
    assert routed == declared
    assert len(ROUTES) == len(TABLE) - 1  # and the static files


async def test_a_route_nobody_declared_is_refused_even_to_a_supervisor(console: Console) -> None:
    async def forgotten(request: Request) -> PlainTextResponse:
        return PlainTextResponse("secret")

    console.app.router.routes.append(Route("/forgotten", forgotten))
    supervisor = await console.counsellor("sam", "supervisor")
    for driver in (supervisor, console.browser()):
        answer = await driver.get("/forgotten")
        assert answer.status_code == 403
        assert "secret" not in answer.text
    assert permission_of("/desk", "DELETE") is None


@pytest.mark.parametrize(("method", "path", "permission"), CLOSED)
async def test_without_a_login_every_route_is_shut(
    console: Console, method: str, path: str, permission: Permission
) -> None:
    stranger = console.browser()
    await stranger.look("/login")
    status, location = await call(stranger, method, filled(path))
    assert (status, location) == ((401, "") if path.startswith("/api/") else (303, "/login"))


@pytest.mark.parametrize(("method", "path", "permission"), CLOSED)
async def test_with_an_expired_login_every_route_is_shut(
    console: Console, method: str, path: str, permission: Permission
) -> None:
    driver = await console.counsellor("ana")
    console.desk.clock.forward(2 * 3600)
    status, location = await call(driver, method, filled(path))
    assert (status, location) == ((401, "") if path.startswith("/api/") else (303, "/login"))


@pytest.mark.parametrize(("method", "path", "permission"), [r for r in ALL if r[0] == "POST"])
async def test_a_forged_form_changes_nothing_on_any_route(
    console: Console, method: str, path: str, permission: Permission
) -> None:
    driver = await console.counsellor("ana")
    for token in ("", "forged", "\u00e9"):
        answer = await driver.http.post(filled(path), data={"csrf": token})
        assert answer.status_code == 403, token
    answer = await driver.http.post(
        filled(path), data={"csrf": driver.csrf}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert (await driver.get("/desk")).status_code == 200


# The event stream has no end to wait for here; test_live.py has it.
@pytest.mark.parametrize(
    ("method", "path", "permission"), [route for route in CLOSED if route[1] != "/api/events"]
)
async def test_an_operator_sees_counts_and_never_text(
    console: Console, method: str, path: str, permission: Permission
) -> None:
    operator = await console.counsellor("olga", "operator")
    status, _ = await call(operator, method, filled(path))
    if permission in (Permission.COUNSEL, Permission.HALF, Permission.LEAD):
        assert status == 403
    else:
        assert status in (200, 303, 400)


@pytest.mark.parametrize(("method", "path", "permission"), CLOSED)
async def test_a_first_password_opens_nothing_but_its_own_change(
    console: Console, method: str, path: str, permission: Permission
) -> None:
    first = await console.app.state.console.accounts.add("new", "New", ["en"], ["counsellor"])
    driver = console.browser()
    answer = await driver.sign_in("new", first)
    assert answer.headers["location"] == "/password"
    status, _ = await call(driver, method, filled(path))
    assert status == 403 if permission is not Permission.SIGNED_IN else status in (200, 303, 400)


async def test_only_the_holder_and_a_supervisor_read_a_conversation(
    console: Console, ana: CounsellorDriver
) -> None:
    ben = await console.counsellor("ben")
    supervisor = await console.counsellor("sam", "supervisor")
    asked = await console.desk.asks("p")
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    await ana.post(f"/api/handoffs/{asked.id}/say", {"text": "canary words"})
    for suffix in ("", "/card", "/lines", "/live"):
        path = f"/handoffs/{asked.id}{suffix}"
        assert (await ana.get(path)).status_code == 200
        assert (await supervisor.get(path)).status_code == 200
        refused = await ben.get(path)
        assert refused.status_code == 403
        assert "canary" not in refused.text
    assert (await ben.get(f"/api/handoffs/{asked.id}")).json() == {"error": "not_yours"}
    for act in ("say", "cards", "release", "end"):
        for other in (ben, supervisor):
            answer = await other.post(f"/api/handoffs/{asked.id}/{act}", {"text": "x"})
            assert answer.json() == {"error": "not_yours"}


async def test_nobody_reads_a_case_before_claiming_it(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p")
    assert (await ana.get(f"/handoffs/{asked.id}")).status_code == 403
    listed = (await ana.get("/api/desk")).json()["waiting"][0]
    assert "answers" not in listed
    assert asked.person not in str(listed)


async def test_every_read_of_a_transcript_is_in_the_audit_without_text(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p")
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    await ana.post(f"/api/handoffs/{asked.id}/say", {"text": "canary words"})
    for path in (
        f"/handoffs/{asked.id}",
        f"/handoffs/{asked.id}/lines",
        f"/handoffs/{asked.id}/live",
        f"/handoffs/{asked.id}/card",
        f"/api/handoffs/{asked.id}",
    ):
        before = len(await console.app.state.console.audit.read())
        await ana.get(path)
        lines = await console.app.state.console.audit.read()
        assert len(lines) == before + 1, path
        assert lines[-1] in [("ana", "read", asked.id), ("ana", "read_on", asked.id)]
    acts = [what for _, what, _ in lines]
    assert {"login", "shift_start", "claim", "say"} <= set(acts)
    assert b"canary" not in await console.desk.dump()


async def test_no_answer_may_be_cached_framed_or_run_inline_script(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p")
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    for driver in (ana, console.browser()):
        for path in ("/desk", "/login", "/api/desk", "/static/desk.js", "/nothing",
                     f"/handoffs/{asked.id}"):  # fmt: skip
            answer = await driver.get(path)
            assert answer.headers["cache-control"] == "no-store"
            policy = answer.headers["content-security-policy"]
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            for inline in ("<style", " style=", " onclick=", "<script>"):
                assert inline not in answer.text or path.startswith("/static"), path


async def test_pages_escape_what_people_write(console: Console, ana: CounsellorDriver) -> None:
    asked = await console.desk.asks("p")
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    current = await console.desk.queue.current(asked.person)
    assert current is not None
    await console.desk.run(console.desk.queue.relay_ops(current, "<img src=x onerror=alert(1)>"))
    for suffix in ("", "/lines", "/live"):
        text = (await ana.get(f"/handoffs/{asked.id}{suffix}")).text
        assert "<img" not in text
        assert "&lt;img" in text


async def test_bodies_that_are_too_large_or_no_form_are_refused(ana: CounsellorDriver) -> None:
    big = await ana.post("/api/shift", {"on": "x" * 40_000})
    assert (big.status_code, big.json()) == (413, {"error": "too_large"})
    for content, kind in ((b"{", "application/json"), (b"[1]", "application/json"),
                          (b"x", "multipart/form-data"), (b"\xff=\xff", "text/plain")):  # fmt: skip
        answer = await ana.http.post(
            "/api/shift", content=content, headers={"X-CSRF": ana.csrf, "Content-Type": kind}
        )
        assert answer.json() == {"error": "bad_request"}
