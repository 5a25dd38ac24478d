"""The Telegram door and its delivery, against a real Redis and a real HTTP server."""
