"""Notes about a person, as the API tests write and count them."""

from __future__ import annotations

from typing import Any

from tests.locality import Agency, Locality

Stored = dict[str, Any]
SAMPLE = "https://example.org/sample"


def observation(person: str, text: str = "Slept badly", **more: Any) -> Stored:
    """A note about a person."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": text},
        "subject": {"reference": person},
        **more,
    }


async def kept(locality: Locality, kind: str = "Observation") -> int:
    """How many records of a type are about the person."""
    rows = locality.built.services.mongo.collection(f"r.{kind}")
    return int(await rows.count_documents({"pts": locality.person}))


async def identified(locality: Locality, agency: Agency) -> tuple[Stored, str]:
    """A stored record with an identifier of this person's own, and the search that finds it."""
    value = locality.person.partition("/")[2]
    resource = observation(locality.person, identifier=[{"system": SAMPLE, "value": value}])
    return await agency.created(resource), f"identifier={SAMPLE}|{value}"
