"""The resources that the care rules make: `make` for any type, and functions for Tasks, Communications and Provenances."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from service.change import Resource
from service.fhir.canonical import COMMUNICATION_CATEGORY, PROVENANCE_ACTIVITY, PROVENANCE_PARTICIPANT, TASK_CODE
from service.fhir.coding import concept
from service.fhir.date import written
from service.fhir.models import literal
from service.fhir.reference import reference_to, references_to


def make(type_: str, **members: object) -> Resource:
    """A FHIR resource as the typed model would make it, from its members; a member of None is left out, `for_` is `for`."""
    return literal(type_, **members)


def task_of(
    id_: str,
    code: str,
    *,
    requester: str,
    owner: str,
    patient: str,
    at: datetime,
    focus: str = "",
    part_of: str = "",
    due: datetime | None = None,
    text: str = "",
    conversation: object = None,
    priority: str = "",
    inputs: Iterable[Resource] = (),
) -> Resource:
    """A Task that the service makes: code from `task-code`, status `requested`, due by `restriction.period.end`."""
    return make(
        "Task",
        id=id_,
        groupIdentifier=conversation,
        partOf=[reference_to(part_of)] if part_of else None,
        status="requested",
        intent="order",
        priority=priority or None,
        code=concept(TASK_CODE, code),
        description=text or None,
        focus=reference_to(focus),
        for_=reference_to(patient) if patient else None,
        authoredOn=written(at),
        lastModified=written(at),
        requester=reference_to(requester),
        owner=reference_to(owner),
        restriction={"period": {"start": written(at), "end": written(due)}} if due else None,
        input=[*inputs] or None,
    )


def communication(
    id_: str,
    topic: str,
    *,
    sender: str,
    recipients: Iterable[str],
    patient: str,
    about: str,
    at: datetime,
    text: str,
) -> Resource:
    """A Communication that was sent at `at`; its payload text holds no patient data."""
    return make(
        "Communication",
        id=id_,
        status="completed",
        category=[concept(COMMUNICATION_CATEGORY, topic)],
        subject=reference_to(patient),
        about=[reference_to(about)],
        sent=written(at),
        recipient=references_to(recipients),
        sender=reference_to(sender),
        payload=[{"contentString": text}],
    )


def provenance(
    id_: str, *, targets: Iterable[str], at: datetime, who: str, agency: str, activity: str, entity: str = ""
) -> Resource:
    """A Provenance: `who` for `agency` did `activity` (our `provenance-activity` code) because of `entity`."""
    role = concept(PROVENANCE_PARTICIPANT, "author")
    agent = {"type": role, "who": reference_to(who or agency), **({"onBehalfOf": reference_to(agency)} if who else {})}
    return make(
        "Provenance",
        id=id_,
        target=references_to(targets),
        recorded=written(at),
        activity=concept(PROVENANCE_ACTIVITY, activity),
        agent=[agent],
        entity=[{"role": "source", "what": reference_to(entity)}] if entity else None,
    )
