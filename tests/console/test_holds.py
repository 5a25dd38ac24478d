"""Flags and holds at the desk: who may, what is seen, what stands in the audit."""

import re

import pytest

from bot.console.strings import Strings
from bot.handoff.holds import HOURS, REASONS
from bot.handoff.record import Handoff, Level
from tests.console.driver import Console, CounsellorDriver

STRINGS = Strings()
ABUSIVE = {"reason": "abusive", "hours": 24}


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
    assert "Signalement (encore 24 h)" in (
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


@pytest.mark.parametrize(
    "body",
    [
        {}, {"reason": "rude"}, {"reason": ["abusive"]},
        *({"reason": "abusive", "hours": hours} for hours in (2, 168, [], None, "24.0")),
    ],
)  # fmt: skip
async def test_what_is_not_offered_is_refused(
    console: Console, sue: CounsellorDriver, body: dict[str, object]
) -> None:
    asked = await console.desk.asks("p")
    for act in ("flag", "hold"):
        answer = await sue.post(f"/api/handoffs/{asked.id}/{act}", body)
        assert (answer.status_code, answer.json()["error"]) == (400, "bad_request"), act
    answer = await sue.post(f"/api/handoffs/{asked.id}/hold", {"reason": "someone_else"})
    assert answer.status_code == 400, "somebody else may be writing: nobody is held for that"


async def test_on_hold_they_stand_in_a_list_of_their_own(
    console: Console, ana: CounsellorDriver, sue: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p", Level.RED)
    assert (
        await sue.post(f"/api/handoffs/{asked.id}/hold", {"reason": "flooding"})
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
    assert f'formaction="/handoffs/{asked.id}/hold" name="reason" value="sexual"' in page
    assert '<input type="hidden" name="page" value="desk">' in page
    done = await sue.submit(f"/handoffs/{asked.id}/hold", {"reason": "sexual", "page": "desk"})
    assert done.headers["location"] == "/desk"
    assert len((await sue.get("/api/desk")).json()["on_hold"]) == 1
    other = await console.desk.asks("q")
    await sue.post(f"/api/handoffs/{other.id}/flag", {"reason": "someone_else"})
    page = (await sue.look("/desk")).text
    assert "somebody else may be writing" in page
    assert f"/handoffs/{other.id}/hold" not in page


async def test_danger_on_hold_opens_the_list_and_rings_for_supervisors(
    console: Console, ana: CounsellorDriver, sue: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p")
    await sue.post(f"/api/handoffs/{asked.id}/hold", ABUSIVE)
    assert '<details id="on-hold" class="aside">' in (await sue.look("/desk")).text
    await console.desk.queue.raise_level(asked.person, Level.RED, [])
    desk = (await sue.get("/api/desk")).json()
    assert ([one["alarm"] for one in desk["on_hold"]], desk["late"]) == ([True], 1)
    page = (await sue.look("/desk")).text
    assert '<details id="on-hold" class="aside" open>' in page
    assert "Danger was said after they were put on hold." in page
    assert "nobody has come: 1" in page
    keep = await sue.submit(f"/handoffs/{asked.id}/hold", {"reason": "abusive", "page": "desk"})
    assert keep.status_code == 303
    desk = (await sue.get("/api/desk")).json()
    assert ([one["alarm"] for one in desk["on_hold"]], desk["late"]) == ([False], 0)
