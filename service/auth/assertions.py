"""Client assertions: the JWTs with which a client proves who it is by its private key (SMART 2.2 section 5, RFC 7523)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from service.auth.signatures import Signed, Unsigned, peek, verified

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFE_SECONDS = 300
SKEW_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that holds if the store has not seen its `jti` before.

    The store must remember the `jti` until `until`; after that instant a replay fails because the assertion has expired.
    """

    client: str
    jti: str
    until: datetime


def claimed_client(assertion: str) -> str:
    """The client id in the `sub` of an assertion that is not yet verified; empty when the assertion names none."""
    seen = peek(assertion)
    subject = seen.claims.get("sub") if isinstance(seen, Signed) else None
    return subject if isinstance(subject, str) else ""


def check(
    assertion: str, client: str, keys: Sequence[Mapping[str, Any]], *, audiences: Collection[str], now: datetime, jku: str = ""
) -> Assertion | Unsigned:
    """The assertion, or why it does not prove that the request is from `client`.

    `keys` are the client's registered JWKs, `audiences` the token endpoint's URL and the issuer, `jku` the registered JWK Set
    address. The store, not this function, enforces that a `jti` is used once.
    """
    signed = verified(assertion, keys, jku=jku)
    if isinstance(signed, Unsigned):
        return signed
    claims = signed.claims
    if signed.header.get("typ", "JWT") not in ("JWT", "client-authentication+jwt"):
        return Unsigned("The assertion's `typ` must be JWT.")
    if claims.get("iss") != client or claims.get("sub") != client:
        return Unsigned("The assertion's `iss` and `sub` must both be the client's id.")
    if not audience_holds(claims.get("aud"), audiences):
        return Unsigned("The assertion's `aud` must be this token endpoint.")
    fault = _life_fault(claims, now)
    if fault:
        return Unsigned(fault)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 256:
        return Unsigned("The assertion needs a `jti` of 1 to 256 characters, new for every request.")
    return Assertion(client, jti, datetime.fromtimestamp(claims["exp"] + SKEW_SECONDS, UTC))


def audience_holds(audience: object, accepted: Collection[str]) -> bool:
    """Whether a JWT's `aud`, one text or a list, names one of `accepted`."""
    if isinstance(audience, str):
        return audience in accepted
    return isinstance(audience, list) and any(isinstance(each, str) and each in accepted for each in audience)


def instant_claim(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate claim (RFC 7519) in seconds since 1970; None when the claim is absent or no number from 0 to 1e11."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        return None
    return value


def _life_fault(claims: Mapping[str, Any], now: datetime) -> str:
    present = now.timestamp()
    expires = instant_claim(claims, "exp")
    if expires is None or expires <= present - SKEW_SECONDS:
        return "The assertion has expired, or has no `exp`."
    if expires > present + LONGEST_LIFE_SECONDS + SKEW_SECONDS:
        return f"The assertion's `exp` may be at most {LONGEST_LIFE_SECONDS} seconds ahead."
    for name in ("iat", "nbf"):
        if name in claims:
            starts = instant_claim(claims, name)
            if starts is None or starts > present + SKEW_SECONDS:
                return f"The assertion's `{name}` lies in the future."
    return ""
