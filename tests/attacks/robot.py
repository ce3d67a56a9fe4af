"""A backend service `robot` with an EC and an RSA key, its assertions, and how they are refused."""

from __future__ import annotations

import base64
import json
from typing import Any

from joserfc.jwk import RSAKey

from service import clock
from tests.fakes.smart import BASE, Smart, key

KEY = key()
RSA: dict[str, Any] = dict(RSAKey.generate_key(2048, {"kid": "r1"}, private=True).as_dict(private=True))
RSA_PUBLIC = {name: RSA[name] for name in ("kty", "n", "e", "kid")}


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def claims(**more: Any) -> dict[str, Any]:
    """The claims of a right assertion of `robot`."""
    until = int(clock.now().timestamp()) + 240
    return {"iss": "robot", "sub": "robot", "aud": f"{BASE}/auth/token", "exp": until, "jti": clock.new_id(), **more}


async def refused(smart: Smart, text: str, **more: str) -> str:
    """The description of the refusal that an assertion meets."""
    answer = await smart.backend("robot", KEY, client_assertion=text, **more)
    assert (answer.status_code, answer.json().get("error")) == (401, "invalid_client"), answer.text
    return str(answer.json()["error_description"])
