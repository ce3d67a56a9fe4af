"""Which of our profiles apply to a record that does not name them: its code or category decides."""

from __future__ import annotations

from typing import NamedTuple

from service.change import Resource
from service.fhir.canonical import (
    CARE_COORDINATOR,
    CARE_PLAN,
    COMMUNICATION_CATEGORY,
    CRISIS_PLAN,
    DISCLOSURE_CATEGORY,
    REQUEST_CATEGORY,
    SERVICE_CATEGORY,
    SNOMED,
    TASK_CODE,
    structure,
)
from service.fhir.coding import codes_in, codings


class ProfileRow(NamedTuple):
    """A row of the table: a record of `type` whose `member` has the code gets the profile, if its status is among `status` or
    `status` is empty.
    """

    type: str
    member: str
    system: str
    code: str
    profile: str
    status: frozenset[str] = frozenset()


TABLE = (
    # An active top-level plan has an owner (OWN-1); drafts and finished plans from elsewhere are kept as they come (OWN-7).
    ProfileRow("CarePlan", "category", SNOMED, CARE_PLAN, "baton-care-plan", frozenset({"active"})),
    # Agencies agree to a crisis plan from its first draft on (E9).
    ProfileRow("CarePlan", "category", SNOMED, CRISIS_PLAN, "baton-crisis-plan"),
    # The team whose care coordinator is the owner (OWN-2).
    ProfileRow("CareTeam", "participant.role", SNOMED, CARE_COORDINATOR, "baton-care-team", frozenset({"active"})),
    # Any code of our disclosure categories makes a Communication a disclosure record (DIS).
    ProfileRow("Communication", "category", DISCLOSURE_CATEGORY, "", "baton-disclosure"),
    # An attempt to reach a person is told from a contact (E11).
    ProfileRow("Communication", "category", COMMUNICATION_CATEGORY, "contact-attempt", "baton-contact-attempt"),
    # An escalation asks once it is sent (E5); more contacts always have an end (E10).
    ProfileRow("ServiceRequest", "category", REQUEST_CATEGORY, "escalation", "baton-escalation", frozenset({"active"})),
    ProfileRow("ServiceRequest", "category", REQUEST_CATEGORY, "contact-plan", "baton-contact-plan"),
    # A forum says its kind, and whose it is (MTG-1).
    ProfileRow("HealthcareService", "category", SERVICE_CATEGORY, "forum", "baton-forum"),
    # A referral names one front door and one requester once it is sent; a draft is its sender's own (E4).
    ProfileRow("ServiceRequest", "category", REQUEST_CATEGORY, "referral", "baton-referral", frozenset({"active"})),
)
"""The profiles that apply by code or category. Consent has no row: official Consents must load and be flagged (consent rules §6);
`baton-consent` applies to a Consent that names it in meta.profile.
"""


def applied(resource: Resource) -> tuple[str, ...]:
    """The canonicals of the profiles that apply to a resource whether or not it names them; not every canonical is published.

    A Task with a code of ours has the profile `baton-<code>-task`, which is published for codes that need a profile.
    """
    if resource.get("resourceType") == "Task":
        return tuple(structure(f"baton-{code}-task") for code in dict.fromkeys(codes_in(resource.get("code"), TASK_CODE)))
    return tuple(structure(row.profile) for row in TABLE if _matches(row, resource))


def _matches(row: ProfileRow, resource: Resource) -> bool:
    if resource.get("resourceType") != row.type:
        return False
    status = resource.get("status")
    if row.status and not (isinstance(status, str) and status in row.status):
        return False
    return any(system == row.system and row.code in ("", code) for system, code in codings(_element(row.member, resource)))


def _element(path: str, resource: Resource) -> object:
    first, _, rest = path.partition(".")
    held = resource.get(first)
    if not rest:
        return held
    return [item.get(rest) for item in held if isinstance(item, dict)] if isinstance(held, list) else None
