"""The running service, for properties of its answers."""

from __future__ import annotations

from tests.api.conftest import locality, service

__all__ = ["locality", "service"]
