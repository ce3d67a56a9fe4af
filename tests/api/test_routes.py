"""Every route over HTTP: who must log in, what a scope opens, and what is no route."""

from __future__ import annotations

import pytest

from tests.api.notes import observation
from tests.locality import Locality

ROUTES = [
    ("GET", "Observation/x"),
    ("HEAD", "Observation/x"),
    ("GET", "Observation/x/_history/1"),
    ("GET", "Observation/x/_history"),
    ("GET", "Observation"),
    ("POST", "Observation/_search"),
    ("POST", "Observation"),
    ("PUT", "Observation/x"),
    ("DELETE", "Observation/x"),
    ("PATCH", "Observation/x"),
    ("PUT", "Observation?_id=x"),
    ("DELETE", "Observation?_id=x"),
    ("POST", "Observation/$validate"),
    ("POST", ""),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_an_anonymous_request_is_asked_to_log_in(locality: Locality, method: str, path: str) -> None:
    """Security rules, section 2: 401 with the realm alone, and an OperationOutcome `login`."""
    answer = await locality.anonymous().send(method, path, {"resourceType": "Observation"} if method in ("POST", "PUT") else None)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="baton"'
    if method != "HEAD":
        assert [issue["code"] for issue in answer.json()["issue"]] == ["login"]


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[1]])
async def test_a_scope_of_another_type_is_not_enough(locality: Locality, method: str, path: str) -> None:
    """403 insufficient_scope, whether or not the record exists."""
    agency = await locality.agency("trust", "system/Condition.cruds")
    body = {**observation(locality.person), "id": "x"} if method in ("POST", "PUT", "PATCH") else None
    form = "application/x-www-form-urlencoded" if path.endswith("_search") else ""
    media = {"Content_Type": "application/json-patch+json" if method == "PATCH" else form} if form or method == "PATCH" else {}
    answer = await agency.send(method, path, None if form else body, **media)
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == 'Bearer realm="baton", error="insufficient_scope"'
    if method != "HEAD":
        assert [issue["code"] for issue in answer.json()["issue"]] == ["forbidden"]


@pytest.mark.parametrize("path", ["Nonsense/x", "Nonsense", "Nonsense/x/_history", "Nonsense/x/_history/1"])
async def test_an_unknown_type_is_absent(locality: Locality, path: str) -> None:
    """404 naming it."""
    trust = await locality.agency("trust")
    answer = await trust.get(path)
    assert answer.status_code == 404
    assert "`Nonsense`" in answer.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize("path", ["Observation/a_b", "observation/x", "Observation/x/y", "Observation/x/_history/1/2", "../auth"])
async def test_a_path_that_is_none_of_ours_is_an_outcome(locality: Locality, path: str) -> None:
    """404 as an OperationOutcome."""
    answer = await (await locality.agency("trust")).get(path)
    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")


@pytest.mark.parametrize(("method", "path"), [("PATCH", "Observation"), ("PUT", "Observation/x/_history")])
async def test_a_method_without_a_route_is_not_allowed(locality: Locality, method: str, path: str) -> None:
    """405 as an OperationOutcome."""
    answer = await (await locality.agency("trust")).send(method, path)
    assert (answer.status_code, answer.json()["resourceType"]) == (405, "OperationOutcome")


SUBSCRIPTION = {
    "status": "requested",
    "reason": "x",
    "criteria": "Task?status=requested",
    "channel": {"type": "rest-hook", "endpoint": "https://here.example/hook"},
}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "Observation", "DELETE, GET, HEAD, POST, PUT"),
        ("PUT", "Observation/x/_history", "GET, HEAD"),
        ("POST", "Observation/x", "DELETE, GET, HEAD, PATCH, PUT"),
        ("GET", "Task/x/$nonsense", ""),
        ("POST", "Subscription", "DELETE, GET, HEAD"),
        ("GET", "Observation/_search", "POST"),
        ("DELETE", "metadata", "GET, HEAD"),
        ("GET", "http://test/auth/token", "POST"),
    ],
)
async def test_a_refused_method_comes_with_those_that_are_there(locality: Locality, method: str, path: str, allowed: str) -> None:
    """RFC 9110 15.5.6: a 405 has Allow, and only a 405."""
    body = {"resourceType": path, **SUBSCRIPTION} if method == "POST" else None
    answer = await (await locality.agency("trust")).send(method, path, body)
    assert answer.status_code == (405 if allowed else 404)
    assert answer.headers.get("allow", "") == allowed


async def test_a_patch_in_another_form_is_told_the_form_that_is_read(locality: Locality) -> None:
    """RFC 5789 2.2."""
    answer = await (await locality.agency("trust")).send("PATCH", "Observation/x", [])
    assert answer.status_code == 415
    assert answer.headers["accept-patch"] == "application/json-patch+json"
