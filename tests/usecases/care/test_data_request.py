"""A data request: what is answered at once, what is refused, and that asking makes no relationship."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from service import clock
from service.problem import Category, Refused, problem
from tests.locality import Locality, code, nhs_number, person, stored
from tests.usecases.care.asking import Resource, approved, asked_by, basis, found, issue, linked, put, request, settled, waiting


async def test_what_is_permitted_anyway_is_answered_at_once(locality: Locality, make: Any) -> None:
    """L5: the normal record is disclosed in the transaction that creates the Task, the restricted one is not."""
    await settled(make)
    crisis = await locality.agency("crisis")
    task = await crisis.created(request(make.person))
    assert (task["status"], [each["type"]["coding"][0]["code"] for each in task["output"]]) == ("completed", ["disclosure"])
    assert await found(crisis, task) == ["plain"]


async def test_the_record_of_it_is_of_the_agency_that_keeps_the_records(locality: Locality, make: Any) -> None:
    """DIS: sender, recipient, reason, exact versions and authority, as by `$disclose`."""
    await settled(make)
    task = await (await locality.agency("crisis")).created(request(make.person))
    trust = await locality.agency("trust")
    record = (await trust.get(task["output"][0]["valueReference"]["reference"])).json()
    assert (record["sender"], record["recipient"]) == (
        {"reference": "Organization/trust"},
        [{"reference": "Organization/crisis"}],
    )
    assert record["payload"] == [{"contentReference": {"reference": f"Condition/{make.id('plain')}/_history/1"}}]
    assert record["reasonCode"][0]["text"] == "They take part in the plan."
    assert record["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "direct-care"


async def test_the_asker_is_told_of_the_disclosure(locality: Locality, make: Any) -> None:
    """The notice is written with the record."""
    await settled(make)
    task = await (await locality.agency("crisis")).created(request(make.person))
    focus = task["output"][0]["valueReference"]["reference"]
    row = await locality.built.services.mongo.collection("outbox").find_one({"focus": focus})
    assert (row["topic"], row["to"]) == ("disclosure-received", "Organization/crisis")


async def test_no_record_no_release(locality: Locality, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be recorded is not released: neither Task nor record is there."""
    await settled(make)
    crisis = await locality.agency("crisis")

    async def lost(*_: object) -> None:
        raise Refused(problem(Category.UNAVAILABLE, "transient", "The database does not answer."))

    with monkeypatch.context() as patched:
        patched.setattr(locality.built.services.records, "commit", lost)
        assert (await crisis.post("Task", request(make.person))).status_code == 503
    searches = [await crisis.get(f"{kind}?patient={make.person}") for kind in ("Task", "Communication")]
    assert [each.json().get("entry", []) for each in searches] == [[], []]


async def test_a_transaction_may_ask(locality: Locality, make: Any) -> None:
    """The rule holds on every way in."""
    await settled(make)
    crisis = await locality.agency("crisis")
    entry = {"resource": request(make.person), "request": {"method": "POST", "url": "Task"}}
    answer = await crisis.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert await found(crisis, answer.json()["entry"][0]["resource"]) == ["plain"]


async def test_categories_and_time_narrow_it(locality: Locality, make: Any) -> None:
    """As by `$disclose`."""
    asthma = {"coding": [{"system": "urn:x", "code": "asthma"}]}
    more = [make.condition("asthma", code=asthma), make.condition("old", recordedDate="2020-01-01", code=asthma)]
    await settled(make, *more)
    crisis = await locality.agency("crisis")
    narrow = [put("record-category", valueCodeableConcept=asthma), put("record-period", valuePeriod={"start": "2026-01-01"})]
    assert await found(crisis, await crisis.created(request(make.person, *narrow))) == ["asthma"]


async def test_a_part_that_may_not_be_had_is_taken_out(locality: Locality, make: Any) -> None:
    """A restricted part of a normal record is redacted, and the mark is of what is given."""
    await settled(make, make.condition("noted", note=make.secret_note()))
    crisis = await locality.agency("crisis")
    task = await crisis.created(request(make.person))
    answer = await crisis.get(f"Task/{task['id']}/$disclosed")
    assert "secret words" not in answer.text
    assert "open words" in answer.text
    assert answer.json()["meta"]["security"][0]["code"] == "N"


@pytest.mark.parametrize("more", [(), (basis(),)], ids=["at once", "waiting"])
async def test_asking_makes_no_relationship(locality: Locality, more: tuple[Resource, ...]) -> None:
    """L0: who knows the person only by its own record reads nothing of another's, and is answered with nothing."""
    theirs, ours, record = await linked(locality)
    voluntary = await locality.agency("voluntary")
    task = await voluntary.created(asked_by("voluntary", ours, *more, authoredOn="2026"))
    related = (await locality.built.services.evidence.person(theirs)).related("Organization/trust", clock.now())
    assert (task.get("output"), related) == (None, frozenset())
    assert [(await voluntary.get(ref)).status_code for ref in (record, theirs)] == [404, 404]


async def test_an_ended_request_made_no_relationship_meanwhile(locality: Locality) -> None:
    """L0: its end makes no part of it longer, so that a read which began before it finds no relationship either."""
    theirs, ours, _ = await linked(locality)
    voluntary = await locality.agency("voluntary")
    task = await voluntary.created(asked_by("voluntary", ours, basis()))
    asked = datetime.fromisoformat(task["authoredOn"])
    await asyncio.sleep(0.02)
    ended = {**task, "status": "cancelled", "statusReason": code("status-reason", "sent-in-error")}
    assert (await voluntary.put(ended)).status_code == 200
    known = await locality.built.services.evidence.person(theirs)
    assert known.related("Organization/trust", asked + timedelta(milliseconds=5)) == frozenset()


async def test_an_approved_basis_is_the_relationship_for_what_it_gives(locality: Locality) -> None:
    """L0 as by `$disclose`: being told under a lawful basis needs no other relationship, and makes none."""
    theirs, ours, record = await linked(locality)
    voluntary = await locality.agency("voluntary")
    task = await voluntary.created(asked_by("voluntary", ours, basis()))
    done = (await (await locality.agency("trust")).put(approved(task))).json()
    bundle = (await voluntary.get(f"Task/{task['id']}/$disclosed")).json()
    assert [each["resource"]["code"]["text"] for each in bundle["entry"]] == ["secret"]
    assert (await locality.built.services.evidence.person(theirs)).related("Organization/trust", clock.now()) == frozenset()
    assert [(await voluntary.get(ref)).status_code for ref in (record, theirs)] == [404, 404]
    assert done["owner"] == {"reference": "PractitionerRole/trust-lead"}


async def test_a_weak_basis_makes_no_relationship(locality: Locality) -> None:
    """L0 as by `$disclose`: direct care with nobody's patient is none."""
    _, ours, _ = await linked(locality)
    voluntary = await locality.agency("voluntary")
    task = await voluntary.created(asked_by("voluntary", ours, basis("direct-care", "We look after them.")))
    done = (await (await locality.agency("trust")).put(approved(task))).json()
    assert (done["status"], await found(voluntary, done)) == ("completed", [])


async def test_who_is_asked_is_told_whom_it_is_about(locality: Locality) -> None:
    """The verified identifier of the asker's own record, whatever else it wrote there."""
    _, ours, _ = await linked(locality)
    other = {"reference": ours, "identifier": nhs_number(), "display": "Somebody else"}
    voluntary = await locality.agency("voluntary")
    task = await voluntary.created({**asked_by("voluntary", ours, basis()), "for": other})
    number = (await voluntary.get(ours)).json()["identifier"][0]["value"]
    assert task["for"] == {"reference": ours, "identifier": nhs_number(number)}


async def test_a_patient_of_others_is_named_as_it_is_seen(locality: Locality, make: Any) -> None:
    """No identifier is told that the asker might not see."""
    task = await waiting(make, locality)
    assert task["for"] == {"reference": make.person}


@pytest.mark.parametrize(
    ("made", "status", "rule", "expression"),
    [
        ({"types": ("Consent",)}, 422, "consent-rules 4", "Task.input.where(type.coding.code = 'record-type')"),
        ({"types": ("Nonsense",)}, 422, "consent-rules 4", "Task.input.where(type.coding.code = 'record-type')"),
        ({"purpose": "HMARKT"}, 422, "consent-rules L0", "Task.requester"),
        ({"purpose": "HOPERAT"}, 403, "consent-rules 4", "Task.input.where(type.coding.code = 'purpose')"),
        ({"owner": {"reference": "Organization/crisis"}}, 422, "consent-rules 4", "Task.owner"),
        ({"owner": {"reference": "Organization/nobody"}}, 422, "consent-rules 4", "Task.owner"),
        ({"requester": {"reference": "PractitionerRole/trust-lead"}}, 422, "HOV-1", "Task.requester"),
        ({"status": "completed"}, 422, "HOV-1", "Task.status"),
    ],
)
async def test_a_refusal_says_what_is_wrong(
    locality: Locality, make: Any, made: Resource, status: int, rule: str, expression: str
) -> None:
    """The same as by `$disclose`, each with its rule and where it is."""
    await settled(make)
    answer = await (await locality.agency("crisis")).post("Task", request(make.person, **made))
    assert (answer.status_code, *issue(answer)) == (status, rule, expression)


async def test_a_claimed_basis_needs_its_justification(locality: Locality, make: Any) -> None:
    """E8: also between care services, whom `direct-care` alone excuses."""
    await settled(make)
    crisis = await locality.agency("crisis")
    answers = [await crisis.post("Task", request(make.person, basis(name, " "))) for name in ("safeguarding", "direct-care")]
    assert [each.status_code for each in answers] == [422, 201]
    assert issue(answers[0]) == ("E8", "Task.input.where(type.coding.code = 'sharing-authority')")


async def test_who_has_no_agreement_is_told_so(locality: Locality, make: Any) -> None:
    """L0: before anything is decided."""
    agency = make.id("lapsed")
    await stored(locality.built, f"Organization/{agency}", {"resourceType": "Organization", "id": agency, "active": True})
    about = await person(locality.built, f"Organization/{agency}")
    lapsed = await locality.agency(agency)
    answer = await lapsed.post("Task", asked_by(agency, about))
    assert (answer.status_code, *issue(answer)) == (422, "consent-rules L0", "Task.requester")


async def test_a_person_does_not_ask_for_an_agency(locality: Locality, make: Any) -> None:
    """A person asks the agency itself."""
    app = await locality.agency("crisis", "patient/*.cruds", user=make.person, patient=make.person)
    assert (await app.post("Task", request(make.person))).status_code == 403


@pytest.mark.parametrize(
    ("scope", "status"),
    [("system/Task.cr", 403), ("system/Task.cr system/Patient.r?gender=male", 422), ("system/Patient.r", 403)],
)
async def test_who_asks_reads_the_patient(locality: Locality, make: Any, scope: str, status: int) -> None:
    """By its scopes too: the Task that is answered names them."""
    await settled(make)
    crisis = await locality.agency("crisis", scope)
    assert (await crisis.post("Task", request(make.person))).status_code == status


async def test_a_request_is_kept(locality: Locality, make: Any) -> None:
    """What was asked and answered is not taken away."""
    task = await waiting(make, locality)
    crisis = await locality.agency("crisis")
    answer = await crisis.send("DELETE", f"Task/{task['id']}", If_Match=f'W/"{task["meta"]["versionId"]}"')
    assert answer.status_code == 422
