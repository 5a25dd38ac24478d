"""Loads a conversation before a turn, and says which Redis commands save or erase it after."""

from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from bot.conversation.session import BREAK, GRACE, QUIET, Session
from bot.errors import Overtaken, Sealed
from bot.handoff.record import Handoff
from bot.handoff.silence import PAUSE
from bot.inbox import Fence, Op
from bot.keys import KEEP, Keys
from bot.messages import Channel, Inbound, Kind
from bot.vault import Vault, seal, unseal

#: After an erasing the append-only file is written anew at most once in so many seconds.
REWRITE_EVERY = 300
#: And once more so long after the last erasing: what doors still showed is gone then (FAREWELL).
CALM = 180
#: Without an erasing so often, seconds: what ended by its own time stands in it, too.
REWRITE_ANYWAY = 3_600

# KEYS: erased, rewritten. ARGV: now, calm s, every s, TTL s, anyway s. Decides in one step, so that
# several janitors ask once, and an erasing that comes meanwhile is not forgotten.
_REWRITE_DUE = """
local erased, last = unpack(redis.call('MGET', KEYS[1], KEYS[2]))
local now = tonumber(ARGV[1])
if last and now - tonumber(last) < tonumber(erased and ARGV[3] or ARGV[5]) then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[4])
if erased and now - tonumber(erased) >= tonumber(ARGV[2]) then redis.call('DEL', KEYS[1]) end
return 1
"""

# KEYS: data key. ARGV: a new one, wrapped, TTL s, then the turn that asks ('' = no turn), as in
# bot/handoff/common.lua. Returns the key that stands then; nothing when the turn was overtaken:
# the person may have left since. The DEL is for a Redis that is full (see _HOLD in bot/inbox.py).
_DATA_KEY = """
local stands = redis.call('GET', KEYS[1])
if stands then return stands end
if ARGV[3] ~= '' and (redis.call('GET', ARGV[3]) ~= ARGV[4]
  or #redis.call('XRANGE', ARGV[5], ARGV[6], ARGV[6]) == 0) then return false end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return ARGV[1]
"""


class Memory:
    """Sessions at rest: sealed under the conversation's own data key."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        vault: Vault,
        clock: Callable[[], float],
        longest: int = KEEP,
    ) -> None:
        self._redis, self._keys, self._vault, self._clock = redis, keys, vault, clock
        self._longest = longest
        self._rewrite_due = redis.register_script(_REWRITE_DUE)
        self._data_key = redis.register_script(_DATA_KEY)

    async def load(
        self, inbound: Inbound, fence: Fence | None = None
    ) -> tuple[Session, bytes, bytes]:
        """The person's session (a new one if there is none), its data key, plain and wrapped.

        A session that cannot be opened is a new conversation: its key was erased or replaced.
        With the `fence` of a turn it raises Overtaken when there is no data key, and no new one is
        this turn's to make.
        """
        person = inbound.person
        names = [self._keys.datakey(person), self._keys.session(person)]
        stored: Any = await self._redis.mget(names)
        wrapped, sealed = stored
        fresh = Session(person, inbound.channel, inbound.address)
        if wrapped is None:
            # Stored at once: the handoff queue seals under the same key within this very turn.
            _, made = self._vault.new_data_key(person)
            asked: list[Any] = [made, self._longest, *(fence.words() if fence else [""])]
            wrapped = await self._data_key(keys=names[:1], args=asked)
            if wrapped is None:
                raise Overtaken
        try:
            key = self._vault.data_key(wrapped, person)
            wrapped = self._vault.renew_data_key(wrapped, person)
        except Sealed:
            key, wrapped = self._vault.new_data_key(person)
            return fresh, key, wrapped
        try:
            session = Session.from_json(unseal(key, sealed or b"", names[1]))
        except (Sealed, ValueError, TypeError):
            return fresh, key, wrapped
        session.address = inbound.address or session.address
        return session, key, wrapped

    def save(
        self,
        session: Session,
        key: bytes,
        wrapped: bytes,
        handoff: Handoff | None,
        *,
        wrote: bool = True,
    ) -> list[Op]:
        """Saves after a turn and sets when the quiet time ends; an open handoff lives on too.

        Not when nobody `wrote`: the janitor's own messages must keep nobody alive.
        """
        name = self._keys.session(session.person)
        talking = handoff is not None and handoff.with_counsellor
        looked = GRACE if session.warned_at or session.locked else QUIET
        quiet = PAUSE if talking else BREAK if _may_lock(session) else looked
        held: list[Op] = []
        lives: Op = ("EX", KEEP)
        longest: Op = ("EX", self._longest)
        if not wrote:
            lives = longest = ("XX", "KEEPTTL")  # what has ended meanwhile does not come back
        elif handoff is not None:
            held = [
                ("EXPIRE", self._keys.handoff(handoff.id), KEEP),
                ("EXPIRE", self._keys.handoff_of(session.person), self._longest),
                ("EXPIRE", self._keys.transcript(handoff.id), KEEP),
            ]
        return [
            *held,
            ("SET", self._keys.datakey(session.person), wrapped, *longest),
            ("SET", name, seal(key, session.to_json(), name), *lives),
            ("ZADD", self._keys.expiry(), self._clock() + quiet, _member(session)),
            ("EXPIRE", self._keys.expiry(), KEEP),
        ]

    def keep_key(self, inbound: Inbound, wrapped: bytes) -> list[Op]:
        """Keeps the data key of a conversation that could not be saved."""
        return [("SET", self._keys.datakey(inbound.person), wrapped, "EX", self._longest)]

    def keep_message(self, inbound: Inbound) -> list[Op]:
        """Remembers the id of the person's own message, so that Leave can delete it too."""
        if inbound.channel is not Channel.TELEGRAM or not inbound.message_id:
            return []
        name = self._keys.sent(inbound.person)
        return [("ZADD", name, inbound.at, str(inbound.message_id)), ("EXPIRE", name, KEEP)]

    def erase(self, session: Session, *, with_key: bool = True) -> list[Op]:
        """Erases a conversation: its key first, so that nothing left anywhere can be read.

        Without its key where a talk that ended is still kept: that ends by its own time.
        """
        person = session.person
        return [
            *([("DEL", self._keys.datakey(person))] if with_key else []),
            ("DEL", self._keys.session(person)),
            ("DEL", self._keys.engine(person)),
            ("ZREM", self._keys.expiry(), _member(session)),
            ("SET", self._keys.erased(), f"{self._clock():.3f}", "EX", KEEP),
        ]

    async def rewrite_file(self) -> bool:
        """Lets Redis write its file anew once somebody was erased; whether it was asked to.

        What was deleted stands, sealed, in the append-only file until then. At most once in
        REWRITE_EVERY seconds, and once more when all has been calm for CALM; without an erasing
        every REWRITE_ANYWAY seconds. Raises ResponseError when Redis does not allow it; then it is
        tried again after the same time.
        """
        names = [self._keys.erased(), self._keys.rewritten()]
        now = f"{self._clock():.3f}"
        asked: list[Any] = [now, CALM, REWRITE_EVERY, KEEP, REWRITE_ANYWAY]
        if not await self._rewrite_due(keys=names, args=asked):
            return False
        try:
            await self._redis.bgrewriteaof()
        except ResponseError:
            await self._redis.set(names[0], now, ex=KEEP, nx=True)
            raise
        return True

    async def quiet(self) -> list[Inbound]:
        """Everyone whose quiet time is over, as messages for the inbox (the janitor's)."""
        now = self._clock()
        await self._not_later_than(now + QUIET)
        due: Any = await self._redis.zrangebyscore(self._keys.expiry(), 0, now, 0, 200)
        found = []
        for member in due:
            channel, _, person = member.decode().partition(":")
            found.append(Inbound(person, Channel(channel), Kind.IDLE, now))
        return found

    async def _not_later_than(self, latest: float) -> None:
        """A clock that was set back must not keep anybody's answers for longer."""
        # A minute for clocks of other machines that are a little ahead.
        late: Any = await self._redis.zrangebyscore(
            self._keys.expiry(), latest + 60, "+inf", 0, 200
        )
        if late:
            await self._redis.zadd(self._keys.expiry(), dict.fromkeys(late, latest), xx=True)

    async def overtaken(self, person: str) -> None:
        """After a turn that was not ours any more: its person may have left before we knew.

        Then what the engine noted for us goes. Somebody who is just beginning anew loses nothing by
        it: the engine is told what it does not know.
        """
        if not await self._redis.exists(self._keys.session(person)):
            await self._redis.delete(self._keys.engine(person))

    async def put_off(self, inbound: Inbound) -> None:
        """After an idle message was accepted: not again before the turn has set a new time."""
        member = f"{inbound.channel}:{inbound.person}"
        await self._redis.zadd(self._keys.expiry(), {member: self._clock() + GRACE}, xx=True)


def _may_lock(session: Session) -> bool:
    """Whether the next quiet time ends with a secret word being asked for."""
    return bool(session.code_mark) and not session.locked and not session.warned_at


def _member(session: Session) -> str:
    return f"{session.channel}:{session.person}"
