"""Events of the authorization server, for the audit trail. An event holds no secret and no token."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the authorization server.

    `kind` is `login`, `logout`, `authorize`, `token`, `introspect`, `revoke`, `launch`, `reuse` or `bearer`; `reason` is a
    sentence when `allowed` is false.
    """

    kind: str
    allowed: bool
    client: str = ""
    user: str = ""
    patient: str = ""
    reason: str = ""
