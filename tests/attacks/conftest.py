"""The locality over HTTP, as the API tests have it."""

from __future__ import annotations

from tests.api.conftest import locality, service

__all__ = ["locality", "service"]
