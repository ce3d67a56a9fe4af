"""The kind of a refusal of the authorization server, which speaks OAuth's errors and pages instead of OperationOutcomes: the log
and the metrics tell it as they tell every other."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from service.problem import Category

KIND: Mapping[str | int, Category] = {
    "invalid_client": Category.TOKEN,
    "invalid_grant": Category.TOKEN,
    "invalid_token": Category.TOKEN,
    "invalid_scope": Category.SCOPE,
    "unauthorized_client": Category.FORBIDDEN,
    "access_denied": Category.FORBIDDEN,
    403: Category.FORBIDDEN,
    429: Category.THROTTLED,
    503: Category.UNAVAILABLE,
}
"""The kinds of OAuth's errors, and of statuses where the error does not say; any other is a request that is malformed."""


def refused(request: Request, *said: str | int) -> None:
    """Notes for log and metrics that a request was refused; `said` are its error and its status, the more telling first."""
    request.state.refusal = next((KIND[each] for each in said if each in KIND), Category.MALFORMED)
