"""Early-warning signs over HTTP (EWS-1): a sign on the person's plan that is reported opens one structured review."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest_asyncio

from service import clock
from tests.locality import Agency, Locality, code, stored
from tests.stepping import BASE, consent, in_team, output, ref, tasks, told

Stored = dict[str, Any]
SLEEP = {"coding": [{"system": "http://snomed.info/sct", "code": "193462001"}]}
PACING = {"coding": [{"system": "http://snomed.info/sct", "code": "247853002"}]}


def sign(person: str, concept: Stored = SLEEP, **more: Any) -> Stored:
    """A report that a sign was noticed."""
    category = [code("observation-category", "early-warning-sign")]
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": category,
        "code": concept,
        "subject": ref(person),
        **more,
    }


@pytest_asyncio.fixture
async def trust(locality: Locality) -> Agency:
    """The trust, whose active plan lists the sign."""
    trust = await locality.agency("trust")
    listed = [{"url": f"{BASE}/StructureDefinition/early-warning-sign", "valueCodeableConcept": SLEEP}]
    await trust.created(locality.plan(extension=listed))
    return trust


@pytest_asyncio.fixture
async def housing(locality: Locality, trust: Agency) -> Agency:
    """Housing, which is in the person's care team."""
    await in_team(locality, "housing")
    return await locality.agency("housing")


async def reviews(locality: Locality, agency: Agency) -> list[Stored]:
    """The structured reviews of the person that an agency sees."""
    return [each for each in await tasks(agency, "structured-review") if each["for"] == ref(locality.person)]


async def test_ews_1_a_reported_sign_opens_one_structured_review(locality: Locality, trust: Agency, housing: Agency) -> None:
    """At the agency that leads the plan, which alone sees it; an open one is not doubled."""
    for _ in range(2):
        await housing.created(sign(locality.person))
    [review] = await reviews(locality, trust)
    assert (review["owner"], review["status"]) == (ref("Organization/trust"), "requested")
    assert await reviews(locality, housing) == []


async def test_ews_1_signs_that_are_reported_at_once_open_one_review(locality: Locality, trust: Agency, housing: Agency) -> None:
    answers = await asyncio.gather(*(housing.post("Observation", sign(locality.person)) for _ in range(4)))
    assert {each.status_code for each in answers} == {201}
    assert len(await reviews(locality, trust)) == 1


async def test_ews_1_a_review_that_was_held_makes_room_for_the_next(locality: Locality, trust: Agency, housing: Agency) -> None:
    """It says what it found; correcting the report opens no other."""
    report = await housing.created(sign(locality.person))
    [review] = await reviews(locality, trust)
    assert told(await trust.put({**review, "status": "completed"})) == [("E5", "Task.output")]
    said = [output("rationale", valueString="A noisy neighbour, no relapse.")]
    assert (await trust.put({**review, "status": "completed", "output": said})).status_code == 200
    assert (await housing.put({**report, "status": "corrected"})).status_code == 200
    assert len(await reviews(locality, trust)) == 1
    await housing.created(sign(locality.person))
    assert len(await reviews(locality, trust)) == 2


async def test_ews_1_what_is_no_sign_of_the_plan_prompts_nobody(locality: Locality, trust: Agency, housing: Agency) -> None:
    """Another sign, an observation of another kind, one that is taken back."""
    await housing.created(sign(locality.person, PACING))
    await housing.created(sign(locality.person, category=[{"text": "vital signs"}]))
    await housing.created(sign(locality.person, status="entered-in-error"))
    assert await reviews(locality, trust) == []


async def test_ews_1_a_report_that_consent_keeps_from_the_lead_prompts_nobody(
    locality: Locality, trust: Agency, housing: Agency
) -> None:
    """The prompt would tell what the report says; its reporter notices no difference."""
    await stored(locality.built, "Organization/trust", consent(locality.person, "deny", "trust"))
    assert (await housing.post("Observation", sign(locality.person))).status_code == 201
    assert await reviews(locality, trust) == []


async def test_ews_1_who_does_not_see_the_person_prompts_nobody(locality: Locality, trust: Agency) -> None:
    """A stranger's words about somebody are kept, as its own, and do nothing."""
    stranger = await locality.agency("voluntary")
    await stranger.post("Observation", sign(locality.person))
    assert await reviews(locality, trust) == []


def missed(person: str, by: str, **more: Any) -> Stored:
    """A contact that failed."""
    return {
        "resourceType": "Communication",
        "status": "not-done",
        "statusReason": {"text": "Nobody in"},
        "category": [code("communication-category", "contact-attempt")],
        "subject": ref(person),
        "sent": clock.now().isoformat(),
        "sender": ref(by),
        "medium": [{"text": "visit"}],
        **more,
    }


def without(resource: Stored, member: str) -> Stored:
    """A record with one member left out."""
    return {name: held for name, held in resource.items() if name != member}


async def test_ews_1_too_many_missed_contacts_open_one_structured_review(
    locality: Locality, trust: Agency, housing: Agency
) -> None:
    """Of those that the leading agency knows of: what others keep to themselves prompts nobody."""
    for _ in range(4):
        await housing.created(missed(locality.person, "PractitionerRole/housing-lead"))
    opened = []
    for _ in range(5):
        await trust.created(missed(locality.person, "PractitionerRole/trust-lead"))
        opened.append(len(await reviews(locality, trust)))
    assert opened == [0, 0, 1, 1, 1]


async def test_ews_1_a_contact_in_between_prompts_nobody(locality: Locality, trust: Agency) -> None:
    """Two were missed before it, and two since."""
    lead = "PractitionerRole/trust-lead"
    for status in (*["not-done"] * 2, "completed", *["not-done"] * 2):
        body = missed(locality.person, lead, status=status)
        await trust.created(body if status == "not-done" else without(body, "statusReason"))
    assert await reviews(locality, trust) == []
