"""Waiting in tests for what comes about in its own time."""

import asyncio
import contextlib
import inspect
import time
from collections.abc import Callable
from typing import Any


async def until(
    true: Callable[[], Any],
    what: str,
    seconds: float = 60,  # hundreds of turns, on a machine that others use too
    *,
    pause: float = 0.005,
    despite: tuple[type[Exception], ...] = (),
) -> Any:
    """Waits until `true()`, which may be a coroutine, is, and returns it.

    An error of `despite` counts as no. AssertionError says what was waited for in vain.
    """
    try:
        async with asyncio.timeout(seconds):
            while True:
                with contextlib.suppress(*despite):
                    found = true()
                    if value := await found if inspect.isawaitable(found) else found:
                        return value
                await asyncio.sleep(pause)
    except TimeoutError:
        raise AssertionError(f"never came: {what}") from None


def wait_until(
    true: Callable[[], Any],
    what: str,
    seconds: float = 90,
    *,
    despite: tuple[type[Exception], ...] = (),
) -> Any:
    """The same where no event loop runs: for processes that start and end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(*despite):
            if value := true():
                return value
        time.sleep(0.05)
    raise AssertionError(f"never came: {what}")
