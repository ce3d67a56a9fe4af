"""Attack list, responsibility (security rules, section 3): Tasks, plans and disclosures are not made up."""

from __future__ import annotations

import pytest

from service import clock
from tests.attacks.callers import alike
from tests.attacks.records import SAMPLE, observation
from tests.locality import SYSTEM, Locality, code, handover, patient, plan, stored


@pytest.mark.parametrize(
    "kind", ["override-review", "agree-plan", "role", "follow-up", "escalation", "welfare-check", "safeguarding-consideration"]
)
async def test_a_task_that_the_service_makes_is_not_sent(locality: Locality, kind: str) -> None:
    """An override's review Task is its grant: nobody writes their own."""
    crisis = await locality.agency("crisis")
    task = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": code("task-code", kind),
        "for": {"reference": locality.person},
        "requester": {"reference": "PractitionerRole/crisis-lead"},
        "owner": {"reference": "Organization/crisis"},
        "reasonCode": code("override-kind", "patient-safety", "Because I say so, at some length"),
        "restriction": {"period": {"start": "2020-01-01", "end": "2040-01-01"}},
    }
    for coding in (task["code"]["coding"], [{"system": SAMPLE, "code": "x"}, *task["code"]["coding"]]):
        answer = await crisis.post("Task", {**task, "code": {"coding": coding}})
        assert answer.status_code == 422
    assert (await crisis.get(locality.person)).status_code == 404


async def test_an_ordinary_task_does_not_become_one_of_ours(locality: Locality) -> None:
    """HOV-1: a Task keeps its code."""
    crisis = await locality.agency("crisis")
    plain = {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": locality.person}}
    made = await crisis.created(plain)
    answer = await crisis.put({**made, "code": code("task-code", "override-review")})
    assert answer.status_code == 422


async def test_a_stranger_cannot_send_itself_a_handover(locality: Locality) -> None:
    """HOV-3: another's plan and dataset are not there to be handed over."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    led, response = await trust.created(locality.plan()), await trust.created(locality.dataset())
    refs = f"CarePlan/{led['id']}", f"QuestionnaireResponse/{response['id']}"
    forged = handover(locality.person, *refs) | {"requester": {"reference": "PractitionerRole/crisis-lead"}}
    answer = await crisis.post("Task", forged)
    absent = await crisis.post("Task", {**forged, "focus": {"reference": "CarePlan/not-there"}})
    assert (answer.status_code, absent.status_code) == (422, 422)
    assert (await crisis.get(refs[0])).status_code == 404


async def test_a_disclosure_record_is_not_sent(locality: Locality) -> None:
    """DIS: the service makes it when something is disclosed; a made-up one grants nothing."""
    crisis, trust = await locality.agency("crisis"), await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    record = {
        "resourceType": "Communication",
        "meta": {"profile": ["https://baton.example/fhir/StructureDefinition/baton-disclosure"]},
        "extension": [
            {
                "url": "https://baton.example/fhir/StructureDefinition/authority",
                "valueCodeableConcept": code("lawful-basis", "vital-interests", "Because"),
            }
        ],
        "status": "completed",
        "category": [{"coding": [{"system": f"{SYSTEM}/disclosure-category", "code": "care-plan"}]}],
        "subject": {"reference": locality.person},
        "sent": "2026-11-01T00:00:00Z",
        "sender": {"reference": "Organization/trust"},
        "recipient": [{"reference": "Organization/crisis"}],
        "reasonCode": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}]}],
        "payload": [{"contentReference": {"reference": f"Observation/{made['id']}/_history/1"}}],
    }
    assert (await crisis.post("Communication", record)).status_code == 422
    assert (await crisis.get(f"Observation/{made['id']}")).status_code == 404


async def test_a_disclosure_record_stands(locality: Locality) -> None:
    """DIS: its custodian does not rewrite whom it told."""
    trust = await locality.agency("trust")
    await locality.sent(trust)
    found = (await trust.get(f"Communication?subject={locality.person}")).json()["entry"][0]["resource"]
    assert (await trust.put({**found, "recipient": [{"reference": "Organization/voluntary"}]})).status_code == 422


async def test_another_agency_s_episode_does_not_say_whether_it_has_a_plan(locality: Locality) -> None:
    """OWN-6: `duplicate` is told of one's own plans alone."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    episode = await trust.created(
        {
            "resourceType": "EpisodeOfCare",
            "status": "active",
            "patient": {"reference": locality.person},
            "managingOrganization": {"reference": "Organization/trust"},
        }
    )
    theirs = f"EpisodeOfCare/{episode['id']}"
    url = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
    led = await trust.created(locality.plan(extension=[{"url": url, "valueReference": {"reference": theirs}}]))
    own = clock.new_id()
    await stored(locality.built, "Organization/crisis", patient(id=own))
    mine = plan(f"Patient/{own}", author={"reference": "PractitionerRole/crisis-lead"})
    answers = [
        await crisis.post("CarePlan", {**mine, "extension": [{"url": url, "valueReference": {"reference": each}}]})
        for each in (theirs, "EpisodeOfCare/not-there")
    ]
    assert answers[0].status_code == 422
    assert led["id"] not in answers[0].text
    assert alike(*answers, theirs, "EpisodeOfCare/not-there")


async def test_another_agency_s_plan_is_not_led_by_naming_its_team(locality: Locality) -> None:
    """OWN-2: a plan that names another's team or episode takes nothing over, and tells nothing of them."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    led = await trust.created(locality.plan())
    own = clock.new_id()
    await stored(locality.built, "Organization/crisis", patient(id=own))
    mine = plan(f"Patient/{own}", author={"reference": "PractitionerRole/crisis-lead"})
    theirs = led["careTeam"][0]["reference"]
    answers = [
        await crisis.post("CarePlan", {**mine, "careTeam": [{"reference": each}]}) for each in (theirs, "CareTeam/not-there")
    ]
    assert answers[0].status_code == 422
    assert alike(*answers, theirs, "CareTeam/not-there")
