"""Attack list, writes (security rules, section 3): no write tells of what is hidden, or reaches beyond its scope."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from tests.attacks.callers import CALLERS, alike, denied, employee, narrow, other_context, other_person, someone_else, stranger
from tests.attacks.records import SAMPLE, observation
from tests.locality import Locality, person


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("tag", ["", 'W/"1"', 'W/"9"'])
async def test_writes_to_the_hidden_are_writes_to_the_absent(locality: Locality, caller: Any, method: str, tag: str) -> None:
    """Neither 412, 409 nor 403 tells that there is one, and nothing changes."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    made = await trust.created(observation(locality.person))
    headers = {"If_Match": tag} if tag else {}
    answers = []
    for identity in (made["id"], "not-there"):
        body = {**observation(locality.person), "id": identity} if method == "PUT" else None
        answers.append(await agency.send(method, f"Observation/{identity}", body, **headers))
    assert answers[0].status_code == 404
    assert alike(*answers, made["id"], "not-there")
    assert (await trust.get(f"Observation/{made['id']}")).json() == made


@pytest.mark.parametrize("caller", [stranger, denied, employee, someone_else, other_context])
async def test_a_conditional_create_is_no_oracle(locality: Locality, caller: Any) -> None:
    """If-None-Exist never answers with another's record."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    made = await trust.created(observation(locality.person))
    resource = {key: value for key, value in observation(locality.person).items() if key != "subject"}
    answer = await agency.post("Observation", resource, If_None_Exist=f"identifier={made['identifier'][0]['value']}")
    assert made["id"] not in answer.text
    assert answer.status_code != 200


async def test_a_create_scope_does_not_read_by_a_conditional_create(locality: Locality) -> None:
    """The match is named, its content is not shown."""
    trust, sender = await locality.agency("trust"), await locality.agency("trust", "system/Observation.c")
    await trust.created(observation(locality.person, note=[{"text": "private words"}]))
    answer = await sender.post(
        "Observation", observation(locality.person), If_None_Exist=f"identifier={locality.person.partition('/')[2]}"
    )
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("user", ["", "PractitionerRole/trust-lead"])
async def test_a_conditional_create_is_not_in_another_person_s_way(locality: Locality, user: str) -> None:
    """Two apps of one agency, on two persons, look for the same: neither learns that the other has found or made it."""
    other, word = await person(locality.built), clock.new_id()
    answers = []
    for who in (locality.person, other):
        app = await locality.agency("trust", "patient/Observation.crus", user=user or who, patient=who)
        note = observation(who, code={"coding": [{"system": SAMPLE, "code": word}]}, performer=[{"reference": who}])
        answers.append(await app.post("Observation", note, If_None_Exist=f"code={SAMPLE}|{word}"))
    assert [each.status_code for each in answers] == [201, 201]


GRANULAR = "system/Observation.cruds?status=preliminary"


async def test_a_granular_scope_is_held_to_what_is_there(locality: Locality) -> None:
    """Before: an update of content out of scope is an update of nothing."""
    trust, agency = await locality.agency("trust"), await locality.agency("trust", GRANULAR)
    made = await trust.created(observation(locality.person))
    assert (await agency.put({**made, "status": "preliminary"})).status_code == 404


async def test_a_granular_scope_is_held_to_what_is_sent(locality: Locality) -> None:
    """After: an update may not leave the scope."""
    agency = await locality.agency("trust", GRANULAR)
    made = await agency.created(observation(locality.person, status="preliminary"))
    assert (await agency.put({**made, "status": "final"})).status_code == 403
    assert (await agency.get(f"Observation/{made['id']}")).json() == made


async def test_a_granular_scope_creates_only_what_it_covers(locality: Locality) -> None:
    """403."""
    agency = await locality.agency("trust", GRANULAR)
    assert (await agency.post("Observation", observation(locality.person))).status_code == 403


@pytest.mark.parametrize("caller", [someone_else, other_context, narrow, other_person])
async def test_an_id_of_the_agency_s_others_is_not_tried(locality: Locality, caller: Any) -> None:
    """Update-as-create: a token that is not for the whole of the agency learns of no id whether it is taken."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    taken, free = f"trust.{clock.new_id()}", f"trust.{clock.new_id()}"
    assert (await trust.put({**observation(locality.person), "id": taken})).status_code == 201
    mine = (await agency.get("Patient")).json().get("entry", [{"fullUrl": "Patient/nobody"}])[0]["fullUrl"].rpartition("/")[2]
    note = observation(f"Patient/{mine}", status="preliminary", performer=[{"reference": f"Patient/{mine}"}])
    answers = [await agency.put({**note, "id": identity}) for identity in (taken, free)]
    assert alike(*answers, taken, free)


async def test_an_id_of_another_agency_is_not_taken(locality: Locality) -> None:
    """Update-as-create: another's id, or another's namespace, is simply absent."""
    trust, housing = await locality.agency("trust"), await stranger(locality)
    identity = f"trust.{clock.new_id()}"
    await trust.put({**observation(locality.person), "id": identity})
    free = f"trust.{clock.new_id()}"
    answers = [await housing.put({**observation(locality.person), "id": each}) for each in (identity, free)]
    assert alike(*answers, identity, free)
    assert answers[0].status_code == 404
