"""Messages to operators on standard error: structured log lines."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Logs JSON lines of this level and above to standard error. The lines hold ids and codes, never the content of a record."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # looked up for every line, because stderr may be redirected
    )
