"""Passing a person on at the desk: with forms, through the API, with a note."""

from bot.handoff.record import State
from tests.console.driver import Console, CounsellorDriver


async def two(console: Console, ana: CounsellorDriver) -> tuple[CounsellorDriver, str]:
    """Ana talks with somebody, Ben is here too."""
    ben = await console.counsellor("ben", capacity=2)
    await ben.post("/api/shift", {"on": True})
    asked = await console.desk.asks("p")
    await ana.post(f"/api/handoffs/{asked.id}/claim")
    return ben, f"/api/handoffs/{asked.id}"


async def test_offered_accepted_and_read_by_the_colleague_only(
    console: Console, ana: CounsellorDriver
) -> None:
    ben, path = await two(console, ana)
    await ana.post(f"{path}/say", {"text": "Hello."})
    assert (await ben.get(path)).status_code == 403
    offered = await ana.post(f"{path}/transfer", {"to": "ben", "note": "speaks French"})
    assert offered.json() == {"offered": True}
    assert (await ben.get(path)).status_code == 403, "an offer is not yet a claim"
    accepted = await ben.post(f"{path}/accept")
    assert accepted.json() == {"id": path.removeprefix("/api/handoffs/")}
    read = (await ben.get(path)).json()
    assert read["case"]["note"] == "speaks French"
    assert [line["text"] for line in read["lines"]] == ["Hello."]
    assert (await ana.get(path)).status_code == 403
    assert (await ana.post(f"{path}/say", {"text": "x"})).status_code == 403


async def test_everything_works_with_forms_alone(console: Console, ana: CounsellorDriver) -> None:
    ben, path = await two(console, ana)
    form = path.removeprefix("/api")
    page = (await ana.get(form)).text
    assert '<option value="ben">Ben: English. Speaks this language</option>' in page
    assert '<option value="ana"' not in page
    sent = await ana.submit(f"{form}/transfer", {"to": "ben", "note": "needs a shelter"})
    assert sent.headers["location"] == form
    assert "Offered to Ben" in (await ana.get(form)).text
    assert "needs a shelter" not in (await ana.get("/desk")).text
    audit = await console.app.state.console.audit.read()
    assert ("ben", "offered", form.rpartition("/")[2]) in audit, "to whom it was shown"
    assert "needs a shelter" in (await ben.get("/desk")).text
    refused = await ben.submit(f"{form}/refuse")
    assert refused.headers["location"] == "/desk"
    await ana.submit(f"{form}/transfer", {"to": "ben", "note": "again"})
    back = await ana.submit(f"{form}/refuse")
    assert back.headers["location"] == form
    late = await ben.submit(f"{form}/accept")
    assert late.status_code == 409
    assert "This offer does not stand any more. Nothing was changed." in late.text
    queued = await ana.submit(f"{form}/transfer", {"to": "", "note": "to anybody"})
    assert queued.headers["location"] == "/desk?note=released"
    found = await console.desk.queue.get(form.removeprefix("/handoffs/"))
    assert found is not None
    assert found.state is State.WAITING


async def test_an_offer_that_is_over_says_so_and_that_nobody_is_lost(
    console: Console, ana: CounsellorDriver
) -> None:
    ben, path = await two(console, ana)
    over = (409, {"error": "offer_over"})
    await ana.post(f"{path}/transfer", {"to": "ben", "note": "speaks French"})
    assert (await ben.post(f"{path}/refuse")).json() == {"refused": True}
    for who, act in [(ben, "accept"), (ben, "refuse"), (ana, "refuse")]:
        answer = await who.post(f"{path}/{act}")
        assert (answer.status_code, answer.json()) == over, act
    assert (await ana.get(path)).status_code == 200, "Ana has them still"
    await console.desk.queue.abandon(console.desk.person("p").person)
    assert (await ben.post(f"{path}/accept")).json() == {"error": "gone"}, "now they have left"


async def test_taking_an_offer_back_stands_in_the_card_only_while_it_is_offered(
    console: Console, ana: CounsellorDriver
) -> None:
    ben, path = await two(console, ana)
    form = path.removeprefix("/api")
    button = f'action="{form}/refuse"'
    assert button not in (await ana.get(form)).text
    await ana.post(f"{path}/transfer", {"to": "ben", "note": "speaks French"})
    assert (await ana.get(form)).text.count(button) == 1
    assert button in (await ana.get(f"{form}/card")).text
    await ben.post(f"{path}/refuse")
    assert button not in (await ana.get(f"{form}/card")).text


async def test_the_list_of_colleagues_is_that_of_now_with_languages_and_places(
    console: Console, ana: CounsellorDriver
) -> None:
    _, path = await two(console, ana)
    form = path.removeprefix("/api")
    assert (await ana.get(form)).status_code == 200
    cem = await console.counsellor("cem", languages=("ar", "fr"))
    await console.counsellor("off", languages=("en",))
    await cem.post("/api/shift", {"on": True})
    listed = (await ana.get(f"{form}/colleagues")).text
    assert '<option value="cem">Cem: Arabic, French</option>' in listed
    assert '<option value="ben">Ben: English. Speaks this language</option>' in listed
    assert '"off"' not in listed
    assert '"ana"' not in listed
    other = await console.desk.asks("q")
    await cem.post(f"/api/handoffs/{other.id}/claim")
    listed = (await ana.get(f"{form}/colleagues")).text
    assert '<option value="cem" disabled>Cem: Arabic, French. No free place</option>' in listed
    assert (await cem.get(f"{form}/colleagues")).status_code == 403, "only for who holds them"


async def test_an_offer_is_counted_inside_the_talk_one_is_in(
    console: Console, ana: CounsellorDriver
) -> None:
    ben, path = await two(console, ana)
    own = await console.desk.asks("q")
    await ben.post(f"/api/handoffs/{own.id}/claim")
    assert (await ben.get(f"/handoffs/{own.id}/lines")).headers["x-offers"] == "0"
    await ana.post(f"{path}/transfer", {"to": "ben", "note": "speaks French"})
    assert (await ben.get(f"/handoffs/{own.id}/lines")).headers["x-offers"] == "1"
    assert ">Offered to you: 1</a>" in (await ben.get(f"/handoffs/{own.id}")).text


async def test_a_note_is_required_and_only_who_is_here_and_holds_can_pass_on(
    console: Console, ana: CounsellorDriver
) -> None:
    ben, path = await two(console, ana)
    assert (await ana.post(f"{path}/transfer", {"to": "ben"})).status_code == 400
    assert (await ana.post(f"{path}/transfer", {"to": "ben", "note": "x" * 501})).status_code == 413
    assert (await ben.post(f"{path}/transfer", {"to": "ana", "note": "x"})).status_code == 403
    for nobody in ("cleo", "ana"):
        away = await ana.post(f"{path}/transfer", {"to": nobody, "note": "x"})
        assert away.json() == {"error": "colleague_away"}
    await ben.post("/api/shift", {"on": False})
    away = await ana.post(f"{path}/transfer", {"to": "ben", "note": "x"})
    assert (away.status_code, away.json()) == (409, {"error": "colleague_away"})
    assert (await ben.post(f"{path}/accept")).json() == {"error": "offer_over"}


async def test_what_was_written_and_went_nowhere_is_shown_again(
    console: Console, ana: CounsellorDriver
) -> None:
    ben, path = await two(console, ana)
    form = path.removeprefix("/api")
    await ben.post("/api/shift", {"on": False})
    words = "has < two children"
    for act, fields, status in [
        ("transfer", {"to": "ben", "note": words}, 409),  # Ben has just gone
        ("say", {"text": words + "." * 2_000}, 413),
        ("note", {"note": words, "csrf": "of an older page"}, 403),
    ]:
        answer = await ana.submit(f"{form}/{act}", fields)
        assert answer.status_code == status, act
        assert "has &lt; two children" in answer.text, act
    await console.app.state.console.accounts.remove("ana")  # and with it the login
    answer = await ana.submit(f"{form}/say", {"text": words})
    assert answer.status_code == 401
    assert "has &lt; two children" in answer.text
    assert '<a href="/login">' in answer.text


async def test_what_another_site_wrote_is_never_shown_as_ones_own(
    console: Console, ana: CounsellorDriver
) -> None:
    _, path = await two(console, ana)
    form = path.removeprefix("/api")
    for headers in ({"Origin": "https://elsewhere.test"}, {"Sec-Fetch-Site": "cross-site"}):
        sent = {"csrf": ana.csrf, "text": "Call this number"}
        answer = await ana.http.post(f"{form}/say", data=sent, headers=headers)
        assert answer.status_code == 403
        assert "Call this number" not in answer.text
