"""`python -m tests.botapi --port N`: the pretended Telegram as a process, for benches."""

import argparse
import asyncio
import signal

from tests.botapi.server import TOKEN, BotApi


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--token", default=TOKEN)
    asked = parser.parse_args()
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with BotApi(token=asked.token).serving(asked.port) as api:
        print(f"NORTHLIGHT_TELEGRAM_TOKEN={api.token}")
        print(f"NORTHLIGHT_TELEGRAM_BASE_URL={api.base_url}")
        print(f"NORTHLIGHT_TELEGRAM_FILE_BASE_URL={api.base_file_url}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
