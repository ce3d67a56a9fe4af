"""Who may act for a person: in a role that law recognises, while it lasts (consent rules, section 2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.consent.representative import ENTITLED, entitled
from service.fhir.canonical import ROLE_CODE
from service.fhir.coding import concept

AT = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)


def related(code: str = "GUARD", **more: Any) -> dict[str, Any]:
    return {"resourceType": "RelatedPerson", "relationship": [concept(ROLE_CODE, "SIS"), concept(ROLE_CODE, code)], **more}


@pytest.mark.parametrize("code", ["GUARD", "HPOWATT", "POWATT", "DPOWATT", "SPOWATT"])
def test_a_guardian_and_an_attorney_may_act(code: str) -> None:
    assert entitled(related(code), AT)


@pytest.mark.parametrize("code", ["MTH", "SPS", "NOK", "ECON"])
def test_kinship_alone_entitles_to_nothing(code: str) -> None:
    assert not entitled(related(code), AT)


def test_a_role_of_another_system_entitles_to_nothing() -> None:
    assert not entitled({"relationship": [concept("urn:s", "GUARD")]}, AT)
    assert not entitled({}, AT)


def test_no_other_role_entitles() -> None:
    assert {"GUARD", "HPOWATT", "POWATT", "DPOWATT", "SPOWATT"} == ENTITLED


@pytest.mark.parametrize(("active", "expected"), [(True, True), (None, True), (False, False)])
def test_a_tie_that_is_not_active_entitles_to_nothing(active: bool | None, expected: bool) -> None:
    assert entitled(related(active=active), AT) is expected


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ({"start": "2026-06-01", "end": "2026-06-30"}, True),
        ({"start": "2026-06-03"}, False),
        ({"end": "2026-05-31"}, False),
        ({"start": "soon"}, False),
        ({}, False),
        (None, True),
    ],
)
def test_a_tie_entitles_in_its_period(period: Any, expected: bool) -> None:
    assert entitled(related(period=period), AT) is expected


@pytest.mark.parametrize(("zone", "expected"), [(ZoneInfo("Europe/London"), True), (UTC, False)])
def test_a_date_begins_at_the_locality_s_midnight(zone: Any, expected: bool) -> None:
    """Half past eleven in UTC is the next day in London's summer."""
    assert entitled(related(period={"start": "2026-06-02"}), AT, zone) is expected


def test_the_locality_is_london_unless_it_is_told() -> None:
    assert entitled(related(period={"start": "2026-06-02"}), AT)
