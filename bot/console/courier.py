"""Brings a photo or a voice message from the process that holds the bot's token (bot/media.py)."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import httpx

from bot import media
from bot.errors import NorthlightError
from bot.settings import Address
from bot.vault import Vault

_PIECE: Final = 65_536
#: What the other process answers -> why nothing comes; anything else is "away".
_WHY: Final = {404: "gone", 413: "large"}


class NotBrought(NorthlightError):
    """Raised when a file cannot be had; `why` is gone, large or away."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Courier:
    """Asks with an order, and passes on what comes."""

    def __init__(self, vault: Vault, address: Address, clock: Callable[[], float]) -> None:
        self._vault, self._url, self._clock = vault, address.url, clock

    @contextlib.asynccontextmanager
    async def bringing(self, file: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of a file, piece by piece, while the block lasts. Raises NotBrought."""
        given = {"authorization": media.order(self._vault, file, self._clock())}
        # The other side asks Telegram first, and has its own limits.
        timeout = httpx.Timeout(media.LONGEST, connect=5)
        async with contextlib.AsyncExitStack() as closing:
            try:
                client = httpx.AsyncClient(timeout=timeout, trust_env=False)
                await closing.enter_async_context(client)
                asked = client.stream("POST", self._url, headers=given)
                answer = await closing.enter_async_context(asked)
            except httpx.HTTPError:
                raise NotBrought("away") from None
            if answer.status_code != 200:
                raise NotBrought(_WHY.get(answer.status_code, "away"))
            yield answer.aiter_bytes(_PIECE)
