"""In a talk danger is heard by the word lists and by the engine; the counsellor reads which."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bot.handoff.record import Handoff
from bot.handoff.transcript import Line
from bot.messages import Kind
from bot.safety.levels import Level
from tests.core.engine_server import EngineServer
from tests.core.test_engine_trouble import NONSENSE
from tests.core.world import DANGER, Someone, World, text_of

#: No phrase of any list; what the engine understands of it.
KNIFE = "usne darwaza band kar ditta te chaku hai"
MEANS: dict[str, tuple[list[str], str | None]] = {
    KNIFE: (["report_danger"], None),
    "there is no point in waking up": (["report_self_harm"], None),
    "he reads along I think": (["report_watched"], None),
    "where could I sleep": (["ask_shelter"], None),
}


async def talking(world: World, *before: str) -> Someone:
    person = world.someone()
    await person.presses("lang:en", *before, "do:person", "answer:consent:all")
    await person.is_claimed()
    return person


async def talk_of(person: Someone) -> tuple[Handoff, list[Line]]:
    found = await person.handoff()
    assert found is not None
    return found, await person.world.queue.transcript.read(found)


@contextlib.asynccontextmanager
async def being_understood(person: Someone, engine: EngineServer) -> AsyncIterator[None]:
    """While the engine thinks about a line; after it the person has been answered."""
    engine.means |= MEANS
    engine.answers.clear()
    await person.world.accept(person.inbound(text="he reads along I think"))
    async with asyncio.timeout(10):
        while not engine.understood:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    yield
    engine.answers.set()
    await person.answers()


@pytest.mark.parametrize(
    ("said", "flag", "card"),
    [
        (KNIFE, "danger_maybe", "danger_seen"),
        ("there is no point in waking up", "self_harm_maybe", "report_self_harm"),
    ],
)
async def test_what_only_the_engine_hears_is_flagged_as_that_and_makes_red(
    spoken_world: World, engine: EngineServer, said: str, flag: str, card: str
) -> None:
    engine.means |= MEANS
    person = await talking(spoken_world)
    await person.says(said)
    assert [reply.text for reply in person.shown] == [text_of(card)]
    found, lines = await talk_of(person)
    assert (found.flags, found.level) == ((flag,), Level.RED)
    assert flag in found.rules
    assert [line.text for line in lines] == [said]
    assert engine.understood == [said]
    assert KNIFE not in [body.get("text") for body in engine.heard]
    assert await person.says(said) == []  # the card comes once
    await person.presses("answer:minor:no")  # the case is renewed
    assert flag in (await talk_of(person))[0].rules


@pytest.mark.parametrize(
    ("said", "flag"),
    [(KNIFE, "danger_unclear"), ("there is no point in waking up", "self_harm_unclear")],
)
async def test_what_the_engine_only_suspects_marks_the_line_and_no_more(
    spoken_world: World, engine: EngineServer, said: str, flag: str
) -> None:
    engine.means |= MEANS
    engine.confidence = 0.59
    person = await talking(spoken_world)
    assert await person.says(said) == []
    found, lines = await talk_of(person)
    assert [line.flag for line in lines] == [flag]
    assert found.level is Level.ORANGE


async def test_what_says_danger_and_self_harm_at_once_is_clear(
    spoken_world: World, engine: EngineServer
) -> None:
    engine.means |= MEANS
    engine.confidence = 0.5
    shares = {"report_danger": 0.5, "report_self_harm": 0.45, "ask_shelter": 0.05}
    engine.ranking = [{"name": name, "confidence": share} for name, share in shares.items()]
    person = await talking(spoken_world)
    await person.says(KNIFE)
    assert (await talk_of(person))[0].level is Level.RED


@pytest.mark.parametrize("outcome", ["helped", ""])
async def test_a_talk_that_ends_while_a_line_is_understood_puts_nobody_in_line(
    spoken_world: World, engine: EngineServer, outcome: str
) -> None:
    queue, person = spoken_world.queue, await talking(spoken_world)
    asked, _ = await talk_of(person)
    async with being_understood(person, engine):
        await queue.end(asked.id, "bea", outcome)
    assert await queue.waiting() == []
    assert await person.handoff() is None


async def test_who_is_released_while_a_line_is_understood_is_answered_by_the_assistant(
    spoken_world: World, engine: EngineServer
) -> None:
    queue, person = spoken_world.queue, await talking(spoken_world)
    asked, _ = await talk_of(person)
    async with being_understood(person, engine):
        await queue.release(asked.id, "bea")
    assert [one.id for one in await queue.waiting()] == [asked.id]
    assert person.was_told("report_watched")


async def test_an_engine_that_hangs_is_not_asked_again_at_once(
    idle_world: World, engine: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or Leave would wait behind every line before it."""
    monkeypatch.setattr("bot.dialogue.engine.REST", 600.0)
    slow = World(idle_world.redis, idle_world.keys, engine.url, patience=0.1)
    async with slow.working():
        person = await talking(slow)
        engine.answers.clear()
        for said in ("one", "two", "three"):
            await slow.accept(person.inbound(text=said))
        await person.answers()
        assert "three" not in engine.understood
    await slow.engine.close()


async def test_the_lists_are_sure_and_the_engine_is_not_asked(
    spoken_world: World, engine: EngineServer
) -> None:
    person = await talking(spoken_world)
    await person.says(DANGER["en"])
    assert (await talk_of(person))[0].flags == ("danger_words",)
    assert engine.understood == []


@pytest.mark.parametrize("said", ["where could I sleep", "thank you for coming"])
async def test_nothing_is_flagged_for_a_plain_line(
    spoken_world: World, engine: EngineServer, said: str
) -> None:
    engine.means |= MEANS
    person = await talking(spoken_world)
    assert await person.says(said) == []
    found, lines = await talk_of(person)
    assert (found.flags, found.level) == ((), Level.ORANGE)
    assert [line.text for line in lines] == [said]


@pytest.mark.parametrize(
    ("said", "flag"),
    [("he reads along I think", "watched_maybe"), ("someone is watching me", "watched_words")],
)
async def test_being_watched_is_flagged_and_shows_no_card(
    spoken_world: World, engine: EngineServer, said: str, flag: str
) -> None:
    engine.means |= MEANS
    person = await talking(spoken_world, "do:start_check", "answer:documents_held:yes")
    assert await person.says(said) == []
    found, _ = await talk_of(person)
    assert (found.flags, found.level) == ((flag,), Level.ORANGE)
    assert "watched_with_indicator" in found.rules


async def test_danger_beside_words_of_being_watched_is_danger(
    spoken_world: World, engine: EngineServer
) -> None:
    said = f"someone is watching me, {KNIFE}"
    engine.means[said] = (["report_danger"], None)
    person = await talking(spoken_world)
    await person.says(said)
    assert (await talk_of(person))[0].flags == ("danger_maybe",)


async def test_an_edited_message_and_words_under_a_photo_are_heard_so_too(
    spoken_world: World, engine: EngineServer
) -> None:
    engine.means |= MEANS
    person = await talking(spoken_world)
    await person.sends(Kind.EDITED, text=KNIFE)
    assert person.was_told("danger_seen")
    await person.sends(Kind.PHOTO, text="there is no point in waking up")
    assert person.was_told("report_self_harm")
    assert (await talk_of(person))[0].flags == ("danger_maybe", "self_harm_maybe")


async def test_a_secret_word_is_not_given_to_the_engine(
    spoken_world: World, engine: EngineServer
) -> None:
    """Once it is one; what is typed as one may be a cry of one word, and is listened to first."""
    person = spoken_world.someone()
    await person.presses("lang:en", "do:start_check", "answer:phone_seen:unsure",
                         "answer:safe_contact:any")  # fmt: skip
    await person.says("marigold")
    await person.says("thistle")
    engine.understood.clear()
    await person.presses("do:person", "answer:consent:all")
    await person.is_claimed()
    assert await person.says("thistle") == []
    assert engine.understood == []


async def test_without_the_engine_the_lists_alone_are_heard_and_the_message_goes_through(
    world: World,
) -> None:
    person = await talking(world)
    assert await person.says(KNIFE) == []
    await person.says(DANGER["en"])
    assert person.was_told("danger_seen")
    found, lines = await talk_of(person)
    assert found.flags == ("danger_words",)
    assert [line.text for line in lines] == [KNIFE, DANGER["en"]]


@pytest.mark.parametrize("what", NONSENSE)
async def test_nonsense_of_the_engine_holds_up_no_message(
    spoken_world: World, engine: EngineServer, what: str
) -> None:
    person = await talking(spoken_world)
    engine.nonsense = NONSENSE[what]
    assert await person.says("I am in the kitchen") == []
    found, lines = await talk_of(person)
    assert (found.flags, [line.text for line in lines]) == ((), ["I am in the kitchen"])
    assert await spoken_world.dead_letters() == []


async def test_a_slow_engine_keeps_no_message_and_no_order(
    idle_world: World, engine: EngineServer
) -> None:
    """Each is carried when the engine's time is over, the first before the second."""
    slow = World(idle_world.redis, idle_world.keys, engine.url, patience=0.1)
    async with slow.working():
        person = await talking(slow)
        engine.answers.clear()
        for said in ("one", "two", DANGER["en"]):
            await slow.accept(person.inbound(text=said))
        await person.answers()
        found, lines = await talk_of(person)
    assert [line.text for line in lines] == ["one", "two", DANGER["en"]]
    assert found.flags == ("danger_words",)
    await slow.engine.close()


async def test_two_quick_messages_keep_their_order_while_the_engine_thinks(
    spoken_world: World, engine: EngineServer
) -> None:
    engine.means |= MEANS
    person = await talking(spoken_world)
    engine.answers.clear()
    await spoken_world.accept(person.inbound(text=KNIFE))
    await spoken_world.accept(person.inbound(text="where could I sleep"))
    engine.answers.set()
    await person.answers()
    assert [line.text for line in (await talk_of(person))[1]] == [KNIFE, "where could I sleep"]
    assert engine.understood == [KNIFE, "where could I sleep"]


async def test_outside_of_a_talk_danger_is_not_hidden_by_words_of_being_watched_either(
    spoken_world: World, engine: EngineServer
) -> None:
    said = f"someone is watching me, {KNIFE}"
    engine.means[said] = (["report_danger"], None)
    person = spoken_world.someone()
    await person.presses("lang:en")
    await person.says(said)
    assert person.was_told("report_danger")
    await person.says("someone is watching me")
    assert person.was_told("report_watched")
