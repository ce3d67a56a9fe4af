"""Attack list, tokens of external issuers: a trusted issuer's token counts, and no forgery of one."""

from __future__ import annotations

from typing import Any

import pytest

from service.auth.issuers import Issuer
from service.outbound.issuers import Issuers
from tests.attacks.robot import KEY, RSA_PUBLIC, encoded
from tests.fakes.smart import BASE, Smart, assertion, key, public

ISSUER = "https://idp.test"


class Provider(Issuers):
    """An issuer's keys without a network."""

    async def keys(self, url: str, kid: str = "") -> list[dict[str, Any]]:
        return [public(KEY), RSA_PUBLIC]


def external(smart: Smart, **more: Any) -> Smart:
    """A worker that trusts one external issuer."""
    trust = Issuer(ISSUER, ("https://baton.test/fhir",), f"{ISSUER}/jwks", **more)
    return Smart(smart.mongo, (trust,), Provider())


def access(header: dict[str, Any] | None = None, jwk: dict[str, Any] = KEY, **more: Any) -> str:
    """An access token of the issuer for `robot`, right unless told otherwise."""
    said = {"iss": ISSUER, "aud": f"{BASE}/fhir", "client_id": "robot", "scope": "system/Task.rs user/*.r", "sub": "x", **more}
    return assertion("robot", jwk, {"typ": "at+jwt", **(header or {})}, **said)


async def test_a_trusted_issuer_s_token_reaches_what_the_client_s_registration_allows(smart: Smart) -> None:
    worker = external(smart)
    said = (await worker.who(access())).json()
    assert (said["client"], said["scope"]) == ("robot", "system/Task.rs")
    await worker.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.test"},
        {"aud": "https://other.test"},
        {"exp": 1},
        {"exp": None},
        {"nbf": 99999999999},
        {"client_id": "ghost"},
        {"client_id": None},
        {"scope": "patient/!"},
        {"fhirUser": "https://evil.test/Patient/1"},
        {"patient": "../1"},
        {"nonce": "n"},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": ""}},
        {"header": {"jku": "https://evil.test"}},
        {"header": {"jwk": public(KEY)}},
        {"jwk": key("k1")},
        {"jwk": key("ghost")},
    ],
    ids=lambda wrong: "-".join(wrong),
)
async def test_a_forged_token_of_a_trusted_issuer_is_refused(smart: Smart, wrong: dict[str, Any]) -> None:
    worker = external(smart)
    assert (await worker.who(access(**wrong))).status_code == 401
    await worker.close()


async def test_an_unsigned_token_of_a_trusted_issuer_is_refused(smart: Smart) -> None:
    worker = external(smart)
    unsigned = f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': 'k1'})}.{access().split('.')[1]}."
    assert (await worker.who(unsigned)).status_code == 401
    await worker.close()


async def test_an_issuer_signs_with_the_algorithms_it_is_trusted_for(smart: Smart) -> None:
    worker = external(smart, algorithms=("RS256",))
    assert (await worker.who(access())).status_code == 401
    await worker.close()
