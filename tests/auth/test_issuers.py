"""The setting that trusts external issuers, and wording of scopes for people."""

from __future__ import annotations

import json

import pytest

from service.auth.issuers import Issuer, configured
from service.auth.issuers import _patient as named
from service.auth.scopes import Scopes, parse
from service.auth.wording import lines
from service.problem import Problem

ISSUER = '[{"issuer": "https://idp.test", "audiences": ["x"], "algorithms": ["RS256"]}]'


def test_no_setting_trusts_nobody() -> None:
    assert configured("") == ()


def test_an_issuer_is_read_with_its_claim_names() -> None:
    text = '[{"issuer": "https://idp.test", "audiences": ["x"], "algorithms": ["RS256"], "claims": {"client": "azp"}}]'
    found = configured(text)
    assert isinstance(found, tuple)
    assert isinstance(found[0], Issuer)
    assert (found[0].issuer, found[0].claim("client"), found[0].claim("scope")) == ("https://idp.test", "azp", "scope")


GOOD = {"issuer": "https://idp.test", "audiences": ["x"]}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("{", "`BATON_ISSUERS`"),
        ("[]x", "malformed"),
        ({}, "array"),
        (None, "array"),
        ([1], "$[0]"),
        ([{"issuer": "https://idp.test"}], "audiences"),
        ([{"audiences": ["x"]}], "issuer"),
        ([GOOD, {**GOOD, "issuer": 7}], "$[1].issuer"),
        ([{**GOOD, "issuer": ""}], "$[0].issuer"),
        ([{**GOOD, "audiences": []}], "$[0].audiences"),
        ([{**GOOD, "audiences": "x"}], "$[0].audiences"),
        ([{**GOOD, "jwks_url": None}], "$[0].jwks_url"),
        ([{**GOOD, "jwks_uri": "https://idp.test/keys"}], "jwks_uri"),
        ([{**GOOD, "types": []}], "$[0].types"),
        ([{**GOOD, "claims": ["client"]}], "$[0].claims"),
        ([{**GOOD, "claims": {"organisation": "org"}}], "claims"),
        ([{**GOOD, "algorithms": ["HS256"]}], "https://idp.test"),
        ([{**GOOD, "algorithms": ["none"]}], "https://idp.test"),
    ],
)
def test_a_setting_that_would_trust_too_much_or_nothing_is_refused(given: object, named: str) -> None:
    """With the member that does not hold."""
    found = configured(given if isinstance(given, str) else json.dumps(given))
    assert isinstance(found, Problem)
    assert "`BATON_ISSUERS`" in str(found)
    assert named in str(found)


def test_scopes_are_said_in_plain_words() -> None:
    held = parse("offline_access patient/CarePlan.rs?category=http://snomed.info/sct|736253002 user/*.cruds")
    assert isinstance(held, Scopes)
    assert lines(held) == (
        "keep this access when you are not using it, until you or this service end it",
        "read and search care plans of the chosen person, only with category “crisis plan”",
        "read, search, add, change and delete all records of everybody whose records you may see",
    )


@pytest.mark.parametrize("said", ["p", "Patient/p", "https://here.test/fhir/Patient/p", "HTTPS://here.test:443/fhir/Patient/p"])
def test_a_claim_names_the_patient_by_id_reference_or_url(said: str) -> None:
    issuer = configured(ISSUER)
    assert isinstance(issuer, tuple)
    assert named({"patient": said}, issuer[0], "https://here.test/fhir") == "Patient/p"
