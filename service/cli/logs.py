"""What is said to operators: structured lines on standard error, and one line when a command fails."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str) -> None:
    """JSON lines on standard error, of this level and above. Lines hold ids and codes, never what a record says."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # as it is when a line is written: it may be redirected
    )


def complain(text: str) -> None:
    """One line on standard error."""
    print(f"baton: {' '.join(text.split())}", file=sys.stderr, flush=True)
