"""Structured logging: JSON lines with level, time and context."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TextIO


@lru_cache
def logger(stream: TextIO) -> Any:
    """A structlog logger that writes JSON lines to ``stream``."""
    import structlog

    return structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
    )
