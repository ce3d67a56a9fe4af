"""Attack list, a person's app (L1; consent rules, section 3): it says what the person says, and rewrites no agency's records."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from tests.attacks.records import OBSERVATION_VALUE, Stored, denial, observation
from tests.locality import Agency, Locality, patient, person, stored

PATIENTS = {
    "code": {"system": "http://terminology.hl7.org/CodeSystem/usage-context-type", "code": "user"},
    "valueCodeableConcept": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleClass", "code": "PAT"}]},
}


HL7 = "http://terminology.hl7.org/CodeSystem"
ACTIVE = {"coding": [{"system": f"{HL7}/allergyintolerance-clinical", "code": "active"}]}
CONDITION = {"coding": [{"system": f"{HL7}/condition-clinical", "code": "active"}]}


async def app_of(locality: Locality, agency: str = "trust", user: str = "") -> Agency:
    """The app of this person, run by an agency."""
    return await locality.agency(agency, "user/*.cruds", user=user or locality.person)


def about(locality: Locality, kind: str, **more: Any) -> Stored:
    """A record about the person."""
    return {"resourceType": kind, "subject": {"reference": locality.person}, **more}


def agency_records(locality: Locality) -> list[Stored]:
    """What agencies write, each naming the person as whoever it may."""
    me, cure = {"reference": locality.person}, {"text": "x"}
    return [
        about(
            locality, "MedicationRequest", status="active", intent="order", medicationCodeableConcept=cure, reportedReference=me
        ),
        about(locality, "MedicationStatement", status="active", medicationCodeableConcept=cure, informationSource=me),
        about(locality, "Encounter", status="finished", **{"class": {"code": "AMB"}}),
        about(locality, "Flag", status="active", code=cure, author=me),
        about(locality, "Condition", code=cure, clinicalStatus=CONDITION, asserter=me, recorder=me),
        {"resourceType": "AllergyIntolerance", "patient": me, "asserter": me, "code": cure, "clinicalStatus": ACTIVE},
        about(
            locality, "DocumentReference", status="current", content=[{"attachment": {"contentType": "text/plain"}}], author=[me]
        ),
        about(locality, "Procedure", status="completed", code=cure, asserter=me),
        about(locality, "ServiceRequest", status="active", intent="order", code=cure, requester=me),
        about(locality, "RiskAssessment", status="final"),
        {"resourceType": "Provenance", "target": [me], "recorded": "2026-11-01T00:00:00Z", "agent": [{"who": me}]},
    ]


async def test_an_app_writes_nothing_of_an_agency_s(locality: Locality) -> None:
    """Neither a prescription, nor an encounter, nor a flag."""
    app = await app_of(locality)
    answers = [await app.post(each["resourceType"], each) for each in agency_records(locality)]
    assert [each.text for each in answers if each.status_code != 403] == []


async def test_an_app_changes_no_record_that_merely_names_the_person(locality: Locality) -> None:
    """As author, asserter, source or performer: whoever wrote it is an agency."""
    me = {"reference": locality.person}
    trust, app = await locality.agency("trust"), await app_of(locality)
    said = [
        observation(locality.person, performer=[me]),
        {**locality.dataset(), "author": me, "source": me},
        about(locality, "Communication", status="completed", sender=me),
        about(locality, "Condition", code={"text": "x"}, asserter=me, recorder=me),
        denial(locality.person),
    ]
    for each in said:
        kept = await trust.created(each)
        place = f"{kept['resourceType']}/{kept['id']}"
        changed = {**kept, "language": "en"}
        assert (await app.put(changed)).status_code == 403, place
        assert (await app.send("DELETE", place, If_Match='W/"1"')).status_code in (403, 405), place
        assert (await trust.get(place)).json() == kept


async def test_a_person_says_what_they_observe(locality: Locality) -> None:
    """It is marked as reported by a patient, and its Provenance names the person."""
    app, trust = await app_of(locality), await locality.agency("trust")
    made = await app.created(observation(locality.person))
    assert made["meta"]["security"] == [{"system": OBSERVATION_VALUE, "code": "PATRPT"}]
    (found,) = (await trust.get(f"Provenance?target=Observation/{made['id']}")).json()["entry"]
    told = found["resource"]
    assert told["target"] == [{"reference": f"Observation/{made['id']}/_history/1"}]
    assert [each["who"] for each in told["agent"]] == [{"reference": locality.person}]


async def test_a_person_changes_and_deletes_what_they_said(locality: Locality) -> None:
    """With another app of the same agency, too."""
    made = await (await app_of(locality)).created(observation(locality.person))
    app = await app_of(locality)
    changed = await app.put({**made, "status": "amended"})
    assert (changed.status_code, changed.json()["meta"]["security"]) == (200, made["meta"]["security"])
    assert (await app.send("DELETE", f"Observation/{made['id']}")).status_code == 204


async def test_what_an_agency_rewrote_is_no_longer_the_person_s(locality: Locality) -> None:
    """The agency answers for its own words."""
    app, trust = await app_of(locality), await locality.agency("trust")
    made = await app.created(observation(locality.person))
    rewritten = (await trust.put({**made, "status": "amended"})).json()
    assert (await app.put({**rewritten, "status": "corrected"})).status_code == 403


async def test_a_representative_changes_only_what_they_said(locality: Locality) -> None:
    """Not what the person said, and the person not what the representative said but by its end."""
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD"}]}
    guard = {"resourceType": "RelatedPerson", "id": clock.new_id(), "patient": {"reference": locality.person}}
    await stored(locality.built, "Organization/trust", {**guard, "relationship": [role]})
    app, other = await app_of(locality), await app_of(locality, user=f"RelatedPerson/{guard['id']}")
    mine, theirs = await app.created(observation(locality.person)), await other.created(observation(locality.person))
    assert (await other.put({**mine, "status": "amended"})).status_code == 403
    assert (await app.put({**theirs, "status": "amended"})).status_code == 403
    assert (await other.put({**theirs, "status": "amended"})).status_code == 200


@pytest.mark.parametrize(
    "words",
    [
        {"performer": [{"reference": "PractitionerRole/trust-lead"}]},
        {"performer": [{"reference": "Organization/trust"}]},
    ],
)
async def test_a_person_speaks_for_nobody_else(locality: Locality, words: Stored) -> None:
    """An observation is the person's own."""
    app = await app_of(locality)
    assert (await app.post("Observation", observation(locality.person, **words))).status_code == 403


async def test_a_person_sends_no_message_of_the_service(locality: Locality) -> None:
    """Nor one in an agency's name."""
    app = await app_of(locality)
    notice = {"coding": [{"system": "https://baton.example/fhir/CodeSystem/communication-category", "code": "override-notice"}]}
    message = about(locality, "Communication", status="completed", payload=[{"contentString": "Hello"}])
    answers = [
        await app.post("Communication", {**message, "category": [notice]}),
        await app.post("Communication", {**message, "sender": {"reference": "Organization/trust"}}),
        await app.post("Communication", message),
    ]
    assert [each.status_code for each in answers] == [403, 403, 201]


async def test_a_message_reaches_the_agency_that_it_is_for(locality: Locality) -> None:
    """And no other."""
    app = await app_of(locality)
    to = [{"reference": "PractitionerRole/crisis-lead"}]
    made = await app.created(about(locality, "Communication", status="completed", recipient=to))
    place = f"Communication/{made['id']}"
    crisis, housing = await locality.agency("crisis"), await locality.agency("housing")
    assert [(await each.get(place)).status_code for each in (crisis, housing)] == [200, 404]


async def test_a_person_answers_questionnaires_that_are_open_to_persons(locality: Locality) -> None:
    """Not an agency's minimum dataset, and none that nobody knows."""
    trust, app = await locality.agency("trust"), await app_of(locality)
    urls = [f"https://trust.example/{clock.new_id()}" for _ in range(3)]
    form = {"resourceType": "Questionnaire", "status": "active"}
    await trust.created({**form, "url": urls[0], "useContext": [PATIENTS]})
    await trust.created({**form, "url": urls[1]})
    answers = {"resourceType": "QuestionnaireResponse", "status": "completed", "subject": {"reference": locality.person}}
    sent = [await app.post("QuestionnaireResponse", {**answers, "questionnaire": url}) for url in urls]
    sent.append(await app.post("QuestionnaireResponse", {**locality.dataset(), "author": {"reference": locality.person}}))
    assert [each.status_code for each in sent] == [201, 403, 403, 403]


async def test_a_person_ends_a_consent_that_an_agency_recorded_and_changes_nothing_in_it(locality: Locality) -> None:
    """Though their app is that agency's."""
    trust, app = await locality.agency("trust"), await app_of(locality)
    kept = await trust.created(denial(locality.person))
    wider = {**kept, "provision": {**kept["provision"], "type": "permit"}}
    assert (await app.put(wider)).status_code == 403
    assert (await app.put({**kept, "status": "inactive"})).status_code == 200


async def test_no_other_person_changes_it(locality: Locality) -> None:
    """Another person's app of the same agency."""
    made = await (await app_of(locality)).created(observation(locality.person))
    other = await app_of(locality, user=await person(locality.built))
    assert (await other.put({**made, "status": "amended"})).status_code == 404


async def test_a_person_writes_no_other_person_s_words(locality: Locality) -> None:
    """About another, whoever is named as who says it."""
    other = clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=other))
    app = await app_of(locality)
    assert (await app.post("Observation", observation(f"Patient/{other}"))).status_code == 403
