"""Bad input goes through the core on a real Redis, with the engine away."""

from collections.abc import Iterator

import pytest

from tests.fuzz.messages import BUTTONS, MESSAGES, STALE, TEXTS
from tests.fuzz.table import Table
from tests.redis_server import RedisServer


@pytest.fixture(scope="package")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def table(redis_server: RedisServer) -> Iterator[Table]:
    with Table(redis_server.url) as table:
        yield table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says at the end what was tried, so that a run can be repeated."""
    terminalreporter.write_line(
        f"bad input by hand: {len(TEXTS)} texts, {len(BUTTONS)} forged, {len(STALE)} stale "
        f"buttons; NORTHLIGHT_FUZZ={MESSAGES} generated messages, the same every time"
    )
