"""Flags and holds at the desk: who may, what is seen, what stands in the audit."""

import re

import pytest

from bot.console.strings import Strings
from bot.handoff.holds import HOURS, REASONS
from bot.handoff.record import Handoff, Level
from tests.console.driver import Console, CounsellorDriver

STRINGS = Strings()
#: What is seen of whoever asked as tests ask; a flag has no use for it.
SEEN = "2 0.000"
ABUSIVE = {"reason": "abusive", "hours": 24, "seen": SEEN}


@pytest.fixture
async def sue(console: Console) -> CounsellorDriver:
    """A supervisor on shift."""
    driver = await console.counsellor("sue", "supervisor")
    await driver.post("/api/shift", {"on": True})
    return driver


async def talking(console: Console, ana: CounsellorDriver) -> Handoff:
    asked = await console.desk.asks("p")
    assert (await ana.post(f"/api/handoffs/{asked.id}/claim")).status_code == 200
    return asked


async def audit(console: Console) -> list[tuple[str, str, str]]:
    return [tuple(one) for one in await console.app.state.console.audit.read()]  # type: ignore[misc]


@pytest.mark.parametrize("language", STRINGS.codes())
def test_every_reason_has_words(language: str) -> None:
    words = STRINGS.keys(language)
    assert [code for code in REASONS if f"flag_reason.{code}" not in words] == []
    assert [hours for hours in HOURS if f"flag_hours.{hours}" not in words] == []


async def test_the_holder_flags_and_the_next_one_goes_in_prepared(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await talking(console, ana)
    page = await ana.look(f"/handoffs/{asked.id}")
    assert all(f'value="{reason}"' in page.text for reason in REASONS)
    assert re.findall(r'<option value="(\d+)"( selected)?', page.text) == [
        (str(hours), " selected" if hours == 24 else "") for hours in HOURS
    ]
    assert f"/handoffs/{asked.id}/hold" not in page.text, "only a supervisor holds"
    done = await ana.submit(f"/handoffs/{asked.id}/flag", {"reason": "abusive", "hours": "24"})
    assert (done.status_code, done.headers["location"]) == (303, f"/handoffs/{asked.id}")
    said = "Flagged (24 h more): insults or threats"
    assert said in (await ana.look(f"/handoffs/{asked.id}")).text
    assert said in (await ana.get(f"/handoffs/{asked.id}/card")).text
    await ana.post(f"/api/handoffs/{asked.id}/release")
    ben = await console.counsellor("ben")
    assert said in (await ben.look("/desk")).text
    assert "Avertissement (encore 24 h)" in (
        await ben.http.get("/desk", headers={"Accept-Language": "fr"})
    ).text  # fmt: skip
    waiting = (await ben.get("/api/desk")).json()["waiting"]
    assert waiting[0]["flagged"] == {"reason": "abusive", "hold": False, "words": said}
    assert ("ana", "flag_abusive", asked.id) in await audit(console)


async def test_a_flag_set_by_mistake_is_taken_off(console: Console, ana: CounsellorDriver) -> None:
    asked = await talking(console, ana)
    await ana.post(f"/api/handoffs/{asked.id}/flag", ABUSIVE)
    answer = await ana.post(f"/api/handoffs/{asked.id}/lift")
    assert (answer.status_code, answer.json()) == (200, {"lifted": True})
    assert "Flagged" not in (await ana.look(f"/handoffs/{asked.id}")).text
    assert ("ana", "lift", asked.id) in await audit(console)


async def test_who_may(console: Console, ana: CounsellorDriver, sue: CounsellorDriver) -> None:
    asked = await talking(console, ana)
    ben = await console.counsellor("ben")
    for act in ("flag", "lift"):
        answer = await ben.post(f"/api/handoffs/{asked.id}/{act}", ABUSIVE)
        assert (answer.status_code, answer.json()["error"]) == (403, "not_yours")
    for driver in (ana, ben):
        answer = await driver.post(f"/api/handoffs/{asked.id}/hold", ABUSIVE)
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    for act in ("flag", "hold", "lift"):
        assert (await sue.post(f"/api/handoffs/{asked.id}/{act}", ABUSIVE)).status_code == 200
    await sue.post(f"/api/handoffs/{asked.id}/hold", ABUSIVE)
    for act in ("flag", "lift"):
        answer = await ana.post(f"/api/handoffs/{asked.id}/{act}", ABUSIVE)
        assert (answer.status_code, answer.json()["error"]) == (409, "on_hold")
    done = [what for who, what, _ in await audit(console) if who == "sue"]
    assert [what for what in done if what not in ("login", "shift_start")] == [
        "flag_abusive", "hold_abusive", "lift", "hold_abusive",
    ]  # fmt: skip


async def test_who_had_them_once_flags_nobody_who_is_with_a_colleague(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await talking(console, ana)
    await ana.post(f"/api/handoffs/{asked.id}/flag", ABUSIVE)
    await ana.post(f"/api/handoffs/{asked.id}/end", {"outcome": "helped"})
    for act in ("flag", "lift"):
        answer = await ana.post(f"/api/handoffs/{asked.id}/{act}", ABUSIVE)
        assert (answer.status_code, answer.json()["error"]) == (403, "not_yours")
    assert f"/handoffs/{asked.id}/flag" not in (await ana.look(f"/handoffs/{asked.id}")).text


@pytest.mark.parametrize(
    "body",
    [
        {}, {"reason": "rude", "seen": SEEN}, {"reason": ["abusive"], "seen": SEEN},
        *({**ABUSIVE, "hours": hours} for hours in (2, 168, [], None, "24.0")),
    ],
)  # fmt: skip
async def test_what_is_not_offered_is_refused(
    console: Console, sue: CounsellorDriver, body: dict[str, object]
) -> None:
    asked = await console.desk.asks("p")
    for act in ("flag", "hold"):
        answer = await sue.post(f"/api/handoffs/{asked.id}/{act}", body)
        assert (answer.status_code, answer.json()["error"]) == (400, "bad_request"), act
    answer = await sue.post(f"/api/handoffs/{asked.id}/hold", {"reason": "abusive"})
    assert answer.json() == {"error": "bad_request"}, "of what danger it was decided is not said"
    answer = await sue.post(f"/api/handoffs/{asked.id}/hold", {"reason": "someone_else"})
    assert answer.json() == {"error": "not_for_this"}, "somebody else may be writing"


async def test_on_hold_they_stand_in_a_list_of_their_own(
    console: Console, ana: CounsellorDriver, sue: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p", Level.RED)
    assert (
        await sue.post(f"/api/handoffs/{asked.id}/hold", {"reason": "flooding", "seen": "1 0.000"})
    ).status_code == 200
    desk = (await ana.get("/api/desk")).json()
    assert (desk["waiting"], desk["late"]) == ([], 0)
    assert [one["waiting"] for one in desk["levels"]] == [0, 0, 0, 0]
    assert [(one["id"], one["alarm"]) for one in desk["on_hold"]] == [(asked.id, False)]
    page = (await ana.look("/desk")).text
    assert "On hold (24 h more): takes up the line again and again" in page
    assert f"/handoffs/{asked.id}/" not in page, "a counsellor can only see that they are there"
    answer = await ana.post("/api/next")
    assert answer.json() == {"handoff": None}
    answer = await ana.post(f"/api/handoffs/{asked.id}/claim")
    assert (answer.status_code, answer.json()["error"]) == (409, "on_hold")
    assert (
        "A supervisor has put this person on hold."
        in (await ana.submit(f"/handoffs/{asked.id}/claim")).text
    )
    page = (await sue.look("/desk")).text
    assert f'action="/handoffs/{asked.id}/lift"' in page
    assert (await sue.submit(f"/handoffs/{asked.id}/claim")).headers[
        "location"
    ] == f"/handoffs/{asked.id}"


async def test_a_supervisor_lifts_it_from_the_desk(console: Console, sue: CounsellorDriver) -> None:
    asked = await console.desk.asks("p")
    await sue.post(f"/api/handoffs/{asked.id}/hold", ABUSIVE)
    await sue.look("/desk")
    done = await sue.submit(f"/handoffs/{asked.id}/lift", {"page": "desk"})
    assert done.headers["location"] == "/desk"
    desk = (await sue.get("/api/desk")).json()
    assert ([one["id"] for one in desk["waiting"]], desk["on_hold"]) == ([asked.id], [])


async def test_a_flagged_person_is_put_on_hold_with_one_press(
    console: Console, ana: CounsellorDriver, sue: CounsellorDriver
) -> None:
    """But not where somebody else may be writing."""
    asked = await talking(console, ana)
    await ana.post(f"/api/handoffs/{asked.id}/flag", {"reason": "sexual"})
    await ana.post(f"/api/handoffs/{asked.id}/release")
    assert f"/handoffs/{asked.id}/hold" not in (await ana.look("/desk")).text
    page = (await sue.look("/desk")).text
    assert f'formaction="/handoffs/{asked.id}/hold" name="seen" value="{SEEN}"' in page
    assert '<input type="hidden" name="page" value="desk">' in page
    done = await sue.submit(f"/handoffs/{asked.id}/hold", {"seen": SEEN, "page": "desk"})
    assert done.headers["location"] == "/desk"
    [held] = (await sue.get("/api/desk")).json()["on_hold"]
    assert (held["flagged"]["reason"], held["flagged"]["hold"]) == ("sexual", True)
    assert ("sue", "hold_sexual", asked.id) in await audit(console)
    other = await console.desk.asks("q")
    await sue.post(f"/api/handoffs/{other.id}/flag", {"reason": "someone_else"})
    page = (await sue.look("/desk")).text
    assert "somebody else may be writing" in page
    assert f"/handoffs/{other.id}/hold" not in page
    answer = await sue.post(f"/api/handoffs/{other.id}/hold", ABUSIVE)
    assert (answer.status_code, answer.json()["error"]) == (400, "not_for_this")


async def test_a_hold_pressed_on_a_page_from_before_the_danger_does_nothing(
    console: Console, ana: CounsellorDriver, sue: CounsellorDriver
) -> None:
    asked = await talking(console, ana)
    page = await sue.look(f"/handoffs/{asked.id}")
    assert f'<input type="hidden" name="seen" value="{SEEN}">' in page.text
    await console.desk.queue.raise_level(asked.person, Level.RED, ["danger_words"])
    answer = await sue.submit(
        f"/handoffs/{asked.id}/hold", {"reason": "abusive", "hours": "24", "seen": SEEN}
    )
    assert answer.status_code == 409
    assert "or in other danger. Nothing was changed." in answer.text
    found = await console.desk.queue.get(asked.id)
    assert found is not None
    assert found.flagged is None
    assert ("sue", "hold_abusive", asked.id) not in await audit(console)


async def test_danger_on_hold_that_no_supervisor_decides_on_is_anybodys_after_a_minute(
    console: Console, ana: CounsellorDriver, sue: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p")
    await sue.post(f"/api/handoffs/{asked.id}/hold", ABUSIVE)
    await console.desk.queue.raise_level(asked.person, Level.RED, [])
    take = f'formaction="/handoffs/{asked.id}/claim"'
    assert take not in (await ana.look("/desk")).text
    answer = await ana.post(f"/api/handoffs/{asked.id}/claim")
    assert (answer.status_code, answer.json()["error"]) == (409, "on_hold")
    console.desk.clock.forward(60)
    await ana.post("/api/shift", {"on": True})
    assert (await ana.get("/api/desk")).json()["on_hold"][0]["open_to_all"] is True
    page = (await ana.look("/desk")).text
    assert take in page
    assert "Anybody may take them now." in page
    assert f"/handoffs/{asked.id}/lift" not in page
    assert (await ana.post(f"/api/handoffs/{asked.id}/claim")).status_code == 200


async def test_danger_on_hold_opens_the_list_and_rings_for_supervisors(
    console: Console, ana: CounsellorDriver, sue: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p")
    await sue.post(f"/api/handoffs/{asked.id}/hold", ABUSIVE)
    assert '<details id="on-hold" class="aside">' in (await sue.look("/desk")).text
    await console.desk.queue.raise_level(asked.person, Level.RED, [])
    desk = (await sue.get("/api/desk")).json()
    assert ([one["alarm"] for one in desk["on_hold"]], desk["late"]) == ([True], 1)
    opened = '<details id="on-hold" class="aside" open>'
    board = (await sue.look("/board")).text
    assert board.index(opened) < board.index("People waiting"), "above the line"
    page = (await sue.look("/desk")).text
    assert page.index(opened) < page.index("People waiting")
    assert "Danger was said after they were put on hold." in page
    assert "nobody has come: 1" in page
    placed = await console.desk.queue.get(asked.id)
    console.desk.clock.forward(1)
    seen = {"seen": desk["on_hold"][0]["seen"], "page": "desk"}
    assert f'name="seen" value="{seen["seen"]}"' in page
    early = await sue.submit(f"/handoffs/{asked.id}/hold", {**seen, "seen": SEEN})
    assert early.status_code == 409, "a page from before the danger"
    keep = await sue.submit(f"/handoffs/{asked.id}/hold", seen)
    assert keep.status_code == 303
    desk = (await sue.get("/api/desk")).json()
    found = await console.desk.queue.get(asked.id)
    assert placed is not None
    assert found is not None
    assert found.flagged == placed.flagged, "with the same reason it keeps its end"
    assert ([one["alarm"] for one in desk["on_hold"]], desk["late"]) == ([False], 0)
