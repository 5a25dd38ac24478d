"""P8: the engine is shut in: loopback, a token, known buttons, its own keys, no way out.

The real engine, started exactly as `python -m bot up` starts it (`parts.engine_part`), on the
embedded Redis with its access list. A hook in its interpreter notes every address it ever asks for.
"""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import yaml

from bot.dialogue.engine import Engine
from bot.embedded import EmbeddedRedis
from bot.errors import EngineUnavailable
from bot.parts import Part, engine_part
from bot.paths import ROOT
from bot.vault import Vault
from tests.promises.conftest import Promise

MASTER = "c0ffee" + "17" * 29
BOT_TOKEN = "4242:CANARY-token-of-the-bot"
CANARY = "CANARY-for-the-engine"
SENDER = "0123456789abcdef0123456789abcdef01234567"
#: What may be asked of a network: this machine, and Redis's socket (a path).
HOOK = """
import os, sys
_seen = open(os.environ["NORTHLIGHT_TEST_AUDIT"], "a", buffering=1)
_watched = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg",
            "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr",
            "urllib.Request", "http.client.connect", "ftplib.connect", "smtplib.connect",
            "pickle.find_class"}
def _note(event, args):
    if event in _watched:
        told = args[1:] if event.startswith("socket.") and "host" not in event else args
        if event == "socket.getaddrinfo":
            told = args[:2]
        _seen.write(event + "\\t" + repr(told)[:200] + "\\n")
sys.addaudithook(_note)
"""


@dataclass
class Shut:
    """The running engine and what it was started with."""

    part: Part
    process: "subprocess.Popen[bytes]"
    audit: Path
    log: Path
    admin: "redis.Redis"

    def __post_init__(self) -> None:
        self.listen = self.part.environ["NORTHLIGHT_ENGINE_LISTEN"]
        self.base = f"http://{self.listen}/webhooks/northlight"
        self.token = self.part.environ["NORTHLIGHT_ENGINE_TOKEN"]
        self.http = httpx.Client(
            headers={"Authorization": f"Bearer {self.token}"}, timeout=60, trust_env=False
        )

    def turn(self, **body: Any) -> httpx.Response:
        return self.http.post(f"{self.base}/turn", json={"sender": SENDER, **body})

    def asked_for(self) -> list[tuple[str, str]]:
        """(event, address) of everything asked of a network so far."""
        rows = [line.partition("\t") for line in self.audit.read_text().splitlines()]
        return [(event, told) for event, _, told in rows if event != "pickle.find_class"]


@pytest.fixture(scope="module")
def shut(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shut]:
    folder = tmp_path_factory.mktemp("engine")
    vault = Vault(bytes.fromhex(MASTER))
    store = EmbeddedRedis(folder / "state")
    with pytest.MonkeyPatch.context() as environ:
        # What the engine must not get although we have it.
        environ.setenv("NORTHLIGHT_MASTER_KEY", MASTER)
        environ.setenv("NORTHLIGHT_TELEGRAM_TOKEN", BOT_TOKEN)
        environ.setenv("HTTPS_PROXY", f"http://{CANARY}.example:1")
        url = store.start()
        part = engine_part(vault, store.engine_url)
    process, audit, log = _start(part, folder)
    admin = redis.Redis.from_url(url)
    try:
        shut = Shut(part, process, audit, log, admin)
        _until_ready(shut)
        yield shut
        shut.http.close()
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(20)
        admin.close()
        store.stop()


def _start(part: Part, folder: Path, **more: str) -> "tuple[subprocess.Popen[bytes], Path, Path]":
    hook, audit, log = folder / "hook", folder / "audit", folder / "log"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(HOOK)
    audit.touch()
    environ = {
        **part.environ,
        "PYTHONPATH": f"{hook}{os.pathsep}{part.environ['PYTHONPATH']}",
        "NORTHLIGHT_TEST_AUDIT": str(audit),
        "NORTHLIGHT_ENGINE_LOG": "DEBUG",
        **more,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            part.command, env=environ, cwd=ROOT, stdout=output, stderr=output
        )
    return process, audit, log


def _until_ready(shut: Shut) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        assert shut.process.poll() is None, shut.log.read_text()[-1000:]
        with contextlib.suppress(httpx.TransportError):
            if shut.http.get(f"{shut.base}/health").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the engine is not ready")


# -- who reaches it ------------------------------------------------------------------------------
def test_it_listens_on_loopback_and_nowhere_else(shut: Shut, promise: Promise) -> None:
    listening = _listening(shut.process.pid)
    assert listening, "it does listen"
    outside = [place for place in listening if not place.startswith("127.0.0.1:")]
    port = int(shut.listen.rpartition(":")[2])
    with socket.socket() as other:  # the same machine under another of its names
        other.settimeout(5)
        refused = other.connect_ex(("127.0.0.2", port)) != 0
    promise("P8", "engine listens on loopback only", len(listening) + 1,
            len(outside) + (not refused), ", ".join(listening).rpartition(":")[0])  # fmt: skip


def _listening(pid: int) -> list[str]:
    """host:port of every listening socket of the process, as the kernel tells it."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(link).removeprefix("socket:[").rstrip("]"))
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[9] in inodes and words[3] in ("0A", "07"):
                host, port = words[1].split(":")
                raw = bytes.fromhex(host)
                named = socket.inet_ntoa(raw[::-1]) if len(raw) == 4 else host
                found.append(f"{named}:{int(port, 16)}")
    return found


def test_without_the_right_token_nothing_is_answered(shut: Shut, promise: Promise) -> None:
    wrong = [None, "", "Bearer", "Bearer x", f"Bearer {shut.token[:-1]}", f"Bearer {shut.token}x",
             f"Basic {shut.token}", shut.token, f"bearer{shut.token}", "Bearer \u00e9\u00e9",
             f"Bearer {shut.part.environ['NORTHLIGHT_ENGINE_KEY']}"]  # fmt: skip
    failures, tries = 0, 0
    for header in wrong:
        for method, path in (("GET", "health"), ("POST", "turn"), ("POST", "understand")):
            headers = {} if header is None else {b"Authorization": header.encode()}
            answer = httpx.request(method, f"{shut.base}/{path}", headers=headers, timeout=20,
                                   json={"sender": SENDER, "text": "hello"})  # fmt: skip
            tries, failures = tries + 1, failures + (answer.status_code != 401)
    root = f"http://{shut.listen}"
    for path in ("/", "/version", "/status", "/domain", "/model", "/model/parse", "/model/train",
                 "/openapi.json", "/webhooks/rest/webhook",
                 f"/conversations/{SENDER}/tracker"):  # fmt: skip
        for method in ("GET", "POST", "PUT", "DELETE"):
            answer = shut.http.request(method, root + path)
            # "/" is Rasa's greeting with its version: no data, nothing that can be done.
            known = path == "/" and answer.status_code == 200 and len(answer.content) < 100
            tries, failures = tries + 1, failures + (answer.status_code < 400 and not known)
    promise("P8", "engine: no token, or Rasa's own routes", tries, failures)


# -- what reaches it -------------------------------------------------------------------------------
def _domain() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "domain.yml").read_text("utf-8")))


def test_only_known_buttons_with_known_answers_count(
    shut: Shut, seed: int, full: bool, promise: Promise
) -> None:
    rng, failures = random.Random(seed), 0
    slots = list(_domain()["slots"])
    shut.turn(intent="start_check")
    before = shut.turn(intent="answer", entities={"safe_now": "watched"}).json()["slots"]
    tries = 600 if full else 150
    for _ in range(tries):
        word = "".join(rng.choices("abcdefgh_/{}\"'\\ \u202e\x00", k=rng.randint(1, 12)))
        intent = rng.choice([word, "restart", "session_start", "back", "nlu_fallback", "EXTERNAL",
                             "out_of_scope" + word, "answer", "action_listen"])  # fmt: skip
        slot = rng.choice([*slots, "requested_slot", "session_started_metadata", word])
        value = rng.choice([word, "__other__", 1, None, True, [], {}, "yes\x00"])
        entities: Any = {slot: value}
        answer = shut.turn(intent=intent, entities=rng.choice([entities, entities, {}]))
        failures += answer.status_code not in (400, 422)
    after = shut.turn(intent="resume_check").json()["slots"]
    promise("P8", "engine: buttons that are none", tries + 1, failures + (after != before),
            f"seed {seed}")  # fmt: skip


def test_a_typed_payload_is_only_text(shut: Shut, seed: int, full: bool, promise: Promise) -> None:
    rng, failures, domain = random.Random(seed), 0, _domain()
    names = [next(iter(one)) if isinstance(one, dict) else one for one in domain["intents"]]
    lead = ["/", " /", "\u200b/", "//", "\\/", "\uff0f", "\x00/", "\t/", "\u3000/", "/ /",
            "EXTERNAL: ", "\ufeff/", "\u2044", "[", '{"intent":"', "utter_", "/\u202e"]  # fmt: skip
    shut.turn(intent="start_check")
    before = shut.turn(intent="answer", entities={"safe_now": "watched", "minor": "no"}).json()
    tries = 400 if full else 60
    for _ in range(tries):
        slot = rng.choice(list(domain["slots"]))
        value = rng.choice(["yes", "no", "safe", "danger", "all"])
        text = rng.choice(lead) + rng.choice([*names, "restart", "session_start", "back"])
        text += rng.choice(["", json.dumps({slot: value}), f"[{value}]({slot})", "@1.0",
                            f'{{"{slot}": "{value}"}}@0.99'])  # fmt: skip
        answer = shut.turn(text=text)
        failures += answer.status_code != 200 or answer.json()["slots"] != before["slots"]
    promise("P8", "engine: typed payloads", tries, failures, f"seed {seed}")


def test_sizes_have_a_limit_and_slow_senders_hold_up_nobody(shut: Shut, promise: Promise) -> None:
    failures, tries = 0, 0
    for size, status in ((60_000, 200), (66_000, 413), (1_000_000, 413), (6_000_000, 413)):
        with contextlib.suppress(httpx.TransportError):  # cut off while still sending
            answer = shut.turn(text="a" * size)
            failures += answer.status_code != status
        tries += 1
    host, _, port = shut.listen.partition(":")
    slow = []
    for _ in range(30):
        sender = socket.create_connection((host, int(port)), timeout=20)
        sender.sendall(b"POST /webhooks/northlight/turn HTTP/1.1\r\nHost: x\r\nContent-Le")
        slow.append(sender)
    try:
        for _ in range(5):
            failures += shut.turn(intent="greet").status_code != 200
            tries += 1
    finally:
        for sender in slow:
            sender.close()
    promise("P8", "engine: sizes, and slow senders beside it", tries, failures)


def test_a_body_without_a_sure_length_keeps_nobody_waiting(shut: Shut, promise: Promise) -> None:
    """Sanic 21 would read some of these for ever, before the token was looked at."""
    host, _, port = shut.listen.partition(":")
    failures, wrong = 0, (b"Content-Length: -1", b"Content-Length: +5", b"Content-Length: 1e3",
                          b"Content-Length: 5\r\nContent-Length: 6", b"Transfer-Encoding: chunked",
                          b"Transfer-Encoding: gzip", b"Upgrade: websocket")  # fmt: skip
    for line in wrong:
        with socket.create_connection((host, int(port)), timeout=20) as stranger:
            head = b"POST /webhooks/northlight/turn HTTP/1.1\r\nHost: x\r\n"
            stranger.sendall(head + line + b"\r\n\r\n-1\r\nab")
            failures += not stranger.recv(100).startswith(b"HTTP/1.1 400 ")
            failures += shut.turn(intent="greet").status_code != 200
    promise("P8", "engine: bodies without a sure length", len(wrong), failures)


async def test_an_engine_that_hangs_is_given_up_after_its_time(
    shut: Shut, promise: Promise
) -> None:
    client, failures = Engine(f"http://{shut.listen}", shut.token), 0
    try:
        assert (await client.text(SENDER, "hello")).keys
        shut.process.send_signal(signal.SIGSTOP)
        for _ in range(3):
            try:
                async with asyncio.timeout(20):
                    await client.text(SENDER, "hello")
                failures += 1
            except EngineUnavailable:
                pass
            except TimeoutError:
                failures += 1
    finally:
        shut.process.send_signal(signal.SIGCONT)
        await client.close()
    assert shut.turn(intent="greet").status_code == 200
    promise("P8", "engine hangs: given up after 2 s", 3, failures)


# -- what it reaches -------------------------------------------------------------------------------
def test_its_redis_user_reaches_its_own_keys_only(shut: Shut, promise: Promise) -> None:
    shut.turn(intent="start_check")
    own = f"nl:engine:{SENDER}"
    assert 0 < shut.admin.ttl(own) <= 48 * 3600
    for secret in (b"safe_now", b"watched", CANARY.encode()):
        assert secret not in (shut.admin.get(own) or b"")
    shut.admin.set("nl:session:someone", "sealed")
    allowed, tries = [], 0
    for name, told in shut.admin.command().items():
        arity = abs(told["arity"])
        words = [name.split("|")[0], *["nl:session:someone"] * max(arity - 1, 1)]
        try:
            verdict = shut.admin.execute_command("ACL", "DRYRUN", "engine", *words)
        except redis.ResponseError:
            continue  # not a command that can be tried dry
        tries += 1
        if verdict == b"OK":
            allowed.append(name)
    # What opens and keeps a connection; none of it touches a key or another connection.
    harmless = {"auth", "hello", "ping", "echo", "select", "quit", "reset", "client", "asking",
                "readonly", "readwrite", "command", "wait"}  # fmt: skip
    beyond = sorted(set(allowed) - harmless)
    engine_url = shut.part.environ["NORTHLIGHT_ENGINE_REDIS_URL"]
    with redis.Redis.from_url(engine_url) as engine:
        assert engine.get(own)
        tried = [
            lambda: engine.get("nl:session:someone"), lambda: engine.set("nl:session:x", 1),
            lambda: engine.scan(), lambda: engine.keys("*"), lambda: engine.randomkey(),
            lambda: engine.dbsize(), lambda: engine.eval("return redis.call('KEYS','*')", 0),
            lambda: engine.config_get("*"), lambda: engine.acl_list(), lambda: engine.flushall(),
            lambda: engine.publish("nl:events", "x"), lambda: engine.client_list(),
            lambda: engine.slowlog_get(), lambda: engine.copy(own, "nl:session:y"),
            lambda: engine.rename(own, "nl:session:y"), lambda: engine.monitor().__enter__(),
        ]  # fmt: skip
        passed = [number for number, act in enumerate(tried) if not _refused(act)]
    # It runs as our system user and has the socket's path: its password must not be optional.
    nameless = f"unix://{str(engine_url).partition('@')[2]}"
    with (
        redis.Redis.from_url(nameless) as nobody,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        nobody.get("nl:session:someone")
    shut.admin.delete("nl:session:someone")
    assert tries > 150, "every command of this Redis was tried"
    promise("P8", "engine's Redis user: commands beyond its keys", tries + len(tried),
            len(beyond) + len(passed), " ".join(beyond))  # fmt: skip


def _refused(act: Any) -> bool:
    try:
        act()
    except redis.exceptions.NoPermissionError:
        return True
    except redis.RedisError as error:
        return "permissions" in str(error).lower()
    return False


def test_it_holds_no_secret_but_its_own(shut: Shut, promise: Promise) -> None:
    environ = Path(f"/proc/{shut.process.pid}/environ").read_bytes()
    vault = Vault(bytes.fromhex(MASTER))
    secrets = [MASTER, BOT_TOKEN, CANARY, *(key.hex() for key in vault._wrapping),
               *(key.hex() for key in vault._transit), vault._naming.hex()]  # fmt: skip
    held = [secret for secret in secrets if secret.encode() in environ]
    names = {pair.partition(b"=")[0].decode() for pair in environ.split(b"\0")}
    ours = {name for name in names if name.startswith("NORTHLIGHT_")} - {
        "NORTHLIGHT_ENGINE_TOKEN", "NORTHLIGHT_ENGINE_KEY", "NORTHLIGHT_ENGINE_REDIS_URL",
        "NORTHLIGHT_ENGINE_LISTEN", "NORTHLIGHT_KEY_PREFIX",
        "NORTHLIGHT_TEST_AUDIT", "NORTHLIGHT_ENGINE_LOG",
    }  # fmt: skip
    promise("P8", "engine holds no secret of the bot", len(secrets) + len(names),
            len(held) + len(ours))  # fmt: skip


def test_it_asks_for_nothing_outside_this_machine(shut: Shut, promise: Promise) -> None:
    """Over its whole life in this module: start, every conversation above, an outage."""
    for text in (f"see https://{CANARY}.example/x", "hello", "what are my rights at work"):
        shut.turn(text=text)
    asked = shut.asked_for()
    assert any(event == "socket.bind" for event, _ in asked), "the hook is in place"
    state = str(shut.part.environ["NORTHLIGHT_ENGINE_REDIS_URL"]).partition("@")[2]
    inside = ("127.0.0.1", "'::1'", state, "redis.sock")
    outside = [row for row in asked if not any(place in row[1] for place in inside)]
    print(*outside[:5], sep="\n")
    promise("P8", "engine asks a network for something outside", len(asked), len(outside),
            "its interpreter's calls; see the kernel's count for the rest")  # fmt: skip


def test_without_any_network_it_works_and_the_kernel_counts_no_attempt(
    shut: Shut, tmp_path: Path, promise: Promise
) -> None:
    """In a namespace with loopback only, the kernel counts every attempt to get out."""
    alone = ["unshare", "-rn", "--"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode != 0:
        promise.not_run("P8", "engine without a network",
                        "no namespaces here: only its interpreter was watched")  # fmt: skip
        return
    driver = tmp_path / "driver.py"
    driver.write_text(_DRIVER)
    environ = {**shut.part.environ, "PATH": os.environ["PATH"]}
    asked = {"command": list(shut.part.command), "environ": environ, "sender": SENDER[::-1]}
    ended = subprocess.run(
        [*alone, sys.executable, str(driver), json.dumps(asked)], cwd=ROOT, env=environ,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-1000:]
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["control"] > told["before"], "an attempt of ours is counted"
    promise("P8", "engine without a network: attempts to get out", told["turns"],
            told["failures"] + told["after"] - told["before"], "counted by the kernel")  # fmt: skip


_DRIVER = """
import fcntl, json, socket, struct, subprocess, sys, time, urllib.request

asked = json.loads(sys.argv[1])
with socket.socket() as s:  # loopback up
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))

def attempts():
    total = 0
    for name in ("snmp", "snmp6"):
        lines = open(f"/proc/self/net/{name}").read().splitlines()
        if name == "snmp":
            head, row = [l.split() for l in lines if l.startswith("Ip:")]
            total += int(row[head.index("OutNoRoutes")])
        else:
            total += sum(int(l.split()[1]) for l in lines if l.startswith("Ip6OutNoRoutes"))
    return total

def call(path, body=None):
    request = urllib.request.Request(base + path, data=body and json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + asked["environ"]["NORTHLIGHT_ENGINE_TOKEN"]})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status

base = "http://" + asked["environ"]["NORTHLIGHT_ENGINE_LISTEN"] + "/webhooks/northlight/"
before = attempts()
process = subprocess.Popen(asked["command"], env=asked["environ"], stdout=sys.stderr)
try:
    for _ in range(1800):
        try:
            if call("health") == 200: break
        except OSError:
            assert process.poll() is None
            time.sleep(0.1)
    failures = 0
    bodies = [{"intent": "start_check"}, {"text": "hello"}, {"text": "https://example.org help"},
              {"text": "he has a knife"}, {"intent": "answer", "entities": {"minor": "no"}}]
    for body in bodies:
        failures += call("turn", {"sender": asked["sender"], **body}) != 200
    after = attempts()
finally:
    process.terminate()
    process.wait(20)
for address in (("192.0.2.1", 80),):
    with socket.socket() as s:
        s.connect_ex(address)
print(json.dumps({"before": before, "after": after, "control": attempts(),
                  "turns": len(bodies), "failures": failures}))
"""


# -- what it loads, what it says -----------------------------------------------------------------
def test_a_model_that_was_touched_is_refused_before_anything_of_it_is_read(
    shut: Shut, tmp_path: Path, promise: Promise
) -> None:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    for name in ("config.yml", "domain.yml", "endpoints.yml", "credentials.yml"):
        shutil.copy(ROOT / name, project)
    for name in ("northlight.tar.gz", "northlight.tar.gz.sha256"):
        shutil.copy(ROOT / "models" / name, project / "models")
    model = project / "models" / "northlight.tar.gz"
    raw = bytearray(model.read_bytes())
    raw[len(raw) // 2] ^= 1  # one bit
    model.write_bytes(raw)
    process, audit, log = _start(shut.part, tmp_path, NORTHLIGHT_PROJECT=str(project))
    try:
        status = process.wait(120)
    finally:
        process.kill()
        process.wait()
    events = audit.read_text()
    assert "train it again" in log.read_text()
    wrong = [status != 1, "pickle.find_class" in events, "socket.bind" in events]
    promise("P8", "engine: a changed model is not loaded", len(wrong), sum(wrong))


def test_its_log_at_debug_quotes_nobody(shut: Shut, promise: Promise) -> None:
    for text in (f"{CANARY} he has a knife", f"/answer{{{CANARY}}}"):
        shut.turn(text=text)
    shut.turn(intent=CANARY, entities={CANARY: CANARY})
    shut.http.post(f"{shut.base}/turn", content=CANARY)
    shut.http.post(f"{shut.base}/{CANARY}", content=CANARY)
    lines = shut.log.read_text(errors="replace").splitlines()
    secrets = (CANARY, "knife", SENDER, shut.token, shut.part.environ["NORTHLIGHT_ENGINE_KEY"])
    wrong = [line for line in lines if any(secret in line for secret in secrets)]
    print(*wrong[:3], sep="\n")
    promise("P7", "engine's log at DEBUG", max(len(lines), 1), len(wrong))
