"""The FHIR interactions over HTTP (R4 section 3.1.0). The routes are plain Starlette routes, and answers are built from stored
bytes, because these are the busiest paths."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api import batch, exchange
from service.api.exchange import Preferences
from service.api.problems import FHIR_JSON
from service.api.route import Route
from service.api.sessions import Sessions
from service.change import Resource
from service.fhir.json import dump
from service.fhir.operation import parameters
from service.usecases.interactions import batches, conditional_writes, history, patching, records, search, validation
from service.usecases.request.results import Page
from service.usecases.request.services import RequestContext

Endpoint = Callable[[Request], Awaitable[Response]]

TYPE = "{type:fhirtype}"
ID = "{id:fhirid}"


class Interactions:
    """The endpoints of the interactions: one method for each interaction, with the interaction's name in R4."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.services = sessions.services
        self.base = sessions.base

    async def read(self, request: Request) -> Response:
        """GET [type]/[id]."""
        asked, (kind, identity) = exchange.preferences(request), _target(request)
        reading = records.Reading(self.services, kind, identity)
        answer = await reading.answer(await self.sessions.of(request), asked.params)
        return exchange.read(request, answer, asked)

    async def vread(self, request: Request) -> Response:
        """GET [type]/[id]/_history/[vid]."""
        asked = exchange.preferences(request)
        context = await self.sessions.of(request)
        answer = await records.vread(self.services, context, *_target(request), request.path_params["vid"], asked.params)
        return exchange.read(request, answer, asked)

    async def history(self, request: Request) -> Response:
        """GET [type]/[id]/_history."""
        asked = exchange.preferences(request)
        context = await self.sessions.of(request)
        page = await history.history(self.services, context, *_target(request), asked.params)
        return self._bundle("history", page, request.url.path, asked)

    async def create(self, request: Request) -> Response:
        """POST [type]."""
        asked, (context, resource) = exchange.preferences(request), await self.sessions.given(request)
        none_exist = exchange.if_none_exist(request, asked.params)
        answer = await records.create(self.services, context, request.path_params["type"], resource, none_exist)
        return exchange.written(answer, asked, self.base)

    async def update(self, request: Request) -> Response:
        """PUT [type]/[id]."""
        asked, (context, resource) = exchange.of_one(request), await self.sessions.given(request)
        answer = await records.update(self.services, context, *_target(request), resource, exchange.if_match(request))
        return exchange.written(answer, asked, self.base)

    async def patch(self, request: Request) -> Response:
        """PATCH [type]/[id]."""
        asked, (context, operations) = exchange.of_one(request), await self.sessions.given_patch(request)
        answer = await patching.patch(self.services, context, *_target(request), operations, exchange.if_match(request))
        return exchange.written(answer, asked, self.base)

    async def delete(self, request: Request) -> Response:
        """DELETE [type]/[id]."""
        exchange.of_one(request)
        context = await self.sessions.of(request)
        answer = await records.delete(self.services, context, *_target(request), exchange.if_match(request))
        return Response(status_code=204, headers={"ETag": answer.etag} if answer.version else None)

    async def conditional_update(self, request: Request) -> Response:
        """PUT [type]?params."""
        asked, (context, resource) = exchange.preferences(request), await self.sessions.given(request)
        kind, criteria, version = request.path_params["type"], f"?{urlencode(asked.params)}", exchange.if_match(request)
        answer = await conditional_writes.update(self.services, context, kind, resource, criteria, version)
        return exchange.written(answer, asked, self.base)

    async def conditional_delete(self, request: Request) -> Response:
        """DELETE [type]?params."""
        asked, context = exchange.preferences(request), await self.sessions.of(request)
        kind, criteria, version = request.path_params["type"], f"?{urlencode(asked.params)}", exchange.if_match(request)
        answer = await conditional_writes.delete(self.services, context, kind, criteria, version)
        return Response(status_code=204, headers={"ETag": answer.etag} if answer and answer.version else None)

    async def search(self, request: Request) -> Response:
        """GET [type]?params."""
        asked = exchange.preferences(request)
        context = await self.sessions.of(request)
        return await self._searched(request, context, asked)

    async def search_post(self, request: Request) -> Response:
        """POST [type]/_search."""
        context = await self.sessions.of(request)
        asked = exchange.preferences(request, await exchange.form_in(request))
        return await self._searched(request, context, asked)

    async def validate(self, request: Request) -> Response:
        """POST [type]/$validate and POST [type]/[id]/$validate; by GET, or without a body, about the record as it is kept."""
        asked = exchange.preferences(request)
        if await request.body():
            context, resource = await self.sessions.given(request)
        else:
            context, resource = await self.sessions.of(request), parameters()
        wanted = validation.Validation(
            request.path_params["type"],
            resource,
            request.path_params.get("id", ""),
            dict(asked.params),
            exchange.if_match(request),
            request.headers.get("if-none-exist", ""),
        )
        return exchange.outcome_of(await validation.validate(self.services, context, wanted), asked)

    async def batch(self, request: Request) -> Response:
        """POST [base]: a batch or transaction Bundle."""
        asked, (context, bundle) = exchange.preferences(request), await self.sessions.given(request)
        results = await batches.perform(self.services, context, bundle)
        return exchange.json(batch.responded(str(bundle["type"]), results, self.base, asked.returning), asked)

    async def _searched(self, request: Request, context: RequestContext, asked: Preferences) -> Response:
        kind = request.path_params["type"]
        page = await search.search(self.services, context, kind, asked.params)
        return self._bundle("searchset", page, f"/fhir/{kind}", asked)

    def _bundle(self, kind: str, page: Page, path: str, asked: Preferences) -> Response:
        links = exchange.page_links(self.base + path.removeprefix("/fhir"), asked.params, page)
        return exchange.json(exchange.bundle(kind, page, self.base, links), asked)


def _target(request: Request) -> tuple[str, str]:
    return request.path_params["type"], request.path_params["id"]


def routes(interactions: Interactions) -> list[Route]:
    """The routes under /fhir, the busiest first. No path fits two routes, because no id has a `$` or a `_`."""
    do = interactions
    return [
        Route(f"/fhir/{TYPE}/{ID}", Direct(do.read), methods=["GET"]),
        Route(f"/fhir/{TYPE}", Direct(do.search), methods=["GET"]),
        Route(f"/fhir/{TYPE}", Direct(do.create), methods=["POST"]),
        Route(f"/fhir/{TYPE}/{ID}", Direct(do.update), methods=["PUT"]),
        Route(f"/fhir/{TYPE}/{ID}", do.delete, methods=["DELETE"]),
        Route(f"/fhir/{TYPE}/{ID}", do.patch, methods=["PATCH"]),
        Route(f"/fhir/{TYPE}", do.conditional_update, methods=["PUT"]),
        Route(f"/fhir/{TYPE}", do.conditional_delete, methods=["DELETE"]),
        Route(f"/fhir/{TYPE}/$validate", do.validate, methods=["POST"]),
        Route(f"/fhir/{TYPE}/{ID}/$validate", do.validate, methods=["GET", "POST"]),
        Route(f"/fhir/{TYPE}/_search", do.search_post, methods=["POST"]),
        Route(f"/fhir/{TYPE}/{ID}/_history", do.history, methods=["GET"]),
        Route(f"/fhir/{TYPE}/{ID}/_history/{{vid}}", do.vread, methods=["GET"]),
        Route("/fhir", do.batch, methods=["POST"]),
        Route("/fhir/", do.batch, methods=["POST"]),
    ]


class Direct:
    """A busy endpoint without Starlette's handling of exceptions: `Edge` answers the endpoint's exceptions."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI connection."""
        response = await self.endpoint(Request(scope, receive))
        await response(scope, receive, send)


def static_json(body: Resource, media_type: str = FHIR_JSON) -> Endpoint:
    """An endpoint whose answer is known at start-up and never changes."""
    content = dump(body)

    async def endpoint(_: Request) -> Response:
        return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=300"})

    return endpoint


class _Segment(Convertor[str]):
    """A path segment of a fixed form. A segment of another form matches no route, so that no endpoint receives a malformed type
    or id."""

    def convert(self, value: str) -> str:
        """The segment itself."""
        return value

    def to_string(self, value: str) -> str:
        """The segment itself."""
        return value


class _Type(_Segment):
    regex = "[A-Z][A-Za-z]{1,63}"


class _Id(_Segment):
    regex = r"[A-Za-z0-9\-.]{1,64}"


def register_convertors() -> None:
    """Registers the path convertors `fhirtype` and `fhirid` (R4 section 2.20.4: an id has 1 to 64 of these characters)."""
    register_url_convertor("fhirtype", _Type())
    register_url_convertor("fhirid", _Id())
