"""Attacks on emergency access (IDN-8), and on overrides through a copy of the person (IDN-4)."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from service.usecases.consent import emergency
from tests.attacks.callers import alike
from tests.attacks.newcomers import BORN, NORMAL, Known, known
from tests.attacks.records import Stored, denial
from tests.locality import Agency, Locality, stored, valid_nhs_number

ACTIVE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}
REASON = "Found unconscious at home, crew needs the history."


def asked(number: str, family: str = "Example", born: str = BORN, kind: str = "vital-interests") -> Stored:
    """The Parameters of the type-level operation."""
    given = [
        {"name": "kind", "valueCode": kind},
        {"name": "reason", "valueString": REASON},
        {"name": "nhs-number", "valueString": number},
        {"name": "family", "valueString": family},
        {"name": "birth-date", "valueDate": born},
    ]
    return {"resourceType": "Parameters", "parameter": given}


def team(person: str) -> Stored:
    """A team with the crisis team in it."""
    member = [{"member": {"reference": "Organization/crisis"}}]
    return {"resourceType": "CareTeam", "status": "active", "subject": {"reference": person}, "participant": member}


async def staff(locality: Locality, agency: str = "crisis") -> Agency:
    """A member of staff of an agency, of this test alone, so that no other test uses up the attempts."""
    name = f"{agency}-{clock.new_id()[:13]}"
    role = {
        "resourceType": "PractitionerRole",
        "id": name,
        "active": True,
        "practitioner": {"reference": f"Practitioner/{agency}-lead"},
        "organization": {"reference": f"Organization/{agency}"},
    }
    await stored(locality.built, f"Organization/{agency}", role)
    return await locality.agency(agency, "user/*.cruds", user=f"PractitionerRole/{name}")


async def kept(person: Known) -> dict[str, str]:
    """Records of the trust about the person, by type, and the person's denial of the crisis team."""
    subject = {"reference": person.theirs}
    records: dict[str, Stored] = {
        "AllergyIntolerance": {"patient": subject, "code": {"text": "Penicillin"}, "clinicalStatus": ACTIVE},
        "MedicationStatement": {"status": "active", "subject": subject, "medicationCodeableConcept": {"text": "Lithium"}},
        "RelatedPerson": {"patient": subject, "name": [{"text": "A sister"}]},
        "Condition": {"subject": subject, "code": {"text": "Something else"}},
        "CarePlan": {"status": "draft", "intent": "plan", "subject": subject},
    }
    made = {kind: await person.trust.created({"resourceType": kind, **each, **NORMAL}) for kind, each in records.items()}
    await person.trust.created(denial(person.theirs))
    return {kind: f"{kind}/{each['id']}" for kind, each in made.items()}


async def test_idn_8_all_three_open_what_helps_and_nothing_else(locality: Locality) -> None:
    person, crew = await known(locality, "voluntary", told=False), await staff(locality)
    records = await kept(person)
    before = [(await crew.get(ref)).status_code for ref in records.values()]
    answer = await crew.post("Patient/$break-glass", asked(person.number))
    assert answer.status_code == 201, answer.text
    opened = {kind for kind, ref in records.items() if (await crew.get(ref)).status_code == 200}
    assert set(before) == {404}
    assert opened == {"AllergyIntolerance", "MedicationStatement", "RelatedPerson"}
    assert (await crew.get(person.theirs)).status_code == 200


@pytest.mark.parametrize("parameter", ["patient", "_id"])
async def test_idn_8_a_search_finds_what_a_read_opens(locality: Locality, parameter: str) -> None:
    person, crew = await known(locality, "voluntary", told=False), await staff(locality)
    identity = (await kept(person))["AllergyIntolerance"].partition("/")[2]
    search = f"AllergyIntolerance?{parameter}={person.theirs if parameter == 'patient' else identity}"
    before = (await crew.get(search)).json()
    await crew.post("Patient/$break-glass", asked(person.number))
    assert "entry" not in before
    assert [each["resource"]["id"] for each in (await crew.get(search)).json()["entry"]] == [identity]


async def test_idn_8_every_keeper_is_told_and_reviews(locality: Locality) -> None:
    person, crew = await known(locality, "voluntary", told=False), await staff(locality)
    answer = (await crew.post("Patient/$break-glass", asked(person.number))).json()
    reviews = (await person.trust.get(f"Task?code=override-review&patient={person.theirs}")).json()["entry"]
    assert [each["resource"]["id"] for each in reviews] == [answer["id"]]
    notice = await locality.built.services.mongo.collection("outbox").find_one({"focus": f"Task/{answer['id']}"})
    assert notice["to"] == "Organization/trust"


@pytest.mark.parametrize("wrong", [{"family": "Other"}, {"born": "1986-05-03"}])
async def test_idn_8_no_match_is_answered_as_no_record(locality: Locality, wrong: Any) -> None:
    person, crew = await known(locality, "voluntary", told=False), await staff(locality)
    nobody = valid_nhs_number(int(locality.person[-9:-2], 16) + 31)
    answers = [
        await crew.post("Patient/$break-glass", asked(person.number, **wrong)),
        await crew.post("Patient/$break-glass", asked(nobody)),
    ]
    assert answers[0].status_code == 404
    assert alike(*answers)


async def test_idn_8_attempts_are_limited(locality: Locality) -> None:
    person, crew = await known(locality, "voluntary", told=False), await staff(locality)
    for _ in range(emergency.MOST_BY_USER):
        assert (await crew.post("Patient/$break-glass", asked(person.number, "Other"))).status_code == 404
    assert (await crew.post("Patient/$break-glass", asked(person.number))).status_code == 429


async def test_idn_8_is_for_staff_of_health_agencies(locality: Locality) -> None:
    person = await known(locality, "voluntary", told=False)
    callers = [await staff(locality, "housing"), await locality.agency("crisis"), await person.app("voluntary", person.ours)]
    answers = [await each.post("Patient/$break-glass", asked(person.number)) for each in callers]
    assert [each.status_code for each in answers] == [403, 403, 403]


@pytest.mark.parametrize("kind", ["safeguarding", "public-interest", "legal", "best-interests", "curiosity"])
async def test_idn_8_is_for_safety_and_vital_interests(locality: Locality, kind: str) -> None:
    crew = await staff(locality)
    answer = await crew.post("Patient/$break-glass", asked(valid_nhs_number(1), kind=kind))
    assert (answer.status_code, "patient-safety" in answer.text) == (422, True)


async def test_idn_8_a_copy_of_one_s_own_opens_nothing(locality: Locality) -> None:
    """The newcomer's own Patient is no match, and the trust's is not reached by the newcomer's names."""
    person = await known(locality, told=False, name=[{"family": "Invented"}])
    crew = await staff(locality)
    answer = await crew.post("Patient/$break-glass", asked(person.number, "Invented"))
    assert (answer.status_code, await person.read(crew)) == (404, 404)


async def test_idn_4_an_override_of_one_s_own_copy_opens_nothing(locality: Locality) -> None:
    """The agency would be its own reviewer."""
    person, crew = await known(locality), await staff(locality)
    given = [{"name": "kind", "valueCode": "vital-interests"}, {"name": "reason", "valueString": REASON}]
    await person.newcomer.created(team(person.ours))
    answer = await crew.post(f"{person.ours}/$break-glass", {"resourceType": "Parameters", "parameter": given})
    assert (answer.status_code, await person.read(crew)) == (422, 404)


async def test_5_an_override_through_a_confirmed_copy_is_reviewed_by_who_keeps_the_records(locality: Locality) -> None:
    person, crew = await known(locality), await staff(locality)
    assert await person.decided() == 200
    await person.trust.created(team(person.theirs))
    await person.trust.created(denial(person.theirs))
    before = await person.read(crew)
    given = [{"name": "kind", "valueCode": "vital-interests"}, {"name": "reason", "valueString": REASON}]
    answer = await crew.post(f"{person.ours}/$break-glass", {"resourceType": "Parameters", "parameter": given})
    assert (answer.status_code, answer.json()["owner"]) == (201, {"reference": "Organization/trust"})
    assert (before, await person.read(crew)) == (404, 200)
