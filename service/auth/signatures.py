"""Signs and verifies JWTs strictly: a short list of algorithms, exactly one key chosen by kid and kty, and no key or
certificate taken from the header.

The JWTs are client assertions, access tokens of external issuers and our own id_tokens. joserfc does all of JOSE.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

ALGORITHMS = ("RS384", "ES384", "RS512", "RS256", "ES256")
"""SMART asks for RS384 and ES384, NHS England for RS512; RS256 and ES256 are widely used. Never `none`, never HS*."""

PublicKey = RSAKey | ECKey
_KEY_TYPES = {"RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "ES256": "EC", "ES384": "EC"}
_CURVES = {"ES256": "P-256", "ES384": "P-384"}
_FORBIDDEN_HEADERS = frozenset({"jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"})
_SMALLEST_RSA_BITS = 2048
_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class Signed:
    """A JWT whose signature holds, unless it comes from `peek`. The code that uses the JWT checks its claims."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unsigned:
    """Why a JWT does not hold, as a sentence."""

    reason: str


def peek(token: str) -> Signed | Unsigned:
    """The header and claims of a JWT before any check: fit only for finding out which keys to fetch."""
    if len(token) > _LONGEST:
        return Unsigned(f"The JWT is longer than {_LONGEST} characters.")
    try:
        found = jws.extract_compact(token.encode("ascii"))
        claims = json.loads(found.payload)
    except (JoseError, ValueError, RecursionError):
        return Unsigned("The JWT cannot be read.")
    if not isinstance(claims, dict):
        return Unsigned("The JWT holds no JSON object.")
    return Signed(found.headers(), claims)


def verified(
    token: str, keys: Sequence[Mapping[str, Any]], algorithms: Collection[str] = ALGORITHMS, jku: str = ""
) -> Signed | Unsigned:
    """The JWT, if its signature holds under exactly one of `keys` (JWKs), or why not.

    A `jku` in the JWT's header must equal the argument `jku`; with an empty argument the header may have none.
    """
    seen = peek(token)
    if isinstance(seen, Unsigned):
        return seen
    reason = _header_fault(seen.header, algorithms, jku)
    if reason:
        return Unsigned(reason)
    key = _one_key(seen.header, keys)
    if isinstance(key, Unsigned):
        return key
    try:
        held = jwt.decode(token, key, algorithms=[seen.header["alg"]])
    except (JoseError, ValueError):
        return Unsigned("The JWT's signature does not hold under the registered key.")
    return Signed(held.header, held.claims)


def sign(claims: Mapping[str, Any], key: Mapping[str, Any], algorithm: str = "RS256", typ: str = "JWT") -> str:
    """A JWT signed with a private JWK; the JWK must carry its `kid`."""
    header = {"alg": algorithm, "kid": key["kid"], "typ": typ}
    return jwt.encode(header, dict(claims), _parsed(json.dumps(key)), [algorithm])


def new_signing_key(kid: str) -> dict[str, Any]:
    """A fresh private RSA key of 2048 bits as a JWK, for RS256."""
    key = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"}, private=True, auto_kid=False)
    return dict(key.as_dict(private=True))


def public_part(key: Mapping[str, Any]) -> dict[str, Any]:
    """The public members of a private JWK, which may be published."""
    parsed = _parsed(json.dumps(key))
    return dict(parsed.as_dict(private=False))


def jwks_fault(jwks: object) -> str:
    """Why a JWK Set cannot be registered for a client, as a sentence; empty when the set can be registered."""
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not keys:
        return "The JWK Set has no `keys`; give a JSON object with at least one public key."
    for key in keys:
        if not isinstance(key, dict) or key.get("kty") not in ("RSA", "EC"):
            return "A key of the JWK Set is not `RSA` or `EC`; symmetric keys are not accepted."
        if "d" in key:
            return "A key of the JWK Set is private; register only public keys, and replace this one."
        if not key.get("kid"):
            return "A key of the JWK Set has no `kid`; name every key."
        if not _usable(key):
            return f"Key `{key['kid']}` cannot be used; RSA needs 2048 bits or more, EC needs P-256 or P-384."
    return ""


def _header_fault(header: Mapping[str, Any], algorithms: Collection[str], jku: str) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in _KEY_TYPES:
        return f"The JWT must be signed with one of {', '.join(algorithms)}."
    if _FORBIDDEN_HEADERS & header.keys():
        return "The JWT's header may not carry keys, certificates or critical extensions."
    if "jku" in header and (not jku or header["jku"] != jku):
        return "The JWT's `jku` is not the registered JWK Set address."
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        return "The JWT's header names no `kid`."
    return ""


def _one_key(header: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> PublicKey | Unsigned:
    algorithm = str(header["alg"])
    found = [key for key in keys if _fits(key, header["kid"], algorithm)]
    if len(found) != 1:
        return Unsigned(f"Exactly one registered key must match the JWT's `kid` and type; {len(found)} do.")
    if not _usable(found[0]):
        return Unsigned("The registered key that the JWT names is too weak or cannot be read.")
    return _parsed(json.dumps({name: value for name, value in found[0].items() if name in _PUBLIC_MEMBERS}))


_PUBLIC_MEMBERS = frozenset({"kty", "n", "e", "crv", "x", "y", "kid"})


def _fits(key: Mapping[str, Any], kid: str, algorithm: str) -> bool:
    if key.get("kid") != kid or key.get("kty") != _KEY_TYPES[algorithm] or key.get("use", "sig") != "sig":
        return False
    return algorithm not in _CURVES or key.get("crv") == _CURVES[algorithm]


def _usable(key: Mapping[str, Any]) -> bool:
    try:
        parsed = _parsed(json.dumps({name: value for name, value in key.items() if name in _PUBLIC_MEMBERS}))
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    if isinstance(parsed, RSAKey):
        return int(parsed.public_key.key_size) >= _SMALLEST_RSA_BITS
    return key.get("crv") in _CURVES.values()


@lru_cache(maxsize=1024)
def _parsed(text: str) -> PublicKey:
    """The key of a JWK text. Parsed keys are cached: parsing a key costs more than checking a signature."""
    value = json.loads(text)
    return RSAKey.import_key(value) if value["kty"] == "RSA" else ECKey.import_key(value)
