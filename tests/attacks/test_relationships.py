"""Attack list, relationships (security rules, section 3): no agency gives itself standing with a person, or another's staff."""

from __future__ import annotations

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


async def test_two_organisations_do_not_share_an_identifier(locality: Locality) -> None:
    """A Consent may name an organisation by its identifier."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    named = {"resourceType": "Organization", "name": "X", "identifier": [{"system": SAMPLE, "value": locality.person}]}
    assert (await trust.post("Organization", named)).status_code == 201
    assert (await crisis.post("Organization", named)).status_code == 409
