"""The peer's Telegram door, the smallest there can be: python-telegram-bot before `rest`.

Each update is posted to Rasa's REST webhook and each answer sent back; nothing is stored.
Run by bench/stock.py: python -m bench.by_the_book TOKEN BASE_URL REST_URL
"""

import logging
import os
import sys

import httpx
from telegram import Update
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    ContextTypes,
    MessageHandler,
    filters,
)


def build(token: str, base_url: str, rest_url: str) -> Application:  # type: ignore[type-arg]
    """The application; up to 64 updates at once, which suits a bot that waits for another."""
    rasa = httpx.AsyncClient(timeout=60, trust_env=False)

    async def ask(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        chat, query = update.effective_chat, update.callback_query
        if chat is None:
            return
        if query:
            await query.answer()
        said = query.data if query else update.message and update.message.text
        answer = await rasa.post(rest_url, json={"sender": str(chat.id), "message": said})
        for reply in answer.json():
            await context.bot.send_message(chat.id, reply["text"])

    application = (
        Application.builder()
        .token(token)
        .base_url(base_url)
        .concurrent_updates(64)
        .connection_pool_size(64)
        .pool_timeout(30)
        .build()
    )
    application.add_handler(MessageHandler(filters.TEXT, ask))
    application.add_handler(CallbackQueryHandler(ask))
    return application


if __name__ == "__main__":
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    build(*sys.argv[1:4]).run_polling()
