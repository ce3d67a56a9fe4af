"""The running service, for properties of its answers."""

from __future__ import annotations

from tests.api.conftest import service

__all__ = ["service"]
