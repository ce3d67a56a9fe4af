"""What went wrong, as data. Knows no HTTP: `service.api.problems` holds the one table of statuses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """The kinds of refusal. Each has one status and is decided in one place."""

    MALFORMED = "malformed"  # the request cannot be read as what it claims to be
    TOO_LARGE = "too-large"
    TOO_COSTLY = "too-costly"
    MEDIA_TYPE = "media-type"  # the body is in a form that is not read here
    FORMAT = "format"  # the answer is wanted in a form that is not written here
    LOGIN = "login"  # no credentials
    TOKEN = "token"  # noqa: S105 - a category, not a secret; credentials that do not hold
    SCOPE = "scope"  # credentials that do not reach this far
    FORBIDDEN = "forbidden"  # visible to the caller, but not theirs to do
    ABSENT = "absent"  # not there, or hidden: the two look the same
    GONE = "gone"
    NOT_ALLOWED = "not-allowed"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"  # somebody else's change came first
    STALE = "stale"  # If-Match names another version
    UNCONDITIONAL = "unconditional"  # If-Match is required
    INVALID = "invalid"  # readable, but not valid FHIR or not valid against a profile
    RULE = "rule"  # valid, but a care, consent or identity rule says no
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing to put right.

    `code` is a FHIR issue-type code, `expression` a FHIRPath into the submitted resource, `rule` the id of a Baton rule
    (`HOV-2`) or a specification reference (`R4 2.4.0`). `text` is a sentence that says what would make it right and holds
    no patient data.
    """

    code: str
    text: str
    expression: str = ""
    rule: str = ""
    severity: str = "error"


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal: one category, and every issue found."""

    category: Category
    issues: tuple[Issue, ...]

    def __str__(self) -> str:
        return "; ".join(issue.text for issue in self.issues)


def problem(category: Category, code: str, text: str, *, expression: str = "", rule: str = "") -> Problem:
    """A Problem with a single error issue."""
    return Problem(category, (Issue(code, text, expression, rule),))


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Carries a Problem from a use case to the edge. Pure rules return Problems and never raise this."""

    def __init__(self, reason: Problem) -> None:
        super().__init__(str(reason))
        self.problem = reason
