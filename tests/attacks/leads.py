"""People who lead plans, and what is told of a plan whose lead is gone."""

from __future__ import annotations

from typing import Any

from service import clock
from tests.locality import Agency, Locality, patient, role, stored

Stored = dict[str, Any]


def named(role_: str) -> Stored:
    """An author."""
    return {"reference": f"PractitionerRole/{role_}"}


async def somebody(locality: Locality, **more: Any) -> str:
    """Another Patient of the trust."""
    identity = clock.new_id()
    await stored(locality.built, "Organization/trust", patient(id=identity, **more))
    return f"Patient/{identity}"


async def leaver(locality: Locality, trust: Agency, agency: str = "trust") -> Stored:
    """A role and Practitioner of an agency, of this test alone."""
    name = f"{agency}-{clock.new_id()[:13]}"
    practitioner = {"resourceType": "Practitioner", "id": name}
    await stored(locality.built, f"Organization/{agency}", practitioner, {**role(agency), "id": name, "practitioner": {
        "reference": f"Practitioner/{name}"}})  # fmt: skip
    found: Stored = (await trust.get(f"PractitionerRole/{name}")).json()
    return found


async def unowned(locality: Locality, trust: Agency) -> list[str]:
    """The plans of the person that are listed as unowned."""
    found = (await trust.get(f"CarePlan?_tag=unowned&subject={locality.person}")).json()
    return [entry["resource"]["id"] for entry in found.get("entry", [])]


async def alerts(trust: Agency, plan: str) -> int:
    """How often the agency was asked to mind a plan."""
    return len((await trust.get(f"Task?code=alert&focus=CarePlan/{plan}")).json().get("entry", []))
