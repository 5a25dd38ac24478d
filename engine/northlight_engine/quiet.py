"""Logging of the engine: levels as asked for, and never a word of what a person wrote."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from typing import Any

import structlog

#: Rasa's structured events hold texts, slots and whole conversations. Only these fields pass.
_PASSED_FIELDS = ("event", "level", "timestamp")
#: Libraries whose debug lines may hold a request, an address or a query.
_LIBRARIES = ("asyncio", "aiohttp", "apscheduler", "rasa", "redis", "sanic", "urllib3")


def keep_quiet() -> None:
    """Configure logging for this process; NORTHLIGHT_ENGINE_LOG names the level (INFO)."""
    level = logging.getLevelName(os.environ.get("NORTHLIGHT_ENGINE_LOG", "INFO").upper())
    level = level if isinstance(level, int) else logging.INFO
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s %(message)s", level=level, stream=sys.stderr
    )
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.getLogger("sanic.access").disabled = True
    logging.getLogger("sanic.error").addFilter(_without_traces)
    structlog.configure(
        processors=[structlog.processors.add_log_level, _drop_contents, _to_stderr],
        wrapper_class=structlog.make_filtering_bound_logger(max(level, logging.WARNING)),
    )
    import sanic.app  # noqa: F401 - asks for every deprecation when imported: ours comes after

    # Rasa's libraries are old and pinned on purpose.
    warnings.simplefilter("ignore")


def _without_traces(record: logging.LogRecord) -> bool:
    """Keep the kind of an error: its words and its trace quote what a stranger sent."""
    if record.exc_info and record.exc_info[0]:
        kind = record.exc_info[0].__name__
        record.msg, record.args = f"{str(record.msg).partition(':')[0]} error={kind}", None
        record.exc_info = None
    return True


def _drop_contents(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name in _PASSED_FIELDS}


def _to_stderr(_: Any, __: str, event: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in event.items())
