"""Words between a person and a counsellor, both ways, and what each of them is told."""

import pytest

from bot.errors import SessionEnded
from bot.handoff.record import Level, State
from bot.inbox import Inbox, shard_of
from bot.messages import Channel, Inbound, Kind
from tests.handoff.desk import ADDRESS, Desk


async def test_words_go_both_ways_in_order(desk: Desk) -> None:
    await desk.on_shift("ana", languages="en fr")
    asked = await desk.asks("p", language="fr")
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.say(asked.id, "ana", "Bonjour.", beside="Hello.")
    current = await desk.queue.current(asked.person)
    assert current is not None
    assert current.with_counsellor
    await desk.run(desk.queue.relay_ops(current, "Aidez-moi", flag="danger_words"))
    lines = await desk.queue.transcript.read(current)
    assert [(line.who, line.text, line.beside) for line in lines] == [
        ("counsellor", "Bonjour.", "Hello."),
        ("person", "Aidez-moi", ""),
    ]
    assert [line.text for line in await desk.queue.transcript.read(current, lines[0].id)] == [
        "Aidez-moi"
    ]
    flagged = await desk.queue.current(asked.person)
    assert flagged is not None
    assert flagged.flags == ("danger_words",)
    here, said = await desk.shown("p")
    assert "Ana" in here.text
    assert (said.text, said.speaker, said.name) == ("Bonjour.", "counsellor", "Ana")


async def test_a_telegram_person_is_written_to_at_their_own_address(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await desk.asks("p", channel=Channel.TELEGRAM)
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.say(asked.id, "ana", "Hello.")
    found = await desk.queue.get(asked.id)
    assert found is not None
    assert found.to.address == ADDRESS
    assert [reply.text for reply in await desk.shown("p", Channel.TELEGRAM)][-1] == "Hello."


async def test_the_person_is_told_of_the_end_once_with_the_choice_to_erase(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await desk.asks("p")
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.end(asked.id, "ana")
    await desk.queue.end(asked.id, "ana", "helped")
    shown = await desk.shown("p")
    assert len(shown) == 2
    payloads = [button.payload for row in shown[-1].buttons for button in row]
    assert {"do:keep", "do:erase_now", "do:emergency", "do:leave"} <= set(payloads)


async def test_every_message_of_a_counsellor_has_911_and_leave_under_it(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await desk.asks("p")
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.say(asked.id, "ana", "Hello.")
    for reply in await desk.shown("p"):
        payloads = {button.payload for row in reply.buttons for button in row}
        assert {"do:emergency", "do:leave"} <= payloads


async def test_a_card_is_shown_and_kept_in_the_transcript(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await desk.asks("p")
    await desk.queue.claim(asked.id, "ana")
    card = desk.words.reply("card_911", "en")
    await desk.queue.send_card(asked.id, "ana", card)
    assert (await desk.shown("p"))[-1].text == card.text
    current = await desk.queue.current(asked.person)
    assert current is not None
    assert current.state is State.ACTIVE
    assert [line.who for line in await desk.queue.transcript.read(current)] == ["card"]


async def test_nothing_is_sent_when_the_claim_no_longer_holds(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await desk.asks("p")
    await desk.queue.claim(asked.id, "ana")
    await desk.queue.release(asked.id, "ana")
    before = len(await desk.shown("p"))
    with pytest.raises(SessionEnded):
        await desk.queue.say(asked.id, "ana", "Anyone there?")
    assert len(await desk.shown("p")) == before
    assert await desk.redis.xlen(desk.keys.transcript(asked.id)) == 0


async def test_a_turn_that_saw_another_state_is_done_again(desk: Desk) -> None:
    await desk.on_shift("ana")
    asked = await desk.asks("p", Level.RED)
    await desk.queue.claim(asked.id, "ana")
    seen = await desk.queue.current(asked.person)
    assert seen is not None
    inbox = Inbox(desk.redis, desk.keys, desk.vault)
    message = Inbound(seen.person, Channel.WEBCHAT, Kind.TEXT, desk.clock(), "words")
    await inbox.accept(message, "u1")
    shard = shard_of(seen.person)
    assert await inbox.hold(shard)
    await inbox.open_group(shard)
    (entry,) = await inbox.fresh([shard], 100)
    await desk.queue.abandon(seen.person)
    ops = desk.queue.relay_ops(seen, "words")
    assert await inbox.commit(entry, ops, desk.queue.guard(seen)) == "changed"
    assert not any("transcript" in name for name in await desk.names())
