"""The handoff queue: a person asks, exactly one counsellor claims, and nobody loses their place.

Used by the handlers (request, place, leave), the core (current, relay), the console (claim, say,
release, end) and the janitor (lapses). Every act of several steps is one Lua script beside this
file. What the person is told is written in the same step as the act it tells about.
"""

import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Any

import structlog
from redis.asyncio import Redis

from bot.bidi import keep_numbers
from bot.errors import AlreadyClaimed, NotOnShift, Overtaken, Sealed, SessionEnded
from bot.handoff import scripts, telling
from bot.handoff.acting import Acting, Tools
from bot.handoff.closing import Closing
from bot.handoff.escalation import Escalation
from bot.handoff.holds import Holds
from bot.handoff.lapses import Lapses
from bot.handoff.order import in_order
from bot.handoff.record import ANIMALS, Case, Handoff, State
from bot.handoff.silence import ASK_AFTER, FIELD, Step
from bot.handoff.telling import Words
from bot.handoff.transcript import Line, Transcript
from bot.handoff.transfer import Transfers
from bot.inbox import Fence, Guard, Op
from bot.keys import DAY, KEEP, Keys
from bot.messages import Media, Recipient, Reply
from bot.outbox import Outbox
from bot.safety.levels import Level
from bot.vault import Vault, seal

__all__ = ["Queue", "Words"]

log = structlog.get_logger()


class Queue(Acting):
    """From the request to the end: asking, claiming, talking, giving back, leaving.

    Its parts do the rest: `transfers` pass a person on, `holds` keep one out of the line, `closing`
    says that the service has closed, `escalation` and `lapses` are the janitor's rounds.
    `lease` and `retention` in seconds (Tools).
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        vault: Vault,
        outbox: Outbox,
        words: Words,
        clock: Callable[[], float],
        *,
        lease: float = 30,
        retention: int = DAY,
    ) -> None:
        tools = Tools(redis, keys, vault, outbox, words, clock, lease, retention)
        super().__init__(tools)
        self.transcript = Transcript(redis, keys, self._longest)
        self.transfers = Transfers(tools)
        self.escalation = Escalation(tools)
        self.holds = Holds(tools)
        self.closing = Closing(tools)
        self.lapses = Lapses(tools, self.closing)

    # -- the person's side -----------------------------------------------------------------

    async def request(
        self,
        to: Recipient,
        *,
        level: Level,
        rules: Sequence[str],
        language: str,
        romanised: bool,
        case: Case,
        language_known: bool = True,
        fence: Fence | None = None,
        only: str = "",
    ) -> Handoff:
        """Asks for a counsellor. An open handoff is kept: raised, never lowered; case renewed.

        `language` is what the assistant answers in, also while the person's is not known.
        `only`: this handoff is renewed or, when it is over, returned as it is; none is made.
        Raises SessionEnded when nothing is left of it.
        With the `fence` of a turn it raises Overtaken when that is not this worker's any more.
        """
        context, keys = self._keys.handoff_of(to.person), self._keys
        today = await self._today()
        answer: Any = ""
        while not answer:
            key, wrapped = await self._data_key(to.person)
            fresh = secrets.token_hex(10)
            fields = [
                "person", to.person, "channel", to.channel.value, "language", language,
                "romanised", "1" if romanised else "0", "consent", case.consent,
                "language_known", "1" if language_known else "0",
                "address", self._vault.seal_transit(to.address.encode(), context),
                "case", seal(key, case.to_json(), context),
            ]  # fmt: skip
            answer = await self._scripts["request"](
                keys=[
                    context, keys.handoff(fresh), keys.queue(), keys.handles(),
                    keys.datakey(to.person), keys.counts(f"{today:%Y-%m}"),
                    keys.flag(to.person), keys.flagged(),
                ],
                args=[
                    keys.handoff(""), fresh, f"{self._clock():.3f}", KEEP, int(level),
                    " ".join(rules), wrapped, self._longest, f"{today:%d}",
                    " ".join(ANIMALS), only, *fields, *_asked_by(fence),
                ],
            )  # fmt: skip
            if answer is None:
                raise Overtaken
        found = await self.get(scripts.text(answer))
        if found is None:
            raise SessionEnded("handoff")
        await self._signal(State.WAITING, found.id)
        return found

    async def raise_level(
        self, person: str, level: Level, rules: Sequence[str], fence: Fence | None = None
    ) -> None:
        """Danger was said just now: raises the person's open handoff, if there is one.

        A lower level than it has changes nothing of the level; the rules are added all the same.
        Who waits gets the place of their level. Who is on hold and RED, by this or before, is
        called out (holds.py); not again before a supervisor has decided. Raises Overtaken.
        """
        answer: Any = await self._scripts["raise"](
            keys=[self._keys.handoff_of(person), self._keys.queue()],
            args=[
                self._keys.handoff(""), int(level), " ".join(rules), f"{self._clock():.3f}",
                *_asked_by(fence),
            ],
        )  # fmt: skip
        if answer is None:
            raise Overtaken
        if handoff := scripts.text(answer):
            await self._signal("raised", handoff)

    def relay_ops(
        self,
        handoff: Handoff,
        text: str,
        flag: str = "",
        answer: str = "",
        media: Media | None = None,
    ) -> list[Op]:
        """The commands that carry the person's words to the counsellor, for the turn's commit.

        Commit them with `guard(handoff)`. `flag` (for example danger_words) is kept on the case
        and on the line, also when it was flagged before;
        `answer` is slot:value when it was pressed; `media` came with the words.
        """
        line = Line("person", text, self._clock(), answer=answer, media=media, flag=flag)
        ops = self.transcript.ops(handoff, line)
        first: Op = ("HSETNX", self._keys.handoff(handoff.id), "unanswered", f"{line.at:.3f}")
        return [*ops, first, *self._flag(handoff, flag), self._event("heard", handoff.id)]

    def word_ops(self, handoff: Handoff, outcome: str, flag: str = "") -> list[Op]:
        """The commands that tell the counsellor how asking for the code word went."""
        checked: Op = ("HSET", self._keys.handoff(handoff.id), "word_check", outcome)
        return [checked, *self._flag(handoff, flag), self._event("heard", handoff.id)]

    def heard_ops(self, handoff: Handoff) -> list[Op]:
        """The commands that note that the person wrote, for the turn's commit and its guard.

        Who writes is there, so a counsellor's coming may be told; and their place lives on.
        """
        return [
            ("HSET", self._keys.handoff(handoff.id), "heard_at", f"{self._clock():.3f}"),
            ("EXPIRE", self._keys.queue(), KEEP),
        ]

    def silence_ops(self, handoff: Handoff, step: Step, text: str) -> list[Op]:
        """The commands that note a step of a silence (silence.py) and show the counsellor `text`.

        Commit them with `guard(handoff)`.
        """
        now = self._clock()
        line = Line("card", text, now, language=handoff.language, answer=f"silence:{step}")
        return [
            ("HSET", self._keys.handoff(handoff.id), FIELD[step], f"{now:.3f}"),
            *self.transcript.ops(handoff, line),
            self._event("silence", handoff.id),
        ]

    def forget_ops(self, handoff: str, key: str = "") -> list[Op]:
        """The commands that forget what was kept from the person: whoever commits them tells it.

        With its `key` they note, too, that it was told.
        """
        noted = self._telling.noted_ops(handoff, key)
        return [("HDEL", self._keys.handoff(handoff), "held"), *noted]

    def guard(self, handoff: Handoff) -> Guard:
        """The condition that the handoff still stands as it was read."""
        return Guard(self._keys.handoff(handoff.id), handoff.state.value)

    async def abandon(self, person: str, fence: Fence | None = None, what: str = "all") -> None:
        """The person left: out of the queue at once; record, case and transcript are deleted.

        Of "all" handoffs, also those that ended; or of the "open" one when they stop waiting.
        "silence" is all of them, because nobody wrote any more: it is counted as that.
        The data key goes too unless the session still needs it (then whoever erases that does).
        With the `fence` of a turn it raises Overtaken when that is not this worker's any more.
        """
        gone: Any = await self._scripts["abandon"](
            keys=[
                *self._all_of(person), await self._counts(), self._keys.flag(person),
                self._keys.flagged(),
            ],
            args=[self._keys.handoff(""), self._keys.transcript(""), what, *_asked_by(fence)],
        )  # fmt: skip
        if gone is None:
            raise Overtaken
        for handoff in gone:
            await self._signal(State.ABANDONED, scripts.text(handoff))

    # -- the counsellor's side -------------------------------------------------------------

    async def take_next(self, counsellor: str, languages: Collection[str]) -> Handoff | None:
        """Claims the right person for this counsellor; None when nobody waits.

        Raises NotOnShift. Somebody quicker only means that the next one is tried, and so does a
        damaged record.
        """
        known = None if (await self.service.read()).surge else languages
        in_turn = in_order(self.in_line(), counsellor, known, self._clock())
        async for handoff in in_turn:
            try:
                return await self.claim(handoff, counsellor)
            except (AlreadyClaimed, SessionEnded):
                continue
            except Sealed:
                log.error("handoff.unreadable")
        return None

    async def claim(self, handoff: str, counsellor: str) -> Handoff:
        """Takes one waiting person and tells them so; a repeated claim of one's own is harmless.

        Raises AlreadyClaimed (naming the holder), NotOnShift ("off" shift or "full"), SessionEnded.
        """
        found = await self._must(handoff)
        alias, told = await self._introduced(found, counsellor)
        verdict, holder = await self._scripts["claim"](
            keys=[
                self._keys.handoff(handoff), self._keys.queue(), self._keys.leases(),
                self._keys.shift(), self._keys.waits(), self._keys.counsellor(counsellor),
                self._keys.handoff_of(found.person), self._keys.datakey(found.person),
                self._keys.taken(counsellor), self._keys.session(found.person),
            ],
            args=[
                handoff, counsellor, alias, f"{self._clock():.3f}", self._lease, KEEP,
                self._keys.handoff(""), self._longest,
                *scripts.flat([self._event(State.CLAIMED, handoff)]), *told,
            ],
        )  # fmt: skip
        match scripts.text(verdict):
            case "taken":
                raise AlreadyClaimed(scripts.text(holder))
            case "off" | "full" as why:
                raise NotOnShift(why)
            case "gone":
                raise SessionEnded("handoff")
        return await self._must(handoff)

    async def heartbeat(self, counsellor: str) -> bool:
        """Renews the counsellor's leases and shift; returns whether they are on shift."""
        on = await self._scripts["heartbeat"](
            keys=[self._keys.leases(), self._keys.shift(), self._keys.taken(counsellor)],
            args=[
                counsellor, f"{self._clock():.3f}", self._lease, KEEP, self._keys.handoff(""),
            ],
        )  # fmt: skip
        return bool(on)

    async def say(
        self, handoff: str, counsellor: str, text: str, beside: str = "", *, once: str = ""
    ) -> bool:
        """Counsellor to person. `beside` is the same sentence in the counsellor's language.

        `once` names the press: the same words of the same press are sent once; False the next time.
        Raises SessionEnded when the claim does not hold any more: nothing was sent.
        """
        found = await self._must(handoff)
        reply = Reply(
            keep_numbers(text), found.language, speaker="counsellor", name=found.claimed_as
        )
        line = Line("counsellor", text, self._clock(), found.claimed_as, beside, found.language)
        return await self._send(found, counsellor, reply, line, once)

    async def send_card(
        self, handoff: str, counsellor: str, card: Reply, beside: str = "", *, word: bool = False,
        once: str = "",
    ) -> bool:  # fmt: skip
        """A prepared message (for example the 9-1-1 card), put in by the counsellor.

        `beside` is the same in the counsellor's language; `word`: it asks for the code word, and
        what the person types next is held against it; `once` as in `say`. Raises SessionEnded.
        """
        found = await self._must(handoff)
        line = Line("card", card.text, self._clock(), found.claimed_as, beside, card.language)
        asked: Op = ("HSET", self._keys.handoff(found.id), "word_check", "asked")
        return await self._send(found, counsellor, card, line, once, [asked] if word else [])

    async def keep_note(self, handoff: str, counsellor: str, note: str) -> None:
        """The holder's private note, in place of the one until now; "" for none.

        It goes with the handoff and is never shown to the person. Raises SessionEnded.
        """
        found = await self._must(handoff)
        if not found.key:
            raise SessionEnded("handoff")
        context = self._private_context(found.person)
        sealed = seal(found.key, note.encode(), context) if note else b""
        if (
            await self._run("keep_note", [self._keys.handoff(found.id)], [counsellor, sealed])
            != "ok"
        ):
            raise SessionEnded("claim")

    async def keep_open(self, handoff: str, counsellor: str, on: bool) -> None:
        """Whether a silence may not end the talk (silence.py). Raises SessionEnded."""
        args = [counsellor, "1" if on else "", *scripts.flat([self._event("silence", handoff)])]
        if await self._run("keep_open", [self._keys.handoff(handoff)], args) != "ok":
            raise SessionEnded("claim")

    async def release(self, handoff: str, counsellor: str) -> None:
        """Puts the person back, first of their level, and tells them. Raises SessionEnded."""
        found = await self._must(handoff)
        if await self._put_back(found, counsellor, self._clock()) != "ok":
            raise SessionEnded("claim")

    async def end(self, handoff: str, counsellor: str, outcome: str = "") -> None:
        """Ends the conversation and tells the person; without an outcome yet, it is in wrap-up.

        Record and transcript are kept for the retention time; without one the words go now, and
        with the close everything. Raises SessionEnded.
        """
        if await self._end(await self._must(handoff), counsellor, outcome) != "ok":
            raise SessionEnded("claim")

    # -- inside ----------------------------------------------------------------------------

    def _flag(self, handoff: Handoff, flag: str) -> list[Op]:
        if not flag or flag in handoff.flags:
            return []
        flags = " ".join((*handoff.flags, flag))
        return [("HSET", self._keys.handoff(handoff.id), "flags", flags)]

    async def _send(
        self, found: Handoff, counsellor: str, reply: Reply, line: Line, once: str,
        more: Sequence[Op] = (),
    ) -> bool:  # fmt: skip
        if not found.key:
            raise SessionEnded("handoff")
        now = self._clock()
        ops = [
            ("HSET", self._keys.handoff(found.id), "spoken_at", f"{now:.3f}"),
            ("HDEL", self._keys.handoff(found.id), "unanswered"),
            # From now on an answer is awaited: the person's quiet time is looked at then.
            ("ZADD", self._keys.expiry(), "XX", now + ASK_AFTER, f"{found.channel}:{found.person}"),
            # They hear from somebody now, so they are told first who it is.
            *self._telling.catch_up_ops(found),
            *(self.forget_ops(found.id) if found.untold else []),
            *self.transcript.ops(found, line),
            *self._outbox.ops(found.to, [self._words.with_footer(reply, telling.NO_FOOTER)]),
            *more,
            self._event("said", found.id),
        ]
        ops = [self._event("answered", found.id), *ops]  # the first only when it was overdue
        verdict = await self._scripts["say"](
            keys=[self._keys.handoff(found.id)],
            args=[counsellor, KEEP, _mark(once, line.text), *scripts.flat(ops)],
        )
        if scripts.text(verdict) == "gone":
            raise SessionEnded("claim")
        return scripts.text(verdict) == "ok"

    async def _data_key(self, person: str) -> tuple[bytes, bytes]:
        """The conversation's data key, plain and wrapped; a new one when there is none yet.

        It is stored by the script that uses it, so that an overtaken turn leaves none behind.
        """
        stored: Any = await self._redis.get(self._keys.datakey(person))
        if not stored:
            return self._vault.new_data_key(person)
        return self._vault.data_key(stored, person), stored


def _mark(once: str, text: str) -> str:
    """Of a press and its words, which nobody can read from it."""
    return hashlib.sha256(f"{once} {text}".encode()).hexdigest()[:16] if once else ""


def _asked_by(fence: Fence | None) -> list[str | bytes]:
    return fence.words() if fence else [""] * 4
