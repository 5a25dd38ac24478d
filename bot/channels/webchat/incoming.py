"""What a form of the page brought, read within limits and made safe to pass on."""

import hashlib
import re
from collections.abc import AsyncGenerator

from starlette.datastructures import FormData
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from bot.channels.webchat.contract import BODY_DRAIN, BODY_MAX

# Control characters except line feed and tab, and lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_FIELDS_MAX = 8


class TooLong(Exception):
    """Raised when a body is longer than BODY_MAX."""


class Unreadable(Exception):
    """Raised when a body is no form at all."""


class Form:
    """The fields of one POST."""

    def __init__(self, fields: FormData) -> None:
        self._fields = fields

    def get(self, name: str) -> str:
        """A field, cleaned; "" when it is missing or a file."""
        value = self._fields.get(name, "")
        return clean(value) if isinstance(value, str) else ""


def clean(text: str) -> str:
    """`text` without what Redis, the engine or a screen could stumble over."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def delivery_name(token: str, form_id: str, content: str) -> str:
    """The name of one delivery: the same form sent twice has the same name, whoever sends it.

    It names no one: the token is random and goes in hashed. The content is part of it, so that a
    second, different press on a stale page is not taken for a repeat.
    """
    return hashlib.sha256(f"{token}\n{form_id}\n{content}".encode()).hexdigest()


async def read_form(request: Request) -> Form:
    """The form of a POST. Raises TooLong or Unreadable."""
    body = await _body(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            parser = MultiPartParser(
                request.headers, _once(body), max_files=0, max_fields=_FIELDS_MAX
            )
            return Form(await parser.parse())
        if kind == "application/x-www-form-urlencoded":
            plain = FormParser(request.headers, _once(body))
            return Form(await plain.parse())
    except (MultiPartException, ValueError, KeyError):
        raise Unreadable from None
    raise Unreadable


async def _body(request: Request) -> bytes:
    body, length = bytearray(), 0
    try:
        async for chunk in request.stream():
            length += len(chunk)
            if length <= BODY_MAX:
                body += chunk
            elif length > BODY_DRAIN:
                break
    except ClientDisconnect:
        raise Unreadable from None
    if length > BODY_MAX:
        raise TooLong
    return bytes(body)


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
    yield b""
