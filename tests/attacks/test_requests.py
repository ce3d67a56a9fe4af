"""Attack list, requests (security rules, section 3): forged headers and active content change and run nothing."""

from __future__ import annotations

import pytest

from tests.attacks.callers import alike, stranger
from tests.attacks.records import observation
from tests.locality import Locality


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
async def test_a_method_override_is_ignored(locality: Locality, name: str) -> None:
    """A GET stays a GET."""
    trust = await locality.agency("trust")
    made = await trust.created(observation(locality.person))
    assert (await trust.get(f"Observation/{made['id']}", **{name: "DELETE"})).status_code == 200
    assert (await trust.get(f"Observation/{made['id']}")).status_code == 200


FORGED = {
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "Forwarded": "for=127.0.0.1;host=evil.example",
    "X-Original-URL": "/fhir/metadata",
    "X-Forwarded-User": "PractitionerRole/trust-lead",
    "NHSD-Session-URID": "trust-lead",
    "NHSD-Identity-UUID": "trust-lead",
    "NHSD-End-User-Organisation-ODS": "trust",
    "X-Organization": "Organization/trust",
    "Host": "evil.example",
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_header_changes_nothing(locality: Locality, name: str) -> None:
    """Who asks is the token's alone, and the service's URLs are its own."""
    trust, housing = await locality.agency("trust"), await stranger(locality)
    made = await trust.created(observation(locality.person), **{name: FORGED[name]})
    answers = [await housing.get(f"Observation/{made['id']}", **each) for each in ({}, {name: FORGED[name]})]
    listed = await trust.get(f"Observation?_id={made['id']}", **{name: FORGED[name]})
    assert alike(*answers)
    assert "evil.example" not in listed.text


SCRIPTS = [
    "<script>x()</script>",
    "<p onclick='x()'>x</p>",
    "<a href='javascript:x()'>x</a>",
    "<iframe src='https://evil.example'/>",
    "<img src='https://evil.example/x.png' onerror='x()'/>",
    "<style>@import 'https://evil.example'</style>",
    "<object data='x'/>",
    "<form action='https://evil.example'><input/></form>",
    "<svg onload='x()'/>",
]


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_narrative_with_active_content_is_refused(locality: Locality, script: str) -> None:
    """txt-1: XHTML that formats, and nothing that runs or fetches."""
    trust = await locality.agency("trust")
    text = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{script}</div>'}
    assert (await trust.post("Observation", observation(locality.person, text=text))).status_code == 422


@pytest.mark.parametrize(
    "div", ['<!DOCTYPE d [<!ENTITY x "y">]><div xmlns="http://www.w3.org/1999/xhtml">&x;</div>', "<div>&xxe;</div>", "<div>"]
)
async def test_a_narrative_with_entities_is_refused(locality: Locality, div: str) -> None:
    """XML entities are not expanded."""
    trust = await locality.agency("trust")
    answer = await trust.post("Observation", observation(locality.person, text={"status": "generated", "div": div}))
    assert answer.status_code == 422
