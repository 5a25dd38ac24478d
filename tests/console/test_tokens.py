"""A program's token: it reads its figures, and nothing else; lost or removed, it opens nothing."""

from functools import partial
from pathlib import Path

import httpx
import pytest

from bot.console.permissions import SCOPES, TABLE, Scope
from bot.console.tokens import TokenError, Tokens
from bot.keys import DAY
from bot.safety.levels import Level
from tests.console.driver import Console, CounsellorDriver, command
from tests.redis_server import RedisServer

READS = {Scope.QUEUE: "/api/queue", Scope.COUNTS: "/api/counts"}
WRONG = "northlight_" + "x" * 43


def tokens(console: Console) -> Tokens:
    made: Tokens = console.app.state.console.tokens
    return made


async def ask(
    console: Console, token: str, path: str, method: str = "GET", **headers: str
) -> httpx.Response:
    """A call of a program that keeps nothing from one call to the next."""
    driver = console.browser()
    return await driver.http.request(
        method, path, headers={"Authorization": f"Bearer {token}", **headers}
    )


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_token_reads_what_its_scope_says_and_nothing_else(
    console: Console, scope: Scope
) -> None:
    asked = await console.desk.asks("p")
    token = await tokens(console).add("pager", [scope])
    for path, methods in TABLE.items():
        to = path.replace("{id}", asked.id).replace("{language}", "en").replace("{line}", "1")
        for method in methods:
            answer = await ask(console, token, to, method)
            right = 200 if (path, method) == (READS[scope], "GET") else 403
            assert answer.status_code == right, (method, path)
            assert answer.headers["content-type"] == "application/json"
            assert "set-cookie" not in answer.headers
    assert (await ask(console, token, READS[scope], "HEAD")).status_code == 200
    assert {READS[one] for one in Scope} == set(SCOPES)


async def test_the_queue_in_figures_names_nobody(console: Console, ana: CounsellorDriver) -> None:
    desk = console.desk
    waiting = await desk.asks("p", Level.RED)
    desk.clock.forward(20)
    await desk.asks("q", Level.GREEN)
    token = await tokens(console).add("pager", ["queue"])
    answer = await ask(console, token, "/api/queue")
    assert answer.json() == {
        "open": True,
        "on_shift": 1,
        "levels": [
            {"level": "red", "waiting": 1, "longest": 20},
            {"level": "orange", "waiting": 0, "longest": 0},
            {"level": "yellow", "waiting": 0, "longest": 0},
            {"level": "green", "waiting": 1, "longest": 0},
        ],
    }
    assert waiting.handle not in answer.text
    assert (await ana.get("/api/queue")).json() == answer.json()


async def test_a_wrong_expired_or_removed_token_opens_nothing(console: Console) -> None:
    made = tokens(console)
    short = await made.add("short", ["queue"], days=1)
    gone = await made.add("gone", ["queue"])
    await made.remove("gone")
    assert (await ask(console, short, "/api/queue")).status_code == 200
    console.desk.clock.forward(DAY)
    for token in (short, gone):
        assert (await ask(console, token, "/api/queue")).json() == {"error": "signed_out"}
    assert await made.list() == []
    for token in ("", "x", short[:-1], short + "x", short.upper(), "northlight_", "x" * 5_000):
        assert (await ask(console, token, "/api/queue")).status_code in (401, 429)


async def test_wrong_tokens_are_slowed_and_a_right_one_beside_them_is_not(
    console: Console,
) -> None:
    token = await tokens(console).add("pager", ["queue"])
    told = [(await ask(console, WRONG, "/api/queue")).status_code for _ in range(6)]
    assert told[:3] == [401, 401, 401]
    assert 429 in told
    assert (await ask(console, token, "/api/queue")).status_code == 200
    console.desk.clock.forward(3_600)
    assert (await ask(console, WRONG, "/api/queue")).status_code == 401


async def test_a_token_and_a_login_never_go_together(console: Console) -> None:
    sam = await console.counsellor("sam", "supervisor")
    token = await tokens(console).add("pager", ["queue", "counts"])
    for path in ("/api/queue", "/api/counts", "/api/desk", "/desk"):
        answer = await sam.http.get(path, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()) == (403, {"error": "forbidden"})
    # What a proxy in front asks of browsers is no token.
    answer = await sam.http.get("/api/desk", headers={"Authorization": "Basic eDp5"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "same-site"},
        {
            "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
    ],
)  # fmt: skip
async def test_no_page_of_another_site_can_use_one(
    console: Console, headers: dict[str, str]
) -> None:
    token = await tokens(console).add("pager", ["queue"])
    answer = await ask(console, token, "/api/queue", **headers)
    assert answer.json() == {"error": "forbidden"}
    assert "access-control-allow-origin" not in answer.headers


async def test_nothing_stored_is_a_token_and_its_key_ends_with_it(console: Console) -> None:
    desk, made = console.desk, tokens(console)
    value = await made.add("pager", ["queue"], days=30)
    dump = await desk.dump()
    assert value.encode() not in dump
    assert value.removeprefix("northlight_").encode() not in dump
    found = await made.find(value)
    assert found is not None
    assert 29 * DAY < await desk.redis.ttl(desk.keys.token(found.mark)) <= 30 * DAY
    # Under another master key, or at the practice desk, the same token is none.
    assert await Tokens(desk.redis, desk.keys, type(desk.vault)(b"x" * 32), desk.clock).find(
        value
    ) is None  # fmt: skip


async def test_the_day_of_the_last_use_is_kept_and_a_use_brings_no_token_back(
    console: Console,
) -> None:
    made = tokens(console)
    value = await made.add("pager", ["counts"])
    [token] = await made.list()
    assert token.used == ""
    assert (await ask(console, value, "/api/queue")).status_code == 403
    assert (await made.list())[0].used == "", "a refusal is no use"
    assert (await ask(console, value, "/api/counts")).status_code == 200
    assert (await made.list())[0].used == "2025-10-09"
    await made.remove("pager")
    await made.touch(token)
    assert await made.list() == []
    assert await console.desk.redis.exists(console.desk.keys.token(token.mark)) == 0


@pytest.mark.parametrize(
    ("name", "scopes", "days", "says"),
    [
        ("pager", ["queue"], 365, "of this name"),
        ("P", ["queue"], 365, "name"),
        ("a b", ["queue"], 365, "name"),
        ("other", [], 365, "scope"),
        ("other", [""], 365, "scope"),
        ("other", ["queue", "text"], 365, "scope"),
        ("other", ["supervisor"], 365, "scope"),
        ("other", ["queue"], 0, "days"),
        ("other", ["queue"], 99_999, "days"),
    ],
)
async def test_what_cannot_be_made_is_refused_and_says_why(
    console: Console, name: str, scopes: list[str], days: int, says: str
) -> None:
    await tokens(console).add("pager", ["queue"])
    with pytest.raises(TokenError, match=says):
        await tokens(console).add(name, scopes, days)
    with pytest.raises(TokenError, match="no token"):
        await tokens(console).remove("nobody")


def test_the_command_makes_lists_and_removes_and_the_audit_has_it(tmp_path: Path) -> None:
    with RedisServer() as server:
        run = partial(command, server, tmp_path)
        made = run("token", "add", "pager", "--scope", "queue, counts")
        assert made.returncode == 0, made.stderr
        assert made.stdout.startswith("northlight_")
        assert run("token", "add", "pager", "--scope", "queue").returncode == 2
        assert run("token", "add", "other", "--scope", "text").returncode == 2
        [line] = run("token", "list").stdout.splitlines()
        assert line.split("\t")[:2] == ["pager", "counts,queue"]
        assert made.stdout.strip() not in line
        assert run("token", "remove", "pager").returncode == 0
        assert run("token", "remove", "pager").returncode == 2
        assert run("token", "list").stdout == ""
        told = [line.split("\t")[1:] for line in run("audit-log").stdout.splitlines()]
        assert told == [["(command line)", "token_add", "pager"],
                        ["(command line)", "token_remove", "pager"]]  # fmt: skip
