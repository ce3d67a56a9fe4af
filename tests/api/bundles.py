"""Bundles of requests, as the API tests send them, and what is answered."""

from __future__ import annotations

from typing import Any

from tests.api.notes import Stored
from tests.locality import Agency

NEW = "urn:uuid:7c1d8f5e-6f0b-4f0e-9d0a-0c8a4f1d2b3c"


def entry(method: str, url: str, resource: Stored | None = None, full_url: str = "", **request: str) -> Stored:
    """One Bundle.entry."""
    made: Stored = {"request": {"method": method, "url": url, **request}}
    if full_url:
        made["fullUrl"] = full_url
    return {**made, "resource": resource} if resource is not None else made


async def sent(agency: Agency, kind: str, *entries: Any, **headers: str) -> Any:
    """The answer to a Bundle."""
    bundle = {"resourceType": "Bundle", "type": kind, **({"entry": list(entries)} if entries else {})}
    return await agency.post("", bundle, **headers)


def statuses(answer: Any) -> list[str]:
    """The status of each entry."""
    assert answer.status_code == 200, answer.text
    return [each["response"]["status"] for each in answer.json()["entry"]]
