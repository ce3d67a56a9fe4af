"""`$validate` over HTTP (R4 section 3.1.0.10)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.locality import Locality

SOUND = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
HANDOVER = "https://baton.example/fhir/StructureDefinition/baton-handover-task"


def severities(answer: Any) -> set[str]:
    """The severities of an outcome's issues."""
    assert answer.status_code == 200, answer.text
    return {issue["severity"] for issue in answer.json()["issue"]}


async def test_a_sound_resource_has_nothing_to_put_right(locality: Locality) -> None:
    """200 with information alone."""
    answer = await (await locality.agency("trust")).post("Observation/$validate", SOUND)
    assert severities(answer) == {"information"}
    assert answer.json()["issue"][0]["details"]["text"] == "All OK"


async def test_every_issue_is_told_at_once(locality: Locality) -> None:
    """200: that it is invalid is the answer, not a failure."""
    answer = await (await locality.agency("trust")).post("Observation/$validate", {**SOUND, "status": "done", "code": {}})
    assert "error" in severities(answer)
    assert {"Observation.status", "Observation.code"} <= {issue["expression"][0] for issue in answer.json()["issue"]}


async def test_nothing_is_stored(locality: Locality) -> None:
    """The collection is as it was."""
    rows = locality.built.services.mongo.collection("r.Observation")
    before = await rows.count_documents({})
    await (await locality.agency("trust")).post("Observation/$validate", SOUND)
    assert await rows.count_documents({}) == before


async def test_the_resource_may_come_in_parameters(locality: Locality) -> None:
    """With a profile to hold it to."""
    task = {"resourceType": "Task", "status": "requested", "intent": "order"}
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "profile", "valueUri": HANDOVER}, {"name": "resource", "resource": task}],
    }
    assert "error" in severities(await (await locality.agency("trust")).post("Task/$validate", body))


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Patient"},
        {"resourceType": "Parameters"},
        {"resourceType": "Parameters", "parameter": 1},
        {"resourceType": "Parameters", "parameter": [1, {"name": []}]},
        {},
    ],
)
async def test_what_holds_no_resource_of_the_type_is_malformed(locality: Locality, body: Any) -> None:
    """400."""
    assert (await (await locality.agency("trust")).post("Observation/$validate", body)).status_code == 400


async def test_an_unknown_profile_is_an_error_when_handling_is_strict(locality: Locality) -> None:
    """Otherwise a warning."""
    trust = await locality.agency("trust")
    resource = {**SOUND, "meta": {"profile": ["https://example.org/unknown"]}}
    told = [
        severities(await trust.post("Observation/$validate", resource, Prefer=f"handling={each}"))
        for each in ("lenient", "strict")
    ]
    assert ("error" in told[0], "error" in told[1]) == (False, True)
