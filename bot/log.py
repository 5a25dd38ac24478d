"""Logging for every process: events, opaque ids, counts, timings; never what anybody wrote."""

import logging
import sys

import structlog

#: Libraries whose INFO or DEBUG lines carry tokens, addresses or bodies.
_QUIET = ("httpx", "httpcore", "telegram", "uvicorn.access", "asyncio", "websockets", "multipart")


def configure(level: str) -> None:
    """Sets up logging to standard error at `level`, and keeps talkative libraries quiet always."""
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True
    )
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
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
