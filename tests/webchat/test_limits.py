"""Whatever is thrown at the web door, a person gets a kind page and never a trace."""

import json
import logging

import pytest

from bot.channels.webchat.contract import PLACE_A_MINUTE, TEXTS_A_MINUTE, URGENT_A_MINUTE
from bot.keys import SHARDS
from tests.promises.wire import Answer, hit
from tests.webchat.visitors import House

SECRET_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow, noarchive",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200), ("HEAD", "/", 200), ("GET", "/healthz", 200), ("GET", "/events", 204),
        ("GET", "/favicon.ico", 204), ("GET", "/static/chat.css", 200),
        ("GET", "/static/chat.js", 200), ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404), ("GET", "/wp-login.php", 404),
        ("GET", "/message", 405), ("GET", "/leave", 405), ("PUT", "/", 405),
        ("POST", "/message", 400), ("POST", "/choice", 400), ("POST", "/leave", 303),
    ],
)  # fmt: skip
async def test_every_answer_is_guarded(house: House, method: str, path: str, status: int) -> None:
    async with house.visitor() as someone:
        answer = await someone.request(method, path)
    assert answer.status_code == status
    assert SECRET_HEADERS.items() <= dict(answer.headers).items()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "Traceback" not in answer.text


async def test_pages_hold_no_script_no_style_and_nobody_elses_things(house: House) -> None:
    async with house.visitor() as someone:
        html = (await someone.look()).html
    assert "<title>Chat</title>" in html
    assert html.count("<script") == 1
    assert "<style" not in html
    assert " style=" not in html
    assert "http" not in html.replace("http-equiv", "").replace('"https://weather.gc.ca/"', "")


@pytest.mark.parametrize("secure", [True, False])
async def test_the_cookies_are_locked(house: House, secure: bool) -> None:
    async with house.visitor(house.build(secure=secure)) as someone:
        page = await someone.look()
        assert someone.last is not None
        assert ("strict-transport-security" in someone.last.headers) is secure
        given = [someone.last.headers["set-cookie"]]
        parts = {name: (None, value) for name, value in {**page.hidden, "text": "x"}.items()}
        answer = await someone.request("POST", "/message", files=parts)
        given.append(answer.headers["set-cookie"])
    for cookie in given:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "path=/", "samesite=strict"} <= attributes
        assert ("secure" in attributes) is secure
        assert not any(part.startswith(("expires", "max-age")) for part in attributes)
    name, _, value = given[1].partition(";")[0].partition("=")
    # No page of a neighbour's may put a cookie of its own there (only without TLS it could).
    assert name == ("__Host-session" if secure else "session")
    assert len(value) >= 43  # 256 bits


@pytest.mark.parametrize("cookie", ["x", "a" * 500, "a/../" * 6, "é" * 30, "'; DROP" * 4, ""])
async def test_a_cookie_that_is_not_ours_is_nobody(house: House, cookie: str) -> None:
    async with house.visitor() as someone:
        header = b"session=" + cookie.encode("utf-8")
        answer = await someone.request("GET", "/", headers=[(b"cookie", header)])
    assert answer.status_code == 200
    assert "automatic helper" in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
     {"Origin": "https://evil.test"}, {"Origin": "http://chat.test.evil.test"}],
)  # fmt: skip
async def test_another_site_cannot_write_here(house: House, headers: dict[str, str]) -> None:
    async with house.visitor() as someone:
        for path, field in (("/message", "text"), ("/choice", "payload")):
            files = {field: (None, "hello")}
            answer = await someone.request("POST", path, files=files, headers=headers)
            assert answer.status_code == 403
            assert "Go to the chat" in answer.text
        assert someone.cookies == {}
    await house.worker.work()
    assert house.worker.seen == []


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, {"Origin": "http://chat.test"}, {}],
)
async def test_our_own_page_can_write_with_any_browser(
    house: House, headers: dict[str, str]
) -> None:
    async with house.visitor(**headers) as someone, house.working():
        await someone.look()
        assert (await someone.write("hello")).messages[0] == "hello"


async def test_an_empty_message_is_answered_and_nothing_is_lost(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("hello")
        for nothing in ("", "   ", "\n\n", "\x00\x01"):
            page = await someone.write(nothing)
            assert someone.last is not None
            assert someone.last.status_code == 200
            assert page.messages[0] == "hello"
            assert "empty message" in page.messages[-1]
            assert "do:person" in page.buttons
    assert len(house.worker.seen) == 1


@pytest.mark.parametrize("size", [16 * 1024 + 1, 3 * 1024 * 1024])
async def test_too_long_a_body_gets_a_kind_page(house: House, size: int) -> None:
    async with house.visitor() as someone:
        answer = await someone.request("POST", "/message", data={"text": "a" * size})
    assert answer.status_code == 413
    assert "shorter parts" in answer.text


async def test_the_longest_text_of_the_box_fits_in_every_script(house: House) -> None:
    async with house.visitor() as someone, house.working():
        for letter in ("a", "ਪ", "字", "🙂"):
            length = 4000 // len(letter.encode("utf-16-le")) * 2
            await someone.look()
            await someone.write(letter * length)
            assert house.worker.seen[-1].text == letter * length


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a\x00b\x07c\x1b[31m", "abc[31m"),
        (b"line one\r\nline two\rthree", "line one\nline two\nthree"),
        ("‮مرحبا\u200d👩\u200d👧".encode(), "‮مرحبا\u200d👩\u200d👧"),
        (b"/restart", "/restart"),
        (b'/intent{"hurt_now": "yes"}', '/intent{"hurt_now": "yes"}'),
    ],
)
async def test_odd_characters_come_through_as_text(house: House, raw: bytes, expected: str) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.request("POST", "/message", files={"text": (None, raw)})
    assert house.worker.seen[0].text == expected


@pytest.mark.parametrize("kind", ["multipart", "urlencoded"])
async def test_bytes_that_are_no_text_are_still_a_message(house: House, kind: str) -> None:
    raw = b"\xff\xfe\xed\xa0\x80 help"
    async with house.visitor() as someone, house.working():
        if kind == "multipart":
            answer = await someone.request("POST", "/message", files={"text": (None, raw)})
        else:
            body = b"text=%FF%FE%ED%A0%80+help"
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = await someone.request("POST", "/message", content=body, headers=form)
        assert answer.status_code == 303
        page = await someone.look(answer.headers["location"])
    assert page.messages[0].endswith("help")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"text": "x"}'),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
        ("multipart/form-data; boundary=x; charset=\xff", b"--x--"),
        ("text/plain", b"text=x"),
        ("", b""),
    ],
)
async def test_a_body_that_is_no_form_gets_a_kind_page(
    house: House, kind: str, body: bytes
) -> None:
    async with house.visitor() as someone:
        headers = [(b"content-type", kind.encode("latin-1"))]
        answer = await someone.request("POST", "/message", content=body, headers=headers)
    assert answer.status_code in (200, 400)
    assert "<title>Chat</title>" in answer.text


async def test_a_file_and_many_fields_are_refused_kindly(house: House) -> None:
    async with house.visitor() as someone:
        upload = {"text": ("a.txt", b"words", "text/plain")}
        assert (await someone.request("POST", "/message", files=upload)).status_code == 400
        many = {f"f{n}": (None, "x") for n in range(50)}
        assert (await someone.request("POST", "/message", files=many)).status_code == 400


@pytest.mark.parametrize("payload", ["", "x" * 65, "字" * 30])
async def test_a_payload_that_no_button_has_is_refused(house: House, payload: str) -> None:
    async with house.visitor() as someone:
        answer = await someone.request("POST", "/choice", files={"payload": (None, payload)})
    assert answer.status_code == 400


async def test_a_flood_is_answered_kindly_and_slows_nobody_else(house: House) -> None:
    async with house.visitor() as flood, house.visitor() as other, house.working():
        await flood.look()
        await other.look()
        page = flood.page
        for number in range(21):
            fields = {**flood.page.hidden, "id": f"n{number}", "text": f"message {number}"}
            page = await flood.post("/message", fields)
        assert flood.last is not None
        assert flood.last.status_code == 429
        assert page.text_box == "message 20"
        assert "wait a moment" in page.messages[-1]
        await flood.press("do:person")
        assert house.worker.seen[-1].button == "do:person"
        assert (await other.write("hello")).messages[0] == "hello"
        house.clock.now += 4
        assert "message 20" in (await flood.post("/message", fields)).messages


async def test_what_comes_to_the_address_line_is_not_trusted(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("hello")
        for query in (
            "?after=<script>", "?after=1-1&try=99999999", "?after=-&try=-1", "?try=٣",
            "?after=٣-١", f"?after={'9' * 20}-1",
        ):  # fmt: skip
            page = await someone.look(f"/{query}")
            assert page.messages[0] == "hello"
            assert "<script>" not in page.html
        answer = await someone.request("GET", "/", params={"after": "9" * 19 + "-1", "try": "39"})
        assert answer.status_code == 200


async def test_an_error_nobody_foresaw_shows_numbers_and_logs_no_words(
    house: House, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("canary words of a person")

    async with house.visitor() as someone:
        await someone.look()
        house.words.with_footer = fail  # type: ignore[method-assign, assignment]
        with caplog.at_level(logging.DEBUG):
            answer = await someone.request("GET", "/")
        assert answer.status_code == 500
        assert "tel:911" in answer.text
        assert SECRET_HEADERS.items() <= dict(answer.headers).items()
        house.emergency.answer = fail  # and even the numbers cannot be had
        answer = await someone.request("GET", "/")
    assert answer.status_code == 500
    assert "9-1-1" in answer.text
    said = capsys.readouterr()
    assert "canary" not in caplog.text + said.out + said.err + answer.text


async def test_nothing_a_person_wrote_or_is_gets_into_a_log(
    house: House, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with house.visitor() as someone, house.working():
            await someone.look()
            await someone.write("canary words")
            token, person = someone.cookies["session"], house.person(someone)
            await someone.write("")
            await someone.leave()
    said = capsys.readouterr()
    everything = caplog.text + said.out + said.err
    for secret in ("canary", token, person):
        assert secret not in everything


async def test_what_is_stored_names_nobody_and_holds_no_words(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("canary words")
        token = someone.cookies["session"]
    async for key in house.redis.scan_iter(f"{house.keys.prefix}*"):
        assert await house.redis.ttl(key) != -1 or b"shard" in key or b"inbox" in key
        stored = (await house.redis.dump(key) or b"") + key
        assert token.encode() not in stored
        assert b"canary" not in stored


async def test_the_script_gets_its_answers_as_json(house: House) -> None:
    ask = {"Accept": "application/json"}
    async with house.visitor(**ask) as someone:
        sent = await someone.request("POST", "/message", files={"text": (None, "hello")})
        assert sent.status_code == 202
        empty = await someone.request("POST", "/message", files={"text": (None, " ")})
        assert "empty message" in json.loads(empty.text)["notice"]
        long = await someone.request("POST", "/message", data={"text": "a" * 20_000})
        assert long.status_code == 413
        assert "shorter parts" in json.loads(long.text)["notice"]
        away = await someone.request("POST", "/choice", files={"payload": (None, "do:leave")})
        assert "session" not in someone.cookies
        assert json.loads(away.text)["away"].startswith("https://")


async def test_one_address_cannot_fill_the_store_and_is_still_shown_the_right_card(
    house: House,
) -> None:
    """Without cookies everybody is a new visitor, so only where they are can be counted."""

    async def writes(text: str, source: str) -> Answer:
        kind = [("content-type", "application/x-www-form-urlencoded")]
        return await hit(house.app, "POST", "/message", kind, f"text={text}".encode(), source)

    answers = [await writes("hello", "8.8.8.8") for _ in range(PLACE_A_MINUTE + 3)]
    assert [one.status for one in answers] == [303] * PLACE_A_MINUTE + [429] * 3
    assert "9-1-1" in answers[-1].text
    assert "9-8-8" in (await writes("i want to kill myself", "8.8.8.8")).text
    assert (await writes("hello", "2001:4860:4860::8888")).status == 303  # elsewhere
    for _ in range(PLACE_A_MINUTE + 3):  # a proxy's own address says nothing about anybody
        assert (await writes("hello", "10.0.0.7")).status == 303
    stored = sum([await house.redis.xlen(house.keys.inbox(shard)) for shard in range(SHARDS)])
    assert stored == 2 * PLACE_A_MINUTE + 4
    house.clock.now += 1
    assert (await writes("hello", "8.8.8.8")).status == 303


async def test_words_of_danger_always_pass_but_not_for_filling_the_store(house: House) -> None:
    async with house.visitor(Accept="application/json") as someone:
        for number in range(TEXTS_A_MINUTE + URGENT_A_MINUTE + 2):
            words = {"text": (None, f"{number} he is going to kill me")}
            answer = await someone.request("POST", "/message", files=words)
        assert answer.status_code == 429
        assert "9-1-1" in json.loads(answer.text)["notice"]
    stored = sum([await house.redis.xlen(house.keys.inbox(shard)) for shard in range(SHARDS)])
    assert stored == TEXTS_A_MINUTE + URGENT_A_MINUTE
