"""Opening hours and shift plan on the console: forms, their API twins, and what is refused."""

import asyncio
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.console.hours import spans_of
from bot.console.planned import gaps
from tests.console.driver import Console, CounsellorDriver

TORONTO = "America/Toronto"
WEEK = {f"day{number}": "8-22" for number in range(5)} | {"day5": "", "day6": "22:00-6:00"}
OFFICE = {"zone": TORONTO, "week": [["08:00-22:00"]] * 7, "dates": {}}


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(TORONTO)).timestamp()


@pytest.fixture
async def sam(console: Console) -> CounsellorDriver:
    """A supervisor, on a Monday at noon in Toronto."""
    console.desk.clock.now = at("2026-11-23T12:00")
    return await console.counsellor("sam", "counsellor", "supervisor")


async def stands(sam: CounsellorDriver) -> dict[str, Any]:
    answer = await sam.get("/api/hours")
    assert answer.status_code == 200
    return dict(answer.json())


async def audited(console: Console) -> list[str]:
    return [what for _, what, _ in await console.app.state.console.audit.read()]


# -- the page ---------------------------------------------------------------------------------


async def test_the_week_is_set_with_a_form_and_decides(
    console: Console, sam: CounsellorDriver
) -> None:
    assert (await stands(sam))["hours"] is None
    page = (await sam.get("/hours")).text
    assert "No opening hours are set." in page
    answer = await sam.submit("/hours", {"act": "week", "zone": TORONTO, **WEEK})
    assert answer.headers["location"] == "/hours?note=week"
    view = await stands(sam)
    assert view["hours"] == {
        "zone": TORONTO,
        "week": [["08:00-22:00"]] * 5 + [[], ["22:00-06:00"]],
        "dates": {},
    }
    assert view["opening"]["mode"] == "auto"
    assert (
        view["opening"]["words"]
        == "Open until Monday, November 23, 10:00\u00a0p.m. (Toronto time)."
    )
    page = (await sam.get("/hours?note=week")).text
    assert "The week is saved." in page
    assert page.count('value="08:00-22:00"') == 5
    assert "hours" in await audited(console)
    await sam.http.post("/language", data={"csrf": sam.csrf, "language": "fr", "back": "/hours"})
    assert "Ouvert jusqu" in (await sam.get("/hours")).text


async def test_a_mistake_changes_nothing_says_where_and_keeps_what_was_typed(
    console: Console, sam: CounsellorDriver
) -> None:
    await sam.submit("/hours", {"act": "week", "zone": TORONTO, **WEEK})
    before = await stands(sam)
    for wrong, words in (
        ({"day1": "8-25"}, "Tuesday: &#34;08:00-25:00&#34; is not a time from and to."),
        ({"day2": "<b>noon</b>"}, "Wednesday: &#34;&lt;b&gt;noon&lt;/b&gt;&#34; is not"),
        ({"day3": "8-12, 11-13"}, "Thursday: These times overlap: 08:00-12:00, 11:00-13:00."),
        ({"zone": "Mars"}, "Please choose a time zone."),
    ):
        answer = await sam.submit("/hours", {"act": "week", "zone": TORONTO, **WEEK, **wrong})
        assert answer.status_code == 400
        assert words in answer.text
        if "zone" not in wrong:
            assert 'aria-invalid="true"' in answer.text
            assert answer.text.count('value="8-22"') == 4
    assert await stands(sam) == before


async def test_exceptions_come_and_go(console: Console, sam: CounsellorDriver) -> None:
    early = await sam.submit("/hours", {"act": "date", "date": "2026-12-25"})
    assert early.status_code == 400
    assert "Please save the week first." in early.text
    await sam.submit("/hours", {"act": "week", "zone": TORONTO, **WEEK})
    for day, spans in (("2026-12-25", ""), ("2026-11-23", "8 h - 11 h 30")):
        await sam.submit("/hours", {"act": "date", "date": day, "spans": spans})
    view = await stands(sam)
    assert view["hours"]["dates"] == {"2026-11-23": ["08:00-11:30"], "2026-12-25": []}
    assert view["opening"]["closed"], "today other hours count"
    page = (await sam.get("/hours")).text
    assert "Friday, December 25 2026" in page
    await sam.submit("/hours", {"act": "week", "zone": TORONTO, **WEEK, "day0": "9-10"})
    assert len((await stands(sam))["hours"]["dates"]) == 2, "the week leaves them alone"
    for day in ("2024-01-01", "2099-01-01", "soon"):
        refused = await sam.submit("/hours", {"act": "date", "date": day})
        assert refused.status_code == 400
        assert "is not a day within the next two years" in refused.text
    await sam.submit("/hours", {"act": "remove", "date": "2026-12-25"})
    assert list((await stands(sam))["hours"]["dates"]) == ["2026-11-23"]
    console.desk.clock.forward(4 * 86_400)
    late = await console.counsellor("kim", "supervisor")
    await late.submit("/hours", {"act": "week", "zone": TORONTO, **WEEK})
    assert (await stands(late))["hours"]["dates"] == {}, "what is over is forgotten"
    await late.submit("/hours", {"act": "forget"})
    assert (await stands(late))["hours"] is None


async def test_open_and_closed_by_hand_until_set_back(
    console: Console, sam: CounsellorDriver
) -> None:
    await sam.post("/api/hours", {"hours": OFFICE})
    for mode, closed, words in (
        ("closed", True, "Closed by hand"),
        ("open", False, "Opened by hand"),
        ("auto", False, "Open until Monday"),
    ):
        answer = await sam.submit("/opening", {"mode": mode})
        assert answer.headers["location"] == f"/hours?note={mode}"
        opening = (await stands(sam))["opening"]
        assert (opening["mode"], opening["closed"]) == (mode, closed)
        assert words in opening["words"]
        page = (await sam.get("/hours")).text
        assert f'value="{mode}"' not in page, "what is chosen is no button"
        assert ("Everybody who waits is told now." in page) is (mode != "closed"), "asked first"
    assert (await audited(console))[-3:] == ["close_by_hand", "open_by_hand", "follow_hours"]
    assert (await sam.submit("/opening", {"mode": "maybe"})).status_code == 400
    assert (await sam.submit("/hours", {"act": "maybe"})).status_code == 400


async def test_every_desk_says_that_it_is_closed_and_until_when(
    console: Console, sam: CounsellorDriver
) -> None:
    await sam.post("/api/hours", {"hours": OFFICE})
    ana = await console.counsellor("ana")
    assert (await ana.get("/api/desk")).json()["closed"] == ""
    console.desk.clock.now = at("2026-11-23T23:00")
    ana = await console.counsellor("ben")
    words = "Closed until Tuesday, November 24, 8:00\u00a0a.m. (Toronto time)."
    assert (await ana.get("/api/desk")).json()["closed"] == words
    assert words in (await ana.get("/desk")).text


# -- the API ----------------------------------------------------------------------------------


async def test_the_api_takes_hours_whole_or_not_at_all(
    console: Console, sam: CounsellorDriver
) -> None:
    answer = await sam.post("/api/hours", {"hours": {**OFFICE, "dates": {"2026-12-25": []}}})
    assert answer.json()["hours"]["dates"] == {"2026-12-25": []}
    before = await stands(sam)
    for wrong, why in (
        ({**OFFICE, "zone": "Mars"}, "zone"),
        ({**OFFICE, "zone": 7}, "zone"),
        ({**OFFICE, "week": []}, "week"),
        ({"zone": TORONTO}, "week"),
        ("always", "week"),
        ({**OFFICE, "week": [["8-22"]] * 7}, "span"),
        ({**OFFICE, "week": [["08:00-12:00", "09:00-10:00"]] * 7}, "overlap"),
        ({**OFFICE, "dates": {"2026-02-31": []}}, "date"),
        ({**OFFICE, "dates": {"2126-02-01": []}}, "date"),
        ({**OFFICE, "dates": [1]}, "date"),
    ):
        answer = await sam.post("/api/hours", {"hours": wrong})
        assert (answer.status_code, answer.json()) == (400, {"error": "bad_request", "why": why})
    assert (await sam.post("/api/hours", {})).status_code == 400
    assert await stands(sam) == before
    assert (await sam.post("/api/opening", {"mode": "closed"})).json()["opening"]["closed"]
    assert (await sam.post("/api/opening", {"mode": 1})).status_code == 400
    assert (await sam.post("/api/hours", {"hours": None})).json()["hours"] is None


async def test_only_supervisors_change_it_and_everybody_reads_the_plan(
    console: Console, sam: CounsellorDriver
) -> None:
    ana = await console.counsellor("ana")
    for path in ("/hours", "/api/hours"):
        assert (await ana.get(path)).status_code == 403
    for path in ("/api/hours", "/api/opening", "/api/plan"):
        assert (await ana.post(path, {"mode": "closed"})).status_code == 403
    assert (await ana.get("/plan")).status_code == 200
    assert "<form" not in (await ana.get("/plan")).text.partition("<main")[2]


async def test_two_supervisors_add_exceptions_at_once_and_none_is_lost(
    console: Console, sam: CounsellorDriver
) -> None:
    await sam.submit("/hours", {"act": "week", "zone": TORONTO, **WEEK})
    days = [f"2026-12-{day:02}" for day in range(10, 16)]
    await asyncio.gather(*(sam.submit("/hours", {"act": "date", "date": day}) for day in days))
    assert list((await stands(sam))["hours"]["dates"]) == days


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", []),
        ("8-22", ["08:00-22:00"]),
        (" 8:00 – 12:00 ,13:30-17 ", ["08:00-12:00", "13:30-17:00"]),
        ("8 h 30 à 12 h et 13h-17h05", ["08:30-12:00", "13:00-17:05"]),
        ("22:00 to 6:00", ["22:00-06:00"]),
        ("0:00-24:00", ["00:00-24:00"]),
        ("8:00 am - 5:00 pm", ["8:00 am - 5:00 pm"]),
        ("closed", ["closed"]),
    ],
)
def test_hours_are_read_as_people_write_them_and_never_guessed(typed: str, read: list[str]) -> None:
    assert spans_of(typed) == read


# -- the shift plan ---------------------------------------------------------------------------


async def plan(sam: CounsellorDriver) -> dict[str, Any]:
    return dict((await sam.get("/api/plan")).json())


async def test_the_plan_shows_who_is_planned_and_where_nobody_is(
    console: Console, sam: CounsellorDriver
) -> None:
    assert await plan(sam) == {"zone": None, "days": [], "missing": []}
    entry = {"date": "2026-11-24", "from": "08:00", "to": "16:00", "login": "sam"}
    assert (await sam.post("/api/plan", entry)).json() == {"error": "bad_request", "why": "unset"}
    await sam.post("/api/hours", {"hours": OFFICE})
    for from_, to in (("08:00", "16:00"), ("16:00", "18:00"), ("20:00", "02:00")):
        answer = await sam.submit("/plan", {**entry, "from": from_, "to": to})
        assert answer.headers["location"] == "/plan"
    view = await plan(sam)
    days = {day["date"]: day for day in view["days"]}
    assert next(iter(days)) == "2026-11-23"
    assert list(days)[-1] == "2026-12-06"
    assert [one["span"] for one in days["2026-11-24"]["planned"]] == [
        "08:00-16:00", "16:00-18:00", "20:00-02:00",
    ]  # fmt: skip
    assert days["2026-11-23"]["gaps"] == ["12:00-22:00"], "what is over is no gap"
    assert days["2026-11-24"]["gaps"] == ["18:00-20:00"]
    assert days["2026-11-25"]["gaps"] == ["08:00-22:00"]
    page = (await sam.get("/plan")).text
    assert page.count("open, and nobody is planned") == 14
    first = days["2026-11-24"]["planned"][0]["entry"]
    assert (await sam.submit("/plan", {"remove": first})).headers["location"] == "/plan"
    again = {day["date"]: day for day in (await plan(sam))["days"]}
    assert again["2026-11-24"]["gaps"] == ["08:00-16:00", "18:00-20:00"]
    assert (await sam.post("/api/plan", {"remove": first})).status_code == 410
    assert (await audited(console)).count("plan") == 4


async def test_who_is_planned_now_but_not_there_is_named(
    console: Console, sam: CounsellorDriver
) -> None:
    await console.counsellor("ana")
    await sam.post("/api/hours", {"hours": OFFICE})
    await sam.post("/api/plan", {"date": "2026-11-23", "from": "11:00", "to": "13:00",
                                 "login": "ana"})  # fmt: skip
    assert (await plan(sam))["missing"] == ["Ana"]
    assert "Planned now, but not on shift:</b> Ana" in (await sam.get("/plan")).text
    await console.desk.queue.presence.start("ana")
    assert (await plan(sam))["missing"] == []


async def test_a_wrong_entry_is_refused_in_words(console: Console, sam: CounsellorDriver) -> None:
    await console.counsellor("olga", "operator")
    await sam.post("/api/hours", {"hours": OFFICE})
    right = {"date": "2026-11-24", "from": "08:00", "to": "16:00", "login": "sam"}
    for wrong, why in (
        ({"date": "2026-12-07"}, "date"),
        ({"date": ""}, "date"),
        ({"from": "8"}, "span"),
        ({"to": "08:00"}, "span"),
        ({"login": "nobody"}, "login"),
        ({"login": "olga"}, "login"),
    ):
        answer = await sam.post("/api/plan", {**right, **wrong})
        assert (answer.status_code, answer.json()) == (400, {"error": "bad_request", "why": why})
        page = await sam.submit("/plan", {**right, **wrong})
        assert page.status_code == 400
        assert 'role="alert"' in page.text
    assert [day for day in (await plan(sam))["days"] if day["planned"]] == []


async def test_old_entries_are_dropped_and_damaged_ones_hide_nothing(
    console: Console, sam: CounsellorDriver
) -> None:
    desk = console.desk
    await sam.post("/api/hours", {"hours": OFFICE})
    entry = {"date": "2026-11-23", "from": "08:00", "to": "16:00", "login": "sam"}
    await sam.post("/api/plan", entry)
    await desk.redis.zadd(desk.keys.plan(), {"nonsense": datetime(2026, 11, 24).toordinal()})
    assert len([day for day in (await plan(sam))["days"] if day["planned"]]) == 1
    desk.clock.now = at("2026-12-03T12:00")
    later = await console.counsellor("kim", "counsellor", "supervisor")
    await later.post("/api/plan", {**entry, "date": "2026-12-04"})
    kept: Any = await desk.redis.zrange(desk.keys.plan(), 0, -1)
    assert kept == [b"2026-12-04 08:00-16:00 sam"]


def test_a_gap_is_what_nobody_covers() -> None:
    assert gaps([(0, 100)], []) == [(0, 100)]
    assert gaps([(0, 100)], [(10, 20), (15, 40), (90, 200)]) == [(0, 10), (40, 90)]
    assert gaps([(0, 100), (200, 300)], [(50, 250)]) == [(0, 50), (250, 300)]
    assert gaps([(0, 100)], [(0, 100)]) == []
    assert gaps([(10, 20)], [(0, 5), (30, 40)]) == [(10, 20)]


async def test_every_input_has_a_label_and_every_button_words(
    console: Console, sam: CounsellorDriver
) -> None:
    await sam.post("/api/hours", {"hours": {**OFFICE, "dates": {"2026-12-25": []}}})
    for path in ("/hours", "/plan"):
        page = (await sam.get(path)).text
        named = set(re.findall(r'<label for="([^"]+)"', page))
        ids = set(re.findall(r'<(?:input|select) id="([^"]+)"', page))
        assert ids
        assert ids <= named
        assert "<script" not in page.partition("<main")[2].partition("</main>")[0]
