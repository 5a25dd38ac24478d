"""What a person could not be told when it happened comes first when they write again."""

import secrets
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from bot.conversation.core import QUIET
from bot.handoff.contact import STILL_HERE
from bot.keys import KEEP, Keys
from bot.messages import Channel
from tests.core.world import Someone, World, text_of
from tests.redis_server import RedisServer


@pytest.fixture
async def world(redis_server: RedisServer) -> AsyncIterator[World]:
    async with Redis.from_url(redis_server.url) as redis:
        world = World(redis, Keys(f"t{secrets.token_hex(6)}:"))
        async with world.working():
            yield world
        await world.engine.close()
        async for name in redis.scan_iter(f"{world.keys.prefix}*"):
            await redis.delete(name)


async def waits_quietly(world: World, *first: str) -> Someone:
    """In line, to be written to only when they write, and silent for a while."""
    person = world.someone()
    await person.presses(
        "lang:en", *first, "answer:safe_contact:only_me", "do:person", "answer:consent:all"
    )
    world.clock.forward(STILL_HERE + 1)
    return person


def here() -> str:
    return text_of("counsellor_here", name="Bea", languages="English, Français")


async def shown_of(person: Someone) -> list[str]:
    return [reply.text for reply in await person.reads() if reply.speaker == "helper"]


async def test_a_counsellor_who_came_is_told_when_the_person_writes(world: World) -> None:
    person = await waits_quietly(world)
    await person.reads()
    claimed = await person.is_claimed()
    assert claimed.untold != ""
    shown = await person.says("are you there")
    assert [reply.text for reply in shown] == [here()]
    assert {"do:emergency", "do:leave"} <= {one.payload for row in shown[-1].buttons for one in row}
    assert await person.says("hello") == [], "once"
    found = await person.handoff()
    assert found is not None
    assert found.greeted, "whoever comes next is only named"
    lines = await world.queue.transcript.read(claimed)
    assert [line.text for line in lines] == ["are you there", "hello"]


async def test_an_end_they_did_not_see_is_told_when_the_person_writes(world: World) -> None:
    person = await waits_quietly(world)
    claimed = await person.is_claimed()
    await world.queue.end(claimed.id, "bea", "helped")
    assert await shown_of(person) == []
    await person.presses("do:topics")
    assert [reply.text for reply in person.shown] == [
        text_of("counsellor_ended"), text_of("topics")
    ]  # fmt: skip
    await person.presses("do:topics")
    assert [reply.text for reply in person.shown] == [text_of("topics")]


async def test_who_writes_is_there_and_the_place_lives_on(world: World) -> None:
    person = await waits_quietly(world)
    found = await person.handoff()
    assert found is not None
    names = [world.keys.queue(), world.keys.handoff(found.id), world.keys.handoff_of(person.id)]
    for name in names:
        await world.redis.expire(name, 1_000)
    await person.presses("do:wait_place")
    assert [await world.redis.ttl(name) > KEEP - 60 for name in names] == [True] * 3
    await person.is_claimed()
    again = await person.handoff()
    assert again is not None
    assert again.untold == "", "told at once"


async def test_a_locked_chat_shows_nothing_of_it_until_it_is_opened(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:start_check", "answer:phone_seen:unsure",
                         "answer:safe_contact:only_me")  # fmt: skip
    await person.says("maple")
    await person.presses("do:no_thanks", "do:person", "answer:consent:all")
    world.clock.forward(STILL_HERE + 1)
    claimed = await person.is_claimed()
    await world.queue.release(claimed.id, "bea")
    assert text_of("counsellor_away") not in [one.text for one in await person.says("hello")]
    gone, first, *_ = await person.says("maple")
    assert gone.erase
    again = text_of("line_look_again")
    assert first.text == f"{text_of('counsellor_away')}\n\n{again}", "they set a time for it"


@pytest.mark.parametrize(
    ("choice", "region", "hour", "warned"),
    [
        ("daytime", "region:ON", 15, True),
        ("daytime", "region:BC", 15, False),
        ("evening", "region:ON", 15, False),
        ("daytime", "", 15, False),
        ("daytime", "", 17, True),
    ],
)
async def test_quiet_is_announced_only_when_writing_is_safe(
    world: World, choice: str, region: str, hour: int, warned: bool
) -> None:
    """The test's clock stands at 15 hours UTC: 10 in Toronto, 7 in Vancouver."""
    world.clock.forward((hour - 15) * 3_600)
    person = world.someone("ana", Channel.TELEGRAM)
    await person.presses("lang:en", "do:start_check", *([region] if region else []),
                         f"answer:safe_contact:{choice}")  # fmt: skip
    world.clock.forward(QUIET + 1)
    await world.janitor().round()
    shown = await person.answers()
    assert [reply.text for reply in shown] == [text_of("quiet_warning", minutes=5)] * warned
