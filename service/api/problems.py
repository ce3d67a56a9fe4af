"""The one table of HTTP statuses, and the form of every refusal in HTTP (security rules, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.responses import Response

from service.fhir.json import dump
from service.fhir.outcome import outcome
from service.fhir.patch import MEDIA_TYPE
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

RETRY_AFTER: Mapping[Category, str] = {Category.THROTTLED: "60", Category.UNAVAILABLE: "5"}
"""After how many seconds a client that was told to wait may try again (RFC 9110 section 10.2.3)."""

# RFC 6750 section 3: the challenge to a request without credentials names only the realm.
CHALLENGE: Mapping[Category, str] = {
    Category.LOGIN: 'Bearer realm="baton"',
    Category.TOKEN: 'Bearer realm="baton", error="invalid_token"',
    Category.SCOPE: 'Bearer realm="baton", error="insufficient_scope"',
}


def headers(category: Category, method: str = "") -> dict[str, str]:
    """The headers that a refusal of this category has besides the usual headers, in answer to a request of this method."""
    if category in RETRY_AFTER:
        return {"Retry-After": RETRY_AFTER[category]}
    if category is Category.MEDIA_TYPE and method == "PATCH":
        return {"Accept-Patch": MEDIA_TYPE}  # RFC 5789 section 2.2
    challenge = CHALLENGE.get(category)
    return {"WWW-Authenticate": challenge} if challenge else {}


def response(problem: Problem, method: str = "", more: Mapping[str, str] = MappingProxyType({})) -> Response:
    """The response to a refused request: the Problem as an OperationOutcome, with the status of its category, and with `more`
    headers."""
    return Response(
        dump(outcome(problem.cited)),
        status_code=STATUS[problem.category],
        media_type=FHIR_JSON,
        headers={**headers(problem.category, method), **more},
    )


def unrouted(method: str, status: int) -> Problem:
    """The refusal of a path or method that has no route."""
    if status == STATUS[Category.NOT_ALLOWED]:
        text = f"`{method}` is not for this path; the CapabilityStatement at `/fhir/metadata` says what is."
        return problem(Category.NOT_ALLOWED, "not-supported", text)
    text = "There is nothing at this path; the CapabilityStatement at `/fhir/metadata` says what there is."
    return problem(Category.ABSENT, "not-found", text)
