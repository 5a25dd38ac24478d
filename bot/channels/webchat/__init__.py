"""The web door: a chat page that works without JavaScript, and better with it."""

from bot.channels.webchat.app import create_app

__all__ = ["create_app"]
