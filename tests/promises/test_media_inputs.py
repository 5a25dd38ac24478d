"""P6, P10: hostile calls of the port at which the Telegram process hands over what people sent.

Only an order of ours that is fresh brings a file, and the right one; whatever else comes is no
crash, no 5xx, and asks Telegram for nothing. After each lot an order of ours is still answered.
"""

import base64
from collections import Counter

import httpx
import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from bot import media
from bot.channels.telegram_media import endpoint
from bot.vault import Vault
from tests.botapi import BotApi
from tests.botapi.files import PHOTO, VOICE
from tests.core.world import MASTER
from tests.promises.conftest import Promise
from tests.promises.hostile import NESTED
from tests.promises.test_hostile_core import Mischief
from tests.promises.wire import hit

FULL, SHORT = 100_000, 3_000
#: So many hostile calls, then one order of ours.
A_LOT = 20
REFUSED = {403, 404, 405}
FILES = {"file-photo": PHOTO, "file-voice": VOICE}


class Thief:
    """Draws what stands in the header of somebody who has no order."""

    def __init__(self, mischief: Mischief, vault: Vault) -> None:
        self._mischief, self._vault = mischief, vault
        self._other = Vault(b"\x01" * 32)

    def order(self, now: float) -> str:
        choose = self._mischief.random
        file = choose.choice([*FILES, "../x", ""])
        ours = base64.urlsafe_b64decode(media.order(self._vault, file, now))
        match choose.randrange(8):
            case 0:
                return media.order(self._other, file, now)
            case 1:  # one that was ours
                return media.order(self._vault, file, now - media.LIFE - choose.choice((1, 1e9)))
            case 2:
                changed = bytearray(ours)
                changed[choose.randrange(len(ours))] ^= 1 << choose.randrange(8)
                return base64.urlsafe_b64encode(changed).decode()
            case 3:
                cut = ours[: choose.randrange(len(ours))]
                return base64.urlsafe_b64encode(cut).decode()
            case 4:
                return base64.urlsafe_b64encode(ours + choose.randbytes(9)).decode()
            case 5:  # the right kind of bytes, sealed for something else
                sealed = self._vault.seal_transit(b'{"file": "file-photo", "until": 9e99}', "other")
                return base64.urlsafe_b64encode(sealed).decode()
            case 6:
                return base64.urlsafe_b64encode(choose.randbytes(choose.randrange(200))).decode()
            case _:
                return self._mischief.text().encode("utf-8", "replace").decode("latin-1")


async def play(mischief: Mischief, size: int) -> tuple[Counter[int], list[str]]:
    choose, vault = mischief.random, Vault(MASTER)
    thief = Thief(mischief, vault)
    answered: Counter[int] = Counter()
    failures: list[str] = []
    async with BotApi().serving() as api, httpx.AsyncClient() as client:
        clock = api.world.clock
        request = HTTPXRequest()
        async with Bot(api.token, api.base_url, api.base_file_url, request=request) as bot:
            app = endpoint(bot, vault, clock, client)
            for number in range(1, size + 1):
                asked = len(api.called("getFile"))
                if number % A_LOT == 0:
                    name = choose.choice(list(FILES))
                    given = [("authorization", media.order(vault, name, clock()))]
                    answer = await hit(app, "POST", "/", given)
                    wrong = [answer.fault] * bool(answer.fault)
                    wrong += ["not the file of the order"] * (answer.body != FILES[name])
                    del api.calls[:]
                else:
                    method = choose.choice(["POST"] * 9 + ["GET", "PUT", "HEAD", "OPTIONS"])
                    target = choose.choice(["/"] * 9 + ["//", "/bot", "/%00", "/..", "/?x=%ff"])
                    given = [("authorization", thief.order(clock()))] * choose.choice((0, 1, 1, 2))
                    body = choose.choice(NESTED).encode("utf-8", "surrogatepass")
                    answer = await hit(app, method, target, given, body)
                    wrong = [answer.fault] * bool(answer.fault)
                    wrong += [f"status {answer.status}"] * (answer.status not in REFUSED)
                    wrong += ["Telegram was asked"] * (len(api.called("getFile")) != asked)
                answered[answer.status] += 1
                failures += [f"{number} {what}: {given!r:.300}" for what in wrong]
    return answered, failures


@pytest.mark.timeout(7200)
async def test_hostile_calls_of_the_media_port(promise: Promise, full: bool, seed: int) -> None:
    size = FULL if full else SHORT
    answered, failures = await play(Mischief(seed), size)
    print(*failures[:10], sep="\n")
    spread = ", ".join(f"{many} x {status}" for status, many in sorted(answered.items()))
    promise("P10", "hostile calls of the media port", sum(answered.values()), len(failures),
            f"seed {seed}; {spread}")  # fmt: skip
