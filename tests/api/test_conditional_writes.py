"""Conditional update and delete over HTTP (R4 sections 3.1.0.4.3 and 3.1.0.7.1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.notes import SAMPLE, identified, kept, observation
from tests.locality import Agency, Locality, plan


async def put(agency: Agency, search: str, body: Any, **headers: str) -> Any:
    """The answer to a conditional update."""
    return await agency.send("PUT", f"{body['resourceType']}?{search}", body, **headers)


def noted(locality: Locality, text: str = "Changed", **more: Any) -> Any:
    """A note with the identifier that `identified` gives."""
    return observation(locality.person, text, identifier=[{"system": SAMPLE, "value": locality.person.partition("/")[2]}], **more)


async def test_an_update_changes_the_record_it_finds(locality: Locality) -> None:
    """200 with the next version, whether or not the body says the id."""
    trust = await locality.agency("trust")
    made, search = await identified(locality, trust)
    answers = [await put(trust, search, each) for each in (noted(locality), noted(locality, "Again", id=made["id"]))]
    assert [(each.status_code, each.json()["id"], each.headers["etag"]) for each in answers] == [
        (200, made["id"], 'W/"2"'),
        (200, made["id"], 'W/"3"'),
    ]
    assert await kept(locality) == 1


async def test_an_update_that_finds_nothing_creates(locality: Locality) -> None:
    """201, with an id of ours; the same again updates it."""
    trust = await locality.agency("trust")
    search = f"identifier={SAMPLE}|{locality.person.partition('/')[2]}"
    first, second = [await put(trust, search, noted(locality)) for _ in range(2)]
    assert (first.status_code, second.status_code, await kept(locality)) == (201, 200, 1)
    assert first.json()["id"] == second.json()["id"]


async def test_an_update_that_finds_nothing_creates_under_an_id_of_the_agency(locality: Locality) -> None:
    """Update as create."""
    identity = f"trust.{locality.person.partition('/')[2]}"
    answer = await put(await locality.agency("trust"), "identifier=none", noted(locality, id=identity))
    assert (answer.status_code, answer.json()["id"]) == (201, identity)


async def test_an_update_that_finds_nothing_changes_no_record_of_its_id(locality: Locality) -> None:
    """412: what the condition does not name stays as it is."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await put(trust, "identifier=none", {**made, "code": {"text": "Changed"}})
    assert answer.status_code == 412
    assert (await trust.get(f"Observation/{made['id']}")).headers["etag"] == 'W/"1"'


async def test_an_update_says_no_other_id(locality: Locality) -> None:
    """400."""
    trust = await locality.agency("trust")
    _, search = await identified(locality, trust)
    assert (await put(trust, search, noted(locality, id="trust.other"))).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_search_that_finds_several_writes_none(locality: Locality, method: str) -> None:
    """412."""
    trust = await locality.agency("trust")
    _, search = await identified(locality, trust)
    await identified(locality, trust)
    answer = await trust.send(method, f"Observation?{search}", noted(locality) if method == "PUT" else None)
    assert answer.status_code == 412
    found = (await trust.get(f"Observation?{search}")).json()["entry"]
    assert [each["resource"]["meta"]["versionId"] for each in found] == ["1", "1"]


@pytest.mark.parametrize("search", ["", "_count=1", "nonsense=x"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_write_must_look_for_something(locality: Locality, method: str, search: str) -> None:
    """400, nothing written."""
    trust = await locality.agency("trust")
    await identified(locality, trust)
    answer = await trust.send(method, f"Observation?{search}", noted(locality) if method == "PUT" else None)
    assert (answer.status_code, await kept(locality)) == (400, 1)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_the_records_of_others_are_not_found(locality: Locality, method: str) -> None:
    """As if there were none."""
    trust, stranger = await locality.agency("trust"), await locality.agency("housing")
    made, search = await identified(locality, trust)
    if method == "PUT":
        other = {"resourceType": "Observation", "status": "final", "code": {"text": "Mine"}}
        assert (await put(stranger, search, other)).json().get("id") != made["id"]
    else:
        assert (await stranger.send(method, f"Observation?{search}")).status_code == 204
    assert (await trust.get(f"Observation/{made['id']}")).headers["etag"] == 'W/"1"'


async def test_a_plan_needs_its_version_all_the_same(locality: Locality) -> None:
    """428 without If-Match, 412 with a stale one, 200 with the current one."""
    trust = await locality.agency("trust")
    made = await trust.created(plan(locality.person))
    changed, search = {**made, "title": "Sleep"}, f"_id={made['id']}"
    tags: list[dict[str, str]] = [{}, {"If_Match": 'W/"7"'}, {"If_Match": 'W/"1"'}]
    assert [(await put(trust, search, changed, **tag)).status_code for tag in tags] == [428, 412, 200]


async def test_a_version_of_nothing_is_not_updated(locality: Locality) -> None:
    """412 where If-Match names a version and the search finds nothing."""
    trust = await locality.agency("trust")
    answer = await put(trust, "identifier=none", noted(locality), If_Match='W/"1"')
    assert (answer.status_code, await kept(locality)) == (412, 0)


async def test_updates_at_once_store_one_record(locality: Locality) -> None:
    """Of those that find nothing one creates, and the others update what it created."""
    trust = await locality.agency("trust")
    search = f"identifier={SAMPLE}|{locality.person.partition('/')[2]}"
    answers = await asyncio.gather(*(put(trust, search, noted(locality, str(number))) for number in range(6)))
    assert {each.json().get("id") for each in answers if each.status_code < 300}
    assert sorted({each.status_code for each in answers} - {200, 409}) == [201]
    assert await kept(locality) == 1


async def test_updates_at_once_under_ids_of_their_own_store_one_record(locality: Locality) -> None:
    """What is found is unique, whatever ids the clients chose for it."""
    trust = await locality.agency("trust")
    value = locality.person.partition("/")[2]
    bodies = [noted(locality, id=f"trust.{value[:13]}-{number}") for number in range(6)]
    answers = await asyncio.gather(*(put(trust, f"identifier={SAMPLE}|{value}", body) for body in bodies))
    assert [each.status_code for each in answers].count(201) == 1
    assert await kept(locality) == 1


async def test_a_delete_deletes_the_record_it_finds(locality: Locality) -> None:
    """204, and again 204 where there is nothing any more."""
    trust = await locality.agency("trust")
    made, search = await identified(locality, trust)
    answers = [await trust.send("DELETE", f"Observation?{search}") for _ in range(2)]
    assert [each.status_code for each in answers] == [204, 204]
    assert (await trust.get(f"Observation/{made['id']}")).status_code == 410


async def test_one_request_id_is_for_one_search(locality: Locality) -> None:
    """HOV-9: another condition under the id of an earlier request is another request."""
    trust = await locality.agency("trust")
    _, search = await identified(locality, trust)
    once = {"X_Request_Id": locality.person.partition("/")[2]}
    answers = [await put(trust, each, noted(locality), **once) for each in (search, search, "identifier=none")]
    assert [each.status_code for each in answers] == [200, 200, 409]
    assert answers[0].content == answers[1].content
