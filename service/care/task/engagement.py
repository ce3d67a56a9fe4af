"""Non-engagement: what it ends and what it does not (DNA-1), and which attempts to reach a person count (EQU-2, E11).

Where the reason of an end is read: Task has `statusReason`. R4 gives no such element to ServiceRequest, EpisodeOfCare and
CarePlan. There it is the extension `status-reason` of ours, or HL7's `request-statusReason` of a ServiceRequest. What the ending
write newly says as ServiceRequest.reasonCode or CarePlan.activity.detail.statusReason is read as a reason of the end, too; what
stood there before is why the service was asked for, or how one activity ended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from service.care.task.dataset import blank
from service.care.task.requirements import Issues, issue
from service.change import Resource
from service.fhir.canonical import COMMUNICATION_CATEGORY, REQUEST_STATUS_REASON, STATUS_REASON, STATUS_REASON_EXTENSION
from service.fhir.coding import codes_in, codings

Codes = frozenset[tuple[str, str]]
NON_ENGAGEMENT = frozenset((STATUS_REASON, code) for code in ("did-not-attend", "not-engaging", "not-reached"))
ENDS: Mapping[str, frozenset[str]] = {
    "Task": frozenset(("rejected", "failed")),
    "ServiceRequest": frozenset(("revoked",)),
    "EpisodeOfCare": frozenset(("finished", "cancelled")),
    "CarePlan": frozenset(("completed", "revoked")),
}
"""The statuses by which a record of each type ends without the person."""
_EXTENSIONS = (STATUS_REASON_EXTENSION, REQUEST_STATUS_REASON)


def not_by_itself(before: Resource | None, after: Resource) -> Issues:
    """DNA-1: that a person did not attend, engage or answer is never by itself a reason to reject, close or discharge. Beside
    another coded reason it may be given; words alone are not read."""
    kind = str(after.get("resourceType", ""))
    if after.get("status") not in ENDS.get(kind, ()):
        return ()
    standing, new = _standing(after), _written(after) - _written(before or {})
    if before is not None and before.get("status") == after.get("status") and standing == _standing(before) and not new:
        return ()
    said = standing | new
    if not said or not said <= NON_ENGAGEMENT:
        return ()
    text = (
        f"Non-attendance or non-engagement alone ends no `{kind}`: record each attempt as a Communication `contact-attempt`, so"
        " that `welfare-check` and `safeguarding-consideration` are asked for (E11), or code the other reason beside it."
    )
    return (issue(text, f"{kind}.{'statusReason' if kind == 'Task' else 'status'}", "DNA-1"),)


def counts_as_failed_attempt(communication: Resource, preferred: Collection[tuple[str, str]]) -> bool:
    """Whether a Communication counts towards the failed attempts to reach a person (E11). An attempt is a `contact-attempt` that
    is `not-done`; a `completed` one is a contact. EQU-2: of a person with a preferred medium, as system and code, an attempt by
    another one counts only with the reason for the other way, as `reasonCode`."""
    if "contact-attempt" not in codes_in(communication.get("category"), COMMUNICATION_CATEGORY):
        return False
    if communication.get("status") != "not-done":
        return False
    if not preferred or not set(preferred).isdisjoint(codings(communication.get("medium"))):
        return True
    return _explained(communication.get("reasonCode"))


def _explained(reasons: object) -> bool:
    if any(True for _ in codings(reasons)):
        return True
    listed = reasons if isinstance(reasons, list) else []
    return any(isinstance(each, dict) and not blank(str(each.get("text", ""))) for each in listed)


def _standing(resource: Resource) -> Codes:
    """The reasons that a record states for the status that it has."""
    said = [each.get("valueCodeableConcept") for each in resource.get("extension", ()) if each.get("url") in _EXTENSIONS]
    return frozenset(codings([resource.get("statusReason"), *said]))


def _written(resource: Resource) -> Codes:
    """The reasons that are those of the end only when the ending write adds them."""
    if resource.get("resourceType") == "ServiceRequest":
        return frozenset(codings(resource.get("reasonCode")))
    details = [each.get("detail") or {} for each in resource.get("activity", ())]
    return frozenset(codings([each.get("statusReason") for each in details]))
