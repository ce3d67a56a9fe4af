"""Who the user is: with `openid fhirUser` an app may read that record and no other (SMART App Launch 2.2, section 4)."""

from __future__ import annotations

import pytest

from tests.api.apps import app
from tests.fakes.smart import TRUST
from tests.locality import Agency, Locality

SCOPE = "openid fhirUser"
LEAD = "PractitionerRole/trust-lead"


async def reader(locality: Locality, user: str, scope: str = SCOPE) -> Agency:
    """The app of a user, with the token that it was given."""
    token = await (await app(locality, "trust", user, scope)).allowed()
    return Agency(locality.http, "trust", token["access_token"])


async def test_staff_are_a_role_and_the_practitioner_of_it(locality: Locality) -> None:
    """Whichever of the two the app knows."""
    trust = await reader(locality, LEAD)
    found = [(await trust.get(each)).status_code for each in (LEAD, "Practitioner/trust-lead")]
    assert found == [200, 200]


@pytest.mark.parametrize("other", ["PractitionerRole/trust-second", "Practitioner/trust-second", TRUST, "PractitionerRole"])
async def test_nothing_else_is_opened_by_it(locality: Locality, other: str) -> None:
    """Neither another record of the types, nor a search."""
    assert (await (await reader(locality, LEAD)).get(other)).status_code in (403, 404)


async def test_nobody_writes_by_it(locality: Locality) -> None:
    trust = await reader(locality, LEAD)
    mine = (await trust.get(LEAD)).json()
    assert (await trust.put(mine)).status_code == 403


@pytest.mark.parametrize("scope", ["openid", "fhirUser"])
async def test_both_words_are_needed(locality: Locality, scope: str) -> None:
    assert (await (await reader(locality, LEAD, scope)).get(LEAD)).status_code == 403


async def test_a_person_reads_their_own_record_by_it(locality: Locality) -> None:
    pat = await reader(locality, locality.person)
    assert (await pat.get(locality.person)).status_code == 200


async def test_an_app_that_knows_no_role_is_told_the_practitioner(locality: Locality) -> None:
    """As it was registered."""
    registered = await app(locality, "trust", LEAD, SCOPE, fhir_user="Practitioner")
    assert (await registered.allowed())["fhirUser"] == "Practitioner/trust-lead"


async def test_an_app_is_told_the_role_otherwise(locality: Locality) -> None:
    assert (await (await app(locality, "trust", LEAD, SCOPE)).allowed())["fhirUser"] == LEAD
