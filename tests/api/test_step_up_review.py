"""The review of an escalation over HTTP (E5, E10, E12): what ends it, asking back, and the deadlines that follow it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from service import clock, worker
from service.store.timers import TIMERS
from tests.locality import Agency, Locality, code, stored
from tests.stepping import (
    accepted,
    action,
    ahead,
    attempt,
    completed,
    found,
    in_team,
    output,
    ref,
    rejected,
    review_of,
    sent,
    tasks,
    together,
    told,
)

Stored = dict[str, Any]


@pytest_asyncio.fixture
async def housing(locality: Locality) -> Agency:
    """Housing, which is in the person's care team with the crisis team. No clock of an earlier test runs, and no agenda was
    written at an instant that is ahead."""
    for name in (TIMERS, "r.List", "keys"):
        await locality.built.services.mongo.collection(name).delete_many({})
    await in_team(locality, "housing", "crisis")
    return await locality.agency("housing")


@pytest_asyncio.fixture
async def crisis(locality: Locality) -> Agency:
    """The crisis team."""
    return await locality.agency("crisis")


async def taken(locality: Locality, housing: Agency, crisis: Agency, **more: Any) -> Stored:
    """A review that the crisis team accepted."""
    task = await review_of(crisis, await sent(locality, housing))
    answer = await together(crisis, accepted(task, **more), action(task))
    assert answer.status_code == 200, answer.text
    stored_: Stored = (await crisis.get(f"Task/{task['id']}")).json()
    return stored_


WRONG: dict[str, Stored] = {
    "no attempt at all": {"category": [code("communication-category", "reminder")]},
    "one from before the escalation": {"sent": "2026-01-01T09:00:00Z"},
    "one about something else": {"about": [ref("Task/another")]},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=list(WRONG))
async def test_e10_what_is_no_attempt_of_this_escalation_does_not_count(
    locality: Locality, housing: Agency, crisis: Agency, wrong: Stored
) -> None:
    """An attempt is recorded, of this escalation, and since it was sent."""
    task = await taken(locality, housing, crisis)
    await crisis.created(attempt(task, **wrong))
    assert told(await crisis.put(completed(task))) == [("E10", "Task.status")]


async def test_e10_an_attempt_that_failed_counts_as_an_attempt(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """With its reason, and about the escalation as well as about its review."""
    task = await taken(locality, housing, crisis)
    await crisis.created(attempt(task, status="not-done", statusReason={"text": "Nobody in"}, about=[task["focus"]]))
    assert (await crisis.put(completed(task))).status_code == 200


async def test_e10_an_attempt_that_the_decider_may_not_see_is_none(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """Housing's word to its own staff is nothing that the crisis team knows of."""
    task = await taken(locality, housing, crisis)
    await housing.created(attempt(task, sender=ref("PractitionerRole/housing-lead")))
    assert told(await crisis.put(completed(task))) == [("E10", "Task.status")]


async def test_e10_the_crisis_plan_that_is_named_was_updated_since(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """The one that stood before is no update; one that is written after the escalation is."""
    plan = {**locality.plan(), "author": ref("PractitionerRole/crisis-lead"), "status": "draft", "id": clock.new_id()}
    await stored(locality.built, "Organization/crisis", plan)
    task = await taken(locality, housing, crisis)
    await crisis.created(attempt(task))
    named = completed(task, {"valueReference": ref(f"CarePlan/{plan['id']}")})
    assert told(await crisis.put(named)) == [("E10", "Task.output")]
    current = (await crisis.get(f"CarePlan/{plan['id']}")).json()
    assert (await crisis.put({**current, "description": "Who is called at night"})).status_code == 200
    assert (await crisis.put(named)).status_code == 200


@pytest.mark.parametrize(
    "answer", [{"valueCodeableConcept": code("crisis-plan", "no-change")}, {"valueReference": ref("CarePlan/x")}]
)
async def test_e10_no_change_has_its_reason(locality: Locality, housing: Agency, crisis: Agency, answer: Stored) -> None:
    """And a plan that is not here is no update."""
    task = await taken(locality, housing, crisis)
    await crisis.created(attempt(task))
    assert told(await crisis.put(completed(task, answer))) == [("E10", "Task.output")]


async def test_e12_a_rejection_closes_a_safeguarding_driven_escalation_no_sooner(
    locality: Locality, housing: Agency, crisis: Agency
) -> None:
    """The dataset says so, although no Flag does."""
    coded = {"valueCoding": {"system": "https://baton.example/fhir/CodeSystem/flag-category", "code": "SG"}}
    request = await sent(locality, housing)
    [answer] = [each["reference"] for each in request["supportingInfo"]]
    response = (await housing.get(answer)).json()
    response["item"][1]["answer"] = [coded]
    assert (await housing.put(response)).status_code == 200
    assert told(await crisis.put(rejected(await review_of(crisis, request)))) == [("E12", "Task.status")]


async def test_e12_a_concern_that_the_decider_may_not_see_holds_nothing_up(
    locality: Locality, housing: Agency, crisis: Agency
) -> None:
    """Nobody learns of another agency's concern by a refusal."""
    flag = {"resourceType": "Flag", "id": clock.new_id(), "status": "active", "code": {"text": "Concern"}}
    await stored(
        locality.built,
        "Organization/voluntary",
        {**flag, "category": [code("flag-category", "SG")], "subject": ref(locality.person)},
    )
    no = await crisis.put(rejected(await review_of(crisis, await sent(locality, housing))))
    assert no.status_code == 200, no.text


@pytest.mark.parametrize("status", ["requested", "received"])
async def test_who_lacks_information_asks_back(locality: Locality, housing: Agency, crisis: Agency, status: str) -> None:
    """TIM-15: the clarification goes to who escalated, and its answer ends the waiting; the review's clock runs on."""
    task = await review_of(crisis, await sent(locality, housing))
    if status == "received":
        task = (await crisis.put({**task, "status": "received"})).json()
    waits = {**task, "businessStatus": code("business-status", "awaiting-information")}
    assert told(await crisis.put(waits)) == [("HOV-1", "Task.note")]
    asked = await crisis.put({**waits, "note": [{"text": "When did she last eat?"}]})
    assert (asked.status_code, asked.json()["businessStatus"]) == (200, waits["businessStatus"])
    [question] = await tasks(housing, "clarification", f"Task/{task['id']}")
    assert (question["description"], question["owner"]) == ("When did she last eat?", ref("PractitionerRole/housing-lead"))
    said = [output("answer", valueString="On Monday.")]
    assert (await housing.put({**question, "status": "completed", "output": said})).status_code == 200
    assert "businessStatus" not in (await crisis.get(f"Task/{task['id']}")).json()


async def test_a_note_decides_nothing(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """E5: either agency adds one, and neither an output with it."""
    task = await review_of(crisis, await sent(locality, housing))
    noted = {**task, "note": [{"text": "She rang us."}]}
    assert told(await housing.put({**noted, "output": rejected(task)["output"]})) == [("E5", "Task.output")]
    assert (await housing.put(noted)).status_code == 200


async def test_tim_6_a_brief_review_that_is_late_goes_on_the_next_agenda(
    locality: Locality, housing: Agency, crisis: Agency
) -> None:
    """Once, and both agencies are told."""
    task = await taken(locality, housing, crisis)
    outbox = locality.built.services.mongo.collection("outbox")
    [brief] = await tasks(crisis, "brief-review", f"Task/{task['id']}")
    for hours in (71, 73, 74):
        await worker.run_once(locality.built, clock.now() + timedelta(hours=hours))
    late = (await crisis.get(f"Task/{brief['id']}")).json()
    assert (late["status"], late["businessStatus"]["coding"][0]["code"]) == ("requested", "overdue")
    told_ = [(each["topic"], each["to"]) async for each in outbox.find({"focus": f"Task/{brief['id']}"})]
    assert sorted(told_) == [
        ("agenda", "Organization/crisis"),
        ("deadline-breached", "Organization/crisis"),
        ("deadline-breached", "Organization/housing"),
    ]


async def test_tim_6_a_brief_review_says_what_it_found_and_is_late_no_more(
    locality: Locality, housing: Agency, crisis: Agency
) -> None:
    task = await taken(locality, housing, crisis)
    [brief] = await tasks(crisis, "brief-review", f"Task/{task['id']}")
    assert told(await crisis.put({**brief, "status": "completed"})) == [("E5", "Task.output")]
    done = {**brief, "status": "completed", "output": [output("rationale", valueString="She sleeps again.")]}
    assert (await crisis.put(done)).status_code == 200
    await worker.run_once(locality.built, clock.now() + timedelta(hours=73))
    assert (await crisis.get(f"Task/{brief['id']}")).json()["meta"]["versionId"] == "2"


async def test_e10_more_contacts_end_by_themselves_and_say_so(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """At their end, once; who escalated is told."""
    end = ahead(days=3)
    task = await taken(locality, housing, crisis, ends=end)
    path = f"ServiceRequest?based-on={task['focus']['reference']}"
    [plan] = await found(crisis, path)
    for days in (2, 4, 5):
        await worker.run_once(locality.built, clock.now() + timedelta(days=days))
        [plan] = await found(crisis, path)
        assert plan["status"] == ("active" if days == 2 else "completed")
    assert plan["meta"]["versionId"] == "2"
    words = await found(housing, "Communication?category=escalation-outcome")
    assert [each["about"] for each in words].count([ref(f"ServiceRequest/{plan['id']}")]) == 1


async def test_e10_more_contacts_never_go_on_without_an_end(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """Nor does their agency take the end away; it may set another, which is then kept."""
    task = await taken(locality, housing, crisis, ends=ahead(days=3))
    [plan] = await found(crisis, f"ServiceRequest?based-on={task['focus']['reference']}")
    endless = {**plan, "occurrenceTiming": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}
    assert (await crisis.put(endless)).status_code == 422
    assert (await crisis.send("DELETE", f"ServiceRequest/{plan['id']}")).status_code == 422
    plan["occurrenceTiming"]["repeat"]["boundsPeriod"]["end"] = ahead(days=6)
    longer = await crisis.put(plan)
    assert longer.status_code == 200, longer.text
    await worker.run_once(locality.built, clock.now() + timedelta(days=4))
    assert (await crisis.get(f"ServiceRequest/{plan['id']}")).json()["status"] == "active"
    await worker.run_once(locality.built, clock.now() + timedelta(days=7))
    assert (await crisis.get(f"ServiceRequest/{plan['id']}")).json()["status"] == "completed"
