"""The CapabilityStatement is true to the last line: everything that it declares is called here, and what it does not is
refused."""

from __future__ import annotations

from typing import Any

import pytest

from service.usecases.interactions.records import CONDITIONAL
from tests.locality import Agency, Locality

VALUES = {"date": "2026", "number": "1", "quantity": "1", "reference": "Patient/x", "uri": "urn:x"}
"""A value that a search parameter of a type takes; `x` where the type is not here."""


async def kinds(locality: Locality) -> list[Any]:
    """What the statement tells of each type."""
    listed: list[Any] = (await locality.anonymous().get("metadata")).json()["rest"][0]["resource"]
    return listed


def codes(kind: Any) -> set[str]:
    """The interactions that a type has."""
    return {each["code"] for each in kind["interaction"]}


async def tried(agency: Agency, kind: str, code: str) -> int:
    """The status of an interaction that finds nothing, or is given nothing sound."""
    body = {"resourceType": kind}
    calls = {
        "read": ("GET", f"{kind}/none", None),
        "vread": ("GET", f"{kind}/none/_history/1", None),
        "history-instance": ("GET", f"{kind}/none/_history", None),
        "history-type": ("GET", f"{kind}/_history", None),
        "search-type": ("GET", f"{kind}?_count=0", None),
        "create": ("POST", kind, body),
        "update": ("PUT", f"{kind}/none", {**body, "id": "none"}),
        "patch": ("PATCH", f"{kind}/none", [{"op": "test", "path": "/resourceType", "value": kind}]),
        "delete": ("DELETE", f"{kind}/none", None),
    }
    media = {"Content_Type": "application/json-patch+json"} if code == "patch" else {}
    return (await agency.send(*calls[code], **media)).status_code


OFFERED = {
    "read": {404},
    "vread": {404},
    "history-instance": {404},
    "search-type": {200},
    "create": {201, 400, 403, 422},
    "update": {404},
    "patch": {404},
    "delete": {404},
}
"""How an interaction that there is answers when it finds nothing, or is given nothing sound."""


@pytest.mark.parametrize("code", sorted(OFFERED))
async def test_an_interaction_that_is_declared_is_served(locality: Locality, code: str) -> None:
    """Of every type: none answers that there is no such place or method."""
    trust = await locality.agency("trust")
    found = {kind["type"]: await tried(trust, kind["type"], code) for kind in await kinds(locality) if code in codes(kind)}
    assert {kind: status for kind, status in found.items() if status not in OFFERED[code]} == {}


async def test_a_write_that_is_not_declared_is_not_allowed(locality: Locality) -> None:
    """405, on a record that is there."""
    trust = await locality.agency("trust")
    event = {
        "resourceType": "AuditEvent",
        "type": {"system": "urn:x", "code": "x"},
        "recorded": "2026-11-01T00:00:00Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "x"}},
    }
    communication = {"resourceType": "Communication", "status": "completed", "subject": {"reference": locality.person}}
    subscription = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "x",
        "criteria": "Task?",
        "channel": {"type": "websocket"},
    }
    declared = {kind["type"]: codes(kind) for kind in await kinds(locality)}
    for resource in (event, communication):
        stored, kind = await trust.created(resource), str(resource["resourceType"])
        assert "delete" not in declared[kind]
        assert (await trust.send("DELETE", f"{kind}/{stored['id']}")).status_code == 405
    assert declared["Subscription"].isdisjoint({"create", "update"})
    assert (await trust.post("Subscription", subscription)).status_code == 405


async def test_an_interaction_that_no_type_declares_is_refused(locality: Locality) -> None:
    trust = await locality.agency("trust")
    assert {await tried(trust, kind["type"], "history-type") for kind in await kinds(locality)} <= {404, 405}


@pytest.mark.parametrize("kind", ["Parameters", "Resource", "DomainResource", "Nonsense"])
async def test_a_type_that_is_not_declared_is_not_served(locality: Locality, kind: str) -> None:
    trust = await locality.agency("trust")
    assert kind not in {each["type"] for each in await kinds(locality)}
    assert [await tried(trust, kind, code) for code in ("read", "search-type", "create", "update")] == [404] * 4
    assert [(await trust.send(each, f"{kind}?_id=x", {"resourceType": kind})).status_code for each in ("PUT", "DELETE")] == [
        404
    ] * 2


@pytest.mark.parametrize("call", ["GET _history", "GET ?_type=Task"])
async def test_what_the_base_does_not_declare_is_refused(locality: Locality, call: str) -> None:
    answer = await (await locality.agency("trust")).send(*call.split(" "))
    assert answer.status_code in (404, 405)


async def test_conditional_writes_are_declared_where_they_are_served(locality: Locality) -> None:
    """400 for a search by nothing where there are some, else 405."""
    trust = await locality.agency("trust")
    for kind in await kinds(locality):
        told = (kind["conditionalUpdate"], kind["conditionalDelete"])
        update = await trust.send("PUT", kind["type"], {"resourceType": kind["type"]})
        delete = await trust.send("DELETE", kind["type"])
        assert ((update.status_code, delete.status_code), told) == (
            (400 if "update" in codes(kind) else 405, 400 if "delete" in codes(kind) else 405),
            ("update" in codes(kind), "single" if "delete" in codes(kind) else "not-supported"),
        )


async def test_every_search_parameter_that_is_declared_is_searched_by(locality: Locality) -> None:
    """Of every type, and none that is not declared."""
    trust = await locality.agency("trust")
    refused = []
    for kind in await kinds(locality):
        for each in kind["searchParam"]:
            answer = await trust.get(f"{kind['type']}?{each['name']}={VALUES.get(each['type'], 'x')}&_summary=count")
            refused += [(kind["type"], each["name"])] if answer.status_code != 200 else []
        assert (await trust.get(f"{kind['type']}?undeclared=x")).status_code == 400
    assert refused == []


@pytest.mark.parametrize(("member", "parameter"), [("searchInclude", "_include"), ("searchRevInclude", "_revinclude")])
async def test_every_include_that_is_declared_is_taken(locality: Locality, member: str, parameter: str) -> None:
    """Of every type, in searches that find nothing."""
    trust = await locality.agency("trust")
    for kind in await kinds(locality):
        for at in range(0, len(listed := kind.get(member, [])), 50):
            more = "".join(f"&{parameter}={value}" for value in listed[at : at + 50])
            assert (await trust.get(f"{kind['type']}?_id=none{more}")).status_code == 200, kind["type"]
        assert (await trust.get(f"{kind['type']}?_id=none&{parameter}={kind['type']}:undeclared")).status_code == 400


async def test_an_update_must_name_its_version_where_that_is_declared(locality: Locality) -> None:
    """428 without If-Match, and nowhere else."""
    versioned = {kind["type"] for kind in await kinds(locality) if kind["versioning"] == "versioned-update"}
    assert versioned == CONDITIONAL
    trust = await locality.agency("trust")
    draft = await trust.created(locality.plan(status="draft"))
    assert (await trust.send("PUT", f"CarePlan/{draft['id']}", draft)).status_code == 428
    basic = await trust.created({"resourceType": "Basic", "code": {"text": "x"}})
    assert (await trust.send("PUT", f"Basic/{basic['id']}", basic)).status_code == 200


async def test_every_canonical_that_is_declared_is_here(locality: Locality) -> None:
    """Our profiles and operations can be read by the canonicals that the statement names."""
    trust = await locality.agency("trust")
    for kind in await kinds(locality):
        operations = [each["definition"] for each in kind["operation"] if each["name"] != "validate"]
        named = {"StructureDefinition": kind.get("supportedProfile", []), "OperationDefinition": operations}
        for type_, urls in named.items():
            for url in urls:
                found = (await trust.get(f"{type_}?url={url}")).json()
                assert [each["resource"]["url"] for each in found["entry"]] == [url]


async def test_every_operation_that_is_declared_is_served(locality: Locality) -> None:
    """At its level: it answers about its input, and not that there is no such place."""
    trust = await locality.agency("trust")
    for kind in await kinds(locality):
        for each in kind["operation"]:
            found = (await trust.get(f"OperationDefinition?url={each['definition']}")).json().get("entry")
            instance = bool(found) and found[0]["resource"]["instance"]
            path = f"{kind['type']}{'/none' if instance else ''}/${each['name']}"
            answer = await trust.post(path, {"resourceType": "Parameters"})
            assert "There is nothing at this path" not in answer.text, each
            assert answer.status_code not in (405, 500)
