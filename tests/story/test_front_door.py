"""E4 as a practice reads: a housing association refers somebody, the trust's front door triages, the crisis team takes the person
on. Each step first without what it cannot proceed without."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from service.app import build, routes, shell
from service.care.task import reading
from service.change import Resource
from service.settings import Settings
from service.store.mongo import Mongo
from service.store.partners import Partner
from service.usecases.register import partners
from tests.locality import BASE, Agency, Locality, code, dataset, person, settle, transport

REFERRAL = "https://baton.example/fhir/Questionnaire/mds-referral"
SAID = {
    "presenting_need": "Low mood since the summer, and panic at night",
    "functional_impact": "Not sleeping, not leaving the flat",
}
REDIRECT = "https://baton.example/fhir/Questionnaire/mds-redirect"


@dataclass
class Story:
    """The agencies of the story, and how they say what they say."""

    locality: Locality
    housing: Agency
    trust: Agency
    crisis: Agency

    def answers(self, name: str, author: str = "housing", **given: str) -> Resource:
        """A response to one of the datasets."""
        questionnaire = self.locality.built.services.definitions.questionnaire(name)
        assert questionnaire is not None
        made = dataset(self.locality.person, questionnaire, **{**(SAID if name == REFERRAL else {}), **given})
        return {**made, "author": {"reference": f"PractitionerRole/{author}-lead"}}

    async def referral(self, **more: Any) -> Resource:
        """A referral to the trust's front door, its dataset stored before."""
        given = more.pop("answers", {})
        response = await self.housing.created(self.answers(REFERRAL, **given))
        return {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "category": [code("request-category", "referral")],
            "priority": "routine",
            "subject": {"reference": self.locality.person},
            "requester": {"reference": "PractitionerRole/housing-lead"},
            "performer": [{"reference": "Organization/trust"}],
            "supportingInfo": [{"reference": f"QuestionnaireResponse/{response['id']}"}],
            "extension": [
                {
                    "url": "https://baton.example/fhir/StructureDefinition/sharing-authority",
                    "valueCodeableConcept": code("lawful-basis", "direct-care", "Asked for help by the person."),
                }
            ],
            **more,
        }

    async def task(self, agency: Agency, kind: str, focus: str = "") -> Resource:
        """The one open Task of a kind that an agency finds."""
        answer = await agency.get(f"Task?code={kind}&status=requested,received,in-progress")
        found = [each["resource"] for each in answer.json().get("entry", ())]
        found = [each for each in found if not focus or each["focus"]["reference"] == focus]
        assert len(found) == 1, answer.text
        only: Resource = found[0]
        return only


@pytest_asyncio.fixture
async def story(fresh_mongo: Mongo, tmp_path: Path) -> AsyncIterator[Story]:
    """The locality, with a senior at the trust's front door, and somebody whom the housing association knows."""
    settings = Settings(data=tmp_path)
    built = await build(settings, fresh_mongo, BASE)
    app = shell(settings)
    app.router.routes.extend(routes(built, BASE))
    await settle(built)
    trust = Partner("Organization/trust", "health", ("TREAT", "HOPERAT"), senior="PractitionerRole/trust-second")
    await partners.register(built.services, built.base, trust)
    async with transport(app) as http:
        locality = Locality(built, http, await person(built, "Organization/housing"))
        staff = {
            name: await locality.agency(name, user=f"PractitionerRole/{name}-lead") for name in ("housing", "trust", "crisis")
        }
        yield Story(locality, staff["housing"], staff["trust"], staff["crisis"])
    await built.issuers.close()


def output(kind: str, **value: Any) -> Resource:
    """An output of a Task."""
    return {"type": code("task-output", kind), **value}


def decided(task: Resource, *outputs: Resource, status: str = "completed") -> Resource:
    """A Task with a decision."""
    return {**task, "status": status, "output": [*task.get("output", ()), *outputs]}


ALLOCATED = output("decision", valueCodeableConcept=code("decision", "allocated"))
REDIRECTED = output("decision", valueCodeableConcept=code("decision", "redirected"))
ELIGIBLE = output("threshold", valueCodeableConcept=code("triage-outcome", "eligible"))
BORDERLINE = output("threshold", valueCodeableConcept=code("triage-outcome", "borderline"))
WHY = output("rationale", valueString="The person's needs are the crisis team's.")
TO_CRISIS = output("receiver", valueReference={"reference": "Organization/crisis"})


def issues(answer: Any) -> list[tuple[str, str]]:
    """The rule and place of each issue of a refusal."""
    assert answer.status_code == 422, answer.text
    return [(each["details"]["coding"][0]["code"], each.get("expression", [""])[0]) for each in answer.json()["issue"]]


async def test_e4_a_referral_becomes_a_plan_once_an_agency_has_accepted(story: Story) -> None:
    """TRI-1: nobody has the person before; everything that follows is there at once."""
    sent = await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    assert triage["focus"]["reference"] == f"ServiceRequest/{sent['id']}"
    assert "businessStatus" not in triage

    assert {rule for rule, _ in issues(await story.trust.put(decided(triage)))} == {"TRI-1"}
    nowhere = output("receiver", valueReference={"reference": "Organization/nobody"})
    assert "TRI-1" in {rule for rule, _ in issues(await story.trust.put(decided(triage, ALLOCATED, ELIGIBLE, WHY, nowhere)))}
    answer = await story.trust.put(decided(triage, ALLOCATED, ELIGIBLE, WHY, TO_CRISIS))
    assert answer.status_code == 200, answer.text
    assert reading.outputs(answer.json(), "decided-by")[0]["valueReference"] == {"reference": "PractitionerRole/trust-lead"}

    assert (await story.crisis.get(f"CarePlan?subject={story.locality.person}")).json().get("entry", []) == []
    allocation = await story.task(story.crisis, "allocation")
    assert (await story.crisis.get(f"ServiceRequest/{sent['id']}")).status_code == 200
    assert ("TRI-1", "Task.output") in issues(await story.crisis.put({**allocation, "status": "accepted"}))
    lead = {"reference": "PractitionerRole/crisis-lead"}
    answer = await story.crisis.put({**allocation, "status": "accepted", "owner": lead})
    assert answer.status_code == 200, answer.text

    plans = (await story.crisis.get(f"CarePlan?subject={story.locality.person}")).json()["entry"]
    (plan,) = [each["resource"] for each in plans]
    assert (plan["status"], plan["author"]) == ("active", lead)
    assert [each["url"].rsplit("/", 1)[1] for each in plan["extension"]] == ["workflow-episodeOfCare", "goals-by"]
    episode = plan["extension"][0]["valueReference"]["reference"]
    assert (await story.crisis.get(episode)).json()["careManager"] == lead
    team = (await story.crisis.get(plan["careTeam"][0]["reference"])).json()
    assert team["participant"][0]["member"] == lead
    follow = await story.task(story.crisis, "follow-up")
    assert (follow["owner"], follow["focus"]["reference"]) == (lead, f"CarePlan/{plan['id']}")
    assert (await story.housing.get(f"ServiceRequest/{sent['id']}")).json()["status"] == "completed"
    told = (await story.housing.get("Communication?category=referral-outcome")).json()["entry"]
    assert [each["resource"]["about"][0]["reference"] for each in told] == [f"ServiceRequest/{sent['id']}"]


async def allocated(story: Story, **more: Any) -> tuple[Resource, Resource]:
    """A referral that was sent and allocated to the crisis team, and the allocation."""
    sent = await story.housing.created(await story.referral(**more))
    triage = await story.task(story.trust, "triage", f"ServiceRequest/{sent['id']}")
    answer = await story.trust.put(decided(triage, ALLOCATED, ELIGIBLE, WHY, TO_CRISIS))
    assert answer.status_code == 200, answer.text
    return sent, await story.task(story.crisis, "allocation")


async def test_tri_1_a_rejected_allocation_opens_the_triage_again(story: Story) -> None:
    """Only with a reason and what should happen instead; the decision that did not stand is in the history alone."""
    sent, allocation = await allocated(story)
    refused = issues(await story.crisis.put({**allocation, "status": "rejected"}))
    assert refused == [("HOV-1", "Task.statusReason"), ("TRI-1", "Task.output")]
    instead = output("alternative", valueString="Ask the community team.")
    said = {**allocation, "status": "rejected", "statusReason": code("status-reason", "no-capacity"), "output": [instead]}
    assert (await story.crisis.put(said)).status_code == 200
    triage = await story.task(story.trust, "triage", f"ServiceRequest/{sent['id']}")
    assert (triage["status"], reading.outputs(triage, "decision")) == ("received", [])
    assert (await story.housing.get(f"ServiceRequest/{sent['id']}")).json()["status"] == "active"
    again = await story.trust.put(decided(triage, ALLOCATED, ELIGIBLE, WHY, TO_CRISIS))
    assert again.status_code == 200, again.text
    await story.task(story.crisis, "allocation")


async def test_e4_an_incomplete_dataset_awaits_information_and_is_never_refused(story: Story) -> None:
    """TIM-15: the referrer is asked for each item by its linkId, and its answers end the waiting by themselves."""
    sent = await story.housing.created(await story.referral(answers={"current_risks": "", "reasonable_adjustments": ""}))
    triage = await story.task(story.trust, "triage")
    assert reading.awaiting(triage)
    asked = await story.task(story.housing, "clarification")
    questions = [each["valueString"] for each in reading.inputs(asked, "question")]
    assert (questions, asked["focus"]["reference"]) == (["current-risks", "reasonable-adjustments"], f"Task/{triage['id']}")
    ref = sent["supportingInfo"][0]["reference"]
    complete = {**story.answers(REFERRAL), "id": ref.partition("/")[2], "meta": {"versionId": "1"}}
    assert (await story.housing.put(complete)).status_code == 200
    assert not reading.awaiting(await story.task(story.trust, "triage"))
    done = (await story.housing.get(f"Task/{asked['id']}")).json()
    assert (done["status"], reading.value_reference(reading.outputs(done, "answer")[0])) == ("completed", ref)


async def test_e4_a_further_response_completes_the_dataset_too(story: Story) -> None:
    """One more in `supportingInfo`; what the referral said before stays."""
    sent = await story.housing.created(await story.referral(answers={"current_risks": ""}))
    more = await story.housing.created(story.answers(REFERRAL))
    added = {**sent, "supportingInfo": [*sent["supportingInfo"], {"reference": f"QuestionnaireResponse/{more['id']}"}]}
    assert ("E4", "ServiceRequest.supportingInfo") in issues(
        await story.housing.put({**added, "supportingInfo": added["supportingInfo"][1:]})
    )
    assert (await story.housing.put(added)).status_code == 200
    assert not reading.awaiting(await story.task(story.trust, "triage"))


async def test_e4_a_redirect_tells_why_and_that_urgent_routes_were_told(story: Story) -> None:
    """The referral is revoked, and the referrer told with the response."""
    sent = await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    outside = output("threshold", valueCodeableConcept=code("triage-outcome", "outside-scope"))
    assert issues(await story.trust.put(decided(triage, REDIRECTED, outside, WHY))) == [("E4", "Task.output")]
    untold = await story.trust.created(story.answers(REDIRECT, "trust"))
    redirect = output("redirect", valueReference={"reference": f"QuestionnaireResponse/{untold['id']}"})
    assert issues(await story.trust.put(decided(triage, REDIRECTED, outside, WHY, redirect))) == [("E4", "Task.output")]
    answers = story.answers(REDIRECT, "trust")
    items = [each for each in answers["item"] if each["linkId"] != "urgent-routes-communicated"]
    urgent = {"linkId": "urgent-routes-communicated", "answer": [{"valueBoolean": True}]}
    told = await story.trust.created({**answers, "item": [*items, urgent]})
    redirect = output("redirect", valueReference={"reference": f"QuestionnaireResponse/{told['id']}"})
    answer = await story.trust.put(decided(triage, REDIRECTED, outside, WHY, redirect))
    assert answer.status_code == 200, answer.text
    assert (await story.housing.get(f"ServiceRequest/{sent['id']}")).json()["status"] == "revoked"
    await story.housing.created(await story.referral(replaces=[{"reference": f"ServiceRequest/{sent['id']}"}]))
    reasons = [each["valueString"] for each in reading.inputs(await story.task(story.trust, "triage"), "rationale")]
    assert reasons == [WHY["valueString"]]
    (outcome,) = (await story.housing.get("Communication?category=referral-outcome")).json()["entry"]
    about = [each["reference"] for each in outcome["resource"]["about"]]
    assert about == [f"ServiceRequest/{sent['id']}", f"QuestionnaireResponse/{told['id']}"]


async def test_e4_a_borderline_decision_waits_for_another_who_is_senior(story: Story) -> None:
    """Nobody decides and approves; it takes effect when it is approved."""
    await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    senior = output("decided-by", valueReference={"reference": "PractitionerRole/trust-second"})
    assert issues(await story.trust.put(decided(triage, ALLOCATED, BORDERLINE, WHY, TO_CRISIS, senior))) == [
        ("E4", "Task.output")
    ]
    answer = await story.trust.put(decided(triage, ALLOCATED, BORDERLINE, WHY, TO_CRISIS))
    assert answer.status_code == 200, answer.text
    assert reading.business_status(answer.json()) == "awaiting-approval"
    assert (await story.crisis.get("Task?code=allocation")).json().get("entry", []) == []
    approve = await story.task(story.trust, "approve")
    assert issues(await story.trust.put({**approve, "status": "completed"})) == [("E4", "Task.output")]
    assert (await story.trust.put(decided(approve, senior))).status_code == 200
    await story.task(story.crisis, "allocation")
    assert "businessStatus" not in (await story.trust.get(f"Task/{triage['id']}")).json()


async def test_e4_a_borderline_decision_that_is_not_approved_comes_back_with_guidance(story: Story) -> None:
    await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    await story.trust.put(decided(triage, ALLOCATED, BORDERLINE, WHY, TO_CRISIS))
    approve = await story.task(story.trust, "approve")
    senior = output("decided-by", valueReference={"reference": "PractitionerRole/trust-second"})
    bare = {**decided(approve, senior, status="rejected"), "statusReason": code("status-reason", "other", "Not yet.")}
    assert issues(await story.trust.put(bare)) == [("E4", "Task.output")]
    guidance = output("guidance", valueString="Ask the person first what they want.")
    assert (await story.trust.put({**bare, "output": [*bare["output"], guidance]})).status_code == 200
    again = await story.task(story.trust, "triage")
    assert (again["id"], again["status"], reading.outputs(again, "decision")) == (triage["id"], "received", [])


async def test_e4_the_referrer_withdraws_until_somebody_has_decided(story: Story) -> None:
    """The triage and the clarification are cancelled; what was sent is not changed, nor deleted."""
    sent = await story.housing.created(await story.referral(answers={"current_risks": ""}))
    triage, asked = await story.task(story.trust, "triage"), await story.task(story.housing, "clarification")
    assert ("E4", "ServiceRequest.priority") in issues(await story.housing.put({**sent, "priority": "urgent"}))
    assert (await story.housing.send("DELETE", f"ServiceRequest/{sent['id']}")).status_code == 422
    assert issues(await story.housing.put({**sent, "status": "completed"})) == [("E4", "ServiceRequest.status")]
    assert (await story.housing.put({**sent, "status": "revoked"})).status_code == 200
    for each in (triage, asked):
        assert (await story.housing.get(f"Task/{each['id']}")).json()["status"] == "cancelled"


async def test_e4_a_new_referral_replaces_an_earlier_one_that_has_ended(story: Story) -> None:
    """Its triage names the earlier one, and it never leads back to itself."""
    sent = await story.housing.created(await story.referral())
    later = await story.referral(replaces=[{"reference": f"ServiceRequest/{sent['id']}"}])
    assert issues(await story.housing.post("ServiceRequest", later)) == [("E4", "ServiceRequest.replaces")]
    await story.housing.put({**sent, "status": "revoked"})
    new = await story.housing.created(later)
    triage = await story.task(story.trust, "triage")
    named = [reading.value_reference(each) for each in reading.inputs(triage, "reason")]
    assert named == [f"ServiceRequest/{sent['id']}"]
    assert triage["basedOn"] == [{"reference": f"ServiceRequest/{sent['id']}"}]
    itself = {**await story.referral(), "id": "housing.circle", "replaces": [{"reference": "ServiceRequest/housing.circle"}]}
    assert ("E4", "ServiceRequest.replaces") in issues(await story.housing.put(itself))
    assert new["replaces"] == later["replaces"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"performer": [{"reference": "Organization/nobody"}]}, "ServiceRequest.performer"),
        ({"requester": {"reference": "PractitionerRole/trust-lead"}}, "ServiceRequest.requester"),
        ({"subject": {"reference": "Patient/nobody"}}, "ServiceRequest.subject"),
        ({"supportingInfo": [{"reference": "QuestionnaireResponse/nobody"}]}, "ServiceRequest.supportingInfo"),
        ({"replaces": [{"reference": "ServiceRequest/nobody"}]}, "ServiceRequest.replaces"),
    ],
)
async def test_e4_what_a_referral_names_is_known(story: Story, change: Resource, place: str) -> None:
    """Each refused by its name, and nothing is stored."""
    refused = issues(await story.housing.post("ServiceRequest", {**await story.referral(), **change}))
    assert place in {where for _, where in refused}
    assert (await story.housing.get("ServiceRequest")).json().get("entry", []) == []
    assert (await story.trust.get("Task?code=triage")).json().get("entry", []) == []


async def test_tri_1_a_lead_that_is_proposed_is_of_the_receiver(story: Story) -> None:
    await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    lead = output("lead", valueReference={"reference": "PractitionerRole/trust-lead"})
    refused = issues(await story.trust.put(decided(triage, ALLOCATED, ELIGIBLE, WHY, TO_CRISIS, lead)))
    assert refused == [("TRI-1", "Task.output")]


async def test_out_1_an_acceptance_names_goals_of_the_person(story: Story) -> None:
    """Or the date by which they are agreed, which is ahead."""
    _, allocation = await allocated(story)
    lead = {"reference": "PractitionerRole/crisis-lead"}
    accepted = {**allocation, "status": "accepted", "owner": lead}
    goal = output("goal", valueReference={"reference": "Goal/nobody"})
    assert issues(await story.crisis.put({**accepted, "output": [goal]})) == [("OUT-1", "Task.output")]
    past = output("goals-by", valueDate="2020-01-01")
    assert issues(await story.crisis.put({**accepted, "output": [past]})) == [("OUT-1", "Task.output")]
    aim = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "Sleep through the night"},
        "subject": {"reference": story.locality.person},
    }
    stored = await story.crisis.created(aim)
    goal = output("goal", valueReference={"reference": f"Goal/{stored['id']}"})
    answer = await story.crisis.put({**accepted, "output": [goal]})
    assert answer.status_code == 200, answer.text
    (plan,) = (await story.crisis.get(f"CarePlan?subject={story.locality.person}")).json()["entry"]
    assert plan["resource"]["goal"] == [{"reference": f"Goal/{stored['id']}"}]


async def test_e4_a_stranger_sees_nothing_of_a_referral(story: Story) -> None:
    """Hidden and absent look the same."""
    sent = await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    voluntary = await story.locality.agency("voluntary")
    for path in (f"ServiceRequest/{sent['id']}", f"Task/{triage['id']}", sent["supportingInfo"][0]["reference"]):
        assert (await voluntary.get(path)).status_code == 404
    assert (await voluntary.put(decided(triage, ALLOCATED, ELIGIBLE, WHY, TO_CRISIS))).status_code == 404


async def test_hov_9_a_repeated_decision_allocates_once(story: Story) -> None:
    """MTG-3: one allocation of a referral is open at a time."""
    await story.housing.created(await story.referral())
    triage = await story.task(story.trust, "triage")
    said = decided(triage, ALLOCATED, ELIGIBLE, WHY, TO_CRISIS)
    first = await story.trust.put(said, If_Match='W/"1"')
    assert first.status_code == 200, first.text
    again = await story.trust.put({**said, "meta": first.json()["meta"]})
    assert again.status_code == 200, again.text
    await story.task(story.crisis, "allocation")


async def test_own_6_an_agency_that_leads_already_goes_on_with_its_plan(story: Story) -> None:
    """No second plan is made beside it; of a plan that another leads the agency is asked to make one (OWN-11)."""
    _, allocation = await allocated(story)
    lead = {"reference": "PractitionerRole/crisis-lead"}
    assert (await story.crisis.put({**allocation, "status": "accepted", "owner": lead})).status_code == 200
    _, again = await allocated(story)
    second = {"reference": "PractitionerRole/crisis-second"}
    answer = await story.crisis.put({**again, "status": "accepted", "owner": second})
    assert answer.status_code == 200, answer.text
    plans = (await story.crisis.get(f"CarePlan?subject={story.locality.person}")).json()["entry"]
    assert [(each["resource"]["status"], each["resource"]["author"]) for each in plans] == [("active", second)]
    follows = (await story.crisis.get("Task?code=follow-up")).json()["entry"]
    assert len({each["resource"]["focus"]["reference"] for each in follows}) == 1


async def test_own_11_a_plan_beside_one_that_is_seen_is_to_be_merged(story: Story) -> None:
    """By its agency, which is told once."""
    housing = {"reference": "PractitionerRole/housing-lead"}
    await story.housing.created(story.locality.plan(author=housing))
    _, allocation = await allocated(story)
    lead = {"reference": "PractitionerRole/crisis-lead"}
    assert (await story.crisis.put({**allocation, "status": "accepted", "owner": lead})).status_code == 200
    told = (await story.crisis.get("Task?code=alert")).json().get("entry", [])
    assert ["merge-plan" in each["resource"]["description"] for each in told] == [True]
