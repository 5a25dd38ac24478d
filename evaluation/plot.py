"""The plot beside the report: what is understood and what is raised wrongly."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

from evaluation import figures
from evaluation.measure import Found


def draw(found: Sequence[Found], path: Path) -> None:
    """Writes an SVG: macro-F1 and danger raised above, false alarms below."""
    codes = sorted({one.line.language for one in found})
    of = {code: [one for one in found if one.line.language == code] for code in codes}
    # The same picture from the same figures: no random ids, no date.
    with matplotlib.rc_context({"svg.hashsalt": "northlight", "font.size": 9}):
        figure, (above, below) = pyplot.subplots(
            2, 1, figsize=(10, 5), sharex=True, height_ratios=(3, 1), layout="constrained"
        )
        above.bar(codes, [figures.macro_f1(of[code]) for code in codes], label="macro-F1")
        danger = [figures.recalled(of[code], "report_danger") for code in codes]
        above.plot(codes, danger, "o", color="black", label="danger raised")
        above.axhline(0.85, linestyle=":", color="grey")
        above.set_ylim(0.5, 1.02)
        above.legend(loc="lower right", ncols=2)
        below.bar(codes, [figures.false_alarms(of[code]) for code in codes], color="tab:orange")
        below.axhline(0.04, linestyle=":", color="grey")
        below.set_ylabel("raised wrongly")
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)
