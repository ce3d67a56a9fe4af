"""The CapabilityStatement and the SMART configuration, which anyone may read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.routing import Route

from service.usecases.rules import WITHOUT
from tests.locality import BASE, Locality

INTERACTIONS = {
    ("GET", "/fhir/{type}/{id}"): "read",
    ("PUT", "/fhir/{type}/{id}"): "update",
    ("DELETE", "/fhir/{type}/{id}"): "delete",
    ("GET", "/fhir/{type}/{id}/_history"): "history-instance",
    ("GET", "/fhir/{type}/{id}/_history/{vid}"): "vread",
    ("GET", "/fhir/{type}"): "search-type",
    ("POST", "/fhir/{type}/_search"): "search-type",
    ("POST", "/fhir/{type}"): "create",
    ("PUT", "/fhir/{type}"): "update",
    ("DELETE", "/fhir/{type}"): "delete",
    ("PATCH", "/fhir/{type}/{id}"): "patch",
    ("POST", "/fhir"): "transaction",
    ("POST", "/fhir/"): "transaction",
}
"""What each route is in the words of R4's restful interactions."""
UNLISTED = frozenset({"/fhir/metadata", "/fhir/.well-known/smart-configuration"})


def routes(locality: Locality) -> list[tuple[str, str]]:
    """Method and path of every route under the FHIR base, as the application has them."""
    transport: Any = locality.http._transport
    app = transport.app
    found = [each for each in app.router.routes if isinstance(each, Route) and each.path.startswith("/fhir")]
    plain = [(each.methods or set(), re.sub(r":\w+}", "}", each.path)) for each in found if each.path not in UNLISTED]
    return [(method, path) for methods, path in plain for method in sorted(methods - {"HEAD"})]


async def statement(locality: Locality) -> Any:
    """The CapabilityStatement."""
    answer = await locality.anonymous().get("metadata")
    assert answer.status_code == 200
    return answer.json()


async def test_metadata_needs_no_token(locality: Locality) -> None:
    """It says FHIR 4.0.1 in JSON at this base."""
    said = await statement(locality)
    assert (said["fhirVersion"], said["implementation"]["url"]) == ("4.0.1", f"{BASE}/fhir")
    assert "application/fhir+json" in said["format"]


async def test_metadata_is_valid(locality: Locality) -> None:
    """By our own validator."""
    issues = locality.built.services.validator.check(await statement(locality))
    assert [issue for issue in issues if issue.severity == "error"] == []


async def test_metadata_carries_the_oauth_uris(locality: Locality) -> None:
    """The Python `fhirclient` finds the token endpoint nowhere else."""
    security = (await statement(locality))["rest"][0]["security"]
    extension = next(each for each in security["extension"] if "oauth-uris" in each["url"])
    uris = {each["url"]: each["valueUri"] for each in extension["extension"]}
    assert (uris["authorize"], uris["token"]) == (f"{BASE}/auth/authorize", f"{BASE}/auth/token")


def listed(said: Any, method: str, path: str) -> bool:
    """Whether the statement tells of a route."""
    rest = said["rest"][0]
    kinds = rest["resource"]
    if name := path.partition("$")[2]:
        kind = path.split("/")[2]
        offering = [each for each in kinds if kind in ("{type}", each["type"])]
        return bool(offering) and all(name in [operation["name"] for operation in each.get("operation", ())] for each in offering)
    code = INTERACTIONS[method, path]
    if code == "transaction":
        return code in [each["code"] for each in rest["interaction"]]
    return all(
        code in [each["code"] for each in kind["interaction"]] for kind in kinds if code not in WITHOUT.get(kind["type"], ())
    )


async def test_every_route_is_in_the_statement(locality: Locality) -> None:
    """What is mounted is said, by the name R4 has for it."""
    said = await statement(locality)
    assert [(method, path) for method, path in routes(locality) if not listed(said, method, path)] == []


async def test_every_interaction_in_the_statement_has_a_route(locality: Locality) -> None:
    """And nothing else is said."""
    rest = (await statement(locality))["rest"][0]
    said = {each["code"] for kind in rest["resource"] for each in kind["interaction"]}
    assert said == {INTERACTIONS[route] for route in routes(locality) if route in INTERACTIONS} - {"transaction"}
    assert {each["code"] for each in rest["interaction"]} == {"batch", "transaction"}


async def test_every_type_is_listed(locality: Locality) -> None:
    """Every R4 resource type can be stored."""
    listed = {each["type"] for each in (await statement(locality))["rest"][0]["resource"]}
    stored = {each for each in locality.built.services.definitions.types if each not in ("Resource", "DomainResource")}
    assert listed >= stored - {"Parameters"}


@pytest.mark.parametrize("path", ["metadata", ".well-known/smart-configuration"])
async def test_what_anyone_may_read_may_be_kept(locality: Locality, path: str) -> None:
    """It holds no patient data."""
    answer = await locality.anonymous().get(path)
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_the_smart_configuration_names_endpoints_of_this_base(locality: Locality) -> None:
    """SMART App Launch 2.2."""
    said = (await locality.anonymous().get(".well-known/smart-configuration")).json()
    assert said["token_endpoint"] == f"{BASE}/auth/token"
    assert "S256" in said["code_challenge_methods_supported"]


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_the_front_page_says_where_to_go(locality: Locality, path: str) -> None:
    """To anybody, and each of its links leads somewhere."""
    answer = await locality.http.get(path)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/html")
    links = re.findall(r'href="(/[^"]*)"', answer.text)
    assert {"/fhir/metadata", "/fhir/.well-known/smart-configuration", "/health/ready"} <= set(links)
    assert [link for link in links if (await locality.http.get(link)).status_code != 200] == []
