"""Takes one Telegram update in, for polling and webhook alike: stored first, confirmed after.

When Redis is away nothing can be stored, so the update is not confirmed and comes again; until
then the person is answered once, directly, with the numbers that always work.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from telegram import Bot, CallbackQuery, Chat, Update
from telegram.constants import ChatMemberStatus
from telegram.error import Forbidden, TelegramError

from bot.channels import telegram_convert as convert
from bot.channels.telegram_send import note_sent, refused, show
from bot.conversation.render import Words
from bot.errors import QueueUnavailable
from bot.inbox import Inbox
from bot.keys import Keys
from bot.messages import Inbound, Kind, Reply
from bot.vault import Vault

log = structlog.get_logger(__name__)

#: `(text, hint of the app's language) -> replies`, pure: what to say when nothing can be stored.
Emergency = Callable[[str, str], list[Reply]]

#: How long storing one message may take before Redis counts as away, seconds.
PATIENCE: Final = 3.0
#: How many updates are remembered as answered while Redis is away.
REMEMBERED: Final = 10_000
_OUT: Final = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)


class Intake:
    """Takes updates in; `take` returns when an update is safe and may be confirmed."""

    def __init__(
        self,
        bot: Bot,
        redis: Redis,
        keys: Keys,
        vault: Vault,
        inbox: Inbox,
        words: Words,
        emergency: Emergency,
        clock: Callable[[], float],
    ) -> None:
        self._bot, self._redis, self._keys, self._vault = bot, redis, keys, vault
        self._inbox, self._words, self._emergency, self._clock = inbox, words, emergency, clock
        self._met: dict[int, None] = {}  # update ids, oldest first
        self._refused: dict[int, None] = {}  # groups that were told, oldest first
        self._unnoted: dict[str, list[int]] = {}  # person -> ids of messages, oldest first
        self._errands: set[asyncio.Task[None]] = set()
        self._few = asyncio.Semaphore(16)

    async def take(self, raw: dict[str, Any], *, store: bool = True) -> None:
        """Stores one update. Raises QueueUnavailable: do not confirm it, the person was answered.

        With `store=False` it is not even tried (an earlier update could not be stored, and order
        must be kept): the person is answered and QueueUnavailable raised.
        """
        parsed = self._parse(raw)
        if parsed is None:
            return
        update, inbound = parsed
        first = _remember(self._met, update.update_id)
        if update.callback_query and first:
            self._run(self._answer_query(update.callback_query))
        if not convert.is_private(update):
            try:
                self._refuse(update)
            except (AttributeError, TypeError) as error:  # parts of it are missing
                log.error("telegram_update_malformed", error=type(error).__name__)
            return
        if inbound is None:
            return
        try:
            await self._store(inbound, f"{self._bot.id}:{update.update_id}", store)
        except QueueUnavailable:
            if first and inbound.kind is not Kind.BLOCKED:
                self._run(self._reassure(inbound, update.update_id))
            raise

    async def aclose(self) -> None:
        """Waits for what is being said at this moment."""
        if self._errands:
            await asyncio.wait(self._errands, timeout=5)
        for task in self._errands:
            task.cancel()

    def _parse(self, raw: dict[str, Any]) -> tuple[Update, Inbound | None] | None:
        try:
            update = Update.de_json(raw, self._bot)
            chat = update.effective_chat
            if not isinstance(update.update_id, int) or not isinstance(chat.id if chat else 0, int):
                raise TypeError  # numbers that we keep
            if not convert.is_private(update):
                return update, None
            inbound = convert.inbound(update, self._vault, self._clock())
            # The library takes over whatever stands in a field: as the worker will read it.
            return update, inbound and Inbound.from_json(inbound.to_json())
        except Exception as error:
            # Whatever Telegram sends, one update must never hold up those behind it.
            log.error("telegram_update_malformed", error=type(error).__name__)
            return None

    async def _store(self, inbound: Inbound, update: str, store: bool) -> None:
        if not store:
            raise QueueUnavailable("inbox")
        try:
            async with asyncio.timeout(PATIENCE):
                await self._note(inbound.person)  # first: it may be Leave that comes
                await self._inbox.accept(inbound, update)
        except (TimeoutError, RedisError, OSError) as error:
            raise QueueUnavailable("inbox") from error
        if self._unnoted:
            self._run(self._note_others())

    async def _note(self, person: str) -> None:
        """Writes down what they were shown while Redis was away, so that Leave can delete it."""
        numbers = self._unnoted.pop(person, [])  # now: somebody else may add to it while we wait
        try:
            if numbers:
                await note_sent(self._redis, self._keys, person, numbers, self._clock())
        except BaseException:
            self._unnoted[person] = numbers + self._unnoted.get(person, [])
            raise

    async def _note_others(self) -> None:
        while self._unnoted:
            await self._note(next(iter(self._unnoted)))

    async def _answer_query(self, query: CallbackQuery) -> None:
        await query.answer()  # ends the spinner; an old press fails here and is acted on anyway

    async def _reassure(self, inbound: Inbound, update_id: int) -> None:
        try:
            for reply in self._emergency(inbound.text, inbound.hint):
                shown = await show(self._bot, inbound.address, reply)
                self._unnoted.setdefault(inbound.person, []).extend(shown)
        except TelegramError as error:
            if not (isinstance(error, Forbidden) and refused(error)):
                self._met.pop(update_id, None)  # tried again when the update comes again
            raise
        finally:
            for oldest in list(self._unnoted)[:-REMEMBERED]:
                del self._unnoted[oldest]

    def _refuse(self, update: Update) -> None:
        """A group must not see what is said here: one neutral line, then out."""
        chat, sender, member = update.effective_chat, update.effective_user, update.my_chat_member
        if chat is None:
            return
        if member:
            if member.new_chat_member.status in _OUT:
                return
            if member.old_chat_member.status in _OUT:
                self._refused.pop(chat.id, None)  # invited once more: told once more
        if _remember(self._refused, chat.id):
            self._run(self._say_and_leave(chat, (sender.language_code if sender else "") or "en"))

    async def _say_and_leave(self, chat: Chat, hint: str) -> None:
        try:
            words = self._words.reply("group", hint.partition("-")[0])
            await show(self._bot, str(chat.id), words)
        finally:
            await self._bot.leave_chat(chat.id)

    def _run(self, errand: Coroutine[Any, Any, None]) -> None:
        """Does what must not delay storing, and may fail."""

        async def run() -> None:
            async with self._few:
                try:
                    await errand
                except TelegramError as error:
                    log.info("telegram_errand_failed", error=type(error).__name__)
                except Exception as error:
                    log.error("telegram_errand_failed", error=type(error).__name__)

        task = asyncio.create_task(run())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


def _remember(seen: dict[int, None], number: int) -> bool:
    """Notes a number; False when it was noted before. The oldest are forgotten."""
    if number in seen:
        return False
    seen[number] = None
    if len(seen) > REMEMBERED:
        del seen[next(iter(seen))]
    return True
