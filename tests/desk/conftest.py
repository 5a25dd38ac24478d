"""One Chromium for all tests here, and the whole service for the shift."""

from collections.abc import Iterator

import pytest

from tests.desk.house import House, opened
from tests.journeys.conftest import browser, stack

__all__ = ["browser", "stack"]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Consoles and a web door, nothing in them yet."""
    with opened() as running:
        yield running
