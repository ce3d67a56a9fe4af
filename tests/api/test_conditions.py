"""Conditional reads, writes and creates over HTTP (R4 section 3.1.0; RFC 9110 section 13)."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.notes import SAMPLE, identified, kept, observation
from tests.locality import Locality


async def test_a_stale_if_match_changes_nothing(locality: Locality) -> None:
    """412, and the other's version stands."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    await trust.put({**made, "code": {"text": "First"}})
    answer = await trust.put({**made, "code": {"text": "Second"}})
    assert answer.status_code == 412
    assert (await trust.get(f"Observation/{made['id']}")).json()["code"] == {"text": "First"}


@pytest.mark.parametrize("tag", ['W/"x"', "W/", '"1", "2"', '"-1"', "*"])
async def test_an_if_match_that_names_no_version_is_malformed(locality: Locality, tag: str) -> None:
    """400: it is never ignored."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    assert (await trust.put(made, If_Match=tag)).status_code == 400


async def test_what_must_be_new_overwrites_nothing(locality: Locality) -> None:
    """RFC 9110 13.1.2: `If-None-Match: *` creates under an id of one's own, and is 412 once it is taken."""
    trust = await locality.agency("trust")
    resource = {**observation(locality.person), "id": f"trust.{locality.person.partition('/')[2]}"}
    assert (await trust.put(resource, If_None_Match="*")).status_code == 201
    assert (await trust.put({**resource, "code": {"text": "Other"}}, If_None_Match="*")).status_code == 412
    assert (await trust.get(f"Observation/{resource['id']}")).json()["code"] == resource["code"]


async def test_a_version_of_nothing_creates_nothing(locality: Locality) -> None:
    """RFC 9110 13.1.1: If-Match of a record that is not here is 412, under an id of one's own, too."""
    trust = await locality.agency("trust")
    resource = {**observation(locality.person), "id": f"trust.{locality.person.partition('/')[2]}"}
    assert (await trust.put(resource, If_Match='W/"3"')).status_code == 412
    assert (await trust.get(f"Observation/{resource['id']}")).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_responsibility_is_not_written_blindly(locality: Locality, method: str) -> None:
    """428 without If-Match on a CarePlan (security rules, section 2)."""
    trust = await locality.agency("trust")
    made = await trust.created(locality.plan())
    answer = await trust.send(method, f"CarePlan/{made['id']}", made if method == "PUT" else None)
    assert answer.status_code == 428


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', 'W/"7", W/"1"', "*"])
async def test_an_unchanged_record_is_not_sent_again(locality: Locality, tag: str) -> None:
    """304 for If-None-Match of the current version, weak or not, with its ETag and no body."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    answer = await trust.get(f"Observation/{made['id']}", If_None_Match=tag)
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", 'W/"1"')


async def test_a_changed_record_is_sent_again(locality: Locality) -> None:
    """200 for If-None-Match of an older version."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    await trust.put({**made, "code": {"text": "Changed"}})
    assert (await trust.get(f"Observation/{made['id']}", If_None_Match='W/"1"')).status_code == 200


async def test_if_modified_since_counts_whole_seconds(locality: Locality) -> None:
    """A record's own Last-Modified finds it unmodified."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    since = (await trust.get(f"Observation/{made['id']}")).headers["last-modified"]
    assert (await trust.get(f"Observation/{made['id']}", If_Modified_Since=since)).status_code == 304


async def test_a_conditional_create_finds_what_is_there(locality: Locality) -> None:
    """If-None-Exist: 200 with the record that matched; nothing is stored."""
    trust = await locality.agency("trust")
    made, search = await identified(locality, trust)
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist=search)
    assert (answer.status_code, answer.json()["id"]) == (200, made["id"])
    assert await kept(locality) == 1


async def test_a_conditional_create_that_finds_several_is_refused(locality: Locality) -> None:
    """412."""
    trust = await locality.agency("trust")
    _, search = await identified(locality, trust)
    await identified(locality, trust)
    assert (await trust.post("Observation", observation(locality.person), If_None_Exist=search)).status_code == 412


async def test_conditional_creates_at_once_store_one(locality: Locality) -> None:
    """fhir-api rules, section 4: the database holds the line."""
    trust = await locality.agency("trust")
    value = locality.person.partition("/")[2]
    resource = observation(locality.person, identifier=[{"system": SAMPLE, "value": value}])
    search = f"identifier={SAMPLE}|{value}"
    answers = await asyncio.gather(*(trust.post("Observation", resource, If_None_Exist=search) for _ in range(6)))
    assert {each.status_code for each in answers} <= {200, 201, 409}
    assert await kept(locality) == 1


async def test_an_unknown_parameter_in_if_none_exist_is_refused(locality: Locality) -> None:
    """400, never a create that was not meant."""
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist="colour=red")
    assert (answer.status_code, await kept(locality)) == (400, 0)


@pytest.mark.parametrize("search", ["", "_count=1", "_sort=date"])
async def test_if_none_exist_must_look_for_something(locality: Locality, search: str) -> None:
    """A condition that every record meets is none."""
    trust = await locality.agency("trust")
    await trust.created(observation(locality.person))
    answer = await trust.post("Observation", observation(locality.person), If_None_Exist=f"?{search}")
    assert (answer.status_code, await kept(locality)) == (400, 1)
