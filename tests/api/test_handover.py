"""A handover over HTTP, from a draft plan to the new owner."""

from __future__ import annotations

from typing import Any

import pytest

from tests.locality import Locality, code, handover, person

Stored = dict[str, Any]


def accepted(task: Stored) -> Stored:
    """The Task as the crisis team accepts it."""
    return {**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}}


async def test_a_missing_item_is_named(locality: Locality) -> None:
    """HOV-2: the refusal names the missing linkId, and nothing is stored."""
    trust = await locality.agency("trust")
    led = await trust.created(locality.plan())
    response = await trust.created(locality.dataset(current_medication="", legal_status="\u200b"))
    refs = f"CarePlan/{led['id']}", f"QuestionnaireResponse/{response['id']}"
    answer = await trust.post("Task", handover(locality.person, *refs))
    assert answer.status_code == 422
    said = " ".join(issue["diagnostics"] for issue in answer.json()["issue"])
    assert "current-medication" in said
    assert "legal-status" in said
    assert (await trust.get(f"Task?patient={locality.person}")).json().get("entry", []) == []


async def refusal(locality: Locality, **more: Any) -> list[str]:
    """What is said to a handover of a new plan that differs from a good one."""
    trust = await locality.agency("trust")
    led, answers = await trust.created(locality.plan()), await trust.created(locality.dataset())
    answer = await trust.post(
        "Task", handover(locality.person, f"CarePlan/{led['id']}", f"QuestionnaireResponse/{answers['id']}", **more)
    )
    assert answer.status_code == 422
    return [issue["details"]["text"] for issue in answer.json()["issue"]]


async def test_an_agency_that_is_not_known_is_named(locality: Locality) -> None:
    """HOV-3: without an agreement nothing is sent, and the refusal says to whom."""
    (said,) = await refusal(locality, to="Organization/nobody")
    assert "`Organization/nobody`" in said


async def test_a_requester_that_is_not_known_is_named(locality: Locality) -> None:
    """HOV-1: the creator is the requester's agency; the refusal says what would make it right."""
    (said,) = await refusal(locality, requester={"reference": "PractitionerRole/nobody"})
    assert "`PractitionerRole/nobody`" in said
    assert "set `requester`" in said


@pytest.mark.parametrize("there", [False, True])
async def test_a_dataset_that_is_not_here_is_named(locality: Locality, there: bool) -> None:
    """HOV-2: one mistyped reference is one thing to put right, not fourteen. One that the sender may not see is not here."""
    named = "QuestionnaireResponse/none"
    if there:
        about = {"reference": await person(locality.built, "Organization/voluntary")}
        theirs = {"resourceType": "QuestionnaireResponse", "status": "completed", "subject": about}
        named = f"QuestionnaireResponse/{(await (await locality.agency('voluntary')).created(theirs))['id']}"
    given = {"type": code("task-input", "minimum-dataset"), "valueReference": {"reference": named}}
    authority = {"type": code("task-input", "sharing-authority"), "valueCodeableConcept": code("lawful-basis", "direct-care")}
    said = await refusal(locality, input=[given, authority])
    assert said == [f"The minimum dataset cannot be used: there is no `{named}` here."]


async def test_an_item_without_its_reason_is_named_once(locality: Locality) -> None:
    """HOV-2: `not-known` needs a reason."""
    trust = await locality.agency("trust")
    answers = locality.dataset()
    answers["item"][0]["answer"] = [{"valueCoding": code("dataset-answer", "not-known")["coding"][0]}]
    kept = await trust.created(answers)
    led = await trust.created(locality.plan())
    answer = await trust.post("Task", handover(locality.person, f"CarePlan/{led['id']}", f"QuestionnaireResponse/{kept['id']}"))
    (issue,) = answer.json()["issue"]
    assert "`presenting-need`" in issue["details"]["text"]


async def test_the_receiver_sees_what_was_sent(locality: Locality) -> None:
    """HOV-3: a sent handover's Task, dataset and plan are readable by the receiving agency."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    refs = [f"Task/{task['id']}", task["focus"]["reference"], task["input"][0]["valueReference"]["reference"]]
    assert [(await crisis.get(ref)).status_code for ref in refs] == [200, 200, 200]


async def test_a_stranger_sees_nothing(locality: Locality) -> None:
    """HOV-11: for a third agency the Task answers as an id that does not exist."""
    trust, housing = await locality.agency("trust"), await locality.agency("housing")
    task = await locality.sent(trust)
    hidden, absent = await housing.get(f"Task/{task['id']}"), await housing.get("Task/not-there")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace(task["id"], "not-there") == absent.text
    assert (await housing.put(accepted(task))).status_code == 404


async def test_acceptance_moves_ownership(locality: Locality) -> None:
    """HOV-4 and OWN-2: author, care coordinator and custodian move together, and the sender is told."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    answer = await crisis.put(accepted(task))
    assert answer.status_code == 200, answer.text
    led = (await crisis.get(task["focus"]["reference"])).json()
    assert led["author"] == {"reference": "PractitionerRole/crisis-lead"}
    team = (await crisis.get(led["careTeam"][0]["reference"])).json()
    spans = [(each["member"]["reference"], each["period"]) for each in team["participant"]]
    assert [member for member, period in spans if "end" not in period] == ["PractitionerRole/crisis-lead"]
    assert spans[0][1]["end"] == spans[1][1]["start"]
    told = (await trust.get(f"Communication?category=handover-accepted&subject={locality.person}")).json()
    assert len(told["entry"]) == 1


async def test_a_second_acceptance_loses(locality: Locality) -> None:
    """HOV-5: another lead's acceptance is a conflict; the winner's repeat is answered as before."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    assert (await crisis.put(accepted(task))).status_code == 200
    other = {**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-second"}}
    assert (await crisis.put(other)).status_code in (409, 412)


@pytest.mark.parametrize("status", ["in-progress", "completed", "accepted"])
async def test_the_sender_cannot_accept_its_own(locality: Locality, status: str) -> None:
    """HOV-1: a move of the other side is refused with the rule, and changes nothing."""
    trust = await locality.agency("trust")
    task = await locality.sent(trust)
    answer = await trust.put({**task, "status": status})
    assert answer.status_code == 422
    assert "HOV-1" in answer.text
    assert (await trust.get(f"Task/{task['id']}")).json() == task


async def test_a_handover_needs_if_match(locality: Locality) -> None:
    """Security rules, section 2: a Task is not written blindly."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    answer = await crisis.send("PUT", f"Task/{task['id']}", accepted(task))
    assert answer.status_code == 428


async def test_a_rejection_says_what_instead(locality: Locality) -> None:
    """HOV-1: a rejection carries its coded reason and what should happen instead; ownership stays."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    bare = {**task, "status": "rejected"}
    assert (await crisis.put(bare)).status_code == 422
    reasoned = {**bare, "statusReason": code("status-reason", "outside-remit", "Refer to the home treatment team")}
    assert (await crisis.put(reasoned)).status_code == 200
    assert (await trust.get(task["focus"]["reference"])).json()["author"] == {"reference": "PractitionerRole/trust-lead"}


async def test_direct_care_is_justified_outside_health_and_social_care(locality: Locality) -> None:
    """HOV-3, MDS: between health agencies direct care speaks for itself; to a housing association it says why."""
    trust = await locality.agency("trust")
    led, answers = await trust.created(locality.plan()), await trust.created(locality.dataset())
    task = handover(locality.person, f"CarePlan/{led['id']}", f"QuestionnaireResponse/{answers['id']}", to="Organization/housing")
    refused = await trust.post("Task", task)
    assert refused.status_code == 422
    assert "justification" in refused.json()["issue"][0]["details"]["text"]
    task["input"][1]["valueCodeableConcept"]["text"] = "They house her, and she asked them to lead."
    assert (await trust.post("Task", task)).status_code == 201
