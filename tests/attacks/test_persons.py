"""Attack list, persons (security rules, section 3): an app of one person reaches that person's own record alone."""

from __future__ import annotations

import pytest

from service import clock
from tests.attacks.callers import alike
from tests.attacks.records import observation
from tests.locality import Locality, patient, person, stored


@pytest.mark.parametrize("kind", ["patient", "user"])
async def test_a_person_s_app_writes_about_nobody_else(locality: Locality, kind: str) -> None:
    """Neither a create about another, nor a change of subject, nor one of several people."""
    other = clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=other))
    context = {"patient": locality.person} if kind == "patient" else {}
    app = await locality.agency("trust", f"{kind}/*.cruds", user=locality.person, **context)
    made = await app.created(observation(locality.person, performer=[{"reference": locality.person}]))
    moved = [
        await app.post("Observation", observation(f"Patient/{other}")),
        await app.post("Observation", observation(f"Patient/{other}", performer=[{"reference": locality.person}])),
        await app.put({**made, "subject": {"reference": f"Patient/{other}"}}),
    ]
    assert [each.status_code for each in moved] == [403, 403, 403]


async def test_a_launch_on_one_person_writes_about_nobody_else(locality: Locality) -> None:
    """Staff in an app opened on one person, with patient scopes."""
    other = clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=other))
    app = await locality.agency("trust", "patient/*.cruds", user="PractitionerRole/trust-lead", patient=locality.person)
    answer = await app.post("Observation", observation(f"Patient/{other}", performer=[{"reference": locality.person}]))
    assert answer.status_code == 403


async def test_a_person_reads_their_own_record(locality: Locality) -> None:
    """L1: and finds it."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    app = await locality.agency("trust", "patient/*.rs", user=locality.person, patient=locality.person)
    found = (await app.get("Observation?_total=accurate")).json()
    assert (await app.get(f"Observation/{made['id']}")).status_code == 200
    assert (found["total"], found["entry"][0]["resource"]["id"]) == (1, made["id"])


async def test_a_person_is_nobody_s_staff(locality: Locality) -> None:
    """Their app writes no plan, task or team in the name of the agency that runs it, and changes none of its records."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    led = await trust.created(locality.plan())
    app = await locality.agency("trust", "user/*.cruds", user=locality.person)
    answers = [
        await app.put({**made, "status": "amended"}),
        await app.send("DELETE", f"Observation/{made['id']}"),
        await app.post("CarePlan", locality.plan()),
        await app.put({**led, "title": "Mine"}),
        await app.post("CareTeam", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": locality.person}}),
        await app.post("Organization", {"resourceType": "Organization", "name": "Mine"}),
    ]
    assert {each.status_code for each in answers} == {403}


async def test_a_person_accepts_no_handover_for_the_agency(locality: Locality) -> None:
    """HOV-1: a Patient's app of the receiving agency moves nothing."""
    trust = await locality.agency("trust")
    task = await locality.sent(trust)
    app = await locality.agency("crisis", "user/*.cruds", user=locality.person)
    answer = await app.put({**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}})
    assert answer.status_code in (403, 404)
    assert (await trust.get(f"Task/{task['id']}")).json() == task


@pytest.mark.parametrize("kind", ["Patient", "RelatedPerson"])
async def test_what_is_written_to_an_agency_is_not_for_those_it_cares_for(locality: Locality, kind: str) -> None:
    """HOV-11 tells an agency's staff; a person whose app the same agency runs is told of nobody else."""
    task = await locality.sent(await locality.agency("trust"))
    other = await person(locality.built, "Organization/crisis")
    relative = {"resourceType": "RelatedPerson", "id": clock.new_id(), "patient": {"reference": other}}
    await stored(locality.built, "Organization/crisis", relative)
    user = {"Patient": other, "RelatedPerson": f"RelatedPerson/{relative['id']}"}[kind]
    app = await locality.agency("crisis", "user/*.cruds", user=user)
    hidden, absent = await app.get(f"Task/{task['id']}"), await app.get("Task/nothing")
    assert alike(hidden, absent, task["id"], "nothing")
    assert (await app.get(f"Task/{task['id']}/_history")).status_code == 404
    assert "entry" not in (await app.get("Task")).json()
