"""The desk at work: counts, taking people, talking, ending, with and without script."""

import asyncio
import json

from bot.handoff.record import Level, State
from tests.console.driver import Console, CounsellorDriver


async def test_the_strip_counts_true_waits_from_the_first_request(
    console: Console, ana: CounsellorDriver
) -> None:
    desk = console.desk
    red = await desk.asks("r", Level.RED)
    desk.clock.forward(20)
    await ana.post(f"/api/handoffs/{red.id}/claim")
    await desk.asks("o", Level.ORANGE)
    desk.clock.forward(40)
    await desk.queue.lapses.run(desk.clock())
    view = (await ana.get("/api/desk")).json()
    levels = {one["level"]: (one["waiting"], one["longest"]) for one in view["levels"]}
    assert levels == {"red": (1, 60), "orange": (1, 40), "yellow": (0, 0), "green": (0, 0)}
    assert view["on_shift"] == []
    assert view["me"]["on_shift"] is False


async def test_the_loser_of_a_claim_is_told_who_has_the_person(
    console: Console, ana: CounsellorDriver
) -> None:
    ben = await console.counsellor("ben")
    await ben.post("/api/shift", {"on": True})
    asked = await console.desk.asks("p")
    answers = await asyncio.gather(
        ana.post(f"/api/handoffs/{asked.id}/claim"), ben.post(f"/api/handoffs/{asked.id}/claim")
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    lost = next(answer for answer in answers if answer.status_code == 409)
    won = next(answer for answer in answers if answer.status_code == 200)
    assert lost.json() == {"error": "already_claimed", "holder": won.json()["handoff"]["holder"]}
    page = await (ben if lost is answers[1] else ana).submit(f"/handoffs/{asked.id}/claim")
    assert page.status_code == 409
    assert lost.json()["holder"] in page.text


async def test_taking_needs_a_shift_and_a_free_place(console: Console) -> None:
    ana = await console.counsellor("ana")
    for name in ("p", "q"):
        await console.desk.asks(name)
    answer = await ana.post("/api/next")
    assert (answer.status_code, answer.json()) == (409, {"error": "off_shift"})
    await ana.post("/api/shift", {"on": True})
    taken = (await ana.post("/api/next")).json()["handoff"]
    assert taken["state"] == "claimed"
    assert (await ana.post("/api/next")).json() == {"error": "at_capacity"}
    view = (await ana.get("/api/desk")).json()
    assert (view["at_capacity"], view["on_shift"]) == (1, ["Ana"])
    assert [one["id"] for one in view["mine"]] == [taken["id"]]
    await ana.post(f"/api/handoffs/{taken['id']}/end", {"outcome": "helped"})
    assert (await ana.post("/api/next")).json()["handoff"]["handle"]
    gone = await ana.post(f"/api/handoffs/{'f' * 20}/claim")
    assert (gone.status_code, gone.json()) == (410, {"error": "gone"})


async def test_the_case_card_speaks_the_counsellors_language(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks(
        "p",
        Level.RED,
        language="ar",
        answers={"documents_held": "yes", "phone_seen": "yes", "wish": "shelter"},
        skipped=("minor",),
        phone_seen="yes",
        safe_contact="evening",
        region="ON",
    )
    await console.desk.queue.raise_level(asked.person, Level.RED, ["danger_words", "new_rule"])
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    case = (await ana.get(f"/api/handoffs/{asked.id}")).json()["case"]
    assert case["rules"] == [
        "Asked for a person", "Wrote words of immediate danger", "new_rule"
    ]  # fmt: skip
    assert case["answers"] == [
        {"slot": "documents_held", "question": "Someone else keeps papers or phone",
         "answer": "Yes"},
        {"slot": "wish", "question": "Would help most", "answer": "A safe place"},
    ]  # fmt: skip
    assert case["skipped"] == ["Under 18"]
    assert case["language_name"] == "Arabic"
    assert (case["phone_seen"], case["safe_contact"]) == ("Yes", "In the evening")
    await ana.submit("/language", {"language": "fr", "back": "/desk"})
    page = (await ana.get(f"/handoffs/{asked.id}")).text
    assert "A écrit des mots de danger immédiat" in page
    assert 'dir="auto"' in page


async def test_a_conversation_from_take_to_close_through_the_api(
    console: Console, ana: CounsellorDriver
) -> None:
    desk = console.desk
    asked = await desk.asks("p")
    taken = (await ana.post("/api/next")).json()["handoff"]
    path = f"/api/handoffs/{taken['id']}"
    assert (await ana.post(f"{path}/say", {"text": "  Hello.  "})).json() == {"sent": True}
    current = await desk.queue.current(asked.person)
    assert current is not None
    await desk.run(desk.queue.relay_ops(current, "I hear you"))
    assert (await ana.post(f"{path}/cards", {"card": "emergency"})).json() == {"sent": True}
    lines = (await ana.get(path)).json()["lines"]
    assert [line["who"] for line in lines] == ["counsellor", "person", "card"]
    later = (await ana.get(f"{path}?after={lines[0]['id']}")).json()["lines"]
    assert later[0]["text"] == "I hear you"
    assert "9-1-1" in (await desk.shown("p"))[-1].text
    assert (await ana.post(f"{path}/end")).json() == {"state": "wrap_up"}
    assert (await ana.post(f"{path}/say", {"text": "More"})).json() == {"error": "not_yours"}
    assert (await ana.post(f"{path}/end", {"outcome": "nonsense"})).status_code == 400
    assert (await ana.post(f"{path}/end", {"outcome": "helped"})).json() == {"state": "closed"}
    assert (await ana.post("/api/next")).json() == {"handoff": None}


async def test_words_that_are_empty_or_too_long_are_not_sent(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p")
    await ana.post("/api/next")
    path = f"/api/handoffs/{asked.id}/say"
    told = len(await console.desk.shown("p"))
    for body, status in (({"text": "  "}, 400), ({"text": 5}, 400), ({}, 400),
                         ({"text": "x" * 2_001}, 413)):  # fmt: skip
        assert (await ana.post(path, body)).status_code == status
    assert len(await console.desk.shown("p")) == told
    assert (await ana.get(f"/api/handoffs/{asked.id}?after=x")).status_code == 400


async def test_a_phrase_is_sent_in_the_persons_language_with_the_original_beside_it(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p", language="fr")
    await ana.post("/api/next")
    phrases = (await ana.get("/api/phrases/fr")).json()["phrases"]
    hello = next(one for one in phrases if one["id"] == "opening_hello")
    path = f"/api/handoffs/{asked.id}"
    await ana.post(f"{path}/say", {"phrase": "opening_hello"})
    await ana.post(f"{path}/say", {"phrase": "opening_hello", "text": hello["text"] + " Bon."})
    lines = (await ana.get(path)).json()["lines"]
    assert (lines[0]["text"], lines[0]["beside"]) == (hello["text"], hello["beside"])
    assert hello["beside"].startswith("Hello")
    assert lines[1]["beside"] == ""
    assert (await ana.get("/api/phrases/xx")).json() == {"phrases": []}
    page = (await ana.get(f"/handoffs/{asked.id}")).text
    assert 'value="opening_hello"' in page


async def test_everything_works_with_forms_alone(console: Console, ana: CounsellorDriver) -> None:
    asked = await console.desk.asks("p", language="fr")
    assert 'http-equiv="refresh"' in (await ana.get("/desk")).text
    answer = await ana.submit("/desk/next")
    where = answer.headers["location"]
    assert where == f"/handoffs/{asked.id}"
    await ana.submit(f"{where}/say", {"text": "Bonjour."})
    await ana.submit(f"{where}/say", {"phrase": "opening_thanks"})
    await ana.submit(f"{where}/cards", {"card": "emergency"})
    frame = await ana.get(f"{where}/live")
    assert frame.text.count('class="line ') == 3
    assert "frame-ancestors 'self'" in frame.headers["content-security-policy"]
    asked = await ana.submit(f"{where}/end")
    assert "Yes, end it" in asked.text
    assert (await ana.submit(f"{where}/end", {"sure": "1"})).headers["location"] == where
    assert 'name="outcome"' in (await ana.get(where)).text
    assert (await ana.submit(f"{where}/end", {"outcome": "referred"})).headers[
        "location"
    ] == "/desk?note=ended"
    again = await console.desk.asks("q")
    await ana.submit(f"/handoffs/{again.id}/claim")
    released = await ana.submit(f"/handoffs/{again.id}/release")
    assert released.headers["location"] == "/desk?note=released"
    assert "waiting again" in (await ana.get("/desk?note=released")).text
    await ana.submit("/desk/shift", {"on": "0"})
    assert (await ana.submit("/desk/next")).status_code == 409
    assert (await ana.submit("/desk/next")).text.count("Start your shift first.") == 1


async def test_when_the_person_leaves_the_page_learns_that_all_is_gone(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p")
    await ana.post("/api/next")
    await ana.post(f"/api/handoffs/{asked.id}/say", {"text": "canary words"})
    await console.desk.queue.abandon(asked.person)
    for path in (f"/handoffs/{asked.id}/lines", f"/handoffs/{asked.id}",
                 f"/api/handoffs/{asked.id}"):  # fmt: skip
        answer = await ana.get(path)
        assert answer.status_code == 410
        assert "canary" not in answer.text
    say = await ana.post(f"/api/handoffs/{asked.id}/say", {"text": "x"})
    assert say.json() == {"error": "gone"}


async def test_the_person_in_nunavut_gets_the_card_of_nunavut(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p", region="NU")
    await ana.post("/api/next")
    await ana.post(f"/api/handoffs/{asked.id}/cards", {"card": "emergency"})
    shown = (await console.desk.shown("p"))[-1]
    assert shown.text == console.desk.words.reply("card_911_nunavut", "en").text


async def test_a_colleague_sees_who_has_whom_and_a_heartbeat_keeps_it_so(
    console: Console, ana: CounsellorDriver
) -> None:
    ben = await console.counsellor("ben")
    asked = await console.desk.asks("p")
    await ana.post("/api/next")
    for _ in range(5):
        console.desk.clock.forward(20)
        assert (await ana.post("/api/heartbeat")).json()["on_shift"] is True
        await console.desk.queue.lapses.run(console.desk.clock())
    others = (await ben.get("/api/desk")).json()["others"]
    assert [(one["id"], one["holder"]) for one in others] == [(asked.id, "Ana")]
    assert "with Ana" in (await ben.get("/desk")).text
    found = await console.desk.queue.get(asked.id)
    assert found is not None
    assert found.state is State.CLAIMED


async def test_the_live_part_says_the_same_as_the_api(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p", Level.RED)
    text = (await ana.get("/desk/live")).text
    assert asked.handle in text
    assert "<html" not in text
    assert json.dumps((await ana.get("/api/desk")).json()).count(asked.id) == 1


async def test_a_row_says_how_a_language_is_typed_and_when_it_is_not_known(
    console: Console, ana: CounsellorDriver
) -> None:
    await console.desk.asks("p", language="pa", romanised=True)
    unknown = await console.desk.asks("q", language_known=False)
    text = (await ana.get("/desk/live")).text
    assert "Punjabi <small>typed in Latin letters</small>" in text
    assert "not known (the assistant answers in English and French)" in text
    assert ">English" not in text
    found = next(one for one in (await ana.get("/api/desk")).json()["waiting"]
                 if one["id"] == unknown.id)  # fmt: skip
    assert (found["language"], found["language_known"]) == ("en", False)
    await ana.post(f"/api/handoffs/{unknown.id}/claim")
    card = (await ana.get(f"/handoffs/{unknown.id}/card")).text
    assert "not known (the assistant answers in English and French)" in card
    assert ">English" not in card


async def test_a_language_chosen_in_the_talk_is_a_line_in_the_counsellors_words(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p", language="pa")
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    line = "[ਤੁਹਾਨੂੰ ਕਿਹੜੀ ਭਾਸ਼ਾ ਚਾਹੀਦੀ ਹੈ?] ਪੰਜਾਬੀ"
    found = await console.desk.queue.get(asked.id)
    assert found is not None
    await console.desk.run(console.desk.queue.relay_ops(found, line, answer="language:pa"))
    lines = (await ana.get(f"/api/handoffs/{asked.id}")).json()["lines"]
    assert (lines[-1]["text"], lines[-1]["beside"]) == (line, "Chose a language: Punjabi")


async def test_no_free_place_names_the_talk_that_only_lacks_its_outcome(
    console: Console, ana: CounsellorDriver
) -> None:
    first, second = await console.desk.asks("p"), await console.desk.asks("q")
    await ana.post(f"/api/handoffs/{first.id}/claim")
    full = await ana.post("/api/next")
    assert (full.status_code, full.json()) == (409, {"error": "at_capacity"})
    assert "taken, nothing written yet" in (await ana.get("/desk")).text
    await ana.post(f"/api/handoffs/{first.id}/end")
    told = {"error": "at_capacity", "wrap_up": first.id}
    assert (await ana.post("/api/next")).json() == told
    assert (await ana.post(f"/api/handoffs/{second.id}/claim")).json() == told
    for path in ("/desk/next", f"/handoffs/{second.id}/claim"):
        page = (await ana.submit(path)).text
        assert "Say how your last conversation ended" in page
        assert f'<a href="/handoffs/{first.id}">How did it end?</a>' in page
    assert "writes down how it ended" in (await ana.get("/desk")).text
    await ana.post(f"/api/handoffs/{first.id}/end", {"outcome": "helped"})
    assert (await ana.post("/api/next")).json()["handoff"]["id"] == second.id


async def test_an_offer_that_finds_no_free_place_names_it_too(
    console: Console, ana: CounsellorDriver
) -> None:
    ben = await console.counsellor("ben")
    await ben.post("/api/shift", {"on": True})
    first, second = await console.desk.asks("p"), await console.desk.asks("q")
    await ben.post(f"/api/handoffs/{first.id}/claim")
    await ana.post(f"/api/handoffs/{second.id}/claim")
    # Offered while Ana had a place, accepted when she has none.
    await console.app.state.console.accounts.change("ana", capacity=2)
    await ben.post(f"/api/handoffs/{first.id}/transfer", {"to": "ana", "note": "French"})
    await ana.post(f"/api/handoffs/{second.id}/end")
    await console.app.state.console.accounts.change("ana", capacity=1)
    page = await ana.submit(f"/handoffs/{first.id}/accept")
    assert page.status_code == 409
    assert f'<a href="/handoffs/{second.id}">How did it end?</a>' in page.text


async def test_after_the_outcome_take_next_is_at_hand_when_somebody_waits(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p")
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    await ana.post(f"/api/handoffs/{asked.id}/end")
    await ana.submit(f"/handoffs/{asked.id}/end", {"outcome": "helped"})
    assert "autofocus>Take next" not in (await ana.get("/desk?note=ended")).text
    await console.desk.asks("q", Level.RED)
    page = (await ana.get("/desk?note=ended")).text
    assert "The conversation is closed. Waiting: 1, Red: 1" in page
    assert "autofocus>Take next" in page
    for path in ("/desk", "/desk/live", "/desk?note=released"):
        assert "autofocus>Take next" not in (await ana.get(path)).text
    await ana.post("/api/shift", {"on": False})
    assert "autofocus>Take next" not in (await ana.get("/desk?note=ended")).text
