"""The setting that trusts external issuers, and wording of scopes for people."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}x",
        "[1]",
        '[{"issuer": "https://idp.test"}]',
        '[{"issuer": "https://idp.test", "audiences": []}]',
        '[{"issuer": "https://idp.test", "audiences": ["x"], "algorithms": ["HS256"]}]',
        '[{"issuer": "https://idp.test", "audiences": ["x"], "algorithms": ["none"]}]',
    ],
)
def test_a_setting_that_would_trust_too_much_or_nothing_is_refused(text: str) -> None:
    assert isinstance(configured(text), Problem)


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
