"""HL7's own examples of the types we use, over REST: what is accepted comes back as it was sent; what is not is listed here."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from service.fhir.bundle import Sent
from service.usecases.interactions.loading import Fate, Loading
from tests.locality import Agency, Locality

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "hl7-r4"
EXAMPLES = sorted(FOLDER.glob("*.json"))

NO_LEAD = "active, without a lead (only an import keeps such a plan: OWN-7)"
NO_ROOT_TYPE = "consent-rules 2: a root provision with conditions and no type could be read both ways"
NO_PERFORMER = "consent-rules 2: nobody is named as giving it"
REFUSED = {
    "ActivityDefinition-blood-tubes-supply": ("txt-1", "its narrative is an empty div"),
    "ActivityDefinition-heart-valve-replacement": ("txt-1", "its narrative is an empty div"),
    "CarePlan-example": ("OWN-1", "active, with a lead that is a Patient"),
    "CarePlan-f202": ("OWN-1", NO_LEAD),
    "CarePlan-gpvisit": ("OWN-1", NO_LEAD),
    "CarePlan-integrate": ("OWN-1", NO_LEAD),
    "CarePlan-obesity-narrative": ("OWN-1", NO_LEAD),
    "CarePlan-preg": ("OWN-1", NO_LEAD),
    "Consent-consent-example-Emergency": ("consent-rules 2", NO_ROOT_TYPE),
    "Consent-consent-example-Out": ("consent-rules 2", NO_ROOT_TYPE),
    "Consent-consent-example-basic": ("consent-rules 2", NO_PERFORMER),
    "Consent-consent-example-grantor": ("consent-rules 2", NO_ROOT_TYPE),
    "Consent-consent-example-notAuthor": ("consent-rules 2", NO_ROOT_TYPE),
    "Consent-consent-example-notOrg": ("consent-rules 2", NO_PERFORMER),
    "Consent-consent-example-notThem": ("consent-rules 2", NO_ROOT_TYPE),
    "Consent-consent-example-notThis": ("consent-rules 2", NO_ROOT_TYPE),
    "Consent-consent-example-notTime": ("consent-rules 2", NO_PERFORMER),
    "Consent-consent-example-pkb": ("consent-rules 2", NO_ROOT_TYPE),
    "Consent-consent-example-signature": ("consent-rules 2", NO_ROOT_TYPE),
    "Consent-consent-example-smartonfhir": ("consent-rules 3", "the Patient it names is not here"),
    "MedicationRequest-medrx0301": ("StructureDefinition/MedicationRequest", "a dispenser that is no Organization"),
    "Observation-clinical-gender": ("StructureDefinition/Observation", "a performer that is an Encounter"),
    "Organization-f002": ("IDN-3", "it makes itself a part of an organisation that another agency describes"),
    "Organization-f003": ("IDN-3", "it makes itself a part of an organisation that another agency describes"),
    "Questionnaire-qs1": ("StructureDefinition/Questionnaire#Questionnaire.item", "items without linkId"),
    "Questionnaire-zika-virus-exposure-assessment": ("txt-1", "its narrative is an empty div"),
    "Subscription-example": ("R4 3.1.0", "Subscriptions are not supported yet"),
    "Subscription-example-error": ("R4 3.1.0", "Subscriptions are not supported yet"),
}
"""Name: the rule that refuses it, and in what way it breaks it."""
TWICE = {"Practitioner-f005": "Practitioner-f004", "PractitionerRole-example": "Practitioner-example"}
"""Name: the other actor whose business identifier it carries (IDN-7)."""


async def sent(agency: Agency, content: bytes) -> Any:
    """The example, byte for byte, to its own type."""
    headers = {"Authorization": f"Bearer {agency.token}", "Content-Type": "application/fhir+json"}
    kind = json.loads(content)["resourceType"]
    return await agency.http.post(f"/fhir/{kind}", content=content, headers=headers)


def example(name: str) -> bytes:
    """An example's own bytes."""
    return (FOLDER / f"{name}.json").read_bytes()


def told(body: bytes) -> Any:
    """A resource as ordered pairs with numbers as written, less what the server sets."""
    pairs = json.loads(
        body, object_pairs_hook=list, parse_float=lambda text: ("number", text), parse_int=lambda text: ("number", text)
    )
    return [(name, value) for name, value in pairs if name not in ("id", "meta")]


@pytest.mark.skipif(not EXAMPLES, reason="HL7's examples are not beside the checkout (../shared/data/hl7-r4)")
@pytest.mark.parametrize("name", [each.stem for each in EXAMPLES if each.stem not in {*REFUSED, *TWICE}])
async def test_an_official_example_comes_back_as_it_was_sent(locality: Locality, name: str) -> None:
    """The same members in the same order and the same number text; only id and meta are the server's."""
    trust = await locality.agency("trust")
    made = await sent(trust, example(name))
    assert made.status_code == 201, made.text
    read = await trust.get(f"{made.json()['resourceType']}/{made.json()['id']}")
    assert told(read.content) == told(example(name))


@pytest.mark.skipif(not EXAMPLES, reason="HL7's examples are not beside the checkout (../shared/data/hl7-r4)")
@pytest.mark.parametrize("name", REFUSED)
async def test_an_official_example_is_refused_by_the_rule_it_breaks(locality: Locality, name: str) -> None:
    """422 with the rule's id; 405 where the type is not written yet."""
    resource = json.loads(example(name))
    if REFUSED[name][0] == "consent-rules 2":  # of a person and a controller that are here, so that what it says is looked at
        resource |= {"patient": {"reference": locality.person}, "organization": [{"reference": "Organization/trust"}]}
    answer = await (await locality.agency("trust")).post(resource["resourceType"], resource)
    rules = [issue.get("details", {}).get("coding", [{}])[0].get("code", "") for issue in answer.json()["issue"]]
    assert answer.status_code == (405 if resource["resourceType"] == "Subscription" else 422)
    assert any(rule.endswith(REFUSED[name][0]) for rule in rules), rules


@pytest.mark.skipif(not EXAMPLES, reason="HL7's examples are not beside the checkout (../shared/data/hl7-r4)")
@pytest.mark.parametrize("name", TWICE)
async def test_an_official_example_that_carries_another_s_identifier_is_a_duplicate(locality: Locality, name: str) -> None:
    """IDN-7: whichever of the two comes first."""
    trust = await locality.agency("trust")
    first = await sent(trust, example(TWICE[name]))
    answer = await sent(trust, example(name))
    assert first.status_code in (201, 409)
    assert (answer.status_code, "IDN-7" in answer.text) == (409, True)


@pytest.mark.skipif(not EXAMPLES, reason="HL7's examples are not beside the checkout (../shared/data/hl7-r4)")
async def test_a_plan_without_an_author_is_kept_as_an_unowned_draft(locality: Locality) -> None:
    """OWN-7: imported, tagged, listed, never treated as owned."""
    trust = await locality.agency("trust")
    plan = json.loads(example("CarePlan-gpvisit")) | {"id": f"gpvisit-{locality.person[-12:]}"}
    plan = {name: value for name, value in plan.items() if name in ("resourceType", "id", "status", "intent")}
    plan = {**plan, "subject": {"reference": locality.person}}  # what it refers to besides is not here
    (verdict,) = await Loading(locality.built.services, locality.built.base, "Organization/trust").load([Sent(plan)])
    assert verdict.fate is Fate.LOADED, verdict.reason
    (listed,) = (await trust.get(f"CarePlan?_tag=unowned&_id={plan['id']}")).json()["entry"]
    assert listed["resource"]["status"] == "draft"


def test_numbers_are_compared_as_text() -> None:
    """1.0 and 1.00 are one number and two texts."""
    assert told(b'{"a":1.0}') != told(b'{"a":1.00}')
    assert Decimal("1.0") == Decimal("1.00")
