"""Which of our profiles apply by themselves: the record says so by its code or category."""

from __future__ import annotations

from typing import NamedTuple

from service.change import Resource
from service.fhir.canonical import (
    CARE_COORDINATOR,
    CARE_PLAN,
    CRISIS_PLAN,
    DISCLOSURE_CATEGORY,
    SNOMED,
    TASK_CODE,
    structure,
)
from service.fhir.coding import codes_in, codings


class ProfileRow(NamedTuple):
    """A record of `type` whose `member` holds the code, in a `status` where any is named, gets the profile."""

    type: str
    member: str
    system: str
    code: str
    profile: str
    status: frozenset[str] = frozenset()


TABLE = (
    # An active top-level plan has an owner (OWN-1); drafts and finished plans from elsewhere are kept as they come (OWN-7).
    ProfileRow("CarePlan", "category", SNOMED, CARE_PLAN, "baton-care-plan", frozenset({"active"})),
    # A crisis plan is agreed from its first draft on (E9).
    ProfileRow("CarePlan", "category", SNOMED, CRISIS_PLAN, "baton-crisis-plan"),
    # The team whose care coordinator is the owner (OWN-2).
    ProfileRow("CareTeam", "participant.role", SNOMED, CARE_COORDINATOR, "baton-care-team", frozenset({"active"})),
    # Any code of our disclosure categories makes a Communication a disclosure record (DIS).
    ProfileRow("Communication", "category", DISCLOSURE_CATEGORY, "", "baton-disclosure"),
)
"""Consent is not here: official Consents must load and be flagged (consent rules §6); `baton-consent` applies by meta.profile."""


def applied(resource: Resource) -> tuple[str, ...]:
    """Canonicals of the profiles that apply to the resource whether or not it names them, where they are published.

    A Task of ours has the profile of its code, `baton-<code>-task`; a code that needs none has none.
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
