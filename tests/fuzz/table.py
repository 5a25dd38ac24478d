"""Two people at one table: whatever comes in is taken through a whole turn and checked.

A turn here does what a worker does: load, core, commit, all with the real Redis. The two people
write in turns, each with a word of their own (a canary), so that a mix-up would show.
"""

import asyncio
import secrets
from types import TracebackType
from typing import Any, Self

from redis.asyncio import Redis

from bot.conversation import core
from bot.handlers.turn import Turn
from bot.inbox import Op
from bot.keys import Keys
from bot.messages import Channel, Inbound, Kind, Reply
from tests.core.world import World

CANARIES = {"ana": "canaryanaqx", "bo": "canaryboqz"}
#: The longest text of the assistant itself; doors split what is longer than one message of theirs.
LONGEST_TEXT = 16_000
LONGEST_PAYLOAD = 64


class Table:
    """Use as a context manager; `turn` is one message, checked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        self.turns = 0

    def __enter__(self) -> Self:
        self._runner.run(self._open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self._close())
        self._runner.close()

    async def _open(self) -> None:
        self.redis = Redis.from_url(self._url)
        self.world = World(self.redis, Keys(f"t{secrets.token_hex(6)}:"))

    async def _close(self) -> None:
        await self._clear()
        await self.world.engine.close()
        await self.redis.aclose()

    async def _clear(self) -> None:
        names = [name async for name in self.redis.scan_iter(f"{self.world.keys.prefix}*")]
        if names:
            await self.redis.delete(*names)

    def clear(self) -> None:
        """Two new people."""
        self._runner.run(self._clear())

    def person(self, name: str, channel: Channel) -> str:
        return self.world.vault.person(channel, name)

    def turn(self, name: str, channel: Channel, kind: Kind, **fields: Any) -> list[Reply]:
        """One message of Ana or Bo, `after` seconds later; returns what is said."""
        self.world.clock.forward(fields.pop("after", 10.0))
        inbound = Inbound(
            self.person(name, channel), channel, kind, self.world.clock(),
            address=f"chat {name}" if channel is Channel.TELEGRAM else "", **fields,
        )  # fmt: skip
        return self._runner.run(self._turn(name, inbound))

    def counsellor_comes(self, name: str, channel: Channel) -> bool:
        """Somebody claims the person, if they wait."""
        return self._runner.run(self._claim(self.person(name, channel)))

    async def _claim(self, person: str) -> bool:
        found = await self.world.queue.current(person)
        if found is None or found.with_counsellor:
            return False
        await self.world.on_shift(person[:8])
        await self.world.queue.claim(found.id, person[:8])
        return True

    async def _turn(self, name: str, inbound: Inbound) -> list[Reply]:
        world = self.world
        self.turns += 1
        inbound = Inbound.from_json(inbound.to_json())  # through the inbox, as it would be
        inbound, found = core.open_turn(world.use, inbound)
        session, key, wrapped = await world.memory.load(inbound)
        assert session.person == inbound.person
        handoff = await world.queue.current(inbound.person)
        turn = Turn(world.use, inbound, session, handoff, found)
        await core.take_turn(world.use, turn)
        session.last_at = inbound.at
        self._check(name, turn, silence_is_right=_may_be_silent(turn, handoff is not None))
        ops: list[Op] = [*turn.ops]
        ops += (
            world.memory.erase(session)
            if turn.ended
            else world.memory.save(session, key, wrapped, turn.handoff)
        )
        ops += world.outbox.ops(session.to, turn.replies)
        other = CANARIES.keys() - {name}
        for op in ops:
            for channel in Channel:
                assert self.person(*other, channel) not in str(op), "somebody else's key"
            await self.redis.execute_command(*op)
        await self._check_screen(inbound)
        return turn.replies

    def _check(self, name: str, turn: Turn, *, silence_is_right: bool) -> None:
        replies = [reply for reply in turn.replies if reply.speaker != "person"]
        spoken = [reply for reply in replies if reply.text or reply.erase]
        assert spoken or silence_is_right, "silence"
        assert len(replies) <= 6, "a flood of answers"
        (other,) = CANARIES.keys() - {name}
        for reply in turn.replies:
            assert CANARIES[other] not in reply.text.lower(), "somebody else's words"
            reply.text.encode()
        for reply in replies:
            assert CANARIES[name] not in reply.text.lower(), "the assistant never repeats words"
            assert "{" not in reply.text, "a placeholder"
            assert len(reply.text) <= LONGEST_TEXT
            assert reply.text.strip() or reply.erase
            for row in reply.buttons:
                assert row
                for button in row:
                    assert button.label.strip()
                    assert 0 < len(button.payload.encode()) <= LONGEST_PAYLOAD
        if replies and replies[-1].text and not turn.ended:
            last = {button.payload for row in replies[-1].buttons for button in row}
            assert {"do:emergency", "do:numbers", "do:leave"} <= last

    async def _check_screen(self, inbound: Inbound) -> None:
        """What was stored can be read again, and is this person's."""
        if inbound.channel is Channel.WEBCHAT:
            stream = self.world.keys.screen(inbound.person)
            for _, fields in await self.redis.xrevrange(stream, count=8):
                to, _ = self.world.outbox.read(stream, fields)
                assert to.person == inbound.person


def _may_be_silent(turn: Turn, open_handoff: bool) -> bool:
    if turn.inbound.kind is Kind.IDLE:
        return True
    return open_handoff and turn.handoff is not None and turn.handoff.with_counsellor
