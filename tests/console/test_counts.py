"""The counts as an operator sees them: page, CSV and JSON say the same, and nothing of anybody."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.console.acts import OUTCOMES
from bot.console.strings import Strings
from bot.handoff.counts import UNTOLD, WAITS
from bot.handoff.record import Handoff
from tests.console.driver import Console, CounsellorDriver, command
from tests.redis_server import RedisServer


async def a_month(console: Console) -> list[Handoff]:
    """Twelve people in October, seven of them in Punjabi; it is the second of November now."""
    desk = console.desk
    desk.clock.now = datetime(2026, 10, 14, 12, tzinfo=UTC).timestamp()
    await desk.on_shift("ana", capacity=99)
    people = []
    for number in range(12):
        asked = await desk.asks(f"p{number}", language="pa" if number < 7 else "so")
        people.append(asked)
        if number < 10:
            await desk.queue.claim(asked.id, "ana")
            await desk.queue.end(asked.id, "ana", "referred")
        else:
            await desk.queue.abandon(asked.person)
    desk.clock.now = datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp()
    return people


@pytest.fixture
async def olga(console: Console) -> CounsellorDriver:
    """An operator, after that month."""
    await a_month(console)
    return await console.counsellor("olga", "operator")


async def test_page_csv_and_json_say_the_same(console: Console, olga: CounsellorDriver) -> None:
    told = (await olga.get("/api/counts")).json()
    assert (told["month"], told["over"], told["months"]) == (
        "2026-10", True, ["2026-11", "2026-10"],
    )  # fmt: skip
    assert {
        (table, row["code"], row["at_least"])
        for table, rows in told["tables"].items()
        for row in rows
        if row["at_least"]
    } == {
        ("day", "2026-10-14", 10), ("level", "orange", 10), ("language", "pa", 5),
        ("language", "so", 5), ("wait", "1", 10), ("end", "referred", 10),
    }  # fmt: skip
    answer = await olga.get("/counts.csv?month=2026-10")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    named = answer.headers["content-disposition"]
    assert named == 'attachment; filename="northlight-counts-2026-10.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [
        {"code": one["code"], "at_least": int(one["at_least"]), "at_most": int(one["at_most"])}
        for one in lines
    ] == [row for rows in told["tables"].values() for row in rows]
    assert {(one["count"], one["at_least"]) for one in lines} == {
        ("<5", "0"), ("5", "5"), ("10", "10"),
    }  # fmt: skip
    page = (await olga.get("/counts")).text
    shown = re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td>', page)
    assert len(shown) == len(lines) - 25, "all but the languages under 5, which stand together"
    assert {row for row in shown if row[1] != "&lt;5"} == {
        ("Wed, Oct 14", "10 to 14"), ("Orange", "10 to 14"), ("Punjabi", "5 to 9"),
        ("Somali", "5 to 9"), ("Up to 1 minute", "10 to 14"),
        ("Was given a service to go to", "10 to 14"),
    }  # fmt: skip


async def test_no_cell_can_be_taken_for_a_formula(olga: CounsellorDriver) -> None:
    for row in csv.reader(io.StringIO((await olga.get("/counts.csv")).text)):
        assert not [cell for cell in row if not cell or cell[0] in "=+-@\t\r"]


async def test_nothing_of_a_person_and_no_small_count_is_anywhere(console: Console) -> None:
    people = await a_month(console)
    olga = await console.counsellor("olga", "operator")
    for path in ("/counts", "/counts.csv", "/api/counts", "/api/queue"):
        text = (await olga.get(path)).text
        for one in people:
            assert not any(part in text for part in (one.id, one.person, one.handle))
    # Twelve asked and two left: no figure says so.
    lines = csv.DictReader(io.StringIO((await olga.get("/counts.csv")).text))
    assert {one["count"] for one in lines} == {"<5", "5", "10"}


async def test_a_month_that_is_not_over_shows_its_days_only(
    console: Console, olga: CounsellorDriver
) -> None:
    told = (await olga.get("/api/counts?month=2026-11")).json()
    assert not told["over"]
    assert [row["code"] for row in told["tables"]["day"]] == ["2026-11-01"]
    assert not any(rows for table, rows in told["tables"].items() if table != "day")
    page = (await olga.get("/counts?month=2026-11")).text
    assert "appear when the month is over" in page
    assert page.count("<table") == 1
    console.desk.clock.now = datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()
    ben = await console.counsellor("ben", "operator")
    assert "No day of this month is over yet" in (await ben.get("/counts?month=2026-11")).text


async def test_it_can_be_read_in_french(olga: CounsellorDriver) -> None:
    await olga.submit("/language", {"language": "fr", "back": "/counts"})
    page = (await olga.get("/counts")).text
    assert "octobre 2026" in page
    assert "10 à 14" in page
    assert "mer. 14 oct." in page


@pytest.mark.parametrize("month", ["2026-09", "2099-01", "2026-1", "x", "2026-10\n", "٢٠٢٦-١٠"])
async def test_only_the_months_there_are_can_be_asked_for(
    olga: CounsellorDriver, month: str
) -> None:
    for path in ("/counts", "/counts.csv", "/api/counts"):
        answer = await olga.http.get(path, params={"month": month})
        assert answer.status_code in (400, 404), path


async def test_a_counsellor_sees_no_counts(console: Console, ana: CounsellorDriver) -> None:
    for path in ("/counts", "/counts.csv", "/api/counts"):
        assert (await ana.get(path)).status_code == 403
    sam = await console.counsellor("sam", "supervisor")
    assert (await sam.get("/counts")).status_code == 200


def test_every_row_has_words() -> None:
    for language in Strings().codes():
        words = Strings().keys(language)
        wanted = [f"counts.end.{code}" for code in UNTOLD]
        wanted += [f"counts.wait.{code}" for code in WAITS]
        wanted += [f"outcome.{code}" for code in OUTCOMES]
        for table in ("day", "level", "language", "wait", "end"):
            wanted += [f"counts.table.{table}", f"counts.row.{table}"]
        assert [key for key in wanted if key not in words] == []


def test_the_command_prints_the_same_csv(tmp_path: Path) -> None:
    with RedisServer() as server:
        shown = command(server, tmp_path, "counts")
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout.splitlines()[0] == "month,table,code,count,at_least,at_most"
        unknown = command(server, tmp_path, "counts", "2019-01")
        assert unknown.returncode == 1
        assert "months: " in unknown.stderr
