"""Patients with one national identifier are compared after an upgrade, for an identity authority, and when an operator asks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.usecases.register import identities
from tests.attacks.newcomers import compared, known, patient
from tests.locality import BASE, Locality, person, stored
from tests.pending import pending
from tests.usecases.register.test_integrity import checked

__all__ = ["checked"]
AUTHORITY = "Organization/housing"


async def test_idn_1_links_of_an_older_version_are_compared_once(checked: Locality) -> None:
    """A version that linked by the identifier alone left no review: every such Patient is proposed."""
    one = await person(checked.built, "Organization/trust", **patient("9434765919"))
    other = await person(checked.built, "Organization/crisis", **patient("9434765919"))
    alone = await person(checked.built, "Organization/crisis", **patient("9434765870"))
    services, mongo = checked.built.services, checked.built.services.mongo
    await identities.migrate(services, BASE)
    waiting = [len(await pending(mongo, f"IDN-1:{each}")) for each in (one, other, alone)]
    assert waiting == [1, 1, 0]
    await compared(checked, one)
    await mongo.collection("timers").delete_many({"kind": "IDN-1"})
    await identities.migrate(services, BASE)
    assert await pending(mongo, f"IDN-1:{one}") == []
    reviews = await services.holdings.having_any("Task", [f"focus={each}" for each in (one, other)])
    assert [row.resource["status"] for row in reviews] == ["requested"]


@pytest.mark.parametrize("agrees", [True, False])
async def test_idn_1_an_authority_confirms_whom_its_own_patient_agrees_with(locality: Locality, agrees: bool) -> None:
    found = await known(locality)
    partners = locality.built.services.partners
    before = await partners.get(AUTHORITY)
    assert before
    await partners.add(replace(before, identity_authority=True))
    theirs = patient(found.number, id=f"pds-{locality.person[-12:]}", **({} if agrees else {"birthDate": "1999-01-01"}))
    await stored(locality.built, AUTHORITY, theirs)
    await compared(locality, f"Patient/{theirs['id']}", found.ours)
    await partners.add(before)
    app, back = await found.app("crisis", found.ours), await found.app("trust", found.theirs)
    assert [await found.read(app), await found.read(back, found.ours)] == ([200, 200] if agrees else [404, 404])


async def test_idn_1_an_agency_that_is_no_authority_confirms_nobody(locality: Locality) -> None:
    found = await known(locality)
    theirs = patient(found.number, id=f"pds-{locality.person[-12:]}")
    await stored(locality.built, AUTHORITY, theirs)
    await compared(locality, f"Patient/{theirs['id']}", found.ours)
    assert await found.read(await found.app("crisis", found.ours)) == 404


async def test_idn_7_a_namespace_is_registered_once(locality: Locality) -> None:
    partners = locality.built.services.partners
    trust = await partners.get("Organization/trust")
    assert trust
    await partners.add(replace(trust, namespaces=("urn:one",)))
    found = await partners.registrant("urn:one"), await partners.registrant("urn:other")
    await partners.add(trust)
    assert (found, await partners.registrant("urn:one")) == (("Organization/trust", ""), "")
