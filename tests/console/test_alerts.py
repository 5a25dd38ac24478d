"""What calls the counsellor: counts and levels, never who; and the card of a silence."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.console.alerts import LOOKED_AT, Alerts
from bot.console.scene import read_scene
from bot.handoff import silence
from bot.handoff.record import Handoff, Level
from tests.console.driver import Console, CounsellorDriver
from tests.handoff.desk import Desk

Look = Callable[[], Awaitable[dict[str, Any]]]


@pytest.fixture
def alerts(desk: Desk) -> Alerts:
    return Alerts(desk.queue)


@pytest.fixture
def look(console: Console, alerts: Alerts) -> Look:
    """What the pages ring for now."""

    async def look() -> dict[str, Any]:
        scene = await read_scene(console.app.state.console)
        found: dict[str, Any] = json.loads(await alerts.look(scene))
        return found

    return look


async def test_the_level_of_the_most_urgent_who_is_new_is_told_once(desk: Desk, look: Look) -> None:
    await desk.asks("before", Level.GREEN)
    assert await look() == {"waiting": 1, "reds": 0, "late": 0, "new": ""}, (
        "nobody rings at the start"
    )
    await desk.asks("one", Level.YELLOW)
    await desk.asks("two", Level.RED)
    assert await look() == {"waiting": 3, "reds": 1, "late": 0, "new": "red"}
    await desk.asks("one", Level.YELLOW)  # asks again: still the same person
    assert (await look())["new"] == ""


async def test_who_becomes_red_and_who_waits_again_are_new(desk: Desk, look: Look) -> None:
    asked = await desk.asks("p", Level.GREEN)
    await desk.on_shift("ana")
    await look()
    await desk.queue.claim(asked.id, "ana")
    assert await look() == {"waiting": 0, "reds": 0, "late": 0, "new": ""}
    await desk.queue.release(asked.id, "ana")
    assert await look() == {"waiting": 1, "reds": 0, "late": 0, "new": "green"}
    await desk.queue.raise_level(asked.person, Level.RED, ["danger_words"])
    assert (await look())["new"] == "red"
    assert (await look())["new"] == ""


async def test_red_is_late_after_a_minute_until_somebody_comes(desk: Desk, look: Look) -> None:
    asked = await desk.asks("p", Level.RED)
    await desk.asks("q", Level.ORANGE)
    await desk.on_shift("ana")
    desk.clock.forward(59)
    assert (await look())["late"] == 0
    desk.clock.forward(1)
    assert (await look())["late"] == 1
    await desk.on_shift("ana")
    await desk.queue.claim(asked.id, "ana")
    assert (await look())["late"] == 0
    await desk.queue.release(asked.id, "ana")
    assert (await look())["late"] == 1, "the wait is counted from the first request"


async def test_red_without_an_answer_is_late_until_there_is_one(desk: Desk, look: Look) -> None:
    asked = await desk.asks("p", Level.RED)
    await desk.on_shift("ana")
    await desk.queue.claim(asked.id, "ana")
    desk.clock.forward(120)
    await desk.queue.escalation.run(desk.clock())
    assert await look() == {"waiting": 0, "reds": 0, "late": 1, "new": ""}
    await desk.queue.say(asked.id, "ana", "I am here.")
    assert (await look())["late"] == 0


async def test_in_a_very_long_queue_moving_up_is_not_new(desk: Desk, look: Look) -> None:
    names = {f"{at:020x}": 3e11 + at for at in range(1, LOOKED_AT + 100)}
    await desk.redis.zadd(desk.keys.queue(), names)
    await look()
    await desk.redis.zpopmin(desk.keys.queue(), 50)
    moved = {"waiting": LOOKED_AT + 49, "reds": 0, "late": 0, "new": ""}
    assert await look() == moved
    await desk.asks("p", Level.RED)
    assert (await look())["new"] == "red"


@pytest.mark.parametrize("role", ["counsellor", "supervisor", "operator"])
async def test_whoever_counsels_sees_that_nobody_has_come(console: Console, role: str) -> None:
    driver = await console.counsellor("sue", role)
    assert ('id="late"' in (await driver.get("/desk")).text) is (role != "operator")
    await console.desk.asks("p", Level.RED)
    console.desk.clock.forward(61)
    page = (await driver.get("/desk")).text
    assert (await driver.get("/api/desk")).json()["late"] == 1
    banner = "nobody has come: 1</p>"
    assert (banner in page) is (role != "operator")


async def test_in_a_talk_it_stands_who_waits_and_who_is_red(
    console: Console, ana: CounsellorDriver
) -> None:
    talk = f"/handoffs/{(await talking(console, ana)).id}"
    for path in (talk, f"{talk}/live"):
        assert re.search(r'<a id="queue-now"[^>]* hidden>', (await ana.get(path)).text), "nobody"
    for name in ("q", "r"):
        await console.desk.asks(name, Level.GREEN)
    page = (await ana.get(talk)).text
    assert ">Waiting: 2</span>" in page
    assert re.search(r'<span id="queue-reds"[^>]* hidden>', page)
    await console.desk.asks("s", Level.RED)
    console.desk.clock.forward(61)
    # Without script: the frame loads itself again, and its link opens the desk and no frame.
    for path in (talk, f"{talk}/live"):
        page = (await ana.get(path)).text
        assert re.search(r'<a id="queue-now" class="queue-now" href="/desk" target="_top">', page)
        assert ">Waiting: 3</span>" in page
        assert re.search(r'class="level red"[^>]*>Red: 1</span>', page)
        assert "nobody has come: 1</p>" in page


async def test_sound_and_notifications_ask_for_a_press_and_know_levels_only(
    ana: CounsellorDriver, console: Console
) -> None:
    await console.desk.asks("p", Level.RED)
    page = (await ana.get("/desk")).text
    alerts = re.findall(r'<span id="alerts".*?>', page)[0]
    assert 'data-count="1" data-reds="1"' in alerts
    for level in Level:
        assert f'data-{level.name.lower()}="{level.name.title()}"' in alerts
    assert re.search(r'<button id="sound"[^>]* hidden', page)
    assert re.search(r'<button id="notify"[^>]* hidden', page)
    assert "<title>Northlight desk</title>" in page


async def talking(
    console: Console, ana: CounsellorDriver, level: Level = Level.GREEN, **case: str
) -> Handoff:
    asked = await console.desk.asks("p", level, **case)
    await ana.post("/api/next")
    await ana.post(f"/api/handoffs/{asked.id}/say", {"text": "hello"})
    return asked


async def silence_of(ana: CounsellorDriver, asked: Handoff) -> dict[str, Any]:
    found: dict[str, Any] = (await ana.get(f"/api/handoffs/{asked.id}")).json()["case"]["silence"]
    return found


async def test_the_card_shows_a_silence_and_what_comes_of_it(
    console: Console, ana: CounsellorDriver
) -> None:
    asked, desk = await talking(console, ana), console.desk
    desk.clock.forward(720)
    assert await silence_of(ana, asked) == {
        "since": {"silent": "12:00"}, "kept_open": False, "closes": True, "quiet": False,
        "minutes": {"ask": 10, "warn": 15, "close": 20},
    }  # fmt: skip
    found = await desk.queue.get(asked.id)
    assert found is not None
    await desk.run(desk.queue.silence_ops(found, silence.Step.ASK, "Are you still there?"))
    desk.clock.forward(120)
    assert (await silence_of(ana, asked))["since"] == {"silent": "14:00", "asked": "2:00"}
    page = (await ana.get(f"/handoffs/{asked.id}/card")).text
    assert "14:00" in page
    assert "still there, since then" in page
    lines = (await ana.get(f"/api/handoffs/{asked.id}")).json()["lines"]
    assert lines[-1]["beside"] == "By itself, after a silence: Asked whether they are still there"
    await desk.run(desk.queue.heard_ops(found))
    assert (await silence_of(ana, asked))["since"] == {}


async def test_the_counsellor_keeps_it_open_by_form_and_by_script(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await talking(console, ana)
    answer = await ana.submit(f"/handoffs/{asked.id}/keep-open", {"on": "1"})
    assert answer.headers["location"] == f"/handoffs/{asked.id}#silence"
    assert (await silence_of(ana, asked))["kept_open"]
    assert "Stays open until you end it." in (await ana.get(f"/handoffs/{asked.id}")).text
    # The page's script sends the form's fields as they are.
    for on, kept in (("0", False), (True, True), (False, False), ("1", True)):
        answer = await ana.post(f"/api/handoffs/{asked.id}/keep-open", {"on": on})
        assert answer.json() == {"kept": True}
        assert (await silence_of(ana, asked))["kept_open"] is kept
    assert (await ana.post(f"/api/handoffs/{asked.id}/keep-open", {"on": "x"})).status_code == 400
    ben = await console.counsellor("ben")
    refused = await ben.post(f"/api/handoffs/{asked.id}/keep-open", {"on": True})
    assert refused.json() == {"error": "not_yours"}


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (Level.ORANGE, "20 minutes after your last words the chat is closed and erased"),
        (Level.RED, "Red is never closed by itself. At this hour they are not asked anything"),
    ],
)
async def test_at_an_hour_they_may_not_be_written_to_the_card_promises_no_question(
    console: Console, ana: CounsellorDriver, level: Level, said: str
) -> None:
    asked = await talking(console, ana, level, safe_contact="only_me")
    assert (await silence_of(ana, asked))["quiet"]
    page = (await ana.get(f"/handoffs/{asked.id}/card")).text
    assert said in page
    assert "they are asked after" not in page


async def test_red_has_no_end_to_stop(console: Console, ana: CounsellorDriver) -> None:
    asked = await talking(console, ana, Level.RED)
    assert not (await silence_of(ana, asked))["closes"]
    page = (await ana.get(f"/handoffs/{asked.id}")).text
    assert "Red is never closed by itself." in page
    assert "/keep-open" not in page
