"""The one table of statuses, and the shape every refusal has on the wire (security rules, section 2)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from service.fhir.json import dump
from service.fhir.outcome import outcome
from service.problem import Category, Problem, problem

FHIR_JSON = "application/fhir+json"

STATUS: Mapping[Category, int] = {
    Category.MALFORMED: 400,
    Category.TOO_COSTLY: 400,
    Category.LOGIN: 401,
    Category.TOKEN: 401,
    Category.SCOPE: 403,
    Category.FORBIDDEN: 403,
    Category.ABSENT: 404,
    Category.NOT_ALLOWED: 405,
    Category.FORMAT: 406,
    Category.CONFLICT: 409,
    Category.DUPLICATE: 409,
    Category.GONE: 410,
    Category.STALE: 412,
    Category.TOO_LARGE: 413,
    Category.MEDIA_TYPE: 415,
    Category.INVALID: 422,
    Category.RULE: 422,
    Category.UNCONDITIONAL: 428,
    Category.THROTTLED: 429,
    Category.FAULT: 500,
    Category.UNAVAILABLE: 503,
}

# RFC 6750 section 3: a request without credentials is told only the realm.
CHALLENGE: Mapping[Category, str] = {
    Category.LOGIN: 'Bearer realm="baton"',
    Category.TOKEN: 'Bearer realm="baton", error="invalid_token"',
    Category.SCOPE: 'Bearer realm="baton", error="insufficient_scope"',
}


def headers(category: Category) -> dict[str, str]:
    """The headers a refusal of this category carries besides its body."""
    challenge = CHALLENGE.get(category)
    return {"WWW-Authenticate": challenge} if challenge else {}


def response(problem: Problem) -> Response:
    """The refusal as an OperationOutcome with its status."""
    return Response(
        dump(outcome(problem.cited)),
        status_code=STATUS[problem.category],
        media_type=FHIR_JSON,
        headers=headers(problem.category),
    )


def unrouted(method: str, status: int) -> Problem:
    """A path or method that no route takes, as a refusal like every other."""
    if status == STATUS[Category.NOT_ALLOWED]:
        text = f"`{method}` is not for this path; the CapabilityStatement at `/fhir/metadata` says what is."
        return problem(Category.NOT_ALLOWED, "not-supported", text)
    text = "There is nothing at this path; the CapabilityStatement at `/fhir/metadata` says what there is."
    return problem(Category.ABSENT, "not-found", text)
