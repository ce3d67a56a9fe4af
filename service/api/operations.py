"""The operations over HTTP: `$disclose`, `$disclosed`, `Consent/$evaluate`, `$break-glass`, `$access-history`, `$ownership`,
`$moves`, `$explain` and `$close-meeting`."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from service.api import exchange
from service.api.exchange import Params, Preferences
from service.api.fhir import ID
from service.api.route import Route
from service.api.sessions import Sessions
from service.care.ownership.timeline import Tenure
from service.care.task.moves import NextMove
from service.change import Resource
from service.fhir.date import written
from service.fhir.json import dump
from service.fhir.operation import Input, given, parameter, parameters, parts
from service.fhir.outcome import outcome
from service.fhir.reference import reference_to
from service.problem import Category, Problem, Refused, problem
from service.usecases.care import careplans, disclosed, explain, moves
from service.usecases.consent import emergency, evaluate, override
from service.usecases.disclosure import disclose, disclosure_account
from service.usecases.interactions import closing
from service.usecases.request.services import RequestContext


class Operations:
    """The endpoints of the operations: one method for each operation, with the operation's name."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.services = sessions.services

    async def disclose(self, request: Request) -> Response:
        """POST Patient/[id]/$disclose."""
        asked, context, parameters = await self._given(request)
        body = await disclose.disclose(self.services, context, request.path_params["id"], parameters)
        return exchange.json(body, asked)

    async def break_glass(self, request: Request) -> Response:
        """POST Patient/[id]/$break-glass."""
        asked, context, parameters = await self._given(request)
        answer = await override.break_glass(self.services, context, request.path_params["id"], parameters)
        return exchange.written(answer, asked, self.sessions.base)

    async def emergency(self, request: Request) -> Response:
        """POST Patient/$break-glass."""
        asked, context, parameters = await self._given(request)
        return exchange.written(await emergency.break_glass(self.services, context, parameters), asked, self.sessions.base)

    async def evaluate(self, request: Request) -> Response:
        """POST Consent/$evaluate."""
        asked, context, parameters = await self._given(request)
        return exchange.json(await evaluate.evaluate(self.services, context, parameters), asked)

    async def access_history(self, request: Request) -> Response:
        """GET or POST Patient/[id]/$access-history."""
        asked, context, params = await self._asked(request, disclosure_account.INPUTS)
        page = await disclosure_account.history(self.services, context, request.path_params["id"], params)
        url = f"{self.sessions.base}/Patient/{request.path_params['id']}/$access-history"
        links = exchange.page_links(url, params, page, disclosure_account.CURSOR)
        return exchange.json(exchange.bundle("searchset", page, "", links), asked)

    async def ownership(self, request: Request) -> Response:
        """GET or POST CarePlan/[id]/$ownership."""
        asked, context, _ = await self._asked(request)
        tenures = await careplans.timeline(self.services, context, request.path_params["id"])
        return exchange.json(dump(parameters(*map(_tenure, tenures))), asked)

    async def disclosed(self, request: Request) -> Response:
        """GET or POST Task/[id]/$disclosed."""
        asked, context, _ = await self._asked(request)
        return exchange.json(await disclosed.disclosed(self.services, context, request.path_params["id"]), asked)

    async def moves(self, request: Request) -> Response:
        """GET or POST Task/[id]/$moves."""
        asked, context, _ = await self._asked(request)
        found = await moves.moves(self.services, context, request.path_params["id"])
        return exchange.json(dump(parameters(*map(_move, found))), asked)

    async def close_meeting(self, request: Request) -> Response:
        """POST List/[id]/$close-meeting."""
        asked, context, parameters = await self._given(request)
        return exchange.json(await closing.close(self.services, context, request.path_params["id"], parameters), asked)

    async def explain(self, request: Request) -> Response:
        """POST PlanDefinition/[id]/$explain; a dataset does not fit a URL, so a GET is told what to send."""
        asked, context, parameters = await self._given(request)
        return exchange.json(await explain.explain(self.services, context, request.path_params["id"], parameters), asked)

    async def _asked(self, request: Request, inputs: Sequence[Input] = ()) -> tuple[Preferences, RequestContext, Params]:
        """The parameters of an operation that changes nothing, which is called by GET with parameters in its URL, or by POST with
        a Parameters body or none (R4 section 3.2.0.2)."""
        asked = exchange.preferences(request)
        if not inputs:
            _no_query(asked)
        if request.method == "GET" or not await request.body():
            return asked, await self.sessions.of(request), asked.params
        _no_query(asked)
        context, resource = await self.sessions.given(request)
        found = given(resource, inputs)
        if isinstance(found, Problem):
            raise Refused(found)
        return asked, context, tuple((name, str(value)) for name, values in found.items() for value in values)

    async def _given(self, request: Request) -> tuple[Preferences, RequestContext, Resource]:
        asked = exchange.preferences(request)
        _no_query(asked)
        return asked, *await self.sessions.given(request)


def _tenure(tenure: Tenure) -> Resource:
    """One row of the timeline: the lead, the period, and the handover that began the tenure."""
    period = {"start": written(tenure.start)} | ({"end": written(tenure.end)} if tenure.end else {})
    named = [parameter("lead", "valueReference", reference_to(tenure.lead))] if tenure.lead else []
    by = [parameter("handover", "valueReference", reference_to(tenure.handover))] if tenure.handover else []
    return parts("tenure", *named, parameter("period", "valuePeriod", period), *by)


def _move(move: NextMove) -> Resource:
    """One move that is open, and the OperationOutcome of what it still needs."""
    kind = [parameter("kind", "valueCode", move.kind)] if move.kind else []
    needs = [parameter("needs", "resource", outcome(move.needs))] if move.needs else []
    return parts("move", parameter("status", "valueCode", move.status), *kind, parameter("side", "valueCode", move.side), *needs)


def _no_query(asked: Preferences) -> None:
    """Refuses parameters in the URL of an operation that takes none there."""
    if asked.params:
        text = f"This operation has no parameter `{asked.params[0][0]}` in its URL; send it in the body's Parameters."
        raise Refused(problem(Category.MALFORMED, "not-supported", text, rule="R4 3.2.0"))


def routes(sessions: Sessions) -> list[Route]:
    """The routes of the operations."""
    do = Operations(sessions)
    return [
        Route(f"/fhir/Patient/{ID}/$disclose", do.disclose, methods=["POST"]),
        Route("/fhir/Patient/$break-glass", do.emergency, methods=["POST"]),
        Route(f"/fhir/Patient/{ID}/$break-glass", do.break_glass, methods=["POST"]),
        Route(f"/fhir/Patient/{ID}/$access-history", do.access_history, methods=["GET", "POST"]),
        Route("/fhir/Consent/$evaluate", do.evaluate, methods=["POST"]),
        Route(f"/fhir/CarePlan/{ID}/$ownership", do.ownership, methods=["GET", "POST"]),
        Route(f"/fhir/List/{ID}/$close-meeting", do.close_meeting, methods=["POST"]),
        Route(f"/fhir/Task/{ID}/$moves", do.moves, methods=["GET", "POST"]),
        Route(f"/fhir/PlanDefinition/{ID}/$explain", do.explain, methods=["GET", "POST"]),
        Route(f"/fhir/Task/{ID}/$disclosed", do.disclosed, methods=["GET", "POST"]),
    ]
