"""The supervisor's board: who is on what, moving people, surge, reading along, what has ended."""

import re
from typing import Any

import pytest

from bot.handoff.record import Handoff, Level, State
from bot.keys import DAY
from tests.console.driver import Console, CounsellorDriver


@pytest.fixture
async def sam(console: Console) -> CounsellorDriver:
    """A supervisor who is not on shift."""
    return await console.counsellor("sam", "counsellor", "supervisor")


async def ben_too(console: Console, **more: Any) -> CounsellorDriver:
    ben = await console.counsellor("ben", **more)
    await ben.post("/api/shift", {"on": True})
    return ben


async def held(console: Console, ana: CounsellorDriver, **asks: Any) -> Handoff:
    """Ana has claimed somebody."""
    asked = await console.desk.asks("p", **asks)
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    return asked


async def board(sam: CounsellorDriver) -> dict[str, Any]:
    answer = await sam.get("/api/board")
    assert answer.status_code == 200
    return dict(answer.json())


async def audit(console: Console) -> list[tuple[str, str, str]]:
    return list(await console.app.state.console.audit.read())


async def test_who_is_on_what_and_who_was_to_write_next(
    console: Console, ana: CounsellorDriver, sam: CounsellorDriver
) -> None:
    desk = console.desk
    asked = await desk.asks("p", language="es")
    desk.clock.forward(20)
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    desk.clock.forward(5)
    await ana.post("/api/heartbeat")

    async def shown() -> tuple[Any, ...]:
        (mate,) = (await board(sam))["counsellors"]
        (one,) = mate["holds"]
        assert (mate["alias"], mate["free"], mate["capacity"]) == ("Ana", 0, 1)
        assert (one["handle"], one["waited_words"]) == (asked.handle, "0:20")
        return one["state"], one["held_words"], one["silent"], one["silent_words"], one["lapses"]

    assert await shown() == ("claimed", "0:05", "counsellor", "0:05", None)
    await ana.post(f"/api/handoffs/{asked.id}/say", {"text": "Hello."})
    desk.clock.forward(7)
    assert await shown() == ("active", "0:12", "person", "0:07", None)
    found = await desk.queue.get(asked.id)
    assert found is not None
    await desk.run([*desk.queue.heard_ops(found), *desk.queue.relay_ops(found, "Are you there?")])
    desk.clock.forward(9)  # 16 s without a sign of life from Ana's page
    assert await shown() == ("active", "0:21", "counsellor", "0:09", 14)
    page = (await sam.get("/board")).text
    assert "No sign of life" in page
    assert "Hello." not in page
    await ana.post(f"/api/handoffs/{asked.id}/end")
    assert (await shown())[0:3] == ("wrap_up", "0:21", "")
    await ana.post("/api/shift", {"on": False})
    assert "takes nobody new" in (await sam.get("/board")).text


async def test_ages_of_those_who_wait_and_the_languages_that_lack(
    console: Console, ana: CounsellorDriver, sam: CounsellorDriver
) -> None:
    desk = console.desk
    ben = await ben_too(console, languages=("en", "so"))
    for name, language in (("a", "so"), ("b", "th"), ("c", "th"), ("d", "en")):
        await desk.asks(name, Level.YELLOW, language)
        desk.clock.forward(10)
        for mate in (ana, ben):
            await mate.post("/api/heartbeat")
    view = await board(sam)
    yellow = next(one for one in view["levels"] if one["level"] == "yellow")
    assert (yellow["waiting"], yellow["longest"], yellow["median"]) == (4, 40, 25)
    assert view["waiting_total"] == 4
    assert [(gap["language"], gap["gap"], gap["waiting"], gap["longest"])
            for gap in view["gaps"]] == [("th", "nobody", 2, 30)]  # fmt: skip
    await desk.queue.claim((await desk.asks("e", Level.RED)).id, "ben")
    view = await board(sam)
    assert [(gap["language"], gap["gap"]) for gap in view["gaps"]] == [
        ("th", "nobody"), ("so", "busy")
    ]  # fmt: skip
    assert (view["on_shift"], view["free"]) == (2, 1)
    await desk.asks("f", language_known=False)
    gaps = [(one["language"], one["gap"]) for one in (await board(sam))["gaps"]]
    assert gaps == [("th", "nobody"), ("", "unknown"), ("so", "busy")]
    page = (await sam.get("/board/live")).text
    assert "Nobody on shift speaks it." in page
    assert "not known (the assistant answers in English and French)" in page
    assert "<html" not in page


async def test_back_to_the_queue_needs_a_reason_and_the_holder_learns_it_at_once(
    console: Console, ana: CounsellorDriver, sam: CounsellorDriver
) -> None:
    asked = await held(console, ana)
    path = f"/api/handoffs/{asked.id}/reassign"
    assert (await sam.post(path, {"holder": "ana"})).status_code == 400
    assert (await sam.post(path, {"holder": "ana", "note": "x" * 501})).status_code == 413
    assert (await sam.post(path)).status_code == 400
    moved = await sam.post(path, {"holder": "ana", "note": "Ana needs a break"})
    assert moved.json() == {"offered": False}
    assert ("sam", "reassign", asked.id) in await audit(console)
    assert (await ana.get(f"/handoffs/{asked.id}/lines")).status_code == 403
    said = await ana.submit(f"/handoffs/{asked.id}/say", {"text": "half <written> words"})
    assert said.status_code == 403
    assert "half &lt;written&gt; words</textarea>" in said.text, "her words are not lost"
    found = await console.desk.queue.get(asked.id)
    assert found is not None
    assert (found.state, found.asked_at) == (State.WAITING, asked.asked_at)
    case = (await sam.get(f"/api/handoffs/{asked.id}")).json()["case"]
    assert case["note"] == "Ana needs a break"
    again = await sam.post(path, {"holder": "ana", "note": "twice"})
    assert (again.status_code, again.json()) == (409, {"error": "moved"})


async def test_to_a_colleague_who_accepts_or_refuses(
    console: Console, ana: CounsellorDriver, sam: CounsellorDriver
) -> None:
    ben = await ben_too(console)
    asked = await held(console, ana)
    path = f"/api/handoffs/{asked.id}"
    told = len(await console.desk.shown("p"))
    body = {"holder": "ana", "to": "ben", "note": "speaks Spanish"}
    assert (await sam.post(f"{path}/reassign", body)).json() == {"offered": True}
    assert (await ana.get(path)).json()["case"]["offered_to"] == "Ben"
    assert "speaks Spanish" in (await ben.get("/desk")).text
    assert (await ben.post(f"{path}/refuse")).status_code == 200
    assert (await ana.post(f"{path}/say", {"text": "Still me."})).status_code == 200
    await sam.post(f"{path}/reassign", body)
    assert (await sam.post(f"{path}/refuse")).status_code == 200, "taken back by who made it"
    assert (await ben.post(f"{path}/accept")).status_code == 409
    await sam.post(f"{path}/reassign", body)
    assert (await ben.post(f"{path}/accept")).json() == {"id": asked.id}
    assert (await ana.get(path)).status_code == 403
    assert len(await console.desk.shown("p")) == told + 2, "what Ana said, and who is here now"
    late = await sam.post(f"{path}/reassign", body)
    assert late.json() == {"error": "moved"}, "Ben has them now, not Ana"
    full = await sam.post(f"{path}/reassign", {**body, "holder": "ben", "to": "ana"})
    assert full.json() == {"offered": True}
    for to in ("sam", "nobody", "ben\n"):
        away = await sam.post(f"{path}/reassign", {**body, "holder": "ana", "to": to})
        assert away.json()["error"] in ("moved", "colleague_away")


@pytest.mark.parametrize("to", ["nobody", "ben\t2026-11-22\nben", "olga", "x" * 5_000])
async def test_nothing_is_written_in_the_name_of_who_cannot_counsel(
    console: Console, ana: CounsellorDriver, sam: CounsellorDriver, to: str
) -> None:
    await ben_too(console)
    await console.counsellor("olga", "operator")
    asked = await held(console, ana)
    before = await audit(console)
    body = {"holder": "ana", "to": to, "note": "a break"}
    for driver, act in ((sam, "reassign"), (ana, "transfer")):
        refused = await driver.post(f"/api/handoffs/{asked.id}/{act}", body)
        assert (refused.status_code, refused.json()) == (409, {"error": "colleague_away"})
    assert await audit(console) == before


async def test_who_waits_is_given_to_a_colleague_who_accepts(
    console: Console, ana: CounsellorDriver, sam: CounsellorDriver
) -> None:
    ben = await ben_too(console)
    first = await console.desk.asks("p", language="th")
    console.desk.clock.forward(1)
    second = await console.desk.asks("q")
    given = await sam.post(f"/api/handoffs/{first.id}/reassign", {"to": "ben"})
    assert given.json() == {"offered": True}
    assert [one["offered_to"] for one in (await board(sam))["waiting"]] == ["Ben", ""]
    assert f"/handoffs/{first.id}/accept" in (await ben.get("/desk")).text
    assert (await ana.post(f"/api/handoffs/{first.id}/accept")).status_code == 409
    assert (await ben.post(f"/api/handoffs/{first.id}/accept")).json() == {"id": first.id}
    full = await sam.post(f"/api/handoffs/{second.id}/reassign", {"to": "ben"})
    assert (full.status_code, full.json()) == (409, {"error": "colleague_away"})
    await sam.post(f"/api/handoffs/{second.id}/reassign", {"to": "ana"})
    assert (await ana.post(f"/api/handoffs/{second.id}/refuse")).status_code == 200
    waiting = (await board(sam))["waiting"]
    assert [(one["id"], one["offered_to"]) for one in waiting] == [(second.id, "")]


async def test_everything_works_with_forms_alone(
    console: Console, ana: CounsellorDriver, sam: CounsellorDriver
) -> None:
    await ben_too(console)
    asked = await held(console, ana)
    page = (await sam.get("/board")).text
    assert 'http-equiv="refresh" content="10; url=/board"' in page
    assert f'href="/handoffs/{asked.id}/reassign"' in page
    form = (await sam.get(f"/handoffs/{asked.id}/reassign")).text
    assert re.search('name="holder" value="ana"', form)
    assert 'value="ben"' in form
    assert 'value="ana" required' not in form
    to = {"holder": "ana", "to": "ben", "note": "a break"}
    sent = await sam.submit(f"/handoffs/{asked.id}/reassign", to)
    assert sent.headers["location"] == "/board?note=offered"
    assert "has been asked" in (await sam.get("/board?note=offered")).text
    assert "offered to Ben" in (await sam.get(f"/handoffs/{asked.id}/reassign")).text
    queued = await sam.submit(f"/handoffs/{asked.id}/reassign", {**to, "to": ""})
    assert queued.headers["location"] == "/board?note=queued"
    assert (await sam.submit(f"/handoffs/{asked.id}/reassign", to)).status_code == 409
    give = (await sam.get(f"/handoffs/{asked.id}/reassign")).text
    assert 'name="note"' not in give
    on = await sam.submit("/board/surge", {"on": "1"})
    assert on.headers["location"] == "/board?note=surge_on"


async def test_surge_is_seen_on_every_desk_until_it_is_over(
    console: Console, ana: CounsellorDriver, sam: CounsellorDriver
) -> None:
    assert "Surge:" not in (await ana.get("/desk")).text
    assert (await sam.post("/api/surge", {"on": True})).json() == {"surge": True}
    assert "Surge: everyone takes the next person." in (await ana.get("/desk/live")).text
    assert (await ana.get("/api/desk")).json()["surge"] is True
    assert (await board(sam))["surge"] is True
    assert (await sam.post("/api/surge", {"on": "yes"})).status_code == 400
    await sam.post("/api/surge", {"on": False})
    assert "Surge:" not in (await ana.get("/desk")).text
    acts = [(who, what) for who, what, _ in await audit(console) if what.startswith("surge")]
    assert acts == [("sam", "surge_on"), ("sam", "surge_off")]


async def test_a_supervisor_reads_along_unseen_and_in_the_audit(
    console: Console, ana: CounsellorDriver, sam: CounsellorDriver
) -> None:
    asked = await held(console, ana)
    await ana.post(f"/api/handoffs/{asked.id}/say", {"text": "canary words"})
    before = (await ana.get(f"/api/handoffs/{asked.id}")).json()
    page = await sam.get(f"/handoffs/{asked.id}")
    assert (await audit(console))[-1] == ("sam", "watched", asked.id)
    assert "You are only reading." in page.text
    assert "canary words" in page.text
    assert 'id="reply"' not in page.text
    await sam.get(f"/handoffs/{asked.id}/lines")
    assert (await audit(console))[-1] == ("sam", "watched_on", asked.id)
    assert (await ana.get(f"/api/handoffs/{asked.id}")).json() == before
    ben = await ben_too(console)
    assert (await ben.get(f"/handoffs/{asked.id}")).status_code == 403


async def test_closed_talks_are_listed_without_words_page_by_page(
    console: Console, ana: CounsellorDriver, sam: CounsellorDriver
) -> None:
    desk, ended = console.desk, []
    assert "No closed talk is kept." in (await sam.get("/board/closed")).text
    for number in range(52):
        asked = await desk.asks(f"p{number}")
        await desk.queue.claim(asked.id, "ana")
        await desk.queue.say(asked.id, "ana", "canary words")
        await desk.queue.end(asked.id, "ana", "helped")
        desk.clock.forward(60)
        await ana.post("/api/heartbeat")
        await ana.post("/api/shift", {"on": True})
        ended.append(asked.id)
    first = (await sam.get("/api/closed")).json()
    assert first["pages"] == 2
    assert [one["id"] for one in first["talks"]] == ended[:1:-1]
    newest = first["talks"][0]
    assert (newest["outcome_words"], newest["holder"]) == ("Was helped here", "Ana")
    assert newest["closed_words"] == "1\u00a0min"
    assert DAY - 600 < newest["erases_in"] <= DAY
    rest = (await sam.get("/api/closed?page=2")).json()["talks"]
    assert [one["id"] for one in rest] == ended[1::-1]
    page = (await sam.get("/board/closed?page=2")).text
    assert f'href="/handoffs/{ended[0]}"' in page
    assert "canary" not in page
    assert "2 of 2" in page
    assert "canary words" in (await sam.get(f"/handoffs/{ended[0]}")).text
    assert (await audit(console))[-1] == ("sam", "watched", ended[0])
    for wrong in ("0", "-1", "x", "9" * 400, "1.5", "\u0664"):
        assert (await sam.get(f"/board/closed?page={wrong}")).status_code == 400


async def test_each_sees_the_pages_that_open(console: Console, ana: CounsellorDriver) -> None:
    sam = await console.counsellor("sam", "supervisor")
    olga = await console.counsellor("olga", "operator")
    assert 'href="/board"' not in (await ana.get("/desk")).text
    assert 'href="/board"' not in (await olga.get("/desk")).text
    page = (await sam.get("/board")).text
    assert re.search(r'<a href="/board" aria-current="page">Board</a>', page)
    assert re.search(r'<a href="/desk">Desk</a>', page)
    assert 'aria-current="true">Board' in (await sam.get("/board/closed")).text
    for who in (ana, olga):
        assert (await who.get("/board")).status_code == 403
    await sam.submit("/language", {"language": "fr", "back": "/board"})
    assert "Qui s'occupe de qui" in (await sam.get("/board")).text.replace("&#39;", "'")
