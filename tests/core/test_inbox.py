"""The way in: stored before it is confirmed, once, in order, and never half done."""

import signal

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.errors import QueueUnavailable
from bot.inbox import GROUP, Entry, Guard, Inbox, Op, shard_of
from bot.keys import KEEP, SHARDS, Keys
from bot.messages import Channel, Inbound, Kind
from tests.core.world import World
from tests.redis_server import RedisServer
from tests.waiting import until


async def owner_of(world: World, shard: int) -> Inbox:
    """A worker's inbox that holds the shard."""
    inbox = world.new_inbox()
    assert await inbox.hold(shard)
    await inbox.open_group(shard)
    return inbox


async def accepted(world: World, *texts: str) -> tuple[Inbox, list[Entry]]:
    """One person's messages as the owner of their shard reads them."""
    person = world.someone()
    for text in texts:
        await world.accept(person.inbound(text=text))
    inbox = await owner_of(world, shard_of(person.id))
    return inbox, await inbox.fresh([shard_of(person.id)], 100)


def said(entries: list[Entry]) -> list[str]:
    return [entry.inbound.text for entry in entries if entry.inbound]


async def test_what_was_accepted_is_stored_sealed_and_ends_by_itself(idle_world: World) -> None:
    person = idle_world.someone("CANARYNAME")
    await idle_world.accept(person.inbound(text="CANARYTEXT"))
    held = await idle_world.dump()
    assert b"CANARY" not in held
    assert person.id.encode() not in held
    for name in await idle_world.names():
        assert 0 < await idle_world.redis.ttl(idle_world.keys.prefix + name) <= KEEP


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("text", ["hello", "", "\x00", "\ud800", "ਸਤ ਸ੍ਰੀ ਅਕਾਲ", "x" * 100_000])
async def test_every_message_comes_out_as_it_went_in(
    idle_world: World, kind: Kind, text: str
) -> None:
    person = idle_world.someone(channel=Channel.TELEGRAM)
    sent = person.inbound(kind, text=text, button="do:leave", message_id=5, hint="fr")
    await idle_world.accept(sent)
    inbox = await owner_of(idle_world, shard_of(person.id))
    (entry,) = await inbox.fresh([shard_of(person.id)], 100)
    assert entry.inbound == sent


async def test_a_repeated_delivery_changes_nothing(idle_world: World) -> None:
    first = idle_world.someone().inbound(text="first")
    assert await idle_world.accept(first, "update 7")
    for _ in range(3):
        assert not await idle_world.accept(first, "update 7")
    assert await idle_world.redis.xlen(idle_world.keys.inbox(shard_of(first.person))) == 1
    telegram = idle_world.someone(channel=Channel.TELEGRAM).inbound(text="another door")
    assert await idle_world.accept(telegram, "update 7"), "numbers of another door are others"


async def test_with_redis_away_the_door_must_not_confirm(own_redis: RedisServer) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        world = World(redis, Keys("t:"))
        own_redis.stop()
        with pytest.raises(QueueUnavailable):
            await world.accept(world.someone().inbound(text="hello"), "update 1")
        own_redis.start()
        assert await world.accept(world.someone().inbound(text="hello"), "update 1")
        await world.engine.close()


async def test_what_was_accepted_outlives_a_crash_of_redis(own_redis: RedisServer) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        world = World(redis, Keys("t:"))
        for number in range(20):
            await world.accept(world.someone().inbound(text=str(number)))
        own_redis.stop(signal.SIGKILL)
        own_redis.start()
        await redis.connection_pool.disconnect()
        shard = shard_of(world.someone().id)
        inbox = await owner_of(world, shard)
        assert said(await inbox.fresh([shard], 100)) == [str(number) for number in range(20)]
        await world.engine.close()


def test_people_are_spread_over_the_shards_and_never_move() -> None:
    people = [f"{number:040x}" for number in range(4000)]
    shards = [shard_of(person) for person in people]
    assert shards == [shard_of(person) for person in people]
    assert set(shards) == set(range(SHARDS))
    assert min(shards.count(shard) for shard in range(SHARDS)) > 300


async def test_a_shard_has_one_owner(idle_world: World) -> None:
    ana, bo = idle_world.new_inbox(), idle_world.new_inbox()
    assert await ana.hold(3)
    assert await ana.hold(3), "one's own lease is renewed"
    assert not await bo.hold(3)
    await bo.let_go(3)
    assert not await bo.hold(3), "nobody gives back what is not theirs"
    await ana.let_go(3)
    assert await bo.hold(3)


async def test_a_turn_is_committed_once(idle_world: World) -> None:
    inbox, (entry,) = await accepted(idle_world, "hello")
    key = f"{idle_world.keys.prefix}count"
    count: list[Op] = [("INCR", key), ("EXPIRE", key, 60)]
    assert await inbox.commit(entry, count) == "ok"
    assert await inbox.commit(entry, count) == "done"
    assert await idle_world.redis.get(key) == b"1"
    assert await inbox.left_over(entry.shard) == []


async def test_what_was_read_before_redis_restarted_is_not_committed_after(
    own_redis: RedisServer,
) -> None:
    """It may have come back with an older state, and an older entry comes first then."""
    async with Redis.from_url(own_redis.url) as redis:
        world = World(redis, Keys("t:"))
        inbox, (entry,) = await accepted(world, "hello")
        await inbox.begin()
        assert await inbox.same_store()
        own_redis.stop()
        own_redis.start()
        # Its old connection is broken.
        await until(redis.ping, "Redis is back", despite=(RedisError,))
        count: list[Op] = [("INCR", "t:count"), ("EXPIRE", "t:count", 60)]
        assert not await inbox.same_store()
        with pytest.raises(QueueUnavailable):
            await inbox.commit(entry, count)
        assert await redis.exists("t:count") == 0
        await inbox.begin()
        await inbox.hold(entry.shard)
        assert await inbox.left_over(entry.shard) == [entry]
        assert await inbox.commit(entry, count) == "ok"
        await world.engine.close()


async def test_who_lost_the_shard_commits_nothing(idle_world: World) -> None:
    inbox, (entry,) = await accepted(idle_world, "hello")
    await idle_world.redis.delete(idle_world.keys.shard(entry.shard))
    key = f"{idle_world.keys.prefix}count"
    assert await inbox.commit(entry, [("INCR", key)]) == "lost", "nobody holds it"
    other = await owner_of(idle_world, entry.shard)
    assert await inbox.commit(entry, [("INCR", key)]) == "lost", "another holds it"
    assert await idle_world.redis.exists(key) == 0
    (again,) = await other.left_over(entry.shard)
    assert again == entry
    assert await other.commit(again, [("INCR", key)]) == "ok"


async def test_a_turn_that_saw_another_state_of_the_handoff_is_not_committed(
    idle_world: World,
) -> None:
    inbox, (entry,) = await accepted(idle_world, "hello")
    record = f"{idle_world.keys.prefix}record"
    await idle_world.redis.hset(record, "state", "claimed")
    key = f"{idle_world.keys.prefix}count"
    for seen in ("waiting", "active", ""):
        assert await inbox.commit(entry, [("INCR", key)], Guard(record, seen)) == "changed"
    assert await idle_world.redis.exists(key) == 0
    assert await inbox.commit(entry, [("INCR", key)], Guard(record, "claimed")) == "ok"


async def test_a_turn_with_very_many_effects_is_one_step_too(idle_world: World) -> None:
    inbox, (entry,) = await accepted(idle_world, "hello")
    key = f"{idle_world.keys.prefix}count"
    assert await inbox.commit(entry, [("INCR", key)] * 3000) == "ok"
    assert await idle_world.redis.get(key) == b"3000"


async def test_what_a_dead_owner_had_begun_comes_first_and_in_order(idle_world: World) -> None:
    first, entries = await accepted(idle_world, *map(str, range(250)))
    while len(entries) < 250:
        entries += await first.fresh([entries[0].shard], 100)
    await first.commit(entries[0], [])
    await first.let_go(entries[0].shard)
    await idle_world.accept(idle_world.someone().inbound(text="new"))
    second = await owner_of(idle_world, entries[0].shard)
    left = await second.left_over(entries[0].shard)
    assert said(left) == [str(number) for number in range(1, 250)]
    assert said(await second.fresh([entries[0].shard], 100)) == ["new"]


async def test_what_cannot_be_opened_is_put_aside_sealed(idle_world: World) -> None:
    person = idle_world.someone()
    stream = idle_world.keys.inbox(shard_of(person.id))
    foreign = World(idle_world.redis, idle_world.keys, master=b"\x09" * 32)
    sealed = foreign.vault.seal_transit(person.inbound(text="CANARY").to_json(), stream)
    for broken in ({"e": sealed}, {"e": b"junk"}, {"other": b"field"},
                   {"e": idle_world.vault.seal_transit(b'{"person": 1}', stream)}):  # fmt: skip
        await idle_world.redis.xadd(stream, broken)  # type: ignore[arg-type]
    inbox = await owner_of(idle_world, shard_of(person.id))
    entries = await inbox.fresh([shard_of(person.id)], 100)
    assert [entry.inbound for entry in entries] == [None] * 4
    for entry in entries:
        await inbox.give_up(entry, "unreadable")
    assert await idle_world.dead_letters() == ["unreadable"] * 4
    assert await idle_world.redis.xlen(stream) == 0
    assert 0 < await idle_world.redis.ttl(idle_world.keys.dead()) <= KEEP
    await foreign.engine.close()


async def test_a_stream_that_expired_gets_its_group_again(idle_world: World) -> None:
    inbox, (entry,) = await accepted(idle_world, "hello")
    await idle_world.redis.delete(idle_world.keys.inbox(entry.shard))
    await inbox.open_group(entry.shard)
    await inbox.open_group(entry.shard)
    groups = await idle_world.redis.xinfo_groups(idle_world.keys.inbox(entry.shard))
    assert [group["name"] for group in groups] == [GROUP.encode()]


def test_a_message_from_another_version_is_refused_not_guessed() -> None:
    raw = Inbound("p", Channel.WEBCHAT, Kind.TEXT, 1.0).to_json()
    with pytest.raises(TypeError):
        Inbound.from_json(raw.replace(b'"hint":""', b'"hint":"","extra":1'))
    with pytest.raises(ValueError, match="smoke"):
        Inbound.from_json(raw.replace(b'"text",', b'"smoke",'))
