"""The handoff queue: a person asks, exactly one counsellor claims, and nobody loses their place.

Used by the handlers (request, place, leave), the core (current, relay), the console (claim, say,
release, end) and the janitor (lapse). Every act of several steps is one Lua script beside this
file. What the person is told is written in the same step as the act it tells about.
"""

import json
import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Protocol

from redis.asyncio import Redis

from bot.bidi import keep_numbers
from bot.errors import AlreadyClaimed, NotOnShift, SessionEnded
from bot.handoff import record, scripts
from bot.handoff.ledger import Ledger
from bot.handoff.presence import Presence
from bot.handoff.record import Case, Handoff, State
from bot.handoff.transcript import Line, Transcript
from bot.inbox import Guard, Op
from bot.keys import DAY, KEEP, Keys
from bot.messages import Recipient, Reply
from bot.outbox import Outbox
from bot.safety.levels import Level
from bot.vault import Vault, seal

#: For so long a counsellor who knows the language is preferred, seconds; then anyone takes.
LANGUAGE_FIRST: Final = 210
#: GREEN and YELLOW rise one level for every so many seconds of waiting.
RISE_AFTER: Final = 1_800
#: A counsellor is there or coming: "talk to a person" would make no sense under these messages.
NO_FOOTER: Final = frozenset({"person"})


class Words(Protocol):
    """What the queue needs of bot.conversation.render: a key in the person's language."""

    def reply(self, key: str, language: str, **params: str) -> Reply:
        """The reviewed words of `key`."""

    def with_footer(self, reply: Reply, without: frozenset[str] = ...) -> Reply:
        """The same with the buttons that are under every message."""

    def languages(self) -> list[tuple[str, str]]:
        """(code, own name) of every language."""


class Queue(Ledger):
    """All acts on handoffs. `lease` and `retention` in seconds; `clock` gives epoch seconds."""

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
        super().__init__(redis, keys, vault, Presence(redis, keys, clock, lease))
        self._outbox, self._words, self._clock = outbox, words, clock
        self._lease, self._retention = lease, retention
        self._scripts = {
            name: scripts.load(redis, name)
            for name in (
                "request", "raise", "claim", "put_back", "say", "end", "abandon", "heartbeat", "age"
            )
        }  # fmt: skip
        self.transcript = Transcript(redis, keys)

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
    ) -> Handoff:
        """Asks for a counsellor. An open handoff is kept: raised, never lowered; case renewed."""
        key = await self._data_key(to.person)
        context = self._keys.handoff_of(to.person)
        fresh = secrets.token_hex(10)
        handles = record.handles(8)
        fields = [
            "person", to.person, "channel", to.channel.value, "language", language,
            "romanised", "1" if romanised else "0", "consent", case.consent,
            "address", self._vault.seal_transit(to.address.encode(), context),
            "case", seal(key, case.to_json(), context),
        ]  # fmt: skip
        answer = await self._scripts["request"](
            keys=[context, self._keys.handoff(fresh), self._keys.queue(), self._keys.leases()],
            args=[
                self._keys.handoff(""), fresh, f"{self._clock():.3f}", KEEP, int(level),
                " ".join(rules), len(handles), *handles, *fields,
            ],
        )  # fmt: skip
        found = await self.get(scripts.text(answer))
        if found is None:
            raise SessionEnded("handoff")
        await self._signal(State.WAITING, found.id)
        return found

    async def raise_level(self, person: str, level: Level, rules: Sequence[str]) -> None:
        """Raises the person's open handoff; a lower level changes nothing but adds the rules."""
        answer = await self._scripts["raise"](
            keys=[self._keys.handoff_of(person), self._keys.queue()],
            args=[self._keys.handoff(""), int(level), " ".join(rules)],
        )
        if handoff := scripts.text(answer):
            await self._signal("raised", handoff)

    def relay_ops(self, handoff: Handoff, text: str, flag: str = "") -> list[Op]:
        """The commands that carry the person's words to the counsellor, for the turn's commit.

        Commit them with `guard(handoff)`. `flag` (for example danger_words) is kept on the case.
        """
        ops = self.transcript.ops(handoff, Line("person", text, self._clock()))
        if flag and flag not in handoff.flags:
            flags = " ".join((*handoff.flags, flag))
            ops.append(("HSET", self._keys.handoff(handoff.id), "flags", flags))
        return [*ops, self._event("said", handoff.id)]

    def guard(self, handoff: Handoff) -> Guard:
        """The condition that the handoff still stands as it was read."""
        return Guard(self._keys.handoff(handoff.id), handoff.state.value)

    async def abandon(self, person: str) -> None:
        """The person left: out of the queue at once; record, case and transcript are deleted.

        The data key goes too unless the session still needs it (then whoever erases that does).
        """
        gone: Any = await self._scripts["abandon"](
            keys=[
                self._keys.handoff_of(person), self._keys.queue(), self._keys.leases(),
                self._keys.datakey(person), self._keys.session(person),
            ],
            args=[self._keys.handoff(""), self._keys.transcript("")],
        )  # fmt: skip
        for handoff in gone:
            await self._signal(State.ABANDONED, scripts.text(handoff))

    # -- the counsellor's side -------------------------------------------------------------

    async def take_next(self, counsellor: str, languages: Collection[str]) -> Handoff | None:
        """Claims the right person for this counsellor; None when nobody waits.

        Raises NotOnShift. Somebody quicker only means that the next one is tried.
        """
        for candidate in self._in_order_for(counsellor, languages, await self.waiting()):
            try:
                return await self.claim(candidate.id, counsellor)
            except (AlreadyClaimed, SessionEnded):
                continue
        return None

    async def claim(self, handoff: str, counsellor: str) -> Handoff:
        """Takes one waiting person and tells them so; a repeated claim of one's own is harmless.

        Raises AlreadyClaimed (naming the holder), NotOnShift ("off" shift or "full"), SessionEnded.
        """
        found = await self._must(handoff)
        alias, languages = await self._introduce(counsellor)
        ops = [
            *self._tell(found, "counsellor_here", name=alias, languages=languages),
            self._event(State.CLAIMED, handoff),
        ]
        verdict, holder = await self._scripts["claim"](
            keys=[
                self._keys.handoff(handoff), self._keys.queue(), self._keys.leases(),
                self._keys.shift(), self._keys.waits(), self._keys.counsellor(counsellor),
            ],
            args=[
                handoff, counsellor, alias, f"{self._clock():.3f}", self._lease, KEEP,
                self._keys.handoff(""), *scripts.flat(ops),
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
            keys=[self._keys.leases(), self._keys.shift()],
            args=[
                counsellor, f"{self._clock():.3f}", self._lease, KEEP, self._keys.handoff(""),
            ],
        )  # fmt: skip
        return bool(on)

    async def say(self, handoff: str, counsellor: str, text: str, beside: str = "") -> None:
        """Counsellor to person. `beside` is the same sentence in the counsellor's language.

        Raises SessionEnded when the claim does not hold any more: nothing was sent.
        """
        found = await self._must(handoff)
        reply = Reply(
            keep_numbers(text), found.language, speaker="counsellor", name=found.claimed_as
        )
        line = Line("counsellor", text, self._clock(), found.claimed_as, beside, found.language)
        await self._send(found, counsellor, reply, line)

    async def send_card(self, handoff: str, counsellor: str, card: Reply) -> None:
        """A prepared message (for example the 9-1-1 card), put in by the counsellor."""
        found = await self._must(handoff)
        line = Line("card", card.text, self._clock(), found.claimed_as, "", card.language)
        await self._send(found, counsellor, card, line)

    async def release(self, handoff: str, counsellor: str) -> None:
        """Puts the person back, first of their level, and tells them. Raises SessionEnded."""
        found = await self._must(handoff)
        if await self._put_back(found, counsellor, self._clock()) != "ok":
            raise SessionEnded("claim")

    async def end(self, handoff: str, counsellor: str, outcome: str = "") -> None:
        """Ends the conversation and tells the person; without an outcome yet, it is in wrap-up.

        Record and transcript are kept for the retention time. Raises SessionEnded.
        """
        if await self._end(await self._must(handoff), counsellor, outcome) != "ok":
            raise SessionEnded("claim")

    # -- the janitor's side ----------------------------------------------------------------

    async def lapse(self, now: float) -> list[Handoff]:
        """Puts back whom a silent counsellor held, lets the long waiting rise, tidies the shift.

        Returns the handoffs that lapsed, as they were.
        """
        await self.presence.drop_stale(now)
        leases: Any = await self._redis.zrangebyscore(self._keys.leases(), "-inf", now)
        lapsed = []
        for handoff in await self._read(leases):
            if handoff.state is State.WRAP_UP:
                await self._end(handoff, "", "")
            elif await self._put_back(handoff, "", now) == "ok":
                lapsed.append(handoff)
        expired: Any = await self._scripts["age"](
            keys=[self._keys.queue(), self._keys.leases()],
            args=[self._keys.handoff(""), f"{now:.3f}", RISE_AFTER],
        )
        for gone in expired:
            await self._signal(State.EXPIRED, scripts.text(gone))
        return lapsed

    # -- inside ----------------------------------------------------------------------------

    def _in_order_for(
        self, counsellor: str, languages: Collection[str], waiting: list[Handoff]
    ) -> list[Handoff]:
        """Level first. Within a level (never RED) a known language goes before, for a while."""
        oldest_wait = self._clock() - LANGUAGE_FIRST

        def order(handoff: Handoff) -> tuple[bool, int, bool]:
            suits = (
                handoff.rank is Level.RED
                or handoff.language in languages
                or handoff.asked_at <= oldest_wait
            )
            # Whom one has just released comes last, or "take next" would hand them back.
            return handoff.left_by == counsellor, handoff.rank, not suits

        return sorted(waiting, key=order)  # stable: the queue's order decides between equals

    async def _send(self, found: Handoff, counsellor: str, reply: Reply, line: Line) -> None:
        if not found.key:
            raise SessionEnded("handoff")
        ops = [
            *self.transcript.ops(found, line),
            *self._outbox.ops(found.to, [self._words.with_footer(reply, NO_FOOTER)]),
            self._event("said", found.id),
        ]
        verdict = await self._scripts["say"](
            keys=[self._keys.handoff(found.id)], args=[counsellor, KEEP, *scripts.flat(ops)]
        )
        if scripts.text(verdict) != "ok":
            raise SessionEnded("claim")

    async def _put_back(self, found: Handoff, counsellor: str, now: float) -> str:
        ops = [*self._tell(found, "counsellor_away"), self._event(State.WAITING, found.id)]
        verdict = await self._scripts["put_back"](
            keys=[self._keys.handoff(found.id), self._keys.queue(), self._keys.leases()],
            args=[found.id, counsellor, f"{now:.3f}", KEEP, *scripts.flat(ops)],
        )
        return scripts.text(verdict)

    async def _end(self, found: Handoff, counsellor: str, outcome: str) -> str:
        verdict = await self._scripts["end"](
            keys=[
                self._keys.handoff(found.id), self._keys.handoff_of(found.person),
                self._keys.leases(), self._keys.transcript(found.id),
                self._keys.datakey(found.person),
            ],
            args=[
                found.id, counsellor, f"{self._clock():.3f}", outcome, self._retention,
                *scripts.flat(self._tell(found, "counsellor_ended")),
            ],
        )  # fmt: skip
        if scripts.text(verdict) == "ok":
            await self._signal(State.CLOSED, found.id)
        return scripts.text(verdict)

    def _tell(self, found: Handoff, key: str, **params: str) -> list[Op]:
        """The commands that tell the person something nobody wrote by hand."""
        reply = self._words.reply(key, found.language, **params)
        without = NO_FOOTER if key != "counsellor_ended" else frozenset[str]()
        return self._outbox.ops(found.to, [self._words.with_footer(reply, without)])

    async def _introduce(self, counsellor: str) -> tuple[str, str]:
        """The alias and the languages a counsellor is announced with."""
        row: Any = await self._redis.hmget(
            self._keys.counsellor(counsellor), ["alias", "languages"]
        )
        alias, languages = row
        codes = languages.decode().split() if languages else []
        names = dict(self._words.languages())
        spoken = ", ".join(names.get(code, code) for code in codes)
        return alias.decode() if alias else counsellor, spoken

    async def _data_key(self, person: str) -> bytes:
        """The conversation's data key; made when there is none yet."""
        name = self._keys.datakey(person)
        _, wrapped = self._vault.new_data_key(person)
        await self._redis.set(name, wrapped, nx=True, ex=KEEP)
        stored: Any = await self._redis.get(name)
        return self._vault.data_key(stored, person)

    def _event(self, what: str, handoff: str) -> Op:
        return ("PUBLISH", self._keys.events(), json.dumps({"what": str(what), "id": handoff}))

    async def _signal(self, what: str, handoff: str) -> None:
        channel, body = self._event(what, handoff)[1:]
        await self._redis.publish(str(channel), str(body))
