"""Every Redis key Northlight uses: its name, type, time to live and what it holds about a person.

`<person>` is an HMAC pseudonym. "sealed" means AES-GCM, see bot/vault.py. Keys that concern a
person always carry a TTL; accounts, audit and counters are the listed exceptions.
"""

from dataclasses import dataclass

DAY = 86_400
#: The longest anything of a person is kept while a conversation lives, seconds.
#: Telegram lets a bot delete messages for 48 hours only, so no chat may outlive that.
KEEP = 2 * DAY
#: How long a handoff may be kept after its close, by what NORTHLIGHT_RETENTION says; seconds.
RETENTION = {"0": 0, "24h": DAY, "7d": 7 * DAY}
#: Inbox shards: a person always falls on the same one, so their messages stay in order.
SHARDS = 8


def longest(retention: int) -> int:
    """The TTL of what ended handoffs hang on: the person's data key and the list of handoffs."""
    return max(KEEP, retention)


@dataclass(frozen=True)
class Keys:
    """Key names under one prefix (tests use a random one)."""

    prefix: str = "nl:"

    # -- the way in ------------------------------------------------------------------------
    def inbox(self, shard: int) -> str:
        """Stream, TTL KEEP: sealed Inbound entries waiting for a worker."""
        return f"{self.prefix}inbox:{shard}"

    def shard(self, shard: int) -> str:
        """String, TTL seconds: the token of the worker that owns this inbox shard."""
        return f"{self.prefix}shard:{shard}"

    def workers(self) -> str:
        """Sorted set, TTL seconds: the tokens of the workers that live -> until when (ms)."""
        return f"{self.prefix}workers"

    def seen(self, channel: str, update: str) -> str:
        """String, TTL KEEP, on the web an hour: this was accepted already; do not repeat it."""
        return f"{self.prefix}seen:{channel}:{update}"

    def dead(self) -> str:
        """Stream, TTL KEEP, capped: sealed entries nobody could handle, with a reason."""
        return f"{self.prefix}dead"

    # -- a conversation --------------------------------------------------------------------
    def datakey(self, person: str) -> str:
        """String, TTL KEEP or retention, the longer: the conversation's own data key, wrapped."""
        return f"{self.prefix}datakey:{person}"

    def session(self, person: str) -> str:
        """String, TTL KEEP: language, answers given, what is being asked; sealed."""
        return f"{self.prefix}session:{person}"

    def engine(self, person: str) -> str:
        """String, TTL KEEP: the engine's tracker (intents and slots, no words), sealed by it."""
        return f"{self.prefix}engine:{person}"

    def screen(self, person: str) -> str:
        """Stream, TTL KEEP, capped: what the web page shows, sealed."""
        return f"{self.prefix}screen:{person}"

    def expiry(self) -> str:
        """Sorted set, TTL KEEP: person -> when the quiet time ends (epoch seconds)."""
        return f"{self.prefix}expiry"

    def erased(self) -> str:
        """String, TTL KEEP (no person): when somebody was erased last (epoch seconds)."""
        return f"{self.prefix}erased"

    def rewritten(self) -> str:
        """String, TTL KEEP (no person): when Redis was last asked to rewrite its file."""
        return f"{self.prefix}rewritten"

    def janitor(self) -> str:
        """Set, TTL a minute (no person): marks of the keys with which janitors made a round."""
        return f"{self.prefix}janitor"

    # -- the way out -----------------------------------------------------------------------
    def outbox(self, channel: str) -> str:
        """Stream, TTL KEEP: sealed messages a door has yet to send."""
        return f"{self.prefix}outbox:{channel}"

    def sent(self, person: str) -> str:
        """Sorted set, TTL KEEP: platform message ids of both sides -> time, for Leave."""
        return f"{self.prefix}sent:{person}"

    def poller(self) -> str:
        """String, TTL seconds: the token of the one Telegram poller."""
        return f"{self.prefix}poller"

    def offset(self) -> str:
        """String, TTL a day (no person): `<bot id>:<next update to ask for>`."""
        return f"{self.prefix}offset"

    # -- handoff ---------------------------------------------------------------------------
    def handoff(self, handoff: str) -> str:
        """Hash, TTL KEEP or retention: state, level, rules, owner, times; case sealed."""
        return f"{self.prefix}handoff:{handoff}"

    def handoff_of(self, person: str) -> str:
        """String, TTL KEEP or retention, the longer: the person's handoffs, the open one last."""
        return f"{self.prefix}handoff-of:{person}"

    def queue(self) -> str:
        """Sorted set, TTL KEEP: handoffs waiting, scored by level and age."""
        return f"{self.prefix}queue"

    def leases(self) -> str:
        """Sorted set, TTL KEEP: claimed handoff -> when its lease lapses (epoch seconds)."""
        return f"{self.prefix}leases"

    def round(self) -> str:
        """String, TTL KEEP (no person): when the janitor last looked at the claims."""
        return f"{self.prefix}round"

    def taken(self, counsellor: str) -> str:
        """Set, TTL KEEP: handoffs a counsellor took; those that ended go when it is read."""
        return f"{self.prefix}taken:{counsellor}"

    def handles(self) -> str:
        """String, TTL KEEP (no person): how many handles were given."""
        return f"{self.prefix}handles"

    def flag(self, person: str) -> str:
        """String, TTL until it lapses, KEEP at most: why and until when a person is flagged."""
        return f"{self.prefix}flag:{person}"

    def flagged(self) -> str:
        """Sorted set, TTL KEEP: handoffs of people who are flagged -> until when."""
        return f"{self.prefix}flagged"

    def offers(self) -> str:
        """Set, TTL KEEP: handoffs that are offered to a colleague; the truth is in each of them."""
        return f"{self.prefix}offers"

    def closed(self) -> str:
        """Sorted set, TTL retention: handoffs that ended and are kept -> when they were closed."""
        return f"{self.prefix}closed"

    def transcript(self, handoff: str) -> str:
        """Stream, TTL KEEP or retention: what was said between claim and end, sealed."""
        return f"{self.prefix}transcript:{handoff}"

    def waits(self) -> str:
        """List, no TTL (no person): the last measured seconds per place, for honest estimates."""
        return f"{self.prefix}waits"

    def counts(self, month: str) -> str:
        """Hash, TTL 400 days (no person): how many asked, and how it ended, in a month."""
        return f"{self.prefix}counts:{month}"

    def opening(self) -> str:
        """Hash, no TTL (no person): mode, surge, hours, set by supervisors; closing's name."""
        return f"{self.prefix}opening"

    def paging(self) -> str:
        """Stream, TTL a day (no person): calls for a supervisor or the on-call, yet to be heard."""
        return f"{self.prefix}paging"

    def events(self) -> str:
        """Pub/sub channel: "something changed" for the console; handoff ids only."""
        return f"{self.prefix}events"

    # -- the console (its own prefix, accounts are exceptions to the TTL rule) -----------------
    def counsellor(self, login: str) -> str:
        """Hash, no TTL: an account: alias, languages, roles, argon2 hash, sealed TOTP secret."""
        return f"{self.prefix}console:counsellor:{login}"

    def plan(self) -> str:
        """Sorted set, no TTL: who is planned on the shift plan -> day; old ones are dropped."""
        return f"{self.prefix}console:plan"

    def shift(self) -> str:
        """Hash, no TTL: counsellor -> when last seen on shift; the janitor drops old ones."""
        return f"{self.prefix}console:shift"

    def login(self, token: str) -> str:
        """Hash, TTL 12 h (5 min until the code): a console login, named by a hash of its token."""
        return f"{self.prefix}console:login:{token}"

    def attempts(self, login: str) -> str:
        """String, TTL 1 h at most: failed logins of a login and browser or source (keyed mark)."""
        return f"{self.prefix}console:attempts:{login}"

    def identities(self) -> str:
        """Hash, no TTL: keyed mark of an identity at the organisation's provider -> its login."""
        return f"{self.prefix}console:identities"

    def answered(self, mark: str) -> str:
        """String, TTL 10 min: the organisation's answer of this mark was used already."""
        return f"{self.prefix}console:answered:{mark}"

    def token(self, mark: str) -> str:
        """Hash, TTL until it expires: a program's token by its keyed mark: name, scopes, use."""
        return f"{self.prefix}console:token:{mark}"

    def audit(self) -> str:
        """Stream, no TTL, append-only: who did what to which handoff, chained marks, no text."""
        return f"{self.prefix}console:audit"


@dataclass(frozen=True)
class PracticeKeys(Keys):
    """The practice desk's own space: none of its people can be in a real queue, none real in its.

    It begins with the service's prefix because Redis lets our processes at nothing else. Shared
    with the service are only who may sign in, the audit of who did, and the one engine's trackers
    (its Redis user reaches no others; a pretended person's pseudonym is nobody else's).
    """

    prefix: str = "nl:practice:"
    service: Keys = Keys()

    def engine(self, person: str) -> str:
        """As `Keys.engine`, in the service's space."""
        return self.service.engine(person)

    def counsellor(self, login: str) -> str:
        """As `Keys.counsellor`, in the service's space."""
        return self.service.counsellor(login)

    def login(self, token: str) -> str:
        """As `Keys.login`, in the service's space."""
        return self.service.login(token)

    def attempts(self, login: str) -> str:
        """As `Keys.attempts`, in the service's space: two doors give no more guesses than one."""
        return self.service.attempts(login)

    def audit(self) -> str:
        """As `Keys.audit`, in the service's space; what is done at practice is marked there."""
        return self.service.audit()
