"""The CapabilityStatement and the SMART configuration, which anyone may read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.locality import BASE, Locality

OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


async def statement(locality: Locality) -> Any:
    """The CapabilityStatement."""
    answer = await locality.anonymous().get("metadata")
    assert answer.status_code == 200
    return answer.json()


async def test_metadata_needs_no_token(locality: Locality) -> None:
    """It says FHIR 4.0.1 in JSON at this base."""
    said = await statement(locality)
    assert (said["fhirVersion"], said["implementation"]["url"]) == ("4.0.1", f"{BASE}/fhir")
    assert "application/fhir+json" in said["format"]


async def test_metadata_is_valid(locality: Locality) -> None:
    """By our own validator."""
    issues = locality.built.services.validator.check(await statement(locality))
    assert [issue for issue in issues if issue.severity == "error"] == []


async def test_metadata_carries_the_oauth_uris(locality: Locality) -> None:
    """The Python `fhirclient` finds the token endpoint nowhere else."""
    security = (await statement(locality))["rest"][0]["security"]
    extension = next(each for each in security["extension"] if "oauth-uris" in each["url"])
    uris = {each["url"]: each["valueUri"] for each in extension["extension"]}
    assert (uris["authorize"], uris["token"]) == (f"{BASE}/auth/authorize", f"{BASE}/auth/token")


async def test_every_type_is_listed(locality: Locality) -> None:
    """Every R4 resource type can be stored."""
    listed = {each["type"] for each in (await statement(locality))["rest"][0]["resource"]}
    stored = {each for each in locality.built.services.definitions.types if each not in ("Resource", "DomainResource")}
    assert listed >= stored - {"Parameters"}


async def test_every_listed_search_parameter_can_be_searched_by(locality: Locality) -> None:
    """What is said is served: none of a care type's parameters is unknown."""
    trust = await locality.agency("trust")
    listed = (await statement(locality))["rest"][0]["resource"]
    task = next(each for each in listed if each["type"] == "Task")
    values = {"date": "2026", "number": "1", "quantity": "1", "reference": "Patient/x", "uri": "urn:x"}
    for each in task["searchParam"]:
        answer = await trust.get(f"Task?{each['name']}={values.get(each['type'], 'x')}&_count=1")
        assert answer.status_code == 200, each["name"]


@pytest.mark.parametrize("path", ["metadata", ".well-known/smart-configuration"])
async def test_what_anyone_may_read_may_be_kept(locality: Locality, path: str) -> None:
    """It holds no patient data."""
    answer = await locality.anonymous().get(path)
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_the_smart_configuration_names_endpoints_of_this_base(locality: Locality) -> None:
    """SMART App Launch 2.2."""
    said = (await locality.anonymous().get(".well-known/smart-configuration")).json()
    assert said["token_endpoint"] == f"{BASE}/auth/token"
    assert "S256" in said["code_challenge_methods_supported"]
