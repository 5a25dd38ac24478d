"""Who is on the other side of a request: a random token in a cookie, and a language."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from bot.vault import Vault

#: The conversation. Its value is the only thing that opens it.
SESSION: Final = "session"
#: Given with the first page, before there is a conversation, and used as its token when the person
#: writes: a first message sent twice then comes from one visitor, not two. A separate cookie,
#: because a page opened from another site is asked for without the SameSite=Strict session cookie
#: and must not overwrite it.
VISIT: Final = "visit"

#: Tags that stand for a language offered under another code, best first.
_OTHER_NAMES: Final = {
    "zh": ("zh-hans", "zh-hant"),
    "zh-cn": ("zh-hans",),
    "zh-sg": ("zh-hans",),
    "zh-tw": ("zh-hant", "zh-hans"),
    "zh-hk": ("zh-hant", "zh-hans"),
    "zh-mo": ("zh-hant", "zh-hans"),
    "fil": ("tl",),
}


@dataclass(frozen=True)
class Cookies:
    """Reads, sets and clears the two cookies, always with the same attributes.

    With `__Host-` no other site of the same domain, and nobody on the way, can put theirs into
    somebody's browser and then read what is written under it.
    """

    secure: bool
    vault: Vault

    def session_of(self, request: Request) -> str:
        """The visitor's session token, "" for none or one that is not ours."""
        return self._read(request, SESSION)

    def token_of(self, request: Request) -> str:
        """The same, or the token that the first message is being filed under; "" for a stranger."""
        return self.session_of(request) or self._read(request, VISIT)

    def token_for_writing(self, request: Request) -> str:
        """The token under which what this request brings is filed; a new one if there is none."""
        return self.token_of(request) or self.vault.visitor_token()

    def _read(self, request: Request, name: str) -> str:
        value = request.cookies.get(self._name(name), "")
        return value if self.vault.is_visitor_token(value) else ""

    def begin_visit(self, request: Request, response: Response) -> None:
        """Gives a visitor without any token one for the first message."""
        if not self.token_of(request):
            self._set(response, VISIT, self.vault.visitor_token())

    def keep(self, request: Request, response: Response, token: str) -> None:
        """Makes `token` the visitor's session."""
        if self.session_of(request) != token:
            self._set(response, SESSION, token)

    def clear(self, response: Response) -> None:
        """Takes both cookies away."""
        for name in (SESSION, VISIT):
            response.delete_cookie(
                self._name(name), path="/", secure=self.secure, httponly=True, samesite="strict"
            )

    def _set(self, response: Response, name: str, value: str) -> None:
        # No expiry: the browser forgets it when it is closed.
        response.set_cookie(
            self._name(name), value, path="/", secure=self.secure, httponly=True, samesite="strict"
        )

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name


def match_language(header: str, offered: Sequence[str]) -> str:
    """The best language offered for an Accept-Language header; "" when none fits."""
    by_name = {code.lower(): code for code in offered}
    wanted: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, rest = part.strip().partition(";")
        weight = rest.strip().removeprefix("q=") if rest else "1"
        try:
            wanted.append((-float(weight), tag.strip().lower()))
        except ValueError:
            continue
    for weight_below_zero, tag in sorted(wanted, key=lambda pair: pair[0]):
        if not weight_below_zero < 0:
            continue
        base = tag.split("-")[0]
        shorter = tag.rpartition("-")[0]
        for name in (tag, *_OTHER_NAMES.get(tag, ()), shorter, base, *_OTHER_NAMES.get(base, ())):
            if name in by_name:
                return by_name[name]
    return ""


def same_origin(request: Request) -> bool:
    """Whether a POST comes from our own page.

    Referrer-Policy: no-referrer makes browsers send "Origin: null" with our own forms, so the
    word of Sec-Fetch-Site counts. Browsers too old for it are held by SameSite=Strict: a foreign
    form's POST carries no cookie of ours and cannot reach a conversation.
    """
    if site := request.headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = request.headers.get("origin", "null")
    return origin == "null" or origin.partition("://")[2] == request.headers.get("host", "")
