"""Bad input goes through the core on a real Redis, with the engine away."""

from collections.abc import Iterator

import pytest

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
