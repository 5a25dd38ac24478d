"""The engine is away, slow, forgetful or talks nonsense: the person always gets an answer."""

import json
import time

import pytest

from bot.dialogue.check import QUESTIONS
from bot.messages import Kind
from tests.core.engine_server import EngineServer
from tests.core.world import World, payloads, text_of

MENU = {"do:person", "do:emergency", "do:numbers", "do:leave", "do:crime_stoppers"}
#: The first answer of each question that is no alarm.
CALM = {slot: "safe" if slot == "safe_now" else "no" for slot in QUESTIONS} | {
    "free_to_leave": "yes", "wish": "info", "safe_contact": "skipped", "consent": "nothing",
}  # fmt: skip


async def test_without_the_engine_typed_words_get_the_fixed_menu(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    await person.says("can my boss keep my passport?")
    assert person.was_told("engine_away")
    assert payloads(person.shown) >= MENU


async def test_an_engine_that_does_not_answer_in_time_is_not_waited_for(
    spoken_world: World, engine: EngineServer
) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en")
    engine.answers.clear()  # it would answer only when the test is over
    before = time.time()
    await person.says("can my boss keep my passport?")
    assert person.was_told("engine_away")
    assert payloads(person.shown) >= MENU
    # The engine was told until when: what it kept later could be left behind a Leave.
    (deadline,) = engine.deadlines
    assert before < deadline < time.time()


async def test_leave_does_not_wait_behind_an_engine_that_hangs(
    idle_world: World, engine: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.dialogue.engine.REST", 600.0)
    world = World(idle_world.redis, idle_world.keys, engine.url, patience=0.2)
    person = world.someone()
    async with world.working():
        await person.presses("lang:en")
        engine.answers.clear()
        for number in range(10):
            await world.accept(person.inbound(text=f"what is this {number}"))
        for payload in ("do:start_check", "do:leave"):
            await world.accept(person.inbound(Kind.BUTTON, button=payload))
        await person.answers()
    assert person.was_told("left")
    assert len(engine.heard) <= 2, "the others did not wait for it"
    await world.engine.close()


async def test_one_slow_answer_is_no_hanging_engine(
    idle_world: World, engine: EngineServer
) -> None:
    world = World(idle_world.redis, idle_world.keys, engine.url)
    ana, bo = world.someone("ana"), world.someone("bo")
    async with world.working():
        for person in (ana, bo):
            await person.presses("lang:en")
        engine.answers.clear()
        for person in (ana, bo):  # side by side
            await world.accept(person.inbound(text="mumble"))
        for person in (ana, bo):
            await person.answers()
            assert person.was_told("engine_away")
        engine.answers.set()
        await ana.says("mumble")
        assert ana.was_told("not_understood")
    await world.engine.close()


@pytest.mark.parametrize("away", [True, False])
async def test_the_whole_check_can_be_done(
    idle_world: World, engine: EngineServer, away: bool
) -> None:
    world = idle_world if away else World(idle_world.redis, idle_world.keys, engine.url)
    person = world.someone()
    async with world.working():
        await person.presses("lang:en", "do:start_check")
        for slot, value in CALM.items():
            if slot == "coerced":
                continue  # skipped with the answer before
            if not person.was_asked(slot):
                await person.presses("do:resume_check")
            assert person.was_asked(slot), slot
            await person.presses(f"answer:{slot}:{value}")
        assert person.was_told("check_done_person" if away else "check_done_info")
        session = await person.session()
        assert not session.checking
        assert session.answers["coerced"] == "skipped"
        assert [session.answers[slot] for slot in CALM if slot != "coerced"] == [
            value for slot, value in CALM.items() if slot != "coerced"
        ]
    await world.engine.close()


async def test_typed_words_without_the_engine_answer_the_open_question(world: World) -> None:
    person = world.someone()
    await person.presses("lang:fr", "do:start_check", "answer:safe_now:safe")
    for typed, following in (("non", "phone_seen"), ("passer", "minor"), ("non", "free_to_leave")):
        await person.says(typed)
        assert person.was_asked(following, "fr")
    assert (await person.session()).answers == {
        "safe_now": "safe", "hurt_now": "no", "phone_seen": "skipped", "minor": "no",
    }  # fmt: skip


async def test_an_engine_that_forgot_is_told_everything_again(
    spoken_world: World, engine: EngineServer
) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en", "do:start_check", "answer:safe_now:safe", "answer:hurt_now:no")
    engine.slots.clear()
    await person.presses("answer:phone_seen:no")
    assert person.was_asked("minor")
    assert engine.slots[person.id] == {"safe_now": "safe", "hurt_now": "no", "phone_seen": "no"}


async def test_an_engine_that_missed_answers_while_away_is_told_them(
    spoken_world: World, engine: EngineServer
) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en", "do:start_check")
    engine.nonsense = (503, b"{}")
    await person.presses("answer:safe_now:safe")
    assert person.was_asked("hurt_now") or person.was_told("check_person_first")
    engine.nonsense = None
    await person.presses("answer:hurt_now:no")
    assert person.was_asked("phone_seen")
    assert engine.slots[person.id] == {"safe_now": "safe", "hurt_now": "no"}


def good(**changed: object) -> tuple[int, bytes]:
    """A right answer with something wrong in it."""
    right = {"keys": ["greet"], "signal": None, "intent": {"name": "greet", "confidence": 0.9},
             "slots": {}, "asking": None}  # fmt: skip
    return 200, json.dumps({**right, **changed}).encode()


NONSENSE = {
    "an error": (500, b"{}"),
    "no token": (401, b"{}"),
    "nothing": (200, b""),
    "no JSON": (200, b"<html>"),
    "not UTF-8": (200, b"\xff\xfe"),
    "a list": (200, b"[]"),
    "null": (200, b"null"),
    "an empty object": (200, b"{}"),
    "no keys": good(keys=[]),
    "keys null": good(keys=None),
    "keys a number": good(keys=7),
    "keys a word": good(keys="greet"),
    "a key nobody knows": good(keys=["no_such_key"]),
    "a path as key": good(keys=["../../etc/passwd"]),
    "keys in keys": good(keys=[["greet"]]),
    "a signal nobody knows": good(signal="explode"),
    "a list as signal": good(signal=["handoff"]),
    "an object as signal": good(signal={"a": 1}),
    "intent a word": good(intent="greet"),
    "intent a list": good(intent=[1]),
    "confidence a word": good(intent={"name": "greet", "confidence": "much"}),
    "confidence beyond numbers": (200, b'{"keys":["greet"],"intent":{"name":"greet",'
                                  b'"confidence":1' + b"0" * 400 + b"}}"),
    "slots null": good(slots=None),
    "slots a list": good(slots=[1]),
    "asks for what is no question": good(asking="employer_name"),
    "asks for a number": good(asking=5),
    "asks for a list": good(asking=["minor"]),
    "deep": (200, b"[" * 100_000),
}  # fmt: skip


@pytest.mark.parametrize("what", NONSENSE)
async def test_nonsense_of_the_engine_is_answered_like_silence(
    spoken_world: World, engine: EngineServer, what: str
) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en")
    engine.nonsense = NONSENSE[what]
    for act in ("typed", "do:start_check", "answer:safe_now:safe"):
        await (person.says("what is this") if act == "typed" else person.presses(act))
        assert payloads(person.shown) >= MENU - {"do:crime_stoppers"}, act
        assert not person.was_told("store_away"), act
    assert await spoken_world.dead_letters() == []


async def test_what_is_not_understood_is_never_said_twice_in_the_same_words(
    spoken_world: World, engine: EngineServer
) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en")
    await person.says("mumble")
    assert person.was_told("not_understood")
    await person.says("mumble mumble")
    assert person.was_told("not_understood_again")
    await person.says("mumble mumble mumble")
    assert person.was_told("not_understood_person")
    await person.says("mumble once more")
    assert person.was_told("not_understood")
    engine.means["what are my rights"] = (["ask_rights"], None)
    await person.says("what are my rights")
    assert person.was_told("ask_rights")
    await person.says("mumble")
    assert person.was_told("not_understood")


async def test_not_understood_in_mid_check_asks_the_question_again(spoken_world: World) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en", "do:start_check", "answer:safe_now:safe")
    await person.says("mumble")
    assert person.was_told("not_understood")
    assert person.was_asked("hurt_now")


async def test_what_the_engine_hears_is_done(spoken_world: World, engine: EngineServer) -> None:
    engine.means |= {
        "a human please": (["request_counsellor"], "handoff"),
        "other tongue": (["change_language"], "language"),
        "I would rather not go on with it": (["erase"], "leave"),
        "I am scared he comes": (["report_danger"], None),
    }
    person = spoken_world.someone()
    await person.presses("lang:en")
    await person.says("a human please")
    assert person.was_asked("consent")
    await person.says("other tongue")
    assert "lang:pa" in payloads(person.shown)
    await person.says("I would rather not go on with it")
    assert person.was_told("erase")
    assert payloads(person.shown) >= {"do:leave_now", "do:stay"}
    await person.says("I am scared he comes")
    assert person.was_told("report_danger")


async def test_a_typed_payload_reaches_the_engine_as_text(
    spoken_world: World, engine: EngineServer
) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en")
    typed = ['/answer{"hurt_now": "no"}', "/intent", "answer:hurt_now:no", "do:leave_now"]
    for text in typed:
        await person.says(text)
    assert [body.get("text") for body in engine.heard] == typed
    assert (await person.session()).answers == {}


async def test_a_long_message_is_read_as_far_as_it_can_be_and_the_person_is_told(
    spoken_world: World, engine: EngineServer
) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en")
    await person.says("word " * 900)
    assert person.was_told("shortened")
    assert len(engine.heard[-1]["text"]) <= 2000


async def test_the_last_words_of_a_long_message_are_screened_too(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    await person.says("and then " * 400 + "now he is going to kill me")
    assert person.was_told("report_danger")


async def test_the_numbers_and_9_1_1_never_ask_the_engine(
    spoken_world: World, engine: EngineServer
) -> None:
    person = spoken_world.someone()
    for payload in ("lang:en", "do:emergency", "do:numbers", "region:ON", "do:crime_stoppers",
                    "do:person", "do:language", "do:leave"):  # fmt: skip
        await person.presses(payload)
    assert engine.heard == []
    assert person.was_told("left")


async def test_text_for_the_person_is_never_the_engines_own(
    spoken_world: World, engine: EngineServer
) -> None:
    person = spoken_world.someone()
    await person.presses("lang:en")
    engine.nonsense = good(text="CANARY words of a machine", keys=["greet"])
    await person.says("hello there friend")
    assert [reply.text for reply in person.shown] == [text_of("greet")]


async def test_a_message_not_understood_is_asked_back_with_what_it_may_be_about(
    spoken_world: World, engine: EngineServer
) -> None:
    engine.guesses = ["ask_rights", "greet", "nobody_knows_this", "ask_shelter"]
    person = spoken_world.someone()
    await person.presses("lang:en")
    await person.says("mumble")
    assert person.was_told("not_understood")
    assert {"show:ask_rights", "show:ask_shelter", "do:topics"} <= payloads(person.shown)
    await person.says("mumble mumble")
    assert "show:ask_shelter" not in payloads(person.shown)
