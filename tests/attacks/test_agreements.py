"""Attack list, agreements (E9): no agency agrees to a version of a crisis plan that it cannot read."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from tests.api.test_crisis_plan import agreements, drafted, partner
from tests.attacks.callers import alike
from tests.attacks.records import CONFIDENTIALITY, denial
from tests.locality import Agency, Locality, code, stored

Stored = dict[str, Any]


async def asked(locality: Locality) -> tuple[Agency, Agency, Stored, Stored]:
    """The lead, a housing agency that is asked to agree, the draft and its Task."""
    trust, housing = await locality.agency("trust"), await locality.agency("housing")
    plan = await drafted(locality, trust)
    extensions = [*plan["extension"], partner("housing", "Keeps the flat")]
    changed = await trust.put({**plan, "extension": extensions})
    assert changed.status_code == 200, changed.text
    (task,) = await agreements(housing, plan)
    return trust, housing, changed.json(), task


async def test_an_agreement_that_would_be_blind_is_refused(locality: Locality) -> None:
    """The agency may not read the plan; the refusal says what to ask for, and the Task stands."""
    _, housing, plan, task = await asked(locality)
    assert (await housing.get(f"CarePlan/{plan['id']}")).status_code == 404
    answer = await housing.put({**task, "status": "completed"})
    assert (answer.status_code, "$disclose" in answer.text, "E9" in answer.text) == (422, True, True)
    assert (await housing.get(f"Task/{task['id']}")).json() == task


async def test_it_is_rejected_with_a_reason_unread(locality: Locality) -> None:
    """To disagree needs no look."""
    _, housing, _, task = await asked(locality)
    answer = await housing.put({**task, "status": "rejected", "statusReason": code("status-reason", "disagrees")})
    assert answer.status_code == 200, answer.text


async def test_the_person_s_consent_shows_it(locality: Locality) -> None:
    """And then it is agreed."""
    trust, housing, plan, task = await asked(locality)
    permit = denial(locality.person)
    permit["provision"]["type"] = "permit"
    permit["provision"]["actor"][0]["reference"] = {"reference": "Organization/housing"}
    await trust.created(permit)
    assert (await housing.get(f"CarePlan/{plan['id']}")).status_code == 200
    assert (await housing.put({**task, "status": "completed"})).status_code == 200


def sharing(basis: str) -> Stored:
    """The lead's disclosure of the plan on a lawful basis."""
    listed = [
        {"name": "recipient", "valueReference": {"reference": "Organization/housing"}},
        {"name": "purpose", "valueCode": "TREAT"},
        {"name": "reason", "valueString": "They are asked to agree to it."},
        {"name": "mode", "valueCode": "release"},
        {"name": "type", "valueCode": "CarePlan"},
        {"name": "basis", "valueCodeableConcept": code("lawful-basis", basis, "The flat is part of the plan.")},
    ]
    return {"resourceType": "Parameters", "parameter": listed}


async def test_a_recorded_disclosure_of_that_version_shows_it(locality: Locality) -> None:
    """On a lawful basis, to that agency; of a later version it is no disclosure."""
    trust, housing, plan, task = await asked(locality)
    answer = await trust.post(f"{locality.person}/$disclose", sharing("safeguarding"))
    assert answer.status_code == 200, answer.text
    assert (await housing.put({**task, "status": "completed"})).status_code == 200
    changed = await trust.put({**plan, "title": "Another version"})
    assert changed.status_code == 200, changed.text
    (again,) = [each for each in await agreements(housing, plan) if each["id"] != task["id"]]
    assert (await housing.put({**again, "status": "completed"})).status_code == 422


@pytest.mark.parametrize("forged", ["category", "profile"])
async def test_no_agency_makes_itself_a_record_of_a_disclosure(locality: Locality, forged: str) -> None:
    """The service alone makes one."""
    _, housing, plan, task = await asked(locality)
    message: Stored = {
        "resourceType": "Communication",
        "status": "completed",
        "subject": {"reference": locality.person},
        "recipient": [{"reference": "Organization/housing"}],
        "payload": [{"contentReference": {"reference": f"CarePlan/{plan['id']}/_history/2"}}],
    }
    mark = code("disclosure-category", "care-plan")
    profile = "https://baton.example/fhir/StructureDefinition/baton-disclosure"
    made = {**message, "category": [mark]} if forged == "category" else {**message, "meta": {"profile": [profile]}}
    await housing.post("Communication", made)
    await housing.post("Communication", message)
    assert (await housing.put({**task, "status": "completed"})).status_code == 422


async def test_a_plan_rests_on_no_answers_that_its_writer_may_not_see(locality: Locality) -> None:
    """Complete answers that are hidden and answers that are not there are refused alike, byte for byte."""
    trust = await locality.agency("trust")
    plan = await drafted(locality, trust)
    kept = (await trust.get(plan["supportingInfo"][0]["reference"])).json()
    hidden = {**kept, "id": clock.new_id(), "meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
    await stored(locality.built, "Organization/voluntary", hidden)
    answers = []
    for named in (hidden["id"], "none"):
        changed = {**plan, "status": "active", "supportingInfo": [{"reference": f"QuestionnaireResponse/{named}"}]}
        answers.append(await trust.put(changed))
    assert (answers[0].status_code, "lacks" in answers[0].text) == (422, True)
    assert alike(*answers, hidden["id"], "none")
