"""What was measured, each figure of ours beside the peer's, and the table that shows it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True)
class Figure:
    """One line of the table; `tries` is how often it was measured, ours and the peer's."""

    what: str
    unit: str
    ours: float
    peer: float
    tries: tuple[int, int]
    more_is_better: bool = False


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of all do not exceed; of few values, the nearest there is."""
    if len(values) < 2:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def percentiles(what: str, unit: str, ours: list[float], peer: list[float]) -> list[Figure]:
    """p50, p95 and p99 as three figures."""
    tries = (len(ours), len(peer))
    return [
        Figure(f"{what}, p{p}", unit, percentile(ours, p), percentile(peer, p), tries)
        for p in (50, 95, 99)
    ]


def table(title: str, figures: Sequence[Figure], peer: str = "stock Rasa") -> str:
    """A table for people, in monospaced text."""
    head = ("", "unit", "Northlight", peer, "ours/peer", "better", "tries")
    rows = [
        (
            f.what, f.unit, _number(f.ours), _number(f.peer),
            f"{f.ours / f.peer:.2g}" if f.peer else "-",
            "more" if f.more_is_better else "less", f"{f.tries[0]}/{f.tries[1]}",
        )
        for f in figures
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [title]
    for row in (head, *rows):
        left = "  ".join(cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False))
        right = "  ".join(
            cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)
        )
        lines.append(f"  {left}  {right}".rstrip())
    return "\n".join(lines)


def progress(text: str) -> None:
    """Tells what is being done, apart from the report."""
    print(f"... {text}", file=sys.stderr, flush=True)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
