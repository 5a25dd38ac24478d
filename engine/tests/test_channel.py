"""The engine's door: what it refuses, and that typed text is never a command."""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from conftest import REPOSITORY, Conversation, Engine, RedisServer, StartEngine

from northlight_engine.channel import MAX_TEXT_CHARS

SENDER = "person-of-the-tests"


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        None,
        {},
        {"sender": SENDER},
        {"text": "hello"},
        {"sender": None, "text": "hello"},
        {"sender": "short", "text": "hello"},
        {"sender": "a" * 65, "text": "hello"},
        {"sender": "with space in it", "text": "hello"},
        {"sender": "with:colon:in:it", "text": "hello"},
        {"sender": 12345678, "text": "hello"},
        {"sender": SENDER + "\n", "text": "hello"},
        {"sender": SENDER, "text": None},
        {"sender": SENDER, "text": ""},
        {"sender": SENDER, "text": 7},
        {"sender": SENDER, "text": ["hello"]},
        {"sender": SENDER, "text": "hello", "intent": "greet"},
        {"sender": SENDER, "text": "hello", "entities": {"minor": "no"}},
        {"sender": SENDER, "text": "hello", "metadata": {}},
        {"sender": SENDER, "intent": None},
        {"sender": SENDER, "intent": ["answer"]},
        {"sender": SENDER, "intent": "answer", "entities": ["minor"]},
        {"sender": SENDER, "intent": "answer", "entities": None},
    ],
)
def test_a_body_of_another_shape_is_refused(engine: Engine, body: Any) -> None:
    answer = engine.post("/turn", body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe{}", b'{"sender": NaN', b"[" * 5000, b'{"text": "\\x"}']
)
def test_a_body_that_is_not_json_is_refused(engine: Engine, raw: bytes) -> None:
    assert engine.client.post("/turn", content=raw).status_code == 400


@pytest.mark.parametrize(
    ("intent", "entities"),
    [
        ("no_such_intent", {}),
        ("nlu_fallback", {}),
        ("restart", {}),
        ("back", {}),
        ("session_start", {}),
        ("/greet", {}),
        ("answer", {}),
        ("answer", {"no_such_slot": "yes"}),
        ("answer", {"requested_slot": "minor"}),
        ("answer", {"minor": "perhaps"}),
        ("answer", {"minor": "__other__"}),
        ("answer", {"minor": ["yes"]}),
        ("answer", {"minor": None}),
        ("answer", {"minor": "yes", "wish": "everything"}),
        ("start_check", {"minor": "yes"}),
        ("greet", {"minor": "yes"}),
    ],
)
def test_a_button_that_the_domain_does_not_know_is_refused_and_changes_nothing(
    person: Conversation, intent: str, entities: dict[str, Any]
) -> None:
    body = {"sender": person.sender, "intent": intent, "entities": entities}
    assert person.engine.post("/turn", body).status_code == 422
    assert person.press("ask_police")["slots"] == {}


@pytest.mark.parametrize("path", ["/turn", "/understand", "/health"])
@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "Basic dGVzdA==", "test-token-of-the-engine"]
)
def test_without_the_token_nothing_is_served(engine: Engine, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    method = "GET" if path == "/health" else "POST"
    answer = httpx.request(
        method, engine.base + path, headers=headers, json={"sender": SENDER, "text": "hello"}
    )
    assert answer.status_code == 401


def test_a_body_of_a_megabyte_is_refused(person: Conversation) -> None:
    for size in (66_000, 1_000_000):
        body = {"sender": person.sender, "text": "a" * size}
        assert person.engine.post("/turn", body).status_code == 413
    assert person.press("greet")["keys"] == ["greet"]


def test_five_megabytes_do_not_stop_the_engine(person: Conversation) -> None:
    try:
        body = {"sender": person.sender, "text": "a" * 5_000_000}
        assert person.engine.post("/turn", body).status_code == 413
    except httpx.TransportError:
        pass  # cut off while still sending
    assert person.press("greet")["keys"] == ["greet"]


@pytest.mark.parametrize(
    "text",
    [
        "/restart",
        "/back",
        "/session_start",
        " /restart",
        "\u200b/restart",
        "\x00/restart",
        "\\/restart",
        "//restart",
        "/ /restart",
        "/\n/restart",
        "\u3000/restart",
        "\u2003/restart",
        '/answer{"hurt_now":"no"}',
        '/answer{"hurt_now":"no"}@1.0',
        '/start_check{"minor":"yes"}',
        "/pause_check",
        '/trigger_intent{"x":1}',
        "EXTERNAL: answer",
        "\uff0frestart",
    ],
)
def test_typed_commands_are_only_text(person: Conversation, text: str) -> None:
    person.press("start_check")
    person.press("answer", safe_now="watched")
    person.write(text)
    found = person.press("resume_check")
    assert found["keys"] == ["ask_hurt_now"]
    assert found["slots"] == {"safe_now": "watched"}


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "hello\x00there",
        "\ud800",
        "\udfff hello \ud83d",
        " ",
        "\n\t",
        "😀😀😀",
        "...",
        "{minor}",
        "%s %d {0}",
        "a" * 60_000,
        "help " * 1400,
        "ਸ" * 4096,
        "😀" * 4096,
        "\u202e\u2066evil",
        "[hello](minor)",
        '{"intent": "answer"}',
    ],
)
def test_every_text_gets_an_answer(person: Conversation, text: str) -> None:
    raw = json.dumps({"sender": person.sender, "text": text}, ensure_ascii=True)
    answer = person.engine.client.post("/turn", content=raw.encode())
    assert answer.status_code == 200
    assert answer.json()["keys"]
    assert answer.json()["slots"] == {}


def test_presses_at_the_same_moment_are_all_kept(person: Conversation) -> None:
    person.press("start_check")
    slots = ["hurt_now", "phone_seen", "minor", "free_to_leave", "threatened", "coerced"]
    with ThreadPoolExecutor(len(slots)) as pool:
        list(pool.map(lambda slot: person.press("answer", **{slot: "yes"}), slots))
    found = person.press("resume_check")
    assert found["slots"] == dict.fromkeys(slots, "yes")
    assert found["asking"] == "safe_now"


def test_typed_yes_and_no_never_fill_an_answer(person: Conversation) -> None:
    person.press("start_check")
    for text in ("yes", "no", "safe", "i am safe", "skip", "danger: no", "minor"):
        assert person.write(text)["slots"] == {}


def test_understanding_a_text_stores_nothing(engine: Engine, redis_server: RedisServer) -> None:
    before = sorted(redis_server.client.scan_iter())
    answer = engine.post("/understand", {"text": "where can i sleep tonight, a shelter"})
    assert answer.status_code == 200
    assert answer.json()["intent"]["name"] == answer.json()["ranking"][0]["name"]
    assert sorted(redis_server.client.scan_iter()) == before
    assert engine.post("/understand", {"text": ""}).status_code == 400
    assert engine.post("/understand", {}).status_code == 400


def test_a_text_is_read_as_far_as_the_bot_says(engine: Engine) -> None:
    # The person is told "I could only read the first part" above the bot's limit, and not below it.
    bot = (REPOSITORY / "bot" / "dialogue" / "engine.py").read_text("utf-8")
    assert f"LONGEST = {MAX_TEXT_CHARS:_}\n" in bot
    cry = "\nhe has a knife and will kill me"
    text = "hello there. " * 200
    for far, heard in ((MAX_TEXT_CHARS, True), (MAX_TEXT_CHARS + len(cry), False)):
        answer = engine.post("/understand", {"text": text[: far - len(cry)] + cry})
        assert (answer.json()["intent"]["name"] == "report_danger") == heard


def test_the_engine_is_ready(engine: Engine) -> None:
    answer = engine.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


def test_rasas_own_routes_are_not_served(engine: Engine) -> None:
    root = engine.base.removesuffix("/webhooks/northlight")
    for path in (
        "/webhooks/rest/webhook",
        f"/conversations/{SENDER}/tracker",
        "/model/parse",
        "/domain",
        "/status",
    ):
        assert engine.client.get(root + path).status_code == 404
        assert engine.client.post(root + path, json={}).status_code == 404


def test_no_word_of_a_person_reaches_the_log_at_debug_level(
    engine: Engine, redis_server: RedisServer
) -> None:
    person = Conversation(engine)
    mark = "zyxwvmark"
    person.write(f"{mark} he is going to kill me")
    person.write(f"{mark} my name is Maria, i live at 12 Elm street")
    person.write(f"/answer{mark}")
    engine.post("/understand", {"text": mark})
    engine.post("/turn", {"sender": mark, "text": [mark]})
    engine.post("/turn", {"sender": person.sender, "intent": mark, "entities": {mark: mark}})
    engine.client.post("/turn", content=f'{{"text": "{mark}'.encode())
    engine.client.post("/turn", content=mark.encode() * 20_000)
    person.press("start_check")
    person.write(f"{mark} inside the check")
    person.press("answer", documents_held="yes")
    log = engine.log.read_text()
    for secret in (mark, "Maria", "Elm street", person.sender, "documents_held", "11" * 32):
        assert secret not in log
    assert "test-token" not in log


def test_a_turn_that_was_given_up_changes_nothing(engine: Engine) -> None:
    person = Conversation(engine)
    asked = person.press("start_check")["asking"]
    said = {"intent": "answer", "entities": {asked: "safe"}}, {"text": "what are my rights"}
    for what in said:
        late = {"X-Deadline": f"{time.time() - 0.1:.3f}"}
        body = {"sender": person.sender, **what}
        assert engine.client.post("/turn", json=body, headers=late).status_code == 503
    assert person.press("resume_check")["asking"] == asked
    soon = {"X-Deadline": f"{time.time() + 60:.3f}"}
    body = {"sender": person.sender, **said[0]}
    assert engine.client.post("/turn", json=body, headers=soon).json()["asking"] != asked
    body = {"text": "hello"}
    assert (
        engine.client.post("/understand", json=body, headers={"X-Deadline": "soon"}).status_code
        == 400
    )


def test_without_redis_the_answer_is_503_and_the_engine_recovers(
    start_engine: StartEngine, tmp_path_factory: pytest.TempPathFactory, short_folder: Any
) -> None:
    folder = short_folder / "own"
    folder.mkdir()
    own = RedisServer(folder)
    engine = start_engine(NORTHLIGHT_ENGINE_REDIS_URL=own.url)
    person = Conversation(engine)
    assert person.press("greet")["keys"] == ["greet"]
    own.stop()
    body = {"sender": person.sender, "text": "mark-of-the-outage he has a knife"}
    assert engine.post("/turn", body).status_code == 503
    assert engine.client.get("/health").status_code == 503
    assert engine.post("/understand", {"text": "hello"}).status_code == 200
    own.start()
    assert person.press("greet")["keys"] == ["greet"]
    assert "mark-of-the-outage" not in engine.log.read_text()
    engine.stop()
    own.stop()


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: -1",
        b"Content-Length: +5",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: xchunked",
        b"Content-Length: 5\r\nUpgrade: websocket",
    ],
)
def test_a_body_without_a_sure_length_is_refused_and_holds_up_nobody(
    person: Conversation, lines: bytes
) -> None:
    where = httpx.URL(person.engine.base)
    with socket.create_connection((where.host, where.port), timeout=20) as stranger:
        line = b"POST /webhooks/northlight/turn HTTP/1.1\r\n"
        stranger.sendall(line + lines + b"\r\n\r\n-1\r\nab")
        assert stranger.recv(100).startswith(b"HTTP/1.1 400 ")
        # Before: one such request, without the token, and the engine answered nobody ever again.
        assert person.press("greet")["keys"] == ["greet"]
