"""The methods that a path has, as the header Allow of a refusal 405 tells them (RFC 9110 section 15.5.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

from service.usecases import rules

INTERACTION: Mapping[str, str] = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
"""The interaction that each writing method asks of a record or of its type."""


def allow(routes: Iterable[BaseRoute], scope: Scope) -> str:
    """The methods that the path of a request has, without those of interactions that its type does not have."""
    found, kind = set[str](), ""
    asked = {**scope, "root_path": scope.get("app_root_path", scope.get("root_path", ""))}  # a Mount has moved on in the scope
    for route, inner in _matching(routes, asked):
        found |= route.methods or set()
        kind = kind or inner.get("path_params", {}).get("type", "")
    lacking = rules.WITHOUT.get(kind, frozenset()) if _plain(scope["path"]) else frozenset()
    return ", ".join(sorted(method for method in found if INTERACTION.get(method) not in lacking))


def _matching(routes: Iterable[BaseRoute], scope: Scope) -> Iterable[tuple[Route, Scope]]:
    for route in routes:
        match, inner = route.matches(scope)
        if match is Match.NONE:
            continue
        if isinstance(route, Mount):
            yield from _matching(route.routes, {**scope, **inner})
        elif isinstance(route, Route):
            yield route, inner


def _plain(path: str) -> bool:
    """Whether a path names a record or a type, and neither an operation, a search nor a history."""
    return not any(part.startswith(("$", "_")) for part in path.split("/"))
