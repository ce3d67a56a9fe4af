"""The only sources of time and randomness. Callers write `clock.now()`, so that a test can replace the functions of this
module."""

from __future__ import annotations

import secrets
import time
import uuid
from datetime import UTC, datetime

_EVEN = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the latter stands still while a machine sleeps


def now() -> datetime:
    """The present instant in UTC, cut to the millisecond, which is the resolution of instants in BSON."""
    instant = datetime.now(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def new_id() -> str:
    """A new, unguessable FHIR id."""
    return str(uuid.uuid4())


def new_secret() -> str:
    """256 random bits as URL-safe text, for tokens and codes."""
    return secrets.token_urlsafe(32)


def elapsed() -> float:
    """Seconds that go on evenly, whatever is done to the clock and while the machine sleeps: for pauses and limits, and for
    nothing that is kept."""
    return time.clock_gettime(_EVEN)
