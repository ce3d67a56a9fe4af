"""Attack list, relationships (security rules, section 3): no agency gives itself standing with a person, or another's staff."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from tests.attacks.records import CONFIDENTIALITY, SAMPLE, Stored, observation
from tests.locality import Agency, Locality


async def write_tie(locality: Locality, agency: Agency, kind: str) -> httpx.Response:
    """An agency's own record that ties itself to somebody else's Patient."""
    person = {"reference": locality.person}
    records: dict[str, Stored] = {
        "CareTeam": {"status": "active", "subject": person, "participant": [{"member": {"reference": "Organization/crisis"}}]},
        "EpisodeOfCare": {"status": "active", "patient": person, "managingOrganization": {"reference": "Organization/crisis"}},
        "ServiceRequest": {
            "status": "active",
            "intent": "order",
            "subject": person,
            "requester": {"reference": "Organization/crisis"},
            "performer": [{"reference": "Organization/crisis"}],
        },
        "Task": {
            "status": "requested",
            "intent": "order",
            "for": person,
            "requester": {"reference": "Organization/crisis"},
            "owner": {"reference": "Organization/crisis"},
        },
    }
    return await agency.post(kind, {"resourceType": kind, **records[kind]})


@pytest.mark.parametrize("kind", ["CareTeam", "EpisodeOfCare", "ServiceRequest", "Task"])
async def test_nobody_gives_themselves_a_relationship(locality: Locality, kind: str) -> None:
    """L0: a tie counts only when somebody with standing made it."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    normal = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}}
    made = await trust.created(observation(locality.person, **normal))
    await write_tie(locality, crisis, kind)
    assert (await crisis.get(f"Observation/{made['id']}")).status_code == 404
    assert (await crisis.get(locality.person)).status_code == 404
    assert "entry" not in (await crisis.get(f"Observation?patient={locality.person}")).json()


async def test_no_agency_makes_itself_a_part_of_another(locality: Locality) -> None:
    """IDN-3: `partOf` would make its staff the other's staff."""
    crisis = await locality.agency("crisis")
    own = (await crisis.get("Organization/crisis")).json()
    answer = await crisis.put({**own, "partOf": {"reference": "Organization/trust"}})
    assert (answer.status_code, "IDN-3" in answer.text) == (422, True)


async def test_no_agency_employs_its_staff_elsewhere(locality: Locality) -> None:
    """IDN-3: a role names its own agency."""
    crisis = await locality.agency("crisis")
    own = (await crisis.get("PractitionerRole/crisis-second")).json()
    answers = [
        await crisis.put({**own, "organization": {"reference": "Organization/trust"}}),
        await crisis.post("PractitionerRole", {**own, "organization": {"reference": "Organization/trust"}}),
    ]
    assert [each.status_code for each in answers] == [422, 422]


ENTRIES: dict[str, Stored] = {
    "Organization": {"name": "X"},
    "PractitionerRole": {"organization": {"reference": "Organization/crisis"}},
    "Practitioner": {"name": [{"family": "X"}]},
    "HealthcareService": {"providedBy": {"reference": "Organization/crisis"}},
}


@pytest.mark.parametrize("kind", ENTRIES)
async def test_idn_7_two_actors_do_not_share_an_identifier(locality: Locality, kind: str) -> None:
    """A Consent may name an actor by its identifier: a role with another organisation's is not taken for it."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    identifier = [{"system": SAMPLE, "value": f"{locality.person}-{kind}"}]
    taken = await trust.post("Organization", {"resourceType": "Organization", "name": "X", "identifier": identifier})
    answer = await crisis.post(kind, {"resourceType": kind, "identifier": identifier, **ENTRIES[kind]})
    assert (taken.status_code, answer.status_code, "IDN-7" in answer.text) == (201, 409, True)


@pytest.mark.parametrize("kind", ENTRIES)
async def test_idn_7_a_registered_namespace_is_one_agency_s(locality: Locality, kind: str) -> None:
    """What the operator registered to the trust, the crisis team's entries do not carry."""
    system = f"https://example.org/{locality.person}"
    partners = locality.built.services.partners
    trust = await partners.get("Organization/trust")
    assert trust
    await partners.add(replace(trust, namespaces=(system,)))
    entry = {"resourceType": kind, "identifier": [{"system": system, "value": "1"}], **ENTRIES[kind]}
    answer = await (await locality.agency("crisis")).post(kind, entry)
    own = {**entry, **({"organization": {"reference": "Organization/trust"}} if kind == "PractitionerRole" else {})}
    own |= {"providedBy": {"reference": "Organization/trust"}} if kind == "HealthcareService" else {}
    mine = await (await locality.agency("trust")).post(kind, own)
    await partners.add(trust)
    assert (answer.status_code, "IDN-7" in answer.text, mine.status_code) == (422, True, 201)


@pytest.mark.parametrize(
    "record",
    [
        {"resourceType": "Group", "type": "person", "actual": True, "member": [{"entity": {"identifier": {"value": "1"}}}]},
        {"resourceType": "List", "status": "current", "mode": "working", "entry": [{"item": {"identifier": {"value": "1"}}}]},
        {"resourceType": "Person", "link": [{"target": {"identifier": {"value": "1"}}}]},
        {"resourceType": "Basic", "code": {"text": "x"}},
    ],
)
async def test_idn_3_no_record_is_public_for_naming_nobody(locality: Locality, record: Stored) -> None:
    """Groups, Lists and Persons whose members are given by identifier are their custodian's."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    made = await trust.created(record)
    kind = record["resourceType"]
    assert (await crisis.get(f"{kind}/{made['id']}")).status_code == 404
    assert made["id"] not in (await crisis.get(kind)).text
