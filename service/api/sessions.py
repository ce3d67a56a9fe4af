"""Authenticates requests: a request's token and body become the RequestContext that use cases work with."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import Scope

from service import clock
from service.api import exchange
from service.auth.event import Event
from service.change import Resource
from service.fhir.resource import localised
from service.problem import Category, Problem, Refused, problem
from service.usecases.interactions.batches import ACTION
from service.usecases.request.audit import denied, query_text
from service.usecases.request.services import RequestContext, Services
from service.usecases.smart.authentication import Authentication
from service.usecases.smart.limits import Limits


class Sessions:
    """Makes the RequestContext for every route that needs an authenticated caller."""

    def __init__(self, services: Services, authentication: Authentication, base: str, limits: Limits) -> None:
        self.services = services
        self.authentication = authentication
        self.base = base
        self.limits = limits

    async def of(self, request: Request, body: bytes = b"") -> RequestContext:
        """The context of an authenticated request. Raises Refused LOGIN for a request without a token, TOKEN for a token that
        does not hold (security rules, section 2)."""
        token = _bearer(request)
        directory = self.services.directory.ask()
        caller = await self.authentication.caller(token)
        if isinstance(caller, Problem):
            raise Refused(await self._failed(request, caller))
        self.limits.counted(caller.client, clock.now())
        state = request.state
        reads = request.method in ("GET", "HEAD")  # a repeat is recognised for writes only
        asked = request.scope["path"].encode(), request.scope["query_string"]
        mark = b"" if reads else b"%b %b\n%b" % (request.method.encode(), b"?".join(filter(None, asked)), body)
        context = RequestContext(
            caller=caller,
            at=clock.now(),
            base=self.base,
            request_id=state.request_id,
            correlation_id=state.correlation_id,
            fingerprint=hashlib.sha256(mark).hexdigest() if mark else "",
            given_id=state.given_id,
            directory=await directory or 0,
            handling=exchange.handling(request),
        )
        state.context, state.denied = context, self.denied
        return context

    async def given(self, request: Request) -> tuple[RequestContext, Resource]:
        """The context of a request that sends a resource, and the resource. The body of an anonymous request is not read."""
        _bearer(request)
        settings = self.services.settings
        resource, body = await exchange.resource_in(request, settings.max_body_bytes, settings.max_depth)
        if resource.get("resourceType") == "Parameters":
            resource = localised(resource, self.base)  # what is written is localised as it is prepared (usecases.rules)
        return await self.of(request, body), resource

    async def given_patch(self, request: Request) -> tuple[RequestContext, object]:
        """The context of a request that sends a JSON Patch, and its operations."""
        _bearer(request)
        settings = self.services.settings
        operations, body = await exchange.patch_in(request, settings.max_body_bytes, settings.max_depth)
        return await self.of(request, body), operations

    async def _failed(self, request: Request, refusal: Problem) -> Problem:
        """The refusal of a token that does not hold, once it is counted and audited; or that there were too many."""
        address = request.client.host if request.client else ""
        told = Event(
            "bearer", False, reason=f"A bearer token was refused at {request.method} {request.scope['path'].split('/')[1]}."
        )
        return await self.limits.failed(address, told) or refusal

    async def denied(self, scope: Scope, refusal: Problem) -> None:
        """Writes the AuditEvent of this request's refusal, when the refusal denies the caller access."""
        context: RequestContext = scope["state"]["context"]
        if refusal.category is Category.ABSENT:
            self.limits.absent(context.caller.client, context.at)
        path, query = scope["path"].removeprefix("/fhir/"), parse_qsl(scope["query_string"].decode("latin-1"))
        action = "E" if "$" in path or path.endswith("_search") else ACTION.get(scope["method"], "E")
        await denied(self.services, context, action, query_text(path, query) if query else path, refusal)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        text = "This needs an access token; ask the authorization server named in `/fhir/.well-known/smart-configuration`."
        raise Refused(problem(Category.LOGIN, "login", text))
    return token.strip()
