"""Attack list, references (consent rules, section 3): no element of a record tells whether what it names is hidden or
absent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service import clock
from service.fhir.canonical import EPISODE_OF_CARE
from tests.attacks.callers import alike
from tests.attacks.records import CONFIDENTIALITY, denial, observation
from tests.locality import Locality, dataset, person, plan, stored

Stored = dict[str, Any]
PART = [{"text": "Part of the care"}]
WHEN = "2026-11-01T00:00:00Z"


def ref(to: str) -> Stored:
    return {"reference": to}


def concerning(kind: str, whose: str) -> Stored:
    """A small record of a kind about a person."""
    about: dict[str, Stored] = {
        "CareTeam": {"status": "active", "subject": ref(whose)},
        "EpisodeOfCare": {"status": "active", "patient": ref(whose), "managingOrganization": ref("Organization/voluntary")},
        "Encounter": {"status": "finished", "class": {"code": "AMB"}, "subject": ref(whose)},
        "Condition": {"subject": ref(whose), "code": {"text": "x"}},
        "Goal": {"lifecycleStatus": "active", "description": {"text": "x"}, "subject": ref(whose)},
    }
    if kind == "CarePlan":
        return plan(whose)
    if kind == "Observation":
        return observation(whose)
    return {"resourceType": kind, **about[kind]}


def asked(whose: str) -> Stored:
    """A request that no rule of ours is about."""
    parties = {"requester": ref("PractitionerRole/trust-lead"), "owner": ref("Organization/trust")}
    return {"resourceType": "Task", "status": "requested", "intent": "order", "code": {"text": "x"}, "for": ref(whose), **parties}


Build = Callable[[Locality, str], Stored]

CASES: dict[str, tuple[str, Build]] = {
    "CarePlan.subject, active": ("Patient", lambda _, to: plan(to)),
    "CarePlan.subject, draft": ("Patient", lambda _, to: {**plan(to), "status": "draft"}),
    "CarePlan.careTeam": ("CareTeam", lambda at, to: at.plan(careTeam=[ref(to)])),
    "CarePlan.careTeam, draft": ("CareTeam", lambda at, to: at.plan(status="draft", careTeam=[ref(to)])),
    "CarePlan.extension episode": (
        "EpisodeOfCare",
        lambda at, to: at.plan(extension=[{"url": EPISODE_OF_CARE, "valueReference": ref(to)}]),
    ),
    "CarePlan.partOf": ("CarePlan", lambda at, to: at.plan(partOf=[ref(to)])),
    "CarePlan.partOf, draft": ("CarePlan", lambda at, to: at.plan(status="draft", partOf=[ref(to)])),
    "CarePlan.replaces": ("CarePlan", lambda at, to: at.plan(category=PART, replaces=[ref(to)])),
    "CarePlan.basedOn": ("CarePlan", lambda at, to: at.plan(category=PART, basedOn=[ref(to)])),
    "CarePlan.goal": ("Goal", lambda at, to: at.plan(category=PART, goal=[ref(to)])),
    "CarePlan.addresses": ("Condition", lambda at, to: at.plan(category=PART, addresses=[ref(to)])),
    "CarePlan.supportingInfo": ("Observation", lambda at, to: at.plan(category=PART, supportingInfo=[ref(to)])),
    "CarePlan.encounter": ("Encounter", lambda at, to: at.plan(category=PART, encounter=ref(to))),
    "CareTeam.subject": ("Patient", lambda _, to: concerning("CareTeam", to)),
    "CareTeam.encounter": ("Encounter", lambda at, to: {**concerning("CareTeam", at.person), "encounter": ref(to)}),
    "CareTeam.participant": (
        "CareTeam",
        lambda at, to: {**concerning("CareTeam", at.person), "participant": [{"member": ref(to)}]},
    ),
    "EpisodeOfCare.patient": (
        "Patient",
        lambda _, to: {**concerning("EpisodeOfCare", to), "managingOrganization": ref("Organization/trust")},
    ),
    "EpisodeOfCare.team": (
        "CareTeam",
        lambda at, to: {
            **concerning("EpisodeOfCare", at.person),
            "managingOrganization": ref("Organization/trust"),
            "team": [ref(to)],
        },
    ),
    "Encounter.subject": ("Patient", lambda _, to: concerning("Encounter", to)),
    "Encounter.episodeOfCare": (
        "EpisodeOfCare",
        lambda at, to: {**concerning("Encounter", at.person), "episodeOfCare": [ref(to)]},
    ),
    "Observation.subject": ("Patient", lambda _, to: observation(to)),
    "Observation.focus": ("Patient", lambda at, to: observation(at.person, focus=[ref(to)])),
    "QuestionnaireResponse.subject": ("Patient", lambda at, to: dataset(to, at.questionnaire)),
    "Consent.patient": ("Patient", lambda _, to: denial(to)),
    "Communication.subject": (
        "Patient",
        lambda _, to: {"resourceType": "Communication", "status": "completed", "subject": ref(to)},
    ),
    "Communication.about": (
        "CarePlan",
        lambda at, to: {"resourceType": "Communication", "status": "completed", "subject": ref(at.person), "about": [ref(to)]},
    ),
    "Flag.subject": (
        "Patient",
        lambda _, to: {"resourceType": "Flag", "status": "active", "code": {"text": "x"}, "subject": ref(to)},
    ),
    "RelatedPerson.patient": ("Patient", lambda _, to: {"resourceType": "RelatedPerson", "patient": ref(to)}),
    "Provenance.target": (
        "CarePlan",
        lambda _, to: {
            "resourceType": "Provenance",
            "target": [ref(to)],
            "recorded": WHEN,
            "agent": [{"who": ref("PractitionerRole/trust-lead")}],
        },
    ),
    "Patient.link": ("Patient", lambda _, to: {"resourceType": "Patient", "link": [{"other": ref(to), "type": "seealso"}]}),
    "List.entry": (
        "CarePlan",
        lambda at, to: {
            "resourceType": "List",
            "status": "current",
            "mode": "working",
            "subject": ref(at.person),
            "entry": [{"item": ref(to)}],
        },
    ),
    "Task.for": ("Patient", lambda _, to: asked(to)),
    "Task.focus": ("CarePlan", lambda at, to: {**asked(at.person), "focus": ref(to)}),
}


PAIRS = [
    (element, whose)
    for element, (kind, _) in CASES.items()
    for whose in ("the person", "another")
    if (kind, whose) != ("Patient", "the person")  # whom the writer knows is not hidden
]


@pytest.mark.parametrize(("element", "whose"), PAIRS)
async def test_naming_the_hidden_answers_as_naming_the_absent(locality: Locality, element: str, whose: str) -> None:
    """A restricted record of another agency, about a person the writer knows or about another."""
    kind, build = CASES[element]
    trust, other = await locality.agency("trust"), await person(locality.built, "Organization/voluntary")
    identity = other.removeprefix("Patient/") if kind == "Patient" else clock.new_id()
    if kind != "Patient":
        made = concerning(kind, locality.person if whose == "the person" else other)
        hidden = {**made, "id": identity, "meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
        await stored(locality.built, "Organization/voluntary", hidden)
    assert (await trust.get(f"{kind}/{identity}")).status_code == 404
    bodies = [build(locality, f"{kind}/{each}") for each in ("none", identity)]
    absent, named = [await trust.post(each["resourceType"], each) for each in bodies]
    assert absent.status_code == named.status_code, named.text
    assert absent.status_code == 201 or alike(absent, named, "none", identity)


async def test_a_hidden_plan_makes_no_place_for_a_second_plan(locality: Locality) -> None:
    """OWN-11: to be part of an active plan that the writer does not see is to be part of nothing."""
    trust, identity = await locality.agency("trust"), clock.new_id()
    await trust.created(locality.plan())
    hidden = {**locality.plan(), "id": identity, "meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
    await stored(locality.built, "Organization/voluntary", hidden)
    absent, named = [await trust.post("CarePlan", locality.plan(partOf=[ref(f"CarePlan/{each}")])) for each in ("none", identity)]
    assert (absent.status_code, alike(absent, named, "none", identity)) == (422, True)
