"""The parties of a handover, the instants it is due at, and what is audited and told of it."""

from __future__ import annotations

from datetime import UTC, datetime

from service.care.task.situation import AuditFact
from service.change import Notice

NOW = "2026-10-23T14:30:00.000Z"
TRUST, HOUSING = "Organization/trust", "Organization/housing"
ANN, HAL = "PractitionerRole/ann", "PractitionerRole/hal"
MONDAY = datetime(2026, 10, 26, 15, 30, tzinfo=UTC)
"""One working day after Friday, 15:30 in London's summer, is 15:30 on Monday in its winter."""
TUESDAY = datetime(2026, 10, 27, 15, 30, tzinfo=UTC)
ACCEPT_BY = datetime(2026, 10, 27, 12, tzinfo=UTC)


def fact(event: str, *, action: str = "U", agency: str = TRUST, user: str = ANN, detail: str = "") -> AuditFact:
    return AuditFact(action, event, agency, user, "Patient/p", ("Task/h",), detail)


def told(recipient: str, topic: str = "handover-task", focus: str = "Task/h") -> Notice:
    return Notice(topic, recipient, focus, "Patient/p")
