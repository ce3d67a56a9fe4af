"""PyPI's `fhirclient` (SMART on FHIR), unmodified."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import requests

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its own, as it is imported
    from fhirclient import client
    from fhirclient.models.bundle import Bundle
    from fhirclient.models.careplan import CarePlan
    from fhirclient.models.observation import Observation

from tests.clients.browsing import approved
from tests.clients.conftest import APP_SCOPE, Running
from tests.clients.row import expected, linked, observation, transaction
from tests.locality import plan

pytestmark = pytest.mark.slow


def test_the_row(running: Running) -> None:
    """Discovery to delete, for a person who logs in to a public app. It has no JSON Patch."""
    assert through(running, running.persons["fhirclient"]) == expected(running.base, "patch")


def through(running: Running, person: str) -> dict[str, Any]:
    """The row that fhirclient shows of a person."""
    settings = {"app_id": "public-app", "api_base": running.fhir, "redirect_uri": running.back, "scope": APP_SCOPE}
    smart = client.FHIRClient(settings=settings)
    assert not smart.prepare(), "it needs no login"
    server = smart.server
    row: dict[str, Any] = {"discovery": server.auth._token_uri, "metadata": server.capabilityStatement.fhirVersion}
    smart.handle_callback(approved(smart.authorize_url, running.back, "lee", person))
    row["token"] = "Bearer" if smart.ready else ""
    row["read"] = smart.patient.name[0].family

    made = Observation(observation(person)).create(server)
    row["create"] = made["meta"]["versionId"]
    row["update"] = Observation({**made, "status": "amended"}).update(server)["meta"]["versionId"]
    row["vread"] = Observation.read_from(f"Observation/{made['id']}/_history/1", server).status
    history = Bundle.read_from(f"Observation/{made['id']}/_history", server)
    row["history"] = [each.resource.meta.versionId for each in history.entry]

    led = CarePlan(plan(person)).create(server)
    server.session.headers["If-Match"] = f'W/"{led["meta"]["versionId"]}"'
    row["match"] = CarePlan({**led, "title": "Sleep"}).update(server)["meta"]["versionId"]
    row["stale"] = refused(lambda: CarePlan({**led, "title": "Sleep"}).update(server))
    del server.session.headers["If-Match"]

    once = {"system": "urn:x:fhirclient", "value": person}
    server.session.headers["If-None-Exist"] = f"identifier={once['system']}|{once['value']}"
    twice = [Observation(observation(person, identifier=[once])).create(server) for _ in range(2)]
    row["conditional"] = twice[0]["id"] == twice[1]["id"]
    del server.session.headers["If-None-Exist"]
    row["transaction"] = linked(server.post_json("", transaction(person)).json())

    row["search"] = len(list(Observation.where({"subject": person, "_count": "2"}).perform_resources_iter(server)))
    row["refusal"] = refused(lambda: Observation.where({"nonsense": "x"}).perform_iter(server).__next__())
    Observation(made).delete(server)
    row["delete"] = refused(lambda: Observation.read(made["id"], server))
    return row


def refused(asked: Callable[[], Any]) -> str:
    """The issue that fhirclient tells of."""
    with pytest.raises(requests.HTTPError) as refusal:
        asked()
    return str(refusal.value.response.json()["issue"][0]["code"])
