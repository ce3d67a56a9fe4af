"""Who can lead a plan (OWN-1, OWN-10): an active PractitionerRole whose Practitioner and Organization exist and are active.

R4 takes a Practitioner or an Organization for active unless it says otherwise; a PractitionerRole that leads has to say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from service.change import Resource
from service.fhir.date import contains
from service.fhir.reference import link

ENTRIES = frozenset({"PractitionerRole", "Practitioner", "Organization"})
"""The types of the directory entries that a lead consists of."""


@dataclass(frozen=True, slots=True)
class Lead:
    """A PractitionerRole with the Practitioner and the Organization that it names; each is None where it is not known here."""

    role: Resource | None = None
    practitioner: Resource | None = None
    organization: Resource | None = None


def lead_fault(lead: Lead, at: datetime, zone: tzinfo) -> str:
    """Why a Lead cannot lead a plan at `at` (OWN-1, OWN-10), or ''. Dates of the role's period are local to `zone`."""
    if fault := role_fault(lead.role, at, zone):
        return fault
    named = {"Practitioner": lead.practitioner, "Organization": lead.organization}
    absent = [kind for kind, entry in named.items() if (entry or {}).get("resourceType") != kind]
    if absent:
        return f"the {' and the '.join(absent)} that the PractitionerRole names is not known here"
    ended = [kind for kind, entry in named.items() if entry and entry.get("active") is False]
    return f"the {' and the '.join(ended)} of the PractitionerRole is not active" if ended else ""


def role_fault(role: Resource | None, at: datetime, zone: tzinfo) -> str:
    """Why a PractitionerRole cannot lead at `at` (OWN-1), or ''. Dates of its period are local to `zone`."""
    if role is None or role.get("resourceType") != "PractitionerRole":
        return "it is not a PractitionerRole that this service knows"
    if role.get("active") is not True:
        return "the PractitionerRole is not active"
    missing = [name for name in ("practitioner", "organization") if not link(role, name)]
    if missing:
        return f"the PractitionerRole names no {' and no '.join(missing)}"
    if not contains(role.get("period"), at, zone):
        return "the PractitionerRole's period does not cover this instant"
    return ""


def proposal_fault(lead: Lead, receiver: str, at: datetime, zone: tzinfo) -> str:
    """Why a Lead cannot be proposed to lead at the agency `receiver` (TRI-1), or ''."""
    if lead.role is None:
        return "it is not known here"
    fault = lead_fault(lead, at, zone)
    return fault or ("" if organization_of(lead.role) == receiver else "it is of another agency than the receiver")


def organization_of(role: Resource) -> str:
    """The Organization reference of a PractitionerRole, or ''."""
    return link(role, "organization")


def changing(role: str) -> str:
    """The name of the counter that is raised whenever something changes about whether a role, by reference, can lead."""
    return f"lead:{role}"


def leading(role: str) -> str:
    """The name of the counter that is raised whenever a plan takes a role, by reference, as its lead."""
    return f"led:{role}"
