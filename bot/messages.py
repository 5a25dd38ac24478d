"""What travels between the doors and the core: one message in, replies out.

The doors convert to and from these; nobody else knows Telegram or the web page.
"""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Channel(StrEnum):
    """A door."""

    TELEGRAM = "telegram"
    WEBCHAT = "webchat"


class Kind(StrEnum):
    """What kind of thing came in.

    The assistant reads texts and buttons only; a voice message, picture or place may be opened by
    the counsellor who holds the talk (Media.can_be_opened).
    """

    TEXT = "text"
    BUTTON = "button"
    EDITED = "edited"
    VOICE = "voice"
    PHOTO = "photo"  # any picture, video or file
    STICKER = "sticker"
    CONTACT = "contact"
    LOCATION = "location"
    OTHER = "other"
    BLOCKED = "blocked"  # the person blocked the bot: stop writing, close what is open
    IDLE = "idle"  # said by the janitor: it has been quiet for a while


#: Whoever presses one of these leaves, at once.
LEAVE_BUTTONS = frozenset({"do:leave", "do:leave_now", "do:erase_now"})


@dataclass(frozen=True, slots=True)
class Media:
    """Something that is no text, or where it is; never the thing itself.

    `file` is the platform's name for it, `size` is in bytes (0: not known), `place` a location's
    latitude and longitude in degrees. With neither file nor place it cannot be opened.
    """

    kind: Kind
    file: str = field(default="", repr=False)
    size: int = 0
    place: tuple[float, float] | None = field(default=None, repr=False)

    @property
    def can_be_opened(self) -> bool:
        """Whether a counsellor may ask for it."""
        return bool(self.file or self.place)

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Back from the wire form. Raises KeyError, TypeError or ValueError."""
        file, size, place = fields["file"], fields["size"], fields["place"]
        if not isinstance(file, str) or not isinstance(size, int):
            raise TypeError("a field of another kind")
        where = (float(place[0]), float(place[1])) if place else None
        return cls(Kind(fields["kind"]), file, size, where)


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message from a person, as a door understood it.

    `person` is the HMAC pseudonym (40 hex), never the platform's id; `address` is what the door
    needs to write back (Telegram's chat id; empty on the web), and is only ever stored sealed.
    `message_id` is the platform's id of the person's own message, kept so that Leave can delete
    it. `at` is seconds since the epoch, UTC. `hint` is the app's language code, not to be trusted.
    `media` is what came instead of text, if it can be opened; kept in a talk only.
    """

    person: str
    channel: Channel
    kind: Kind
    at: float
    text: str = ""
    button: str = ""
    address: str = ""
    message_id: int = 0
    hint: str = ""
    media: Media | None = None

    def to_json(self) -> bytes:
        """The wire form; stored sealed only."""
        return json.dumps(asdict(self), ensure_ascii=True, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """The message back from its wire form. Raises KeyError, TypeError or ValueError."""
        fields = json.loads(raw)
        channel, kind, media = Channel(fields["channel"]), Kind(fields["kind"]), fields.get("media")
        opened = Media.from_fields(media) if media else None
        made = cls(**{**fields, "channel": channel, "kind": kind, "media": opened})
        words = (made.person, made.text, made.button, made.address, made.hint)
        if not all(isinstance(word, str) for word in words):
            raise TypeError("a field that is no text")
        if not isinstance(made.at, int | float) or not isinstance(made.message_id, int):
            raise TypeError("a field that is no number")
        return made


@dataclass(frozen=True, slots=True)
class Button:
    """A choice under a message: what it says, and the payload (at most 64 bytes) it sends."""

    label: str
    payload: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One message to a person, ready to show: words in the person's language, rows of buttons.

    `speaker` is "helper" for the assistant or "counsellor" for a person (`name` then holds the
    alias the counsellor chose). `urgent` goes out before everything else. `erase` is no message
    but the order to remove everything shown so far, both sides, and then show `text` if any; on
    the web it ends the visit, unless another message follows in the same turn.
    `passable` messages (numbers) may be forwarded or copied; the others are protected.
    """

    text: str
    language: str = "en"
    buttons: tuple[tuple[Button, ...], ...] = ()
    speaker: str = "helper"
    name: str = ""
    urgent: bool = False
    passable: bool = False
    erase: bool = False

    def to_json(self) -> dict[str, Any]:
        """The wire form, a plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """The reply back from its wire form."""
        rows = tuple(tuple(Button(**button) for button in row) for row in fields["buttons"])
        return cls(**{**fields, "buttons": rows})


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom to write to: the pseudonym, the door, and the door's (sealed at rest) address."""

    person: str
    channel: Channel
    address: str = ""
