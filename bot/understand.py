"""`python -m bot understand`: what the assistant would make of a line of text. Stores nothing."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from bot.conversation import language as detection
from bot.conversation.render import Words
from bot.dialogue.engine import understood
from bot.errors import EngineUnavailable
from bot.paths import ROOT
from bot.safety.lexicon import Lexicon
from bot.safety.screen import screen


class Parser:
    """The engine's own parser as a child process: no service has to run for this."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def intent(self, line: str) -> tuple[str, float]:
        """Intent and confidence of one line. Raises EngineUnavailable."""
        said, heard = self._process.stdin, self._process.stdout
        if said is None or heard is None:
            raise EngineUnavailable("no pipes")
        try:
            said.write(line + "\n")
            said.flush()
            answer = json.loads(heard.readline())
        except (OSError, ValueError):
            raise EngineUnavailable("the engine's parser ended") from None
        return understood(answer)


@contextmanager
def parser() -> Iterator[Parser]:
    python = ROOT / "engine" / ".venv" / "bin" / "python"
    if not python.exists():
        raise EngineUnavailable("the engine is not installed: run `make setup`")
    command = [str(python), "-m", "northlight_engine", "parse"]
    process = subprocess.Popen(  # noqa: S603 - our own program, no shell, nothing from outside
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        text=True,
        encoding="utf-8",
        env={"PYTHONPATH": str(ROOT / "engine"), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
    )
    try:
        yield Parser(process)
    finally:
        process.kill()
        process.communicate()


def explain(lines: Iterable[str], engine: Parser) -> Iterator[dict[str, Any]]:
    """One dictionary a line: language and certainty, screen hits, intent and confidence."""
    words, lexicon = Words.load(), Lexicon.load()
    for raw in lines:
        text = raw.rstrip("\r\n").encode("utf-8", "replace").decode("utf-8")
        reading = detection.update(None, text, offered=words.codes())
        found = screen(text, lexicon)
        intent, confidence = engine.intent(text)
        yield {
            "language": reading.language or reading.detected,
            "certainty": round(reading.certainty, 4),
            "asks_language": reading.language is None,
            "romanised": reading.romanised,
            "screen": found.kinds(),
            "intent": intent,
            "confidence": round(confidence, 4),
        }


def understand(lines: Iterable[str] = sys.stdin, out: IO[str] = sys.stdout) -> int:
    """Reads lines, prints one JSON object a line. Raises EngineUnavailable."""
    with parser() as engine:
        for found in explain(lines, engine):
            print(json.dumps(found, ensure_ascii=False), file=out, flush=True)
    return 0
