"""Logging for every process: events, opaque ids, counts, timings; never what anybody wrote.

Our own lines name an event and say kinds and numbers. Lines of libraries are kept to their fixed
words (what they fill in may be a message, an address or a token), and an exception is told as its
kind and place: its own words may quote a person.
"""

import errno
import logging
import re
import sys
import threading
from pathlib import Path
from types import TracebackType

import structlog

#: Libraries whose INFO or DEBUG lines carry tokens, addresses or bodies.
_QUIET = ("httpx", "httpcore", "telegram", "uvicorn.access", "asyncio", "websockets", "multipart")
_WARNED = re.compile(r".*?([^/\\]+:\d+: \w+)")


def configure(level: str) -> None:
    """Sets up logging to standard error at `level`; libraries stay quiet at every level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FixedWords())
    # No library line below WARNING at any level: nobody can know what all of them write there.
    quiet = max(logging.getLevelNamesMapping()[level], logging.WARNING)
    logging.basicConfig(level=quiet, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Its warnings show bytes of what was sent.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    logging.captureWarnings(True)
    sys.excepthook = _at_the_end
    sys.unraisablehook = lambda found: _say("unraisable", found.exc_value, found.exc_type)
    threading.excepthook = lambda found: _say("thread_ended", found.exc_value, found.exc_type)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


class FixedWords(logging.Formatter):
    """A library's line without what it filled in, and an exception without its own words."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for one record."""
        # The first line of a plain text only: asyncio puts representations of tasks below it.
        words = record.msg.partition("\n")[0] if isinstance(record.msg, str) else ""
        if record.name == "py.warnings":  # already filled in: place and kind are enough
            place = _WARNED.match(words)
            words = place[1] if place else ""
        said = record.msg if isinstance(record.msg, BaseException) else None
        error = record.exc_info[1] if record.exc_info else said
        kind = describe(error) if error else ""
        return " ".join(part for part in (record.levelname, record.name, words, kind) if part)


def describe(error: BaseException) -> str:
    """Kind and place of an exception, for a log line."""
    if isinstance(error, BaseExceptionGroup):
        inside = ", ".join(describe(one) for one in error.exceptions[:3])
        return f"{type(error).__name__}({inside})"
    kind = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        kind += f" {errno.errorcode.get(error.errno, error.errno)}"
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return kind
    code = place.tb_frame.f_code
    return f"{kind} in {Path(code.co_filename).name}:{place.tb_lineno} {code.co_name}"


def _at_the_end(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    _say("process_ended", error, kind)


def _say(what: str, error: BaseException | None, kind: type[BaseException]) -> None:
    print(f"ERROR {what} {describe(error) if error else kind.__name__}", file=sys.stderr)
