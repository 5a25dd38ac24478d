"""The way in: what a door accepted waits here, stored, until a worker has dealt with it.

A door calls `Inbox.accept` before it confirms anything to the platform. A person always falls on
the same shard and a shard has one owner at a time, so messages of one person stay in order with
any number of workers. An entry is removed in the same step that commits its effects, so a crash
in between repeats the turn and never half of it.
"""

import secrets
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError, ResponseError

from bot.errors import QueueUnavailable, Sealed
from bot.keys import KEEP, SHARDS, Keys
from bot.messages import Channel, Inbound, Kind
from bot.vault import Vault

GROUP: Final = "workers"
#: How long an owner may be silent before another worker takes its shard, milliseconds.
LEASE_MS: Final = 5_000
#: More dead letters than this are not kept; with a wrong master key everything becomes one.
DEAD_LETTERS: Final = 20_000

#: How much memory is kept free for the answer to each message that waits, bytes.
ROOM_EACH: Final = 8_192
#: And the share of Redis's memory that no message may fill: it is for leaving, for counsellors, for
#: everything that makes room again.
FULL_AT: Final = 0.9
#: How long the mark of an accepted delivery is kept, seconds. Telegram repeats for up to a day; a
#: browser at once or never, and with new visitors at no cost, marks would be all that fills Redis.
_SEEN_FOR: Final = {Channel.TELEGRAM: KEEP, Channel.WEBCHAT: 3_600}
#: Nobody writes these, and they end or erase something.
_MAKES_ROOM: Final = frozenset({Kind.IDLE, Kind.BLOCKED})

# KEYS: seen mark, inbox stream. ARGV: TTL seconds, sealed entry, TTL of the mark, bytes to keep
# free for each waiting message of this shard ('' = it makes room itself: taken as long as it fits
# at all), share of the memory that may be full. Returns -1 when there is no room. Without a limit,
# or where we may not ask for it, there always is.
_ACCEPT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local info = ARGV[4] ~= '' and redis.pcall('INFO', 'memory')
if type(info) == 'string' then
  local used, most = info:match('used_memory:(%d+)'), info:match('maxmemory:(%d+)')
  local waiting = redis.call('XLEN', KEYS[2]) * ARGV[4]
  if tonumber(most or 0) > 0 and used + waiting > most * ARGV[5] then return -1 end
end
redis.call('SET', KEYS[1], '1', 'EX', ARGV[3])
redis.call('XADD', KEYS[2], '*', 'e', ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[1])
return 1
"""

# KEYS: shard lease. ARGV: token, lease ms. Takes a free lease or renews our own. A Redis that is
# full lets a script write on that began with what takes no room, a DEL: without leases nothing
# would be committed, and what makes room is a commit.
_HOLD = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

# KEYS: shard lease. ARGV: token.
_LET_GO = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""

# KEYS: workers. ARGV: token, lease ms. Notes that this worker lives; returns how many do.
_SHARE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)  -- first: as above
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""

# KEYS: shard lease, inbox stream. ARGV: token, group, entry id, handoff guard key, handoff guard
# value, then the commands: number of words, words..., and so on. All of it happens, or nothing.
_COMMIT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
if ARGV[4] ~= '' then
  local now = redis.call('HGET', ARGV[4], 'state') or ''
  if now ~= ARGV[5] then return 'changed' end
end
redis.call('XACK', KEYS[2], ARGV[2], ARGV[3])
if redis.call('XDEL', KEYS[2], ARGV[3]) == 0 then return 'done' end
local at = 6
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + words))
  at = at + words + 1
end
return 'ok'
"""

#: One Redis command of a turn's effects, for example ("SET", key, value, "EX", seconds).
Op = tuple[str | bytes | int | float, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted message, as read from a shard."""

    shard: int
    id: bytes
    inbound: Inbound | None  # None: it could not be opened (wrong master key, damaged)
    raw: bytes = b""  # of one that could not be opened: as it stood

    @property
    def order(self) -> tuple[int, ...]:
        """Sorts entries in the order they were accepted."""
        return tuple(int(part) for part in self.id.split(b"-"))


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition of a commit: the handoff is still in the state the turn saw ("" = none)."""

    key: str
    state: str


@dataclass(frozen=True, slots=True)
class Fence:
    """Names the turn that asks for an act outside of its commit, for the act's own script.

    The act is done only while this worker owns the shard and the entry is not finished: a worker
    that slept must not do an old turn over what came after it.
    """

    lease: str
    token: str
    stream: str
    entry: bytes

    def words(self) -> list[str | bytes]:
        """As `overtaken` in bot/handoff/common.lua reads them."""
        return [self.lease, self.token, self.stream, self.entry]


def bury(keys: Keys, stream: str, why: str, sealed: bytes) -> list[Op]:
    """The commands that put an entry of `stream` aside as a dead letter (bot/dead_letters.py)."""
    dead = keys.dead()
    # A new letter must not keep the old ones alive: each is gone after its own 48 hours.
    too_old = max(0, int((time.time() - KEEP) * 1000))
    return [
        ("XADD", dead, "MAXLEN", DEAD_LETTERS, "*", "e", sealed, "why", why, "stream", stream),
        ("XTRIM", dead, "MINID", too_old),
        ("EXPIRE", dead, KEEP),
    ]


def shard_of(person: str) -> int:
    """The shard of a person, always the same one."""
    return zlib.crc32(person.encode()) % SHARDS


class Inbox:
    """Accepting (doors), reading and committing (workers)."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        vault: Vault,
        token: str = "",
        leaves: Callable[[Inbound], bool] = lambda inbound: False,
    ) -> None:
        """`leaves` tells who wants to leave: they are taken in even when Redis is nearly full."""
        self._redis, self._keys, self._vault, self._leaves = redis, keys, vault, leaves
        self._accept = redis.register_script(_ACCEPT)
        self._hold = redis.register_script(_HOLD)
        self._let_go = redis.register_script(_LET_GO)
        self._share = redis.register_script(_SHARE)
        #: Names this process among the owners of shards (bot/leases.py).
        self.token = token or secrets.token_hex(16)
        # A text of our own, so that nobody else loads it: Redis forgets scripts when it restarts.
        self._commit = f"-- {self.token}\n{_COMMIT}"
        self._commit_name = ""

    async def accept(self, inbound: Inbound, update: str) -> bool:
        """Stores one message; `update` names the delivery (the same name twice changes nothing).

        Returns False for a repeated delivery. Raises QueueUnavailable: nothing was stored, so the
        door must not confirm it. So it is, too, while Redis has no room for one more answer: what
        was accepted before can then be dealt with, and that makes room.
        """
        stream = self._keys.inbox(shard_of(inbound.person))
        seen = self._keys.seen(inbound.channel, update)
        sealed = self._vault.seal_transit(inbound.to_json(), stream)
        free = inbound.kind in _MAKES_ROOM or self._leaves(inbound)
        args: list[Any] = [
            KEEP, sealed, _SEEN_FOR[inbound.channel], "" if free else ROOM_EACH * SHARDS, FULL_AT,
        ]  # fmt: skip
        try:
            taken = int(await self._accept(keys=[seen, stream], args=args))
        except (RedisError, OSError) as error:
            raise QueueUnavailable("inbox") from error
        if taken < 0:
            raise QueueUnavailable("full")
        return bool(taken)

    async def hold(self, shard: int) -> bool:
        """Takes or renews the lease of a shard; False when another worker owns it."""
        key = self._keys.shard(shard)
        return bool(await self._hold(keys=[key], args=[self.token, LEASE_MS]))

    async def begin(self) -> None:
        """To be called before shards are read, and again after `same_store` was False."""
        self._commit_name = await self._redis.script_load(self._commit)

    async def same_store(self) -> bool:
        """False when Redis was restarted since `begin`: it may have an older state.

        Commits fail from then on, so what was read before cannot overtake what came back.
        """
        return bool((await self._redis.script_exists(self._commit_name))[0])

    async def share(self) -> int:
        """Counts this worker among the living; returns how many shards each may hold at most."""
        living = await self._share(keys=[self._keys.workers()], args=[self.token, LEASE_MS])
        return -(-SHARDS // int(living))

    async def leave(self) -> None:
        """Counts this worker no longer: at a clean stop the others take its share at once."""
        await self._redis.zrem(self._keys.workers(), self.token)

    async def let_go(self, shard: int) -> None:
        """Gives a shard back: at a clean stop, or to a worker that has fewer."""
        await self._let_go(keys=[self._keys.shard(shard)], args=[self.token])

    async def open_group(self, shard: int) -> None:
        """Makes the shard's consumer group if it is missing (a stream may expire when unused)."""
        try:
            await self._redis.xgroup_create(self._keys.inbox(shard), GROUP, id="0", mkstream=True)
        except OutOfMemoryError:
            pass  # it is there already, or reading will say that it is not
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def left_over(self, shard: int) -> list[Entry]:
        """Everything read and not finished, oldest first: an earlier owner's, and our own."""
        stream = self._keys.inbox(shard)
        entries: list[Entry] = []
        start: Any = "0-0"
        while True:
            answer = await self._redis.xautoclaim(
                stream, GROUP, self.token, min_idle_time=0, start_id=start, count=100
            )
            start, rows = answer[0], answer[1]
            entries += [self._entry(shard, row) for row in rows]
            if start in (b"0-0", "0-0"):
                return entries

    async def strayed(self, shards: list[int]) -> list[Entry]:
        """What another worker has read from shards that are ours.

        A machine that was paused longer than its lease may read once more before it notices. Its
        entries would wait for ever, and be overtaken: whoever owns the shard takes them over.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard in shards:
                pipe.xpending(self._keys.inbox(shard), GROUP)
            summaries: Any = await pipe.execute()
        entries: list[Entry] = []
        for shard, summary in zip(shards, summaries, strict=True):
            if any(reader["name"] != self.token.encode() for reader in summary["consumers"]):
                entries += await self.left_over(shard)
        return entries

    async def fresh(self, shards: list[int], wait_ms: int) -> list[Entry]:
        """New entries of the shards held, waiting at most `wait_ms`."""
        streams: dict[Any, Any] = {self._keys.inbox(shard): ">" for shard in shards}
        by_name = {self._keys.inbox(shard).encode(): shard for shard in shards}
        answer: Any = await self._redis.xreadgroup(
            GROUP, self.token, streams, count=64, block=wait_ms
        )
        entries: list[Entry] = []
        for name, rows in answer or []:
            entries += [self._entry(by_name[name], row) for row in rows]
        return entries

    async def commit(self, entry: Entry, ops: list[Op], guard: Guard | None = None) -> str:
        """All effects of a turn and the end of its entry, in one step.

        Returns "ok"; "done" (somebody committed it before: drop the turn); "changed" (the guard
        failed: do the turn again); "lost" (the shard is no longer ours: leave it alone). Raises
        QueueUnavailable when Redis was restarted since `begin`: nothing was done.
        """
        if not self._commit_name:
            await self.begin()
        words: list[Any] = []
        for op in ops:
            words += [len(op), *op]
        args = [
            self.token, GROUP, entry.id, guard.key if guard else "", guard.state if guard else "",
            *words,
        ]  # fmt: skip
        keys = [self._keys.shard(entry.shard), self._keys.inbox(entry.shard)]
        call: Any = self._redis.evalsha(self._commit_name, len(keys), *keys, *args)
        try:
            verdict = await call
        except NoScriptError as error:
            raise QueueUnavailable("inbox") from error
        return verdict.decode() if isinstance(verdict, bytes) else str(verdict)

    def fence(self, entry: Entry) -> Fence:
        """What an act of this entry's turn must carry when it is done before the commit."""
        lease, stream = self._keys.shard(entry.shard), self._keys.inbox(entry.shard)
        return Fence(lease, self.token, stream, entry.id)

    async def give_up(
        self, entry: Entry, reason: str, sealed: bytes = b"", ops: Sequence[Op] = ()
    ) -> str:
        """Moves an entry nobody can handle to the dead letters, `sealed` by the caller.

        One that could not even be opened is kept as it stood: with the right master key put back
        it can be read again. Returns the verdict of `commit`.
        """
        stream = self._keys.inbox(entry.shard)
        letter = bury(self._keys, stream, reason, sealed or entry.raw)
        return await self.commit(entry, [*letter, *ops])

    def _entry(self, shard: int, row: Any) -> Entry:
        entry_id, fields = row[0], row[1]
        sealed = (fields or {}).get(b"e", b"")
        try:
            plain = self._vault.unseal_transit(sealed, self._keys.inbox(shard))
            return Entry(shard, entry_id, Inbound.from_json(plain))
        except (Sealed, KeyError, ValueError, TypeError):
            return Entry(shard, entry_id, None, sealed)
