"""Which record tells of a contact in a crisis (GOV-10): an emergency Encounter of a person, or a Communication of that kind of
event."""

from __future__ import annotations

from service.change import Resource
from service.fhir.canonical import ACT_CODE, EVENT_KIND
from service.fhir.coding import codes_in

_NEVER = frozenset({"planned", "cancelled", "entered-in-error", "not-done", "preparation"})


def is_contact(record: Resource | None) -> bool:
    """Whether a record tells of a contact in a crisis that took place."""
    if record is None or record.get("status") in _NEVER:
        return False
    if record["resourceType"] == "Encounter":
        return "EMER" in codes_in(record.get("class"), ACT_CODE)
    return "crisis-event" in codes_in(record.get("category"), EVENT_KIND)
