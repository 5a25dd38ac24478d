"""After the duress word nothing tells whoever looks on that somebody comes, is there, or goes."""

from collections.abc import Awaitable, Callable

import pytest

from bot.handoff.contact import STILL_HERE
from bot.handoff.record import Handoff
from bot.handoff.service import Mode
from bot.handoff.silence import ASK_AFTER, PAUSE
from bot.messages import Kind, Media, Reply
from tests.core.world import DANGER, OFFERED_A_WORD, Someone, World, payloads, text_of

TWO_MINUTES = 121


async def with_words(world: World, *, contact: str = "any") -> Someone:
    """Somebody who has set both words."""
    person = world.someone()
    await person.presses(*OFFERED_A_WORD[:-1], f"answer:safe_contact:{contact}")
    await person.says("marigold")
    await person.says("daffodil")
    assert (await person.session()).duress_mark
    return person


async def is_forced(world: World, *, contact: str = "any") -> Someone:
    """Somebody who has just typed the second word."""
    person = await with_words(world, contact=contact)
    await person.says("daffodil", after=STILL_HERE + 1)
    found = await person.handoff()
    assert found is not None
    assert found.forced
    return person


async def taken(world: World, person: Someone) -> Handoff:
    found = await person.handoff()
    assert found is not None
    await world.on_shift()
    return await world.queue.claim(found.id, "bea")


async def _nothing(world: World, person: Someone) -> None:
    """Nobody comes for two minutes."""
    world.clock.forward(TWO_MINUTES)
    await world.janitor().round()
    found = await person.handoff()
    assert found is not None
    assert "told" in found.escalated, "and it was due"


async def _closes(world: World, person: Someone) -> None:
    await world.queue.service.set_mode(Mode.CLOSED)
    await world.janitor().round()
    found = await person.handoff()
    assert found is not None
    assert await world.redis.hget(world.keys.handoff(found.id), "closing"), "and it was due"


async def _is_taken(world: World, person: Someone) -> None:
    await taken(world, person)


async def _is_released(world: World, person: Someone) -> None:
    await world.queue.release((await taken(world, person)).id, "bea")


async def _changes_hands(world: World, person: Someone) -> None:
    held = await taken(world, person)
    await world.on_shift("cem")
    await world.queue.transfers.offer(held.id, "bea", "cem", "note")
    await world.queue.transfers.accept(held.id, "cem")


async def _ends(world: World, person: Someone) -> None:
    await world.queue.end((await taken(world, person)).id, "bea", "helped")


ACTS = (_nothing, _closes, _is_taken, _is_released, _changes_hands, _ends)


@pytest.mark.parametrize("contact", ["any", "only_me"])
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_nothing_is_told_now_or_later(
    world: World, act: Callable[[World, Someone], Awaitable[None]], contact: str
) -> None:
    person = await is_forced(world, contact=contact)
    await act(world, person)
    assert await person.reads() == []
    shown = await person.says("marigold")
    assert [reply.text for reply in shown if "Bea" in reply.text or "Cem" in reply.text] == []
    for key in ("counsellor_away", "handoff_late", "counsellor_ended", "handoff_nobody"):
        assert not person.was_told(key)


async def test_only_what_a_counsellor_sends_is_shown(world: World) -> None:
    person = await is_forced(world)
    held = await taken(world, person)
    await world.queue.say(held.id, "bea", "Your parcel is on its way.")
    assert [reply.text for reply in await person.reads()] == ["Your parcel is on its way."]
    for seconds in (ASK_AFTER, PAUSE, PAUSE):
        world.clock.forward(seconds + 1)
        await world.on_shift()
        await world.queue.heartbeat("bea")
        await world.janitor().round()
        assert await person.answers() == [], "nobody is asked whether they are still there"
    assert (await world.queue.get(held.id)) is not None


async def test_what_was_kept_from_before_is_not_told_after_it(world: World) -> None:
    person = await with_words(world, contact="only_me")
    await person.presses("do:person")
    world.clock.forward(STILL_HERE + 1)
    await _is_released(world, person)
    found = await person.handoff()
    assert found is not None
    assert found.untold, "it waits until they write"
    await person.says("daffodil")
    await person.says("marigold")
    assert [text for text in _texts(await person.screen()) if "break" in text] == []
    assert text_of("counsellor_away") not in _texts(await person.screen())


async def test_in_a_talk_it_counts_from_the_word_on(world: World) -> None:
    person = await with_words(world)
    await person.presses("do:person", "answer:consent:all")
    held = await person.is_claimed()
    await world.queue.say(held.id, "bea", "Hello.")
    await person.says("daffodil")
    await person.reads()
    await world.queue.end(held.id, "bea", "helped")
    assert await person.reads() == []


async def test_their_own_presses_are_answered_and_name_nobody(world: World) -> None:
    person = await is_forced(world)
    await person.presses("do:person")
    assert person.shown, "the place in line"
    await taken(world, person)
    for payload in ("do:numbers", "do:person", "do:wait_place"):
        shown = await person.presses(payload)
        assert shown
        assert "Bea" not in person.read_words()
        assert "do:person" in payloads(shown), "the same buttons as before"


def _texts(shown: list[Reply]) -> list[str]:
    return [reply.text for reply in shown]


async def test_a_card_or_a_voice_message_says_nothing_of_a_counsellor(world: World) -> None:
    person = await is_forced(world)
    await taken(world, person)
    await person.says(DANGER["en"])
    await person.sends(Kind.VOICE, media=Media(Kind.VOICE, "file", 9_000))
    assert person.was_told("media")
    await person.presses("answer:hurt_now:yes")
    shown = " ".join(reply.text for reply in await person.screen() if reply.speaker != "person")
    assert text_of("report_danger") in shown
    for key in ("danger_seen", "media_came"):
        assert text_of(key) not in shown
