"""The door as a process of its own, for tests that kill it. Arguments: one JSON object."""

import asyncio
import json
import sys

from redis.asyncio import Redis

from bot.channels import telegram
from bot.inbox import Inbox
from bot.keys import Keys
from bot.leases import own_name
from bot.outbox import Outbox
from bot.settings import Settings
from bot.vault import Vault
from tests.telegram.conftest import WORDS, emergency


async def main() -> None:
    asked = json.loads(sys.argv[1])
    keys, vault = Keys(asked["prefix"]), Vault(bytes.fromhex(asked["master"]))
    settings = Settings(
        telegram_token=asked["token"],
        telegram_base_url=asked["base_url"],
        telegram_file_base_url=asked["base_url"],
    )
    async with Redis.from_url(asked["redis"]) as redis:
        inbox = Inbox(redis, keys, vault, own_name())
        door = telegram.TelegramDoor(
            settings, redis, keys, vault, inbox, Outbox(redis, keys, vault), WORDS, emergency,
            first_pause=0.02,
        )  # fmt: skip
        await door.run(asyncio.Event())


if __name__ == "__main__":
    telegram.LEASE = 0.5  # type: ignore[misc]
    asyncio.run(main())
