"""Attacks on the front door (E4): what a careless or hostile partner tries between a referral and its acceptance."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service import clock
from service.care.task import reading
from service.change import Resource
from service.store.partners import Partner
from service.usecases.register import integrity, partners
from tests.attacks.records import denial
from tests.locality import code, person, role, stored
from tests.story.test_front_door import (
    ALLOCATED,
    BORDERLINE,
    ELIGIBLE,
    REDIRECT,
    REDIRECTED,
    REFERRAL,
    TO_CRISIS,
    WHY,
    Story,
    allocated,
    decided,
    issues,
    output,
    story,
)

__all__ = ["story"]

SENIOR = output("decided-by", valueReference={"reference": "PractitionerRole/trust-second"})
INSTEAD = output("alternative", valueString="Ask the community team.")
OVERRIDDEN = {"system": "https://baton.example/fhir/CodeSystem/tag", "code": "threshold-overridden"}
OPEN = "requested,received,accepted,in-progress"


async def borderline(story: Story, *more: Resource) -> Resource:
    """The approval that a borderline decision waits for."""
    await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    answer = await story.trust.put(decided(triage, ALLOCATED, BORDERLINE, WHY, TO_CRISIS, *more))
    assert answer.status_code == 200, answer.text
    return await story.task(story.trust, "approve")


async def waiting(story: Story) -> tuple[Resource, Resource]:
    """A referral whose dataset leaves an item open, and its response."""
    sent = await story.housing.created(await story.referral(answers={"current_risks": ""}))
    return sent, (await story.housing.get(sent["supportingInfo"][0]["reference"])).json()


async def allocations(story: Story) -> list[Resource]:
    """The allocations that the crisis team finds."""
    return [each["resource"] for each in (await story.crisis.get("Task?code=allocation")).json().get("entry", [])]


async def sound(story: Story) -> bool:
    """Whether `baton check` finds nothing."""
    return [each async for each in integrity.findings(story.locality.built.services, clock.now())] == []


async def added(story: Story, sent: Resource, response: Resource) -> Any:
    """The answer to one more response in a referral that was sent."""
    more = {"reference": f"QuestionnaireResponse/{response['id']}"}
    return await story.housing.put({**sent, "supportingInfo": [*sent["supportingInfo"], more]})


# Withdrawal.


async def test_e4_a_withdrawn_referral_leaves_no_allocation_open(story: Story) -> None:
    """The agency that was asked need not answer any more, and nobody has the person."""
    sent, allocation = await allocated(story)
    assert (await story.housing.put({**sent, "status": "revoked"})).status_code == 200
    assert (await story.crisis.get(f"Task/{allocation['id']}")).json()["status"] == "cancelled"
    assert await sound(story)


async def test_e4_a_withdrawn_referral_leaves_no_approval_open(story: Story) -> None:
    """The senior need not answer any more."""
    approve = await borderline(story)
    sent = (await story.housing.get("ServiceRequest")).json()["entry"][0]["resource"]
    assert (await story.housing.put({**sent, "status": "revoked"})).status_code == 200
    assert (await story.trust.get(f"Task/{approve['id']}")).json()["status"] == "cancelled"


async def test_e4_a_rejection_at_once_with_a_withdrawal_opens_no_triage_of_what_has_ended(story: Story) -> None:
    """One of the two stands."""
    sent, allocation = await allocated(story)
    said = {**allocation, "status": "rejected", "statusReason": code("status-reason", "no-capacity"), "output": [INSTEAD]}
    answers = await asyncio.gather(story.crisis.put(said), story.housing.put({**sent, "status": "revoked"}))
    ended = (await story.housing.get(f"ServiceRequest/{sent['id']}")).json()["status"] == "revoked"
    open_ = (await story.trust.get(f"Task?code=triage&status={OPEN}")).json().get("entry", [])
    assert sorted(each.status_code for each in answers)[0] == 200
    assert not (ended and open_)


# Datasets.


@pytest.mark.parametrize("status", ["in-progress", "entered-in-error"])
async def test_tim_15_a_response_that_cannot_be_used_ends_no_waiting(story: Story, status: str) -> None:
    """Answers that its author does not stand by answer nothing."""
    _, response = await waiting(story)
    assert (await story.housing.put({**response, "status": status})).status_code == 200
    assert reading.awaiting(await story.task(story.trust, "triage"))


async def test_tim_15_another_persons_response_ends_no_waiting(story: Story) -> None:
    """However complete it is."""
    sent, _ = await waiting(story)
    other = {**story.answers(REFERRAL), "subject": {"reference": await person(story.locality.built, "Organization/housing")}}
    assert (await added(story, sent, await story.housing.created(other))).status_code == 200
    assert reading.awaiting(await story.task(story.trust, "triage"))
    await story.task(story.housing, "clarification")


@pytest.mark.parametrize("status", ["active", "revoked"])
async def test_e4_the_answers_of_a_referral_are_deleted_only_once_it_has_ended(story: Story, status: str) -> None:
    sent = await story.housing.created(await story.referral())
    if status == "revoked":
        await story.housing.put({**sent, "status": status})
    answer = await story.housing.send("DELETE", sent["supportingInfo"][0]["reference"])
    assert answer.status_code == (204 if status == "revoked" else 422)


async def test_e4_a_response_that_is_added_is_one_that_its_sender_sees(story: Story) -> None:
    """Hidden and absent are refused alike."""
    sent, _ = await waiting(story)
    other = await person(story.locality.built, "Organization/voluntary")
    hidden = {**story.answers(REFERRAL), "id": "hidden", "subject": {"reference": other}}
    await stored(story.locality.built, "Organization/voluntary", hidden)
    for each in ("hidden", "nobody"):
        assert issues(await added(story, sent, {"id": each})) == [("E4", "ServiceRequest.supportingInfo")]


async def test_tim_15_an_answer_after_the_decision_still_closes_the_clarification(story: Story) -> None:
    _, response = await waiting(story)
    asked = await story.task(story.housing, "clarification")
    triage = await story.task(story.trust, "triage")
    assert (await story.trust.put(decided(triage, ALLOCATED, ELIGIBLE, WHY, TO_CRISIS))).status_code == 200
    complete = {**story.answers(REFERRAL), "id": response["id"], "meta": response["meta"]}
    assert (await story.housing.put(complete)).status_code == 200
    assert (await story.housing.get(f"Task/{asked['id']}")).json()["status"] == "completed"


async def test_tim_15_nothing_is_asked_any_more_once_an_agency_has_the_person(story: Story) -> None:
    """The clarification is cancelled with its clock, so that nobody is told that it is late."""
    _, allocation = await allocated(story, answers={"current_risks": ""})
    asked = await story.task(story.housing, "clarification")
    lead = {"reference": "PractitionerRole/crisis-lead"}
    assert (await story.crisis.put({**allocation, "status": "accepted", "owner": lead})).status_code == 200
    assert (await story.housing.get(f"Task/{asked['id']}")).json()["status"] == "cancelled"
    timers = story.locality.built.services.mongo.collection("timers")
    assert await timers.count_documents({"k": f"TIM-15:Task/{asked['id']}", "done": {"$in": [None, False]}}) == 0


async def test_tri_1_a_triage_that_is_open_again_awaits_what_was_asked(story: Story) -> None:
    """A decision that did not stand answers no question."""
    _, allocation = await allocated(story, answers={"current_risks": ""})
    said = {**allocation, "status": "rejected", "statusReason": code("status-reason", "no-capacity"), "output": [INSTEAD]}
    assert (await story.crisis.put(said)).status_code == 200
    assert reading.awaiting(await story.task(story.trust, "triage"))


# Approval.


async def test_hov_3_an_approval_carries_out_nothing_that_consent_denies_meanwhile(story: Story) -> None:
    """The person says no after the decision and before its approval: nothing is sent."""
    approve = await borderline(story)
    said = {**denial(story.locality.person), "organization": [{"reference": "Organization/housing"}]}
    await story.housing.created(said)
    assert issues(await story.trust.put(decided(approve, SENIOR))) == [("HOV-3", "Task.focus")]
    assert await allocations(story) == []


async def test_tri_1_an_approval_sends_nothing_to_an_agency_whose_agreement_has_ended(story: Story) -> None:
    approve = await borderline(story)
    ended = Partner("Organization/crisis", "health", ("TREAT",), end=clock.now())
    await partners.register(story.locality.built.services, story.locality.built.base, ended)
    assert issues(await story.trust.put(decided(approve, SENIOR))) == [("TRI-1", "Task.focus")]


async def test_tri_1_an_approval_proposes_no_lead_whose_role_has_ended(story: Story) -> None:
    approve = await borderline(story, output("lead", valueReference={"reference": "PractitionerRole/crisis-second"}))
    ended = {**role("crisis", "second"), "active": False}
    assert (await story.crisis.put(ended, If_Match='W/"1"')).status_code == 200
    assert issues(await story.trust.put(decided(approve, SENIOR))) == [("TRI-1", "Task.focus")]


async def test_e4_only_the_senior_approves(story: Story) -> None:
    """A colleague without that duty does not, be they signed in or named."""
    await stored(story.locality.built, "Organization/trust", {"resourceType": "Practitioner", "id": "trust-third"})
    await stored(story.locality.built, "Organization/trust", role("trust", "third"))
    approve = await borderline(story)
    colleague = await story.locality.agency("trust", user="PractitionerRole/trust-third")
    assert issues(await colleague.put({**approve, "status": "completed"})) == [("E4", "Task.output")]


async def test_e4_nobody_approves_in_another_role_what_they_decided(story: Story) -> None:
    """The same Practitioner is the same person, registered as senior or not."""
    built = story.locality.built
    twin = {**role("trust", "twin"), "practitioner": {"reference": "Practitioner/trust-lead"}}
    await stored(built, "Organization/trust", twin)
    senior = Partner("Organization/trust", "health", ("TREAT", "HOPERAT"), senior="PractitionerRole/trust-twin")
    await partners.register(built.services, built.base, senior)
    approve = await borderline(story)
    twice = output("decided-by", valueReference={"reference": "PractitionerRole/trust-twin"})
    assert issues(await story.trust.put(decided(approve, twice))) == [("E4", "Task.output")]


async def test_e4_nobody_decides_in_a_role_that_has_ended(story: Story) -> None:
    await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    ended = {**role("trust", "second"), "active": False}
    assert (await story.trust.put(ended, If_Match='W/"1"')).status_code == 200
    assert issues(await story.trust.put(decided(triage, ALLOCATED, ELIGIBLE, WHY, TO_CRISIS, SENIOR))) == [("E4", "Task.output")]


# What is said, and by whom.


async def test_e4_the_referrer_prepares_no_decision(story: Story) -> None:
    """The front door would complete what it did not write."""
    await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    prepared = decided(triage, ALLOCATED, ELIGIBLE, WHY, TO_CRISIS, SENIOR, status="requested")
    assert issues(await story.housing.put(prepared)) == [("E4", "Task.output")]
    assert (await story.housing.put({**triage, "note": [{"text": "Please ring before noon."}]})).status_code == 200


async def test_tri_1_no_agency_is_asked_that_is_not_active(story: Story) -> None:
    await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    team = (await story.crisis.get("Organization/crisis")).json()
    assert (await story.crisis.put({**team, "active": False})).status_code == 200
    assert issues(await story.trust.put(decided(triage, ALLOCATED, ELIGIBLE, WHY, TO_CRISIS))) == [("TRI-1", "Task.output")]


async def test_tri_1_a_refusal_repeats_the_receiver_as_it_was_written(story: Story) -> None:
    await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    nowhere = output("receiver", valueReference={"reference": "Organization/nobody"})
    answer = await story.trust.put(decided(triage, ALLOCATED, ELIGIBLE, WHY, nowhere))
    assert "`Organization/nobody`" in answer.json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize(
    "change",
    [
        {"intent": "proposal"},
        {"performer": [{"reference": "Organization/trust"}, {"reference": "Organization/voluntary"}]},
        {"performer": [{"reference": "PractitionerRole/trust-lead"}]},
        {"requester": {"reference": "Organization/housing"}},
        {"subject": {"reference": "Group/somebody"}},
        {"doNotPerform": True},
    ],
)
async def test_e4_a_referral_is_held_to_its_profile(story: Story, change: Resource) -> None:
    """One front door, one requester, one person, and something to be done; nothing else is stored."""
    answer = await story.housing.post("ServiceRequest", {**await story.referral(), **change})
    assert answer.status_code == 422, answer.text
    assert (await story.housing.get("ServiceRequest")).json().get("entry", []) == []


EVIL = ["https://evil.example/PlanDefinition/front-door|1"]


async def test_gov_3_no_client_says_under_which_pathway_a_referral_runs(story: Story) -> None:
    """The service records it as it sends, and it stays."""
    sent = await story.housing.created(await story.referral(instantiatesCanonical=EVIL))
    assert EVIL[0] not in sent["instantiatesCanonical"]
    changed = await story.housing.put({**sent, "instantiatesCanonical": EVIL})
    assert issues(changed) == [("E4", "ServiceRequest.instantiatesCanonical")]


async def test_e4_no_client_says_that_a_threshold_was_overridden(story: Story) -> None:
    """Overridden thresholds are sampled (GOV-1), so none is invented."""
    sent = await story.housing.created(await story.referral(meta={"tag": [OVERRIDDEN]}))
    amended = await story.housing.put({**sent, "meta": {**sent["meta"], "tag": [OVERRIDDEN]}, "note": [{"text": "More."}]})
    assert amended.status_code == 200, amended.text
    assert [each.get("tag") for each in (sent["meta"], amended.json()["meta"])] == [None, None]


@pytest.mark.parametrize(
    ("member", "value"),
    [("doNotPerform", True), ("code", {"text": "Another need"}), ("reasonCode", [{"text": "Another reason"}])],
)
async def test_e4_nothing_of_what_was_asked_changes_once_it_was_sent(story: Story, member: str, value: Any) -> None:
    sent = await story.housing.created(await story.referral())
    assert ("E4", f"ServiceRequest.{member}") in issues(await story.housing.put({**sent, member: value}))


async def test_e4_a_referral_replaces_one_and_no_other_beside(story: Story) -> None:
    """What stands behind the first is looked at, too."""
    sent = await story.housing.created(await story.referral())
    assert (await story.housing.put({**sent, "status": "revoked"})).status_code == 200
    two = [{"reference": f"ServiceRequest/{sent['id']}"}, {"reference": "ServiceRequest/nobody"}]
    refused = issues(await story.housing.post("ServiceRequest", await story.referral(replaces=two)))
    assert refused == [("E4", "ServiceRequest.replaces")]


async def test_hov_11_a_referral_that_replaces_anothers_tells_nothing_of_its_triage(story: Story) -> None:
    """The crisis team of the person's care team sees the referral, and not the Task that decided about it."""
    team = {
        "resourceType": "CareTeam",
        "status": "active",
        "subject": {"reference": story.locality.person},
        "participant": [{"member": {"reference": "Organization/crisis"}}],
    }
    await stored(story.locality.built, "Organization/housing", team)
    sent = await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    answers = story.answers(REDIRECT, "trust")
    items = [each for each in answers["item"] if each["linkId"] != "urgent-routes-communicated"]
    urgent = {"linkId": "urgent-routes-communicated", "answer": [{"valueBoolean": True}]}
    told = await story.trust.created({**answers, "item": [*items, urgent]})
    redirect = output("redirect", valueReference={"reference": f"QuestionnaireResponse/{told['id']}"})
    outside = output("threshold", valueCodeableConcept=code("triage-outcome", "outside-scope"))
    assert (await story.trust.put(decided(triage, REDIRECTED, outside, WHY, redirect))).status_code == 200
    response = await story.crisis.created(story.answers(REFERRAL, "crisis"))
    again = {
        "requester": {"reference": "PractitionerRole/crisis-lead"},
        "supportingInfo": [{"reference": f"QuestionnaireResponse/{response['id']}"}],
        "replaces": [{"reference": f"ServiceRequest/{sent['id']}"}],
    }
    await story.crisis.created(await story.referral(**again))
    assert reading.inputs(await story.task(story.crisis, "triage"), "rationale") == []


async def test_e4_a_transaction_sends_a_referral_before_its_dataset(story: Story) -> None:
    """The order of its entries makes no difference."""
    named = [f"urn:uuid:6f1e4c8e-6e5b-4f0a-9a53-00000000000{each}" for each in (1, 2)]
    request = await story.referral(supportingInfo=[{"reference": named[1]}])
    entries = [
        {"fullUrl": url, "resource": each, "request": {"method": "POST", "url": each["resourceType"]}}
        for url, each in zip(named, (request, story.answers(REFERRAL)), strict=True)
    ]
    answer = await story.housing.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 200, answer.text
    await story.task(story.trust, "triage")
