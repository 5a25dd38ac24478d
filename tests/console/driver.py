"""Drives the console as a counsellor's browser does, over its HTTP routes."""

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from bot.paths import ROOT
from tests.handoff.desk import Desk
from tests.redis_server import RedisServer

PASSWORD = "a quiet evening walk"


class CounsellorDriver:
    """One browser with its cookies."""

    def __init__(self, app: Starlette, source: str = "192.0.2.1") -> None:
        transport = httpx.ASGITransport(app=app, client=(source, 1))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://console.test")
        self.csrf = ""

    async def close(self) -> None:
        await self.http.aclose()

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def post(
        self, path: str, body: dict[str, Any] | None = None, csrf: str | None = None
    ) -> httpx.Response:
        """A call of the API."""
        headers = {"X-CSRF": self.csrf if csrf is None else csrf}
        return await self.http.post(path, json=body or {}, headers=headers)

    async def submit(self, path: str, fields: dict[str, str] | None = None) -> httpx.Response:
        """A form of a page."""
        return await self.http.post(path, data={"csrf": self.csrf, **(fields or {})})

    async def look(self, path: str) -> httpx.Response:
        """Opens a page and takes its form token."""
        answer = await self.get(path)
        found = re.search(r'<meta name="csrf" content="([^"]+)"', answer.text)
        if found:
            self.csrf = found.group(1)
        return answer

    async def sign_in(self, login: str, password: str) -> httpx.Response:
        await self.look("/login")
        answer = await self.submit("/login", {"login": login, "password": password})
        if answer.status_code == 303:
            await self.look(answer.headers["location"])
        return answer


@dataclass
class Console:
    """The application and the browsers that were opened on it."""

    app: Starlette
    desk: Desk
    drivers: list[CounsellorDriver] = field(default_factory=list)

    def browser(self, source: str = "192.0.2.1") -> CounsellorDriver:
        driver = CounsellorDriver(self.app, source)
        self.drivers.append(driver)
        return driver

    async def counsellor(
        self, login: str, *roles: str, languages: tuple[str, ...] = ("en",), capacity: int = 1
    ) -> CounsellorDriver:
        """An account with its own password, logged in."""
        accounts = self.app.state.console.accounts
        first = await accounts.add(
            login, login.title(), list(languages), list(roles or ["counsellor"]), capacity
        )
        await accounts.change_password(login, first, PASSWORD)
        driver = self.browser()
        answer = await driver.sign_in(login, PASSWORD)
        assert answer.headers["location"] == "/desk"
        return driver


@asynccontextmanager
async def serving(console: Console) -> AsyncIterator[str]:
    """The console behind uvicorn on a free port; its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            console.app, log_level="error", access_log=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 (uvicorn offers nothing to wait for)
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:  # a test that fails must not wait for it for ever
            server.should_exit = True
            await task


def command(redis: RedisServer, state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of whoever runs the service, with a Redis of their own."""
    environ = {
        "PATH": "/usr/bin:/bin",
        "NORTHLIGHT_MASTER_KEY": "22" * 32,
        "NORTHLIGHT_STATE_DIR": str(state),
        "NORTHLIGHT_REDIS_URL": redis.url,
    }
    return subprocess.run(
        [sys.executable, "-m", "bot", *words], cwd=ROOT, env=environ, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
