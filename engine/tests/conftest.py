"""A real Redis on a socket, a small trained project and real engine processes for the tests."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
#: The engine's folder is not a package: it is put on the path.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY / "engine")}
TOKEN = "test-token-of-the-engine"
KEY = "11" * 32
PREFIX = "nltest:"
LINES_PER_INTENT = 8
START_SECONDS = 120


@dataclass
class Engine:
    """A running engine process."""

    base: str
    process: subprocess.Popen[bytes]
    log: Path
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(
            base_url=self.base, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60
        )

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def stop(self) -> None:
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Conversation:
    """One person's exchange with an engine."""

    engine: Engine
    sender: str = field(default_factory=lambda: secrets.token_hex(12))

    def press(self, intent: str, **entities: str) -> dict[str, Any]:
        body: dict[str, Any] = {"sender": self.sender, "intent": intent}
        if entities:
            body["entities"] = entities
        return self._turn(body)

    def write(self, text: str) -> dict[str, Any]:
        return self._turn({"sender": self.sender, "text": text})

    def _turn(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.engine.post("/turn", body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """A redis-server that a test may stop and start again."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis.from_url(self.url)
        self.start()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self._folder],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while not self._listens():
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.05)
        self.client.config_set("save", "")

    def _listens(self) -> bool:
        """Its socket is there before it listens."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop(self) -> None:
        self.client.close()
        if self._process:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder with a short path: a socket's path may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="nl") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def redis_server(short_folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(short_folder)
    yield server
    server.stop()


def copy_project(folder: Path) -> None:
    """Copy the project's dialogue with a few English lines an intent, so that training is short."""
    for name in ("config.yml", "domain.yml", "endpoints.yml", "credentials.yml"):
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "stories", folder / "stories")
    (folder / "nlu").mkdir()
    lines = yaml.safe_load((REPOSITORY / "nlu" / "en.yml").read_text("utf-8"))
    for entry in lines["nlu"]:
        examples = entry["examples"].splitlines(keepends=True)[:LINES_PER_INTENT]
        entry["examples"] = "".join(examples)
    text = yaml.safe_dump(lines, allow_unicode=True, sort_keys=False)
    (folder / "nlu" / "en.yml").write_text(text, "utf-8")


def run_command(
    project: Path, *arguments: str, env: dict[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "northlight_engine", *arguments],
        env={**ENVIRONMENT, "NORTHLIGHT_PROJECT": str(project), **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained project."""
    folder = tmp_path_factory.mktemp("project")
    copy_project(folder)
    trained = run_command(folder, "train")
    assert trained.returncode == 0, trained.stderr
    return folder


StartEngine = Callable[..., Engine]


@pytest.fixture(scope="session")
def start_engine(
    project: Path, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartEngine]:
    """A function that starts an engine; every engine is stopped at the end."""
    running: list[Engine] = []

    def start(**env: str) -> Engine:
        port = free_port()
        log = tmp_path_factory.mktemp("engine") / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "northlight_engine", "run"],
                env={
                    **ENVIRONMENT,
                    "NORTHLIGHT_PROJECT": str(project),
                    "NORTHLIGHT_ENGINE_TOKEN": TOKEN,
                    "NORTHLIGHT_ENGINE_KEY": KEY,
                    "NORTHLIGHT_ENGINE_REDIS_URL": redis_server.url,
                    "NORTHLIGHT_KEY_PREFIX": PREFIX,
                    "NORTHLIGHT_ENGINE_LISTEN": f"127.0.0.1:{port}",
                    **env,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        engine = Engine(f"http://127.0.0.1:{port}/webhooks/northlight", process, log)
        running.append(engine)
        _wait_ready(engine)
        return engine

    yield start
    for engine in running:
        engine.stop()


def _wait_ready(engine: Engine) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert engine.process.poll() is None, engine.log.read_text()
        assert time.monotonic() < deadline, engine.log.read_text()
        try:
            if engine.client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)


@pytest.fixture(scope="session")
def engine(start_engine: StartEngine) -> Engine:
    """An engine that logs at DEBUG, so that the log test sees all there is to see."""
    return start_engine(NORTHLIGHT_ENGINE_LOG="DEBUG")


@pytest.fixture
def person(engine: Engine) -> Conversation:
    return Conversation(engine)
