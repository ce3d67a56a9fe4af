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


async def test_an_unknown_profile_is_an_error_here_and_none_of_a_write(locality: Locality) -> None:
    """Who asks whether a resource is valid learns that this was not checked; who writes it has it kept."""
    trust = await locality.agency("trust")
    resource = {**SOUND, "meta": {"profile": ["https://example.org/unknown"]}}
    assert "error" in severities(await trust.post("Observation/$validate", resource))
    assert (await trust.post("Observation", resource)).status_code == 201


async def test_a_profile_that_is_asked_for_and_not_known_is_an_error(locality: Locality) -> None:
    """Nothing can be said of it, so it is not said that all is well."""
    answer = await (await locality.agency("trust")).post("Observation/$validate?profile=https://example.org/unknown", SOUND)
    assert "error" in severities(answer)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_record_is_held_to_a_profile_as_it_is_kept(locality: Locality, method: str) -> None:
    """`mode` profile of a record, without a body."""
    trust = await locality.agency("trust")
    task = await trust.created({"resourceType": "Task", "status": "requested", "intent": "order"})
    url = f"Task/{task['id']}/$validate?mode=profile&profile="
    assert "error" in severities(await trust.send(method, url + HANDOVER))
    assert severities(await trust.send(method, url + "http://hl7.org/fhir/StructureDefinition/Task")) == {"information"}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_record_is_validated_as_it_is_kept_unless_content_is_sent(locality: Locality, method: str) -> None:
    """Without a mode."""
    trust = await locality.agency("trust")
    made = await trust.created({**SOUND, "subject": {"reference": locality.person}})
    answer = await trust.send(method, f"Observation/{made['id']}/$validate")
    assert (answer.status_code, severities(answer)) == (200, {"information"})


async def test_a_record_that_is_hidden_is_not_validated(locality: Locality) -> None:
    """As if it were absent."""
    trust, housing = await locality.agency("trust"), await locality.agency("housing")
    task = await trust.created({"resourceType": "Task", "status": "requested", "intent": "order"})
    answers = [await housing.get(f"Task/{each}/$validate?mode=profile") for each in (task["id"], "none")]
    assert [each.status_code for each in answers] == [404, 404]


@pytest.mark.parametrize(
    ("body", "worst"), [({"parameter": [{"name": "x", "valueCode": "y"}]}, "information"), ({"x": 1}, "error")]
)
async def test_parameters_are_validated_by_themselves(locality: Locality, body: Any, worst: str) -> None:
    """POST Parameters/$validate."""
    answer = await (await locality.agency("trust")).post("Parameters/$validate", {"resourceType": "Parameters", **body})
    assert severities(answer) == {worst}


async def test_parameters_are_kept_nowhere(locality: Locality) -> None:
    answer = await (await locality.agency("trust")).post("Parameters", {"resourceType": "Parameters"})
    assert answer.status_code == 404


@pytest.mark.parametrize("kind", ["valueUri", "valueCanonical", "valueUrl", "valueString"])
async def test_a_profile_is_read_in_whatever_type_clients_send(locality: Locality, kind: str) -> None:
    """R4 says uri; later versions and clients say canonical."""
    task = {"resourceType": "Task", "status": "requested", "intent": "order"}
    listed = [{"name": "profile", kind: HANDOVER}, {"name": "resource", "resource": task}]
    body = {"resourceType": "Parameters", "parameter": listed}
    assert "error" in severities(await (await locality.agency("trust")).post("Task/$validate", body))


@pytest.mark.parametrize(
    "listed",
    [
        [{"name": "bogus", "valueCode": "x"}, {"name": "resource", "resource": SOUND}],
        [{"name": "resource", "resource": SOUND}, {"name": "resource", "resource": SOUND}],
        [{"name": "mode", "valueString": "nonsense"}, {"name": "resource", "resource": SOUND}],
        [{"name": "mode", "valueInteger": 1}, {"name": "resource", "resource": SOUND}],
    ],
)
async def test_what_is_not_looked_at_is_not_told_to_be_sound(locality: Locality, listed: list[Any]) -> None:
    """400 naming it."""
    body = {"resourceType": "Parameters", "parameter": listed}
    assert (await (await locality.agency("trust")).post("Observation/$validate", body)).status_code == 400


async def test_a_parameter_of_the_url_is_one_of_its_own(locality: Locality) -> None:
    """400 naming it."""
    answer = await (await locality.agency("trust")).post("Observation/$validate?colour=red", SOUND)
    assert (answer.status_code, "`colour`" in answer.text) == (400, True)
