"""The key that signs the seals of the audit ledger (Ed25519, RFC 8037), made from the ledger's secret.

A seal of this service can be told from any other, and the holder of the database alone can sign none.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"
PURPOSE = b"baton ledger seal"


class SealingKey:
    """Signs seals and verifies them. The same secret makes the same key on every machine."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @cached_property
    def _key(self) -> OKPKey:
        private = Ed25519PrivateKey.from_private_bytes(hmac.digest(self._secret, PURPOSE, "sha256"))
        kid = hashlib.sha256(private.public_key().public_bytes_raw()).hexdigest()[:16]
        return OKPKey.import_key(private, {"kid": kid, "use": "sig", "alg": ALGORITHM})

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWS (RFC 7515) of these claims."""
        header = {"alg": ALGORITHM, "kid": self._key.kid}
        return jws.serialize_compact(header, json.dumps(claims, sort_keys=True).encode(), self._key, algorithms=[ALGORITHM])

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a JWS that this key signed; empty for any other text."""
        try:
            payload = jws.deserialize_compact(token, self._key, algorithms=[ALGORITHM]).payload
        except (JoseError, ValueError):
            return {}
        found = json.loads(payload)
        return found if isinstance(found, dict) else {}
