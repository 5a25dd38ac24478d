"""A counsellor raises somebody to Red: with a reason, only ever up, and only whoever may."""

import pytest

from bot.console.raising import REASONS
from bot.handoff.record import Handoff
from bot.safety.levels import Level
from tests.console.driver import Console, CounsellorDriver


async def now(console: Console, asked: Handoff) -> Handoff:
    found = await console.desk.queue.get(asked.id)
    assert found is not None
    return found


async def talk(console: Console, ana: CounsellorDriver, level: Level = Level.ORANGE) -> Handoff:
    asked = await console.desk.asks("p", level)
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    return asked


async def test_the_holder_raises_and_the_card_says_so_in_words(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await talk(console, ana)
    page = (await ana.get(f"/handoffs/{asked.id}")).text
    assert f'action="/handoffs/{asked.id}/raise"' in page
    told = await console.desk.shown("p")
    done = await ana.post(f"/api/handoffs/{asked.id}/raise", {"reason": "danger"})
    assert (done.status_code, done.json()) == (200, {"level": "red"})
    found = await now(console, asked)
    assert (found.level, found.rank) == (Level.RED, Level.RED)
    assert found.rules == (*asked.rules, "counsellor_raised")
    card = (await ana.get(f"/handoffs/{asked.id}/card")).text
    assert "Raised to Red by a counsellor" in card
    assert "/raise" not in card, "there is nothing above Red"
    assert await console.desk.shown("p") == told, "the person hears nothing of it"


async def test_what_a_counsellor_raised_stays_on_the_case_when_it_is_renewed(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await talk(console, ana)
    await ana.post(f"/api/handoffs/{asked.id}/raise", {"reason": "danger"})
    await console.desk.asks("p", Level.ORANGE)  # the person answers a question
    found = await now(console, asked)
    assert (found.level, found.rules[-1]) == (Level.RED, "counsellor_raised")


async def test_the_audit_has_the_reason_and_a_second_press_does_nothing(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await talk(console, ana)
    for reason in ("self_harm", "watched"):
        sent = await ana.submit(f"/handoffs/{asked.id}/raise", {"reason": reason})
        assert sent.headers["location"] == f"/handoffs/{asked.id}"
    acts = [act for _, act, _ in await console.app.state.console.audit.read()]
    assert [act for act in acts if act.startswith("raise")] == ["raise_self_harm"]


@pytest.mark.parametrize("reason", ["", "because", "danger ", None])
async def test_nothing_is_raised_without_one_of_the_reasons(
    console: Console, ana: CounsellorDriver, reason: str | None
) -> None:
    asked = await talk(console, ana)
    body = {"reason": reason}
    answer = await ana.post(f"/api/handoffs/{asked.id}/raise", body)
    known = str(reason).strip() in REASONS
    assert answer.status_code == (200 if known else 400)
    assert (await now(console, asked)).level is (Level.RED if known else Level.ORANGE)


async def test_a_supervisor_raises_whoever_waits_and_they_stand_before_the_others(
    console: Console, ana: CounsellorDriver
) -> None:
    sue = await console.counsellor("sue", "supervisor")
    first, second = await console.desk.asks("p"), await console.desk.asks("q", Level.GREEN)
    assert "/raise" in (await sue.get(f"/handoffs/{second.id}")).text
    path = f"/api/handoffs/{second.id}/raise"
    assert (await ana.post(path, {"reason": "worse"})).status_code == 403, "she holds nobody"
    assert (await sue.post(path, {"reason": "worse"})).status_code == 200
    assert [one.id for one in await console.desk.queue.waiting()] == [second.id, first.id]
    assert (await now(console, first)).level is Level.ORANGE


async def test_whoever_is_not_open_any_more_is_not_raised(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await talk(console, ana)
    await ana.post(f"/api/handoffs/{asked.id}/end")
    assert "/raise" not in (await ana.get(f"/handoffs/{asked.id}")).text
    answer = await ana.post(f"/api/handoffs/{asked.id}/raise", {"reason": "danger"})
    assert (answer.status_code, answer.json()) == (410, {"error": "gone"})


async def test_who_is_on_hold_and_raised_calls_the_supervisors_out(
    console: Console, ana: CounsellorDriver
) -> None:
    sue = await console.counsellor("sue", "supervisor")
    asked = await console.desk.asks("p")
    hold = {"reason": "flooding", "hours": "24", "seen": asked.seen}
    assert (await sue.post(f"/api/handoffs/{asked.id}/hold", hold)).status_code == 200
    await sue.post(f"/api/handoffs/{asked.id}/raise", {"reason": "danger"})
    (aside,) = await console.desk.queue.aside()
    assert aside.alarm == console.desk.clock()
