"""Requests nobody should send, drawn from a seed, for the console and the web chat alike.

A request is data. Names in braces ({mine}, {theirs}, {cookie}...) are filled in when it is sent,
from what then exists, so that much of what is sent comes close to being right.
"""

import json
import re
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from bot.console.app import ROUTES

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Hostile:
    """One request: by whom, to which of the two applications, and all of its parts."""

    where: str
    who: str
    method: str
    target: str
    headers: Headers
    body: bytes
    pause: float


#: Path and the methods it has. Paths stand twice where the most is to be won.
CONSOLE = (
    ("/login", "P"), ("/static/{word}", "G"), ("/static/console.css", "G"), ("/{word}", "GP"),
    ("/handoffs/{id}", "G"), ("/handoffs/{id}/lines", "G"), ("/handoffs/{id}/say", "P"),
    ("/api/handoffs/{id}", "G"), ("/api/handoffs/{id}/say", "P"),
    *((re.sub(r"\{(?!id\}).*?\}", "{word}", path), "G" * bool(get) + "P" * bool(post))
      for path, get, post in ROUTES),
)  # fmt: skip
WEB = (
    ("/", "G"), ("/", "G"), ("/message", "P"), ("/message", "P"), ("/choice", "P"),
    ("/choice", "P"), ("/leave", "P"), ("/events", "G"), ("/events", "G"), ("/healthz", "G"),
    ("/favicon.ico", "G"), ("/static/{word}", "G"), ("/static/chat.css", "G"), ("/{word}", "GP"),
)  # fmt: skip
IDS = ("{mine}", "{mine}", "{theirs}", "{theirs}", "{waiting}", "0" * 20, "{mine}%00", "..", "%2e")
CONSOLE_FIELDS = ("csrf", "login", "password", "code", "old", "new", "again", "secret", "text",
                  "phrase", "outcome", "sure", "on", "language", "back", "to", "note")  # fmt: skip
#: The fields that the route looks at, by the end of its path.
OWN_FIELDS = {
    "/say": ("text", "phrase"), "/login": ("login", "password"), "/shift": ("on",),
    "/end": ("sure", "outcome"), "/language": ("language", "back"), "/login/code": ("code",),
    "/password": ("old", "new", "again"), "/second-step": ("secret", "code", "password", "old"),
    "/transfer": ("to", "note"),
    "/message": ("text", "id"), "/choice": ("payload", "id"),
}  # fmt: skip
WEB_FIELDS = ("text", "payload", "id", "after", "language")
#: What comes near the truth, and what has broken somebody's program before.
WORDS = (
    "", " ", "ana", "ben", "sam", "a quiet evening walk", "1", "0", "true", "helped",
    "opening_hello", "en", "fr", "zh-Hans", "{mine}", "{theirs}", "{csrf}", "0-0", "1-1", "-", "+",
    "$", ">", "(0-0",
    "99999999999999999999-0", "1" * 19, "\u00b2", "\u0661", "-1", "1e309", "NaN", "null", "%s%n",
    "{}", "{0.__class__}", "{{7*7}}", "<script>alert(1)</script>", "\"'><img src=x>",
    "' OR 1=1--", "*",
    "../../../etc/passwd", "//evil.test", "/\\evil.test", "/\t/evil.test", "http://evil.test/",
    "javascript:alert(1)", "\r\nSet-Cookie: a=b", "\x00", "\x1b[2J", "\u202e", "\u200d" * 50,
    "\ufeff", "\ud800", "a\u0300" * 40, "\U0001f600", "\ufdfd", "x" * 2_001, "x" * 5_000,
    "do:leave",
    "answer:minor:yes", "lang:ar", "/exit", "answer:" + "x" * 80, "911", "AAAAAA", "000000",
)  # fmt: skip
#: The ones that have broken something here, or nearly: drawn more often.
POISON = ("\ud800", "\x00", "\u00b2", "99999999999999999999-0", "-1", "[", "\u202e\ud83d")
#: As many would fill a body past every limit.
HUGE = ("x" * 40_000, "\u00e9" * 20_000)

HEADERS = (
        ("accept", "application/json"), ("accept", "text/html"), ("accept", "\xff"),
        ("accept-language", "fr"), ("accept-language", "ar,en;q=x"), ("accept-language", ";;,,"),
        ("accept-language", "q" * 4_000), ("origin", "null"), ("origin", "https://evil.test"),
        ("origin", "http://console.test"), ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "\xe9"), ("last-event-id", "0-0"),
        ("last-event-id", "x"), ("host", "["), ("host", "evil.test/?"), ("host", ""),
        ("host", "a:b"), ("x-forwarded-for", "1.2.3.4"), ("x-csrf", "\xe9"),
        ("content-length", "-1"),
        ("content-length", "9" * 30), ("transfer-encoding", "chunked"), ("range", "bytes=0-1"),
        ("range", "bytes=-9,x"), ("if-none-match", "*"), ("if-modified-since", "x"),
        ("cookie", "nl_console"), ("cookie", "=;=;;"), ("cookie", "nl_console=x; session=x.y"),
        ("cookie", "nl_device=" + "." * 500), ("cookie", "nl_console_language=\xff"),
        ("cookie", 'session="\\303\\251"'), ("cookie", "visit=" + "x" * 3_000),
        ("x-http-method-override", "DELETE"), ("upgrade", "websocket"), ("user-agent", ""),
)  # fmt: skip
NESTED = ("[" * 5_000, '{"a":' * 3_000, '{"on":' + "[" * 900 + "]" * 900 + "}",
                          '{"on": ' + "9" * 5_000 + "}", '{"text": "\\ud800"}',
                          '{"csrf": "\\udfff"}', '{"on": NaN}', '{"on": 1e999}', "{}", "[]", '"x"',
                          "", "\ufeff{}", '{"on": true, "on": false}')  # fmt: skip
TYPES = ("", "text/plain", "application/json", "application/x-www-form-urlencoded",
         "multipart/form-data", "multipart/form-data; boundary=x", "a/b; c=\xff")  # fmt: skip


class Maker:
    """Draws requests; the same ones from the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def request(self, where: str) -> Hostile:
        """One request to that application, console or web."""
        random = self._random
        console = where == "console"
        path, has = random.choice(CONSOLE if console else WEB)
        path = path.replace("{id}", random.choice(IDS))
        if "{word}" in path:
            path = path.replace("{word}", quote(self._word(), safe="%/.{}", errors="surrogatepass"))
        method = {"G": "GET", "P": "POST"}[random.choice(has)]
        if random.random() < 0.1:
            method = random.choice(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW"])
        who = random.choice(
            ("ana", "ana", "ana", "ben", "ben", "sam", "olga", "half", "new", "nobody") if console
            else ("vera", "vera", "walt", "nobody")
        )  # fmt: skip
        headers = [self._header() for _ in range(random.choice((0, 0, 0, 1, 2)))]
        body = b""
        if method == "POST":
            kind, body = self._body(console, path)
            headers += [("content-type", kind)] if kind else []
        # Mostly with the right token and cookie: behind them is where something can break.
        headers += [("x-csrf", "{csrf}")] if random.random() < 0.9 else []
        headers += [("cookie", "{cookie}")] if random.random() < 0.95 else []
        target = path + self._query()
        return Hostile(where, who, method, target, headers, body, random.choice((0, 4, 4, 4, 60)))

    def _word(self) -> str:
        random = self._random
        if random.random() < 0.2:
            return random.choice(POISON)
        if random.random() < 0.7:
            return random.choice(WORDS)
        tops = random.choice((0x7F, 0xFF, 0xFFFF, 0x10FFFF))
        return "".join(chr(random.randint(0, tops)) for _ in range(random.randint(0, 12)))

    def _header(self) -> tuple[str, str]:
        random = self._random
        if random.random() < 0.8:
            return random.choice(HEADERS)
        name = random.choice(("cookie", "accept", "x-csrf", "x-new", "authorization"))
        signs = (chr(random.randint(32, 255)) for _ in range(random.randint(0, 20)))
        return name, "".join(signs)

    def _query(self) -> str:
        random = self._random
        if random.random() < 0.7:
            return ""
        names = random.sample(("after", "after", "note", "try", "quiet", "x"), random.randint(1, 2))
        return "?" + urlencode([(name, self._word()) for name in names], errors="surrogatepass")

    def _value(self) -> Any:
        random = self._random
        if random.random() < 0.7:
            return self._word()
        return random.choice((None, True, False, random.randint(-(10**30), 10**30), 1.5,
                              float("nan"), [self._word()], {"a": self._word()}))  # fmt: skip

    def _body(self, console: bool, path: str) -> tuple[str, bytes]:
        """(content type, body): a form, JSON, many parts, or rubbish."""
        random = self._random
        kind = random.choices(
            ("form", "json", "parts", "nested", "raw", "huge"),
            (5, 5, 1, 1, 1, 1) if console else (7, 1, 4, 1, 1, 1),
        )[0]
        if kind == "raw":
            return random.choice(TYPES), random.randbytes(random.randint(0, 60))
        if kind == "nested":
            return "application/json", random.choice(NESTED).encode("utf-8", "surrogatepass")
        if kind == "huge":
            return "application/x-www-form-urlencoded", f"text={random.choice(HUGE)}".encode()
        names = CONSOLE_FIELDS if console else WEB_FIELDS
        chosen = random.sample(names, random.randint(0, 5))
        if random.random() < 0.8:
            chosen += next((own for end, own in OWN_FIELDS.items() if path.endswith(end)), ())
        fields = {name: self._value() for name in chosen}
        if kind == "json":
            return "application/json", json.dumps(fields).encode()
        pairs = [(name, str(value)) for name, value in fields.items()]
        if kind == "form":
            text = urlencode(pairs, errors="surrogatepass")
            text = text.replace("%7B", "{").replace("%7D", "}")
            return "application/x-www-form-urlencoded", text.encode()
        lines = "".join(
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in pairs
        )
        return "multipart/form-data; boundary=b", f"{lines}--b--".encode("utf-8", "surrogatepass")
