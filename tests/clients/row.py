"""The row that every client goes through, and what it must have seen by its end."""

from __future__ import annotations

from typing import Any

STEPS: dict[str, Any] = {
    "metadata": "4.0.1",  # the FHIR version of the CapabilityStatement
    "token": "Bearer",
    "read": "Example",  # the person's family name
    "create": "1",  # the version of a new Observation
    "update": "2",
    "vread": "final",  # the status of version 1
    "patch": "corrected",  # the status after a JSON Patch
    "history": ["3", "2", "1"],
    "match": "2",  # the version of a CarePlan after an update with If-Match
    "stale": "conflict",  # the issue of the same update once more
    "conditional": True,  # a conditional create repeated gives the same record
    "transaction": True,  # a urn:uuid has become the reference to its entry's record
    "search": 5,  # Observations of the person, over all pages of two
    "refusal": "not-supported",  # the issue of a search by an unknown parameter
    "delete": "deleted",  # the issue of a read after it
}
"""What each step must show, besides the discovery, which must show the token endpoint."""


def expected(base: str, *without: str) -> dict[str, Any]:
    """The row of a client of the service at `base` that has no call for the steps `without`."""
    row = {"discovery": f"{base}/auth/token", **STEPS, **({"history": ["2", "1"]} if "patch" in without else {})}
    return {step: shown for step, shown in row.items() if step not in without}


def observation(person: str, **more: Any) -> dict[str, Any]:
    """A note about a person."""
    return {"resourceType": "Observation", "status": "final", "code": {"text": "Sleep"}, "subject": {"reference": person}, **more}


def transaction(person: str) -> dict[str, Any]:
    """Three notes about a person, of which the last has the first as a member, and the person read."""
    first, last = (f"urn:uuid:6f0d2a4c-0000-4000-8000-00000000000{digit}" for digit in "12")
    asked = {"method": "POST", "url": "Observation"}
    posted = [
        {"fullUrl": first, "resource": observation(person), "request": asked},
        {"resource": observation(person), "request": asked},
        {"fullUrl": last, "resource": observation(person, hasMember=[{"reference": first}]), "request": asked},
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": [*posted, {"request": {"method": "GET", "url": person}}]}


def linked(answer: dict[str, Any]) -> bool:
    """Whether the last note of a transaction's answer refers to the first."""
    first, last = answer["entry"][0]["resource"], answer["entry"][2]["resource"]
    return bool(last["hasMember"][0]["reference"] == f"Observation/{first['id']}")
