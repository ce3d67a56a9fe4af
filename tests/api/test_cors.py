"""What a page of another origin may call: an app in a browser starts at the discovery document (SMART App Launch 2.2)."""

from __future__ import annotations

import pytest

from tests.locality import Locality

ORIGIN = {"Origin": "https://app.test"}
OPEN = ["/fhir/.well-known/smart-configuration", "/fhir/metadata", "/fhir/Patient", "/fhir", "/fhir/Task/1", "/cds-services"]
FOR_CLIENTS = ["/auth/token", "/auth/introspect", "/auth/revoke", "/auth/jwks", "/auth/.well-known/openid-configuration"]
ASKED = {**ORIGIN, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,if-match"}


@pytest.mark.parametrize("path", [*OPEN, *FOR_CLIENTS])
async def test_a_preflight_is_answered_without_a_token(locality: Locality, path: str) -> None:
    """A browser sends none with it."""
    answer = await locality.http.options(path, headers=ASKED)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"GET", "POST", "PUT", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "if-match", "if-none-exist", "prefer"} <= set(allowed)


@pytest.mark.parametrize("path", ["/fhir/.well-known/smart-configuration", "/fhir/metadata", "/auth/jwks", "/cds-services"])
async def test_what_anybody_may_read_is_read_by_pages_too(locality: Locality, path: str) -> None:
    answer = await locality.http.get(path, headers=ORIGIN)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


async def test_a_page_sees_the_version_and_the_place_of_what_it_wrote(locality: Locality) -> None:
    trust = await locality.agency("trust")
    answer = await trust.post("Basic", {"resourceType": "Basic", "code": {"text": "x"}}, **ORIGIN)
    shown = answer.headers["access-control-expose-headers"].split(", ")
    assert answer.status_code == 201
    assert {"ETag", "Location", "Last-Modified", "X-Request-Id"} <= set(shown)


@pytest.mark.parametrize(("path", "status"), [("Patient", 401), ("nothing/here/at/all", 404)])
async def test_a_refusal_can_be_read_by_a_page(locality: Locality, path: str, status: int) -> None:
    """Otherwise the app is told of a network error."""
    answer = await locality.anonymous().get(path, **ORIGIN)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, "*")


@pytest.mark.parametrize("path", [*OPEN, *FOR_CLIENTS])
async def test_no_page_is_told_to_send_a_cookie(locality: Locality, path: str) -> None:
    preflight, answer = await locality.http.options(path, headers=ASKED), await locality.http.get(path, headers=ORIGIN)
    assert "access-control-allow-credentials" not in {**preflight.headers, **answer.headers}


@pytest.mark.parametrize("path", ["/auth/authorize", "/auth/login", "/auth/logout", "/auth/launch", "/metrics", "/health/ready"])
async def test_what_reads_a_cookie_answers_no_foreign_page(locality: Locality, path: str) -> None:
    preflight, answer = await locality.http.options(path, headers=ASKED), await locality.http.get(path, headers=ORIGIN)
    assert "access-control-allow-origin" not in {**preflight.headers, **answer.headers}
