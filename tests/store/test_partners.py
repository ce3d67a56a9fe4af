"""The register of agencies and their agreements."""

from __future__ import annotations

import pytest

from service.problem import Refused
from service.store.partners import Partner, Partners


@pytest.fixture
def partners(mongo) -> Partners:
    return Partners(mongo)


@pytest.fixture
def housing(make) -> Partner:
    return Partner("Organization/h", "housing", ("TREAT", "COC"), ("plan",), make.at, make.later(days=1), "admin", make.at)


async def test_a_partner_is_given_back_as_it_was_added(partners, housing):
    await partners.add(housing)
    assert await partners.get("Organization/h") == housing


async def test_a_stranger_is_none(partners):
    assert await partners.get("Organization/none") is None


async def test_adding_again_replaces_the_agreement(partners, housing):
    await partners.add(housing)
    await partners.add(Partner("Organization/h", "housing"))
    assert await partners.list() == [Partner("Organization/h", "housing")]


async def test_an_unknown_sector_is_refused_naming_the_known(partners):
    with pytest.raises(Refused, match="`voluntary`"):
        await partners.add(Partner("Organization/h", "gardening"))


@pytest.mark.parametrize(("days", "live"), [(-1, False), (0, True), (1, False)])
def test_an_agreement_is_live_from_its_start_to_before_its_end(housing, make, days, live):
    assert housing.live(make.later(days=days)) is live
