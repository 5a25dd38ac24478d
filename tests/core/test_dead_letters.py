"""What was given up on: sealed, counted, handed in again, and gone with the one who leaves."""

from dataclasses import replace

from bot.dead_letters import DeadLetters, Replayed
from bot.dialogue.engine import Answer, Engine
from bot.keys import DAY
from bot.messages import Channel, Reply
from tests.core.world import World


class Broken(Engine):
    """A defect, until it is mended."""

    mended = False

    async def text(self, person: str, text: str) -> Answer:
        if self.mended:
            return Answer(("greet",))
        raise RuntimeError


def letters(world: World) -> DeadLetters:
    return DeadLetters(world.redis, world.keys, world.vault, world.inbox, world.outbox)


async def test_a_message_comes_back_unless_its_person_has_left(idle_world: World) -> None:
    broken = Broken("http://127.0.0.1:9", "token")
    stays, leaves = idle_world.someone("ana"), idle_world.someone("bo")
    worker = idle_world.worker(use=replace(idle_world.use, engine=broken))
    async with idle_world.working(worker):
        for person in (stays, leaves):
            await person.presses("lang:en")
            await person.says("CANARY he keeps my pay")
        assert await letters(idle_world).counts() == {("inbox", "failed"): 2}
        await leaves.says("exit")
        broken.mended = True
        assert await letters(idle_world).replay() == Replayed(again=1, erased=1)
        await stays.answers()
        assert stays.was_told("greet")
        assert await leaves.answers() == []
    assert await letters(idle_world).counts() == {}
    await broken.close()


async def test_with_a_wrong_master_key_nothing_is_lost(idle_world: World) -> None:
    person = idle_world.someone()
    await idle_world.accept(person.inbound(text="hello there"))
    foreign = World(idle_world.redis, idle_world.keys, master=b"\x09" * 32)
    async with foreign.working():
        await foreign.all_done()
    assert await letters(foreign).replay() == Replayed(closed=1)
    async with idle_world.working():
        assert await letters(idle_world).replay() == Replayed(again=1)
        await person.answers()
    assert "hello there" in [reply.text for reply in await person.screen()]
    await foreign.engine.close()


async def test_a_reply_is_sealed_with_the_key_of_its_person(world: World) -> None:
    person = world.someone(channel=Channel.TELEGRAM)
    assert await world.outbox.letter(person.to, Reply("CANARY")) == b"", "nobody is known yet"
    await person.presses("lang:en")
    stream = world.outbox.stream(person.to)

    async def put_aside() -> None:
        sealed = await world.outbox.letter(person.to, Reply("CANARY"))
        assert sealed
        assert b"CANARY" not in sealed
        entry = {"e": sealed, "why": "refused", "stream": stream}
        await world.redis.xadd(world.keys.dead(), entry)  # type: ignore[arg-type]

    await put_aside()
    await person.reads()
    assert await letters(world).replay() == Replayed(again=1)
    assert [reply.text for reply in await person.reads()] == ["CANARY"]
    await put_aside()
    await person.says("exit")
    assert await letters(world).replay() == Replayed(erased=1)


async def test_a_new_letter_does_not_keep_an_old_one(world: World) -> None:
    old = await world.redis.xadd(world.keys.dead(), {"e": b"", "why": b"failed"}, id="1000-1")
    person = world.someone()
    await world.accept(person.inbound(text="first"))
    await world.redis.xadd(world.keys.inbox(0), {"e": b"damaged"})
    await world.all_done()
    assert old not in [entry_id for entry_id, _ in await world.redis.xrange(world.keys.dead())]
    assert 0 < await world.redis.ttl(world.keys.dead()) <= 2 * DAY
    assert await letters(world).drop() == 1
