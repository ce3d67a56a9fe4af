"""Escalations over HTTP (E5): who may send one, to whom it goes, what it shares, and what becomes of what was sent."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from service import clock
from tests.locality import Agency, Locality, code, person, stored
from tests.stepping import (
    BASE,
    accepted,
    action,
    answered,
    answers,
    consent,
    escalation,
    found,
    in_team,
    on_duty,
    ref,
    rejected,
    review_of,
    sent,
    shared_by,
    tasks,
    together,
    told,
    wording,
)

Stored = dict[str, Any]
PERSON = [("E5", "ServiceRequest.subject")]


@pytest_asyncio.fixture
async def housing(locality: Locality) -> Agency:
    """Housing, which is in the person's care team with the crisis team."""
    await in_team(locality, "housing", "crisis")
    return await locality.agency("housing")


@pytest_asyncio.fixture
async def crisis(locality: Locality) -> Agency:
    """The crisis team."""
    return await locality.agency("crisis")


async def by_voluntary(locality: Locality, voluntary: Agency, subject: str) -> Any:
    """An escalation by the voluntary service about somebody."""
    lead = ref("PractitionerRole/voluntary-lead")
    response = await voluntary.created({**answers(locality), "subject": ref(subject), "author": lead})
    about = f"QuestionnaireResponse/{response['id']}"
    return await voluntary.post("ServiceRequest", escalation(locality, about, subject=ref(subject), requester=lead))


async def test_e5_who_is_not_of_the_care_team_is_refused_as_if_nobody_were_there(locality: Locality) -> None:
    """Hidden, seen without a place in the care, and absent are one refusal."""
    voluntary, absent = await locality.agency("voluntary"), "Patient/nobody-here"
    hidden = await by_voluntary(locality, voluntary, locality.person)
    await stored(locality.built, "Organization/trust", consent(locality.person, "permit", "voluntary"))
    beside = await by_voluntary(locality, voluntary, locality.person)
    nobody = await by_voluntary(locality, voluntary, absent)
    assert told(hidden) == told(beside) == told(nobody) == PERSON
    assert wording(hidden).replace(locality.person, absent) == wording(nobody)


async def test_e5_a_team_of_ones_own_making_gives_no_place_in_the_care(locality: Locality, housing: Agency) -> None:
    """Standing does not travel (IDN-6): the team has to be by whom the person's care is."""
    del housing
    voluntary = await locality.agency("voluntary")
    await stored(locality.built, "Organization/trust", consent(locality.person, "permit", "voluntary"))
    own = {"resourceType": "CareTeam", "status": "active", "subject": ref(locality.person)}
    await voluntary.created({**own, "participant": [{"member": ref("Organization/voluntary")}]})
    assert told(await by_voluntary(locality, voluntary, locality.person)) == PERSON


async def test_e5_a_voluntary_service_escalates_about_its_own_person(locality: Locality) -> None:
    """An agency that keeps its own record of the person, and its own team, needs nobody's leave to ask for help."""
    voluntary = await locality.agency("voluntary")
    own = await person(locality.built, "Organization/voluntary")
    team = {"resourceType": "CareTeam", "status": "active", "subject": ref(own)}
    await voluntary.created({**team, "participant": [{"member": ref("PractitionerRole/voluntary-lead")}]})
    assert (await by_voluntary(locality, voluntary, own)).status_code == 201


@pytest.mark.parametrize("ended", ["team", "member"])
async def test_e5_a_place_in_the_care_that_has_ended_is_none(locality: Locality, ended: str) -> None:
    past = {"period": {"end": "2026-01-01"}}
    member = {"member": ref("Organization/housing"), **(past if ended == "member" else {})}
    team = {"resourceType": "CareTeam", "id": clock.new_id(), "status": "active", "subject": ref(locality.person)}
    team |= {"participant": [member], **(past if ended == "team" else {})}
    await stored(locality.built, "Organization/trust", team, consent(locality.person, "permit", "housing"))
    housing = await locality.agency("housing")
    refused = await housing.post("ServiceRequest", escalation(locality, await answered(locality, housing)))
    assert told(refused)[0] == PERSON[0]


async def test_a_refusal_names_every_unmet_need(locality: Locality, housing: Agency) -> None:
    """E5, HOV-3: who sends, to whom, on which answers, by what authority, instead of what."""
    wrong = escalation(
        locality,
        "QuestionnaireResponse/nothing",
        to="Organization/nowhere",
        extension=shared_by(code("lawful-basis", "public-interest")),
        requester=ref("PractitionerRole/crisis-lead"),
        replaces=[ref("ServiceRequest/nothing")],
    )
    assert told(await housing.post("ServiceRequest", wrong)) == [
        ("E5", "ServiceRequest.requester"),
        ("E5", "ServiceRequest.performer"),
        ("E5", "ServiceRequest.supportingInfo"),
        ("HOV-3", "ServiceRequest.extension"),
        ("E5", "ServiceRequest.replaces"),
    ]


async def test_e5_not_known_with_its_reason_is_an_answer(locality: Locality, housing: Agency) -> None:
    """Without the reason it is none."""
    response = answers(locality)
    unknown = {"system": f"{BASE}/CodeSystem/dataset-answer", "code": "not-known"}
    response["item"][0]["answer"] = [{"valueCoding": unknown}]
    bare = f"QuestionnaireResponse/{(await housing.created(response))['id']}"
    assert told(await housing.post("ServiceRequest", escalation(locality, bare))) == [("E5", "ServiceRequest.supportingInfo")]
    response["item"][0]["answer"] = [{"valueCoding": {**unknown, "display": "She has not opened the door since Monday"}}]
    given = f"QuestionnaireResponse/{(await housing.created(response))['id']}"
    assert (await housing.post("ServiceRequest", escalation(locality, given))).status_code == 201


async def test_esc_2_an_escalation_may_name_the_triggers_that_are_met(locality: Locality, housing: Agency) -> None:
    trigger = {"coding": [{"system": "http://snomed.info/sct", "code": "193462001"}]}
    met = {"url": f"{BASE}/StructureDefinition/triggers-met", "valueCodeableConcept": trigger}
    request = await sent(locality, housing, extension=[*shared_by(), met])
    assert request["extension"][1] == met
    empty = {"url": met["url"], "valueCodeableConcept": {"text": "poor sleep"}}
    refused = await housing.post("ServiceRequest", {**request, "extension": [*shared_by(), empty]})
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (422, "required")


async def test_hov_3_an_escalation_that_consent_denies_is_not_sent(locality: Locality) -> None:
    """Nor is anything kept of it: without an authority of its own the decision engine decides."""
    await in_team(locality, "housing")
    await stored(locality.built, "Organization/trust", consent(locality.person, "deny", "crisis"))
    housing, crisis = await locality.agency("housing"), await locality.agency("crisis")
    response = await answered(locality, housing)
    refused = await housing.post("ServiceRequest", escalation(locality, response, extension=[]))
    assert told(refused) == [("HOV-3", "ServiceRequest.extension")]
    assert (await found(housing, "ServiceRequest?category=escalation&patient=" + locality.person)) == []
    assert (await crisis.get(response)).status_code == 404
    basis = code("lawful-basis", "safeguarding", "Neighbours report threats to her life.")
    request = await sent(locality, housing, extension=shared_by(basis))
    [answer] = [each["reference"] for each in request["supportingInfo"]]
    assert [(await crisis.get(each)).status_code for each in (answer, f"ServiceRequest/{request['id']}")] == [200, 200]


async def test_hov_3_what_is_sent_is_recorded_as_a_disclosure(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """In exact versions, with its authority, readable by both."""
    request = await sent(locality, housing)
    records = [each for each in await found(crisis, f"Communication?patient={locality.person}") if "extension" in each]
    refs = {part["contentReference"]["reference"] for each in records for part in each["payload"]}
    answer = request["supportingInfo"][0]["reference"]
    assert refs == {f"ServiceRequest/{request['id']}/_history/1", f"{answer}/_history/1"}
    assert {each["recipient"][0]["reference"] for each in records} == {"Organization/crisis"}


@pytest.mark.parametrize("named", ["Consent/nothing", ""])
async def test_hov_3_a_consent_that_does_not_permit_is_no_authority(locality: Locality, housing: Agency, named: str) -> None:
    """One that is hidden is refused as one that is not here."""
    hidden = consent(locality.person, "permit", "crisis")
    await stored(locality.built, "Organization/crisis", hidden)
    url = f"{BASE}/StructureDefinition/sharing-authority"
    authority = [{"url": url, "valueReference": ref(named or f"Consent/{hidden['id']}")}]
    body = escalation(locality, await answered(locality, housing), extension=authority)
    refused = await housing.post("ServiceRequest", body)
    assert told(refused) == [("HOV-3", "ServiceRequest.extension")]
    assert "does not permit it now" in wording(refused)


async def test_esc_1_an_agency_is_reached_by_its_hours_then_by_its_duty_contact(locality: Locality, housing: Agency) -> None:
    """A clinician of an open service; while it is closed the duty contact; without one the agency itself."""
    crisis = await locality.agency("crisis")
    service = {"resourceType": "HealthcareService", "active": True, "providedBy": ref("Organization/crisis")}
    line = await crisis.created({**service, "availableTime": [{"allDay": True}]})
    works = {"active": True, "organization": ref("Organization/crisis"), "practitioner": ref("Practitioner/crisis-second")}
    role = {"resourceType": "PractitionerRole", **works, "healthcareService": [ref(f"HealthcareService/{line['id']}")]}
    nurse = f"PractitionerRole/{(await crisis.created(role))['id']}"
    asked = [f"HealthcareService/{line['id']}", "Organization/crisis"]
    reached = [(await review_of(crisis, await sent(locality, housing, to=each)))["owner"]["reference"] for each in asked]
    assert reached == [nurse, nurse]
    now = clock.now()
    away = {"description": "Flooded", "during": {"start": str(now.date()), "end": str((now + timedelta(days=2)).date())}}
    assert (await crisis.put({**line, "notAvailable": [away]})).status_code == 200
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(on_duty(locality, "PractitionerRole/crisis-second"))
        on_call = await review_of(crisis, await sent(locality, housing, to=asked[0]))
    nobody = await review_of(crisis, await sent(locality, housing, to=asked[1]))
    assert (on_call["owner"], nobody["owner"]) == (ref("PractitionerRole/crisis-second"), ref("Organization/crisis"))
    assert (await crisis.put({**line, "meta": {"versionId": "2"}, "active": False})).status_code == 200


async def test_a_draft_becomes_a_review_once_it_is_sent(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """Nobody is asked before, and the draft may be deleted."""
    draft = await sent(locality, housing, status="draft")
    assert await tasks(crisis, "escalation-review", f"ServiceRequest/{draft['id']}") == []
    assert (await crisis.get(f"ServiceRequest/{draft['id']}")).status_code == 404
    active = await housing.put({**draft, "status": "active"})
    assert active.status_code == 200, active.text
    assert (await review_of(crisis, draft))["status"] == "requested"
    other = await sent(locality, housing, status="draft")
    assert (await housing.send("DELETE", f"ServiceRequest/{other['id']}")).status_code in (200, 204)


async def test_e5_what_was_sent_stays_as_it_was_sent(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """By its sender too: its status follows from the review; another agency writes nothing of it."""
    request = await sent(locality, housing)
    changed = await housing.put({**request, "priority": "routine", "status": "completed"})
    assert sorted(told(changed)) == [("E5", "ServiceRequest.priority"), ("E5", "ServiceRequest.status")]
    assert (await housing.send("DELETE", f"ServiceRequest/{request['id']}")).status_code == 422
    assert (await crisis.put({**request, "status": "completed"})).status_code == 403
    noted = await housing.put({**request, "note": [{"text": "The door is open again."}]})
    assert noted.status_code == 200, noted.text


async def test_e5_an_escalation_replaces_a_rejected_one_and_never_itself(
    locality: Locality, housing: Agency, crisis: Agency
) -> None:
    """One that is open, that is absent, or that it is itself: each refused naming it."""
    open_ = await sent(locality, housing)
    response = await answered(locality, housing)
    wrong = ["ServiceRequest/nothing", f"ServiceRequest/{open_['id']}"]
    body = escalation(locality, response, replaces=[ref(each) for each in wrong])
    assert told(await housing.post("ServiceRequest", body)) == [("E5", "ServiceRequest.replaces")] * 2
    draft = await sent(locality, housing, status="draft")
    itself = await housing.put({**draft, "status": "active", "replaces": [ref(f"ServiceRequest/{draft['id']}")]})
    assert told(itself) == [("E5", "ServiceRequest.replaces")]
    no = await crisis.put(rejected(await review_of(crisis, open_)))
    assert no.status_code == 200, no.text
    assert (await housing.post("ServiceRequest", escalation(locality, response, replaces=[ref(wrong[1])]))).status_code == 201


async def test_e5_each_who_said_no_is_passed_and_then_the_agency_itself_is_asked(
    locality: Locality, housing: Agency, crisis: Agency
) -> None:
    """Lead, second, and with nobody left whoever of the agency takes it."""
    owners, before = [], list[Stored]()
    for _ in range(3):
        request = await sent(locality, housing, replaces=before)
        task = await review_of(crisis, request)
        owners.append(task["owner"]["reference"])
        no = rejected(task)
        if len(owners) == 2:
            no["output"][2]["valueReference"] = task["owner"]
        assert (await crisis.put(no)).status_code == 200
        before = [ref(f"ServiceRequest/{request['id']}")]
    staff = {"PractitionerRole/crisis-lead", "PractitionerRole/crisis-second"}
    assert owners[0] == "PractitionerRole/crisis-lead"
    assert len(set(owners)) == 3
    assert owners[1] in staff or owners[1].startswith("PractitionerRole/")


async def test_an_action_comes_with_the_decision_that_asks_for_it(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """TIM-11: alone, or beside a note, it is refused, and so is one without a due date. Nothing is kept of any."""
    task = await review_of(crisis, await sent(locality, housing))
    assert told(await crisis.post("Task", action(task))) == [("TIM-11", "Task.partOf")]
    noted = {**task, "note": [{"text": "We look into it."}]}
    assert told(await together(crisis, noted, action(task)))[0][0] == "TIM-11"
    bare = {name: held for name, held in action(task).items() if name != "restriction"}
    refused = await together(crisis, accepted(task), bare)
    assert [rule for rule, _ in told(refused)] == ["TIM-11"]
    assert (await crisis.get(f"Task/{task['id']}")).json()["status"] == "requested"
    assert await found(crisis, f"Task?code=action&part-of=Task/{task['id']}") == []


async def test_e5_only_the_agency_that_was_asked_decides(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """The sender makes no move; a clinician of another agency cannot be named."""
    task = await review_of(crisis, await sent(locality, housing))
    assert told(await housing.put(rejected(task))) == [("E5", "Task.status")]
    foreign = rejected(task)
    foreign["output"][2]["valueReference"] = ref("PractitionerRole/trust-lead")
    foreign["owner"] = ref("PractitionerRole/housing-lead")
    assert told(await crisis.put(foreign)) == [("E5", "Task.owner"), ("E5", "Task.output")]


async def test_the_signed_in_clinician_decides_without_being_named(locality: Locality, housing: Agency) -> None:
    """`decided-by` is written by the service, and the review is theirs from then on; a repeat changes nothing."""
    second = "PractitionerRole/crisis-second"
    clinician = await locality.agency("crisis", "user/*.cruds", user=second)
    task = await review_of(clinician, await sent(locality, housing, to="Organization/crisis"))
    no = rejected(task)
    no["output"] = [each for each in no["output"] if "valueReference" not in each]
    answer = await clinician.put(no)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["output"][-1]["valueReference"], answer.json()["owner"]) == (ref(second), ref(second))
    again = await clinician.put({**no, "meta": answer.json()["meta"]})
    assert (again.status_code, again.json()["meta"]["versionId"]) == (200, "2")


async def test_mtg_4_an_escalation_runs_under_the_pathway_in_force(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """MTG-4, GOV-7: request and review name its version; an unknown pathway, or a version that is not in force, is refused."""
    request = await sent(locality, housing)
    [under] = request["instantiatesCanonical"]
    assert under.startswith(f"{BASE}/PlanDefinition/pathway-step-up|")
    assert (await review_of(crisis, request))["instantiatesCanonical"] == under
    response = await answered(locality, housing)
    for wrong in (f"{BASE}/PlanDefinition/pathway-nowhere", f"{BASE}/PlanDefinition/pathway-step-up|0.0.1"):
        refused = await housing.post("ServiceRequest", escalation(locality, response, instantiatesCanonical=[wrong]))
        assert told(refused) == [("GOV-7", "ServiceRequest.instantiatesCanonical")]
        assert f"`{wrong}`" in wording(refused)


async def test_e5_who_escalated_may_withdraw_until_somebody_decided(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """The review is cancelled, and its clock stops; afterwards the review says what becomes of it."""
    request = await sent(locality, housing)
    assert told(await housing.put({**request, "status": "revoked", "priority": "routine"})) == [("E5", "ServiceRequest.priority")]
    assert told(await housing.put({**request, "status": "revoked", "extension": []})) != []
    gone = await housing.put({**request, "status": "revoked"})
    assert gone.status_code == 200, gone.text
    task = await review_of(crisis, request)
    assert (task["status"], task["statusReason"]["coding"][0]["code"]) == ("cancelled", "circumstances-changed")
    clocks = locality.built.services.mongo.collection("timers")
    assert await clocks.count_documents({"k": f"TIM-5:Task/{task['id']}", "done": False}) == 0
    other = await sent(locality, housing)
    review = await review_of(crisis, other)
    assert (await together(crisis, accepted(review), action(review))).status_code == 200
    current = (await housing.get(f"ServiceRequest/{other['id']}")).json()
    assert told(await housing.put({**current, "status": "revoked"})) == [("E5", "ServiceRequest.status")]


async def test_hov_8_a_review_says_that_consent_was_withdrawn(locality: Locality, housing: Agency, crisis: Agency) -> None:
    """It stays visible, and both agencies know why the answers no longer are."""
    request = await sent(locality, housing, extension=[])
    trust = await locality.agency("trust")
    await trust.created({name: held for name, held in consent(locality.person, "deny", "crisis").items() if name != "id"})
    task = await review_of(crisis, request)
    assert task["businessStatus"]["coding"][0]["code"] == "authority-withdrawn"
