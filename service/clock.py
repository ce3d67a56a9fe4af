"""The only sources of time and chance. Call them as `clock.now()`, so that a test can stand in for the module's names."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, UTC, to the millisecond: the resolution of FHIR instants in BSON."""
    instant = datetime.now(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def new_id() -> str:
    """A fresh, unguessable FHIR id."""
    return str(uuid.uuid4())


def new_secret() -> str:
    """256 bits of chance in URL-safe text, for tokens and codes."""
    return secrets.token_urlsafe(32)
