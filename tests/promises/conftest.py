"""The promises of the design, tried under faults: `make promises` (NORTHLIGHT_PROMISES=short|full).

Each test hands its figures to `promise`; the run ends with one table of all of them.
"""

import os
from collections.abc import Callable
from typing import Protocol

import pytest

_COLUMNS = ("promise", "what", "tries", "failures", "note")
_PROPERTY = "promise"


class Promise(Protocol):
    """Notes one line of the table, and fails the test when there were failures."""

    def __call__(
        self, number: str, what: str, tries: int, failures: int, note: str = ""
    ) -> None: ...


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether to try at the full sizes; the short ones take under 90 seconds a module."""
    size = os.environ.get("NORTHLIGHT_PROMISES", "short")
    assert size in ("short", "full"), "NORTHLIGHT_PROMISES must be short or full"
    return size == "full"


@pytest.fixture(scope="session")
def seed() -> int:
    """What every random choice comes from; NORTHLIGHT_PROMISES_SEED repeats a run."""
    chosen = int(os.environ.get("NORTHLIGHT_PROMISES_SEED", "7"))
    print(f"NORTHLIGHT_PROMISES_SEED={chosen}")
    return chosen


@pytest.fixture
def promise(record_property: Callable[[str, object], None]) -> Promise:
    """`promise(number="P1", what="...", tries=1000, failures=0, note="seed 7")`."""

    def note_down(number: str, what: str, tries: int, failures: int, note: str = "") -> None:
        record_property(_PROPERTY, (number, what, tries, failures, note))
        assert tries > 0, f"{number} {what}: nothing was tried"
        assert failures == 0, f"{number} {what}: {failures} of {tries} failed ({note})"

    return note_down


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
    for row in table:
        cells = [cell.rjust(width) if column in (2, 3) else cell.ljust(width)
                 for column, (cell, width) in enumerate(zip(row, wide, strict=True))]  # fmt: skip
        terminalreporter.write_line("  ".join(cells).rstrip())
