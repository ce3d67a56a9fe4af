"""The audit trail of what changes nothing: reads, searches, denials. Many at one moment cost one transaction."""

from __future__ import annotations

from datetime import datetime

from service import clock
from service.change import Change, Resource
from service.store.commit import prepare
from service.store.records import Records


class AuditTrail:
    """Writes AuditEvents into the ledger through the records' own group commit."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def note(self, event: Resource, *, at: datetime | None = None, custodian: str = "") -> None:
        """Returns when the event (an AuditEvent without id) is durable: no record, no release. `custodian` is the
        organisation whose record was looked at. Raises Refused UNAVAILABLE when it cannot be written."""
        change = Change(at=at or clock.now(), audits=(event,))
        await self._records.submit(prepare(change, self._records.projector, custodian))
