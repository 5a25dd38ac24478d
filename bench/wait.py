"""Waiting: for a server to answer, and for work in a thread."""

import asyncio
import subprocess
from collections.abc import Callable
from typing import TypeVar

import httpx

_T = TypeVar("_T")


def up(
    url: str, process: subprocess.Popen[bytes] | None, headers: dict[str, str] | None = None
) -> bool:
    """Whether `url` answers 200. Raises RuntimeError when its process has ended."""
    if process is not None and process.poll() is not None:
        raise RuntimeError(f"the process that should serve {url} ended ({process.returncode})")
    try:
        return httpx.get(url, headers=headers, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


async def in_thread(act: Callable[[], _T]) -> _T:
    """Does `act` in a thread. Cancelled, it first waits for the end of it.

    Otherwise what is being started would be started after everything was stopped.
    """
    working = asyncio.ensure_future(asyncio.to_thread(act))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        raise
