"""Accounts change while people work: only what is given, at once, and nobody is lost."""

import asyncio
from functools import partial
from pathlib import Path

import httpx
import pytest

from bot.console import api
from bot.console.accounts import AccountError, Accounts
from tests.console.driver import Console, CounsellorDriver, command, serving
from tests.redis_server import RedisServer


def accounts(console: Console) -> Accounts:
    made: Accounts = console.app.state.console.accounts
    return made


async def test_what_is_given_changes_and_nothing_else(
    console: Console, ana: CounsellorDriver
) -> None:
    made = accounts(console)
    before = await made.find("ana")
    await made.change("ana", capacity=3)
    after = await made.find("ana")
    assert before is not None
    assert after is not None
    assert after.capacity == 3
    same = ("alias", "languages", "roles", "must_change", "epoch")
    assert all(getattr(after, name) == getattr(before, name) for name in same)
    await made.change("ana", alias=" Anna ", languages=["pa", "zh-Hans"])
    after = await made.find("ana")
    assert after is not None
    assert (after.alias, after.languages, after.capacity) == ("Anna", ("pa", "zh-Hans"), 3)


async def test_more_places_are_there_at_once_and_fewer_take_nobody_away(
    console: Console, ana: CounsellorDriver
) -> None:
    first, second = await console.desk.asks("p"), await console.desk.asks("q")
    await ana.post(f"/api/handoffs/{first.id}/claim")
    path = f"/api/handoffs/{second.id}"
    assert (await ana.post(f"{path}/claim")).json()["error"] == "at_capacity"
    await accounts(console).change("ana", capacity=2)
    assert (await ana.post(f"{path}/claim")).status_code == 200
    await accounts(console).change("ana", capacity=1)
    for asked in (first, second):
        said = await ana.post(f"/api/handoffs/{asked.id}/say", {"text": "Hello."})
        assert said.status_code == 200
    third = await console.desk.asks("r")
    refused = await ana.post(f"/api/handoffs/{third.id}/claim")
    assert refused.json()["error"] == "at_capacity"


async def test_languages_decide_who_is_next_from_the_next_press_on(
    console: Console, ana: CounsellorDriver
) -> None:
    await console.desk.asks("p", language="fr")
    punjabi = await console.desk.asks("q", language="pa")
    await accounts(console).change("ana", languages=["pa"])
    taken = (await ana.post("/api/next")).json()["handoff"]
    assert taken["id"] == punjabi.id


async def test_a_role_given_or_taken_counts_from_the_next_request_on(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p")
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    assert (await ana.get("/api/board")).status_code == 403
    await accounts(console).change("ana", roles=["counsellor", "supervisor"])
    assert (await ana.get("/api/board")).status_code == 200
    assert (await ana.get(f"/api/handoffs/{asked.id}")).status_code == 200, "and keeps whom she has"
    await accounts(console).change("ana", roles=["operator"])
    assert (await ana.get("/api/board")).status_code == 403
    assert (await ana.get(f"/api/handoffs/{asked.id}")).status_code == 403


async def test_nobody_stays_with_somebody_who_may_not_write_to_them_any_more(
    console: Console, ana: CounsellorDriver
) -> None:
    desk = console.desk
    asked = await desk.asks("p")
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    await accounts(console).change("ana", roles=["operator"])
    assert await desk.queue.presence.on_shift() == []
    desk.clock.forward(31)
    assert not (await ana.post("/api/heartbeat")).json()["on_shift"]
    await ana.get("/desk")
    assert [one.id for one in await desk.queue.lapses.run(desk.clock())] == [asked.id]
    assert [one.id for one in await desk.queue.waiting()] == [asked.id]


async def test_an_open_page_connects_again_as_what_it_may_do_now(
    console: Console, ana: CounsellorDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PING", 0.05)
    async with (
        serving(console) as address,
        httpx.AsyncClient(cookies=dict(ana.http.cookies)) as http,
        asyncio.timeout(20),
        http.stream("GET", f"{address}/api/events?desk") as stream,
    ):
        said = []
        async for line in stream.aiter_lines():
            said.append(line)
            if line == "event: alive":
                await accounts(console).change("ana", roles=["supervisor"])
    assert "event: alive" in said
    assert "event: signed_out" not in said, "only the connection ends, not the login"


async def test_bad_input_changes_nothing(console: Console, ana: CounsellorDriver) -> None:
    made = accounts(console)
    before = await made.find("ana")
    with pytest.raises(AccountError, match="nothing to change"):
        await made.change("ana")
    with pytest.raises(AccountError, match="alias"):
        await made.change("ana", alias="  ", capacity=2)
    for languages in ([], ["english"], ["en fr"], ["EN"]):
        with pytest.raises(AccountError, match="languages"):
            await made.change("ana", languages=languages)
    for roles in ([], ["boss"], ["counsellor", ""]):
        with pytest.raises(AccountError, match="roles"):
            await made.change("ana", roles=roles)
    for capacity in (0, 6, -1):
        with pytest.raises(AccountError, match="capacity"):
            await made.change("ana", capacity=capacity)
    assert await made.find("ana") == before
    with pytest.raises(AccountError, match="no such login"):
        await made.change("nobody", capacity=2)
    assert await made.find("nobody") is None


async def test_the_command_line_makes_changes_and_lists_them(tmp_path: Path) -> None:
    with RedisServer() as server:
        run = partial(command, server, tmp_path)
        made = run(
            "counsellor", "add", "ana", "--alias", "Ana", "--languages", "en,pa", "--capacity", "2"
        )
        assert made.returncode == 0, made.stderr
        changed = run("counsellor", "change", "ana", "--capacity", "3", "--roles", "supervisor")
        assert changed.returncode == 0, changed.stderr
        assert run("counsellor", "list").stdout == "ana\tAna\ten pa\tsupervisor\t3\n"
        for wrong in (
            ("add", "ben", "--alias", "Ben", "--capacity", "6"),
            ("add", "ben", "--alias", "Ben", "--capacity", "two"),
            ("change", "ana"),
            ("change", "ana", "--capacity", "0"),
            ("change", "ana", "--roles", ""),
            ("change", "ana", "--languages", "english"),
            ("change", "nobody", "--alias", "N"),
        ):
            refused = run("counsellor", *wrong)
            assert refused.returncode == 2, wrong
            assert "Traceback" not in refused.stderr
        assert run("counsellor", "list").stdout == "ana\tAna\ten pa\tsupervisor\t3\n"
        told = [line.split("\t")[1:] for line in run("audit-log").stdout.splitlines()]
        assert told == [["(command line)", "account_add", "ana"],
                        ["(command line)", "account_change", "ana"]]  # fmt: skip
