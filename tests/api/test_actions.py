"""Actions over HTTP: an action comes with the decision that asked for it, in one transaction (practices, Common; TIM-11)."""

from __future__ import annotations

from typing import Any

import pytest

from service.usecases.care.deadlines import fire
from tests import meetings
from tests.api.bundles import NEW, entry, sent, statuses
from tests.locality import Agency, Locality, code
from tests.pending import pending

DUE = "2031-01-01T09:00:00Z"
ROLE = {"reference": "PractitionerRole/crisis-lead"}


async def received(locality: Locality) -> tuple[Agency, Agency, Any]:
    """A handover that the crisis team was sent, and is about to accept."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    return trust, crisis, await locality.sent(trust)


def action(locality: Locality, decision: Any, **members: Any) -> dict[str, Any]:
    whole = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": code("task-code", "action"),
        "description": "Bring the medication chart to the first visit",
        "for": {"reference": locality.person},
        "partOf": [{"reference": f"Task/{decision['id']}"}],
        "requester": ROLE,
        "owner": {"reference": "Organization/trust"},
        "restriction": {"period": {"end": DUE}},
        **members,
    }
    return {name: value for name, value in whole.items() if value is not None}


def deciding(task: Any, **members: Any) -> Any:
    """The write by which the crisis team accepts the handover."""
    body = {**task, "status": "accepted", "owner": ROLE, **members}
    return entry("PUT", f"Task/{task['id']}", body, ifMatch=f'W/"{task["meta"]["versionId"]}"')


def denied(person: str) -> dict[str, Any]:
    """The person's Consent that denies the housing association everything."""
    hl7 = "http://terminology.hl7.org/CodeSystem"
    recipient = {"coding": [{"system": f"{hl7}/v3-ParticipationType", "code": "IRCP"}]}
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": f"{hl7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": person},
        "dateTime": "2026-01-01",
        "performer": [{"reference": person}],
        "organization": [{"reference": "Organization/trust"}],
        "policyRule": {"coding": [{"system": f"{hl7}/v3-ActCode", "code": "OPTIN"}]},
        "provision": {"type": "deny", "actor": [{"role": recipient, "reference": {"reference": "Organization/housing"}}]},
    }


def issues(answer: Any) -> set[tuple[str, str]]:
    """The element, in its entry, and the rule of each issue."""
    assert answer.status_code == 422, answer.text
    found = answer.json()["issue"]
    return {(each["expression"][0].partition(".resource")[2], each["details"]["coding"][0]["code"]) for each in found}


@pytest.mark.parametrize("first", ["action", "decision"])
async def test_an_action_comes_with_its_decision(locality: Locality, first: str) -> None:
    """Whichever of the two stands first in the transaction."""
    trust, crisis, task = await received(locality)
    entries = [entry("POST", "Task", action(locality, task), NEW), deciding(task)]
    answer = await sent(crisis, "transaction", *(entries if first == "action" else reversed(entries)))
    assert sorted(statuses(answer)) == ["200", "201"]
    made = next(each["resource"] for each in answer.json()["entry"] if each["resource"]["code"] == code("task-code", "action"))
    assert (await trust.get(f"Task/{made['id']}")).status_code == 200


async def test_an_action_alone_is_refused(locality: Locality) -> None:
    """Without the write that decides, no decision asked for it; nothing is stored."""
    _, crisis, task = await received(locality)
    answer = await crisis.post("Task", action(locality, task))
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["Task.partOf"])
    assert (await crisis.get(f"Task?part-of=Task/{task['id']}&_summary=count")).json()["total"] == 0


async def test_a_refusal_names_every_thing_that_an_action_lacks(locality: Locality) -> None:
    """Owner, date and decision at once, and nothing half-stored: the decision is not taken either."""
    _, crisis, task = await received(locality)
    bare = action(locality, task, owner=None, restriction=None, partOf=None)
    answer = await sent(crisis, "transaction", entry("POST", "Task", bare), deciding(task))
    assert issues(answer) == {
        (".owner", "TIM-11"),
        (".restriction", "TIM-11"),
        (".partOf", "TIM-11"),
    }
    assert (await crisis.get(f"Task/{task['id']}")).json()["status"] == "requested"


async def test_a_write_that_moves_nothing_decides_nothing(locality: Locality) -> None:
    """A note on the deciding Task is no decision."""
    _, crisis, task = await received(locality)
    noted = deciding(task, status="requested", owner=task["owner"], note=[{"text": "Read"}])
    answer = await sent(crisis, "transaction", entry("POST", "Task", action(locality, task)), noted)
    assert issues(answer) == {(".partOf", "TIM-11")}


async def test_hov_11_a_decision_that_is_hidden_is_as_one_that_is_absent(locality: Locality) -> None:
    _, _, task = await received(locality)
    housing = await locality.agency("housing")
    told = []
    for decision in (task, {"id": "none"}):
        asked = action(locality, decision, requester={"reference": "PractitionerRole/housing-lead"})
        answer = await housing.post("Task", asked)
        told.append(answer.text.replace(task["id"], "none"))
        assert answer.status_code == 422
    assert told[0] == told[1]


async def test_an_action_is_about_the_person_of_its_decision(locality: Locality) -> None:
    _, crisis, task = await received(locality)
    other = await crisis.created({"resourceType": "Patient", "name": [{"family": "Other"}]})
    asked = action(locality, task, **{"for": {"reference": f"Patient/{other['id']}"}})
    answer = await sent(crisis, "transaction", entry("POST", "Task", asked), deciding(task))
    assert (".for", "TIM-11") in issues(answer)


async def test_hov_3_an_action_goes_to_no_agency_that_consent_denies(locality: Locality) -> None:
    """An open Task is a tie to the person, so that it opens nothing to whom the person denies it."""
    trust, crisis, task = await received(locality)
    await trust.created(denied(locality.person))
    asked = action(locality, task, owner={"reference": "Organization/housing"})
    answer = await sent(crisis, "transaction", entry("POST", "Task", asked), deciding(task))
    assert issues(answer) == {(".owner", "HOV-3")}


async def test_tim_11_a_passed_date_is_told_to_both_agencies_once(locality: Locality) -> None:
    _, crisis, task = await received(locality)
    answer = await sent(crisis, "transaction", entry("POST", "Task", action(locality, task)), deciding(task))
    made = next(each["resource"] for each in answer.json()["entry"] if each["resource"]["code"] == code("task-code", "action"))
    services, ref = locality.built.services, f"Task/{made['id']}"
    (timer,) = await pending(services.mongo, f"TIM-11:{ref}")
    assert [await fire(services, locality.built.base, timer, timer.due) for _ in range(2)] == [True, False]
    told = [each async for each in services.mongo.collection("outbox").find({"focus": ref, "topic": "deadline-breached"})]
    assert sorted(each["to"] for each in told) == ["Organization/crisis", "Organization/trust"]
    assert (await crisis.get(ref)).json()["status"] == "requested"


async def test_an_action_that_is_rejected_for_non_attendance_alone_is_refused(locality: Locality) -> None:
    """DNA-1, on the way that its owner answers."""
    trust, crisis, task = await received(locality)
    answer = await sent(crisis, "transaction", entry("POST", "Task", action(locality, task)), deciding(task))
    made = next(each["resource"] for each in answer.json()["entry"] if each["resource"]["code"] == code("task-code", "action"))
    refused = await trust.put({**made, "status": "rejected", "statusReason": code("status-reason", "did-not-attend")})
    assert issues(refused) == {("", "DNA-1")}


async def test_an_action_of_a_meeting_comes_with_the_meeting(locality: Locality) -> None:
    """The Encounter ends in the same transaction; without that, the meeting decides nothing."""
    trust = await locality.agency("trust")
    item = f"Flag/{(await trust.created(meetings.flag(locality.person)))['id']}"
    lead = {"reference": "PractitionerRole/trust-lead"}
    asked = action(locality, {"id": ""}, partOf=None, encounter={"reference": NEW}, requester=lead)
    answer = await sent(
        trust,
        "transaction",
        entry("POST", "Task", asked),
        entry("POST", "Communication", meetings.decision(NEW, item, "actions", locality.person)),
        entry("POST", "List", meetings.agenda(NEW, meetings.entry(item, "safeguarding"))),
        entry("POST", "Encounter", meetings.meeting("mdt", status="finished"), NEW),
    )
    assert statuses(answer) == ["201", "201", "201", "201"]
    held = answer.json()["entry"][3]["resource"]
    later = await trust.post("Task", {**asked, "encounter": {"reference": f"Encounter/{held['id']}"}})
    assert (later.status_code, later.json()["issue"][0]["expression"]) == (422, ["Task.encounter"])
