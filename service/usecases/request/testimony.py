"""What the service records with each version of a Consent, beside the Consent's own content (consent rules, section 2.8): whether
the agency that recorded it had standing then, and who else stands for it; and of everything that a person says, who said it (L1).

The marks are search tokens of the row, so that no writer can claim one and no later change of a relationship moves one.

| mark | when |
|---|---|
| `recorder=standing` | the recorder kept the person's record, or had a legitimate relationship with the person, at that instant |
| `said-by=[user]` | the person, or who may act for the person, said it signed in |
| `verified-by=[who]` | another agency with standing, or the person signed in, verified it with the person |

The words of `said-by` and `verified-by` stand as long as the content stands and the Consent is not made active again.
"""

from __future__ import annotations

from collections.abc import Collection

from service.auth.caller import Caller
from service.change import Resource
from service.fhir.canonical import OBSERVATION_VALUE
from service.fhir.coding import codes_in
from service.store.records import Row

STANDING = "recorder=standing"
SAID = "said-by="
VERIFIED = "verified-by="
BOOKKEEPING = frozenset({"meta", "text"})
REPORTED = "PATRPT"
"""The label of v3-ObservationValue for what a patient reported."""
SPOKEN = frozenset({"Consent", "Communication", "QuestionnaireResponse", "Observation"})
"""The types of which it is recorded who said them."""


def stands(consent: Row) -> bool:
    """Whether the recorder had standing, so that the Consent says something of the person's records."""
    return STANDING in consent.index.keys


def confirmed(marks: Collection[str]) -> bool:
    """Whether somebody other than the recorder's agency stands for what the Consent says."""
    return any(mark.startswith((SAID, VERIFIED)) for mark in marks)


def said_by(row: Row) -> str:
    """The person who said this signed in; empty for what an agency recorded."""
    return next((mark.removeprefix(SAID) for mark in row.index.keys if mark.startswith(SAID)), "")


def witnesses(before: Row | None, after: Resource, caller: Caller) -> tuple[str, ...]:
    """The marks `said-by` and `verified-by` of a new version that this caller writes."""
    if before is not None and same(before.resource, after) and not _revived(before.resource, after):
        return _kept(before)
    if caller.personal and (before is None or said_by(before)):
        return (f"{SAID}{caller.user}",) if reported(after) else ()
    if caller.personal:
        return (f"{VERIFIED}{caller.user}",)
    if before is not None and before.custodian != caller.organization:
        return (f"{VERIFIED}{caller.organization}",)
    return ()


def reported(resource: Resource) -> bool:
    """Whether a resource is marked as reported by a patient: what a person's app writes is, what the service adds is not."""
    return REPORTED in codes_in(resource.get("meta", {}).get("security"), OBSERVATION_VALUE)


def same(before: Resource, after: Resource, *apart: str) -> bool:
    """Whether two versions say the same, but for their bookkeeping and the members `apart`. A Consent's status is bookkeeping:
    that it ends changes nothing of what was said."""
    beside = BOOKKEEPING | {*apart, *(("status",) if after.get("resourceType") == "Consent" else ())}
    return all(before.get(name) == after.get(name) for name in {*before, *after} - beside)


def _kept(before: Row) -> tuple[str, ...]:
    return tuple(mark for mark in before.index.keys if mark.startswith((SAID, VERIFIED)))


def _revived(before: Resource, after: Resource) -> bool:
    return after.get("resourceType") == "Consent" and after.get("status") == "active" != before.get("status")
