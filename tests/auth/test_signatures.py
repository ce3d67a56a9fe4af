"""Signed JWTs: reading them never raises, and only one registered key counts."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.auth.signatures import Signed, Unsigned, new_signing_key, public_part, sign, verified
from tests.fakes.smart import assertion, key, public

KEY = key()
TEXT = assertion("robot", KEY)
anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), st.lists, max_leaves=4)
headers = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jku", "jwk", "crit", "b64", "x"]), anything)


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_a_signature_under_the_registered_key_holds() -> None:
    found = verified(TEXT, [public(KEY)])
    assert isinstance(found, Signed)
    assert found.claims["iss"] == "robot"


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    assert isinstance(verified(text, [public(KEY)]), Unsigned)


@given(headers, anything)
def test_any_header_and_payload_are_read_without_an_exception(header: dict[str, Any], payload: object) -> None:
    text = f"{encoded(header)}.{encoded(payload)}.{TEXT.split('.')[2]}"
    assert isinstance(verified(text, [public(KEY)]), Unsigned)


@given(st.lists(st.dictionaries(st.sampled_from(["kty", "kid", "crv", "x", "y", "n", "e", "use"]), anything), max_size=3))
def test_any_registered_keys_are_read_without_an_exception(keys: list[dict[str, Any]]) -> None:
    assert isinstance(verified(TEXT, keys), Unsigned)


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("AZaz09-_."))
def test_no_changed_character_goes_unnoticed(place: int, character: str) -> None:
    changed = TEXT[:place] + character + TEXT[place + 1 :]
    found = verified(changed, [public(KEY)])
    assert changed == TEXT or isinstance(found, Unsigned)


@pytest.mark.parametrize("keys", [[], [public(KEY), public(KEY)], [{**public(KEY), "use": "enc"}]])
def test_not_exactly_one_key_is_none(keys: list[dict[str, Any]]) -> None:
    assert isinstance(verified(TEXT, keys), Unsigned)


def test_an_algorithm_that_is_not_listed_is_refused() -> None:
    assert isinstance(verified(TEXT, [public(KEY)], ["RS384"]), Unsigned)


def test_our_own_key_signs_what_its_public_part_verifies() -> None:
    mine = new_signing_key("k")
    assert isinstance(verified(sign({"a": 1}, mine), [public_part(mine)]), Signed)
