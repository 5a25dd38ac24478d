"""`make evaluate`: measures the understanding and writes docs/understanding.md with its plot."""

import argparse
import sys
from pathlib import Path

from bot.conversation.render import Words
from bot.errors import DataError, EngineUnavailable
from bot.paths import ROOT
from bot.understand import parser as engine_parser
from evaluation import conversations, plot, report, sets, stories
from evaluation.measure import measure


def main() -> int:
    """Prints the report; without --set also writes it into docs/."""
    options = argparse.ArgumentParser(prog="evaluation", description=__doc__)
    options.add_argument("--set", type=Path, default=sets.HERE, help="folder of <code>.yml files")
    options.add_argument("--wrong", metavar="CODE", help="list the misread lines of a language")
    chosen = options.parse_args()
    try:
        lines = sets.load(chosen.set)
        with engine_parser() as engine:
            found = measure(lines, engine)
            told = [] if chosen.wrong else list(stories.tell(lines))
            heard = measure([story.line for story in told], engine)
    except (DataError, EngineUnavailable) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    if chosen.wrong:
        print(report.misread(found, chosen.wrong))
        return 0
    offered = Words.load().codes()
    spoken = {
        code: conversations.speak([line for line in lines if line.language == code], code, offered)
        for code in offered
    }
    text = report.write(found, spoken, told, heard)
    print(text)
    if chosen.set == sets.HERE:
        (ROOT / "docs" / "understanding.md").write_text(text, "utf-8")
        plot.draw(found, ROOT / "docs" / "understanding.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
