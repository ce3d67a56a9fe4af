"""The decision. Placeholder of the public names while the engine lands."""

from __future__ import annotations

from service.consent.reasons import Decision, Reason, Redaction
from service.consent.request import Evidence, Grant, Request

__all__ = ["Decision", "Evidence", "Grant", "Reason", "Redaction", "Request"]
