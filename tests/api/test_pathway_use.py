"""What a pathway is used for over HTTP: its suggestion is explained, and its spans are those of a handover (GOV-3, TIM)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from service import clock
from service.change import Resource
from service.usecases.register import integrity
from tests.locality import Locality, code, handover
from tests.pathways import ID, URL, everybody, in_force, published, read, rules


def parameters(**given: Any) -> Resource:
    """Parameters with a resource, a reference or a text each."""
    kinds = {"resourceType": "resource", "reference": "valueReference"}
    listed = [
        {"name": name, next((kind for key, kind in kinds.items() if key in value), "valueString"): value}
        for name, value in given.items()
    ]
    return {"resourceType": "Parameters", "parameter": listed}


def referral(person: str, **answers: str) -> Resource:
    """A response to the referral's dataset."""
    items = [{"linkId": link.replace("_", "-"), "answer": [{"valueString": text}]} for link, text in answers.items()]
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "questionnaire": "https://baton.example/fhir/Questionnaire/mds-referral",
        "subject": {"reference": person},
        "item": items,
    }


def told(answer: httpx.Response, name: str) -> list[Any]:
    """The values of one parameter of an answer; of one with parts, its parts."""
    found = [each for each in answer.json()["parameter"] if each["name"] == name]
    return [next(value for key, value in each.items() if key != "name") for each in found]


EXPLAIN = f"PlanDefinition/{ID}/$explain"


async def test_a_suggestion_is_explained(place: Locality) -> None:
    """GOV-3: which thresholds hold, because of which answers, and what would change it."""
    given = referral(place.person, presenting_need="Low mood", functional_impact="Not cooking", current_risks="Alone")
    answer = await (await place.agency("housing")).post(EXPLAIN, parameters(dataset=given))
    assert answer.status_code == 200, answer.text
    assert (told(answer, "pathway"), told(answer, "suggestion"), told(answer, "holds")) == (
        [f"{URL}|0.1.0"],
        ["eligible"],
        ["eligible"],
    )
    said = [[part[key] for part in each for key in part if key != "name"] for each in told(answer, "because")]
    assert said == [["eligible", "functional-impact", "Not cooking"], ["eligible", "presenting-need", "Low mood"]]
    assert "Without the answer to `functional-impact`: `borderline`." in told(answer, "would-change")


async def test_a_request_is_explained_with_its_dataset(place: Locality) -> None:
    """GOV-3: its priority is evidence."""
    request = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "priority": "stat"}
    given = parameters(dataset=referral(place.person, presenting_need="Help"), request=request)
    assert told(await (await place.agency("housing")).post(EXPLAIN, given), "suggestion") == ["urgent"]


async def test_a_dataset_is_explained_to_whom_may_see_it_alone(place: Locality) -> None:
    """A hidden dataset and an absent one are refused alike."""
    trust, housing = await place.agency("trust"), await place.agency("housing")
    stored = await trust.created(referral(place.person, presenting_need="Low mood", functional_impact="Not cooking"))
    given = parameters(dataset={"reference": f"QuestionnaireResponse/{stored['id']}"})
    assert told(await trust.post(EXPLAIN, given), "suggestion") == ["eligible"]
    hidden = await housing.post(EXPLAIN, given)
    absent = await housing.post(EXPLAIN, parameters(dataset={"reference": "QuestionnaireResponse/nowhere"}))
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.text.replace(stored["id"], "nowhere") == absent.text


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"dataset": {"resourceType": "Patient"}}, 400),
        ({"dataset": referral("Patient/x"), "version": "9.9.9"}, 422),
        ({"dataset": referral("Patient/x"), "request": {"reference": "Patient/x"}}, 404),
        ({"request": {"resourceType": "ServiceRequest"}}, 400),
    ],
)
async def test_what_cannot_be_explained_is_refused(place: Locality, given: dict[str, Any], status: int) -> None:
    """By the parameter that would make it right."""
    assert (await (await place.agency("trust")).post(EXPLAIN, parameters(**given))).status_code == status


async def test_an_explanation_needs_a_token_and_its_scope(place: Locality) -> None:
    """Anonymous, and without a scope for the definition."""
    given = parameters(dataset=referral(place.person))
    assert (await place.anonymous().post(EXPLAIN, given)).status_code == 401
    assert (await (await place.agency("trust", "system/Patient.r")).post(EXPLAIN, given)).status_code == 403
    assert (await (await place.agency("trust")).post("PlanDefinition/nowhere/$explain", given)).status_code == 404


async def test_a_new_version_can_be_explained_before_it_is_in_force(place: Locality) -> None:
    """GOV-7: who is asked to agree can try it."""
    trust = await place.agency("trust")
    await published(trust, action=[each for each in (await read(trust))["action"] if "eligible" not in str(each["code"])])
    given = referral(place.person, presenting_need="Low mood", functional_impact="Not cooking")
    assert told(await trust.post(EXPLAIN, parameters(dataset=given, version="2.0.0")), "suggestion") == []
    assert told(await trust.post(EXPLAIN, parameters(dataset=given)), "suggestion") == ["eligible"]


DISCHARGE = URL.replace("front-door", "discharge")


@pytest.mark.parametrize(("canonical", "status"), [(f"{DISCHARGE}|0.1.0", 201), (f"{URL}|9.9.9", 422)])
async def test_a_handover_names_a_pathway_in_force(place: Locality, canonical: str, status: int) -> None:
    """GOV-7: an unknown one, or a version that is not in force, is refused by name."""
    trust = await place.agency("trust")
    plan, response = await trust.created(place.plan()), await trust.created(place.dataset())
    sent = handover(place.person, f"CarePlan/{plan['id']}", f"QuestionnaireResponse/{response['id']}")
    sent["input"].append({"type": code("task-input", "pathway"), "valueCanonical": canonical})
    answer = await trust.post("Task", sent)
    assert answer.status_code == status, answer.text
    assert status == 201 or (rules(answer) == ["GOV-7"] and f"`{canonical}` is not in force" in answer.text)


async def test_the_contact_after_a_handover_is_due_by_its_pathway(place: Locality) -> None:
    """TIM-3: a discharge pathway of 24 h moves the limit, once it is in force."""
    everyone = await everybody(place)
    trust, crisis, *_ = everyone
    pathway = await read(trust, "pathway-discharge")
    for action in pathway["action"]:
        if action["title"] == "First contact after discharge":
            action["timingDuration"]["value"] = 24
    assert (await trust.put({**pathway, "version": "2.0.0"})).status_code == 200
    for agency in everyone:
        path = f"Task?focus=PlanDefinition/pathway-discharge&status=requested&owner=Organization/{agency.name}"
        (entry,) = (await agency.get(path)).json()["entry"]
        assert (await agency.put({**entry["resource"], "status": "completed"})).status_code == 200
    named = {"type": code("task-input", "pathway"), "valueCanonical": f"{DISCHARGE}|2.0.0"}
    plan, response = await trust.created(place.plan()), await trust.created(place.dataset())
    sent = handover(place.person, f"CarePlan/{plan['id']}", f"QuestionnaireResponse/{response['id']}")
    task = await trust.created({**sent, "input": [*sent["input"], named]})
    accepted = {**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}}
    assert (await crisis.put(accepted)).status_code == 200
    (follow,) = (await crisis.get(f"Task?part-of=Task/{task['id']}&code=follow-up")).json()["entry"]
    period = follow["resource"]["restriction"]["period"]
    assert datetime.fromisoformat(period["end"]) - datetime.fromisoformat(period["start"]) == timedelta(hours=24)


async def test_a_pathway_past_its_period_is_listed_and_stays_in_force(place: Locality) -> None:
    """GOV-8: `baton check` lists it as drift."""
    late = datetime(2028, 1, 1, tzinfo=UTC)
    found = [each async for each in integrity.findings(place.built.services, late)]
    assert len([each for each in found if each.startswith("pathway:") and "(GOV-8)" in each]) == 9
    assert [each async for each in integrity.findings(place.built.services, clock.now()) if each.startswith("pathway:")] == []
    assert await in_force(place) == "0.1.0"
