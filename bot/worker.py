"""A worker: takes accepted messages one person at a time, has them answered, commits the result.

Run as many as you like: each inbox shard has one owner at a time, and no worker holds more than
its share of them. A worker that dies loses its leases within seconds and the others finish what it
had begun; nothing is applied twice, because the effects of a turn and the end of its entry are one
step (bot/inbox.py).
"""

import asyncio
import contextlib
import re
import time
from collections import defaultdict

import structlog
from redis.exceptions import RedisError, ResponseError

from bot.conversation import core
from bot.conversation.emergency import Emergency
from bot.conversation.memory import Memory
from bot.errors import Overtaken, QueueUnavailable
from bot.handlers.turn import Services, Turn
from bot.handoff.record import Handoff
from bot.inbox import LEASE_MS, Entry, Inbox, Op
from bot.keys import SHARDS
from bot.log import describe
from bot.messages import Inbound, Kind, Recipient
from bot.outbox import Outbox

log = structlog.get_logger()
#: A turn whose handoff changed meanwhile (a counsellor claimed) is done again, so often.
_AGAIN = 5
#: A lease not renewed for this share of its time is not counted on: after a pause of the machine
#: another worker may own the shard, and would be overtaken by what we still read from it.
_SURE = 0.6
#: How often to look for shards that nobody holds, seconds.
_LOOK = 0.3
#: What Redis answers because of its own state; within a script the word is not the first.
_OF_ITSELF = re.compile(
    r"\b(OOM|MISCONF|READONLY|NOSCRIPT|NOPERM|LOADING|BUSY|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b"
)
#: How long one turn may take before the person gets the emergency answer, seconds.
_LONGEST_TURN = 20.0


class Worker:
    """Owns some shards and works through them until `stop` is called."""

    def __init__(
        self, inbox: Inbox, outbox: Outbox, memory: Memory, use: Services, emergency: Emergency
    ) -> None:
        self._inbox, self._outbox, self._memory = inbox, outbox, memory
        self._use, self._emergency = use, emergency
        self._held: dict[int, float] = {}  # shard -> when its lease was last asked for
        self._share = 0  # how many shards to hold at most; 0 = not known yet
        self._begin_anew = True  # also after trouble with the store
        self._look_at = 0.0  # when to look again for shards that nobody holds
        self._lines: dict[str, asyncio.Queue[Entry]] = defaultdict(asyncio.Queue)
        self._begun: set[Entry] = set()  # lined up or being answered now
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Finish the turns that are running, then end `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until stopped; waits out a Redis that is away."""
        leases = asyncio.create_task(self._keep_leases())
        try:
            while not self._stopping.is_set():
                try:
                    await self._step()
                except (RedisError, OSError) as error:
                    log.warning("worker.store_away", error=type(error).__name__)
                    self._begin_anew = True
                    await asyncio.sleep(0.5)
        finally:
            leases.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            try:
                await self._inbox.leave()
                for shard in list(self._held):
                    await self._inbox.let_go(shard)
            except (RedisError, OSError):
                pass  # the leases run out by themselves

    async def _step(self) -> None:
        if self._begin_anew:
            await self._drop_everything()
        await self._take_shards()
        for shard, asked in list(self._held.items()):
            if time.monotonic() - asked > LEASE_MS / 1000 * _SURE:
                self._held.pop(shard, None)
        held = await self._without_surplus()
        if not held:
            await asyncio.sleep(0.2)
            return
        entries = await self._inbox.fresh(held, wait_ms=300)
        entries += await self._inbox.strayed(held)
        for entry in sorted(entries, key=lambda entry: entry.order):
            # A turn may have been dropped meanwhile: nothing behind it may be done before it.
            if entry.shard in self._held and not self._begin_anew:
                self._line_up(entry)

    async def _drop_everything(self) -> None:
        """At the start, and after trouble with the store: forgets what was begun.

        The answer to a read may be lost, so that entries are ours and we do not know them; and a
        Redis that died may have come back with an older state. All that is not finished is read
        again with the shards, from the oldest on, so nothing overtakes.
        """
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for forgotten in (self._running, self._lines, self._begun, self._held):
            forgotten.clear()  # tasks that had not begun yet have not tidied up after themselves
        await self._inbox.begin()
        self._begin_anew = False

    async def _take_shards(self) -> None:
        self._share = self._share or await self._inbox.share()
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK
        for shard in range(SHARDS):
            if len(self._held) >= self._share:
                return
            if shard in self._held:
                continue
            asked = time.monotonic()
            if await self._inbox.hold(shard):
                await self._inbox.open_group(shard)
                self._held[shard] = asked
                for entry in await self._inbox.left_over(shard):
                    self._line_up(entry)

    async def _without_surplus(self) -> list[int]:
        """The shards to read from. One above our share is let go once what we began is finished."""
        held = sorted(self._held)
        for shard in held[self._share :]:
            if not any(entry.shard == shard for entry in self._begun):
                self._held.pop(shard, None)
                await self._inbox.let_go(shard)
        return held[: self._share]

    async def _keep_leases(self) -> None:
        # Not `while True`: a Redis call may swallow a cancellation, and this must end.
        while not self._stopping.is_set():
            await asyncio.sleep(LEASE_MS / 4000)
            with contextlib.suppress(RedisError, OSError):
                self._share = await self._inbox.share()
                if not (self._begin_anew or await self._inbox.same_store()):
                    self._begin_anew = True
            for shard in list(self._held):
                try:
                    asked = time.monotonic()
                    if not await self._inbox.hold(shard):
                        self._held.pop(shard, None)
                    elif shard in self._held:
                        self._held[shard] = asked
                    else:  # let go while we asked: nobody would read it until this lease ran out
                        await self._inbox.let_go(shard)
                except (RedisError, OSError):
                    pass  # tried again at once; commits check the lease anyway

    def _line_up(self, entry: Entry) -> None:
        if entry in self._begun:
            return
        self._begun.add(entry)
        person = entry.inbound.person if entry.inbound else f"shard {entry.shard}"
        self._lines[person].put_nowait(entry)
        if person not in self._running:
            self._running[person] = asyncio.create_task(self._work_through(person))

    async def _work_through(self, person: str) -> None:
        """One person's messages, strictly in order."""
        line = self._lines[person]
        try:
            while not (line.empty() or self._begin_anew):
                entry = line.get_nowait()
                owned = await self._finish(entry)
                self._begun.discard(entry)
                while not (owned or line.empty()):
                    # Whoever owns the shard now begins with the entry we have just dropped; should
                    # that be us again, those behind it must not be done before it.
                    self._begun.discard(line.get_nowait())
        finally:
            self._running.pop(person, None)
            self._lines.pop(person, None)

    async def _finish(self, entry: Entry) -> bool:
        """Does the turn. False when it is not over: the shard is no longer ours, or no store."""
        try:
            return await self._turn(entry)
        except (RedisError, QueueUnavailable) as error:
            log.warning("worker.turn_waits", error=type(error).__name__)
            self._begin_anew = True  # the entry stays pending: it is read again, first of all
            return False

    async def _turn(self, entry: Entry) -> bool:
        inbound = entry.inbound
        if inbound is None:
            await self._inbox.give_up(entry, "unreadable")
            log.error("worker.unreadable_entry")
            return True
        try:
            verdict = await self._answer(entry, inbound)
        except Overtaken:
            verdict = "lost"
        if verdict in ("lost", "done"):
            await self._memory.overtaken(inbound.person)
        if verdict == "lost":
            self._held.pop(entry.shard, None)
        elif verdict == "changed":
            raise QueueUnavailable("the handoff kept changing")  # the turn is done once more
        return verdict != "lost"

    async def _answer(self, entry: Entry, inbound: Inbound) -> str:
        verdict = "changed"
        try:
            async with asyncio.timeout(_LONGEST_TURN):
                for _ in range(_AGAIN):
                    if verdict == "changed":
                        verdict = await self._attempt(entry, inbound)
        except Overtaken:
            raise
        except Exception as error:  # the person still gets an answer
            if _of_the_store(error):
                raise
            log.error("worker.turn_failed", error=describe(error))
            return await self._apologise(entry, inbound)
        return verdict

    async def _attempt(self, entry: Entry, inbound: Inbound) -> str:
        inbound, found = core.open_turn(self._use, inbound)
        fence = self._inbox.fence(entry)
        session, key, wrapped = await self._memory.load(inbound, fence)
        handoff = await self._use.queue.current(inbound.person)
        turn = Turn(self._use, inbound, session, handoff, found, fence=fence)
        await core.take_turn(self._use, turn)
        if turn.handoff and turn.handoff.with_counsellor and not _talking(handoff):
            return "changed"  # claimed while this turn was thinking: the words are for them
        if inbound.kind is not Kind.IDLE:
            session.last_at = inbound.at
        ops: list[Op] = [*turn.ops, *self._memory.keep_message(inbound)]
        if turn.ended:
            ops += self._memory.erase(session, with_key=not turn.key_kept)
        else:
            wrote = inbound.kind is not Kind.IDLE
            ops += self._memory.save(session, key, wrapped, turn.handoff, wrote=wrote)
        ops += self._outbox.ops(session.to, turn.replies)
        guard = self._use.queue.guard(turn.handoff) if turn.handoff and not turn.ended else None
        return await self._inbox.commit(entry, ops, guard)

    async def _apologise(self, entry: Entry, inbound: Inbound) -> str:
        unasked = inbound.kind in (Kind.IDLE, Kind.BLOCKED)  # nobody wrote: nobody is written to
        replies = [] if unasked else self._emergency.answer(inbound.text, inbound.hint)
        to = Recipient(inbound.person, inbound.channel, inbound.address)
        # The dead letter is sealed with the conversation's own key: Leave makes it unreadable too.
        _, key, wrapped = await self._memory.load(inbound, self._inbox.fence(entry))
        sealed = self._use.vault.seal_letter(inbound.person, key, inbound.to_json())
        ops = [
            *self._memory.keep_message(inbound),
            *self._memory.keep_key(inbound, wrapped),
            *self._outbox.ops(to, replies),
        ]
        return await self._inbox.give_up(entry, "failed", sealed, ops)


def _talking(handoff: Handoff | None) -> bool:
    return handoff is not None and handoff.with_counsellor


def _of_the_store(error: Exception) -> bool:
    """Whether the store is in trouble, so that the turn waits.

    What Redis says of a single record (damaged, of another type) it would say again for ever, and
    everybody else would wait for that one turn.
    """
    if type(error) is ResponseError:
        return bool(_OF_ITSELF.search(str(error)))
    return isinstance(error, RedisError | QueueUnavailable)
