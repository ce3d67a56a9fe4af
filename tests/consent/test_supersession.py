"""Which Consent a later one replaces (consent rules, section 3): one that names the very same, whatever it says of it."""

from __future__ import annotations

from typing import Any

import pytest

from service.consent.supersession import supersession_key

BASE = "https://us.example/fhir"
Json = dict[str, Any]


def coding(code: str) -> Json:
    return {"system": "urn:s", "code": code}


def consent(provision: Json | None = None, **more: Any) -> Json:
    """A Consent that names one of everything."""
    whole = {
        "type": "deny",
        "period": {"start": "2026-01-01", "end": "2026-02-01"},
        "actor": [{"role": {"coding": [coding("IRCP")]}, "reference": {"reference": "Organization/a"}}],
        "action": [{"coding": [coding("access")]}],
        "securityLabel": [coding("R")],
        "purpose": [coding("TREAT")],
        "class": [coding("Observation")],
        "code": [{"coding": [coding("c")]}],
        "dataPeriod": {"start": "2026-03-01", "end": "2026-04-01"},
        "data": [{"meaning": "instance", "reference": {"reference": "Observation/1"}}],
    }
    return {
        "patient": {"reference": "Patient/p"},
        "organization": [{"reference": "Organization/trust"}],
        "policy": [{"authority": "x"}, {"uri": "urn:policy"}],
        "policyRule": {"coding": [coding("OPTIN")]},
        "category": [{"coding": [coding("59284-0")]}],
        "provision": {**whole, **(provision or {})},
        **more,
    }


def differs(one: Json, other: Json) -> bool:
    return supersession_key(one, BASE) != supersession_key(other, BASE)


@pytest.mark.parametrize(
    "other",
    [
        consent(patient={"reference": "Patient/q"}),
        consent(organization=[{"reference": "Organization/other"}]),
        consent(organization=[]),
        consent(policy=[{"uri": "urn:other"}]),
        consent(policy=[]),
        consent(policyRule={"coding": [coding("OPTOUT")]}),
        consent(policyRule=None),
        consent(category=[{"coding": [coding("other")]}]),
        consent({"actor": [{"reference": {"reference": "Organization/b"}}]}),
        consent({"action": [{"coding": [coding("use")]}]}),
        consent({"securityLabel": [coding("N")]}),
        consent({"purpose": [coding("HRESCH")]}),
        consent({"class": [coding("Condition")]}),
        consent({"code": [{"coding": [coding("d")]}]}),
        consent({"period": {"start": "2026-01-02", "end": "2026-02-01"}}),
        consent({"period": {"start": "2026-01-01", "end": "2026-02-02"}}),
        consent({"period": {"start": "2026-01-01"}}),
        consent({"period": {"end": "2026-02-01"}}),
        consent({"dataPeriod": {"start": "2026-03-01"}}),
        consent({"dataPeriod": {"start": "2026-03-02", "end": "2026-04-01"}}),
        consent(
            {"period": {"start": "2026-03-01", "end": "2026-04-01"}, "dataPeriod": {"start": "2026-01-01", "end": "2026-02-01"}}
        ),
        consent({"data": [{"meaning": "related", "reference": {"reference": "Observation/1"}}]}),
        consent({"data": [{"meaning": "instance", "reference": {"reference": "Observation/2"}}]}),
        consent({"provision": [{"type": "permit", "code": [{"coding": [coding("nested")]}]}]}),
    ],
)
def test_a_consent_that_names_something_else_replaces_nothing(other: Json) -> None:
    assert differs(consent(), other)


@pytest.mark.parametrize(
    "other",
    [
        consent({"type": "permit"}),
        consent(status="inactive", dateTime="2026-06-01"),
        consent(patient={"reference": f"{BASE}/Patient/p"}),
        consent(organization=[{"reference": f"{BASE}/Organization/trust/_history/2"}]),
        consent({"actor": [{"role": {"coding": [coding("PRCP")]}, "reference": {"reference": f"{BASE}/Organization/a"}}]}),
        consent({"data": [{"meaning": "instance", "reference": {"reference": f"{BASE}/Observation/1"}}]}),
        consent({"purpose": [coding("TREAT"), coding("TREAT")]}),
    ],
)
def test_what_a_consent_says_and_how_it_writes_it_is_no_part_of_the_key(other: Json) -> None:
    assert not differs(consent(), other)


def test_the_order_in_which_things_are_named_is_no_part_of_the_key() -> None:
    one, other = coding("TREAT"), coding("HPAYMT")
    assert not differs(consent({"purpose": [one, other]}), consent({"purpose": [other, one]}))


def test_an_open_end_is_no_word_of_its_own() -> None:
    """A Period without an end is that of one with an empty end, and of no other text."""
    open_ = consent({"period": {"start": "2026"}})
    assert not differs(open_, consent({"period": {"start": "2026", "end": ""}}))
    assert not differs(consent({"period": {"end": "2026"}}), consent({"period": {"start": "", "end": "2026"}}))


def test_an_absolute_reference_is_ours_only_under_our_base() -> None:
    absolute = consent(patient={"reference": f"{BASE}/Patient/p"})
    assert supersession_key(absolute) != supersession_key(consent())


@pytest.mark.parametrize("patient", [None, {}, {"display": "x"}])
def test_a_consent_of_nobody_has_no_key(patient: object) -> None:
    assert supersession_key({"patient": patient, "provision": {}}) == ""


def test_two_agencies_that_spell_names_alike_in_other_scripts_have_one_key() -> None:
    """The key is of ASCII, whatever is in it, so that every machine makes the same."""
    key = supersession_key(consent(category=[{"coding": [coding("ä")]}]))
    assert (len(key), key.isascii(), key) == (64, True, supersession_key(consent(category=[{"coding": [coding("ä")]}])))
