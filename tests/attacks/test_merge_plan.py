"""Attacks on the merge of two plans (OWN-6): what a careless or hostile partner tries between asking and accepting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service import clock
from service.fhir.reference import links
from tests.attacks.records import CONFIDENTIALITY, denial
from tests.locality import Locality, code, handover, person, stored
from tests.merging import BASIS, SLEEP, Parallel, activity, issues, joined, parallel, put, ref

REASON = {"statusReason": code("status-reason", "disagrees")}
INLINE = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
RESTRICTED = {"system": CONFIDENTIALITY, "code": "R"}


def opposite(made: Parallel) -> dict[str, Any]:
    """The Task by which the crisis team asks the trust for the same the other way round."""
    parties = {"requester": ref("PractitionerRole/crisis-lead"), "owner": ref("Organization/trust")}
    inputs = [put("into", valueReference=ref(made.plan_ref)), put("sharing-authority", valueCodeableConcept=BASIS)]
    return made.task(**parties, focus=ref(made.other_ref), input=inputs, **{"for": ref(made.about[1])})


async def changed(made: Parallel, **members: Any) -> None:
    """The trust writes its plan with other members."""
    stored_ = await made.read(made.plan_ref)
    answer = await made.trust.put({**stored_, **members})
    assert answer.status_code == 200, answer.text


async def refusal(made: Parallel, task: dict[str, Any]) -> list[tuple[str, str]]:
    """What stands in the way of acceptance."""
    return issues(await made.crisis.put({**task, "status": "accepted"}))


# Whom it is nothing to.


async def test_hov_11_a_third_agency_neither_sees_nor_moves_a_merge(locality: Locality) -> None:
    made = await parallel(locality)
    task, housing = await made.trust.created(made.task()), await locality.agency("housing")
    assert (await housing.get(f"Task/{task['id']}")).status_code == 404
    assert (await housing.put({**task, "status": "accepted"})).status_code == 404
    assert issues(await housing.post("Task", made.task())) == [("HOV-1", "Task.requester")]


async def test_own_3_nobody_has_anothers_plan_merged(locality: Locality) -> None:
    """The crisis team sees both, and leads one."""
    made = await parallel(locality, apart=False)
    task = made.task(requester=ref("PractitionerRole/crisis-lead"))
    assert issues(await made.crisis.post("Task", task)) == [("OWN-3", "Task.focus")]


@pytest.mark.parametrize("member", ["focus", "into"])
async def test_hov_11_a_hidden_plan_is_named_no_more_than_an_absent_one(locality: Locality, member: str) -> None:
    made = await parallel(locality)
    other = await person(locality.built, "Organization/voluntary")
    voluntary = await locality.agency("voluntary")
    plan = await voluntary.created(locality.plan(subject=ref(other), author=ref("PractitionerRole/voluntary-lead")))
    texts = []
    for identity in (plan["id"], "nobody"):
        named = ref(f"CarePlan/{identity}")
        task = made.task(focus=named) if member == "focus" else made.task(input=[put("into", valueReference=named)])
        answer = await made.trust.post("Task", task)
        texts.append((issues(answer), answer.text.replace(identity, "")))
    assert texts[0] == texts[1]


async def test_own_11_plans_of_two_people_are_not_merged(locality: Locality) -> None:
    """One number is no proof: the agencies have to know that they are one."""
    made = await parallel(locality)
    stranger = await person(locality.built, "Organization/crisis")
    plan = await made.crisis.created(locality.plan(subject=ref(stranger), author=ref("PractitionerRole/crisis-lead")))
    await joined(made.crisis, plan, "trust")
    inputs = [put("into", valueReference=ref(f"CarePlan/{plan['id']}")), put("sharing-authority", valueCodeableConcept=BASIS)]
    assert issues(await made.trust.post("Task", made.task(input=inputs))) == [("OWN-11", "Task.input")]


# Consent.


async def test_hov_3_a_merge_that_consent_denies_is_not_sent(locality: Locality) -> None:
    made = await parallel(locality)
    await made.trust.created(denial(made.about[0]))
    assert issues(await made.trust.post("Task", made.task())) == [("HOV-3", "Task.input")]


async def test_hov_8_a_merge_is_not_accepted_once_consent_is_withdrawn(locality: Locality) -> None:
    """It stays visible, and can be rejected."""
    made = await parallel(locality)
    task = await made.trust.created(made.task())
    await made.trust.created(denial(made.about[0]))
    assert await refusal(made, task) == [("HOV-8", "Task.input")]
    assert (await made.crisis.get(made.plan_ref)).status_code == 404
    assert (await made.crisis.put({**task, "status": "rejected", **REASON})).status_code == 200


async def test_hov_3_what_is_withheld_is_not_taken_over(locality: Locality) -> None:
    """An activity that the crisis team may not read would be its own plan's."""
    made = await parallel(locality)
    secret = {**activity("Weekly visit"), "extension": [{"url": INLINE, "valueCoding": RESTRICTED}]}
    stored_ = await made.read(made.plan_ref)
    await changed(made, activity=[secret], meta={**stored_["meta"], "security": [{**RESTRICTED, "code": "N"}]})
    inputs = [put("into", valueReference=ref(made.other_ref))]
    answer = await made.trust.post("Task", made.task(input=inputs))
    assert (issues(answer), "withheld" in answer.text) == ([("HOV-3", "Task.input")], True)


async def test_labels_stay_with_what_is_taken_over(locality: Locality) -> None:
    """Nothing becomes more open than it was."""
    made = await parallel(locality, apart=False)
    label = {"system": CONFIDENTIALITY, "code": "N"}
    stored_ = await made.read(made.plan_ref)
    await changed(made, meta={**stored_["meta"], "security": [label]})
    await made.accepted(await made.trust.created(made.task()))
    assert (await made.read(made.other_ref))["meta"]["security"] == [label]


async def test_a_goal_that_one_of_them_may_not_see_is_compared_with_none(locality: Locality) -> None:
    """What became of its twin would tell the trust of it."""
    made = await parallel(locality)
    same = await made.read(made.goals["same"])
    answer = await made.crisis.put({**same, "meta": {**same["meta"], "security": [RESTRICTED]}})
    assert answer.status_code == 200, answer.text
    await made.accepted(await made.trust.created(made.task()))
    assert (await made.read(made.goals[SLEEP]))["lifecycleStatus"] == "active"
    assert made.goals[SLEEP] in links(await made.read(made.other_ref), "goal")


async def test_a_third_agencys_goal_is_kept_as_it_is(locality: Locality) -> None:
    """Only who keeps a Goal ends it."""
    made = await parallel(locality)
    sleep = await made.read(made.goals[SLEEP])
    theirs = {**sleep, "id": clock.new_id()}
    await stored(locality.built, "Organization/voluntary", theirs)
    await changed(made, goal=[ref(f"Goal/{theirs['id']}")])
    await made.accepted(await made.trust.created(made.task()))
    assert (await made.read(f"Goal/{theirs['id']}"))["lifecycleStatus"] == "active"
    assert links(await made.read(made.other_ref), "goal") == (made.goals["same"], f"Goal/{theirs['id']}")


# What has changed meanwhile.


async def test_a_plan_that_has_ended_meanwhile_is_not_merged(locality: Locality) -> None:
    made = await parallel(locality)
    task = await made.trust.created(made.task())
    await changed(made, status="completed")
    assert await refusal(made, task) == [("OWN-6", "Task.focus")]


async def test_own_3_a_plan_that_was_handed_over_meanwhile_is_not_merged(locality: Locality) -> None:
    """Who leads it now asks, or does not."""
    made = await parallel(locality, apart=False)
    task = await made.trust.created(made.task())
    response = await made.trust.created(locality.dataset())
    refs = made.plan_ref, f"QuestionnaireResponse/{response['id']}"
    sent = handover(locality.person, *refs, to="Organization/housing")
    why = code("lawful-basis", "direct-care", "The person lives with them.")
    sent["input"][1]["valueCodeableConcept"] = why
    sent = await made.trust.created(sent)
    housing = await locality.agency("housing")
    lead = ref("PractitionerRole/housing-second")
    assert (await housing.put({**sent, "status": "accepted", "owner": lead})).status_code == 200
    assert await refusal(made, task) == [("OWN-3", "Task.focus")]


async def test_a_stale_acceptance_changes_nothing(locality: Locality) -> None:
    made = await parallel(locality)
    task = await made.trust.created(made.task())
    assert (await made.trust.put({**task, "status": "cancelled", **REASON})).status_code == 200
    assert (await made.crisis.put({**task, "status": "accepted"})).status_code == 412
    assert (await made.read(made.plan_ref))["status"] == "active"


async def test_hov_5_of_two_acceptances_one_merges(locality: Locality) -> None:
    """And what is taken over is there once."""
    made = await parallel(locality)
    task = await made.trust.created(made.task())
    tries = [made.crisis.put({**task, "status": "accepted"}) for _ in range(2)]
    answers = sorted(each.status_code for each in await asyncio.gather(*tries))
    assert answers[0] == 200
    assert answers[1] in (409, 412)
    other = await made.read(made.other_ref)
    assert (other["meta"]["versionId"], len(other["activity"]), len(links(other, "replaces"))) == ("2", 4, 1)


async def test_hov_9_a_repeated_request_merges_once(locality: Locality) -> None:
    made = await parallel(locality)
    sent = [(await made.trust.created(made.task(), X_Request_Id="asked-once"))["id"] for _ in range(2)]
    assert sent[0] == sent[1]
    task = (await made.crisis.get(f"Task/{sent[0]}")).json()
    done = [await made.crisis.put({**task, "status": "accepted"}, X_Request_Id="taken-once") for _ in range(2)]
    assert [each.status_code for each in done] == [200, 200]
    assert (await made.read(made.other_ref))["meta"]["versionId"] == "2"


async def test_own_6_a_plan_is_asked_to_be_merged_once_at_a_time(locality: Locality) -> None:
    """A received Task is open as one that was asked for."""
    made = await parallel(locality)
    task = await made.trust.created(made.task())
    answer = await made.trust.post("Task", made.task())
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "duplicate")
    assert (await made.crisis.put({**task, "status": "received"})).status_code == 200
    assert (await made.trust.post("Task", made.task())).status_code == 409


async def test_own_6_no_two_plans_are_merged_into_each_other(locality: Locality) -> None:
    """Neither one after the other nor in one moment."""
    made = await parallel(locality, apart=False)
    task = await made.trust.created(made.task())
    assert issues(await made.crisis.post("Task", opposite(made))) == [("OWN-6", "Task.input")]
    assert (await made.trust.put({**task, "status": "cancelled", **REASON})).status_code == 200
    tries = (made.trust.post("Task", made.task()), made.crisis.post("Task", opposite(made)))
    answers = sorted(each.status_code for each in await asyncio.gather(*tries))
    assert answers[0] == 201
    assert answers[1] in (409, 422)


# What follows for others.


async def test_idn_6_who_takes_in_the_plan_that_led_leads_the_person(locality: Locality) -> None:
    """The crisis team has a plan about the trust's Patient: of itself that leads nobody."""
    made = await parallel(locality, apart=False)
    before = await locality.built.services.evidence.person(locality.person)
    await made.accepted(await made.trust.created(made.task()))
    after = await locality.built.services.evidence.person(locality.person)
    assert (before.leading, after.leading) == ({"Organization/trust"}, {"Organization/crisis"})


async def test_own_11_a_part_of_the_merged_plan_is_counted_anew(locality: Locality) -> None:
    """The trust is asked to merge it, too, where the person has another plan of its own by then."""
    made = await parallel(locality, apart=False)
    part = await made.trust.created(locality.plan(partOf=[ref(made.plan_ref)]))
    assert ("OWN-6", "Task.focus") in issues(await made.trust.post("Task", made.task(focus=ref(f"CarePlan/{part['id']}"))))
    await made.accepted(await made.trust.created(made.task()))
    assert (await made.read(f"CarePlan/{part['id']}"))["status"] == "active"
    again = await made.trust.post("CarePlan", locality.plan())
    assert (again.status_code, part["id"] in again.text) == (409, True)
