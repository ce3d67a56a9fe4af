"""Disclosures of records about a person, and what is kept of them."""

from __future__ import annotations

from typing import Any

from tests.locality import Locality

AUTHORITY = "https://baton.example/fhir/StructureDefinition/authority"
Resource = dict[str, Any]


def ids(make: Any, answer: Resource) -> list[str]:
    """Ids of the resources in the released Bundle."""
    return [each["resource"]["id"].removeprefix(f"{make.prefix}-") for each in make.value(answer, "bundle").get("entry", ())]


async def records(locality: Locality) -> list[Resource]:
    """Every disclosure record there is."""
    trust = await locality.agency("trust")
    found = (await trust.get(f"Communication?subject={locality.person}")).json()
    return [each["resource"] for each in found.get("entry", ())]
