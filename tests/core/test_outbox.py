"""The way out: in order, sealed, bounded, and erased for good."""

import pytest

from bot.errors import Sealed
from bot.keys import KEEP
from bot.messages import Button, Channel, Recipient, Reply
from bot.outbox import FAREWELL, SCREEN_LENGTH
from tests.core.world import World

ANA = Recipient("a" * 40, Channel.WEBCHAT)
TELE = Recipient("b" * 40, Channel.TELEGRAM, "chat 5")


async def shown(world: World, to: Recipient) -> list[tuple[Recipient, Reply]]:
    stream = world.outbox.stream(to)
    return [world.outbox.read(stream, fields) for _, fields in await world.redis.xrange(stream)]


async def test_replies_arrive_whole_and_in_order(idle_world: World) -> None:
    replies = [
        Reply("ਸਤ ਸ੍ਰੀ ਅਕਾਲ \u200e9-1-1", "pa", ((Button("ਹਾਂ", "answer:minor:yes"),),), urgent=True),
        Reply("two", speaker="counsellor", name="Bea", passable=True),
    ]
    for to in (ANA, TELE):
        await idle_world.put(to, replies)
        assert await shown(idle_world, to) == [(to, reply) for reply in replies]


async def test_a_screen_keeps_about_the_last_two_hundred(idle_world: World) -> None:
    for number in range(SCREEN_LENGTH * 3):
        await idle_world.put(ANA, [Reply(str(number))])
    texts = [reply.text for _, reply in await shown(idle_world, ANA)]
    assert SCREEN_LENGTH <= len(texts) <= SCREEN_LENGTH + 100
    assert texts[-1] == str(SCREEN_LENGTH * 3 - 1)


async def test_what_telegram_has_not_sent_is_never_dropped(idle_world: World) -> None:
    for number in range(SCREEN_LENGTH * 2):
        await idle_world.put(TELE, [Reply(str(number))])
    assert len(await shown(idle_world, TELE)) == SCREEN_LENGTH * 2


async def test_erasing_replaces_everything_on_the_screen(idle_world: World) -> None:
    await idle_world.put(ANA, [Reply("CANARY one"), Reply("CANARY two")])
    goodbye = Reply("Goodbye.", erase=True)
    await idle_world.put(ANA, [goodbye])
    assert await shown(idle_world, ANA) == [(ANA, goodbye)]
    left = await idle_world.redis.ttl(idle_world.keys.screen(ANA.person))
    assert 0 < left <= FAREWELL


async def test_everything_ends_by_itself(idle_world: World) -> None:
    for to in (ANA, TELE):
        await idle_world.put(to, [Reply("hello")])
        assert 0 < await idle_world.redis.ttl(idle_world.outbox.stream(to)) <= KEEP


async def test_nothing_to_say_touches_nothing(idle_world: World) -> None:
    assert idle_world.outbox.ops(ANA, []) == []
    await idle_world.put(ANA, [])
    assert await idle_world.names() == set()


async def test_one_screen_cannot_be_read_as_another(idle_world: World) -> None:
    await idle_world.put(ANA, [Reply("for Ana")])
    rows = await idle_world.redis.xrange(idle_world.keys.screen(ANA.person))
    with pytest.raises(Sealed):
        idle_world.outbox.read(idle_world.keys.screen("c" * 40), rows[0][1])
