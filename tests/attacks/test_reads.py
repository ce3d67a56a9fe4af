"""Attack list, reads (security rules, section 3): what a caller may not see answers as what is absent."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from tests.attacks.callers import CALLERS, alike, stranger, tied
from tests.attacks.records import CONFIDENTIALITY, denial, observation
from tests.locality import Locality, confirmed, nhs_number, patient, stored

READS = [
    ("GET", "Observation/{}"),
    ("HEAD", "Observation/{}"),
    ("GET", "Observation/{}/_history/1"),
    ("GET", "Observation/{}/_history/2"),
    ("GET", "Observation/{}/_history"),
    ("GET", "Observation/{}/_history?_count=1"),
    ("GET", "Observation/{}/_history?_cursor=2"),
    ("GET", "Observation/{}?_elements=code"),
    ("GET", "Observation?_id={}"),
    ("GET", "Observation?_id={}&_total=accurate"),
    ("GET", "Observation?_id={}&_summary=count"),
    ("GET", "Observation?_id={}&_sort=-date&_count=1"),
    ("GET", "Observation?_id={}&_include=Observation:subject"),
    ("GET", "Observation?_id={}&_include=*"),
]


@pytest.mark.parametrize("caller", CALLERS)
async def test_reads_of_the_hidden_are_reads_of_the_absent(locality: Locality, caller: Any) -> None:
    """Status, headers and body are the same but for the id."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    made = await trust.created(observation(locality.person))
    await trust.put(made)
    for method, path in READS:
        hidden = await agency.send(method, path.format(made["id"]))
        absent = await agency.send(method, path.format("not-there"))
        assert alike(hidden, absent, made["id"], "not-there"), (method, path, hidden.text)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(
    "headers", [{"If_None_Match": 'W/"1"'}, {"If_None_Match": "*"}, {"If_Modified_Since": "Sat, 01 Jan 2050 00:00:00 GMT"}]
)
async def test_a_conditional_read_of_the_hidden_tells_nothing(locality: Locality, caller: Any, headers: dict[str, str]) -> None:
    """404, not 304."""
    trust, agency = await locality.agency("trust"), await caller(locality)
    made = await trust.created(observation(locality.person))
    hidden = await agency.get(f"Observation/{made['id']}", **headers)
    assert hidden.status_code == 404
    assert alike(hidden, await agency.get("Observation/not-there", **headers), made["id"], "not-there")


async def test_consent_is_heard_at_once(locality: Locality) -> None:
    """What was readable is absent after the person's denial."""
    await tied(locality, "crisis")
    crisis, trust = await locality.agency("crisis"), await locality.agency("trust")
    normal = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}}
    made = await trust.created(observation(locality.person, **normal))
    before = await crisis.get(f"Observation/{made['id']}")
    await trust.created(denial(locality.person))
    after = await crisis.get(f"Observation/{made['id']}")
    assert (before.status_code, after.status_code) == (200, 404)


async def test_a_contained_resource_is_no_record(locality: Locality) -> None:
    """It is found and read inside its parent alone."""
    trust = await locality.agency("trust")
    inner = {"resourceType": "Observation", "id": "inner", "status": "final", "code": {"text": "x"}}
    made = await trust.created(observation(locality.person, contained=[inner], hasMember=[{"reference": "#inner"}]))
    assert (await trust.get("Observation/inner")).status_code == 404
    assert (await trust.get(f"Observation/{made['id']}/contained")).status_code == 404


@pytest.mark.parametrize("number", ["9434765919", "4010232137"])
async def test_one_person_s_two_records_are_decided_together(locality: Locality, number: str) -> None:
    """IDN-1: the person's consent at one agency holds for their record at the other, which has confirmed who they are."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    one, two = clock.new_id(), clock.new_id()
    await stored(locality.built, "Organization/housing", patient(id=one, identifier=[nhs_number(number)]))
    await stored(locality.built, "Organization/trust", patient(id=two, identifier=[nhs_number(number)]))
    await confirmed(locality.built, f"Patient/{two}", f"Patient/{one}")
    locality.person = f"Patient/{two}"
    await tied(locality, "crisis")
    normal = {"meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}}
    made = await trust.created(observation(f"Patient/{two}", **normal))
    before = (await crisis.get(f"Observation/{made['id']}")).status_code
    await stored(locality.built, "Organization/housing", {**denial(f"Patient/{one}"), "id": clock.new_id()})
    assert (before, (await crisis.get(f"Observation/{made['id']}")).status_code) == (200, 404)


async def test_a_link_is_invisible_to_who_may_not_see_the_other_record(locality: Locality) -> None:
    """IDN-1: nothing of the other agency's Patient is in any answer."""
    one, two = clock.new_id(), clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=one, identifier=[nhs_number("9876543210")]))
    await stored(locality.built, "Organization/housing", patient(id=two, identifier=[nhs_number("9876543210")]))
    housing = await stranger(locality)
    answers = [
        await housing.get(f"Patient/{two}"),
        await housing.get(f"Patient/{two}/_history"),
        await housing.get("Patient?identifier=9876543210&_include=Patient:link&_revinclude=Patient:link"),
    ]
    assert [each.status_code for each in answers] == [200, 200, 200]
    assert not any(one in each.text for each in answers)


@pytest.mark.parametrize("where", ["record", "part"])
async def test_a_label_that_came_later_covers_what_was_before(locality: Locality, where: str) -> None:
    """What was found to be restricted is not read in the version before anybody said so; its custodian reads all."""
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    normal = {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}
    made = await trust.created(observation(locality.person, meta=normal, method={"text": "secret"}))
    place = f"Observation/{made['id']}"
    assert (await crisis.get(f"{place}/_history/1")).status_code == 200
    inline = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
    label = {"url": inline, "valueCoding": {"system": CONFIDENTIALITY, "code": "R"}}
    restricted = {"meta": {**made["meta"], "security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
    later = restricted if where == "record" else {"method": {"extension": [label], "text": "secret"}}
    assert (await trust.put({**made, **later})).status_code == 200
    hidden, absent = await crisis.get(f"{place}/_history/1"), await crisis.get("Observation/nothing/_history/1")
    assert alike(hidden, absent, made["id"], "nothing")
    assert "secret" not in (await crisis.get(f"{place}/_history")).text
    assert [(await trust.get(f"{place}/_history/{each}")).status_code for each in (1, 2)] == [200, 200]


async def test_a_label_that_was_taken_off_covers_the_version_that_had_it(locality: Locality) -> None:
    """What is open now does not open what was restricted then."""
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    restricted, normal = ({"security": [{"system": CONFIDENTIALITY, "code": code_}]} for code_ in ("R", "N"))
    made = await trust.created(observation(locality.person, meta=restricted))
    await trust.put({**made, "meta": {**made["meta"], **normal}})
    place = f"Observation/{made['id']}"
    assert [(await crisis.get(f"{place}/_history/{each}")).status_code for each in (1, 2)] == [404, 200]
