"""What exists on the pretended Telegram: people, chats, messages, waiting updates."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.botapi.files import PHOTO, VOICE

HOUR = 3600
#: What Telegram sends when the bot does not say (chat_member and reactions must be asked for).
DEFAULT_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")


@dataclass
class Message:
    """One message of a chat, as a person holding the phone sees it."""

    id: int
    by_bot: bool
    text: str
    date: float
    buttons: list[list[dict[str, Any]]] = field(default_factory=list)
    flags: dict[str, Any] = field(default_factory=dict)
    deleted: bool = False
    edited: bool = False

    def shown(self) -> dict[str, Any]:
        """Everything about it, for tests in another process."""
        return {
            "id": self.id, "by_bot": self.by_bot, "text": self.text, "date": self.date,
            "buttons": self.buttons, "flags": self.flags, "edited": self.edited,
        }  # fmt: skip


class Chat:
    """A chat: with one person (then the object is that person's hands), a group or a channel."""

    def __init__(self, world: "World", chat_id: int, kind: str, user: dict[str, Any]) -> None:
        self.world, self.id, self.kind, self.user = world, chat_id, kind, user
        self.messages: dict[int, Message] = {}
        self.blocked = False
        self.left = False
        self.alerts: list[str] = []

    # -- what the person does ------------------------------------------------------------------
    def says(self, text: str, **more: Any) -> int:
        """Types a message; commands get their entity. Returns the message id."""
        fields: dict[str, Any] = {"text": text, **more}
        if text.startswith("/"):
            length = len(text.split()[0])
            fields["entities"] = [{"type": "bot_command", "offset": 0, "length": length}]
        return self._send(text, fields)

    def sends(self, kind: str, caption: str = "", size: int = 0) -> int:
        """Sends something that is not text: voice, photo, sticker, contact, location, dice..."""
        name = f"file-{kind}"
        file: dict[str, Any] = {"file_id": name, "file_unique_id": kind}
        if size or name in self.world.files:
            file["file_size"] = size or len(self.world.files[name])
        shapes: dict[str, Any] = {
            "voice": {**file, "duration": 2},
            "audio": {**file, "duration": 2},
            "photo": [
                {"file_id": "thumb", "file_unique_id": "thumb", "width": 3, "height": 3},
                {**file, "width": 9, "height": 9},
            ],
            "video": {**file, "width": 9, "height": 9, "duration": 1},
            "document": {**file, "file_name": "a.pdf"},
            "sticker": {
                **file, "width": 9, "height": 9, "is_animated": False, "is_video": False,
                "type": "regular",
            },
            "contact": {"phone_number": "+15195550142", "first_name": "Canary"},
            "location": {"latitude": 43.651234, "longitude": -79.347012},
            "dice": {"emoji": "🎲", "value": 3},
            "pinned_message": {"message_id": 1, "date": 0, "chat": self.described()},
        }  # fmt: skip
        fields = {kind: shapes[kind]}
        if caption:
            fields["caption"] = caption
        return self._send(caption or f"[{kind}]", fields)

    def edits(self, message_id: int, text: str) -> None:
        """Changes one of the person's own messages."""
        message = self.messages[message_id]
        message.text, message.edited = text, True
        now = int(self.world.clock())
        self.world.happens("edited_message", self._wire(message, {"text": text}, edit_date=now))

    def presses(self, button: str, message_id: int | None = None) -> str:
        """Presses the newest visible button with that label or payload; returns the query's id.

        Raises LookupError when no visible message has it.
        """
        for message in reversed(self.sees()):
            if message_id not in (None, message.id):
                continue
            for row in message.buttons:
                for made in row:
                    if button in (made["text"], made.get("callback_data")):
                        return self.forges(made["callback_data"], message)
        raise LookupError(f"nothing to press: {button}")

    def forges(
        self, payload: str, message: Message | None = None, *, inaccessible: bool = False
    ) -> str:
        """Sends any payload, offered or not, from a message that may be gone or too old."""
        query = str(self.world.next_id())
        fields: dict[str, Any] = {
            "id": query, "from": self.user, "chat_instance": "1", "data": payload,
        }  # fmt: skip
        if inaccessible or message is None:
            number = message.id if message else 1
            fields["message"] = {"chat": self.described(), "message_id": number, "date": 0}
        else:
            fields["message"] = self._wire(message, {"text": message.text})
        self.world.queries[query] = "fresh"
        self.world.happens("callback_query", fields, chat=self)
        return query

    def blocks(self, *, blocked: bool = True) -> None:
        """Blocks the bot (or takes it back)."""
        self.blocked = blocked
        self.membership("kicked" if blocked else "member", "member" if blocked else "kicked")

    def membership(self, now: str, before: str = "left") -> None:
        """Changes what the bot is in this chat: member, kicked, left, administrator."""
        bot = self.world.bot
        shapes = {"kicked": {"until_date": 0}, "administrator": dict.fromkeys(_RIGHTS, False)}
        fields = {
            "chat": self.described(), "from": self.user, "date": int(self.world.clock()),
            "old_chat_member": {"user": bot, "status": before, **shapes.get(before, {})},
            "new_chat_member": {"user": bot, "status": now, **shapes.get(now, {})},
        }  # fmt: skip
        self.world.happens("my_chat_member", fields)

    # -- what the person sees ------------------------------------------------------------------
    def sees(self) -> list[Message]:
        """The messages on the screen, oldest first, both sides."""
        return [message for message in self.messages.values() if not message.deleted]

    def answers(self) -> list[str]:
        """The texts of the bot's visible messages."""
        return [message.text for message in self.sees() if message.by_bot]

    def ages(self, hours: float) -> None:
        """Lets every message so far be that much older."""
        for message in self.messages.values():
            message.date -= hours * HOUR

    # -- wire forms ------------------------------------------------------------------------------
    def described(self) -> dict[str, Any]:
        """The chat as Telegram writes it."""
        if self.kind == "private":
            return {"id": self.id, "type": "private", "first_name": self.user["first_name"]}
        return {"id": self.id, "type": self.kind, "title": "Canary group"}

    def _send(self, text: str, fields: dict[str, Any]) -> int:
        message = Message(self.world.next_id(), False, text, self.world.clock())
        self.messages[message.id] = message
        kind = "channel_post" if self.kind == "channel" else "message"
        self.world.happens(kind, self._wire(message, fields))
        return message.id

    def _wire(self, message: Message, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
        sender = self.world.bot if message.by_bot else self.user
        return {
            "message_id": message.id, "date": int(message.date), "chat": self.described(),
            "from": sender, **fields, **more,
        }  # fmt: skip

    def bot_writes(self, text: str, flags: dict[str, Any], buttons: Any) -> dict[str, Any]:
        """The bot's message arrives; returns its wire form."""
        message = Message(self.world.next_id(), True, text, self.world.clock(), buttons, flags)
        self.messages[message.id] = message
        self.world.changed()
        return self._wire(message, {"text": text})


_RIGHTS = (
    "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages",
    "can_manage_video_chats", "can_restrict_members", "can_promote_members", "can_change_info",
    "can_invite_users", "can_post_stories", "can_edit_stories", "can_delete_stories",
)  # fmt: skip


class World:
    """All chats of one bot, and its updates."""

    def __init__(self, token: str, clock: Callable[[], float] = time.time) -> None:
        self.token, self.clock = token, clock
        self.bot = {"id": int(token.split(":")[0]), "is_bot": True, "first_name": "Helper",
                    "username": "helper_bot"}  # fmt: skip
        self.chats: dict[int, Chat] = {}
        self.pending: dict[int, dict[str, Any]] = {}
        self.queues: dict[int, tuple[str, int]] = {}
        self.allowed: tuple[str, ...] = DEFAULT_UPDATES
        self.queries: dict[str, str] = {}
        self.profile: dict[tuple[str, str], Any] = {}
        #: What getFile and the download know: name of the file -> bytes.
        self.files: dict[str, bytes] = {"file-photo": PHOTO, "file-voice": VOICE}
        self.webhook: dict[str, Any] = {}
        self.change = asyncio.Event()
        self._last_id = 100
        self._last_update = 5000

    def next_id(self) -> int:
        """A fresh id, of one count for the whole bot as in real private chats."""
        self._last_id += 1
        return self._last_id

    def person(self, language: str = "en", name: str = "Canary") -> Chat:
        """Somebody new opens the private chat with the bot."""
        number = 7_000_000 + len(self.chats) + 1
        user = {"id": number, "is_bot": False, "first_name": name, "username": f"u{number}"}
        if language:
            user["language_code"] = language
        return self.chats.setdefault(number, Chat(self, number, "private", user))

    def group(self, kind: str = "group", language: str = "en") -> Chat:
        """A new group, supergroup or channel that already contains the bot."""
        user = self.person(language).user
        number = -1_000_000 - len(self.chats)
        return self.chats.setdefault(number, Chat(self, number, kind, user))

    def happens(self, kind: str, fields: dict[str, Any], chat: Chat | None = None) -> None:
        """Queues an update for the bot, if it asked for that kind."""
        if kind in self.allowed:
            chat_id = chat.id if chat else fields["chat"]["id"]
            self.raw({kind: fields}, (kind, chat_id))

    def raw(self, fields: dict[str, Any], queue: tuple[str, int] = ("raw", 0)) -> int:
        """Queues any update at all, even one that makes no sense; returns its id."""
        self._last_update += 1
        self.pending[self._last_update] = {"update_id": self._last_update, **fields}
        self.queues[self._last_update] = queue
        self.changed()
        return self._last_update

    def confirm(self, update_id: int) -> None:
        """The bot has taken this update."""
        self.pending.pop(update_id, None)
        self.queues.pop(update_id, None)
        self.changed()

    def changed(self) -> None:
        """Wakes everybody who waits for something to happen."""
        self.change.set()
        self.change = asyncio.Event()

    async def until(self, condition: Callable[[], Any], seconds: float = 20) -> Any:
        """Waits until `condition()` is true and returns it. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not (found := condition()):
                change = self.change
                try:
                    # What is waited for may also live outside (a Redis key), so look again.
                    await asyncio.wait_for(change.wait(), 0.02)
                except TimeoutError:
                    continue
        return found
