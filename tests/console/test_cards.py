"""What a counsellor sends with one press, the few help lines that fit, and the private note."""

import pytest

from bot.console.cards import CARDS
from bot.handoff.record import Handoff
from bot.messages import Channel
from tests.console.driver import Console, CounsellorDriver


async def taken(console: Console, ana: CounsellorDriver, **case: object) -> tuple[Handoff, str]:
    """Ana talks with somebody who reads Arabic."""
    asked = await console.desk.asks("p", **{"language": "ar", **case})  # type: ignore[arg-type]
    await ana.post("/api/next")
    return asked, f"/api/handoffs/{asked.id}"


@pytest.mark.parametrize(
    ("card", "key", "buttons"),
    [
        ("emergency", "card_911", 0),
        ("safe_contact", "ask_safe_contact", 5),
        ("quick_exit", "report_watched", 0),
        ("code_word", "code_word_please", 0),
    ],
)
async def test_a_card_is_read_in_both_languages(
    console: Console, ana: CounsellorDriver, card: str, key: str, buttons: int
) -> None:
    words = console.desk.words
    asked, path = await taken(console, ana, code_word=True)
    assert (await ana.post(f"{path}/cards", {"card": card})).json() == {"sent": True}
    shown = (await console.desk.shown("p"))[-1]
    assert shown.text.startswith(words.reply(key, "ar").text)
    answers = [b for row in shown.buttons for b in row if b.payload.startswith("answer:")]
    assert len(answers) == buttons
    line = (await ana.get(path)).json()["lines"][-1]
    assert (line["who"], line["text"]) == ("card", shown.text)
    assert line["beside"].startswith(words.reply(key, "en").text)
    audit = [one async for one in console.app.state.console.audit.entries()]
    assert (audit[-2].what, audit[-2].handoff) == (f"{card}_card", asked.id)


async def test_how_to_leave_quickly_names_what_this_door_has(
    console: Console, ana: CounsellorDriver
) -> None:
    hint = console.desk.words.text("web", "leave_hint", "en")
    for channel in Channel:
        asked = await console.desk.asks("p", channel=channel)
        await ana.post(f"/api/handoffs/{asked.id}/claim")
        await ana.post(f"/api/handoffs/{asked.id}/cards", {"card": "quick_exit"})
        shown = (await console.desk.shown("p", channel))[-1]
        assert (hint in shown.text) == (channel is Channel.WEBCHAT)
        assert "do:leave" in [b.payload for row in shown.buttons for b in row]
        await ana.post(f"/api/handoffs/{asked.id}/end", {"outcome": "helped"})


async def test_help_lines_fit_the_region_and_the_language(
    console: Console, ana: CounsellorDriver
) -> None:
    _, path = await taken(console, ana, region="ON")
    lines = (await ana.get(f"{path}/help-lines")).json()["lines"]
    assert 3 <= len(lines) <= 12
    assert lines[0]["id"] == "ca_human_trafficking_hotline"
    assert lines[0]["speaks"] == "The person's language is served."
    assert "on_victim_support_line" in [one["id"] for one in lines]
    assert not [one["id"] for one in lines if one["id"].startswith(("qc_", "bc_"))]
    await ana.post(f"{path}/cards", {"card": "line", "line": "on_victim_support_line"})
    shown = (await console.desk.shown("p"))[-1]
    assert shown.passable
    assert "1-888-579-2888" in shown.text
    assert console.desk.words.text("responses", "line_interpreters", "ar") in shown.text
    line = (await ana.get(path)).json()["lines"][-1]
    assert "many languages, with an interpreter" in line["beside"]


async def test_only_what_there_is_can_be_sent_and_only_by_who_holds(
    console: Console, ana: CounsellorDriver
) -> None:
    ben = await console.counsellor("ben")
    _, path = await taken(console, ana)
    told = len(await console.desk.shown("p"))
    for body in ({}, {"card": "x"}, {"card": "line"}, {"card": "line", "line": "qc_sos"},
                 {"card": "code_word"}, {"card": ["line"]}):  # fmt: skip
        assert (await ana.post(f"{path}/cards", body)).status_code == 400
    for card in CARDS:
        assert (await ben.post(f"{path}/cards", {"card": card})).status_code == 403
    assert (await ben.get(f"{path}/help-lines")).status_code == 403
    assert len(await console.desk.shown("p")) == told


async def test_a_pressed_answer_is_read_in_the_counsellors_language(
    console: Console, ana: CounsellorDriver
) -> None:
    asked, path = await taken(console, ana)
    found = await console.desk.queue.get(asked.id)
    assert found is not None
    ops = console.desk.queue.relay_ops(found, "[متى؟] في المساء", answer="safe_contact:evening")
    await console.desk.run(ops)
    line = (await ana.get(path)).json()["lines"][-1]
    assert line["beside"] == "Writing first: In the evening"


async def test_how_the_code_word_went_stands_on_the_card(
    console: Console, ana: CounsellorDriver
) -> None:
    asked, path = await taken(console, ana, code_word=True)

    async def check() -> str:
        return str((await ana.get(path)).json()["case"]["word_check"])

    assert await check() == ""
    assert (await ana.get(path)).json()["case"]["forced"] is False
    await ana.post(f"{path}/cards", {"card": "code_word"})
    assert await check() == "asked, no answer yet"
    found = await console.desk.queue.get(asked.id)
    assert found is not None
    await console.desk.run(console.desk.queue.word_ops(found, "duress", "duress_word"))
    assert await check() == "The duress word was written."
    case = (await ana.get(path)).json()["case"]
    assert "Do not show that you know" in case["flags"][0]
    assert case["forced"]
    page = (await ana.get(f"/handoffs/{asked.id}")).text
    assert "the assistant tells this person nothing of you" in page
    assert 'value="code_word"' in page


async def test_the_private_note_goes_with_the_person_and_is_never_shown_to_them(
    console: Console, ana: CounsellorDriver
) -> None:
    desk = console.desk
    ben = await console.counsellor("ben")
    sam = await console.counsellor("sam", "supervisor")
    await ben.post("/api/shift", {"on": True})
    asked, path = await taken(console, ana)
    assert (await ana.post(f"{path}/note", {"note": "canary sister"})).json() == {"kept": True}
    assert (await ben.post(f"{path}/note", {"note": "x"})).status_code == 403
    assert (await sam.post(f"{path}/note", {"note": "x"})).status_code == 403
    assert (await ana.post(f"{path}/note", {"note": "x" * 2_001})).status_code == 413
    assert b"canary" not in await desk.dump()
    assert (await sam.get(path)).json()["case"]["private"] == "canary sister"
    assert "canary sister" in (await sam.get(f"/handoffs/{asked.id}")).text
    assert (await ana.get(path)).json()["lines"] == []
    await ana.post(f"{path}/transfer", {"to": "ben", "note": "please"})
    await ben.post(f"{path}/accept")
    assert "canary sister" in (await ben.get(f"/handoffs/{asked.id}")).text
    assert not [reply for reply in await desk.shown("p") if "canary" in reply.text]
    await ben.post(f"{path}/note", {"note": ""})
    assert (await ben.get(path)).json()["case"]["private"] == ""
    await desk.queue.abandon(asked.person)
    assert (await ben.post(f"{path}/note", {"note": "x"})).status_code == 410


async def test_everything_works_with_forms_alone(console: Console, ana: CounsellorDriver) -> None:
    asked, _ = await taken(console, ana, region="ON")
    where = f"/handoffs/{asked.id}"
    page = (await ana.get(where)).text
    assert 'value="on_victim_support_line"' in page
    for fields in ({"card": "safe_contact"}, {"card": "line", "line": "on_victim_support_line"}):
        answer = await ana.submit(f"{where}/cards", fields)
        assert answer.headers["location"] == f"{where}#reply"
    assert (await ana.get(f"{where}/live")).text.count("line card") == 2
    kept = await ana.submit(f"{where}/note", {"note": "mine\nalone"})
    assert kept.headers["location"] == f"{where}#own-note"
    assert "mine\nalone</textarea>" in (await ana.get(where)).text
    ended = await ana.submit(f"{where}/end", {"sure": "1"})
    assert ended.headers["location"] == where
    assert "mine\nalone</textarea>" in (await ana.get(where)).text, "while wrapping up too"


async def test_whoever_talks_with_two_sees_the_way_to_the_other(console: Console) -> None:
    cleo = await console.counsellor("cleo", capacity=2)
    await cleo.post("/api/shift", {"on": True})
    first, second = [await console.desk.asks(name) for name in ("p", "q")]
    await cleo.post("/api/next")
    assert "data-mine-id" not in (await cleo.get(f"/handoffs/{first.id}")).text
    await cleo.post("/api/next")
    page = (await cleo.get(f"/handoffs/{first.id}")).text
    here, there = (f'data-mine-id="{one.id}"' for one in (first, second))
    assert f'{here} aria-current="page"' in page
    assert there in page
