"""A small Telegram Bot API server of our own, because no existing one serves our library."""

from tests.botapi.server import TOKEN, BotApi, Fault
from tests.botapi.world import Chat, Message, World

__all__ = ["TOKEN", "BotApi", "Chat", "Fault", "Message", "World"]
