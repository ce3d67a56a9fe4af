"""Meetings as tests hold them: who takes part, what stands on the agenda, and what is decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from service import clock
from service.change import Resource
from tests.locality import Agency, code

STRUCTURE = "https://baton.example/fhir/StructureDefinition"


def ref(text: str) -> Resource:
    return {"reference": text}


def ahead(days: float) -> str:
    """A date ahead."""
    return (clock.now() + timedelta(days=days)).date().isoformat()


def participant(role: str, *parts: str, came: bool = True, **more: Any) -> Resource:
    """Somebody who takes part."""
    named = [code("meeting-role", each) for each in parts or ("member",)]
    period = {"period": {"start": clock.now().isoformat()}} if came else {}
    return {"type": named, "individual": ref(f"PractitionerRole/{role}"), **period, **more}


def meeting(
    kind: str = "mdt", *others: Resource, status: str = "planned", chair: Resource | None = None, **more: Any
) -> Resource:
    """A meeting of the trust, which its lead chairs."""
    return {
        "resourceType": "Encounter",
        "status": status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"},
        "type": [code("meeting-type", kind)],
        "serviceProvider": ref("Organization/trust"),
        "participant": [chair or participant("trust-lead", "chair"), *others],
        **more,
    }


def entry(item: str, reason: str = "new-referral") -> Resource:
    """An entry of an agenda."""
    return {"item": ref(item), "flag": code("agenda-reason", reason)}


def agenda(encounter: str, *entries: Resource, **more: Any) -> Resource:
    """The agenda of a meeting."""
    listed: Resource = {
        "resourceType": "List",
        "meta": {"profile": [f"{STRUCTURE}/baton-agenda"]},
        "status": "current",
        "mode": "working",
        "encounter": ref(encounter),
        **more,
    }
    return {**listed, "entry": list(entries)} if entries else listed


def part(name: str, **value: Any) -> Resource:
    """A part of a parameter."""
    return {"name": name, **value}


def action(description: str = "Ring the landlord", owner: str = "PractitionerRole/trust-lead", due: str = "") -> Resource:
    """An action of a decision; an empty owner is left out, and so is a due of `none`."""
    parts = [part("description", valueString=description)]
    parts += [part("owner", valueReference=ref(owner))] if owner else []
    parts += [part("due", valueDate=due or ahead(7))] if due != "none" else []
    return {"name": "action", "part": parts}


def decided(item: str, kind: str, *more: Resource, rationale: str = "Discussed by all agencies present") -> Resource:
    """The decision about an entry, as a parameter of `$close-meeting`."""
    parts = [part("item", valueReference=ref(item)), part("decision", valueCode=kind)]
    parts += [part("rationale", valueString=rationale)] if rationale else []
    return {"name": "entry", "part": [*parts, *more]}


async def close(agency: Agency, listed: Resource, *entries: Resource, **headers: str) -> httpx.Response:
    """Asks to close the meeting of an agenda."""
    asked = {"resourceType": "Parameters", **({"parameter": list(entries)} if entries else {})}
    return await agency.send("POST", f"List/{listed['id']}/$close-meeting", asked, **headers)


def rules(answer: httpx.Response) -> list[str]:
    """The rules that a refusal cites."""
    assert answer.status_code == 422, answer.text
    return [each["details"]["coding"][0]["code"] for each in answer.json()["issue"]]


def texts(answer: httpx.Response) -> str:
    """What a refusal says."""
    assert answer.status_code == 422, answer.text
    return " ".join(each["details"]["text"] for each in answer.json()["issue"])


async def found(agency: Agency, query: str) -> list[Resource]:
    """What an agency finds."""
    answer = await agency.get(query)
    assert answer.status_code == 200, answer.text
    return [each["resource"] for each in answer.json().get("entry", ()) if each["search"]["mode"] == "match"]


def decision(meeting_: str, item: str, kind: str, person: str, **more: Any) -> Resource:
    """A decision as a client writes it in a transaction."""
    return {
        "resourceType": "Communication",
        "status": "completed",
        "category": [code("communication-category", "decision")],
        "extension": [{"url": f"{STRUCTURE}/decision", "valueCodeableConcept": code("decision", kind)}],
        "subject": ref(person),
        "about": [ref(item)],
        "encounter": ref(meeting_),
        "payload": [{"contentString": "Discussed by all agencies present"}],
        **more,
    }


def transaction(*resources: Resource) -> Resource:
    """A transaction that updates what has an id and creates the rest."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": [*map(_request, resources)]}


def _request(resource: Resource) -> Resource:
    kind = resource["resourceType"]
    if "id" not in resource:
        return {"resource": resource, "request": {"method": "POST", "url": kind}}
    tag = f'W/"{resource["meta"]["versionId"]}"'
    return {"resource": resource, "request": {"method": "PUT", "url": f"{kind}/{resource['id']}", "ifMatch": tag}}


def forum_(kind: str, *, required: list[str] | None = None, days: int = 7, grace: int = 1, **more: Any) -> Resource:
    """A forum of the trust, every so many days."""
    repeat = {"frequency": 1, "period": days, "periodUnit": "d"}
    said = [
        {"url": f"{STRUCTURE}/forum-kind", "valueCode": kind},
        {"url": f"{STRUCTURE}/cadence", "valueTiming": {"repeat": repeat}},
        {
            "url": f"{STRUCTURE}/grace",
            "valueDuration": {"value": grace, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"},
        },
    ]
    said += [{"url": f"{STRUCTURE}/required-role", "valueCode": each} for each in required or ()]
    return {
        "resourceType": "HealthcareService",
        "active": True,
        "category": [code("service-category", "forum")],
        "providedBy": ref("Organization/trust"),
        "name": f"Weekly {kind}",
        "extension": said,
        **more,
    }


def flag(person: str, **more: Any) -> Resource:
    """A safeguarding concern."""
    return {
        "resourceType": "Flag",
        "status": "active",
        "category": [code("flag-category", "SG")],
        "code": {"text": "Cuckooing"},
        "subject": ref(person),
        **more,
    }


def partner(agency: str, role: str) -> Resource:
    """A partner's role in a plan."""
    parts = [
        {"url": "agency", "valueReference": ref(f"Organization/{agency}")},
        {"url": "role", "valueCodeableConcept": code("partner-role", role)},
    ]
    return {"url": f"{STRUCTURE}/partner-role", "extension": parts}
