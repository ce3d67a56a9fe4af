"""Liveness, readiness and metrics. Their answers hold no patient data, and the routes need no token (security rules, section 4).
A proxy publishes none of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from service.api.route import Route
from service.problem import Category, Refused, problem
from service.settings import multiprocess_folder
from service.usecases.register.readiness import ready
from service.usecases.register.state import State
from service.usecases.request.services import Services
from service.usecases.request.tally import Tally

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(eq=False, slots=True)
class _Counted:
    """The counts of decisions, and the State, as metrics of one answer."""

    tally: Tally
    state: State

    def collect(self) -> Iterator[Metric]:
        """The metrics."""
        decisions = CounterMetricFamily("baton_decisions", "Decisions about records, by layer.", labels=("layer", "permitted"))
        for (layer, permitted), count in sorted(self.tally.decisions.items()):
            decisions.add_metric((layer, str(permitted).lower()), count)
        yield decisions
        yield GaugeMetricFamily("baton_timers_due", "Timers that are due and not fired.", self.state.timers)
        yield GaugeMetricFamily("baton_notices_waiting", "Notices that wait in the outbox.", self.state.notices)
        yield GaugeMetricFamily("baton_commits_waiting", "Changes that wait to be committed here.", self.state.commits)
        yield GaugeMetricFamily("baton_ledger_seal", "The number of the newest seal.", self.state.seal)
        yield GaugeMetricFamily("baton_ledger_seal_age_seconds", "How long ago it was written.", self.state.sealed)


def registry() -> CollectorRegistry:
    """What is known of requests: by all processes of the service, where it has several (`baton serve --workers`)."""
    known = CollectorRegistry()
    if multiprocess_folder():
        MultiProcessCollector(known)  # type: ignore[no-untyped-call]
    else:
        known.register(REGISTRY)
    return known


def waiting() -> list[BaseRoute]:
    """The routes of a service whose database has not answered yet: it lives, and everything else is told to come again."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def later(_: Request) -> Response:
        raise Refused(problem(Category.UNAVAILABLE, "transient", "Baton waits for its database; try again soon."))

    return [Route("/health/live", live), Route("/{path:path}", later, methods=METHODS)]


def routes(services: Services, told: Callable[[], Awaitable[State]]) -> list[Route]:
    """The routes `/health/live`, `/health/ready` and `/metrics`."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def readiness(_: Request) -> Response:
        await ready(services)
        return JSONResponse({"status": "ready"})

    async def metrics(_: Request) -> Response:
        known = registry()
        known.register(_Counted(services.tally, await told()))
        return Response(generate_latest(known), media_type=CONTENT_TYPE_LATEST)

    return [Route("/health/live", live), Route("/health/ready", readiness), Route("/metrics", metrics)]
