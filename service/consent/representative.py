"""Who may act for a person: a RelatedPerson whose tie the person's own agency keeps, in a role that law recognises.

R4's RelatedPerson has no verification of its own. It counts as verified when the agency that keeps the person's record keeps it
too, and as entitled in one of the v3-RoleCode roles below: kinship alone entitles to nothing.
"""

from __future__ import annotations

from datetime import datetime

from service.change import Resource
from service.consent.period import LONDON, holds, millis, span
from service.fhir.resource import codings

ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
ENTITLED = frozenset({"GUARD", "HPOWATT", "POWATT", "DPOWATT", "SPOWATT"})
"""Guardian and powers of attorney: healthcare, general, durable, special."""


def entitled(related: Resource, at: datetime, zone: str = LONDON) -> bool:
    """Whether a RelatedPerson may act for its patient at an instant. `zone` reads dates without an offset."""
    if related.get("active") is False:
        return False
    if "period" in related:
        period = span(related["period"], zone)
        if period is None or not holds(period, millis(at)):
            return False
    return any(system == ROLE_CODE and code in ENTITLED for system, code in codings(related.get("relationship")))
