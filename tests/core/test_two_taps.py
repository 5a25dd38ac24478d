"""From everything the assistant says, 9-1-1 and Crime Stoppers are at most two taps away.

The buttons are walked as a graph, with the real handlers, in every language.
"""

from collections.abc import Awaitable, Callable

import pytest

from bot.messages import Reply
from tests.core.world import LANGUAGES, OFFERED_A_WORD, Someone, World, payloads, text_of, words

MARK = "\u200e"
GOALS = ("9-1-1", "1-800-222-TIPS (8477)")
#: What stands alone: after leaving there is no chat; the next two answer without a store, where no
#: button could work, and carry their numbers themselves; lines are parts of a message.
ALONE = {"left", "store_away", "group"}

Tap = Callable[[str], Awaitable[list[Reply]]]


def spoken(language: str) -> list[str]:
    """Every response that can be the last of a turn."""
    sections = words().language(language).sections
    assert set(sections["responses"]) == set(words().language("en").sections["responses"])
    return [key for key in sections["responses"]
            if key not in ALONE and not key.startswith("line_")]  # fmt: skip


def seen_in(replies: list[Reply]) -> set[str]:
    text = "\n".join(reply.text for reply in replies).replace(MARK, "")
    return {goal for goal in GOALS if goal in text}


async def taps_needed(first: list[Reply], tap: Tap) -> dict[str, int]:
    """How many taps until each goal is read, up to two."""
    found = dict.fromkeys(seen_in(first), 0)
    near = payloads(first)
    for taps in (1, 2):
        further: set[str] = set()
        for payload in sorted(near):
            if len(found) == len(GOALS):
                return found
            replies = await tap(payload)
            for goal in seen_in(replies):
                found.setdefault(goal, taps)
            further |= payloads(replies)
        near = further
    return found


@pytest.mark.parametrize("language", LANGUAGES)
async def test_from_every_response_in_every_language(world: World, language: str) -> None:
    fresh = 0
    known: dict[str, list[Reply]] = {}

    async def tap(payload: str) -> list[Reply]:
        """What a button shows somebody who has only just chosen the language."""
        nonlocal fresh
        if payload not in known:
            fresh += 1
            person = world.someone(f"{language} {fresh}")
            await person.presses(f"lang:{language}")
            known[payload] = await person.presses(payload)
        return known[payload]

    for key in spoken(language):
        shown = world.words.with_footer(world.words.reply(key, language))
        needed = await taps_needed([shown], tap)
        assert set(needed) == set(GOALS), f"{key} in {language}: {needed}"
        assert needed["9-1-1"] <= 1, key


SITUATIONS = {
    "new": [],
    "in the check": ["do:start_check", "answer:safe_now:safe"],
    "waiting": ["do:person", "answer:consent:all"],
    "with a counsellor": ["do:person", "answer:consent:all", "claim"],
    "locked": [*OFFERED_A_WORD[1:], "word", "do:no_thanks", "break"],
    "in Nunavut": ["region:NU"],
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_button_that_is_ever_shown_leads_on(
    world: World, language: str, situation: str
) -> None:
    """One person presses everything they are ever offered; after each press help is near."""
    person = world.someone()
    await person.presses(f"lang:{language}")
    await arrive(person, situation)
    offered, pressed = payloads(person.shown) | {"do:topics", "do:near_me"}, set[str]()
    while open_ones := sorted(offered - pressed - {"do:leave", "do:leave_now", "do:erase_now"}):
        pressed.add(open_ones[0])
        shown = await person.presses(open_ones[0])
        assert shown, open_ones[0]
        here = payloads(shown)
        assert {"do:emergency", "do:numbers", "do:leave"} <= here, open_ones[0]
        assert all(len(payload.encode()) <= 64 for payload in here)
        offered |= here
    assert {"do:emergency", "do:numbers"} <= pressed
    assert GOALS[1] in seen_in(await person.presses("do:numbers"))
    if situation != "in Nunavut":
        assert GOALS[0] in seen_in(await person.presses("do:emergency"))


async def arrive(person: Someone, situation: str) -> None:
    for act in SITUATIONS[situation]:
        if act == "claim":
            await person.is_claimed()
            await person.presses("do:topics")
        elif act == "word":
            await person.says("marigold")
        elif act == "break":
            await person.presses("do:topics", after=3600)
        else:
            await person.presses(act)


@pytest.mark.parametrize(
    "key", ["counsellor_here", "counsellor_now", "counsellor_away", "counsellor_ended"]
)
async def test_what_the_queue_says_by_itself_has_them_too(world: World, key: str) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all")
    await world.on_shift()
    found = await person.handoff()
    assert found is not None
    await world.queue.claim(found.id, "bea")
    if key in ("counsellor_away", "counsellor_now"):
        await world.queue.release(found.id, "bea")
        if key == "counsellor_now":
            await world.queue.claim(found.id, "bea")
    elif key == "counsellor_ended":
        await world.queue.end(found.id, "bea", "safe")
    last = (await person.reads())[-1]
    assert last.text == text_of(key, name="Bea", languages="English, Français")
    assert {"do:emergency", "do:numbers", "do:leave"} <= payloads([last])
