"""What a stranger learns by trying the operations on a person: nothing at all."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from service import clock
from tests.api.conftest import locality, service
from tests.locality import Agency, Locality, person, stored

__all__ = ["locality", "service"]

REASON = {"name": "reason", "valueString": "A reason of more than twenty characters."}
# What differs between any two answers, whatever was asked.
OWN_TO_EACH = frozenset({"x-request-id", "x-correlation-id", "date"})
Resource = dict[str, Any]


def parameters(*given: Resource) -> Resource:
    """A Parameters body."""
    return {"resourceType": "Parameters", "parameter": [*given, REASON]}


def disclosing(to: str = "housing", mode: str = "release", basis: str = "") -> Resource:
    """A whole `$disclose` request."""
    concept = {"coding": [{"system": "https://baton.example/fhir/CodeSystem/lawful-basis", "code": basis}], "text": "Because."}
    return parameters(
        {"name": "recipient", "valueReference": {"reference": f"Organization/{to}"}},
        {"name": "purpose", "valueCode": "TREAT"},
        {"name": "type", "valueCode": "Condition"},
        {"name": "mode", "valueCode": mode},
        *([{"name": "basis", "valueCodeableConcept": concept}] if basis else []),
    )


REQUESTS: dict[str, tuple[str, Resource | None]] = {
    "release": ("disclose", disclosing()),
    "release under vital interests": ("disclose", disclosing(basis="vital-interests")),
    "preview": ("disclose", disclosing(mode="preview")),
    "release to nobody": ("disclose", disclosing(to="nobody")),
    "malformed release": ("disclose", parameters()),
    "override": ("break-glass", parameters({"name": "kind", "valueCode": "vital-interests"})),
    "malformed override": ("break-glass", parameters({"name": "kind", "valueCode": "curiosity"})),
    "account": ("access-history", None),
    "malformed account": ("access-history?_count=x", None),
}


def plain(answer: httpx.Response, name: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body, with the id that was asked for taken out."""
    headers = {key: value for key, value in answer.headers.items() if key not in OWN_TO_EACH}
    return answer.status_code, headers, answer.content.replace(name.encode(), b"it")


async def tried(agency: Agency, patient: str, request: str) -> tuple[int, dict[str, str], bytes]:
    """One request about one Patient."""
    operation, body = REQUESTS[request]
    path = f"{patient}/${operation}"
    answer = await (agency.post(path, body) if body else agency.get(path))
    return plain(answer, patient)


@pytest.mark.parametrize("request_", sorted(REQUESTS))
@pytest.mark.parametrize("who", ["system", "user"])
async def test_a_hidden_person_is_an_absent_one(locality: Locality, request_: str, who: str) -> None:
    """Status, headers and body, byte for byte."""
    staff = {"user": "PractitionerRole/voluntary-lead"} if who == "user" else {}
    voluntary = await locality.agency("voluntary", f"{who}/*.cruds", **staff)
    hidden = await tried(voluntary, locality.person, request_)
    assert hidden == await tried(voluntary, f"Patient/{clock.new_id()}", request_)


@pytest.mark.parametrize("request_", sorted(REQUESTS))
async def test_what_a_person_consented_to_shows_to_nobody_else(locality: Locality, request_: str) -> None:
    """What is written about a hidden person changes no byte of an answer."""
    voluntary = await locality.agency("voluntary")
    before = await tried(voluntary, locality.person, request_)
    condition = {"resourceType": "Condition", "id": clock.new_id(), "subject": {"reference": locality.person}}
    await stored(locality.built, "Organization/trust", condition)
    assert await tried(voluntary, locality.person, request_) == before


@pytest.mark.parametrize("request_", ["override", "account"])
async def test_a_launch_for_another_person_opens_nothing(locality: Locality, request_: str) -> None:
    """A token for one patient tells nothing about another."""
    other = await person(locality.built)
    app = await locality.agency("trust", "patient/*.cruds", user=other, patient=other)
    assert await tried(app, locality.person, request_) == await tried(app, f"Patient/{clock.new_id()}", request_)


async def test_a_partner_does_not_disclose_what_it_may_only_read(locality: Locality) -> None:
    """The crisis team sees the trust's record, and passes nothing of it on."""
    team = {
        "resourceType": "CareTeam",
        "id": clock.new_id(),
        "status": "active",
        "subject": {"reference": locality.person},
        "participant": [{"member": {"reference": f"Organization/{agency}"}} for agency in ("crisis", "housing")],
    }
    normal = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}]}
    condition = {"resourceType": "Condition", "id": clock.new_id(), "meta": normal, "subject": {"reference": locality.person}}
    await stored(locality.built, "Organization/trust", team, condition)
    crisis = await locality.agency("crisis")
    assert (await crisis.get(f"Condition/{condition['id']}")).status_code == 200
    answer = await crisis.post(f"{locality.person}/$disclose", disclosing(basis="vital-interests"))
    assert answer.status_code == 422
    assert condition["id"] not in answer.text


async def test_a_preview_is_no_oracle_for_others_records(locality: Locality) -> None:
    """Records that other agencies keep about our own Patient change no count."""
    trust = await locality.agency("trust")
    before = await tried(trust, locality.person, "preview")
    condition = {"resourceType": "Condition", "id": clock.new_id(), "subject": {"reference": locality.person}}
    await stored(locality.built, "Organization/voluntary", condition)
    assert await tried(trust, locality.person, "preview") == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_operation_that_writes_is_not_reached_by_reading(locality: Locality, method: str) -> None:
    """`$disclose` answers POST alone."""
    trust = await locality.agency("trust")
    answer = await trust.send(method, f"{locality.person}/$disclose", disclosing() if method != "GET" else None)
    assert answer.status_code in (404, 405)
