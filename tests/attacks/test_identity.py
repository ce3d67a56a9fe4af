"""Attacks on identity (IDN-1, IDN-4, IDN-5): nobody proves about themselves that they know a person."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.callers import alike
from tests.attacks.newcomers import Known, compared, completed, known, patient
from tests.attacks.records import Stored, denial, observation
from tests.locality import Locality, valid_nhs_number
from tests.pending import pending

CRISIS = {"reference": "Organization/crisis"}


def ties(person: str) -> dict[str, Stored]:
    """What a newcomer writes to name itself for its own Patient."""
    subject = {"reference": person}
    return {
        "CareTeam": {"status": "active", "subject": subject, "participant": [{"member": CRISIS}]},
        "EpisodeOfCare": {"status": "active", "patient": subject, "managingOrganization": CRISIS},
        "ServiceRequest": {"status": "active", "intent": "order", "subject": subject, "requester": CRISIS, "performer": [CRISIS]},
        "Task": {"status": "requested", "intent": "order", "for": subject, "requester": CRISIS, "owner": CRISIS},
    }


async def tie(person: Known) -> None:
    """All of it."""
    for kind, record in ties(person.ours).items():
        await person.newcomer.created({"resourceType": kind, **record})


async def said(person: Known, effect: str, subject: str, recorder: str = "crisis") -> None:
    """A Consent about the crisis team, recorded by an agency in the person's name."""
    consent = {**denial(subject), "organization": [{"reference": f"Organization/{recorder}"}]}
    agency = person.trust if recorder == "trust" else person.newcomer
    await agency.created(consent | {"provision": {**consent["provision"], "type": effect}})


async def test_idn_4_a_patient_with_somebody_s_number_opens_nothing(locality: Locality) -> None:
    person = await known(locality)
    await tie(person)
    assert await person.read(person.newcomer) == 404
    assert await person.read(person.newcomer, person.theirs) == 404
    found = (await person.newcomer.get(f"Patient?identifier={person.number}")).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [person.ours.partition("/")[2]]
    assert "entry" not in (await person.newcomer.get(f"Observation?patient={person.theirs}")).json()


async def test_idn_4_a_permit_recorded_on_a_copy_opens_nothing(locality: Locality) -> None:
    person = await known(locality)
    await tie(person)
    await said(person, "permit", person.ours)
    assert await person.read(person.newcomer) == 404


async def test_idn_4_a_denial_recorded_on_a_copy_closes_nothing(locality: Locality) -> None:
    """No stranger closes the record to the crisis team."""
    person = await known(locality, "voluntary")
    crisis = await locality.agency("crisis")
    await person.trust.created({"resourceType": "CareTeam", **ties(person.theirs)["CareTeam"]})
    await said(person, "deny", person.ours, "voluntary")
    assert await person.read(crisis) == 200


async def test_idn_4_a_copy_is_no_record_of_one_s_own(locality: Locality) -> None:
    """L1: a person's app of the newcomer reads nothing of the trust, whatever number its Patient is given."""
    person = await known(locality)
    app = await person.app("crisis", person.ours)
    assert [await person.read(app), await person.read(app, person.theirs)] == [404, 404]


async def test_idn_4_a_number_given_later_is_no_record_of_one_s_own(locality: Locality) -> None:
    person = await known(locality)
    other = await person.newcomer.created({"resourceType": "Patient", "name": [{"family": "Other"}]})
    changed = await person.newcomer.put({**other, **patient(person.number)})
    assert changed.status_code == 200
    app = await person.app("crisis", f"Patient/{other['id']}")
    assert await person.read(app) == 404


async def test_idn_4_the_decision_service_says_nothing_through_a_copy(locality: Locality) -> None:
    person = await known(locality)
    await said(person, "deny", person.theirs, "trust")
    asked = [{"name": "patient", "valueReference": {"reference": person.ours}}]
    answer = await person.newcomer.post("Consent/$evaluate", {"resourceType": "Parameters", "parameter": asked})
    asked_about = [*asked, {"name": "resource", "valueReference": {"reference": person.record}}]
    about = await person.newcomer.post("Consent/$evaluate", {"resourceType": "Parameters", "parameter": asked_about})
    assert "Consent/" not in answer.text.replace("Consent/$evaluate", "")
    assert "you may see" in about.text


async def test_idn_4_the_newcomer_s_own_record_works(locality: Locality) -> None:
    person = await known(locality)
    own = f"Observation/{(await person.newcomer.created(observation(person.ours)))['id']}"
    app = await person.app("crisis", person.ours)
    assert [await person.read(person.newcomer, own), await person.read(app, own), await person.read(app, person.ours)] == [
        200
    ] * 3


async def test_idn_1_who_knows_the_person_is_asked_and_nobody_else(locality: Locality) -> None:
    person = await known(locality)
    voluntary = await locality.agency("voluntary")
    (task,) = await person.reviews(person.trust)
    assert (task["owner"]["reference"], task["focus"]["reference"]) == ("Organization/trust", f"{person.ours}/_history/1")
    stated = {each["type"]["coding"][0]["code"]: each for each in task["input"]}
    assert stated["registered-by"]["valueReference"] == CRISIS
    assert (stated["registered-as"]["valueHumanName"]["family"], stated["born"]["valueDate"]) == ("Example", "1986-05-02")
    for stranger in (person.newcomer, voluntary):
        assert await person.read(stranger, f"Task/{task['id']}") == 404
        assert await person.reviews(stranger) == await person.reviews(stranger, person.ours) == []


async def test_idn_1_the_newcomer_is_told_nothing(locality: Locality) -> None:
    """Whether somebody else knows the person changes no byte of what the newcomer is answered."""
    person = await known(locality)
    fresh = valid_nhs_number(int(locality.person[-9:-2], 16) + 17)
    names = (person.number, fresh)
    answers = []
    for number in names:
        made = await person.newcomer.post("Patient", patient(number))
        ref = f"Patient/{made.json()['id']}"
        waiting = await pending(locality.built.services.mongo, f"IDN-1:{ref}")
        await compared(locality, ref)
        gone = await person.newcomer.send("DELETE", ref)
        answers.append((made, gone, len(waiting)))
    (one, left, waited), (other, gone, held) = answers
    assert alike(one, other, *names, one.json()["id"], other.json()["id"], one.json()["meta"]["lastUpdated"],
                 other.json()["meta"]["lastUpdated"]) or one.json().keys() == other.json().keys()  # fmt: skip
    assert (left.status_code, waited) == (gone.status_code, held) == (204, 1)


async def test_idn_1_a_review_is_not_sent_by_a_client(locality: Locality) -> None:
    person = await known(locality)
    (task,) = await person.reviews(person.trust)
    forged = {name: value for name, value in task.items() if name not in ("id", "meta")}
    mine = {**forged, "requester": CRISIS, "owner": CRISIS}
    assert (await person.newcomer.post("Task", mine)).status_code == 422
    assert (await person.newcomer.post("Task", completed(mine, "same-person"))).status_code == 422
    answer = await person.newcomer.send("PUT", f"Task/{task['id']}", completed(task, "same-person"), If_Match='W/"1"')
    assert answer.status_code == 404
    assert await person.read(await person.app("crisis", person.ours)) == 404


async def test_idn_1_a_confirmed_newcomer_is_the_person(locality: Locality) -> None:
    """The person's app of the newcomer reads the record as its own, and what was said there counts here."""
    person = await known(locality)
    app = await person.app("crisis", person.ours)
    assert await person.decided() == 200
    await person.trust.created({"resourceType": "CareTeam", **ties(person.theirs)["CareTeam"]})
    before = await person.read(person.newcomer)
    await said(person, "deny", person.ours)
    assert await person.read(app) == 200
    assert (before, await person.read(person.newcomer)) == (200, 404)


async def test_idn_6_a_confirmed_newcomer_is_tied_to_nothing_by_its_own_word(locality: Locality) -> None:
    person = await known(locality)
    await tie(person)
    assert await person.decided() == 200
    assert await person.read(person.newcomer) == 404


async def test_idn_1_a_person_who_is_another_joins_nothing(locality: Locality) -> None:
    person = await known(locality)
    app = await person.app("crisis", person.ours)
    assert await person.decided("another-person") == 200
    await compared(locality, person.ours, person.theirs)
    assert await person.read(app) == 404
    assert [each["status"] for each in await person.reviews(person.trust)] == ["completed"]
    assert await person.reviews(person.newcomer, person.ours) == []


async def test_idn_1_the_newcomer_is_asked_in_turn(locality: Locality) -> None:
    """Each side opens its own records: the one that registered first reads nothing of the other by its own word."""
    person = await known(locality)
    own = f"Observation/{(await person.newcomer.created(observation(person.ours)))['id']}"
    app = await person.app("trust", person.theirs)
    assert await person.decided() == 200
    before = await person.read(app, own)
    assert await person.decided(by=person.newcomer, patient=person.ours) == 200
    assert (before, await person.read(app, own)) == (404, 200)


async def test_idn_1_who_registers_somebody_first_confirms_nothing_about_the_others(locality: Locality) -> None:
    """A number that is taken before the agency that knows the person registers it opens nothing when it does."""
    person = await known(locality)  # here the trust is the later one's place: its record is the newcomer's to be opened
    own = f"Observation/{(await person.newcomer.created(observation(person.ours)))['id']}"
    assert await person.decided() == 200
    await person.trust.created({"resourceType": "CareTeam", **ties(person.theirs)["CareTeam"]} | {
        "participant": [{"member": {"reference": "Organization/trust"}}]})  # fmt: skip
    assert await person.read(person.trust, own) == 404
    assert await person.read(await person.app("trust", person.theirs), own) == 404


async def test_idn_1_a_referral_confirms_a_newcomer_whose_name_and_birth_date_agree(locality: Locality) -> None:
    person = await known(locality)
    app = await person.app("crisis", person.ours)
    before = await person.read(app)
    referral = {"status": "active", "intent": "order", "performer": [CRISIS], "requester": {"reference": "Organization/trust"}}
    subject = {"subject": {"reference": person.theirs}}
    await person.trust.created({"resourceType": "ServiceRequest", **referral, **subject})
    assert len(await pending(locality.built.services.mongo, f"IDN-1:{person.ours}")) == 1
    await compared(locality, person.ours)
    assert (before, await person.read(app)) == (404, 200)


@pytest.mark.parametrize("first", [True, False])
async def test_idn_1_a_team_of_the_agency_confirms_a_newcomer(locality: Locality, first: bool) -> None:
    person = await known(locality, told=False)
    if not first:
        await compared(locality, person.ours)
    await person.trust.created({"resourceType": "CareTeam", **ties(person.theirs)["CareTeam"]})
    await compared(locality, person.ours)
    assert await person.read(await person.app("crisis", person.ours)) == 200


@pytest.mark.parametrize("more", [{"birthDate": "1986-05-03"}, {"name": [{"family": "Other"}]}, {"birthDate": None}])
async def test_idn_1_a_named_newcomer_whose_name_or_birth_date_differs_is_reviewed(locality: Locality, more: Any) -> None:
    person = await known(locality, told=False)
    stored = (await person.newcomer.get(person.ours)).json()
    changed = {name: value for name, value in {**stored, **more}.items() if value is not None}
    assert (await person.newcomer.put(changed)).status_code == 200
    await person.trust.created({"resourceType": "CareTeam", **ties(person.theirs)["CareTeam"]})
    await compared(locality, person.ours)
    assert await person.read(await person.app("crisis", person.ours)) == 404
    assert [each["status"] for each in await person.reviews(person.trust)] == ["requested"]


async def test_idn_1_the_person_signed_in_confirms(locality: Locality) -> None:
    person = await known(locality)
    signed_in = await person.app("trust", person.theirs)
    assert await person.decided(by=signed_in) == 200
    assert await person.read(await person.app("crisis", person.ours)) == 200


async def test_idn_1_an_agency_takes_a_confirmation_back(locality: Locality) -> None:
    person = await known(locality)
    app = await person.app("crisis", person.ours)
    assert await person.decided() == 200
    (task,) = await person.reviews(person.trust)
    before = await person.read(app)
    revised = completed(task, "another-person")["output"]
    assert (await person.trust.put({**task, "output": [*task["output"], *revised]})).status_code == 200
    assert (before, await person.read(app)) == (200, 404)


async def test_idn_1_a_review_needs_a_decision(locality: Locality) -> None:
    person = await known(locality)
    (task,) = await person.reviews(person.trust)
    answers = [
        await person.trust.put({**task, "status": "completed"}),
        await person.trust.put(completed(task, "number-verified")),
    ]
    assert [each.status_code for each in answers] == [422, 422]
    assert all("same-person" in each.text for each in answers)


CHANGES: list[Stored] = [
    {"name": [{"family": "Other"}]},
    {"birthDate": "1990-01-01"},
    {"identifier": []},
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("again", [False, True])
async def test_idn_5_a_change_of_identity_suspends_the_link(locality: Locality, change: Stored, again: bool) -> None:
    """At once, until it is confirmed anew: what was changed back is not what was confirmed."""
    person = await known(locality)
    app = await person.app("crisis", person.ours)
    assert await person.decided() == 200
    before = await person.read(app)
    own = (await person.newcomer.get(person.ours)).json()
    changed = {name: value for name, value in {**own, **change}.items() if value}
    written = (await person.newcomer.put(changed)).json()
    if again:
        assert (await person.newcomer.put({**own, "meta": written["meta"]})).status_code == 200
    assert (before, await person.read(app)) == (200, 404)


async def test_idn_5_a_suspended_link_is_proposed_anew(locality: Locality) -> None:
    person = await known(locality)
    assert await person.decided() == 200
    own = (await person.newcomer.get(person.ours)).json()
    assert (await person.newcomer.put({**own, "name": [{"family": "Married"}]})).status_code == 200
    await compared(locality, person.ours)
    tasks = {each["status"]: each for each in await person.reviews(person.trust)}
    assert set(tasks) == {"completed", "requested"}
    assert tasks["completed"]["businessStatus"]["coding"][0]["code"] == "suspended"
    assert await person.decided() == 200
    assert await person.read(await person.app("crisis", person.ours)) == 200


async def test_idn_5_a_change_of_something_else_keeps_the_link(locality: Locality) -> None:
    person = await known(locality)
    assert await person.decided() == 200
    own = (await person.newcomer.get(person.ours)).json()
    assert (await person.newcomer.put({**own, "telecom": [{"system": "phone", "value": "1"}]})).status_code == 200
    assert await person.read(await person.app("crisis", person.ours)) == 200


async def test_idn_5_a_number_that_the_agency_corrects_ends_the_link(locality: Locality) -> None:
    person = await known(locality)
    assert await person.decided() == 200
    theirs = (await person.trust.get(person.theirs)).json()
    del theirs["identifier"]
    assert (await person.trust.put(theirs)).status_code == 200
    assert await person.read(await person.app("crisis", person.ours)) == 404


async def test_idn_5_an_open_review_of_what_has_changed_is_not_answered(locality: Locality) -> None:
    person = await known(locality)
    own = (await person.newcomer.get(person.ours)).json()
    assert (await person.newcomer.put({**own, "name": [{"family": "Other"}]})).status_code == 200
    assert await person.decided() == 422
