"""Workers: everybody answered once and in order, however many there are and whoever dies."""

import asyncio
import contextlib
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

import bot.worker
from bot.dialogue.engine import Answer, Engine
from bot.errors import QueueUnavailable
from bot.handoff.queue import Queue
from bot.handoff.record import Handoff
from bot.inbox import Entry, Inbox, shard_of
from bot.keys import KEEP, SHARDS, Keys
from bot.messages import Channel, Kind
from tests.core.engine_server import EngineServer
from tests.core.test_leaving import nothing_is_left_of
from tests.core.world import DANGER, Someone, World, text_of
from tests.redis_server import RedisServer
from tests.waiting import until


async def own_words(person: Someone) -> list[str]:
    """What the screen shows of what the person said themselves: one line for each turn done."""
    return [reply.text for reply in await person.screen() if reply.speaker == "person"]


async def answers(person: Someone) -> list[str]:
    return [reply.text for reply in await person.screen() if reply.speaker != "person"]


async def test_sixty_people_write_twenty_messages_each_to_three_workers(
    idle_world: World,
) -> None:
    people = [idle_world.someone(f"person {number}") for number in range(60)]
    async with idle_world.working(*(idle_world.worker() for _ in range(3))):
        for number in range(20):
            idle_world.clock.forward(10)
            for person in people:
                await idle_world.accept(person.inbound(text=f"message {number}"))
        await idle_world.all_done()
    for person in people:
        assert await own_words(person) == [f"message {number}" for number in range(20)]
        assert len(await answers(person)) == 20
    assert await idle_world.dead_letters() == []


@contextlib.asynccontextmanager
async def process(world: World, server: RedisServer, engine: str) -> AsyncIterator[Any]:
    """A worker in a process of its own; killed at the end, if it still lives."""
    asked = {"redis": server.url, "prefix": world.keys.prefix, "engine": engine, "patience": 60}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.core.worker_process", json.dumps(asked),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert started.stdout is not None
    try:
        await started.stdout.readline()
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.communicate()


async def test_killed_in_the_middle_of_turns_nobody_is_lost_or_answered_twice(
    idle_world: World, redis_server: RedisServer, engine: EngineServer
) -> None:
    people = [idle_world.someone(f"person {number}") for number in range(8)]
    async with process(idle_world, redis_server, engine.url) as first:
        for person in people:
            await idle_world.accept(person.inbound(Kind.BUTTON, button="lang:en"))
        await idle_world.all_done()
        engine.answers.clear()
        for number in range(5):
            idle_world.clock.forward(10)
            for person in people:
                await idle_world.accept(person.inbound(text=f"message {number}"))
        await until(lambda: len(engine.heard) == len(people), "a turn of each person is under way")
        first.kill()
        await first.wait()
    engine.answers.set()
    async with process(idle_world, redis_server, engine.url):
        await idle_world.all_done("what the dead worker had begun is finished")
    said = ("", "_again", "_person", "", "_again")
    not_understood = [text_of(f"not_understood{which}") for which in said]
    for person in people:
        assert (await own_words(person))[1:] == [f"message {number}" for number in range(5)]
        assert (await answers(person))[1:] == not_understood


async def test_killed_again_and_again_at_any_moment(
    idle_world: World, redis_server: RedisServer, engine: EngineServer
) -> None:
    people = [idle_world.someone(f"person {number}") for number in range(4)]

    async def people_write() -> None:
        for number in range(40):
            idle_world.clock.forward(10)
            for person in people:
                await idle_world.accept(person.inbound(text=f"message {number}"))
            await asyncio.sleep(0.05)

    writing = asyncio.create_task(people_write())
    for _ in range(3):
        done = len(engine.heard)
        async with process(idle_world, redis_server, engine.url) as worker:
            await until(
                lambda done=done: len(engine.heard) > done + 15 or writing.done(), "it works"
            )
            worker.kill()
    await writing
    async with process(idle_world, redis_server, engine.url):
        await idle_world.all_done()
    for person in people:
        assert await own_words(person) == [f"message {number}" for number in range(40)]


async def test_a_worker_that_is_stopped_finishes_what_it_began(
    idle_world: World, engine: EngineServer
) -> None:
    use = replace(idle_world.use, engine=Engine(engine.url, "token", 60))
    person = idle_world.someone()
    worker = idle_world.worker(use=use)
    running = asyncio.create_task(worker.run())
    engine.answers.clear()
    await idle_world.accept(person.inbound(text="hello there"))
    await until(lambda: engine.heard, "the turn is under way")
    worker.stop()
    engine.answers.set()
    await running
    assert await own_words(person) == ["hello there"]
    owned = [await idle_world.redis.exists(idle_world.keys.shard(shard)) for shard in range(SHARDS)]
    assert not any(owned), "another may begin at once"
    await use.engine.close()


async def test_a_worker_that_was_away_longer_than_its_lease_takes_nothing_with_it(
    idle_world: World, redis_server: RedisServer, engine: EngineServer
) -> None:
    """A paused machine wakes up and believes that it still owns its shards."""
    people = [idle_world.someone(f"person {number}") for number in range(40)]
    async with process(idle_world, redis_server, engine.url) as first:
        await until(lambda: owned(idle_world), "the first owns every shard")
        first.send_signal(signal.SIGSTOP)
        await until(lambda: owned_by_nobody(idle_world), "its leases ran out")
        async with process(idle_world, redis_server, engine.url):
            await until(lambda: owned(idle_world), "the second owns every shard")
            first.send_signal(signal.SIGCONT)
            for number in range(20):
                for person in people:
                    await idle_world.accept(person.inbound(text=f"message {number}"))
            await idle_world.all_done("every message, whoever read it")
    for person in people:
        assert await own_words(person) == [f"message {number}" for number in range(20)]


async def owned(world: World) -> bool:
    names = [world.keys.shard(shard) for shard in range(SHARDS)]
    return await world.redis.exists(*names) == SHARDS


async def owned_by_nobody(world: World) -> bool:
    return not await world.redis.exists(*[world.keys.shard(shard) for shard in range(SHARDS)])


async def test_workers_share_the_shards_and_take_over_what_one_gives_back(
    idle_world: World,
) -> None:
    people = [idle_world.someone(f"person {number}") for number in range(20)]

    async def everybody_writes(text: str) -> None:
        for person in people:
            await idle_world.accept(person.inbound(text=text))

    async with idle_world.working(idle_world.worker()):
        await until(lambda: shares(idle_world, [8]), "the first holds everything")
        await everybody_writes("one")
        async with idle_world.working(idle_world.worker(), idle_world.worker()):
            await everybody_writes("two")
            await until(lambda: shares(idle_world, [2, 3, 3]), "each holds its share")
            await everybody_writes("three")
        await everybody_writes("four")
        await until(lambda: shares(idle_world, [8]), "the first holds everything again")
        await idle_world.all_done()
    for person in people:
        assert await own_words(person) == ["one", "two", "three", "four"]


async def shares(world: World, expected: list[int]) -> bool:
    owners: Any = await world.redis.mget([world.keys.shard(shard) for shard in range(SHARDS)])
    return None not in owners and sorted(Counter(owners).values()) == expected


async def test_an_entry_nobody_can_open_holds_nobody_up(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    await world.redis.xadd(world.keys.inbox(shard_of(person.id)), {"e": b"junk"})
    await person.says("is anybody there")
    assert person.was_told("engine_away")
    await until(lambda: put_aside(world, ["unreadable"]), "it is put aside")


async def put_aside(world: World, why: list[str]) -> bool:
    return await world.dead_letters() == why


async def test_streams_that_expired_are_made_again(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en")
    for shard in range(SHARDS):
        await world.redis.delete(world.keys.inbox(shard))
    await person.says("hello after two quiet days")
    assert person.was_told("engine_away")


class Broken(Engine):
    """An engine client with a defect: it stands for any defect in a handler."""

    error: BaseException = RuntimeError("CANARY a text that no log may show")

    async def text(self, person: str, text: str) -> Answer:
        raise self.error


@pytest.mark.parametrize(
    "error",
    [RuntimeError("CANARY"), KeyError("CANARY"), UnicodeError("CANARY"), RecursionError(),
     MemoryError(), OSError("CANARY"), TimeoutError("CANARY")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
async def test_when_a_turn_fails_the_person_gets_numbers_and_the_next_message_works(
    idle_world: World, capfd: pytest.CaptureFixture[str], error: BaseException
) -> None:
    broken = Broken("http://127.0.0.1:9", "token")
    broken.error = error
    person = idle_world.someone()
    async with idle_world.working(idle_world.worker(use=replace(idle_world.use, engine=broken))):
        await person.presses("lang:en")
        await person.says("can my boss keep my passport and my pay?")
        assert person.was_told("store_away")
        await person.presses("do:numbers")
        assert "1-833-900-1010" in person.read_words()
    assert await idle_world.dead_letters() == ["failed"]
    assert "CANARY" not in "".join(capfd.readouterr())
    assert "passport" not in (await idle_world.dump()).decode("latin-1")
    await broken.close()


async def test_a_turn_that_hangs_ends_with_numbers(
    idle_world: World, engine: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.worker, "_LONGEST_TURN", 0.3)
    engine.answers.clear()
    patient = Engine(engine.url, "token", 60)
    person = idle_world.someone()
    async with idle_world.working(idle_world.worker(use=replace(idle_world.use, engine=patient))):
        await person.presses("lang:en")
        await person.says("he keeps my passport and my pay")
        assert person.was_told("store_away")
    engine.answers.set()
    await patient.close()


async def test_danger_in_a_turn_that_fails_still_shows_the_card(
    idle_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> Handoff:
        raise RuntimeError

    monkeypatch.setattr(Queue, "current", fails)
    person = idle_world.someone()
    async with idle_world.working():
        await person.says(DANGER["es"])
        assert person.was_told("report_danger", "es")
        assert person.was_told("store_away", "es")


async def test_nobody_quiet_is_written_to_because_of_a_failure(
    idle_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> Handoff:
        raise RuntimeError

    monkeypatch.setattr(Queue, "current", fails)
    person = idle_world.someone(channel=Channel.TELEGRAM)
    async with idle_world.working():
        assert await person.sends(Kind.IDLE) == []
        assert await person.sends(Kind.BLOCKED) == []


async def test_a_record_of_another_type_holds_up_nobody_else(world: World) -> None:
    """Redis says so at every try: it is not away."""
    ana, bo = world.someone("ana"), world.someone("bo")
    await world.redis.rpush(world.keys.handoff_of(ana.id), "nonsense")
    await ana.says(DANGER["en"])
    assert ana.was_told("report_danger")
    assert ana.was_told("store_away")
    await bo.says("is anybody there")
    assert bo.shown
    assert await world.dead_letters() == ["failed"]


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (ResponseError("WRONGTYPE Operation against a key script: ab, on @user_script:3."), False),
        (ResponseError("user_script:3: attempt to compare nil with number"), False),
        (KeyError("CANARY"), False),
        (ResponseError("MISCONF Redis is configured to save RDB snapshots"), True),
        (ResponseError("Error running script (call to f_ab): @user_script:1: -OOM command"), True),
        (OutOfMemoryError("command not allowed"), True),
        (ReadOnlyError("You can't write against a read only replica."), True),
        (RedisError("away"), True),
        (QueueUnavailable("inbox"), True),
    ],
)
def test_a_turn_waits_for_the_store_and_not_for_a_record(error: Exception, waits: bool) -> None:
    assert bot.worker._of_the_store(error) is waits


async def test_a_master_that_became_a_replica_takes_nothing_and_answers_later(
    own_redis: RedisServer,
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        world = World(redis, Keys("t:"))
        person = world.someone()
        await world.accept(person.inbound(text=DANGER["en"]))
        await redis.replicaof("127.0.0.1", 1)  # nobody is there
        async with world.working():
            for _ in range(3):
                with pytest.raises(QueueUnavailable):
                    await world.accept(person.inbound(text="hello"), "not stored")
            await redis.replicaof("NO", "ONE")
            await person.answers()
        assert person.was_told("report_danger")
        assert await own_words(person) == [DANGER["en"]]
        assert await world.dead_letters() == []
        await world.engine.close()


class LosesRedis(Engine):
    """The store goes away in the middle of a turn, and the turn fails."""

    server: RedisServer
    turns = 0

    async def text(self, person: str, text: str) -> Answer:
        self.turns += 1
        if self.turns == 1:
            self.server.stop()
        raise RuntimeError


async def test_redis_away_while_a_turn_fails_delays_the_answer_and_loses_nothing(
    own_redis: RedisServer,
) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        world = World(redis, Keys("t:"))
        broken = LosesRedis("http://127.0.0.1:9", "token")
        broken.server = own_redis
        person = world.someone()
        async with world.working(world.worker(use=replace(world.use, engine=broken))):
            await person.presses("lang:en")
            world.clock.forward(10)
            await world.accept(person.inbound(text="one two three"))
            await until(lambda: own_redis._process is None, "Redis is away")
            own_redis.start()
            await until(lambda: told(person), "an answer")
        await world.engine.close()
        await broken.close()


async def told(person: Someone) -> bool:
    with contextlib.suppress(RedisError):  # its old connections are broken
        return text_of("store_away") in await answers(person)
    return False


async def test_redis_that_comes_back_finds_the_worker_waiting(own_redis: RedisServer) -> None:
    async with Redis.from_url(own_redis.url) as redis:
        world = World(redis, Keys("t:"))
        person = world.someone()
        async with world.working():
            await person.presses("lang:en")
            own_redis.stop()
            own_redis.start()
            await until(lambda: accepts(world, person), "Redis is back")
            await person.answers()
            assert await own_words(person) == ["English", "hello again"]
        await world.engine.close()


async def accepts(world: World, person: Someone) -> bool:
    with contextlib.suppress(Exception):
        return await world.accept(person.inbound(text="hello again"), "the same update")
    return False


class Meanwhile(Engine):
    """While the engine thinks, a counsellor claims this person."""

    world: World
    person: Someone
    turns = 0

    async def text(self, person: str, text: str) -> Answer:
        self.turns += 1
        if self.turns == 1:
            await self.person.is_claimed()
        return Answer(("greet",))


async def test_claimed_during_a_turn_the_turn_is_done_again_and_the_words_are_relayed(
    idle_world: World,
) -> None:
    engine = Meanwhile("http://127.0.0.1:9", "token")
    person = engine.person = idle_world.someone()
    async with idle_world.working(idle_world.worker(use=replace(idle_world.use, engine=engine))):
        await person.presses("lang:en", "do:person", "answer:consent:all")
        assert await person.says("are you there") == [], "the assistant is silent"
    found = await person.handoff()
    assert found is not None
    lines = await idle_world.queue.transcript.read(found)
    assert [line.text for line in lines] == ["are you there"]
    assert engine.turns == 1
    await engine.close()


class Sleeps(Engine):
    """The worker sleeps while the engine thinks, which notes what it understood."""

    world: World
    others: Callable[[], Awaitable[None]]

    async def text(self, person: str, text: str) -> Answer:
        await self.others()
        await self.world.redis.set(self.world.keys.engine(person), "noted", ex=KEEP)
        return Answer(("greet",))


@pytest.mark.parametrize("wakes", ["after its lease", "owning the shard again"])
@pytest.mark.parametrize("sleeps", ["before the turn", "in the turn"])
async def test_a_worker_that_slept_leaves_nothing_of_somebody_who_has_left(
    idle_world: World, sleeps: str, wakes: str
) -> None:
    person, inbox = idle_world.someone(), idle_world.new_inbox()
    shard = shard_of(person.id)

    async def others() -> None:
        await idle_world.redis.delete(idle_world.keys.shard(shard))
        async with idle_world.working():
            await person.answers()
            await person.says("exit")
        if wakes == "owning the shard again":
            assert await inbox.hold(shard)

    await idle_world.accept(person.inbound(text="hello there"))
    await inbox.begin()
    assert await inbox.hold(shard)
    await inbox.open_group(shard)
    (entry,) = await inbox.fresh([shard], 100)
    engine = Sleeps("http://127.0.0.1:9", "token")
    engine.world, engine.others = idle_world, others
    worker = idle_world.worker(inbox, replace(idle_world.use, engine=engine))
    if sleeps == "before the turn":
        await others()
    await worker._finish(entry)
    assert await nothing_is_left_of(person)
    await engine.close()


async def test_what_redis_handed_over_with_an_answer_that_got_lost_is_not_forgotten(
    idle_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, lost = Inbox.fresh, False

    async def lose_one(inbox: Inbox, shards: list[int], wait_ms: int) -> list[Entry]:
        nonlocal lost
        entries = await read(inbox, shards, wait_ms)
        if entries and not lost:
            lost = True
            raise ConnectionError
        return entries

    monkeypatch.setattr(Inbox, "fresh", lose_one)
    person = idle_world.someone()
    async with idle_world.working():
        await person.says(DANGER["en"])
        assert person.was_told("report_danger")
    assert lost
