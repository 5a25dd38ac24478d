"""A conversation at rest: sealed, short-lived, without a word of what was said."""

from bot.inbox import shard_of
from bot.keys import DAY, KEEP, SHARDS
from bot.messages import Channel
from tests.core.world import World

CANARY = "CANARY7f3a"
#: Keys about nobody, or about counsellors: the listed exceptions.
NO_PERSON = ("waits", "counts:", "console:shift", "console:counsellor:")


async def a_full_conversation(world: World, channel: Channel) -> None:
    person = world.someone(CANARY, channel)
    await person.says(f"my name is {CANARY}", hint=CANARY)
    await person.presses("lang:en", "do:start_check", "answer:safe_now:watched", "region:ON")
    await person.presses("answer:safe_contact:evening")
    await person.says(f"{CANARY} word")
    await person.presses("do:no_thanks", "do:person", "answer:consent:all")
    await person.is_claimed()
    await person.says(f"I am {CANARY}")
    found = await person.handoff()
    assert found is not None
    await world.queue.say(found.id, "bea", f"hello {CANARY}")


async def test_nothing_a_person_said_or_is_can_be_read_at_rest(world: World) -> None:
    for channel in Channel:
        await a_full_conversation(world, channel)
        await world.redis.hdel(world.keys.shift(), "bea")
        await world.redis.delete(world.keys.leases())
    held = (await world.dump()).lower()
    assert CANARY.lower().encode() not in held
    for told in (b"watched", b"hello", b"evening"):
        assert told not in held, told


async def test_every_key_about_a_person_ends_by_itself(world: World) -> None:
    await a_full_conversation(world, Channel.TELEGRAM)
    names = await world.names()
    assert len(names) > 10
    used = shard_of(world.vault.person(Channel.TELEGRAM, CANARY))
    never_used = {f"inbox:{shard}" for shard in range(SHARDS)} - {f"inbox:{used}"}
    for name in names - never_used:
        if name.startswith(NO_PERSON):
            continue
        left = await world.redis.ttl(world.keys.prefix + name)
        assert 0 < left <= KEEP, name
    assert KEEP == 2 * DAY


async def test_words_are_not_in_what_is_remembered_even_when_opened(world: World) -> None:
    await a_full_conversation(world, Channel.WEBCHAT)
    person = world.someone(CANARY)
    remembered = (await person.session()).to_json().decode()
    assert CANARY.lower() not in remembered.lower()
    assert '"safe_now":"watched"' in remembered


async def test_a_conversation_is_remembered_word_for_word_of_what_was_understood(
    world: World,
) -> None:
    person = world.someone()
    await person.presses("lang:pa", "do:start_check", "answer:safe_now:safe", "answer:minor:yes")
    session = await person.session()
    assert session.answers == {"safe_now": "safe", "minor": "yes"}
    assert (session.language, session.pinned, session.checking) == ("pa", True, True)
    assert session.asking == "hurt_now"


async def test_two_people_have_two_keys_and_cannot_be_swapped(world: World) -> None:
    ana, bo = world.someone("ana"), world.someone("bo")
    await ana.presses("lang:fr")
    await bo.presses("lang:es")
    names = [(world.keys.session(person.id), world.keys.datakey(person.id)) for person in (ana, bo)]
    for own, foreign in zip(names[0], names[1], strict=True):
        await world.redis.set(foreign, await world.redis.get(own) or b"")
    assert (await bo.session()).language is None, "what is Ana's does not open for Bo"
    await bo.presses("do:numbers")
    assert bo.shown


async def test_a_lost_data_key_is_a_new_conversation(world: World) -> None:
    person = world.someone()
    await person.presses("lang:fr", "do:start_check")
    await world.redis.delete(world.keys.datakey(person.id))
    assert (await person.session()).language is None
    await person.presses("lang:es")
    assert person.was_told("greeting", "es")


async def test_damaged_bytes_are_a_new_conversation(world: World) -> None:
    person = world.someone()
    for broken in (b"", b"x", b"\x00" * 200):
        await person.presses("lang:fr")
        await world.redis.set(world.keys.session(person.id), broken)
        assert (await person.session()).language is None
    await world.redis.set(world.keys.datakey(person.id), b"broken")
    await person.presses("lang:es")
    assert person.was_told("greeting", "es")
    await person.presses("do:person", "answer:consent:all")
    assert await person.handoff() is not None


async def test_leave_can_delete_the_persons_own_messages_too(world: World) -> None:
    person = world.someone("ana", Channel.TELEGRAM)
    await person.says("hello", hint="en")
    await world.accept(person.inbound(text="again", message_id=77))
    await person.answers()
    kept = await world.redis.zrange(world.keys.sent(person.id), 0, -1)
    assert kept == [b"77"]
