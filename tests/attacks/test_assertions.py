"""Attack list, client assertions: what does not prove a client gets no token."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from service import clock
from tests.attacks.robot import KEY, RSA_PUBLIC, claims, encoded, refused
from tests.fakes.smart import ASSERTION, TRUST, Smart, assertion, key, public


async def test_alg_none_is_refused(smart: Smart) -> None:
    assert "signed with one of" in await refused(smart, f"{encoded({'alg': 'none', 'kid': 'k1'})}.{encoded(claims())}.")


async def test_hs256_with_the_public_key_as_secret_is_refused(smart: Smart) -> None:
    pem = RSAKey.import_key(RSA_PUBLIC).as_pem(private=False)
    forged = jwt.encode({"alg": "HS256", "kid": "r1"}, claims(), OctKey.import_key(base64.b64encode(pem)), ["HS256"])
    assert "signed with one of" in await refused(smart, forged)


@pytest.mark.parametrize("header", [{"jwk": public(key("evil"))}, {"x5u": "https://evil.test/c"}, {"x5c": ["AAAA"]}])
async def test_a_key_that_comes_with_the_assertion_is_refused(smart: Smart, header: dict[str, Any]) -> None:
    assert "may not carry keys" in await refused(smart, assertion("robot", KEY, header))


async def test_a_jku_that_is_not_registered_is_refused(smart: Smart) -> None:
    assert "jku" in await refused(smart, assertion("robot", KEY, {"jku": "https://evil.test/jwks"}))


@pytest.mark.parametrize("kid", ["ghost", "../../etc/passwd", "k1' OR '1'='1", "", 7, None])
async def test_a_kid_that_is_not_registered_is_refused(smart: Smart, kid: Any) -> None:
    header = encoded({"alg": "ES384", "typ": "JWT", "kid": kid})
    _, payload, signature = assertion("robot", KEY).split(".")
    await refused(smart, f"{header}.{payload}.{signature}")


async def test_a_key_of_another_type_under_the_same_kid_is_refused(smart: Smart) -> None:
    assert "0 do" in await refused(smart, assertion("robot", {**KEY, "kid": "r1"}))


async def test_another_key_under_a_registered_kid_is_refused(smart: Smart) -> None:
    assert "signature" in await refused(smart, assertion("robot", key("k1")))


async def test_an_algorithm_of_the_key_s_type_but_another_curve_is_refused(smart: Smart) -> None:
    assert "0 do" in await refused(smart, assertion("robot", key("k1", "P-256"), {"alg": "ES256"}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "other"},
        {"sub": "app"},
        {"aud": "https://evil.test/token"},
        {"aud": None},
        {"aud": [{"x": 1}]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1},
        {"exp": True},
        {"exp": float("1e30")},
        {"jti": None},
        {"jti": ""},
        {"jti": ["a"]},
        {"nbf": 99999999999},
    ],
    ids=str,
)
async def test_a_wrong_claim_is_refused(smart: Smart, wrong: dict[str, Any]) -> None:
    await refused(smart, assertion("robot", KEY, **wrong))


async def test_an_expiry_far_ahead_is_refused(smart: Smart) -> None:
    far = int(clock.now().timestamp()) + 3600
    assert "300 seconds" in await refused(smart, assertion("robot", KEY, exp=far))


async def test_an_assertion_typed_as_an_access_token_is_refused(smart: Smart) -> None:
    assert "typ" in await refused(smart, assertion("robot", KEY, {"typ": "at+jwt"}))


async def test_an_assertion_for_one_client_is_not_proof_for_another(smart: Smart) -> None:
    await refused(smart, assertion("robot", KEY), client_id="app")


async def test_two_proofs_in_one_request_are_refused(smart: Smart) -> None:
    answer = await smart.backend("robot", KEY, client_secret="x")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_public_client_id_is_no_proof_for_a_client_with_keys(smart: Smart) -> None:
    answer = await smart.post("token", grant_type="client_credentials", client_id="robot", scope="system/Task.rs")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_replayed_assertion_is_refused(smart: Smart) -> None:
    text = assertion("robot", KEY)
    assert (await smart.backend("robot", KEY, client_assertion=text)).status_code == 200
    assert "used before" in await refused(smart, text)


async def test_of_one_assertion_at_many_workers_at_once_one_wins(smart: Smart) -> None:
    workers = [Smart(smart.mongo) for _ in range(3)]
    text = assertion("robot", KEY)
    answers = await asyncio.gather(*(worker.backend("robot", KEY, client_assertion=text) for worker in workers for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 11
    for worker in workers:
        await worker.close()


async def test_an_assertion_that_is_refused_for_its_scope_is_spent_too(smart: Smart) -> None:
    text = assertion("robot", KEY)
    await smart.backend("robot", KEY, "system/Ghost.rs", client_assertion=text)
    assert "used before" in await refused(smart, text)


async def test_a_registration_whose_keys_are_at_a_metadata_address_gets_no_token(smart: Smart) -> None:
    await smart.registration.add_client("ssrf", TRUST, "system/*.rs", jwks_url="https://169.254.169.254/latest/jwks")
    answer = await smart.backend("ssrf", KEY)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert isinstance(answer, httpx.Response)


async def test_an_assertion_type_that_is_not_ours_is_no_proof(smart: Smart) -> None:
    form = {"grant_type": "client_credentials", "client_assertion": assertion("robot", KEY), "scope": "system/Task.rs"}
    answer = await smart.post("token", **form, client_assertion_type=ASSERTION.replace("jwt", "saml2"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
