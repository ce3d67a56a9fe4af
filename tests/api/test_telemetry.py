"""What operators are told of requests: a line each, and counts; never who or what a request was about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from prometheus_client import REGISTRY
from starlette.routing import Mount, Router

from service import clock
from service.api import health
from service.api.edge import UUID, Edge
from service.api.route import Route
from service.api.telemetry import Telemetry, route_of
from service.app import application
from service.cli import logs
from service.settings import Settings
from service.store.mongo import Mongo
from tests.fakes.smart import BACK, Smart
from tests.locality import Locality


def edge(locality: Locality) -> Any:
    """The Edge that the tests' client talks to."""
    transport: Any = locality.http._transport
    app = transport.app
    return app.middleware_stack or app.build_middleware_stack()


async def lines(locality: Locality, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines written since the last time."""
    edge(locality).telemetry.flush()
    return [json.loads(each) for each in capsys.readouterr().err.splitlines()]


async def test_a_request_is_one_line(locality: Locality, capsys: pytest.CaptureFixture[str]) -> None:
    trust = await locality.agency("trust")
    await lines(locality, capsys)
    given = clock.new_id()
    await trust.get(locality.person, X_Request_Id=given)
    (line,) = [each for each in await lines(locality, capsys) if each.get("request_id") == given]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/fhir/Patient/{id}", 200)
    assert line["agency"] == "Organization/trust"
    assert line["client"].startswith("trust-")
    assert line["ms"] >= 0


@pytest.mark.parametrize("path", ["Patient?name=Secretname", "Secretname/Secretname", "Patient/Secretname/_history/Secretname"])
async def test_a_line_tells_nothing_of_what_was_asked(locality: Locality, capsys: pytest.CaptureFixture[str], path: str) -> None:
    """Neither a query, nor an id, nor a path that there is not."""
    trust = await locality.agency("trust")
    await trust.get(path)
    edge(locality).telemetry.flush()
    assert "Secretname" not in capsys.readouterr().err


@pytest.mark.parametrize("given", ["Secretname", "Secretname/9434765919", "9434765919", "0c5fb4a8-6c0f-4d6a-9f0c-Secretname01"])
async def test_an_id_that_may_be_a_name_is_not_told(locality: Locality, capsys: pytest.CaptureFixture[str], given: str) -> None:
    """The client gets it back, and the log has an id of ours."""
    trust = await locality.agency("trust")
    await lines(locality, capsys)
    answer = await trust.get(locality.person, X_Request_Id=given)
    (line,) = [each for each in await lines(locality, capsys) if each.get("event") == "request"]
    assert answer.headers["x-request-id"] == given
    assert UUID.fullmatch(line["request_id"])


async def test_a_fault_quotes_the_id_that_the_log_has(capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError

    logs.configure("info")
    transport = ASGITransport(Edge(broken, 1000), raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://x") as http:
        answer = await http.get("/", headers={"X-Request-Id": "Secretname"})
    (line,) = [json.loads(each) for each in capsys.readouterr().err.splitlines()]
    assert line["request_id"] in answer.json()["issue"][0]["diagnostics"]
    assert UUID.fullmatch(line["request_id"])


@pytest.mark.parametrize("path", ["/auth/Secretname", "/auth/people/Secretname", "/fhir/Patient/a/b/Secretname", "/Secretname"])
async def test_a_path_of_no_route_is_told_as_that(locality: Locality, capsys: pytest.CaptureFixture[str], path: str) -> None:
    """Below the authorization server, too; and a stranger adds no label to the metrics."""
    await lines(locality, capsys)
    assert (await locality.http.get(path)).status_code == 404
    assert [each["route"] for each in await lines(locality, capsys)] == ["unrouted"]
    assert "Secretname" not in (await locality.http.get("/metrics")).text


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("Patient/P", "/fhir/Patient/{id}"),
        ("Patient/fhir/_history/Patient", "/fhir/Patient/{id}/_history/{vid}"),
        ("Patient/id/$access-history", "/fhir/Patient/{id}/$access-history"),
        ("Patient/Patient/_history", "/fhir/Patient/{id}/_history"),
    ],
)
async def test_an_id_is_left_out_whatever_it_is(
    locality: Locality, capsys: pytest.CaptureFixture[str], path: str, route: str
) -> None:
    trust = await locality.agency("trust")
    await lines(locality, capsys)
    await trust.get(path)
    assert [each["route"] for each in await lines(locality, capsys) if each.get("event") == "request"] == [route]


async def test_a_route_under_another_path_is_told_whole(locality: Locality, capsys: pytest.CaptureFixture[str]) -> None:
    await lines(locality, capsys)
    await locality.http.get("/auth/jwks")
    assert [each["route"] for each in await lines(locality, capsys)] == ["/auth/jwks"]


def test_every_route_says_what_it_is(locality: Locality) -> None:
    """One that did not would be told as none."""
    app: Any = locality.http._transport
    found = [inner for each in app.app.router.routes for inner in (each.routes if isinstance(each, Mount) else [each])]
    assert [each for each in [*found, *health.waiting()] if not isinstance(each, Route)] == []


async def test_metrics_tell_requests_decisions_and_what_waits(locality: Locality) -> None:
    trust, housing = await locality.agency("trust"), await locality.agency("housing")
    await trust.get(locality.person)
    assert (await housing.get(locality.person)).status_code == 404
    text = (await locality.http.get("/metrics")).text
    assert 'baton_request_seconds_count{method="GET",route="/fhir/Patient/{id}",status="404"}' in text
    assert 'baton_decisions_total{layer="custodian",permitted="true"}' in text
    assert 'baton_decisions_total{layer="L0",permitted="false"}' in text
    assert 'baton_refusals_total{kind="absent"}' in text
    for name in ("timers_due", "notices_waiting", "commits_waiting", "ledger_seal", "ledger_seal_age_seconds"):
        assert f"\nbaton_{name} " in text
    assert locality.person.partition("/")[2] not in text


@pytest.mark.parametrize(("level", "told"), [("debug", True), ("info", True), ("warning", False)])
async def test_lines_are_told_at_their_level(capsys: pytest.CaptureFixture[str], level: str, told: bool) -> None:
    telemetry = Telemetry(lines=Settings(log_level=level).log_level in ("debug", "info"))
    telemetry.answered({"method": "GET", "path": "/", "state": {"logged_id": "r"}}, 200, 0.1)
    telemetry.flush()
    assert bool(capsys.readouterr().err) is told


def test_a_path_of_no_route_is_not_told() -> None:
    assert route_of({"path": "/fhir/Somebody's name"}) == "unrouted"


def told(telemetry: Telemetry, method: str) -> None:
    telemetry.answered({"method": method, "path": "/", "state": {"logged_id": "r"}}, 405, 0.1)


def test_a_method_that_nobody_knows_takes_no_room() -> None:
    """A client may make up any number of them: they are counted, and kept, as one."""
    telemetry = Telemetry(lines=False)
    for number in range(50):
        told(telemetry, f"M{number}")
    assert {method for method, _, _ in telemetry._children} == {"OTHER"}


async def test_the_last_lines_are_told_when_the_service_ends(
    fresh_mongo: Mongo, mongod: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that wait as it ends, too."""
    settings = Settings(data=tmp_path, mongodb_database=fresh_mongo.database.name)
    app = application(settings, "http://127.0.0.1:1", mongod)
    async with app.router.lifespan_context(app):
        told(app.state.telemetry, "GET")
        capsys.readouterr()
    assert [json.loads(each)["event"] for each in capsys.readouterr().err.splitlines()] == ["request"]


CLIENT = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "wrong"}


@pytest.mark.parametrize(
    ("path", "form", "kind"),
    [
        ("token", CLIENT, "token"),
        ("introspect", {**CLIENT, "token": "x"}, "token"),
        ("revoke", {**CLIENT, "token": "x"}, "token"),
        ("token", {"grant_type": "password"}, "malformed"),
        ("launch", {"client_id": "nobody"}, "token"),
        ("logout", {}, "forbidden"),
        ("login", {"username": "somebody"}, "forbidden"),
    ],
)
async def test_a_refusal_of_the_authorization_server_is_counted(
    locality: Locality, capsys: pytest.CaptureFixture[str], path: str, form: dict[str, str], kind: str
) -> None:
    """As any other, and its line says so."""
    await lines(locality, capsys)
    before = counted(kind)
    assert (await locality.http.post(f"/auth/{path}", data=form or {"x": "y"})).status_code >= 400
    assert counted(kind) == before + 1
    assert [each.get("refusal") for each in await lines(locality, capsys) if each["event"] == "request"] == [kind]


def counted(kind: str) -> float:
    """How many refusals of a kind were counted."""
    return REGISTRY.get_sample_value("baton_refusals_total", {"kind": kind}) or 0


async def test_who_is_sent_back_with_an_error_is_counted(smart: Smart) -> None:
    """The app is told by a redirect, and the operator all the same."""
    telemetry = Telemetry(lines=False)
    asked = {"client_id": "app", "redirect_uri": BACK, "response_type": "code", "scope": "nothing", "state": "s"}
    before = counted("scope") + counted("malformed")
    async with AsyncClient(transport=ASGITransport(Edge(smart.app, 1000, telemetry)), base_url="https://baton.test") as http:
        answer = await http.get("/auth/authorize", params=asked)
    assert (answer.status_code, "error=" in answer.headers["location"]) == (303, True)
    assert counted("scope") + counted("malformed") == before + 1


async def test_what_waits_for_its_database_is_counted() -> None:
    """Every request until then."""
    before = counted("unavailable")
    app = Edge(Router(routes=health.waiting()), 1000)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as http:
        answer = await http.get("/fhir/Patient")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert counted("unavailable") == before + 1
