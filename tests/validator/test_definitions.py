"""Our definitions of R4 are those of the HL7 validator: the same elements, cardinalities, types, targets and bindings."""

from __future__ import annotations

import json
import zipfile
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.validator import hl7
from tests.validator.judges import PROFILES

FHIR = "{http://hl7.org/fhir}"
DEFINITIONS = "http://hl7.org/fhir/StructureDefinition/"
FILES = ("profiles-resources", "profiles-types")
Facts = tuple[str, str, list[tuple[str, list[str]]], str]
"""The least and most of an element, its types with their targets, and its required value set."""


def text(element: ElementTree.Element | None, path: str) -> str:
    """The value at a path; empty where there is none."""
    found = None if element is None else element.find("/".join(FHIR + name for name in path.split("/")))
    return "" if found is None else found.get("value", "")


def theirs(element: ElementTree.Element) -> Facts:
    """What R4 says of an element."""
    types = [
        (text(each, "code"), sorted(target.get("value", "") for target in each.findall(f"{FHIR}targetProfile")))
        for each in element.findall(f"{FHIR}type")
    ]
    bound = element.find(f"{FHIR}binding")
    value_set = text(bound, "valueSet").split("|")[0] if text(bound, "strength") == "required" else ""
    return text(element, "min"), text(element, "max"), sorted(types), value_set


def ours(element: dict[str, Any]) -> Facts:
    """What our definitions say of it."""
    types = [
        (each["code"], sorted(target if ":" in target else DEFINITIONS + target for target in each.get("targetProfile", ())))
        for each in element.get("type", ())
    ]
    bound = element.get("binding", {})
    value_set = bound["valueSet"].split("|")[0] if bound.get("strength") == "required" else ""
    return str(element["min"]), element["max"], sorted(types), value_set


@pytest.fixture(scope="module")
def held() -> dict[str, dict[str, Facts]]:
    """Our elements by the url of their definition."""
    lines = (PROFILES / "r4" / "structures.ndjson").read_text().split("\n")[1:]
    found = [json.loads(line) for line in lines if line]
    return {each["url"]: {item.get("id", item["path"]): ours(item) for item in each["element"]} for each in found}


@pytest.fixture(scope="module")
def published() -> dict[str, dict[str, Facts]]:
    """R4's elements by the url of their definition."""
    try:
        (brought,) = hl7.fetched().glob("hapi-fhir-validation-resources-r4-*.jar")
    except hl7.MissingError as error:
        pytest.skip(str(error))
    with zipfile.ZipFile(brought) as archive:
        roots = [ElementTree.fromstring(archive.read(f"org/hl7/fhir/r4/model/profile/{name}.xml")) for name in FILES]
    found = [each for root in roots for each in root.iter(f"{FHIR}StructureDefinition")]
    return {
        text(each, "url"): {item.get("id", ""): theirs(item) for item in each.findall(f"{FHIR}snapshot/{FHIR}element")}
        for each in found
    }


def of_fhirpath(facts: Facts) -> bool:
    """Whether an element is an id, a url or a value, whose type is one of FHIRPath's own."""
    return any(code.startswith("http://hl7.org/fhirpath/") for code, _ in facts[2])


@pytest.mark.slow
def test_we_hold_the_elements_of_r4(held: dict[str, dict[str, Facts]], published: dict[str, dict[str, Facts]]) -> None:
    """Neither more nor fewer, in every type that both know."""
    differing = {url: held[url].keys() ^ published[url].keys() for url in held.keys() & published.keys()}
    assert {url: names for url, names in differing.items() if names} == {}


@pytest.mark.slow
def test_each_element_says_what_r4_says(held: dict[str, dict[str, Facts]], published: dict[str, dict[str, Facts]]) -> None:
    said = {
        name: (facts, published[url][name])
        for url in held.keys() & published.keys()
        for name, facts in held[url].items()
        if name in published[url] and facts != published[url][name] and not of_fhirpath(published[url][name])
    }
    assert said == {}
