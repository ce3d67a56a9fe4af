"""What the service adds to a record is kept when a client's update leaves it out, and nothing is added a second time: a client
sends what it knows of, again and again."""

from __future__ import annotations

from typing import Any

import pytest

from service.change import Resource
from tests.locality import Agency, Locality

CRISIS = {"category": [{"coding": [{"system": "http://snomed.info/sct", "code": "735324008"}]}]}


async def plan(locality: Locality, trust: Agency) -> Resource:
    """An active plan, to which a team is given."""
    del trust
    return locality.plan()


async def crisis(locality: Locality, trust: Agency) -> Resource:
    """A joint crisis plan as a draft, to whose parties Tasks are sent once it is active."""
    del trust
    return {**locality.plan(**CRISIS), "status": "draft"}


async def observation(locality: Locality, trust: Agency) -> Resource:
    """A record to which nothing is added."""
    del trust
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": locality.person}}


async def task(locality: Locality, trust: Agency) -> Resource:
    """A handover, to which the service writes when it was sent and what it belongs to."""
    sent = await locality.sent(trust)
    return {name: value for name, value in sent.items() if name not in ("meta", "authoredOn", "lastModified", "groupIdentifier")}


async def counts(locality: Locality) -> dict[str, int]:
    """How many records there are of each type, those that tell of requests aside."""
    mongo = locality.built.services.mongo
    names = [name for name in await mongo.names() if name.startswith("r.") and name != "r.AuditEvent"]
    return {name: await mongo.collection(name).count_documents({}) for name in names}


@pytest.mark.parametrize("make", [plan, crisis, observation, task])
async def test_what_the_service_adds_is_kept_and_added_once(locality: Locality, make: Any) -> None:
    """Three updates with what the client sent first: the record holds what it held, and no other record is made."""
    trust = await locality.agency("trust")
    sent = await make(locality, trust)
    kind = sent["resourceType"]
    if "id" not in sent:
        sent = {**sent, "id": (await trust.created(sent))["id"]}
    stored = (await trust.get(f"{kind}/{sent['id']}")).json()
    before = await counts(locality)
    for _ in range(3):
        now = (await trust.get(f"{kind}/{sent['id']}")).json()
        answer = await trust.put(sent, If_Match=f'W/"{now["meta"]["versionId"]}"')
        assert answer.status_code == 200, answer.text
    after = (await trust.get(f"{kind}/{sent['id']}")).json()
    assert {name: value for name, value in after.items() if name != "meta"} == {
        name: value for name, value in stored.items() if name != "meta"
    }
    assert await counts(locality) == before
