"""Events of the authorization server, for the audit trail. An event holds no secret and no token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["login", "logout", "authorize", "token", "introspect", "revoke", "launch", "reuse", "bearer"]
"""The kinds of event, codes of our CodeSystem `audit-type`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the authorization server. `reason` is a sentence when `allowed` is false."""

    kind: Kind
    allowed: bool
    client: str = ""
    user: str = ""
    patient: str = ""
    reason: str = ""
