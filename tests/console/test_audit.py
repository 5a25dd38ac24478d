"""The audit: append-only, exportable, without text; a changed line shows."""

import asyncio
from functools import partial
from pathlib import Path

import redis

from bot.console.audit import Audit
from bot.keys import Keys
from bot.vault import Vault
from tests.console.driver import Console, CounsellorDriver, command
from tests.redis_server import RedisServer


async def whole(console: Console) -> list[bool]:
    return [entry.whole async for entry in console.app.state.console.audit.entries()]


async def test_lines_follow_each_other_unbroken_also_from_several_processes(
    console: Console,
) -> None:
    desk = console.desk
    audits = [Audit(desk.redis, desk.keys, desk.vault, desk.clock) for _ in range(4)]
    await asyncio.gather(
        *(audit.write(f"login{at}", "read", f"{at}") for audit in audits for at in range(15))
    )
    marks = await whole(console)
    assert len(marks) == 60
    assert all(marks)


async def test_what_is_written_stays_on_one_line_and_in_its_field(console: Console) -> None:
    audit = console.app.state.console.audit
    await audit.write("ana\tread\n2026-11-22", "re\rad", "one\u2028two\u202e")
    (entry,) = [entry async for entry in audit.entries()]
    assert (entry.who, entry.what, entry.handoff) == ("ana?read?2026-11-22", "re?ad", "one?two?")
    assert entry.whole


async def test_a_changed_removed_moved_or_added_line_shows(console: Console) -> None:
    desk, audit = console.desk, console.app.state.console.audit
    name = desk.keys.audit()

    async def lines(count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        await desk.redis.delete(name)
        for at in range(count):
            await audit.write("ana", "read", f"handoff {at}")
        assert all(await whole(console))
        rows: list[tuple[bytes, dict[bytes, bytes]]] = await desk.redis.xrange(name)
        return rows

    async def rewrite(rows: list[dict[bytes, bytes]]) -> list[bool]:
        await desk.redis.delete(name)
        for fields in rows:
            await desk.redis.xadd(name, fields)  # type: ignore[arg-type]
        return await whole(console)

    rows = [fields for _, fields in await lines(5)]
    assert all(await rewrite(rows))
    assert not all(await rewrite([{**rows[0], b"who": b"ben"}, *rows[1:]]))
    assert not all(await rewrite([*rows[:2], {**rows[2], b"at": b"1"}, *rows[3:]]))
    assert not all(await rewrite(rows[1:]))
    assert not all(await rewrite([*rows[:2], *rows[3:]]))
    assert not all(await rewrite([rows[1], rows[0], *rows[2:]]))
    assert not all(await rewrite([*rows, rows[4]]))
    assert not all(await rewrite([*rows, {**rows[4], b"mark": b""}]))
    forger = Audit(desk.redis, desk.keys, Vault(b"x" * 32), desk.clock)
    await rewrite(rows)
    await forger.write("ana", "read", "1")
    assert (await whole(console))[-1] is False


async def test_nothing_that_the_console_does_takes_a_line_away(
    console: Console, ana: CounsellorDriver
) -> None:
    desk = console.desk
    asked = await desk.asks("p")
    path = f"/api/handoffs/{asked.id}"
    before: list[object] = []
    for method, to in (("post", f"{path}/claim"), ("get", path), ("post", f"{path}/say"),
                       ("post", f"{path}/note"), ("post", f"{path}/end")):  # fmt: skip
        await (ana.get(to) if method == "get" else ana.post(to, {"text": "canary words"}))
        rows = await desk.redis.xrange(desk.keys.audit())
        assert rows[: len(before)] == before
        assert len(rows) > len(before)
        before = rows
    await desk.queue.abandon(asked.person)  # Leave
    await desk.queue.lapses.run(desk.clock() + 10**6)
    assert await desk.redis.xrange(desk.keys.audit()) == before
    assert b"canary" not in repr(before).encode()
    ben = await console.counsellor("ben")
    other = await desk.asks("q")
    await ben.get(f"/handoffs/{other.id}")
    assert ("ben", "read_refused", other.id) in await console.app.state.console.audit.read()


async def test_the_command_prints_every_line_and_fails_when_one_was_changed(tmp_path: Path) -> None:
    with RedisServer() as server:
        run = partial(command, server, tmp_path)
        made = run("counsellor", "add", "ana", "--alias", "Ana")
        assert made.returncode == 0, made.stderr
        assert run("counsellor", "second-step", "ana").returncode == 0
        assert run("counsellor", "second-step", "nobody").returncode == 2
        shown = run("audit-log")
        assert shown.returncode == 0, shown.stderr
        told = [line.split("\t")[1:] for line in shown.stdout.splitlines()]
        assert told == [["(command line)", "account_add", "ana"],
                        ["(command line)", "account_second-step", "ana"]]  # fmt: skip
        assert "2 lines, none changed" in shown.stderr
        client = redis.Redis.from_url(server.url)
        (first, _), _ = client.xrange(Keys().audit())
        client.xdel(Keys().audit(), first)
        client.close()
        broken = run("audit-log")
        assert broken.returncode == 1
        assert "was changed" in broken.stderr
