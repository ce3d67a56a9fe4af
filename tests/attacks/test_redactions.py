"""Attack list, redactions (security rules, section 3): what is taken out of a record is not found, asked, ordered or followed."""

from __future__ import annotations

from base64 import urlsafe_b64decode

import pytest

from tests.attacks.callers import alike, tied
from tests.attacks.records import CONFIDENTIALITY, SAMPLE, observation, severe
from tests.locality import Locality


@pytest.mark.parametrize("mark", [{"security": "REDACTED"}, {"tag": "SUBSETTED"}])
async def test_a_part_of_a_record_is_not_written_back(locality: Locality, mark: dict[str, str]) -> None:
    """It would lose what was taken out."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    ((member, value),) = mark.items()
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": value}
    assert (await trust.put({**made, "meta": {**made["meta"], member: [label]}})).status_code == 422


async def test_what_is_redacted_is_not_searched_for(locality: Locality) -> None:
    """A redacted record is a match by what is left of it alone."""
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    inline = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
    secret = {
        "extension": [{"url": inline, "valueCoding": {"system": CONFIDENTIALITY, "code": "R"}}],
        "system": SAMPLE,
        "value": "secret-number",
    }
    shown = {"system": SAMPLE, "value": f"shown-{locality.person.partition('/')[2]}"}
    labels = {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}
    made = await trust.created(observation(locality.person, identifier=[shown, secret], meta=labels))
    read = await crisis.get(f"Observation/{made['id']}")
    assert (read.status_code, "secret-number" in read.text) == (200, False)
    hits = [
        len((await crisis.get(f"Observation?patient={locality.person}&identifier={value}")).json().get("entry", ()))
        for value in (shown["value"], "secret-number")
    ]
    assert hits == [1, 0]


async def test_what_is_redacted_is_not_asked_by_its_absence(locality: Locality) -> None:
    """`:not` and `:missing` are answered by what is left: a record that is not found by them would tell what it holds."""
    await tied(locality, "crisis")
    identity = await severe(locality, "grave")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    asked = (f"severity:not={SAMPLE}|grave", "severity:missing=true", "severity:missing=false", f"severity:not={SAMPLE}|mild")
    found = []
    for agency in (crisis, trust):
        answers = [(await agency.get(f"Condition?_id={identity}&_total=accurate&{each}")).json() for each in asked]
        found.append([(each["total"], len(each.get("entry", ()))) for each in answers])
    none, one = (0, 0), (1, 1)
    assert found == [[one, one, none, one], [none, none, one, one]]


@pytest.mark.parametrize("order", ["severity", "-severity", "severity,-_lastUpdated", "-severity,_lastUpdated"])
async def test_what_is_redacted_orders_nothing(locality: Locality, order: str) -> None:
    """Whatever it holds, a record has the same place among the others, and no page link says more."""
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    plain = [{"severity": {"coding": [{"system": SAMPLE, "code": code_}]}} for code_ in ("y", "b")]
    known = [
        *[await severe(locality, code_) for code_ in ("a", "z", "m")],
        *[await severe(locality, "", **each) for each in plain],
    ]
    places = []
    for agency in (crisis, trust):
        found, path = [], f"Condition?patient={locality.person}&_sort={order}&_count=1"
        while path:
            page = (await agency.get(path)).json()
            found += [known.index(each["resource"]["id"]) for each in page["entry"]]
            path = next((each["url"] for each in page["link"] if each["relation"] == "next"), "")
            assert all(part not in told(path) for part in ('"a"', '"z"', '"m"'))
        places.append(found)
    open_ones = [3, 4] if order.startswith("-") else [4, 3]
    assert [each for each in places[0] if each > 2] == open_ones
    assert sorted(places[0][:3] if not order.startswith("-") else places[0][2:]) == [0, 1, 2]
    assert places[0] == places[1]


def told(path: str) -> str:
    """What a page link holds in clear."""
    cursor = path.partition("_cursor=")[2]
    return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[32:].decode()


@pytest.mark.parametrize("verb", ["read", "search", "version"])
async def test_a_granular_scope_does_not_ask_for_what_is_redacted(locality: Locality, verb: str) -> None:
    """A client narrows its own scopes: one that reached a record by what is withheld would be a question about it."""
    await tied(locality, "crisis")
    identity = await severe(locality, "grave")
    path = {"read": "Condition/{}", "search": "Condition?_id={}", "version": "Condition/{}/_history/1"}[verb].format(identity)
    answers = []
    for code_ in ("grave", "mild"):
        app = await locality.agency("crisis", f"system/Condition.rs?severity={SAMPLE}|{code_}")
        answers.append(await app.get(path))
    assert alike(answers[0], answers[1], "grave", "mild")
    assert identity not in str(answers[0].json().get("entry", ()))


async def test_what_is_redacted_is_not_followed(locality: Locality) -> None:
    """`_include` follows what its reader is shown."""
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    inline = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
    secret = {"extension": [{"url": inline, "valueCoding": {"system": CONFIDENTIALITY, "code": "R"}}]}
    author = {"reference": "Practitioner/trust-lead"}
    labels = {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}
    for performer, modes in ((author, ["match", "include"]), ({**secret, **author}, ["match"])):
        made = await trust.created(observation(locality.person, performer=[performer], meta=labels))
        found = await crisis.get(f"Observation?_id={made['id']}&_include=Observation:performer")
        assert [each["search"]["mode"] for each in found.json()["entry"]] == modes
