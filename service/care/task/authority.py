"""The authority on which records may be sent to another agency (HOV-3), as it was decided for the receiver."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Authority:
    """The consent decision for the receiving agency (HOV-3).

    `text` is the reason, without patient data. `reference` is the version-specific Consent that permits, or ''.
    """

    permitted: bool = False
    text: str = "no authority to share was decided"
    reference: str = ""


NONE_DECIDED = Authority()
