"""The FHIR interactions over HTTP (R4 section 3.1.0). Plain Starlette routes on the hot path; every answer is stored bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service import clock
from service.api import batch, exchange
from service.api.exchange import Params, Preferences
from service.api.problems import FHIR_JSON
from service.change import Resource
from service.fhir.json import dump
from service.problem import Category, Problem, Refused, problem
from service.usecases.interactions import batches, records, search, validation
from service.usecases.interactions.batches import ACTION
from service.usecases.request.audit import denied, query_text
from service.usecases.request.results import Page
from service.usecases.request.services import RequestContext, Services
from service.usecases.smart.authentication import Authentication

Endpoint = Callable[[Request], Awaitable[Response]]

TYPE = "{type:fhirtype}"
ID = "{id:fhirid}"


class Sessions:
    """Who is asking, for every route that needs to know."""

    def __init__(self, services: Services, authentication: Authentication, base: str) -> None:
        self.services = services
        self.authentication = authentication
        self.base = base

    async def of(self, request: Request, body: bytes = b"") -> RequestContext:
        """The context of an authenticated request; refuses the others (security rules, section 2)."""
        token = _bearer(request)
        directory = self.services.directory.ask()
        caller = await self.authentication.caller(token)
        if isinstance(caller, Problem):
            raise Refused(caller)
        state = request.state
        reads = request.method in ("GET", "HEAD")  # only writes are told apart from their repeats
        mark = b"" if reads else b"%b %b\n%b" % (request.method.encode(), request.scope["path"].encode(), body)
        context = RequestContext(
            caller=caller,
            at=clock.now(),
            base=self.base,
            request_id=state.request_id,
            correlation_id=state.correlation_id,
            fingerprint=hashlib.sha256(mark).hexdigest() if mark else "",
            given_id=state.given_id,
            directory=await directory or 0,
        )
        state.context, state.denied = context, self.denied
        return context

    async def denied(self, scope: Scope, refusal: Problem) -> None:
        """Tells the audit trail when the caller of this request was denied."""
        context: RequestContext = scope["state"]["context"]
        path, query = scope["path"].removeprefix("/fhir/"), parse_qsl(scope["query_string"].decode("latin-1"))
        action = "E" if "$" in path or path.endswith("_search") else ACTION.get(scope["method"], "E")
        await denied(self.services, context, action, query_text(path, query) if query else path, refusal)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        text = "This needs an access token; ask the authorization server named in `/fhir/.well-known/smart-configuration`."
        raise Refused(problem(Category.LOGIN, "login", text))
    return token.strip()


class Interactions:
    """One method an interaction, named as R4 names it."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.services = sessions.services
        self.base = sessions.base

    async def read(self, request: Request) -> Response:
        """GET [type]/[id]."""
        asked, (kind, identity) = exchange.wish(request), _target(request)
        reading = records.Reading(self.services, kind, identity)
        answer = await reading.answer(await self.sessions.of(request), asked.params)
        return exchange.read(request, answer, asked)

    async def vread(self, request: Request) -> Response:
        """GET [type]/[id]/_history/[vid]."""
        asked = exchange.wish(request)
        context = await self.sessions.of(request)
        answer = await records.vread(self.services, context, *_target(request), request.path_params["vid"])
        return exchange.read(request, answer, asked)

    async def history(self, request: Request) -> Response:
        """GET [type]/[id]/_history."""
        asked = exchange.wish(request)
        context = await self.sessions.of(request)
        page = await records.history(self.services, context, *_target(request), asked.params)
        return self._bundle("history", page, request.url.path, asked)

    async def create(self, request: Request) -> Response:
        """POST [type]."""
        asked, context, resource = await self._writing(request)
        none_exist = request.headers.get("if-none-exist", "")
        answer = await records.create(self.services, context, request.path_params["type"], resource, none_exist)
        return exchange.written(answer, asked, self.base)

    async def update(self, request: Request) -> Response:
        """PUT [type]/[id]."""
        asked, context, resource = await self._writing(request)
        answer = await records.update(self.services, context, *_target(request), resource, exchange.if_match(request))
        return exchange.written(answer, asked, self.base)

    async def delete(self, request: Request) -> Response:
        """DELETE [type]/[id]."""
        context = await self.sessions.of(request)
        answer = await records.delete(self.services, context, *_target(request), exchange.if_match(request))
        return Response(status_code=204, headers={"ETag": answer.etag} if answer.version else None)

    async def search(self, request: Request) -> Response:
        """GET [type]?params."""
        asked = exchange.wish(request)
        context = await self.sessions.of(request)
        return await self._searched(request, context, asked, asked.params)

    async def search_post(self, request: Request) -> Response:
        """POST [type]/_search."""
        asked = exchange.wish(request)
        context = await self.sessions.of(request)
        params = (*asked.params, *await exchange.form_in(request))
        return await self._searched(request, context, asked, params)

    async def validate(self, request: Request) -> Response:
        """POST [type]/$validate."""
        asked, context, resource = await self._writing(request)
        strict = "handling=strict" in request.headers.get("prefer", "")
        issues = validation.validate(self.services, context, request.path_params["type"], resource, asked.params, strict)
        return exchange.outcome_of(issues, asked)

    async def batch(self, request: Request) -> Response:
        """POST [base]: a batch or transaction Bundle."""
        asked, context, bundle = await self._writing(request)
        results = await batches.perform(self.services, context, bundle)
        return exchange.json(batch.responded(str(bundle["type"]), results, self.base), asked)

    async def _writing(self, request: Request) -> tuple[Preferences, RequestContext, Resource]:
        asked = exchange.wish(request)
        _bearer(request)  # an anonymous body is not read
        resource, body = await exchange.resource_in(request, self.services.settings.max_depth)
        return asked, await self.sessions.of(request, body), resource

    async def _searched(self, request: Request, context: RequestContext, asked: Preferences, params: Params) -> Response:
        kind = request.path_params["type"]
        page = await search.search(self.services, context, kind, params, lenient=asked.lenient)
        return self._bundle("searchset", page, f"/fhir/{kind}", Preferences(params, asked.pretty))

    def _bundle(self, kind: str, page: Page, path: str, asked: Preferences) -> Response:
        url = self.base + path.removeprefix("/fhir")
        kept = [(name, value) for name, value in asked.params if name != "_cursor"]
        links = [{"relation": "self", "url": _url(url, asked.params)}]
        if page.cursor:
            links.append({"relation": "next", "url": _url(url, (*kept, ("_cursor", page.cursor)))})
        return exchange.json(exchange.bundle(kind, page, self.base, links), asked)


def _url(url: str, params: Params | list[tuple[str, str]]) -> str:
    return f"{url}?{urlencode(params, safe='|:/,')}" if params else url


def _target(request: Request) -> tuple[str, str]:
    return request.path_params["type"], request.path_params["id"]


def routes(interactions: Interactions) -> list[Route]:
    """The routes under /fhir, the busiest first: no two have a path in common, since no id holds a `$` or a `_`."""
    do = interactions
    return [
        Route(f"/fhir/{TYPE}/{ID}", Direct(do.read), methods=["GET"]),
        Route(f"/fhir/{TYPE}", Direct(do.search), methods=["GET"]),
        Route(f"/fhir/{TYPE}", Direct(do.create), methods=["POST"]),
        Route(f"/fhir/{TYPE}/{ID}", Direct(do.update), methods=["PUT"]),
        Route(f"/fhir/{TYPE}/{ID}", do.delete, methods=["DELETE"]),
        Route(f"/fhir/{TYPE}/$validate", do.validate, methods=["POST"]),
        Route(f"/fhir/{TYPE}/_search", do.search_post, methods=["POST"]),
        Route(f"/fhir/{TYPE}/{ID}/_history", do.history, methods=["GET"]),
        Route(f"/fhir/{TYPE}/{ID}/_history/{{vid}}", do.vread, methods=["GET"]),
        Route("/fhir", do.batch, methods=["POST"]),
        Route("/fhir/", do.batch, methods=["POST"]),
    ]


class Direct:
    """A busy endpoint without Starlette's wrapping for exceptions: `Edge` answers what it raises."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        response = await self.endpoint(Request(scope, receive))
        await response(scope, receive, send)


def static_json(body: Resource, media_type: str = FHIR_JSON) -> Endpoint:
    """An endpoint for something known at start-up."""
    content = dump(body)

    async def endpoint(_: Request) -> Response:
        return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=300"})

    return endpoint


class _Segment(Convertor[str]):
    """A path segment of one form; anything else is no route, so that no handler sees a strange id."""

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
    """Makes `fhirtype` and `fhirid` known to route paths (R4 section 2.20.4: ids are 1 to 64 of these characters)."""
    register_url_convertor("fhirtype", _Type())
    register_url_convertor("fhirid", _Id())
