"""A step-up as tests send it: housing's staff escalate about the person to the crisis team, which decides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from service import clock
from tests.locality import Agency, Locality, code, dataset, stored

Stored = dict[str, Any]
BASE = "https://baton.example/fhir"
QUESTIONNAIRE = f"{BASE}/Questionnaire/mds-escalation"
BASIS = code("lawful-basis", "direct-care", "The person's tenancy and safety are at risk.")


def ref(text: str) -> Stored:
    return {"reference": text}


def output(kind: str, **value: Any) -> Stored:
    """An output of a Task."""
    return {"type": code("task-output", kind), **value}


def shared_by(basis: Stored = BASIS) -> list[Stored]:
    """The authority to share, as an extension."""
    return [{"url": f"{BASE}/StructureDefinition/sharing-authority", "valueCodeableConcept": basis}]


def ahead(**span: float) -> str:
    """An instant ahead."""
    return (clock.now() + timedelta(**span)).isoformat()


def consent(person: str, effect: str, *agencies: str) -> Stored:
    """The person's word on sharing with agencies."""
    hl7 = "http://terminology.hl7.org/CodeSystem"
    role = {"coding": [{"system": f"{hl7}/v3-ParticipationType", "code": "IRCP"}]}
    return {
        "resourceType": "Consent",
        "id": clock.new_id(),
        "status": "active",
        "scope": {"coding": [{"system": f"{hl7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": ref(person),
        "dateTime": "2026-01-01T12:00:00Z",
        "performer": [ref(person)],
        "organization": [ref("Organization/trust")],
        "policyRule": {"coding": [{"system": f"{hl7}/v3-ActCode", "code": "OPTIN"}]},
        "provision": {
            "type": effect,
            "actor": [{"role": role, "reference": ref(f"Organization/{agency}")} for agency in agencies],
            "purpose": [{"system": f"{hl7}/v3-ActReason", "code": "TREAT"}],
        },
    }


async def in_team(locality: Locality, *agencies: str) -> None:
    """Puts agencies into a care team of the trust about the person, who agrees that these know."""
    team = {
        "resourceType": "CareTeam",
        "id": clock.new_id(),
        "status": "active",
        "subject": ref(locality.person),
        "participant": [{"member": ref(f"Organization/{agency}")} for agency in agencies],
    }
    await stored(locality.built, "Organization/trust", team, consent(locality.person, "permit", *agencies))


def answers(locality: Locality, **given: str) -> Stored:
    """The four answers, by housing's lead; an empty one is left out."""
    questionnaire = locality.built.services.definitions.questionnaire(QUESTIONNAIRE)
    assert questionnaire is not None
    return {**dataset(locality.person, questionnaire, **given), "author": ref("PractitionerRole/housing-lead")}


def escalation(locality: Locality, response: str, *, to: str = "PractitionerRole/crisis-lead", **more: Any) -> Stored:
    """An escalation by housing's lead."""
    made = {
        "resourceType": "ServiceRequest",
        "extension": shared_by(),
        "status": "active",
        "intent": "order",
        "category": [code("request-category", "escalation")],
        "priority": "urgent",
        "subject": ref(locality.person),
        "authoredOn": clock.now().isoformat(),
        "requester": ref("PractitionerRole/housing-lead"),
        "performer": [ref(to)],
        "supportingInfo": [ref(response)],
        **more,
    }
    return {name: held for name, held in made.items() if held != []}


async def answered(locality: Locality, agency: Agency, **given: str) -> str:
    """The reference of four answers, stored."""
    return f"QuestionnaireResponse/{(await agency.created(answers(locality, **given)))['id']}"


async def sent(locality: Locality, agency: Agency, **more: Any) -> Stored:
    """An escalation that was sent."""
    return await agency.created(escalation(locality, await answered(locality, agency), **more))


async def tasks(agency: Agency, kind: str, about: str = "") -> list[Stored]:
    """The agency's Tasks with a code, about a record."""
    found = await agency.get(f"Task?code={kind}{f'&focus={about}' if about else ''}")
    return [entry["resource"] for entry in found.json().get("entry", [])]


async def review_of(agency: Agency, request: Stored) -> Stored:
    """The one review of an escalation."""
    [task] = await tasks(agency, "escalation-review", f"ServiceRequest/{request['id']}")
    return task


def decision(threshold: str, *more: Stored) -> list[Stored]:
    """The outputs of a decision by the crisis team's lead."""
    return [
        output("threshold", valueCodeableConcept=code("escalation-threshold", threshold)),
        output("rationale", valueString="Risk has risen since the eviction notice."),
        output("decided-by", valueReference=ref("PractitionerRole/crisis-lead")),
        *more,
    ]


def accepted(task: Stored, *, ends: str = "") -> Stored:
    """The review, accepted with all that an acceptance says."""
    repeat = {"frequency": 1, "period": 1, "periodUnit": "d", "boundsPeriod": {"end": ends or ahead(days=14)}}
    plan = (
        output("contact-cadence", valueTiming={"repeat": repeat}),
        output("out-of-hours", valueString="The crisis line, which has the plan."),
        output("mdt-review", valueDate=(clock.now() + timedelta(days=5)).date().isoformat()),
    )
    return {**task, "status": "accepted", "output": decision("met", *plan)}


def rejected(task: Stored, reason: str = "another-service-better") -> Stored:
    """The review, rejected with all that a rejection says."""
    said = output("guidance", valueString="Visit daily, and come back when sleep gets worse.")
    return {**task, "status": "rejected", "statusReason": code("status-reason", reason), "output": decision("not-met", said)}


def action(task: Stored, **more: Any) -> Stored:
    """An action that a decision on the review asks for."""
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": code("task-code", "action"),
        "description": "See the person at home",
        "partOf": [ref(f"Task/{task['id']}")],
        "for": task["for"],
        "requester": ref("PractitionerRole/crisis-lead"),
        "owner": ref("PractitionerRole/crisis-second"),
        "restriction": {"period": {"end": ahead(days=1)}},
        **more,
    }


async def together(agency: Agency, task: Stored, *created: Stored) -> httpx.Response:
    """A transaction that updates a Task and creates records."""
    seen = f'W/"{task["meta"]["versionId"]}"'
    puts = [{"resource": task, "request": {"method": "PUT", "url": f"Task/{task['id']}", "ifMatch": seen}}]
    posts = [{"resource": each, "request": {"method": "POST", "url": each["resourceType"]}} for each in created]
    return await agency.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [*puts, *posts]})


def attempt(task: Stored, **more: Any) -> Stored:
    """A contact that was attempted because of the review."""
    return {
        "resourceType": "Communication",
        "status": "completed",
        "category": [code("communication-category", "contact-attempt")],
        "subject": task["for"],
        "about": [ref(f"Task/{task['id']}")],
        "sent": clock.now().isoformat(),
        "sender": ref("PractitionerRole/crisis-lead"),
        "medium": [{"text": "visit"}],
        **more,
    }


def completed(task: Stored, plan: Stored | None = None) -> Stored:
    """The accepted review, completed; the crisis plan stands where no other answer is given."""
    said = plan or {"valueCodeableConcept": code("crisis-plan", "no-change", "It fits: the triggers were known.")}
    return {**task, "status": "completed", "output": [*task["output"], output("crisis-plan", **said)]}


def told(answer: httpx.Response) -> list[tuple[str, str]]:
    """The rules that a refusal cites, each with the element."""
    assert answer.status_code == 422, answer.text
    return [(each["details"]["coding"][0]["code"], each["expression"][0]) for each in answer.json()["issue"]]


def when(task: Stored) -> datetime:
    """When a Task is due."""
    return datetime.fromisoformat(task["restriction"]["period"]["end"])


def wording(answer: httpx.Response) -> str:
    """The first sentence of a refusal."""
    text: str = answer.json()["issue"][0]["details"]["text"]
    return text


async def found(agency: Agency, path: str) -> list[Stored]:
    """What a search of an agency finds."""
    return [entry["resource"] for entry in (await agency.get(path)).json().get("entry", [])]


@asynccontextmanager
async def on_duty(locality: Locality, role: str) -> AsyncIterator[None]:
    """The crisis team with a duty contact in the register."""
    partners = locality.built.services.partners
    before = await partners.get("Organization/crisis")
    assert before is not None
    await partners.add(replace(before, duty=role))
    yield
    await partners.add(before)
