"""Shows one reply in a Telegram chat and notes the ids of what was shown, for Leave."""

from collections.abc import Iterable

from redis.asyncio import Redis
from telegram import Bot, LinkPreviewOptions
from telegram.error import Forbidden, TelegramError

from bot.channels.telegram_convert import keyboard, parts
from bot.inbox import Op
from bot.keys import KEEP, Keys
from bot.messages import Reply

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


async def show(bot: Bot, address: str, reply: Reply, shown: list[int] | None = None) -> list[int]:
    """Sends a reply, silently and as plain text; returns the ids of its messages.

    `shown` holds the ids of parts sent before (a long reply that failed half way goes on there)
    and grows with each part. Raises TelegramError.
    """
    ids = [] if shown is None else shown
    texts = parts(reply)
    while len(ids) < len(texts):
        last = len(ids) + 1 == len(texts)
        message = await bot.send_message(
            chat_id=int(address),
            text=texts[len(ids)],
            reply_markup=keyboard(reply) if last else None,
            protect_content=not reply.passable,
            disable_notification=True,
            link_preview_options=_NO_PREVIEW,
        )
        ids.append(message.message_id)
    return ids


def refused(error: TelegramError) -> bool:
    """Whether a 400 or 403 is Telegram's own; proxies and firewalls on the way say so, too."""
    # Where Telegram's description is missing the library gives the status: "Bad Request (400)".
    if isinstance(error, Forbidden):
        return error.message.startswith("Forbidden: ")
    return not error.message.startswith("Bad Request (")


def sent_ops(keys: Keys, person: str, ids: Iterable[int], at: float) -> list[Op]:
    """The commands that note message ids; those Telegram no longer lets us delete are dropped."""
    key = keys.sent(person)
    scored = [word for number in ids for word in (at, number)]
    if not scored:
        return []
    return [
        ("ZADD", key, *scored),
        ("ZREMRANGEBYSCORE", key, "-inf", at - KEEP),
        ("EXPIRE", key, KEEP),
    ]


async def note_sent(redis: Redis, keys: Keys, person: str, ids: Iterable[int], at: float) -> None:
    """Notes message ids now. Raises RedisError."""
    async with redis.pipeline(transaction=True) as pipe:
        for op in sent_ops(keys, person, ids, at):
            pipe.execute_command(*op)
        await pipe.execute()
