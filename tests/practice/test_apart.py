"""Nobody pretended is ever in the real queue, nobody real at practice; each is marked."""

import httpx
import pytest

from tests.practice.place import PEOPLE, Place, Talk
from tests.waiting import until

ROW, BAND = "(practice)", "<b>Practice</b>"


@pytest.fixture
async def busy(place: Place) -> Place:
    """Somebody real waits at the service, pretended people at practice."""
    real = place.real.someone("real")
    await real.presses("lang:en", "do:person", "answer:consent:all", after=0)
    stage = place.stage_with(pace=1)
    for scenario in PEOPLE.values():
        place.plays(stage, scenario)

    async def all_came() -> bool:
        return len(await place.pretended.queue.waiting()) == len(PEOPLE)

    await until(all_came, "everybody")
    return place


async def test_each_desk_has_its_own_people_only(busy: Place) -> None:
    ana = await busy.counsellor(busy.desk, capacity=5)
    bea = await busy.counsellor(busy.practice_desk, "bea", capacity=5)
    at_desk = (await ana.get("/api/desk")).json()
    at_practice = (await bea.get("/api/desk")).json()
    assert len(at_desk["waiting"]) == 1
    assert len(at_practice["waiting"]) == len(PEOPLE)
    assert at_desk["on_shift"] == ["Ana"]
    assert at_practice["on_shift"] == ["Bea"]
    for shown in (at_desk, at_practice):
        counted = {one["level"]: one["waiting"] for one in shown["levels"]}
        for level, count in counted.items():
            assert count == sum(one["level"] == level for one in shown["waiting"])

    # Five are taken at practice; at the service one, and then nobody waits.
    for _ in range(5):
        assert (await bea.post("/api/next")).json()["handoff"]
    taken = (await ana.post("/api/next")).json()["handoff"]
    assert taken["id"] == at_desk["waiting"][0]["id"]
    assert (await ana.post("/api/next")).json()["handoff"] is None
    assert len((await bea.get("/api/desk")).json()["waiting"]) == len(PEOPLE) - 5


async def test_neither_desk_reaches_into_the_other(busy: Place) -> None:
    ana = await busy.counsellor(busy.desk)
    bea = await busy.counsellor(busy.practice_desk, "bea")
    real = (await ana.get("/api/desk")).json()["waiting"][0]["id"]
    pretended = (await bea.get("/api/desk")).json()["waiting"][0]["id"]
    for driver, other in ((ana, pretended), (bea, real)):
        assert (await driver.post(f"/api/handoffs/{other}/claim")).status_code == 410
        assert (await driver.get(f"/api/handoffs/{other}")).status_code == 410


async def test_their_keys_are_apart(busy: Place) -> None:
    prefix = busy.real.keys.prefix
    own = await busy.names(busy.keys.prefix)
    service = {name for name in await busy.names(prefix) if not name.startswith("practice:")}

    def people(names: set[str], kind: str) -> set[str]:
        return {name for name in names if name.startswith(f"{kind}:")}

    for kind in ("session", "datakey", "handoff", "handoff-of"):
        assert len(people(service, kind)) == 1
        assert len(people(own, kind)) == len(PEOPLE)
    assert not own & {"console:counsellor:ana", "console:audit"}

    await busy.stage.clear()
    after = {name for name in await busy.names(prefix) if not name.startswith("practice:")}
    assert people(after, "handoff") == people(service, "handoff")
    assert await busy.real.queue.waiting()
    assert await busy.pretended.queue.waiting() == []


async def test_one_login_opens_both_and_the_audit_tells_them_apart(busy: Place) -> None:
    ana = await busy.counsellor(busy.practice_desk)
    same = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=busy.desk),
        base_url="http://console.test",
        cookies=ana.http.cookies,
    )
    assert (await same.get("/api/desk")).status_code == 200
    assert (await same.get("/api/desk")).json()["me"]["on_shift"] is False
    await same.aclose()

    await Talk.with_next(ana)
    lines = await busy.desk.state.console.audit.read()
    acts = [what for who, what, _ in lines if who == "ana"]
    assert "practice:login" in acts
    assert "practice:claim" in acts
    assert "claim" not in acts
    entries = [entry async for entry in busy.desk.state.console.audit.entries()]
    assert all(entry.whole for entry in entries)


async def test_every_page_and_every_person_is_marked_in_words(busy: Place) -> None:
    bea = await busy.counsellor(busy.practice_desk, "bea")
    desk = (await bea.get("/desk")).text
    assert BAND in desk
    assert "<title>Practice: " in desk
    assert desk.count("<li class=") == desk.count(f"{ROW}</b>") == len(PEOPLE)
    live = (await bea.get("/desk/live")).text
    assert live.count(f"{ROW}</b>") == len(PEOPLE)

    talk = await Talk.with_next(bea)
    page = (await bea.get(f"/handoffs/{talk.handoff}")).text
    assert BAND in page
    assert f"{ROW}</h1>" in page
    assert f"{ROW}</h2>" in (await bea.get(f"/handoffs/{talk.handoff}/card")).text
    assert all(ROW in one["handle"] for one in (await bea.get("/api/desk")).json()["waiting"])
    bea.http.cookies.set("nl_console_language", "fr")
    assert "<b>Exercice</b>" in (await bea.get("/desk")).text
    assert "(exercice)" in (await bea.get("/desk/live")).text


async def test_the_real_desk_is_never_marked(busy: Place) -> None:
    ana = await busy.counsellor(busy.desk)
    assert BAND not in (await ana.get("/login")).text
    talk = await Talk.with_next(ana)
    for path in ("/desk", "/desk/live", f"/handoffs/{talk.handoff}"):
        page = (await ana.get(path)).text
        assert "ractice" not in page.replace("/api/", ""), path
