"""What no HTTP client would send, as bytes and pauses, drawn from a seed; see test_raw_http."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random

#: An answer is read until the server hangs up, or has said nothing for so long, seconds.
QUIET = 0.25
#: At most so much of an answer is looked at, bytes.
ENOUGH = 200_000
_SEND_PATIENCE = 2.0


@dataclass(frozen=True)
class Raw:
    """Bytes in pieces; `ends`: how the connection is ended after the last of them."""

    kind: str
    pieces: tuple[bytes, ...]
    ends: str = "read"  # read the answer; or: gone (hang up), reset, half (no more is sent), hold


@dataclass(frozen=True)
class Server:
    """One of the servers, with the paths that do something there and what opens them."""

    name: str
    host: str
    port: int
    gets: tuple[str, ...]
    posts: tuple[str, ...]
    keys: tuple[bytes, ...] = ()  # header lines


_WORDS = (
    b"", b" ", b"a", b"GET", b"\x00", b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"%00", b"%ff%fe",
    b"\xf0\x9f\x98\x80", b"%c0%af", b"%", b"%zz", b"..%2f..%2fetc%2fpasswd", b"//", b"\\", b"\r",
    b"<script>", b"\n", b"\t", b"\x0b", b"\x7f", b"\x1b[2J", b"'", b'"', b"%0d%0aX-A:%20b", b"*",
    b"x" * 300, b"0", b"-1", b"+5", b"0x10", b"1e3", b"5, 5", b"5, 6", b"9" * 30, b"chunked", b"{}",
)  # fmt: skip
_TLS = bytes.fromhex("16030100c8010000c40303") + b"\x5a" * 60
_H2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"


class Maker:
    """Draws attacks on one server; the same ones from the same seed."""

    def __init__(self, seed: int, server: Server) -> None:
        self._random, self._server = Random(f"{seed} {server.name}"), server
        self._kinds = {
            "request line": (self._line, 12), "headers": (self._headers, 14),
            "cookies": (self._cookies, 10), "length": (self._length, 12),
            "chunks": (self._chunks, 14), "cut off": (self._cut_off, 12),
            "slow": (self._slow, 2), "upgrade": (self._upgrade, 6), "many": (self._many, 3),
            "no HTTP": (self._no_http, 6), "bad UTF-8": (self._utf8, 9),
        }  # fmt: skip

    def draw(self) -> Raw:
        """One attack."""
        makers = list(self._kinds.values())
        make = self._random.choices(makers, [share for _, share in makers])[0][0]
        return make()

    # -- parts -----------------------------------------------------------------------------------
    def _word(self) -> bytes:
        if self._random.random() < 0.3:
            return self._random.randbytes(self._random.randrange(12))
        return self._random.choice(_WORDS)

    def _path(self, post: bool = False) -> bytes:
        return self._random.choice(self._server.posts if post else self._server.gets).encode()

    def _head(self, method: bytes, path: bytes, *lines: bytes, close: bool = True) -> bytes:
        given = [b"Host: here", *lines]
        if self._server.keys and self._random.random() < 0.5:
            given += self._server.keys
        if close:
            given.append(b"Connection: close")
        return method + b" " + path + b" HTTP/1.1\r\n" + b"\r\n".join(given) + b"\r\n\r\n"

    def _form(self) -> tuple[bytes, bytes]:
        """A content type and a body that the server would read; seldom one it would act on."""
        random = self._random
        if self._server.name in ("telegram", "engine"):
            return b"application/json", json.dumps({"sender": "x" * 9, "update_id": 1}).encode()
        fields = [b"text", b"payload", b"csrf", b"login", b"password", b"id"]
        # On the web page mostly without what it asks for: whole messages are test_console_inputs'.
        name = random.choice(fields[random.random() < 0.97 :])
        return b"application/x-www-form-urlencoded", name + b"=" + self._word()

    # -- kinds -----------------------------------------------------------------------------------
    def _line(self) -> Raw:
        random, word = self._random, self._word
        line = random.choice((
            lambda: word() + b" " + word() + b" " + word(),
            lambda: b"GET /x HTTP/" + random.choice((b"9.9", b"1", b"0.9", b"2", b"")),
            lambda: b"GET " + self._path(), lambda: b"get " + self._path() + b" HTTP/1.1",
            lambda: b"GET /" + b"a" * random.choice((9_000, 20_000, 100_000)) + b" HTTP/1.1",
            lambda: b"GET http://evil.test" + self._path() + b" HTTP/1.1",
            lambda: b"CONNECT evil.test:443 HTTP/1.1", lambda: b"OPTIONS * HTTP/1.1",
            lambda: b"GET " + self._path() + word() + b" HTTP/1.1",
            lambda: b"G" * random.choice((50, 70_000)) + b" / HTTP/1.1",
            lambda: b"\r\n" * random.randrange(40) + b"GET / HTTP/1.1",
            lambda: b"GET  /  HTTP/1.1", lambda: b"TRACE / HTTP/1.1", lambda: b"BREW /pot HTTP/1.1",
        ))()  # fmt: skip
        end = random.choice((b"\r\n", b"\n", b"\r"))
        return Raw("request line", (line + end + b"Host: here" + end + end,))

    def _headers(self) -> Raw:
        random, word = self._random, self._word
        line = random.choice((
            lambda: b"X-Big: " + b"a" * random.choice((17_000, 66_000, 300_000)),
            lambda: b"\r\n".join(b"X-%d: a" % n for n in range(random.choice((200, 3_000)))),
            lambda: b"NoColon", lambda: b": empty", lambda: b"X Y: spaced", lambda: b"X-Y : late",
            lambda: b"X-A: a\r\n folded " + word(), lambda: b" first: folded",
            lambda: b"Host: there", lambda: b"Host: " + word(), lambda: b"X: " + word() + word(),
            lambda: word() + b": " + word(), lambda: b"Accept-Language: " + word() * 20,
            lambda: b"Content-Type: " + word(), lambda: b"X-Forwarded-For: " + word(),
            lambda: b"X-Forwarded-Proto: " + word(), lambda: b"Forwarded: for=" + word(),
            lambda: b"Range: bytes=" + word(), lambda: b"Authorization: " + word(),
            lambda: b"If-Modified-Since: " + word(), lambda: b"Last-Event-ID: " + word(),
            lambda: b"Sec-Fetch-Site: " + word(), lambda: b"Origin: " + word(),
            lambda: b"Expect: " + random.choice((b"100-continue", word())),
        ))()  # fmt: skip
        return Raw("headers", (self._head(random.choice((b"GET", b"HEAD", b"POST", b"PUT")),
                                          self._path(), line),))  # fmt: skip

    def _cookies(self) -> Raw:
        random, word = self._random, self._word
        names = (b"session", b"visit", b"nl_console", b"nl_form", b"nl_device", b"__Host-session",
                 b"nl_console_language", word())  # fmt: skip
        value = random.choice((
            lambda: word() * random.choice((1, 30)), lambda: b"x" * 43 + b"." + b"0" * 32,
            lambda: b"." * 9_000, lambda: b"\xff" * 50, lambda: b'"\\303\\251"', lambda: b"=;=;;,",
            lambda: b"a; session=" + word(), lambda: b"\xe2\x82\xac." + b"0" * 32,
        ))  # fmt: skip
        lines = [
            b"Cookie: " + random.choice(names) + b"=" + value() for _ in range(random.randint(1, 3))
        ]
        if random.random() < 0.6:
            return Raw("cookies", (self._head(b"GET", self._path(), *lines),))
        kind, body = self._form()
        lines += [b"Content-Type: " + kind, b"Content-Length: %d" % len(body)]
        return Raw("cookies", (self._head(b"POST", self._path(True), *lines) + body,))

    def _length(self) -> Raw:
        random = self._random
        kind, body = self._form()
        told = random.choice((
            b"%d" % (len(body) + random.randint(1, 50)), b"%d" % max(0, len(body) - 3), b"-1",
            b"+5", b"0x10", b"9" * 30, b"5, 5", b"5, 6", b"1e3", b"", b"\xc2\xb2",
            b"4294967297", b"0",
        ))  # fmt: skip
        lines = [b"Content-Type: " + kind, b"Content-Length: " + told]
        if random.random() < 0.25:  # two that disagree: who believes which?
            lines.append(random.choice((b"Content-Length: 7", b"Transfer-Encoding: chunked",
                                        b"Transfer-Encoding: identity, chunked",
                                        b"Transfer-Encoding: xchunked")))  # fmt: skip
        then = b"" if random.random() < 0.7 else self._head(b"GET", b"/smuggled")
        ends = random.choice(("half", "half", "gone", "read"))
        return Raw("length", (self._head(b"POST", self._path(True), *lines) + body + then,), ends)

    def _chunks(self) -> Raw:
        random = self._random
        kind, body = self._form()
        good = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
        bad = random.choice((
            lambda: b"zz\r\nab\r\n0\r\n\r\n", lambda: b"-1\r\na\r\n", lambda: b"f" * 40 + b"\r\na",
            lambda: good + b"0\r\nX-Trailer: a\r\nContent-Length: 5\r\n\r\n",
            lambda: good + b"0\r\n" + self._word() + b"\r\n\r\n", lambda: good + b"0",
            lambda: b"5;" + b"e" * 20_000 + b"\r\nabcde\r\n0\r\n\r\n",
            lambda: b"5\r\nabcdefgh\r\n0\r\n\r\n",
            lambda: b"5\nabcde\n0\n\n", lambda: b" 5 \r\nabcde\r\n0\r\n\r\n", lambda: b"\r\n" * 20,
            lambda: b"1\r\na\r\n" * random.choice((5, 3_000)) + b"0\r\n\r\n", lambda: good,
            lambda: b"7fffffffffffffff\r\n" + b"a" * 500,
            lambda: b"8000\r\n" + b"a" * 0x8000 + b"\r\n0\r\n\r\n",
            lambda: good + b"0\r\n\r\n" + self._head(b"GET", b"/smuggled"),
        ))()  # fmt: skip
        coding = random.choice((b"chunked",) * 5 + (b"chunked, chunked", b"Chunked", b"chunked\x0b",
                                                    b"gzip, chunked", b""))  # fmt: skip
        lines = [b"Content-Type: " + kind, b"Transfer-Encoding: " + coding]
        ends = random.choice(("half", "half", "gone", "reset"))
        return Raw("chunks", (self._head(b"POST", self._path(True), *lines) + bad,), ends)

    def _cut_off(self) -> Raw:
        random = self._random
        kind, body = self._form()
        whole = random.choice((
            self._head(b"GET", self._path()),
            self._head(b"POST", self._path(True), b"Content-Type: " + kind,
                       b"Content-Length: %d" % len(body)) + body,
        ))  # fmt: skip
        part = whole[: random.randrange(len(whole))]
        return Raw("cut off", (part,), random.choice(("gone", "reset", "half", "reset")))

    def _slow(self) -> Raw:
        random = self._random
        kind, body = self._form()
        whole = self._head(b"POST", self._path(True), b"Content-Type: " + kind,
                           b"Content-Length: %d" % len(body)) + body  # fmt: skip
        some = random.sample(range(1, len(whole)), 6)
        edges = [0, *sorted(some), len(whole)]
        pieces = [whole[a:b] for a, b in pairwise(edges)]
        if random.random() < 0.3:
            return Raw("slow", tuple(pieces[:-2]), "hold")
        return Raw("slow", tuple(pieces))

    def _upgrade(self) -> Raw:
        random = self._random
        lines = [
            b"Connection: Upgrade",
            b"Upgrade: " + random.choice((b"websocket", b"h2c", self._word())),
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: " + random.choice((b"A" * 22 + b"==", self._word())),
        ]
        paths = (self._path(), b"/events", b"/api/events", b"/ws")
        head = self._head(b"GET", random.choice(paths), *lines, close=False)
        return Raw("upgrade", (head + b"\x81\x85\x00\x00\x00\x00hello",))

    def _many(self) -> Raw:
        count = self._random.choice((3, 20, 60))
        one = self._head(b"GET", self._path(), close=False)
        return Raw("many", (one * count,), self._random.choice(("read", "gone", "reset")))

    def _no_http(self) -> Raw:
        random = self._random
        noise = random.choice((
            _TLS, _H2, b"\x00" * 3_000, b"\xff" * 70_000, b"*1\r\n$4\r\nPING\r\n", b"EHLO here\r\n",
            random.randbytes(random.randint(1, 400)), b"\r\n" * 500, b"", b"SSH-2.0-x\r\n",
        ))  # fmt: skip
        return Raw("no HTTP", (noise,), random.choice(("read", "half", "gone")))

    def _utf8(self) -> Raw:
        random = self._random
        bad = random.choice(
            (b"\xff\xfe", b"\xed\xa0\x80", b"\xc3\x28", b"\xf8\x88\x80\x80\x80", b"\x80")
        )
        quoted = b"".join(b"%%%02x" % byte for byte in bad)
        if random.random() < 0.4:
            path = self._path() + random.choice((b"/", b"?after=", b"?x=", b"")) + quoted
            return Raw("bad UTF-8", (self._head(b"GET", path),))
        kind = random.choice((
            b"application/json", b"application/x-www-form-urlencoded",
            b"multipart/form-data; boundary=b", b"text/plain; charset=" + bad,
        ))  # fmt: skip
        part = b'--b\r\nContent-Disposition: form-data; name="' + bad + b'"\r\n\r\nx\r\n--b--'
        body = random.choice((b'{"text": "' + bad + b'"}', b"csrf=" + quoted, bad * 50, part))
        lines = (b"Content-Type: " + kind, b"Content-Length: %d" % len(body))
        return Raw("bad UTF-8", (self._head(b"POST", self._path(True), *lines) + body,))


async def send(server: Server, raw: Raw, held: list[asyncio.StreamWriter]) -> bytes:
    """Sends one attack; what came back. Connections that are to be held go to `held`, open."""
    async with asyncio.timeout(_SEND_PATIENCE * 10):  # TimeoutError: it takes nobody any more
        reader, writer = await asyncio.open_connection(server.host, server.port)
    keep = False
    try:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_SEND_PATIENCE):
                for piece in raw.pieces:
                    writer.write(piece)
                    await writer.drain()
                    if len(raw.pieces) > 1:
                        await asyncio.sleep(0.01)
        if raw.ends == "hold":
            keep = True
            held.append(writer)
            return b""
        if raw.ends == "reset":
            taken: socket.socket = writer.get_extra_info("socket")
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if raw.ends == "half":
            with contextlib.suppress(OSError):
                writer.write_eof()
        return await _answer(reader) if raw.ends in ("read", "half") else b""
    finally:
        if not keep:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    got = b""
    with contextlib.suppress(OSError, TimeoutError):
        while len(got) < ENOUGH:
            async with asyncio.timeout(QUIET):
                more = await reader.read(65_536)
            if not more:
                break
            got += more
    return got


def statuses(answer: bytes) -> Iterator[int]:
    """The status of each answer in what came back."""
    for line in answer.split(b"\r\n"):
        if line.startswith(b"HTTP/1.") and line[9:12].isdigit():
            yield int(line[9:12])
