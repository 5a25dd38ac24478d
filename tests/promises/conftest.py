"""The promises of the design, tried under faults: `make promises` (NORTHLIGHT_PROMISES=short|full).

Each test hands its figures to `promise`; the run ends with one table of all of them.
"""

import os
from collections.abc import Callable

import pytest

_COLUMNS = ("promise", "what", "tries", "failures", "note")
_PROPERTY = "promise"


class Promise:
    """`promise(number="P1", what="...", tries=1000, failures=0, note="seed 7")`: one line."""

    def __init__(self, record: Callable[[str, object], None]) -> None:
        self._record = record

    def __call__(self, number: str, what: str, tries: int, failures: int, note: str = "") -> None:
        """Notes the line, and fails the test when there were failures."""
        self._record(_PROPERTY, (number, what, tries, failures, note))
        assert tries > 0, f"{number} {what}: nothing was tried"
        assert failures == 0, f"{number} {what}: {failures} of {tries} failed ({note})"

    def not_run(self, number: str, what: str, why: str) -> None:
        """Notes that this machine cannot show it; a line that nobody takes for a pass."""
        self._record(_PROPERTY, (number, what, "not run", "-", why))


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether to try at the full sizes; the short ones take under 90 seconds a module."""
    return _size() == "full"


@pytest.fixture(scope="session")
def seed() -> int:
    """What every random choice comes from; NORTHLIGHT_PROMISES_SEED repeats a run."""
    return _seed()


@pytest.fixture
def promise(record_property: Callable[[str, object], None]) -> Promise:
    """Takes the figures of a test to the table."""
    return Promise(record_property)


def _size() -> str:
    size = os.environ.get("NORTHLIGHT_PROMISES", "short")
    assert size in ("short", "full"), "NORTHLIGHT_PROMISES must be short or full"
    return size


def _seed() -> int:
    return int(os.environ.get("NORTHLIGHT_PROMISES_SEED", "7"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the table, also of a run that failed."""
    rows = [
        tuple(str(cell) for cell in value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == _PROPERTY
    ]
    if not rows:
        return
    rows.sort(key=lambda row: (len(row[0]), row[0]))  # P10 after P9
    table = [_COLUMNS, *rows]
    wide = [max(len(row[column]) for row in table) for column in range(len(_COLUMNS))]
    terminalreporter.section("promises")
    terminalreporter.write_line(f"NORTHLIGHT_PROMISES={_size()} NORTHLIGHT_PROMISES_SEED={_seed()}")
    for row in table:
        cells = [cell.rjust(width) if column in (2, 3) else cell.ljust(width)
                 for column, (cell, width) in enumerate(zip(row, wide, strict=True))]  # fmt: skip
        terminalreporter.write_line("  ".join(cells).rstrip())
