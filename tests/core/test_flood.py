"""Many messages at once get a kind "please wait"; what is urgent always passes."""

import pytest

from bot.messages import Kind
from tests.core.world import DANGER, LANGUAGES, SELF_HARM, Someone, World


async def flooded(person: Someone) -> Someone:
    """Someone who typed until they were asked to wait."""
    await person.presses("lang:en")
    for number in range(60):
        await person.says(f"message {number}", after=0)
        if person.was_told("too_fast"):
            return person
    raise AssertionError("no end to it")


async def test_about_thirty_typed_messages_pass_at_once(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    told = []
    for number in range(40):
        await person.says(f"message {number}", after=0)
        told.append(person.was_told("too_fast"))
    assert told.index(True) in range(28, 32)
    assert all(told[told.index(True):]), "and from then on all are told to wait"  # fmt: skip


async def test_buttons_are_never_held_back(world: World) -> None:
    person = await flooded(world.someone())
    for _ in range(150):
        await person.presses("do:topics", after=0)
        assert person.was_told("topics")


async def test_waiting_a_moment_is_enough(world: World) -> None:
    person = await flooded(world.someone())
    await person.says("here I am", after=10)
    assert not person.was_told("too_fast")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_cry_for_help_is_never_held_back(world: World, language: str) -> None:
    person = await flooded(world.someone())
    await person.says(DANGER[language], after=0)
    assert person.was_told("report_danger", (await person.session()).language or "en")
    await person.says(SELF_HARM[language], after=0)
    assert person.was_told("report_self_harm", (await person.session()).language or "en")


@pytest.mark.parametrize(
    ("payload", "key", "place"),
    [
        ("do:emergency", "card_911", {}),
        ("answer:safe_now:danger", "report_danger", {}),
        ("do:person", "handoff_nobody", {"place": 1}),
    ],
)
async def test_urgent_buttons_are_never_held_back(
    world: World, payload: str, key: str, place: dict[str, int]
) -> None:
    person = await flooded(world.someone())
    await person.presses(payload, after=0)
    assert person.was_told(key, "en", **place)


async def test_help_lines_are_never_held_back(world: World) -> None:
    person = await flooded(world.someone())
    await person.presses("do:numbers", after=0)
    assert "1-833-900-1010" in person.read_words()


async def test_pictures_count_like_words(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    for _ in range(40):
        await person.sends(Kind.PHOTO, after=0)
    assert person.was_told("too_fast")


async def test_a_flood_by_one_slows_nobody_else(world: World) -> None:
    await flooded(world.someone())
    other = world.someone("other")
    await other.presses("lang:en", after=0)
    await other.presses("do:start_check", after=0)
    assert other.was_asked("safe_now")


async def test_someone_with_a_counsellor_is_never_told_to_wait(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all")
    claimed = await person.is_claimed()
    for number in range(50):
        assert await person.says(f"line {number}", after=0) == []
    lines = await world.queue.transcript.read(claimed)
    assert [line.text for line in lines] == [f"line {number}" for number in range(50)]


async def test_a_clock_that_goes_back_locks_nobody_out(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    await person.presses("do:topics", after=-100_000)
    assert not person.was_told("too_fast")
