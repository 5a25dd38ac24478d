"""How the bot looks before anybody opens it: a neutral name, description and commands.

Best effort: Telegram limits these calls strictly, so nothing is set that already is, and no
failure ever stops the door.
"""

from typing import Final

import structlog
from telegram import Bot, BotCommand
from telegram.error import BadRequest, TelegramError

from bot.conversation.render import Words

log = structlog.get_logger(__name__)

COMMANDS: Final = ("start", "help", "language", "exit")


async def introduce(bot: Bot, words: Words) -> None:
    """Sets what Telegram shows about the bot, in every language offered."""
    done: set[str | None] = set()
    for language in ("", *words.codes()):
        # Telegram knows two letters only; "" is for everybody whose language we do not have.
        code = language.partition("-")[0] or None
        if code in done:
            continue
        done.add(code)
        try:
            await _introduce(bot, words, language or "en", code)
        except BadRequest as error:
            log.info("telegram_profile_refused", error=type(error).__name__)
        except TelegramError as error:
            log.info("telegram_profile_not_set", error=type(error).__name__)
            return


async def _introduce(bot: Bot, words: Words, language: str, code: str | None) -> None:
    def text(key: str) -> str:
        return words.text("commands", key, language)

    commands = [BotCommand(name, text(name)) for name in COMMANDS]
    if list(await bot.get_my_commands(language_code=code)) != commands:
        await bot.set_my_commands(commands, language_code=code)
    if (await bot.get_my_short_description(language_code=code)).short_description != text(
        "short_description"
    ):
        await bot.set_my_short_description(text("short_description"), language_code=code)
    if (await bot.get_my_description(language_code=code)).description != text("description"):
        await bot.set_my_description(text("description"), language_code=code)
    if (await bot.get_my_name(language_code=code)).name != text("name"):
        await bot.set_my_name(text("name"), language_code=code)
