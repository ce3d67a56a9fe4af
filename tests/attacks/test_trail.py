"""Attack list, the trail (security rules, section 3): every denial is in it, and nobody writes or rewrites it."""

from __future__ import annotations

import pytest

from service import clock
from service.usecases.request.operated import OPERATOR
from tests.attacks.callers import stranger
from tests.attacks.records import SAMPLE, Stored, observation
from tests.locality import Agency, Locality


@pytest.mark.parametrize("scope", ["patient/*.cruds", "patient/AuditEvent.rs"])
async def test_the_audit_log_is_not_read_with_patient_scopes(locality: Locality, scope: str) -> None:
    """The person asks `$access-history`; the log itself is its custodian's."""
    trust = await locality.agency("trust")
    await trust.get(locality.person)
    event = (await trust.get(f"AuditEvent?patient={locality.person}&_count=1")).json()["entry"][0]["resource"]
    app = await locality.agency("trust", scope, user=locality.person, patient=locality.person)
    assert (await app.get(f"AuditEvent/{event['id']}")).status_code == 404
    assert "entry" not in (await app.get("AuditEvent")).json()


async def test_the_audit_log_is_only_added_to(locality: Locality) -> None:
    """Neither changed nor deleted by its custodian, nor written in the service's name."""
    trust = await locality.agency("trust")
    await trust.get(locality.person)
    event = (await trust.get(f"AuditEvent?patient={locality.person}&_count=1")).json()["entry"][0]["resource"]
    assert (await trust.put({**event, "outcome": "8"})).status_code == 405
    assert (await trust.send("DELETE", f"AuditEvent/{event['id']}")).status_code == 405
    assert (await trust.post("AuditEvent", event)).status_code == 422


async def test_nobody_writes_into_a_person_s_account(locality: Locality) -> None:
    """`$access-history` tells what this service saw, and no other system's word."""
    crisis, trust = await locality.agency("crisis"), await locality.agency("trust")
    await trust.get(locality.person)
    event = (await trust.get(f"AuditEvent?patient={locality.person}&_count=1")).json()["entry"][0]["resource"]
    forged = await crisis.created({**event, "source": {**event["source"], "site": "elsewhere"}})
    account = await trust.get(f"{locality.person}/$access-history")
    assert account.json()["entry"]
    assert forged["id"] not in account.text


async def lines(locality: Locality, agency: Agency) -> list[Stored]:
    """The entries of an agency's trail, newest first, without those of the operator who gave it its clients."""
    reader = await locality.agency(agency.name, "system/AuditEvent.rs")
    found = (await reader.get("AuditEvent?_sort=-_lastUpdated&_count=50")).json()
    told = [each["resource"] for each in found.get("entry", ())]
    return [each for each in told if each["agent"][0]["who"].get("identifier", {}).get("value") != OPERATOR]


DENIED: dict[str, tuple[str, str, str]] = {
    "read out of scope": ("GET", "Observation/{}", "R"),
    "search out of scope": ("GET", "Observation?code=x", "R"),
    "create out of scope": ("POST", "Observation", "C"),
    "update out of scope": ("PUT", "Observation/{}", "U"),
    "delete out of scope": ("DELETE", "Observation/{}", "D"),
    "operation out of scope": ("POST", "Patient/{}/$disclose", "E"),
}


@pytest.mark.parametrize("how", DENIED)
@pytest.mark.parametrize("inside", ["alone", "batch"])
async def test_every_denial_is_in_the_trail(locality: Locality, how: str, inside: str) -> None:
    """Who was denied what; no value of a search is told."""
    method, path, action = DENIED[how]
    agency = await locality.agency("voluntary", "system/Patient.r")
    url, body = path.format("x"), observation(locality.person, id="x")
    if inside == "batch":
        if action == "E":
            return  # a batch has no operations
        entry = {"resource": body, "request": {"method": method, "url": url}}
        await agency.post("", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    else:
        sent = {**disclosing_anything(), **({} if action == "E" else body)}
        assert (await agency.send(method, url, sent if method in ("POST", "PUT") else None)).status_code == 403
    newest = next(each for each in await lines(locality, agency) if each["outcome"] == "4")
    assert (newest["action"], newest["entity"][-1]["name"].partition("?")[0]) == (action, url.partition("?")[0])
    assert newest["agent"][1]["who"]["reference"] == "Organization/voluntary"
    assert "code=x" not in str(newest)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_a_write_to_the_hidden_is_in_the_trail_as_one_to_the_absent(locality: Locality, method: str) -> None:
    made = await (await locality.agency("trust")).created(observation(locality.person))
    agency = await stranger(locality)
    told = []
    for identity in (made["id"], clock.new_id()):
        sent = {"PUT": {**made, "id": identity}, "PATCH": [{"op": "test", "path": "/status", "value": "final"}]}.get(method)
        media = {"Content_Type": "application/json-patch+json"} if method == "PATCH" else {}
        await agency.send(method, f"Observation/{identity}", sent, **media)
        newest = (await lines(locality, agency))[0]
        told.append((newest["outcome"], newest["action"], newest["entity"][-1]["name"].replace(identity, "X")))
    assert told == [("4", "D" if method == "DELETE" else "U", "Observation/X")] * 2


def disclosing_anything() -> Stored:
    """The Parameters of a `$disclose`."""
    given = {"recipient": {"valueReference": {"reference": "Organization/crisis"}}, "purpose": {"valueCode": "TREAT"}}
    given |= {"type": {"valueCode": "Condition"}, "reason": {"valueString": "Because."}, "mode": {"valueCode": "release"}}
    return {"resourceType": "Parameters", "parameter": [{"name": name, **value} for name, value in given.items()]}


async def test_a_record_that_a_conditional_create_gives_is_in_the_trail(locality: Locality) -> None:
    """It is given as by a read."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    looked = f"identifier={SAMPLE}|{locality.person.partition('/')[2]}"
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist=looked)
    assert answer.json() == made
    newest = next(each for each in await lines(locality, trust) if each["action"] == "R")
    assert f"Observation/{made['id']}/_history/1" in str(newest["entity"])
