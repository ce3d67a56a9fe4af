"""Resources that the care rules make themselves: one seam, then Tasks, Communications and Provenances."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from service.care.codes import BASE, TASK_CODE, concept
from service.care.period import written
from service.change import Resource
from service.fhir.models import literal


def make(type_: str, **members: object) -> Resource:
    """A FHIR resource as the typed model would make it, from its members; absent ones are None, `for_` is `for`."""
    return literal(type_, **members)


def ref(reference: str) -> Resource | None:
    """A Reference element, or None for ''."""
    return {"reference": reference} if reference else None


def errand(
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
) -> Resource:
    """A Task that the service makes: code from `task-code`, status `requested`, due by `restriction.period.end`."""
    return make(
        "Task",
        id=id_,
        groupIdentifier=conversation,
        partOf=[ref(part_of)] if part_of else None,
        status="requested",
        intent="order",
        priority=priority or None,
        code=concept(TASK_CODE, code),
        description=text or None,
        focus=ref(focus),
        for_=ref(patient),
        authoredOn=written(at),
        lastModified=written(at),
        requester=ref(requester),
        owner=ref(owner),
        restriction={"period": {"start": written(at), "end": written(due)}} if due else None,
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
        category=[concept(f"{BASE}/CodeSystem/communication-category", topic)],
        subject=ref(patient),
        about=[ref(about)],
        sent=written(at),
        recipient=[ref(one) for one in recipients],
        sender=ref(sender),
        payload=[{"contentString": text}],
    )


def provenance(
    id_: str, *, targets: Iterable[str], at: datetime, who: str, agency: str, activity: str, entity: str = ""
) -> Resource:
    """A Provenance: `who` for `agency` did `activity` (our `provenance-activity` code) because of `entity`."""
    role = concept("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author")
    agent = {"type": role, "who": ref(who or agency), **({"onBehalfOf": ref(agency)} if who else {})}
    return make(
        "Provenance",
        id=id_,
        target=[ref(one) for one in targets],
        recorded=written(at),
        activity=concept(f"{BASE}/CodeSystem/provenance-activity", activity),
        agent=[agent],
        entity=[{"role": "source", "what": ref(entity)}] if entity else None,
    )
