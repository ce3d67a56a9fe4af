"""Who may act for a person: a RelatedPerson whose tie the person's own agency keeps, in a role that law recognises.

R4's RelatedPerson has no verification of its own. A RelatedPerson counts as verified when the agency that keeps the person's
record keeps the RelatedPerson too, and as entitled in one of the v3-RoleCode roles below: kinship alone entitles to nothing.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

from service.change import Resource
from service.fhir.canonical import ROLE_CODE
from service.fhir.coding import codes_in
from service.fhir.date import LOCAL, contains

ENTITLED = frozenset({"GUARD", "HPOWATT", "POWATT", "DPOWATT", "SPOWATT"})
"""The entitled roles: guardian, and powers of attorney (healthcare, general, durable, special)."""


def entitled(related: Resource, at: datetime, zone: tzinfo = LOCAL) -> bool:
    """Whether a RelatedPerson may act for its patient at an instant. Dates without an offset are local to `zone`."""
    if related.get("active") is False or not contains(related.get("period"), at, zone):
        return False
    return not ENTITLED.isdisjoint(codes_in(related.get("relationship"), ROLE_CODE))
