"""Between Telegram's shapes and ours: updates become Inbound, replies become messages.

Nothing is fetched or decided here. Of a photo, a voice message or a place it is noted where it is,
so that a counsellor can ask for it; everything else that is no text is only known by its kind.
"""

from typing import Any, Final

from telegram import (
    CallbackQuery,
    ChatMemberUpdated,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    Update,
)
from telegram.constants import ChatMemberStatus, ChatType
from telegram.ext import filters

from bot.media import LARGEST
from bot.messages import Channel, Inbound, Kind, Media, Reply
from bot.vault import Vault

#: What we ask Telegram for; anything else would only be thrown away.
UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")
#: The longest text of one message, in UTF-16 units (the strictest way to count).
MAX_TEXT: Final = 4096

# The first that a message has decides; an animation also carries a document, a venue a location.
_KINDS: Final = (
    ("voice", Kind.VOICE),
    ("audio", Kind.VOICE),
    ("photo", Kind.PHOTO),
    ("video", Kind.PHOTO),
    ("video_note", Kind.PHOTO),
    ("document", Kind.PHOTO),
    ("sticker", Kind.STICKER),
    ("contact", Kind.CONTACT),
    ("location", Kind.LOCATION),
)


#: No platform's name for a file is longer.
_LONGEST_NAME: Final = 512


def is_private(update: Update) -> bool:
    """Whether it comes from a chat with one person. An old button may come without its chat."""
    chat = update.effective_chat
    return chat is None or chat.type == ChatType.PRIVATE


def inbound(update: Update, vault: Vault, now: float) -> Inbound | None:
    """The message of a private chat; None when there is nothing to handle (a service notice)."""
    if update.callback_query:
        return _button(update.callback_query, vault, now)
    if update.my_chat_member:
        return _membership(update.my_chat_member, vault)
    if update.edited_message:
        return _edited(update.edited_message, vault)
    if update.message and not filters.StatusUpdate.ALL.check_update(update):
        return _message(update.message, vault)
    return None


def _message(message: Message, vault: Vault) -> Inbound:
    kind = next((kind for name, kind in _KINDS if getattr(message, name)), Kind.OTHER)
    if message.text:
        return _made(message, Kind.TEXT, _command(message.text), vault)
    return _made(message, kind, message.caption or "", vault, _media(message, kind))


def _media(message: Message, kind: Kind) -> Media | None:
    """What a counsellor may open. Not documents: they keep what a camera writes into a picture."""
    if kind is Kind.LOCATION and message.location:
        where = (message.location.latitude, message.location.longitude)
        return Media(kind, place=where) if _is_place(*where) else None
    largest = message.photo[-1] if message.photo else None  # the smaller sizes come first
    file: Any = largest or message.voice or message.audio
    if file is None or not isinstance(file.file_id, str) or len(file.file_id) > _LONGEST_NAME:
        return None
    size = file.file_size if isinstance(file.file_size, int) else 0
    return Media(kind, file.file_id if size <= LARGEST else "", size)


def _is_place(latitude: object, longitude: object) -> bool:
    right = isinstance(latitude, int | float) and isinstance(longitude, int | float)
    return right and -90 <= float(latitude) <= 90 and -180 <= float(longitude) <= 180  # type: ignore[arg-type]


def _edited(message: Message, vault: Vault) -> Inbound | None:
    text = message.text or message.caption
    # A live location "edits" itself every few seconds: nobody changed any words.
    return _made(message, Kind.EDITED, text, vault) if text else None


def _made(
    message: Message, kind: Kind, text: str, vault: Vault, media: Media | None = None
) -> Inbound:
    sender = message.from_user
    return Inbound(
        person=vault.person(Channel.TELEGRAM, str(message.chat.id)),
        channel=Channel.TELEGRAM,
        kind=kind,
        at=(message.edit_date or message.date).timestamp(),
        text=text,
        address=str(message.chat.id),
        message_id=message.message_id,
        hint=(sender.language_code or "") if sender else "",
        media=media,
    )


def _button(query: CallbackQuery, vault: Vault, now: float) -> Inbound | None:
    if not query.data:
        return None
    # A private chat has the number of its person, and the message may be gone: so ask the person.
    address = str(query.from_user.id)
    return Inbound(
        person=vault.person(Channel.TELEGRAM, address),
        channel=Channel.TELEGRAM,
        kind=Kind.BUTTON,
        at=now,
        button=query.data,
        address=address,
        hint=query.from_user.language_code or "",
    )


def _membership(change: ChatMemberUpdated, vault: Vault) -> Inbound | None:
    if change.new_chat_member.status != ChatMemberStatus.BANNED:
        return None
    return Inbound(
        person=vault.person(Channel.TELEGRAM, str(change.chat.id)),
        channel=Channel.TELEGRAM,
        kind=Kind.BLOCKED,
        at=change.date.timestamp(),
        address=str(change.chat.id),
    )


def _command(text: str) -> str:
    """ "/Exit@name_of_the_bot" as "/exit", and /start without what a link put behind it."""
    if not text.startswith("/"):
        return text
    word, space, rest = text.partition(" ")
    word = word.partition("@")[0].lower()
    return word if word == "/start" else word + space + rest


def keyboard(reply: Reply) -> InlineKeyboardMarkup | None:
    """The buttons under a message. They leave no text in the chat when pressed."""
    if not reply.buttons:
        return None
    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(button.label, callback_data=button.payload) for button in row]
            for row in reply.buttons
        ]
    )


def parts(reply: Reply) -> list[str]:
    """The texts of the messages a reply needs: one, unless it is too long; none if it is empty."""
    text = reply.text.strip()
    if reply.name and text:
        text = f"{reply.name}: {text}"
    made: list[str] = []
    while _units(text) > MAX_TEXT:
        head = _head(text)
        made.append(head.rstrip())
        text = text[len(head) :].lstrip()
    return [*made, text] if text else made


def _head(text: str) -> str:
    """As much of the beginning as fits, up to the best border."""
    room = text[:MAX_TEXT]
    while _units(room) > MAX_TEXT:
        room = room[: len(room) - (_units(room) - MAX_TEXT + 1) // 2]
    for border in ("\n\n", "\n", ". ", "。", " "):
        at = room.rfind(border)
        # A border near the start would give many tiny messages.
        if at > len(room) // 4:
            return room[: at + len(border)]
    return room


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
