"""Reads recorded permissions beside consent (grants) from the Tasks that record them, so that a grant is found and ended in one
place.

- The review Task (code `override-review`) of a break-glass override is its grant: the requester is the person who overrides, the
  owner the agency whose records are opened, `reasonCode` the kind and the words, inputs of type `override-scope` the resource
  types and single records, and `restriction.period` the time in which the override holds (consent rules, section 5).
- The Task of a handover, triage, allocation, escalation or merge of plans sent under a lawful basis that needs no consent is a
  grant: while the Task is open, the receiving agency may read its focus, the dataset and the package that were sent (HOV-3).
  `direct-care` and `explicit-consent-elsewhere` do not outweigh an objection, so they are weak grants: they count only where no
  Consent permits or denies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC

from service.change import Resource
from service.consent.relationship import closed
from service.consent.request import BY_BASIS, Grant
from service.fhir.canonical import LAWFUL_BASIS, OVERRIDE_KIND, TASK_CODE, TASK_INPUT, TaskCode
from service.fhir.coding import code_in
from service.fhir.date import EARLIEST, Interval, moment, period
from service.fhir.reference import current, target

LONGEST = 4 * 3600 * 1000
"""An override lasts at most four hours (consent rules, section 5), in milliseconds."""
NEVER = Interval(0, 0)
EMERGENCY = "emergency"
"""The `override-kind` of an override that stands in for the relationship, too (IDN-8)."""
SENT = frozenset({TaskCode.HANDOVER, TaskCode.TRIAGE, TaskCode.ALLOCATION, TaskCode.ESCALATION_REVIEW, TaskCode.MERGE_PLAN})
"""Codes of the Tasks with which records are sent to their owner."""
WEAK_BASES = frozenset({"direct-care", "explicit-consent-elsewhere"})


def granted(tasks: Iterable[tuple[Resource, str, tuple[str, ...]]]) -> tuple[Grant, ...]:
    """The grants that Tasks record. Each Task comes with its custodian, to which an override belongs, and with the other
    organisations that the Task names, which a handover lets read.
    """
    return tuple(grant for task, custodian, others in tasks for grant in _grants(task, custodian, others))


def _grants(task: Resource, custodian: str, organizations: tuple[str, ...]) -> Iterator[Grant]:
    code = code_in(task.get("code"), TASK_CODE)
    if code == TaskCode.OVERRIDE_REVIEW and task.get("status") not in ("draft", "cancelled", "entered-in-error"):
        yield from _override(task, custodian)
    if code in SENT and task.get("status") != "draft" and not closed(task):
        yield from (grant for each in organizations for grant in _handed_over(task, each))


def _override(task: Resource, organization: str) -> Iterator[Grant]:
    reason = (task.get("reasonCode") or {}) if isinstance(task.get("reasonCode"), dict) else {}
    start, end = period(task.get("restriction", {}).get("period"), UTC) or NEVER
    # INVARIANT: whatever the Task says, an override without a start never holds, and an override lasts LONGEST at most.
    window = (start, min(end, start + LONGEST)) if start != EARLIEST else NEVER
    scope = _inputs(task, "override-scope")
    grant = Grant(
        kind=code_in(reason, OVERRIDE_KIND),
        organization=organization,
        ref=current(task),
        user=target(task.get("requester")),
        keeper=target(task.get("owner")),
        types=frozenset(each["valueCode"] for each in scope if "valueCode" in each),
        refs=frozenset(target(each["valueReference"]) for each in scope if "valueReference" in each),
        emergency=any(each.get("valueCode") == EMERGENCY for each in _inputs(task, "override-kind")),
        authority=str(reason.get("text", "")),
    )
    # INVARIANT: an override opens records of one agency to one person; a scope that cannot be read is not the whole record.
    if grant.user and grant.keeper and (grant.types or grant.refs or not scope):
        yield replace(grant, start=moment(window[0]), until=moment(window[1]))


def _handed_over(task: Resource, organization: str) -> Iterator[Grant]:
    given = [
        target(each["valueReference"])
        for kind in ("minimum-dataset", "package")
        for each in _inputs(task, kind)
        if "valueReference" in each
    ]
    refs = frozenset(each for each in (target(task.get("focus")), *given) if each)
    for each in _inputs(task, "sharing-authority"):
        basis = code_in(each.get("valueCodeableConcept"), LAWFUL_BASIS)
        if basis:
            words = str(each["valueCodeableConcept"].get("text", basis))
            yield Grant(BY_BASIS, organization, current(task), refs=refs, authority=words, weak=basis in WEAK_BASES)


def _inputs(task: Resource, kind: str) -> list[Resource]:
    return [each for each in task.get("input", ()) if code_in(each.get("type"), TASK_INPUT) == kind]
