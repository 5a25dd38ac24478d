"""The way out: replies wait here, sealed, until their door has shown them.

Telegram has one stream that the telegram process delivers; each web visitor has a screen (a
stream of their own) that the page reads. Both are written in the step that commits a turn, or
that does what a person is told unasked (a counsellor's words, the end of a talk).
"""

import json
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from bot.errors import Sealed
from bot.inbox import Op
from bot.keys import KEEP, Keys
from bot.messages import Channel, Recipient, Reply
from bot.vault import Vault

#: How many messages a web page keeps.
SCREEN_LENGTH = 200
#: How long an open page has to learn that its conversation was erased, seconds.
FAREWELL = 120


class Outbox:
    """Turns replies into Redis commands, for whoever runs them, and back."""

    def __init__(self, redis: Redis, keys: Keys, vault: Vault) -> None:
        self._redis, self._keys, self._vault = redis, keys, vault

    def ops(self, to: Recipient, replies: Sequence[Reply]) -> list[Op]:
        """The commands that hand `replies` to the person's door, in order."""
        if not replies:
            return []
        key = self.stream(to)
        commands: list[Op] = []
        web = to.channel is Channel.WEBCHAT
        if web and any(reply.erase for reply in replies):
            commands.append(("DEL", key))
        for reply in replies:
            sealed = self._vault.seal_transit(_plain(to, reply), key)
            commands.append(("XADD", key, "MAXLEN", "~", SCREEN_LENGTH, "*", "e", sealed)
                            if web
                            else ("XADD", key, "*", "e", sealed))  # fmt: skip
        ends = web and replies[-1].erase  # with words behind it the conversation goes on
        commands.append(("EXPIRE", key, FAREWELL if ends else KEEP))
        return commands

    def stream(self, to: Recipient) -> str:
        """The key the recipient's replies go to."""
        if to.channel is Channel.WEBCHAT:
            return self._keys.screen(to.person)
        return self._keys.outbox(to.channel)

    def read(self, stream: str, fields: dict[bytes, bytes]) -> tuple[Recipient, Reply]:
        """One stored entry back. Raises Sealed, or KeyError/ValueError for a damaged one."""
        return self.opened(self._vault.unseal_transit(fields[b"e"], stream))

    def opened(self, plain: bytes) -> tuple[Recipient, Reply]:
        """An entry from its plain bytes. Raises KeyError, ValueError or TypeError."""
        body = json.loads(plain)
        person, channel, address = body["to"]
        return Recipient(person, Channel(channel), address), Reply.from_json(body["reply"])

    async def letter(self, to: Recipient, reply: Reply) -> bytes:
        """A reply sealed as a dead letter; b"" once its person has left: nothing is kept then.

        Raises RedisError.
        """
        wrapped: Any = await self._redis.get(self._keys.datakey(to.person))
        try:
            key = self._vault.data_key(wrapped or b"", to.person)
        except Sealed:
            return b""
        return self._vault.seal_letter(to.person, key, _plain(to, reply))


def _plain(to: Recipient, reply: Reply) -> bytes:
    body = {"to": [to.person, to.channel, to.address], "reply": reply.to_json()}
    return json.dumps(body).encode()
