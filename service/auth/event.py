"""What happened at the authorization server, for the audit trail. Holds no secret and no token."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` is `login`, `logout`, `authorize`, `token`, `revoke`, `launch` or `reuse`; `reason` a sentence when
    `allowed` is false."""

    kind: str
    allowed: bool
    client: str = ""
    user: str = ""
    patient: str = ""
    reason: str = ""
