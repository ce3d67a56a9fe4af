"""Official R4 examples load, or are refused for what is truly wrong with them; and nothing makes the validator raise."""

import copy
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.fhir.json import parse
from service.problem import Issue

WITHOUT_LINK_ID = (
    "item[0]",
    *(f"item[{number}].item[0]" for number in range(1, 20)),
    "item[15].item[1]",
    *(f"item[15].item[{number}].item[0]" for number in range(2, 7)),
    *(f"item[18].item[{number}].item[0]" for number in range(1, 7)),
)

QUARANTINED = {
    # The `div` holds no text and no picture, which txt-2 forbids.
    "ActivityDefinition-blood-tubes-supply": {("invariant", "ActivityDefinition.text.div", "txt-1")},
    "ActivityDefinition-heart-valve-replacement": {("invariant", "ActivityDefinition.text.div", "txt-1")},
    "Questionnaire-zika-virus-exposure-assessment": {("invariant", "Questionnaire.text.div", "txt-1")},
    # A dispenser is an Organization; the example names a Practitioner.
    "MedicationRequest-medrx0301": {
        ("value", "MedicationRequest.dispenseRequest.performer", "http://hl7.org/fhir/StructureDefinition/MedicationRequest")
    },
    # A performer is a person, a team or an organisation; the example names an Encounter.
    "Observation-clinical-gender": {("value", "Observation.performer[0]", "http://hl7.org/fhir/StructureDefinition/Observation")},
    # Items without linkId, which is 1..1.
    "Questionnaire-qs1": {
        (
            "required",
            f"Questionnaire.item[0].{place}.linkId",
            "http://hl7.org/fhir/StructureDefinition/Questionnaire#Questionnaire.item",
        )
        for place in WITHOUT_LINK_ID
    },
}
"""Every official example that is refused, with every error it is refused for."""


def errors(issues):
    return {(issue.code, issue.expression, issue.rule) for issue in issues if issue.severity == "error"}


def test_exactly_the_listed_examples_are_refused_for_exactly_these_reasons(validator, official):
    refused = {name: errors(validator.check(resource)) for name, resource in official.items()}
    assert {name: found for name, found in refused.items() if found} == QUARANTINED


def test_every_rule_of_the_examples_was_evaluated(validator, official):
    issues = [issue for resource in official.values() for issue in validator.check(resource)]
    assert not [issue for issue in issues if issue.code == "not-supported"]


def test_examples_keep_their_answer_inside_a_bundle(validator, official):
    for name in QUARANTINED:
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": "urn:x:1", "resource": official[name]}]}
        inside = {(code, f"Bundle.entry[0].resource.{place.split('.', 1)[1]}", rule) for code, place, rule in QUARANTINED[name]}
        assert errors(validator.check(bundle)) == inside


JUNK = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    " ",
    "x",
    "2026-02-30",
    [],
    {},
    [None],
    [[]],
    {"a": 1},
    "#",
    "Patient/1",
    {"resourceType": "X"},
    {"resourceType": ["Task"]},
    {"reference": 1},
    {"coding": [None, 1]},
    {"extension": [1]},
    "\ud800",
]


def mutate(resource, chance):
    """One change somewhere: a value replaced, a member removed, renamed or wrapped."""
    spots = []
    stack = [resource]
    while stack:
        value = stack.pop()
        keys = list(value) if isinstance(value, dict) else range(len(value))
        spots.extend((value, key) for key in keys)
        stack.extend(value[key] for key in keys if isinstance(value[key], dict | list))
    if not spots:
        return
    held, key = chance.choice(spots)
    match chance.randrange(4):
        case 0:
            held[key] = copy.deepcopy(chance.choice(JUNK))
        case 1:
            del held[key]
        case 2 if isinstance(held, dict):
            held[chance.choice(["_", "value", "extension", "contained", "meta", "_status", "text"])] = held.pop(key)
        case _:
            held[key] = [held[key]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 6))
def test_a_broken_example_is_answered_and_never_raises(validator, official, seed, changes):
    chance = random.Random(seed)
    resource = copy.deepcopy(official[chance.choice(sorted(official))])
    for _ in range(changes):
        mutate(resource, chance)
    assert all(isinstance(issue, Issue) and issue.text.endswith((".", "!", "?")) for issue in validator.check(resource))


def test_what_is_no_resource_is_answered(validator):
    for value in JUNK:
        assert errors(validator.check(value))


def places(value, at=()):
    """Where each member and item of a value is."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield *at, name
        yield from places(part, (*at, name))


def replaced(value, at, part):
    """The value with another part at a place."""
    copied = copy.copy(value)
    copied[at[0]] = replaced(value[at[0]], at[1:], part) if len(at) > 1 else part
    return copied


@pytest.mark.parametrize("part", [{"coding": 5}, [1]])
def test_an_object_or_array_anywhere_in_our_own_examples_never_raises(validator, checkout, part):
    """What stands where a text belongs may be nothing that a set can be asked for."""
    for path in sorted((checkout / "profiles" / "examples" / "valid").glob("*.json")):
        example = parse(path.read_bytes())
        for at in places(example):
            assert isinstance(validator.check(replaced(example, at, part)), tuple)
