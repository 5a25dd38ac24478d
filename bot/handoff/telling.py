"""What a person is told that nobody wrote by hand: a counsellor is here, is away, has ended.

It goes out in the same step as the act it tells about, or, when the person asked not to be
written to now, is kept on the handoff until they write or their hour comes.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from bot.handoff import contact, scripts
from bot.handoff.record import Case, Handoff
from bot.inbox import Op
from bot.keys import Keys
from bot.messages import Reply
from bot.outbox import Outbox

#: A counsellor is there or coming: "talk to a person" would make no sense under these messages.
NO_FOOTER: Final = frozenset({"person"})
#: They promise to write when someone comes.
PROMISES: Final = frozenset(
    {"handoff_waiting", "handoff_waiting_place", "handoff_until", "counsellor_away"}
)
#: After these nobody is there or coming.
_OVER: Final = frozenset({"counsellor_ended", "handoff_cancelled"})


#: Says once that a person writes now and not the assistant; whoever comes after is only named.
HERE: Final = "counsellor_here"


class Words(Protocol):
    """What the queue needs of bot.conversation.render: a key in the person's language."""

    def reply(self, key: str, language: str, **params: str) -> Reply:
        """The reviewed words of `key`."""

    def with_footer(self, reply: Reply, without: frozenset[str] = ...) -> Reply:
        """The same with the buttons that are under every message."""

    def languages(self) -> list[tuple[str, str]]:
        """(code, own name) of every language."""


class Telling:
    """Puts such a message into commands, and says whether it may go out now."""

    def __init__(
        self, words: Words, outbox: Outbox, clock: Callable[[], float], keys: Keys
    ) -> None:
        self._words, self._outbox, self._clock, self._keys = words, outbox, clock, keys

    def ops(self, found: Handoff, key: str, case: Case | None = None, /, **params: str) -> list[Op]:
        """The commands that tell it now; `case` has the times they chose."""
        choice = case.safe_contact if case else ""
        reply = worded(self._words, key, found.language, choice, **params)
        without = frozenset[str]() if key in _OVER else NO_FOOTER
        told = self._outbox.ops(found.to, [self._words.with_footer(reply, without)])
        return [*told, *self.noted_ops(found.id, key)]

    def noted_ops(self, handoff: str, key: str) -> list[Op]:
        """The commands that note that `key` was told, where something hangs on it."""
        return [("HSET", self._keys.handoff(handoff), "greeted", "1")] if key == HERE else []

    def args(self, found: Handoff, case: Case | None, key: str, **params: str) -> list[Any]:
        """The same as `tell` in common.lua reads it; that decides, by what is true then.

        `case` None: it could not be read, so nothing may be said unasked.
        """
        now = self._clock()
        fits = case is not None and contact.welcome(case.safe_contact, case.zones, now)
        kept = json.dumps({"key": key, **params})
        ops = self.ops(found, key, case, **params)
        return [int(fits), kept, f"{now - contact.STILL_HERE:.3f}", *scripts.flat(ops)]

    def catch_up_ops(self, found: Handoff) -> list[Op]:
        """The commands that tell what was kept; none when nothing was.

        Commit them with Queue.forget_ops, or it is told again.
        """
        if not found.untold:
            return []
        key, params = kept(found.untold)
        return self.ops(found, key, **params)


def worded(words: Words, key: str, language: str, choice: str, /, **params: str) -> Reply:
    """The message of a response key.

    Who is not to be written to at any hour waits in vain for what it promises, by their own choice
    of times: behind it they are told that they can look for themselves.
    """
    reply = words.reply(key, language, **params)
    if key not in PROMISES or not contact.limited(choice):
        return reply
    again = words.reply("line_look_again", language)
    return replace(reply, text=f"{reply.text}\n\n{again.text}")


def kept(untold: str) -> tuple[str, dict[str, str]]:
    """The response key and its parameters from what a handoff keeps."""
    params: dict[str, str] = json.loads(untold)
    return params.pop("key"), params
