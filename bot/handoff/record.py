"""What a handoff is: its states, its case, the handle it is called by. Read by core and console."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from bot.messages import Channel, Recipient
from bot.safety.levels import Level

#: Calm, short, known in English and in French; no animal anybody is insulted with.
ANIMALS: Final = (
    "Beaver", "Bison", "Caribou", "Crane", "Deer", "Dolphin", "Falcon", "Finch",
    "Heron", "Koala", "Lark", "Loon", "Lynx", "Marten", "Moose", "Narwhal", "Otter", "Owl",
    "Panda", "Puffin", "Raven", "Robin", "Salmon", "Seal", "Sparrow", "Swan", "Tern", "Turtle",
    "Whale", "Wren",
)  # fmt: skip


class State(StrEnum):
    """Where a handoff stands. The last two are never stored: their keys are gone by then."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    ACTIVE = "active"
    WRAP_UP = "wrap_up"
    CLOSED = "closed"
    ABANDONED = "abandoned"
    EXPIRED = "expired"


#: While it is in one of these, the person has an open handoff.
OPEN: Final = frozenset({State.WAITING, State.CLAIMED, State.ACTIVE})
#: The talk is over, and what was said is kept for the retention.
ENDED: Final = frozenset({State.WRAP_UP, State.CLOSED})
#: While it is in one of these, a counsellor speaks and the assistant is silent.
WITH_COUNSELLOR: Final = frozenset({State.CLAIMED, State.ACTIVE})


@dataclass(frozen=True, slots=True)
class Case:
    """What the counsellor may see, already cut down to what the person agreed to share.

    `consent` is all, urgency or nothing; whoever builds the case leaves out what it forbids.
    `zones` are the time zones the person may be in. They are never shown: with `safe_contact` they
    say when a message may come unasked (contact.py). `code_word`: the person has chosen one.
    """

    answers: dict[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    phone_seen: str = ""
    safe_contact: str = ""
    region: str = ""
    consent: str = "nothing"
    zones: tuple[str, ...] = ()
    code_word: bool = False

    def to_json(self) -> bytes:
        """The wire form; stored sealed only."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """The case back from its wire form."""
        fields = json.loads(raw)
        lists = {name: tuple(fields.get(name, ())) for name in ("skipped", "zones")}
        return cls(**{**fields, **lists})


@dataclass(frozen=True, slots=True)
class Flag:
    """Why counsellors go in prepared, and until when; `hold`: nobody is handed this person.

    `reason` is one of holds.REASONS, never words of anybody's.
    """

    reason: str
    until: float
    hold: bool = False

    def lasts(self, now: float) -> bool:
        """Whether it stands at this moment."""
        return self.until > now

    def __str__(self) -> str:
        return f"{self.reason} {self.until:.3f}{' hold' if self.hold else ''}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The flag back from its text; None for none."""
        reason, *rest = text.split() or [""]
        return cls(reason, float(rest[0]), "hold" in rest) if rest else None


@dataclass(frozen=True, slots=True)
class Handoff:
    """One request for a counsellor.

    Times are seconds since the epoch; `asked_at` is the first request and never moves, so the
    wait shown is always the true one. `level` is what the rules said, `rank` the level it queues
    at: waiting long makes it rise. `claimed_by` is a login, `claimed_as` the alias shown.
    `language` is what the assistant answers in; `language_known`: it is what the person reads.
    `address` and `key` (the conversation's data key) are opened for the process that holds it.
    `left_by` gave the person back, at `left_at`; `offered_to` is the colleague they are offered to.
    `word_check` is how asking for the code word went: asked, match, no_match or duress.
    `heard_at` is when the person last wrote, `untold` what they could not be told yet, `greeted`
    whether they were told that a person writes now (telling.py);
    `escalated` the calls that went out because nobody came, `overdue` those because no answer did
    (escalation.py). `spoken_at` is when the counsellor last wrote, `unanswered` when the person
    wrote their first line since then, `nudged_at` and `warned_at` when a silence was asked about
    and its end announced, `kept_open` that the counsellor wants no end of it (silence.py). `flags`
    is what points to danger and was heard in the talk (danger_words, hurt_now); `flagged` is the
    Flag that staff have put on the person, `alarm` since when somebody on hold may be in danger
    (holds.py).
    """

    id: str
    person: str
    channel: Channel
    state: State
    level: Level
    rank: Level
    rules: tuple[str, ...]
    language: str
    romanised: bool
    handle: str
    asked_at: float
    language_known: bool = True
    consent: str = "nothing"
    claimed_by: str = ""
    claimed_as: str = ""
    claimed_at: float = 0.0
    flags: tuple[str, ...] = ()
    left_by: str = ""
    left_at: float = 0.0
    offered_to: str = ""
    heard_at: float = 0.0
    untold: str = ""
    greeted: bool = False
    word_check: str = ""
    escalated: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()
    spoken_at: float = 0.0
    unanswered: float = 0.0
    nudged_at: float = 0.0
    warned_at: float = 0.0
    kept_open: bool = False
    outcome: str = ""
    flagged: Flag | None = None
    alarm: float = 0.0
    address: str = field(default="", repr=False)
    key: bytes = field(default=b"", repr=False)

    @property
    def to(self) -> Recipient:
        """Whom a counsellor's words go to."""
        return Recipient(self.person, self.channel, self.address)

    @property
    def open(self) -> bool:
        """Whether the person is waiting for, or with, a counsellor."""
        return self.state in OPEN

    @property
    def with_counsellor(self) -> bool:
        """Whether the assistant must be silent."""
        return self.state in WITH_COUNSELLOR

    @property
    def forced(self) -> bool:
        """Whether the duress word was typed: somebody may look on, so nothing is told unasked.

        It holds until the end, whoever comes: only what a counsellor sends is shown.
        """
        return "duress_word" in (*self.rules, *self.flags)

    @property
    def seen(self) -> str:
        """Level and alarm, for whoever decides by them: a hold counts only while they are these."""
        return f"{self.level:d} {self.alarm:.3f}"

    def on_hold(self, now: float) -> bool:
        """Whether a supervisor holds this person back from the line."""
        return bool(self.flagged and self.flagged.hold and self.flagged.lasts(now))

    @classmethod
    def from_fields(cls, handoff: str, raw: dict[bytes, bytes], **opened: Any) -> Self:
        """The record from its Redis hash; `opened` are the fields that were sealed."""
        text = {name.decode(): value.decode() for name, value in raw.items() if name not in SEALED}
        return cls(
            id=handoff,
            person=text["person"],
            channel=Channel(text["channel"]),
            state=State(text["state"]),
            level=Level(int(text["level"])),
            rank=Level(int(text["rank"])),
            rules=tuple(text["rules"].split()),
            language=text["language"],
            romanised=text["romanised"] == "1",
            handle=text["handle"],
            asked_at=float(text["asked_at"]),
            language_known=text.get("language_known") != "0",
            consent=text.get("consent", "nothing"),
            claimed_by=text.get("claimed_by", ""),
            claimed_as=text.get("claimed_as", ""),
            claimed_at=float(text.get("claimed_at") or 0),
            flags=tuple(text.get("flags", "").split()),
            left_by=text.get("left_by", ""),
            left_at=float(text.get("left_at") or 0),
            offered_to=text.get("offered_to", ""),
            heard_at=float(text.get("heard_at") or 0),
            untold=text.get("held", ""),
            greeted=text.get("greeted") == "1",
            word_check=text.get("word_check", ""),
            escalated=tuple(text.get("escalated", "").split()),
            overdue=tuple(text.get("overdue", "").split()),
            spoken_at=float(text.get("spoken_at") or 0),
            unanswered=float(text.get("unanswered") or 0),
            nudged_at=float(text.get("nudged_at") or 0),
            warned_at=float(text.get("warned_at") or 0),
            kept_open=text.get("kept_open") == "1",
            outcome=text.get("outcome", ""),
            flagged=Flag.parse(text.get("flagged", "")),
            alarm=float(text.get("alarm") or 0),
            **opened,
        )


#: The fields of the hash that hold sealed bytes.
SEALED: Final = frozenset({b"case", b"address", b"note", b"private"})


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the queue: 1 is next, 0 is not waiting; `minutes` None when it is not known."""

    number: int
    minutes: int | None


@dataclass(frozen=True, slots=True)
class InLine:
    """Somebody who waits, as far as their turn depends on it; fields as in Handoff.

    `language` is empty while it is not known.
    """

    id: str
    rank: Level
    asked_at: float
    language: str
    left_by: str
    left_at: float


@dataclass(frozen=True, slots=True)
class Held:
    """A claim, as far as the desk and the janitor look at all of them. `until`: its lease ends.

    `overdue`: help was called because its counsellor owes an answer.
    """

    id: str
    until: float
    by: str
    offered_to: str
    level: Level
    overdue: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How many wait at a level, since when the first of them, and how many since too long."""

    level: Level
    waiting: int
    since: float | None
    late: int
