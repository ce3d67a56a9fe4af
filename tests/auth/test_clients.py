"""Registrations: what can be registered, and what is refused with which reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.auth.clients import Client, checked, digest
from service.problem import Problem
from tests.fakes.smart import key, public

APP = Client("app", "Organization/trust", "patient/*.rs", "none", redirect_uris=("https://app.test/back",))
ROBOT = Client("robot", "Organization/trust", "system/*.rs", "private_key_jwt", jwks={"keys": [public(key())]})


@pytest.mark.parametrize("client", [APP, ROBOT], ids=["app", "robot"])
def test_a_right_registration_is_taken_as_it_is(client: Client) -> None:
    assert checked(client) is client


@pytest.mark.parametrize(
    ("client", "reason"),
    [
        (replace(APP, id=""), "Client id"),
        (replace(APP, id="../x"), "Client id"),
        (replace(APP, organization="Practitioner/1"), "Organization"),
        (replace(APP, scope="patient/x"), "form"),
        (replace(APP, scope=""), "at least one scope"),
        (replace(APP, scope="email patient/*.rs"), "`email`"),
        (replace(APP, scope="system/*.rs"), "public client"),
        (replace(APP, redirect_uris=()), "redirect URI"),
        (replace(APP, purposes=("nice",)), "v3-ActReason"),
        (replace(ROBOT, jwks={"keys": []}), "no `keys`"),
        (replace(ROBOT, jwks={"keys": [key()]}), "private"),
        (replace(ROBOT, jwks={"keys": [{"kty": "oct", "k": "AA", "kid": "1"}]}), "symmetric"),
        (replace(ROBOT, jwks={"keys": [{**public(key()), "kid": ""}]}), "`kid`"),
        (replace(ROBOT, jwks={"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "1"}]}), "2048"),
        (replace(ROBOT, jwks=None, jwks_url="file:///etc/passwd"), "https"),
    ],
)
def test_a_registration_that_would_not_hold_is_refused_with_its_reason(client: Client, reason: str) -> None:
    found = checked(client)
    assert isinstance(found, Problem)
    assert reason in str(found)


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.test/back",
        "https://*.app.test/back",
        "https://app.test/back#x",
        "https://app.test/ back",
        "https://user@app.test/back",
        "https://app.test;script-src/back",
        "https:///back",
        "javascript:alert(1)",
        "data:text/html,x",
        "back",
    ],
)
def test_a_redirect_uri_that_could_lead_elsewhere_is_refused(uri: str) -> None:
    assert isinstance(checked(replace(APP, redirect_uris=(uri,))), Problem)


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:8080/back", "http://localhost/back", "uk.nhs.app:/back", "https://a.test/b?c=d"]
)
def test_apps_on_this_machine_and_on_phones_can_be_registered(uri: str) -> None:
    assert not isinstance(checked(replace(APP, redirect_uris=(uri,))), Problem)


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = checked(replace(APP, id="", organization="", scope=""))
    assert isinstance(found, Problem)
    assert len(found.issues) == 3


def test_a_client_without_a_secret_has_none_that_could_be_right() -> None:
    assert not APP.check_client_secret("")


def test_a_secret_holds_under_its_digest() -> None:
    assert replace(APP, method="client_secret", secret=digest("s")).check_client_secret("s")
