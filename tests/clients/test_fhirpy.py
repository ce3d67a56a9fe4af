"""PyPI's `fhirpy`, unmodified."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import BaseFHIRError

from tests.clients.conftest import BACKEND_SCOPE, Running
from tests.clients.row import expected, linked, observation, transaction
from tests.fakes.smart import ASSERTION, assertion
from tests.locality import plan

pytestmark = pytest.mark.slow


async def test_the_row(running: Running) -> None:
    """Discovery to delete, with a token of a backend that has a key. It has no JSON Patch."""
    assert await through(running, running.persons["fhirpy"]) == expected(running.base, "patch")


async def through(running: Running, person: str) -> dict[str, Any]:
    """The row that fhirpy shows of a person."""
    found = await AsyncFHIRClient(running.fhir).execute(".well-known/smart-configuration", "get")
    row = {"discovery": found["token_endpoint"]}
    token = granted(found["token_endpoint"], running.jwk)
    row["token"] = token["token_type"]
    client = AsyncFHIRClient(running.fhir, authorization=f"Bearer {token['access_token']}")
    row["metadata"] = (await client.execute("metadata", "get"))["fhirVersion"]
    row["read"] = (await client.reference(reference=person).to_resource())["name"][0]["family"]

    made = await client.resource("Observation", **observation(person)).create()
    row["create"] = made["meta"]["versionId"]
    made["status"] = "amended"
    await made.save()
    row["update"] = made["meta"]["versionId"]
    row["vread"] = (await made.execute("_history/1", "get"))["status"]
    history = await made.execute("_history", "get")
    row["history"] = [each["resource"]["meta"]["versionId"] for each in history["entry"]]

    led = await client.resource("CarePlan", **plan(person)).create()
    seen = AsyncFHIRClient(running.fhir, client.authorization, {"If-Match": f'W/"{led["meta"]["versionId"]}"'})
    changed = seen.resource("CarePlan", **{**led, "title": "Sleep"})
    row["match"] = (await changed.update())["meta"]["versionId"]
    row["stale"] = await refused(seen.resource("CarePlan", **{**led, "title": "Sleep"}).update())

    once = {"system": "urn:x:fhirpy", "value": person}
    wanted = client.resources("Observation").search(identifier=f"{once['system']}|{once['value']}")
    first, fresh = await wanted.get_or_create(client.resource("Observation", **observation(person, identifier=[once])))
    second, again = await wanted.get_or_create(client.resource("Observation", **observation(person, identifier=[once])))
    row["conditional"] = (first["id"], fresh, again) == (second["id"], True, False)
    row["transaction"] = linked(await client.execute("", data=transaction(person)))

    about = client.resources("Observation").search(subject=person).limit(2)
    row["search"] = len(await about.fetch_all())
    row["refusal"] = await refused(client.resources("Observation").search(nonsense="x").fetch())
    await made.delete()
    row["delete"] = await refused(made.to_reference().to_resource())
    return row


def granted(endpoint: str, jwk: dict[str, Any]) -> dict[str, Any]:
    """A token of the backend."""
    proof = {"client_assertion_type": ASSERTION, "client_assertion": assertion("backend", jwk, aud=endpoint)}
    answer = httpx.post(endpoint, data={"grant_type": "client_credentials", "scope": BACKEND_SCOPE, **proof})
    return dict(answer.json())


async def refused(asked: Awaitable[Any]) -> str:
    """The issue that fhirpy tells of."""
    with pytest.raises(BaseFHIRError) as refusal:
        await asked
    return str(json.loads(str(refusal.value))["issue"][0]["code"])
