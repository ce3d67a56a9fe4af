"""Patch over HTTP (R4 section 3.1.0.6): JSON Patch, under the rules of an update."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.notes import observation
from tests.locality import Agency, Locality, plan

AMEND = [{"op": "test", "path": "/status", "value": "final"}, {"op": "replace", "path": "/status", "value": "amended"}]


async def patch(agency: Agency, place: str, operations: Any, media: str = "application/json-patch+json", **headers: str) -> Any:
    """The answer to a patch."""
    return await agency.send("PATCH", place, operations, Content_Type=media, **headers)


async def test_a_patch_is_the_next_version(locality: Locality) -> None:
    """200 with the record as it is now."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await patch(trust, f"Observation/{made['id']}", AMEND)
    assert (answer.status_code, answer.json()["status"], answer.headers["etag"]) == (200, "amended", 'W/"2"')
    assert answer.headers["location"].endswith("/_history/2")


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        ([{"op": "test", "path": "/status", "value": "amended"}, *AMEND], 422),
        ([{"op": "remove", "path": "/issued"}], 422),
        ([{"op": "remove", "path": "/status"}], 422),
        ([{"op": "replace", "path": "/id", "value": "other"}], 400),
        ([{"op": "replace", "path": "/resourceType", "value": "Patient"}], 400),
        ([], 400),
        ({"status": "amended"}, 400),
    ],
)
async def test_a_patch_that_cannot_be_made_changes_nothing(locality: Locality, operations: Any, status: int) -> None:
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await patch(trust, f"Observation/{made['id']}", operations)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
    assert (await trust.get(f"Observation/{made['id']}")).headers["etag"] == 'W/"1"'


@pytest.mark.parametrize("media", ["application/fhir+json", "application/json", "application/xml-patch+xml", ""])
async def test_only_json_patch_is_read(locality: Locality, media: str) -> None:
    """415 that names it."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await patch(trust, f"Observation/{made['id']}", AMEND, media)
    assert answer.status_code == 415
    assert "application/json-patch+json" in answer.text


async def test_a_patch_of_what_is_hidden_or_absent_is_absent(locality: Locality) -> None:
    """404 alike, whatever the patch tests for."""
    trust, stranger = await locality.agency("trust"), await locality.agency("housing")
    made = await trust.created(observation(locality.person))
    hidden, absent = [await patch(stranger, f"Observation/{each}", AMEND) for each in (made["id"], "none")]
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace(made["id"], "none") == absent.text


async def test_a_patch_of_what_was_deleted_is_gone(locality: Locality) -> None:
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    await trust.send("DELETE", f"Observation/{made['id']}")
    assert (await patch(trust, f"Observation/{made['id']}", AMEND)).status_code == 410


async def test_a_plan_is_patched_with_its_version(locality: Locality) -> None:
    """428 without If-Match, 412 with a stale one whatever the patch says, 200 with the current one."""
    trust = await locality.agency("trust")
    made = await trust.created(plan(locality.person))
    titled = [{"op": "add", "path": "/title", "value": "Sleep"}]
    answers = [
        await patch(trust, f"CarePlan/{made['id']}", titled),
        await patch(trust, f"CarePlan/{made['id']}", [{"op": "remove", "path": "/none"}], If_Match='W/"7"'),
        await patch(trust, f"CarePlan/{made['id']}", titled, If_Match='W/"1"'),
    ]
    assert [each.status_code for each in answers] == [428, 412, 200]


async def test_a_patch_is_carried_out_once(locality: Locality) -> None:
    """HOV-9: a repeat under its X-Request-Id gets the first answer."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    noted = [{"op": "add", "path": "/note", "value": [{"text": "Once"}]}]
    once = {"X_Request_Id": locality.person.partition("/")[2]}
    answers = [await patch(trust, f"Observation/{made['id']}", noted, **once) for _ in range(2)]
    assert [(each.status_code, each.headers["etag"]) for each in answers] == [(200, 'W/"2"')] * 2
