"""What is remembered of a conversation between two messages; stored sealed, never as text.

It holds what was understood (answers, what is being asked, the language), not what was said.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from bot.messages import Channel, Recipient

#: After so long a silence a secret word is asked for, where one is set; seconds.
BREAK = 10 * 60
#: Quiet for so long, and the person is told that the chat will be erased; seconds.
QUIET = 15 * 60
#: And so long after that it is erased; seconds.
GRACE = 5 * 60


@dataclass
class Session:
    """One person's conversation so far."""

    person: str
    channel: Channel
    address: str = ""
    language: str | None = None  # None: not known yet, ask
    pinned: bool = False  # chosen by the person: detection may only offer a switch
    belief: dict[str, float] | None = None  # language -> probability (bot/conversation/language)
    romanised: bool = False  # typed in Latin letters a language that has others
    offered_language: str = ""  # a switch offered once is not offered again
    answers: dict[str, str] = field(default_factory=dict)
    signals: list[str] = field(default_factory=list)
    asking: str | None = None  # the question that is open: a slot, or code_word / duress_word
    expects: str | None = None  # what a plain yes or no would answer: a slot, person, leave, region
    checking: bool = False  # the safety check was begun and has open questions
    person_offered: bool = False
    misunderstood: int = 0
    region: str = ""
    code_mark: str = ""
    duress_mark: str = ""
    code_offered: bool = False
    locked: bool = False
    warned_at: float = 0.0  # when it was told that the chat will be erased
    cards_told: list[str] = field(default_factory=list)  # urgent cards shown in this talk
    last_at: float = 0.0
    spent: float = 0.0  # how much of the room for messages is used, for the limit

    @property
    def to(self) -> Recipient:
        """Whom the replies go to."""
        return Recipient(self.person, self.channel, self.address)

    def signal(self, name: str) -> None:
        """Keeps that something happened; never taken back."""
        if name not in self.signals:
            self.signals.append(name)

    def to_json(self) -> bytes:
        """The wire form; stored sealed only."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """The session back from its wire form."""
        fields: dict[str, Any] = json.loads(raw)
        return cls(**{**fields, "channel": Channel(fields["channel"])})
