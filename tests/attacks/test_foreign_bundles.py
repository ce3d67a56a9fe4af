"""A Bundle of another server says nothing about the records that have its ids here (R4 section 2.36.4.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from service import clock
from service.cli.loading import _all
from tests.api.bundles import NEW, entry, sent, statuses
from tests.api.notes import observation
from tests.locality import Agency, Locality

THEIRS = "https://gp.example/fhir"


async def theirs(agency: Agency, kind: str, resource: dict[str, Any], *others: Any) -> Any:
    """A Bundle with an entry that a GP's server calls its own."""
    url = f"{THEIRS}/{resource['resourceType']}/1"
    return await sent(agency, kind, *others, entry("POST", str(resource["resourceType"]), resource, url))


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_a_relative_reference_is_not_filed_on_our_person(locality: Locality, kind: str) -> None:
    """It stays a reference to the other server."""
    trust = await locality.agency("trust")
    made = await theirs(trust, kind, observation(locality.person))
    assert statuses(made) == ["201"]
    stored_ = made.json()["entry"][0]["resource"]
    assert stored_["subject"]["reference"] == f"{THEIRS}/{locality.person}"
    found = (await trust.get(f"Observation?patient={locality.person}&_id={stored_['id']}")).json()
    assert "entry" not in found


@pytest.mark.parametrize("kind", ["transaction", "batch"])
async def test_a_consent_of_theirs_opens_nothing_of_ours(locality: Locality, kind: str) -> None:
    trust, housing = await locality.agency("trust"), await locality.agency("housing")
    permit = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": locality.person},
        "dateTime": "2026-11-01",
        "organization": [{"reference": "Organization/trust"}],
        "policy": [{"uri": "https://profiles.ihe.net/ITI/PCF/Policy-basic"}],
        "provision": {"type": "permit"},
    }
    made = await theirs(trust, kind, permit)
    assert made.status_code == 422 or statuses(made) == ["422"]
    assert (await housing.get(locality.person)).status_code == 404


async def test_what_it_brings_along_is_its_own_person(locality: Locality) -> None:
    """With the id of somebody here."""
    trust = await locality.agency("trust")
    identity = locality.person.partition("/")[2]
    person = {"resourceType": "Patient", "id": identity}
    made = await theirs(
        trust, "transaction", observation(locality.person), entry("POST", "Patient", person, f"{THEIRS}/{locality.person}")
    )
    patient, note = (each["resource"] for each in made.json()["entry"])
    assert patient["id"] != identity
    assert note["subject"]["reference"] == f"Patient/{patient['id']}"


async def test_a_relative_full_url_takes_nobody_s_place(locality: Locality) -> None:
    trust = await locality.agency("trust")
    answer = await sent(trust, "transaction", entry("POST", "Patient", {"resourceType": "Patient"}, locality.person))
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["Bundle.entry[0].fullUrl"])


@pytest.mark.parametrize("place", ["subject", "extension", "narrative"])
async def test_what_nothing_answers_is_refused(locality: Locality, place: str) -> None:
    trust = await locality.agency("trust")
    note = {
        "subject": observation(NEW),
        "extension": {**observation(locality.person), "extension": [{"url": "urn:e", "valueUrl": NEW}]},
        "narrative": {
            **observation(locality.person),
            "text": {
                "status": "generated",
                "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{NEW}">x</a></div>',
            },
        },
    }[place]
    answer = await sent(trust, "transaction", entry("POST", "Observation", note))
    assert answer.status_code == 422
    assert NEW in answer.text
    assert answer.json()["issue"][0]["expression"][0].startswith("Bundle.entry[0].resource.")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_record_by_itself_refers_to_no_urn(locality: Locality, method: str) -> None:
    trust = await locality.agency("trust")
    path, body = "Observation", observation(NEW)
    if method == "PUT":
        made = await trust.created(observation(locality.person))
        path, body = f"Observation/{made['id']}", {**body, "id": made["id"]}
    answer = await trust.send(method, path, body)
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["Observation.subject"])


async def load(locality: Locality, folder: Path, *entries: Any, custodian: str = "Organization/trust") -> Any:
    """The account of loading a Bundle of the GP's server."""
    file = folder / "bundle.json"
    file.write_bytes(orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": list(entries)}))
    return await _all(locality.built, [file], custodian)


def brought(resource: dict[str, Any]) -> dict[str, Any]:
    """An entry of a Bundle to load."""
    return {"fullUrl": f"{THEIRS}/{resource['resourceType']}/{resource['id']}", "resource": resource}


async def test_a_load_files_nothing_of_theirs_on_our_person(locality: Locality, tmp_path: Path) -> None:
    """Without the person, it stays theirs; with another person of the id, both are put aside."""
    identity = locality.person.partition("/")[2]
    alone = {**observation(locality.person), "id": clock.new_id()}
    account = await load(locality, tmp_path, brought(alone))
    assert account.aside == []
    row = await locality.built.services.records.read("Observation", alone["id"])
    assert row is not None
    assert (row.resource["subject"]["reference"], row.patients) == (f"{THEIRS}/{locality.person}", ())
    note, other = (
        {**observation(locality.person), "id": clock.new_id()},
        {"resourceType": "Patient", "id": identity, "gender": "male"},
    )
    account = await load(locality, tmp_path, brought(note), brought(other))
    assert {item.sent.resource["id"] for item, _ in account.aside} == {note["id"], identity}


@pytest.mark.parametrize("first", [True, False])
async def test_lines_of_another_person_of_the_id_are_put_aside_with_them(locality: Locality, tmp_path: Path, first: bool) -> None:
    """Whatever the order of the files."""
    identity = locality.person.partition("/")[2]
    note, other = (
        {**observation(locality.person), "id": clock.new_id()},
        {"resourceType": "Patient", "id": identity, "gender": "male"},
    )
    for name, each in zip("ab" if first else "ba", (other, note), strict=True):
        (tmp_path / f"{name}.ndjson").write_bytes(orjson.dumps(each))
    account = await _all(locality.built, [tmp_path / "a.ndjson", tmp_path / "b.ndjson"], "Organization/trust")
    assert len(account.aside) == 2
    assert await locality.built.services.records.read("Observation", note["id"]) is None


async def test_lines_about_the_person_who_is_here_are_theirs(locality: Locality, tmp_path: Path) -> None:
    """An operator adds to a record by its id."""
    note = {**observation(locality.person), "id": clock.new_id()}
    (tmp_path / "a.ndjson").write_bytes(orjson.dumps(note))
    account = await _all(locality.built, [tmp_path / "a.ndjson"], "Organization/trust")
    assert account.aside == []


async def test_what_refers_to_nothing_is_put_aside(locality: Locality, tmp_path: Path) -> None:
    """By name."""
    note = {**observation("Patient/nobody"), "id": clock.new_id()}
    (tmp_path / "a.ndjson").write_bytes(orjson.dumps(note))
    ((_, reason),) = (await _all(locality.built, [tmp_path / "a.ndjson"], "Organization/trust")).aside
    assert "`Patient/nobody`" in str(reason)


async def test_what_refers_to_somebody_invalid_is_put_aside_with_them(locality: Locality, tmp_path: Path) -> None:
    who, note = clock.new_id(), clock.new_id()
    lines = [{**observation(f"Patient/{who}"), "id": note}, {"resourceType": "Patient", "id": who, "gender": "neither"}]
    (tmp_path / "a.ndjson").write_bytes(b"\n".join(map(orjson.dumps, lines)))
    account = await _all(locality.built, [tmp_path / "a.ndjson"], "Organization/trust")
    assert len(account.aside) == 2
