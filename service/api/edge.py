"""The Edge, the outermost wrapper of the service: request ids, size limits, security headers, and the answer to every refusal and
fault."""

from __future__ import annotations

import re

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import clock
from service.api import problems
from service.problem import Category, Problem, Refused, problem, trace

log = structlog.get_logger()

IDENTIFIER = re.compile(r"[A-Za-z0-9._~:/+=-]{1,128}")

# Headers of every answer, unless the answer sets the header itself.
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"cross-origin-resource-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}


class Edge:
    """The ASGI wrapper around the whole service. Every answer passes through the Edge."""

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self.app = app
        self.max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = dict(scope["headers"])
        given = asked.get(b"x-request-id", b"").decode("latin-1")
        identity = _identity(given)
        correlation = _identity(asked.get(b"x-correlation-id", b"").decode("latin-1"), identity)
        ids = {b"x-request-id": identity.encode(), b"x-correlation-id": correlation.encode()}
        scope.setdefault("state", {}).update(request_id=identity, correlation_id=correlation, given_id=given == identity)
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _complete(message, ids)
            await send(message)

        try:
            await self.app(scope, self._limited(asked, receive), answer)
        except Refused as refusal:
            await problems.response(await _told(scope, refusal.problem))(scope, receive, answer)
        except HTTPException as error:
            await problems.response(problems.unrouted(scope["method"], error.status_code))(scope, receive, answer)
        except Exception as error:
            log.error("fault", request_id=identity, error=type(error).__name__, at=trace(error))
            if started:
                raise
            text = f"Baton could not finish this request; nothing of it was stored. Quote request `{identity}` to its operators."
            await problems.response(problem(Category.FAULT, "exception", text))(scope, receive, answer)

    def _limited(self, asked: dict[bytes, bytes], receive: Receive) -> Receive:
        declared = asked.get(b"content-length", b"").decode("latin-1")
        if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > self.max_body):
            raise Refused(self._too_large())
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_body:
                raise Refused(self._too_large())
            return message

        return limited

    def _too_large(self) -> Problem:
        text = f"The body is larger than {self.max_body} bytes; send fewer or smaller resources at a time."
        return problem(Category.TOO_LARGE, "too-long", text)


async def _told(scope: Scope, refusal: Problem) -> Problem:
    """The refusal, once its AuditEvent is written; or the refusal UNAVAILABLE when the AuditEvent cannot be written."""
    denied = scope["state"].get("denied")
    try:
        if denied is not None:
            await denied(scope, refusal)
    except Refused as failed:
        return failed.problem
    return refusal


def _identity(given: str, otherwise: str = "") -> str:
    """The id that the client gave, when the id can be echoed safely; else `otherwise`, or a new id."""
    return given if given and IDENTIFIER.fullmatch(given) else otherwise or clock.new_id()


def _complete(message: Message, ids: dict[bytes, bytes]) -> None:
    said = [pair for pair in message["headers"] if pair[0] not in ids]
    names = {name.lower() for name, _ in said}
    message["headers"] = [*said, *ids.items(), *(pair for pair in HEADERS.items() if pair[0] not in names)]
