"""The users who log in, their sessions, and the launches that a record system starts for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from service.auth import passwords
from service.problem import Category, Issue, Problem

_USERNAME = re.compile(r"[^\s\x00-\x1f]{1,128}")
REFERENCE = re.compile(r"(PractitionerRole|Patient|RelatedPerson)/[A-Za-z0-9.-]{1,64}")
PATIENT = re.compile(r"Patient/[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True, slots=True)
class User:
    """A user who logs in. `reference` is the one PractitionerRole, Patient or RelatedPerson the user acts as; `password` an
    argon2 hash.
    """

    username: str
    reference: str
    password: str = field(default="", repr=False)

    @property
    def professional(self) -> bool:
        """Whether the user is a member of staff, who chooses among patients, and not a Patient or RelatedPerson."""
        return self.reference.startswith("PractitionerRole/")


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session, kept under the digest of its cookie. `username` is empty until a user has logged in."""

    hash: str
    username: str
    started: datetime
    expires: datetime


@dataclass(frozen=True, slots=True)
class Launch:
    """The context of an EHR launch: the user, the client and the patient. A launch is good for one authorization."""

    hash: str
    client: str
    user: str
    patient: str
    intent: str
    expires: datetime


def folded(username: str) -> str:
    """The form in which usernames are compared: without regard to case or outer white space."""
    return username.strip().casefold()


def checked(username: str, reference: str, password: str) -> Problem | None:
    """Every reason why a user with these values cannot be added, or None."""
    issues = []
    if not _USERNAME.fullmatch(folded(username)):
        issues.append(Issue("value", f"Username `{username[:40]}` must be 1 to 128 characters without white space."))
    if not REFERENCE.fullmatch(reference):
        issues.append(Issue("value", f"A user acts as a PractitionerRole, a Patient or a RelatedPerson; `{reference}` is none."))
    weak = passwords.fault(password)
    if weak:
        issues.append(Issue("value", weak))
    return Problem(Category.INVALID, tuple(issues)) if issues else None
