"""What may call itself a request: Sanic 21 would read some bodies for ever, and answer nobody."""

from __future__ import annotations

import re
from typing import Any

from sanic.compat import Header
from sanic.exceptions import InvalidUsage
from sanic.request import Request

_LENGTH = re.compile("[0-9]{1,12}")


class PlainRequest(Request):
    """One body of a known length, as the bot sends it: no chunks, no other protocol after it.

    A length below zero kept the event loop busy for good, with any caller, before the token was
    even looked at.
    """

    def __init__(self, url_bytes: bytes, headers: Header, *rest: Any, **more: Any) -> None:
        super().__init__(url_bytes, headers, *rest, **more)
        lengths = headers.getall("content-length", [])
        sure = len(lengths) <= 1 and all(_LENGTH.fullmatch(told.strip()) for told in lengths)
        if not sure or "transfer-encoding" in headers or "upgrade" in headers:
            raise InvalidUsage("a body must have one length")
