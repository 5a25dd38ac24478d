"""What goes out with every answer: policy, cookies, and nothing of an error."""

import re

import pytest
from argon2 import PasswordHasher
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.console import permissions
from bot.console.app import create_app
from bot.settings import Settings
from tests.console.driver import PASSWORD, Console, CounsellorDriver

POLICY = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'",
    "media-src 'self'", "connect-src 'self'", "worker-src 'self'", "frame-src 'self'",
    "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
}  # fmt: skip
FIXED = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


async def test_every_answer_has_every_header_whatever_its_status(
    console: Console, ana: CounsellorDriver
) -> None:
    statuses = set()
    for path in ("/desk", "/api/desk", "/login", "/login/code", "/second-step", "/password",
                 "/nothing", "/handoffs/0", "/static/desk.js", "/static/nothing", "/healthz",
                 "/api/phrases/en", "/logout"):  # fmt: skip
        for driver in (ana, console.browser()):
            for answer in (await driver.get(path), await driver.post(path, csrf="forged")):
                statuses.add(answer.status_code)
                assert {name: answer.headers.get(name) for name in FIXED} == FIXED, path
                policy = answer.headers["content-security-policy"]
                assert {part.strip() for part in policy.split(";")} == POLICY
    assert {200, 303, 401, 403, 404, 410} <= statuses


async def test_no_page_has_inline_script_or_style_not_even_the_picture_for_the_phone(
    console: Console, ana: CounsellorDriver
) -> None:
    for path in ("/desk", "/login", "/second-step", "/password"):
        text = (await ana.get(path)).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?! src=)", text), path


async def test_an_error_nobody_foresaw_shows_and_logs_nothing_of_itself(
    console: Console, ana: CounsellorDriver, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def breaks(request: Request) -> Response:
        raise RuntimeError("canary of what somebody wrote")

    for path in ("/breaks", "/api/breaks"):
        console.app.router.routes.append(Route(path, breaks))
        monkeypatch.setitem(permissions.TABLE, path, {"GET": permissions.Permission.STAFF})
    page, call = await ana.get("/breaks"), await ana.get("/api/breaks")
    assert (page.status_code, call.status_code) == (500, 500)
    assert call.json() == {"error": "broken"}
    assert "Something went wrong" in page.text
    assert page.headers["cache-control"] == "no-store"
    logged = capfd.readouterr()
    assert "canary" not in page.text + call.text + logged.out + logged.err
    assert "RuntimeError" in logged.out + logged.err


async def test_behind_tls_every_cookie_is_bound_to_this_host_and_to_https(
    console: Console,
) -> None:
    desk = console.desk
    await console.counsellor("ana")
    console.app = create_app(
        redis=desk.redis, keys=desk.keys, vault=desk.vault, queue=desk.queue, words=desk.words,
        clock=desk.clock, secure=True,
        hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
    )  # fmt: skip
    driver = console.browser()
    driver.http.base_url = "https://console.test"  # type: ignore[assignment]
    shown = await driver.look("/login")
    answer = await driver.submit("/login", {"login": "ana", "password": PASSWORD})
    assert answer.status_code == 303
    cookies = [*shown.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
    assert {cookie.split("=")[0] for cookie in cookies} == {
        "__Host-nl_form", "__Host-nl_console", "__Host-nl_device"
    }  # fmt: skip
    for cookie in cookies:
        told = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "samesite=strict", "path=/"} <= told, cookie
        assert not any(part.startswith("domain") for part in told)
    assert "max-age=31536000" in answer.headers["strict-transport-security"]


async def test_nobody_gets_in_through_tls_that_the_console_was_not_told_of(
    console: Console,
) -> None:
    await console.counsellor("ana")
    driver = console.browser()
    driver.http.base_url = "https://console.test"  # type: ignore[assignment]
    for answer in (
        await driver.get("/login"),
        await driver.post("/login", body={"login": "ana", "password": PASSWORD}),
        await driver.get("/healthz"),
    ):
        assert answer.status_code == 503
        assert "NORTHLIGHT_BEHIND_TLS=1" in answer.text
        assert answer.headers["x-frame-options"] == "DENY"
    assert "nl_console" not in driver.http.cookies


@pytest.mark.parametrize(
    ("environ", "needed"),
    [
        ({}, False),
        ({"CONSOLE_SECOND_STEP": "always"}, True),
        ({"CONSOLE_LISTEN": "0.0.0.0:8090", "BEHIND_TLS": "1"}, True),
        ({"BEHIND_TLS": "1", "CONSOLE_SECOND_STEP": "public"}, True),
    ],
)
def test_a_console_that_others_can_reach_needs_the_second_step(
    environ: dict[str, str], needed: bool
) -> None:
    settings = Settings.load({f"NORTHLIGHT_{name}": value for name, value in environ.items()})
    assert settings.second_step is needed
