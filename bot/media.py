"""What console and Telegram door agree on when a counsellor opens a photo or a voice message.

The console never holds the bot's token: it writes an order for one file, sealed with the transit
key and good for seconds, and the process that has the token answers it with the bytes
(bot/channels/telegram_media.py). The order is the whole credential, so nobody without the master
key can make one, and what is overheard is soon worth nothing.
"""

import base64
import binascii
import json
from typing import Final

from bot.errors import Sealed
from bot.vault import Vault

#: The largest file Telegram hands to a bot, bytes.
LARGEST: Final = 20 * 1024 * 1024
#: An order is good for so many seconds; clocks of two machines may differ by less.
LIFE: Final = 30
#: How long handing over one file may take, seconds.
LONGEST: Final = 60.0
_CONTEXT: Final = "media order"

_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)


def order(vault: Vault, file: str, now: float) -> str:
    """An order for one file, as it stands in a header."""
    plain = json.dumps({"file": file, "until": now + LIFE}).encode()
    return base64.urlsafe_b64encode(vault.seal_transit(plain, _CONTEXT)).decode()


def ordered(vault: Vault, given: str, now: float) -> str:
    """The file of an order. Raises Sealed when it is none of ours, or too old."""
    try:
        fields = json.loads(vault.unseal_transit(base64.urlsafe_b64decode(given), _CONTEXT))
    except (binascii.Error, ValueError):
        raise Sealed("no order") from None
    if fields["until"] < now:
        raise Sealed("an order of before")
    return str(fields["file"])


def content_type(beginning: bytes) -> str:
    """What a file is by its first bytes, whatever anybody calls it; "" for what is not shown."""
    for sign, name in _BEGINNINGS:
        if beginning.startswith(sign):
            return name
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return "image/webp"
    # MPEG audio without a tag begins with a frame: eleven bits set, layer III.
    is_frame = len(beginning) > 1 and beginning[0] == 0xFF and beginning[1] & 0xE6 == 0xE2
    return "audio/mpeg" if is_frame else ""
