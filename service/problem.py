"""Refusals as data. This module knows no HTTP: `service.api.problems` holds the one table of statuses."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Category(StrEnum):
    """The kinds of refusal. Each kind is decided in one place of the service, and has one HTTP status."""

    MALFORMED = "malformed"  # the request or body cannot be read in the form it claims
    TOO_LARGE = "too-large"
    TOO_COSTLY = "too-costly"
    MEDIA_TYPE = "media-type"  # the service does not read this form of body
    FORMAT = "format"  # the service does not write the form of answer asked for
    LOGIN = "login"  # no credentials
    TOKEN = "token"  # noqa: S105 - a category, not a secret; credentials that are not valid
    SCOPE = "scope"  # valid credentials whose scopes do not allow the request
    FORBIDDEN = "forbidden"  # the caller may see the record but may not do this
    ABSENT = "absent"  # the record is absent or hidden; both are refused alike
    GONE = "gone"
    NOT_ALLOWED = "not-allowed"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"  # another change of the record was committed first
    STALE = "stale"  # If-Match names another version
    UNCONDITIONAL = "unconditional"  # If-Match is required
    INVALID = "invalid"  # readable, but not valid FHIR or not valid against a profile
    RULE = "rule"  # valid, but refused by a care, consent or identity rule
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    FAULT = "fault"


SOURCES: Mapping[Category, str] = {
    Category.MALFORMED: "R4 3.1.0",
    Category.TOO_LARGE: "RFC 9110 15.5.14",
    Category.TOO_COSTLY: "fhir-api 2",
    Category.MEDIA_TYPE: "R4 3.1.0.1.10",
    Category.FORMAT: "R4 3.1.0.1.10",
    Category.LOGIN: "RFC 6750 3",
    Category.TOKEN: "RFC 6750 3.1",
    Category.SCOPE: "RFC 6750 3.1",
    Category.FORBIDDEN: "security 2",
    Category.ABSENT: "security 2",
    Category.GONE: "R4 3.1.0.7",
    Category.NOT_ALLOWED: "R4 3.1.0",
    Category.DUPLICATE: "security 2",
    Category.CONFLICT: "R4 2.36.3",
    Category.STALE: "R4 3.1.0.5",
    Category.UNCONDITIONAL: "security 2",
    Category.INVALID: "R4 2.4.0",
    Category.RULE: "security 2",
    Category.THROTTLED: "security 4",
    Category.UNAVAILABLE: "RFC 9110 15.6.4",
    Category.FAULT: "RFC 9110 15.6.1",
}
"""The source of a refusal whose issue names no rule: a section of a specification, or of our design."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault of a request, or one piece of information about an answer.

    `code` is a FHIR issue-type code, `expression` a FHIRPath into the submitted resource, `rule` the id of a Baton rule (`HOV-2`)
    or a specification reference (`R4 2.4.0`). `text` is a sentence that says how to correct the fault; the sentence holds no
    patient data.
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

    @property
    def cited(self) -> tuple[Issue, ...]:
        """The issues, each with its rule or, for an issue without a rule, the source of the category."""
        return tuple(issue if issue.rule else replace(issue, rule=SOURCES[self.category]) for issue in self.issues)

    def __str__(self) -> str:
        return "; ".join(issue.text for issue in self.issues)


def problem(category: Category, code: str, text: str, *, expression: str = "", rule: str = "") -> Problem:
    """A Problem with a single error issue."""
    return Problem(category, (Issue(code, text, expression, rule),))


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """Carries a Problem from a use case to the edge. Pure rules return Problems and never raise Refused."""

    def __init__(self, reason: Problem) -> None:
        super().__init__(str(reason))
        self.problem = reason


def trace(error: BaseException) -> list[str]:
    """The places in the code through which an exception came, for a log. The exception's message and local values are left out,
    because they may hold a person's data or a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
