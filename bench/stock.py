"""The peer: Rasa as it comes (`rasa init`), its `rest` channel, its Redis tracker store.

The project is made and trained once, with the engine's own environment, and kept under .state/.
"""

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import redis

from bench.wait import up
from bot.paths import ROOT
from tests.ports import free_port
from tests.redis_server import binary
from tests.waiting import wait_until

PYTHON = ROOT / "engine/.venv/bin/python"
VERSION = "3.6.21"
HOME = ROOT / ".state/bench"
PROJECT = HOME / f"rasa-{VERSION}"
#: Longest start seen on a busy machine was a minute, seconds.
START_LIMIT = 300.0
QUIET_ENV = {"RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3",
             "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}  # fmt: skip


def clean_environ() -> dict[str, str]:
    """What both sides get of our environment: nothing that changes how they run."""
    keep = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in keep if name in os.environ}


def prepare() -> None:
    """Makes and trains the stock project unless it is there. Raises RuntimeError."""
    if PROJECT.exists():
        return
    (ROOT / ".state").mkdir(mode=0o700, exist_ok=True)
    HOME.mkdir(mode=0o700, exist_ok=True)
    making, log = HOME / "making", HOME / "training.log"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    print(f"Making and training a stock Rasa {VERSION} (once, some minutes) ...", flush=True)
    with log.open("wb") as out:
        command = [str(PYTHON), "-m", "rasa", "init", "--no-prompt", "--init-dir", str(making)]
        environ = clean_environ() | QUIET_ENV
        training = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=out)  # fmt: skip
        try:
            _wait_for(training)
        except BaseException:
            training.kill()
            training.wait()
            raise
    if training.returncode or not any((making / "models").glob("*.tar.gz")):
        raise RuntimeError(f"the stock Rasa could not be trained, see {log.relative_to(ROOT)}")
    making.rename(PROJECT)


def _wait_for(training: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    while True:
        try:
            training.wait(30)
        except subprocess.TimeoutExpired:
            print(f"  training, {time.monotonic() - began:.0f} s so far", flush=True)
        else:
            print(f"  trained in {time.monotonic() - began:.0f} s", flush=True)
            return


class TcpRedis:
    """A real Redis on a port of this machine, set as ours is; Rasa cannot use a Unix socket."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.port = free_port()
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(folder),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen([binary(), *words], stdout=log, stderr=log)
        wait_until(self._answers, "the peer's Redis")

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class Stock:
    """`rasa run` on the stock project, and behind it (`door`) the python-telegram-bot program."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._exit = folder, ExitStack()
        self.url = f"http://127.0.0.1:{free_port()}"
        self.rest = f"{self.url}/webhooks/rest/webhook"
        self.redis = TcpRedis(folder / "redis")
        self._exit.callback(_end, self.redis.process)
        endpoints = folder / "endpoints.yml"
        endpoints.write_text(
            f"tracker_store:\n  type: redis\n  url: 127.0.0.1\n  port: {self.redis.port}\n"
        )
        model = max((PROJECT / "models").glob("*.tar.gz"))
        self._command = [
            str(PYTHON), "-m", "rasa", "run", "--interface", "127.0.0.1",
            "--port", self.url.rsplit(":", 1)[1], "--model", str(model),
            "--endpoints", str(endpoints), "--credentials", str(PROJECT / "credentials.yml"),
        ]  # fmt: skip
        self._parts: dict[str, subprocess.Popen[bytes]] = {"redis": self.redis.process}

    def start(self) -> float:
        """Starts Rasa; returns the seconds until its channel answered."""
        began = time.perf_counter()
        rasa = self._run("rasa", self._command, PROJECT)
        wait_until(lambda: up(f"{self.url}/webhooks/rest/", rasa), "the stock Rasa", START_LIMIT)
        return time.perf_counter() - began

    def stop_engine(self) -> None:
        """Ends Rasa; the rest goes on."""
        _end(self._parts["rasa"])

    def start_door(self, token: str, base_url: str) -> None:
        """Starts the program that carries Telegram messages to the `rest` channel and back."""
        command = [sys.executable, "-m", "bench.by_the_book", token, base_url, self.rest]
        self._run("door", command, ROOT)

    def pid(self, name: str = "rasa") -> int:
        """The process id of `rasa`, `door` or `redis`."""
        return self._parts[name].pid

    def pids(self) -> list[int]:
        """All its process ids."""
        return [part.pid for part in self._parts.values()]

    def stop(self) -> None:
        """Ends what was started."""
        self._exit.close()

    def _run(self, name: str, command: list[str], where: Path) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=where, env=clean_environ() | QUIET_ENV,
                                       stdout=log, stderr=log)  # fmt: skip
        self._parts[name] = process
        self._exit.callback(_end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
