"""Builders of data requests, for the tests of asking, approving and fetching."""

from __future__ import annotations

from typing import Any

import httpx

from service import clock
from service.care.ownership.identity import check_digit
from tests.locality import Agency, Locality, code, confirmed, nhs_number, person, stored

ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
WORDS = "A strategy meeting asked for it."
Resource = dict[str, Any]


def put(kind: str, **value: Any) -> Resource:
    """An input."""
    return {"type": code("task-input", kind), **value}


def basis(name: str = "safeguarding", text: str = WORDS) -> Resource:
    """The input of a claimed lawful basis."""
    return put("sharing-authority", valueCodeableConcept=code("lawful-basis", name, text))


def request(about: str, *more: Resource, **members: Any) -> Resource:
    """A request of the crisis team to the trust, of `types` for a `purpose`."""
    types, purpose = members.pop("types", ("Condition",)), members.pop("purpose", "TREAT")
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": code("task-code", "data-request"),
        "for": {"reference": about},
        "requester": {"reference": "PractitionerRole/crisis-lead"},
        "owner": {"reference": "Organization/trust"},
        "reasonCode": {"text": "They take part in the plan."},
        "input": [
            *(put("record-type", valueCode=kind) for kind in types),
            put("purpose", valueCoding={"system": ACT_REASON, "code": purpose}),
            *more,
        ],
        **members,
    }


def approved(task: Resource, by: str = "trust-lead", **members: Any) -> Resource:
    """The Task as who approves sends it back."""
    return {**task, "status": "completed", "owner": {"reference": f"PractitionerRole/{by}"}, **members}


def without_basis(task: Resource) -> list[Resource]:
    """Its inputs less the claimed basis."""
    return [each for each in task["input"] if each["type"] != code("task-input", "sharing-authority")]


async def settled(make: Any, *more: Resource) -> None:
    """The crisis team takes part in the person's care; the trust holds a normal and a restricted record."""
    await make.tied("crisis", "housing")
    await make.stored("trust", make.condition("plain"), make.condition("private", "R"), *more)


async def waiting(make: Any, locality: Locality, *more: Resource, **members: Any) -> Resource:
    """A request of the crisis team that waits under a claimed basis."""
    await settled(make)
    return await (await locality.agency("crisis")).created(request(make.person, *(more or (basis(),)), **members))


async def found(agency: Agency, task: Resource) -> list[str]:
    """Ids of what `$disclosed` gives."""
    answer = await agency.get(f"Task/{task['id']}/$disclosed")
    assert answer.status_code == 200, answer.text
    return [each["resource"]["id"].partition("-")[2] for each in answer.json().get("entry", ())]


async def linked(locality: Locality, asker: str = "voluntary") -> tuple[str, str, str]:
    """A person the trust and another agency know by one NHS number: the trust's Patient, the other's, a record of the trust."""
    nine = str(int(clock.new_id().replace("-", "")[:12], 16))[:9].zfill(9)
    number = next(f"{each}{check_digit(each)}" for n in range(99) if check_digit(each := f"{int(nine) - n:09}") < 10)
    theirs = await person(locality.built, identifier=[nhs_number(number)])
    ours = await person(locality.built, f"Organization/{asker}", identifier=[nhs_number(number)])
    record = {"resourceType": "Condition", "id": clock.new_id(), "subject": {"reference": theirs}, "code": {"text": "secret"}}
    await stored(locality.built, "Organization/trust", record)
    await confirmed(locality.built, theirs, ours)
    return theirs, ours, f"Condition/{record['id']}"


def asked_by(agency: str, about: str, *more: Resource, **members: Any) -> Resource:
    """A request of another agency."""
    return request(about, *more, requester={"reference": f"Organization/{agency}"}, **members)


def issue(answer: httpx.Response) -> tuple[str, str]:
    """Rule and expression of a refusal's first issue."""
    first = answer.json()["issue"][0]
    return first["details"]["coding"][0]["code"], first["expression"][0]
