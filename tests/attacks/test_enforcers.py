"""Attack list, enforcement elsewhere (consent rules, section 4): who trusts the hook's card releases no more than a read."""

from __future__ import annotations

from typing import Any

import pytest

from service import clock
from tests.attacks.callers import tied
from tests.attacks.records import CONFIDENTIALITY, Stored, denial, observation
from tests.locality import BASE, Agency, Locality, stored

PATH = f"{BASE}/cds-services/patient-consent-consult"
TYPES = "http://hl7.org/fhir/resource-types"


async def card(agency: Agency, person: str, to: str, *classes: str) -> Stored:
    """What the hook says of a recipient, about records of these classes."""
    context: Stored = {"patientId": [{"value": person}], "actor": [{"value": f"Organization/{to}"}], "purposeOfUse": "TREAT"}
    if classes:
        context["class"] = [{"system": TYPES, "code": each} for each in classes]
    body = {"hook": "patient-consent-consult", "hookInstance": clock.new_id(), "context": context}
    answer = await agency.post(PATH, body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["cards"][0]["extension"])


def duties(found: Stored) -> set[str]:
    """The obligations of a card."""
    return {each["id"]["code"] for each in found["obligations"]}


def excepting(locality: Locality, excepted: Stored) -> Stored:
    """The person's Consent that permits the crisis team everything but what is excepted."""
    made = denial(locality.person)
    return {**made, "provision": {**made["provision"], "type": "permit", "provision": [{"type": "deny", **excepted}]}}


def exceptions(note: str) -> dict[str, Stored]:
    """What a Consent may except that is not a label."""
    return {
        "class": {"class": [{"system": TYPES, "code": "Observation"}]},
        "instance": {"data": [{"meaning": "instance", "reference": {"reference": f"Observation/{note}"}}]},
        "author": {"data": [{"meaning": "authoredby", "reference": {"reference": "Practitioner/trust-lead"}}]},
        "related": {"data": [{"meaning": "related", "reference": {"reference": f"Observation/{note}"}}]},
        "code": {"code": [{"coding": [{"system": "https://example.org/sample", "code": "sleep"}]}]},
        "time": {"dataPeriod": {"start": "2026", "end": "2027"}},
    }


@pytest.mark.parametrize("way", exceptions(""))
async def test_a_card_without_a_class_heeds_every_denial(locality: Locality, way: str) -> None:
    """A read hides the note, so that the card permits no records as a whole."""
    note = observation(locality.person, id=clock.new_id(), performer=[{"reference": "Practitioner/trust-lead"}])
    await stored(locality.built, "Organization/trust", note)
    await tied(locality, "crisis")
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    await trust.created(excepting(locality, exceptions(note["id"])[way]))
    assert (await crisis.get(f"Observation/{note['id']}")).status_code == 404
    assert (await card(trust, locality.person, "crisis"))["effect"] == "deny"
    assert (await card(trust, locality.person, "crisis", "Observation"))["effect"] == "deny"


async def test_a_card_of_another_class_is_permitted_as_a_read_is(locality: Locality) -> None:
    """What is excepted of one class leaves the others."""
    await tied(locality, "crisis")
    trust = await locality.agency("trust")
    await trust.created(excepting(locality, exceptions("x")["class"]))
    assert (await card(trust, locality.person, "crisis", "Condition"))["effect"] == "permit"


async def test_a_card_says_that_unlabelled_records_stay(locality: Locality) -> None:
    """A ceiling leaves open what an unlabelled record is: a read by housing hides it."""
    await tied(locality, "housing")
    trust = await locality.agency("trust")
    made: Any = denial(locality.person)
    made["provision"] |= {"type": "permit", "securityLabel": [{"system": CONFIDENTIALITY, "code": "N"}]}
    made["provision"]["actor"][0]["reference"] = {"reference": "Organization/housing"}
    await trust.created(made)
    assert "labelled-only" in duties(await card(trust, locality.person, "housing"))


async def test_a_card_says_that_a_sensitive_record_counts_as_restricted(locality: Locality) -> None:
    """By the policy's default, a label alone is no normal record."""
    await tied(locality, "crisis")
    found = await card(await locality.agency("trust"), locality.person, "crisis")
    assert (found["effect"], "sensitive-is-restricted" in duties(found)) == ("permit", True)
