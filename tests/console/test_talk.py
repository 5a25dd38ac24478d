"""The page of a talk as the server draws it: marked lines, times, answers awaited, sent once."""

import re
from typing import Any

import pytest
from redis.exceptions import RedisError

from bot.console.logins import ABSOLUTE
from bot.handoff.record import Handoff
from tests.console.driver import Console, CounsellorDriver

ONCE = "0123456789abcdef"


async def held(console: Console, who: CounsellorDriver, name: str = "p", **more: Any) -> Handoff:
    asked = await console.desk.asks(name, **more)
    answer = await who.post(f"/api/handoffs/{asked.id}/claim")
    assert answer.status_code == 200, answer.text
    return asked


async def writes(console: Console, name: str, text: str, flag: str = "") -> None:
    queue = console.desk.queue
    found = await queue.current(console.desk.person(name).person)
    assert found is not None
    ops = [*queue.heard_ops(found), *queue.relay_ops(found, text, flag)]
    await console.desk.run(ops)


async def lines_of(who: CounsellorDriver, asked: Handoff) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await who.get(f"/api/handoffs/{asked.id}")).json()["lines"]
    return found


async def test_danger_said_again_marks_its_line_again_also_after_a_transfer(
    console: Console, ana: CounsellorDriver
) -> None:
    ben = await console.counsellor("ben")
    await ben.post("/api/shift", {"on": True})
    asked = await held(console, ana)
    path = f"/api/handoffs/{asked.id}"
    await writes(console, "p", "he has a knife", "danger_words")
    await writes(console, "p", "he is at the kitchen window")
    await writes(console, "p", "he comes with the knife", "danger_words")
    await ana.post(f"{path}/transfer", {"to": "ben", "note": "danger"})
    assert (await ben.post(f"{path}/accept")).status_code == 200
    await writes(console, "p", "he looks at my phone", "watched_words")
    words = "Wrote words of immediate danger"
    marked = {"rule": "danger_words", "words": words, "urgent": True}
    seen = {**marked, "rule": "watched_words", "words": "Wrote words about being watched"}
    lines = await lines_of(ben, asked)
    assert [line["flag"] for line in lines] == [marked, None, marked, {**seen, "urgent": False}]
    assert (await ben.get(path)).json()["case"]["flags"] == [words, seen["words"]]
    page = (await ben.get(f"/handoffs/{asked.id}")).text
    assert page.count(f'<strong class="level red">{words}</strong>') == 2
    assert f'<strong class="flagged">{seen["words"]}</strong>' in page
    assert f"{words}. {seen['words']}. Last marked line: {lines[-1]['at_words']}</p>" in page
    frame = (await ben.get(f"/handoffs/{asked.id}/live")).text
    assert frame.count('class="line-flag"') == 3


async def test_each_line_has_its_time_on_the_clock_of_the_service(
    console: Console, ana: CounsellorDriver
) -> None:
    sue = await console.counsellor("sue", "supervisor")
    asked = await held(console, ana)
    await writes(console, "p", "hello")
    (line,) = await lines_of(ana, asked)
    assert (line["at_iso"], line["at_words"]) == ("2025-10-09T08:53:20+00:00", "08:53 UTC")
    week = {f"day{day}": "8-22" for day in range(7)}
    await sue.submit("/hours", {"act": "week", "zone": "America/Toronto", **week})
    (line,) = await lines_of(ana, asked)
    assert line["at_words"] == "04:53"
    page = (await ana.get(f"/handoffs/{asked.id}")).text
    assert '<time datetime="2025-10-09T08:53:20+00:00">04:53</time>' in page


async def test_who_waits_for_an_answer_is_shown_on_every_page_that_loads(console: Console) -> None:
    ana = await console.counsellor("ana", capacity=2)
    await ana.post("/api/shift", {"on": True})
    clock, queue = console.desk.clock, console.desk.queue
    first, second = await held(console, ana), await held(console, ana, "q")

    async def awaited() -> list[Any]:
        mine = {one["id"]: one["awaited"] for one in (await ana.get("/api/desk")).json()["mine"]}
        return [mine[first.id], mine[second.id]]

    clock.forward(25)
    await queue.heartbeat("ana")
    assert await awaited() == [{"words": "0:25", "new": False}] * 2, "nobody has said anything"
    for one in (first, second):
        await ana.post(f"/api/handoffs/{one.id}/say", {"text": "Hello."})
    assert await awaited() == [None, None]
    clock.forward(5)
    await writes(console, "q", "hello")
    clock.forward(250)
    assert await awaited() == [None, {"words": "4:10", "new": True}]
    sign = r'<span class="fresh"[^>]*><b>new words</b> <span class="wait">4:10</span></span>'
    assert len(re.findall(sign, (await ana.get("/desk")).text)) == 1
    assert len(re.findall(sign, (await ana.get(f"/handoffs/{first.id}")).text)) == 1
    card = (await ana.get(f"/handoffs/{second.id}/card")).text
    assert 'answer awaited for <span class="wait">4:10</span>' in card
    assert "Nothing is awaited" not in card


async def test_what_is_sent_again_because_nobody_knew_arrives_once(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await held(console, ana)
    path = f"/api/handoffs/{asked.id}"
    told = len(await console.desk.shown("p"))
    for _ in range(3):
        answer = await ana.post(f"{path}/say", {"text": "I am here.", "once": ONCE})
        assert answer.json() == {"sent": True}
        await ana.post(f"{path}/cards", {"card": "emergency", "once": ONCE})
    form = {"text": "I am here.", "once": ONCE}
    assert (await ana.submit(f"/handoffs/{asked.id}/say", form)).status_code == 303
    assert [line["who"] for line in await lines_of(ana, asked)] == ["counsellor", "card"]
    assert len(await console.desk.shown("p")) == told + 2
    audit = [entry.what async for entry in console.app.state.console.audit.entries()]
    assert (audit.count("say"), audit.count("emergency_card")) == (1, 1)
    # Other words are other words, and the same in another press are meant.
    for body in ({"text": "I stay.", "once": ONCE}, {"text": "I stay.", "once": ONCE[::-1]},
                 {"text": "I stay."}, {"text": "I stay."}):  # fmt: skip
        await ana.post(f"{path}/say", body)
    assert len(await lines_of(ana, asked)) == 6
    for odd in ("short", "x" * 65, "not a name at all"):
        assert (await ana.post(f"{path}/say", {"text": "x", "once": odd})).status_code == 400
    record = console.desk.keys.handoff(asked.id)
    kept = await console.desk.redis.hget(record, "sent")
    assert len(kept.split()) == 4
    assert ONCE.encode() not in kept
    assert await console.desk.redis.ttl(record) > 0
    names = re.findall(r'name="once" value="([0-9a-f]{32})"', (await ana.get(path[4:])).text)
    again = re.findall(r'name="once" value="([0-9a-f]{32})"', (await ana.get(path[4:])).text)
    assert len({*names, *again}) == 2


async def test_without_script_what_may_have_gone_out_is_sent_again_by_the_same_name(
    console: Console, ana: CounsellorDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await held(console, ana)
    path, told = f"/handoffs/{asked.id}/say", len(await console.desk.shown("p"))
    with monkeypatch.context() as away:

        async def away_now(*_: object) -> None:
            raise RedisError

        away.setattr(console.app.state.console.audit, "write", away_now)
        answer = await ana.submit(path, {"text": "I am here.", "once": ONCE})
    assert answer.status_code == 503
    assert "It is not known whether that went out" in answer.text
    assert f'action="{path}"' in answer.text
    assert f'name="once" value="{ONCE}"' in answer.text
    assert (await ana.submit(path, {"text": "I am here.", "once": ONCE})).status_code == 303
    assert len(await console.desk.shown("p")) == told + 1
    audit = [entry.what async for entry in console.app.state.console.audit.entries()]
    assert audit[-1] == "say_again"


async def test_phrases_one_after_the_other_keep_both_languages(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await held(console, ana, language="fr")
    bank = {one["id"]: one for one in (await ana.get("/api/phrases/fr")).json()["phrases"]}
    two = [bank["opening_hello"], bank["opening_thanks"]]
    ids, text, own = (" ".join(one[part] for one in two) for part in ("id", "text", "beside"))
    path = f"/api/handoffs/{asked.id}/say"
    for body, status in (
        ({"phrase": ids, "text": text}, 200),
        ({"phrase": ids}, 200),
        ({"phrase": ids, "text": f"{text} Bon."}, 200),
        ({"phrase": f"{ids} nothing", "text": text}, 200),
        ({"phrase": f"{ids} nothing"}, 400),
    ):
        assert (await ana.post(path, body)).status_code == status
    said = [(line["text"], line["beside"]) for line in await lines_of(ana, asked)]
    assert said == [(text, own), (text, own), (f"{text} Bon.", ""), (text, "")]


@pytest.mark.parametrize(("left", "shown"), [(3600, False), (901, False), (900, True), (61, True)])
async def test_every_page_warns_before_the_sign_in_ends(
    console: Console, ana: CounsellorDriver, left: int, shown: bool
) -> None:
    clock, gone = console.desk.clock, 0
    while gone < ABSOLUTE - left:
        step = min(3_600, ABSOLUTE - left - gone)
        clock.forward(step)
        gone += step
        await ana.get("/api/desk")
    assert (await ana.post("/api/heartbeat")).json()["ends_in"] == left
    for path in ("/desk", "/plan", "/second-step"):
        page = (await ana.get(path)).text
        line = re.search(r'<p id="ends"([^>]*)><b>([^<]*)</b>', page)
        assert line
        assert line[1].endswith(" hidden") is not shown
        assert line[2] == f"Your sign-in ends in {-(-left // 60)} min."
    assert 'id="ends"' not in (await console.browser().get("/login")).text
