"""Loads a conversation before a turn, and says which Redis commands save or erase it after."""

from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from bot.conversation.session import GRACE, QUIET, Session
from bot.errors import Sealed
from bot.handoff.record import Handoff
from bot.handoff.silence import PAUSE
from bot.inbox import Op
from bot.keys import KEEP, Keys
from bot.messages import Channel, Inbound, Kind
from bot.vault import Vault, seal, unseal

#: The append-only file is written anew at most once in so many seconds.
REWRITE_EVERY = 300
#: And once more so long after the last erasing: what doors still showed is gone then (FAREWELL).
CALM = 180

# KEYS: erased, rewritten. ARGV: now, calm s, every s, TTL s. Decides in one step, so that several
# janitors ask once, and an erasing that comes meanwhile is not forgotten.
_REWRITE_DUE = """
local erased = redis.call('GET', KEYS[1])
if not erased then return 0 end
local now, last = tonumber(ARGV[1]), redis.call('GET', KEYS[2])
if last and now - tonumber(last) < tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[4])
if now - tonumber(erased) >= tonumber(ARGV[2]) then redis.call('DEL', KEYS[1]) end
return 1
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

    async def load(self, inbound: Inbound) -> tuple[Session, bytes, bytes]:
        """The person's session (a new one if there is none), its data key, plain and wrapped.

        A session that cannot be opened is a new conversation: its key was erased or replaced.
        """
        person = inbound.person
        names = [self._keys.datakey(person), self._keys.session(person)]
        stored: Any = await self._redis.mget(names)
        wrapped, sealed = stored
        fresh = Session(person, inbound.channel, inbound.address)
        if wrapped is None:
            # Stored at once: the handoff queue seals under the same key within this very turn.
            _, made = self._vault.new_data_key(person)
            await self._redis.set(names[0], made, nx=True, ex=self._longest)
            wrapped = (await self._redis.mget(names))[0]
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
        self, session: Session, key: bytes, wrapped: bytes, handoff: Handoff | None
    ) -> list[Op]:
        """Saves after a turn and sets when the quiet time ends; an open handoff lives on too."""
        name = self._keys.session(session.person)
        talking = handoff is not None and handoff.with_counsellor
        quiet = PAUSE if talking else GRACE if session.warned_at else QUIET
        held: list[Op] = []
        if handoff is not None:
            held = [
                ("EXPIRE", self._keys.handoff(handoff.id), KEEP),
                ("EXPIRE", self._keys.handoff_of(session.person), self._longest),
                ("EXPIRE", self._keys.transcript(handoff.id), KEEP),
            ]
        return [
            *held,
            ("SET", self._keys.datakey(session.person), wrapped, "EX", self._longest),
            ("SET", name, seal(key, session.to_json(), name), "EX", KEEP),
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
        REWRITE_EVERY seconds, and once more when all has been calm for CALM. Raises ResponseError
        when Redis does not allow it; then it is tried again after the same time.
        """
        names = [self._keys.erased(), self._keys.rewritten()]
        now = f"{self._clock():.3f}"
        if not await self._rewrite_due(keys=names, args=[now, CALM, REWRITE_EVERY, KEEP]):
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

    async def put_off(self, inbound: Inbound) -> None:
        """After an idle message was accepted: not again before the turn has set a new time."""
        member = f"{inbound.channel}:{inbound.person}"
        await self._redis.zadd(self._keys.expiry(), {member: self._clock() + GRACE}, xx=True)


def _member(session: Session) -> str:
    return f"{session.channel}:{session.person}"
