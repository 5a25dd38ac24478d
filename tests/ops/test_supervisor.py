"""`python -m bot up`: one command starts everything, keeps it going, and leaves nothing behind."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from bot import supervisor
from bot.embedded import running_url
from bot.keys import SHARDS, Keys, PracticeKeys
from bot.parts import Part, parts_of
from bot.paths import ROOT
from bot.settings import Settings
from tests.ports import free_port
from tests.waiting import until, wait_until

PARTS = ("engine", "worker", "janitor", "web", "console")


def children(pid: int) -> dict[int, str]:
    """The processes that `pid` started: id -> command line."""
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it ended while we looked
            continue
        if parent == pid and command:
            found[int(folder.name)] = command
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Service:
    """The whole service, run as a person runs it."""

    def __init__(self, state_dir: Path, **settings: str) -> None:
        self.web, self.console, self.practice = free_port(), free_port(), free_port()
        clean = {name: text for name, text in os.environ.items() if "NORTHLIGHT" not in name}
        self.environ = clean | {
            "NORTHLIGHT_STATE_DIR": str(state_dir),
            "NORTHLIGHT_WEB_LISTEN": f"127.0.0.1:{self.web}",
            "NORTHLIGHT_CONSOLE_LISTEN": f"127.0.0.1:{self.console}",
            "NORTHLIGHT_PRACTICE_LISTEN": f"127.0.0.1:{self.practice}",
            **settings,
        }
        self.said: list[str] = []
        self.start()

    def start(self) -> None:
        """Starts it and waits until it says that it is up."""
        self.said = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "up"], cwd=ROOT, env=self.environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if "Ctrl-C" in line:
                return
        self.end()
        raise AssertionError("\n".join(self.said))

    def part(self, name: str) -> int:
        """The process id of a part."""
        pattern = (
            "redis-server|valkey-server"
            if name == "redis"
            else f"-m (bot|northlight_engine).* ?{name}"
        )
        if name == "engine":
            pattern = "northlight_engine"
        for pid, command in children(self.process.pid).items():
            if re.search(pattern, command):
                return pid
        return 0

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends the command itself, nothing else, and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(
        tmp_path_factory.mktemp("up") / "state",
        NORTHLIGHT_TELEGRAM_WEBHOOK_SECRET="s" * 20,
        NORTHLIGHT_PAGING_URL="http://127.0.0.1:9/",
        NORTHLIGHT_PAGING_SECRET="s" * 20,
        NORTHLIGHT_OIDC_ISSUER="http://127.0.0.1:9",
        NORTHLIGHT_OIDC_CLIENT_ID="console",
        NORTHLIGHT_OIDC_CLIENT_SECRET="s" * 20,
        NORTHLIGHT_ENGINE_LOG="DEBUG",
    )
    yield service
    service.end(signal.SIGKILL)


def test_it_says_where_everything_is_and_everything_is_there(service: Service) -> None:
    said = "\n".join(service.said)
    assert f"http://127.0.0.1:{service.web}/" in said
    assert f"http://127.0.0.1:{service.console}/" in said
    assert "Telegram   off" in said
    assert re.search(r"login demo, one-time password \S+", said)
    assert httpx.get(f"http://127.0.0.1:{service.web}/", timeout=60).status_code == 200
    assert httpx.get(f"http://127.0.0.1:{service.console}/login", timeout=60).status_code == 200
    assert all(service.part(name) for name in (*PARTS, "redis"))


def test_the_engine_is_given_no_secret_but_its_own(service: Service) -> None:
    environ = Path(f"/proc/{service.part('engine')}/environ").read_bytes().decode()
    master = Path(service.environ["NORTHLIGHT_STATE_DIR"], "master.key").read_text().strip()
    assert "NORTHLIGHT_ENGINE_KEY" in environ
    assert "NORTHLIGHT_ENGINE_LOG=DEBUG" in environ
    assert "MASTER" not in environ
    assert master not in environ
    assert "TELEGRAM" not in environ
    assert "unix://engine:" in environ


def test_only_the_telegram_door_is_given_its_secrets(service: Service) -> None:
    for name in ("worker", "janitor", "web", "console"):
        environ = Path(f"/proc/{service.part(name)}/environ").read_bytes().decode()
        assert "WEBHOOK_SECRET" not in environ


def test_paging_and_sign_in_secrets_go_to_one_part_each(service: Service) -> None:
    for name in ("worker", "janitor", "web", "console", "engine"):
        environ = Path(f"/proc/{service.part(name)}/environ").read_bytes().decode()
        assert ("NORTHLIGHT_PAGING" in environ) is (name == "janitor")
        assert ("NORTHLIGHT_OIDC" in environ) is (name == "console")


def test_a_part_that_dies_comes_back(service: Service) -> None:
    first = service.part("worker")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: service.part("worker") not in (0, first), "a new worker")


def test_nobody_waits_for_the_leases_of_a_worker_that_died(service: Service) -> None:
    keys = Keys()
    shards = [keys.shard(shard) for shard in range(SHARDS)]
    url = running_url(Path(service.environ["NORTHLIGHT_STATE_DIR"]))
    assert url is not None
    with redis.Redis.from_url(url) as store:

        def owners() -> set[bytes | None]:
            return set(store.mget(shards))

        wait_until(lambda: len(owners()) == 1 and None not in owners(), "one owner of all")
        (dead,) = owners()
        first = service.part("worker")
        os.kill(first, signal.SIGSTOP)
        for lease in shards:
            store.persist(lease)  # these would never lapse,
        store.persist(keys.workers())
        store.zadd(keys.workers(), {dead: 1e15})  # and it would count among the living
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: not owners() & {dead, None}, "the next worker has them all")


def test_redis_comes_back_with_what_it_held(service: Service) -> None:
    first = service.part("redis")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: service.part("redis") not in (0, first), "a new Redis")
    state_dir = Path(service.environ["NORTHLIGHT_STATE_DIR"])
    wait_until(lambda: running_url(state_dir), "Redis answers")
    listed = subprocess.run(
        [sys.executable, "-m", "bot", "counsellor", "list"],
        cwd=ROOT, env=service.environ, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert listed.startswith("demo\t")


def test_the_practice_desk_starts_when_somebody_opens_it(service: Service) -> None:
    address = f"http://127.0.0.1:{service.practice}"
    assert any(f"{address}/" in line for line in service.said)
    assert not service.part("practice")
    assert httpx.get(f"{address}/login", timeout=60).status_code == 200
    url = running_url(Path(service.environ["NORTHLIGHT_STATE_DIR"]))
    assert url is not None
    with redis.Redis.from_url(url) as store:
        wait_until(lambda: store.zcard(PracticeKeys().queue()) == 12, "pretended people")
        assert store.zcard(Keys().queue()) == 0
    first = service.part("practice")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: service.part("practice") not in (0, first), "another practice desk")
    assert httpx.get(f"{address}/login", timeout=60).status_code == 200


def test_nothing_outlives_a_command_that_was_killed(service: Service) -> None:
    assert httpx.get(f"http://127.0.0.1:{service.practice}/login", timeout=60).status_code == 200
    started = [pid for pid in children(service.process.pid)]
    assert len(started) == len(PARTS) + 2  # Redis, and the practice desk
    service.end(signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in started), "all parts gone")


def test_ctrl_c_stops_everything_it_started(service: Service) -> None:
    service.start()  # on the folder that the killed one left behind
    started = [pid for pid in children(service.process.pid)]
    assert len(started) == len(PARTS) + 1
    assert service.end(signal.SIGINT) == 0
    assert not any(alive(pid) for pid in started)


@pytest.mark.parametrize("program", ["false", "no-such-program"])
async def test_without_an_engine_everybody_is_served_and_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    def broken(*given: Any) -> list[Part]:
        engine, *others = parts_of(*given)
        assert engine.name == "engine"
        return [replace(engine, command=(program,)), *others]

    monkeypatch.setattr(supervisor, "parts_of", broken)
    monkeypatch.setenv("NORTHLIGHT_STATE_DIR", str(tmp_path))
    for door in ("WEB", "CONSOLE", "PRACTICE"):
        monkeypatch.setenv(f"NORTHLIGHT_{door}_LISTEN", f"127.0.0.1:{free_port()}")
    settings, said = Settings.load(), list[str]()

    def tries() -> int:
        return sum(line.startswith("engine ended") for line in said)

    running = supervisor.Supervisor(settings, said.append)
    whole = asyncio.create_task(running.run())
    try:
        await until(lambda: "Ctrl-C stops everything." in said, "its words")
        assert any("engine is not ready after" in line for line in said)
        health = f"{settings.web_listen.url}/healthz"
        assert (await asyncio.to_thread(httpx.get, health)).status_code == 200
        before = tries()
        await until(lambda: tries() > before, "another try")
        assert not whole.done()
    finally:
        running._stopping.set()
        assert await whole == 0


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    environ = {**os.environ, "NORTHLIGHT_STATE_DIR": str(tmp_path)}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "bot", "up"], cwd=ROOT, capture_output=True, text=True,
            env=environ | {"NORTHLIGHT_WEB_LISTEN": listen},
        )  # fmt: skip
    assert done.returncode == 2
    assert f"NORTHLIGHT_WEB_LISTEN: cannot listen on {listen}" in done.stderr
    assert list(tmp_path.iterdir()) == []
