"""What the service tells its operators of each request: one line in the log, and counts and times at `/metrics`.

A line tells the method, the route without ids and queries, the status, the time, and who called; never a patient. The id that a
client gave a request is told when it is a UUID; any other may be a name, and then a new id is told, which a fault quotes, too.
Lines are written together, a few times a second, because a write for each would be a large part of a read.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import orjson
from prometheus_client import Counter, Histogram

from service import clock
from service.api.route import TEMPLATE

PAUSE_SECONDS = 0.2
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TIMES = Histogram("baton_request_seconds", "Time to answer, by route.", ("method", "route", "status"), buckets=BUCKETS)
REFUSALS = Counter("baton_refusals", "Requests that were refused, by kind.", ("kind",))
UNROUTED, OTHER = "unrouted", "OTHER"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""The methods that are told by name: a client may send any word as a method."""
TYPES: set[str] = set()
"""The resource types that there are, filled as the routes are made: a path may hold anything in the place of a type."""


class Telemetry:
    """Tells of requests. `lines`: whether the log is to have a line for each."""

    def __init__(self, *, lines: bool = True) -> None:
        self._lines = lines
        self._waiting: list[bytes] = []
        self._children: dict[tuple[str, str, int], Any] = {}

    def answered(self, scope: Any, status: int, seconds: float) -> None:
        """A request was answered; its state has the kind of its refusal, if it was refused."""
        method = scope["method"] if scope["method"] in METHODS else OTHER
        route = route_of(scope)
        key = (method, route, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = TIMES.labels(*key)
        child.observe(seconds)
        if "refusal" in scope["state"]:
            REFUSALS.labels(scope["state"]["refusal"]).inc()
        if self._lines:
            self._told(scope, method, route, status, seconds)

    def _told(self, scope: Any, method: str, route: str, status: int, seconds: float) -> None:
        state = scope["state"]
        context = state.get("context")
        line = {
            "event": "request",
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "agency": context.caller.organization if context else "",
            "client": context.caller.client if context else "",
            **({"refusal": state["refusal"]} if "refusal" in state else {}),
            "request_id": state["logged_id"],
            "level": "info",
            "timestamp": f"{clock.now():%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        self._waiting.append(orjson.dumps(line))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self.flush)

    def flush(self) -> None:
        """Writes the lines that wait."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            sys.stderr.write(b"\n".join(waiting).decode() + "\n")
            sys.stderr.flush()


def route_of(scope: Any) -> str:
    """The template of the route that a request has matched, with the resource type that was asked for:
    `/fhir/Task/{id}/$disclosed`. A path that no route has is not told, and neither is a type that there is not: both may hold
    anything."""
    template: str = scope.get(TEMPLATE, UNROUTED)
    if "{type}" not in template:
        return template
    kind = scope["path_params"]["type"]
    return template.replace("{type}", kind) if kind in TYPES else UNROUTED
