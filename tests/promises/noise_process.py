"""Everything goes wrong, with a person's words in every error: what of it is logged? See test_logs.

Run as a process of its own with the logging of a real one, at DEBUG. Argument: the canary.
"""

import asyncio
import contextlib
import gc
import logging
import sys
import threading
import warnings

import httpx
import structlog
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot
from telegram.error import TelegramError
from telegram.ext import Application

from bot import log
from bot.channels.telegram import prepare_libraries
from bot.serve import serve
from bot.settings import Address
from tests.ports import free_port

CANARY = sys.argv[1]


class Odd:
    """Something whose representation and end hold a person's words."""

    def __repr__(self) -> str:
        return f"<Odd {CANARY}>"

    def __del__(self) -> None:
        raise ValueError(CANARY)


async def fails(request: Request) -> Response:
    raise KeyError(CANARY, (await request.body()).decode())


async def a_web_application() -> None:
    """uvicorn and starlette: an error inside, requests that are none, a client that hangs up."""
    port = free_port()
    app = Starlette(routes=[Route("/{rest:path}", fails, methods=["GET", "POST"])])
    server = asyncio.create_task(serve(app, Address("127.0.0.1", port)))
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, timeout=5) as client:
        for _ in range(200):
            with contextlib.suppress(httpx.HTTPError):
                await client.post(f"/{CANARY}?q={CANARY}", content=CANARY,
                                  headers={"User-Agent": CANARY, "Cookie": f"session={CANARY}",
                                           "X-Forwarded-For": CANARY})  # fmt: skip
                break
            await asyncio.sleep(0.05)
    for raw in (f"{CANARY}\r\n\r\n", f"GET /{CANARY} HTTP/9.9\r\nHost: {CANARY}\r\n\r\n",
                f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{CANARY}",
                "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                f"Upgrade: {CANARY}\r\n\r\n"):  # fmt: skip
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw.encode())
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
    server.cancel()
    await asyncio.wait([server])


async def a_telegram_door() -> None:
    """python-telegram-bot: the token is in every address, updates in every error."""
    prepare_libraries()
    bot = Bot(f"4242:{CANARY}", base_url="http://127.0.0.1:9/bot")
    with contextlib.suppress(TelegramError):
        await bot.get_me()
    with contextlib.suppress(TelegramError):
        await bot.send_message(1, CANARY)
    application = Application.builder().token(f"4242:{CANARY}").updater(None).build()
    await application.process_error(update=CANARY, error=ValueError(CANARY))


async def tasks_that_are_lost() -> None:
    """asyncio tells about errors nobody looked at, and shows what it has."""

    async def lost(odd: str) -> None:
        raise RuntimeError(odd)

    asyncio.get_running_loop().set_debug(True)
    task = asyncio.create_task(lost(CANARY), name=CANARY)
    await asyncio.wait([task])
    del task
    gc.collect()
    asyncio.get_running_loop().call_exception_handler(
        {"message": "something", "exception": ValueError(CANARY), "said": CANARY}
    )


async def a_store_that_is_away() -> None:
    """The Redis client, with words in the command."""
    redis = Redis.from_url("redis://127.0.0.1:9", socket_connect_timeout=1)
    try:
        await redis.set(CANARY, CANARY)
    except Exception as error:
        structlog.get_logger().error("store_away", error=type(error).__name__)
    await redis.aclose()


async def main() -> None:
    for part in (a_web_application, a_telegram_door, tasks_that_are_lost, a_store_that_is_away):
        await part()


def library_lines() -> None:
    """Any library, at any level, with arguments, with an error, or an error as the line."""
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logging.getLogger("some.library").log(level, "it failed for %s", CANARY)
    try:
        raise ValueError(CANARY) from LookupError(CANARY)
    except ValueError as error:
        logging.getLogger("some.library").exception("it failed")
        logging.getLogger("some.library").error(error)
        logging.getLogger("some.library").error(Odd)
    warnings.warn(CANARY, stacklevel=1)
    odd = Odd()
    del odd
    gc.collect()
    thread = threading.Thread(target=lambda: (_ for _ in ()).throw(ValueError(CANARY)))
    thread.start()
    thread.join()


if __name__ == "__main__":
    log.configure("DEBUG")
    asyncio.run(main())
    library_lines()
    structlog.get_logger().debug("all_done")
    raise ExceptionGroup(CANARY, [ValueError(CANARY), OSError(2, CANARY, CANARY)])
