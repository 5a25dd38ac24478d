"""The whole service for the journeys: real processes, a real Redis, a real engine, a pretended
Telegram that the real python-telegram-bot Application talks to over HTTP.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import redis

from bot.paths import ROOT
from bot.vault import Vault
from tests.ports import free_port
from tests.redis_server import RedisServer
from tests.waiting import wait_until

MASTER = "11" * 32
TOKEN = "4242:CANARY-token-of-the-pretended-bot"
WEBHOOK_SECRET = "CANARY-secret-of-the-webhook"


class Stack:
    """All processes; `engine_down` takes the engine away for a while."""

    def __init__(self, telegram_mode: str, logs: Path) -> None:
        self._mode, self._logs = telegram_mode, logs
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[list[str], dict[str, str]]] = {}
        self._exit = ExitStack()
        self.vault = Vault(bytes.fromhex(MASTER))
        self.redis = self._exit.enter_context(RedisServer())
        self.web, self.console, self.botapi = (f"http://127.0.0.1:{free_port()}" for _ in range(3))
        self._engine = f"127.0.0.1:{free_port()}"
        self._hook = free_port()
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "PYTHONPATH": str(ROOT),
            "NORTHLIGHT_MASTER_KEY": MASTER,
            "NORTHLIGHT_REDIS_URL": self.redis.url,
            "NORTHLIGHT_ENGINE_URL": f"http://{self._engine}",
            "NORTHLIGHT_WEB_LISTEN": self.web.removeprefix("http://"),
            "NORTHLIGHT_CONSOLE_LISTEN": self.console.removeprefix("http://"),
            "NORTHLIGHT_TELEGRAM_TOKEN": TOKEN,
            "NORTHLIGHT_TELEGRAM_BASE_URL": f"{self.botapi}/bot",
            "NORTHLIGHT_TELEGRAM_FILE_BASE_URL": f"{self.botapi}/file/bot",
            "NORTHLIGHT_TELEGRAM_MODE": telegram_mode,
            "NORTHLIGHT_TELEGRAM_WEBHOOK_LISTEN": f"127.0.0.1:{self._hook}",
            "NORTHLIGHT_TELEGRAM_WEBHOOK_URL": f"http://127.0.0.1:{self._hook}/hook",
            "NORTHLIGHT_TELEGRAM_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "NORTHLIGHT_MEDIA_ADDRESS": f"127.0.0.1:{free_port()}",
            "NORTHLIGHT_LOG_LEVEL": "DEBUG",
        }

    def start(self) -> None:
        """Starts everything and waits until all of it answers."""
        python = sys.executable
        self._run("botapi", [python, "-m", "tests.botapi", "--port", self.botapi.split(":")[-1]])
        self._run(
            "engine",
            [str(ROOT / "engine/.venv/bin/python"), "-m", "northlight_engine", "run"],
            {
                "PATH": os.environ["PATH"],
                "HOME": os.environ.get("HOME", "/"),
                "PYTHONPATH": str(ROOT / "engine"),
                "NORTHLIGHT_ENGINE_TOKEN": self.vault.engine_token,
                "NORTHLIGHT_ENGINE_KEY": self.vault.engine_key,
                "NORTHLIGHT_ENGINE_REDIS_URL": self.redis.url,
                "NORTHLIGHT_ENGINE_LISTEN": self._engine,
                "OMP_NUM_THREADS": "1",
            },
        )
        wait_until(
            lambda: self._up(f"{self.botapi}/control/calls", post=True), "the Bot API server"
        )
        for name in ("worker", "janitor", "web", "console", "telegram"):
            self._run(name, [python, "-m", "bot", name])
        self.engine_answers()
        for url in (self.web, self.console):
            wait_until(lambda url=url: self._up(f"{url}/healthz"), url)
        if self._mode == "webhook":
            wait_until(lambda: self.called("setWebhook"), "the webhook to be set")

    def engine_answers(self) -> None:
        """Waits until the engine does."""
        headers = {"Authorization": f"Bearer {self.vault.engine_token}"}
        url = f"http://{self._engine}/webhooks/northlight/health"
        wait_until(lambda: self._up(url, headers), "the engine")

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Kills one process for a while, then starts it again."""
        process = self._parts.pop(name)
        process.kill()
        process.wait()
        try:
            yield
        finally:
            command, environ = self._commands[name]
            self._run(name, command, environ)
            if name == "engine":
                self.engine_answers()

    def called(self, method: str) -> list[Any]:
        """What the bot asked of the pretended Telegram."""
        answer = httpx.post(f"{self.botapi}/control/calls", json={"method": method}, timeout=30)
        return list(answer.json()["result"])

    def counsellor(self, alias: str, languages: str, role: str = "counsellor") -> tuple[str, str]:
        """Makes an account with the command line; returns login and one-time password."""
        login = f"c{secrets.token_hex(4)}"
        made = subprocess.run(
            [sys.executable, "-m", "bot", "counsellor", "add", login, "--alias", alias,
             "--languages", languages, "--roles", role],
            env=self.environ, cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return login, made.stdout.rsplit(": ", 1)[1].strip()

    def keys_of_people(self) -> list[str]:
        """Redis keys that hold something of a person; the door's own farewell entry left out."""
        kinds = ("datakey", "session", "engine", "handoff", "handoff-of", "transcript", "sent")
        client = redis.Redis.from_url(self.redis.url)
        names = [name.decode() for name in client.scan_iter(match="nl:*")]
        client.close()
        return sorted(name for name in names if name.split(":")[1] in kinds)

    def forget_everyone(self) -> None:
        """Between tests: whatever a failed one left behind must not fail the next."""
        client = redis.Redis.from_url(self.redis.url)
        for name in [*self.keys_of_people(), "nl:queue", "nl:leases", "nl:expiry"]:
            client.delete(name)
        client.close()

    def logs(self) -> str:
        """Everything our processes have logged (the pretended Telegram is not one of ours)."""
        ours = [path for path in self._logs.glob("*.log") if path.stem != "botapi"]
        return "\n".join(path.read_text("utf-8", "replace") for path in ours)

    def stop(self) -> None:
        """Ends what was started, politely first."""
        for process in self._parts.values():
            process.send_signal(signal.SIGTERM)
        for process in self._parts.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._exit.close()

    def _run(self, name: str, command: list[str], environ: dict[str, str] | None = None) -> None:
        environ = environ or self.environ
        self._commands[name] = (command, environ)
        with (self._logs / f"{name}.log").open("ab") as log:
            self._parts[name] = subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=log, stderr=log
            )

    def _up(self, url: str, headers: dict[str, str] | None = None, *, post: bool = False) -> bool:
        for name, process in self._parts.items():
            if process.poll() is not None:
                tail = (self._logs / f"{name}.log").read_text("utf-8", "replace")[-1500:]
                raise AssertionError(f"{name} ended: {tail}")
        try:
            if post:
                answer = httpx.post(url, content=json.dumps({}), headers=headers)
            else:
                answer = httpx.get(url, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200


def handoffs(stack: Stack) -> list[dict[str, str]]:
    """The open records of the queue, as stored (levels, rules and state are not sealed)."""
    client = redis.Redis.from_url(stack.redis.url)
    found = [client.hgetall(name) for name in client.scan_iter(match="nl:handoff:*")]
    client.close()
    return [
        {name.decode(): value.decode("utf-8", "replace") for name, value in fields.items()}
        for fields in found
    ]
