"""A route of the service, which says in the scope of a request what it is: the log and the metrics tell the route, never the
path, because a path may name a record or hold anything."""

from __future__ import annotations

from starlette import routing
from starlette.routing import Match
from starlette.types import Scope

TEMPLATE = "template"


class Route(routing.Route):
    """Starlette's route, which leaves its template in the scope: `/fhir/{type}/{id}`."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """How the route fits a request, and what the request's scope is to have besides."""
        match, inner = super().matches(scope)
        if match is not Match.NONE:
            inner[TEMPLATE] = scope.get("root_path", "") + self.path_format
        return match, inner
