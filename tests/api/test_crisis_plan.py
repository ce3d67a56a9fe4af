"""A joint crisis plan over HTTP (E9): agreed by every agency in this very version, then read by those who may."""

from __future__ import annotations

from typing import Any

import pytest

from tests.locality import SNOMED, Agency, Locality, nhs_number, person

BASE = "https://baton.example/fhir"
Stored = dict[str, Any]
READ = f"patient/CarePlan.rs?category={SNOMED}|736253002"


def partner(agency: str, role: str) -> Stored:
    """A partner's part in the plan."""
    parts = [
        {"url": "agency", "valueReference": {"reference": f"Organization/{agency}"}},
        {"url": "role", "valueCodeableConcept": {"text": role}},
    ]
    return {"url": f"{BASE}/StructureDefinition/partner-role", "extension": parts}


async def drafted(locality: Locality, trust: Agency, **more: Any) -> Stored:
    """A draft crisis plan led by the trust, with the crisis team as partner."""
    questionnaire = locality.built.services.definitions.questionnaire(f"{BASE}/Questionnaire/mds-crisis")
    assert questionnaire is not None
    items = [{"linkId": item["linkId"], "answer": [{"valueString": "Agreed with Ada"}]} for item in questionnaire["item"]]
    response = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": questionnaire["url"],
        "status": "completed",
        "subject": {"reference": locality.person},
        "item": items,
    }
    answers = await trust.created(response)
    plan = {
        "resourceType": "CarePlan",
        "extension": [
            {"url": f"{BASE}/StructureDefinition/lead-agency", "valueReference": {"reference": "Organization/trust"}},
            partner("crisis", "Answers the phone day and night"),
            {"url": f"{BASE}/StructureDefinition/review-date", "valueDate": "2027-02-01"},
        ],
        "status": "draft",
        "intent": "plan",
        "category": [{"coding": [{"system": SNOMED, "code": "736253002"}]}],
        "subject": {"reference": locality.person},
        "period": {"start": "2026-11-20", "end": "2027-11-20"},
        "author": {"reference": "PractitionerRole/trust-lead"},
        "supportingInfo": [{"reference": f"QuestionnaireResponse/{answers['id']}"}],
        **more,
    }
    return await trust.created(plan)


async def agreements(agency: Agency, plan: Stored) -> list[Stored]:
    """The agency's own open agreement Tasks about a plan."""
    path = f"Task?focus=CarePlan/{plan['id']}&code=agree-plan&status=requested&owner=Organization/{agency.name}"
    return [entry["resource"] for entry in (await agency.get(path)).json().get("entry", [])]


async def agree(agency: Agency, plan: Stored) -> None:
    """The agency agrees to the newest version it was asked about."""
    for task in await agreements(agency, plan):
        answer = await agency.put({**task, "status": "completed"})
        assert answer.status_code == 200, answer.text


async def activated(locality: Locality, trust: Agency, crisis: Agency) -> Stored:
    """An active crisis plan."""
    plan = await drafted(locality, trust)
    await agree(trust, plan)
    await agree(crisis, plan)
    answer = await trust.put({**plan, "status": "active"})
    assert answer.status_code == 200, answer.text
    active: Stored = answer.json()
    return active


async def test_every_agency_is_asked(locality: Locality) -> None:
    """A draft gives each agency one agreement Task about this very version."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plan = await drafted(locality, trust)
    asked = [await agreements(trust, plan), await agreements(crisis, plan)]
    assert [[task["focus"]["reference"] for task in tasks] for tasks in asked] == [[f"CarePlan/{plan['id']}/_history/1"]] * 2


async def test_an_agency_that_has_not_agreed_is_named(locality: Locality) -> None:
    """The move to active is refused, naming who has not agreed."""
    trust = await locality.agency("trust")
    plan = await drafted(locality, trust)
    await agree(trust, plan)
    answer = await trust.put({**plan, "status": "active"})
    assert answer.status_code == 422
    assert "E9" in answer.text
    assert "Organization/crisis" in answer.text
    assert "Organization/trust" not in answer.text


async def test_all_agreed_makes_it_active(locality: Locality) -> None:
    """Activation gives every agency a Task for its role."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plan = await activated(locality, trust, crisis)
    roles = (await crisis.get(f"Task?focus=CarePlan/{plan['id']}&code=role")).json()["entry"]
    assert plan["status"] == "active"
    assert [entry["resource"]["owner"]["reference"] for entry in roles].count("Organization/crisis") == 1


async def test_a_change_resets_the_agreement(locality: Locality) -> None:
    """What an agency agreed to is not what the plan says now, so it is asked again."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plan = await drafted(locality, trust)
    await agree(trust, plan)
    await agree(crisis, plan)
    changed = (await trust.put({**plan, "description": "Ring the crisis team first"})).json()
    assert (await trust.put({**changed, "status": "active"})).status_code == 422
    assert [task["focus"]["reference"][-1] for task in await agreements(crisis, changed)] == ["2"]


async def test_an_active_plan_is_not_changed_in_place(locality: Locality) -> None:
    """An active crisis plan changes only through a draft that is agreed anew."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plan = await activated(locality, trust, crisis)
    answer = await trust.put({**plan, "description": "Something else"})
    assert answer.status_code == 422
    assert "E9" in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_what_the_plan_rests_on_is_not_changed_in_place(locality: Locality, method: str) -> None:
    """E9: triggers and escalation routes are said in the dataset: agencies agreed to that, too, and the plan keeps saying it."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plan = await activated(locality, trust, crisis)
    reference = plan["supportingInfo"][0]["reference"]
    answers = (await trust.get(reference)).json()
    changed = {**answers, "item": [{**answers["item"][0], "answer": [{"valueString": "Other"}]}, *answers["item"][1:]]}
    answer = await trust.send(method, reference, changed if method == "PUT" else None, If_Match='W/"1"')
    assert answer.status_code == 422
    (issue,) = answer.json()["issue"]
    assert issue["details"]["coding"][0]["code"] == "E9"
    assert f"`CarePlan/{plan['id']}`" in issue["details"]["text"]
    assert (await trust.get(reference)).json() == answers


async def test_new_answers_reset_the_agreement(locality: Locality) -> None:
    """What a draft rests on changes by another dataset, named in the plan."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plan = await drafted(locality, trust)
    await agree(crisis, plan)
    answers = (await trust.get(plan["supportingInfo"][0]["reference"])).json()
    others = await trust.created({name: value for name, value in answers.items() if name not in ("id", "meta")})
    plan = (await trust.put({**plan, "supportingInfo": [{"reference": f"QuestionnaireResponse/{others['id']}"}]})).json()
    assert [task["focus"]["reference"][-1] for task in await agreements(crisis, plan)] == ["2"]
    assert (await trust.put({**answers, "status": "amended"})).status_code == 200


async def goal(locality: Locality, trust: Agency) -> Stored:
    """A goal of the person."""
    subject = {"reference": locality.person}
    status = {"lifecycleStatus": "active", "subject": subject}
    return await trust.created({"resourceType": "Goal", **status, "description": {"text": "Sleep through the night"}})


async def test_a_plan_is_agreed_with_the_versions_it_rests_on(locality: Locality) -> None:
    """A goal of the plan that changes after the agreement makes it an agreement to something else."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    aim = await goal(locality, trust)
    plan = await drafted(locality, trust, goal=[{"reference": f"Goal/{aim['id']}"}])
    await agree(trust, plan)
    await agree(crisis, plan)
    await trust.put({**aim, "description": {"text": "Ring nobody at night"}})
    answer = await trust.put({**plan, "status": "active"})
    assert answer.status_code == 422
    assert "Organization/crisis" in answer.text


async def test_a_draft_that_rests_on_something_newer_is_asked_about_anew(locality: Locality) -> None:
    """Writing the draft again asks every agency about the versions that stand; their agreement makes the plan active."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    aim = await goal(locality, trust)
    plan = await drafted(locality, trust, goal=[{"reference": f"Goal/{aim['id']}"}])
    await trust.put({**aim, "description": {"text": "Sleep"}})
    (stale,) = await agreements(crisis, plan)
    assert (await crisis.put({**stale, "status": "completed"})).status_code == 422
    again = (await trust.put(plan)).json()
    await agree(trust, again)
    await agree(crisis, again)
    assert (await trust.put({**again, "status": "active"})).status_code == 200


async def test_a_smart_client_reads_it(locality: Locality) -> None:
    """A clinician's client with the crisis-plan scope and this patient in context finds and reads it."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plan = await activated(locality, trust, crisis)
    clinician = await locality.agency("crisis", READ, user="PractitionerRole/crisis-lead", patient=locality.person)
    found = (await clinician.get(f"CarePlan?patient={locality.person}&category={SNOMED}|736253002")).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [plan["id"]]
    assert (await clinician.get(f"CarePlan/{plan['id']}")).status_code == 200


async def test_the_scope_shows_no_other_plan(locality: Locality) -> None:
    """The granular scope is matched against content: another plan of the same person stays hidden."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    await activated(locality, trust, crisis)
    other = await trust.created(locality.plan())
    clinician = await locality.agency("trust", READ, user="PractitionerRole/trust-lead", patient=locality.person)
    found = (await clinician.get(f"CarePlan?patient={locality.person}")).json()
    assert other["id"] not in [entry["resource"]["id"] for entry in found["entry"]]
    assert (await clinician.get(f"CarePlan/{other['id']}")).status_code == 404


async def test_it_is_hidden_from_a_stranger(locality: Locality) -> None:
    """An agency without relationship finds nothing, and reads what it reads for an id that does not exist."""
    trust, crisis, housing = await locality.agency("trust"), await locality.agency("crisis"), await locality.agency("housing")
    plan = await activated(locality, trust, crisis)
    assert "entry" not in (await housing.get(f"CarePlan?patient={locality.person}")).json()
    assert (await housing.get(f"CarePlan/{plan['id']}")).status_code == 404


async def test_the_person_reads_their_own(locality: Locality) -> None:
    """L1: the person's own client reads their crisis plan."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plan = await activated(locality, trust, crisis)
    own = await locality.agency("voluntary", "patient/*.rs", user=locality.person, patient=locality.person)
    assert (await own.get(f"CarePlan/{plan['id']}")).json() == plan


async def test_staff_name_a_person_by_nhs_number(locality: Locality) -> None:
    """The consent page takes an NHS number, and opens the agency's own record of that person."""
    people = locality.built.oauth.launching._directory
    number = "9449304823"
    known = await person(locality.built, identifier=[nhs_number(number)])
    assert await people.patient("944 930 4823", "Organization/trust") == known
    assert await people.patient("944 930 4823", "Organization/housing") == ""
