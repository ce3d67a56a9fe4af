"""The Edge, the outermost wrapper of the service: request ids, size limits, security headers, and the answer to every refusal and
fault."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import perf_counter

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import clock
from service.api import cors, problems
from service.api.telemetry import Telemetry
from service.problem import Category, Problem, Refused, problem, trace

log = structlog.get_logger()

IDENTIFIER = re.compile(r"[A-Za-z0-9._~:/+=-]{1,128}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""The form of an id that may be logged: any other could be somebody's name."""

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

    def __init__(
        self, app: ASGIApp, max_body: int, telemetry: Telemetry | None = None, allow: Callable[[Scope], str] = lambda _: ""
    ) -> None:
        self.app = app
        self.max_body = max_body
        self.telemetry = telemetry or Telemetry(lines=False)
        self.allow = allow

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
        state = scope.setdefault("state", {})
        state.update(request_id=identity, correlation_id=correlation, given_id=given == identity, logged_id=_logged(identity))
        open_to_pages = cors.opened(scope["path"])
        if open_to_pages and scope["method"] == "OPTIONS":
            await _preflight(ids, send)
            return
        shared = cors.ANSWER if open_to_pages else ()
        begun, started, status = perf_counter(), False, 500

        async def answer(message: Message) -> None:
            nonlocal started, status
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                _complete(message, ids, shared)
            await send(message)

        try:
            await self.app(scope, self._limited(asked, receive), answer)
        except Exception as error:
            if started:
                _fault(state["logged_id"], error)
                raise
            refusal = await _refusal(scope, state["logged_id"], error)
            state["refusal"] = refusal.category
            more = {"Allow": self.allow(scope)} if refusal.category is Category.NOT_ALLOWED else {}
            await problems.response(refusal, scope["method"], more)(scope, receive, answer)
        finally:
            self.telemetry.answered(scope, status, perf_counter() - begun)

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


async def _refusal(scope: Scope, logged: str, error: Exception) -> Problem:
    """What the client is told of an exception. A refusal is told once its AuditEvent is written; when that cannot be written, it
    is told why."""
    if isinstance(error, HTTPException):
        return problems.unrouted(scope["method"], error.status_code)
    if not isinstance(error, Refused):
        return _fault(logged, error)
    denied = scope["state"].get("denied")
    try:
        if denied is not None:
            await denied(scope, error.problem)
    except Refused as failed:
        return failed.problem
    except Exception as failed:
        return _fault(logged, failed)
    return error.problem


def _fault(logged: str, error: Exception) -> Problem:
    """The refusal FAULT of an exception that nobody expected, which is logged under this id. It does not say that nothing was
    stored, because nobody knows."""
    log.error("fault", request_id=logged, error=type(error).__name__, at=trace(error))
    text = (
        f"This request could not be finished. Quote request `{logged}` to its operators. Under the same `X-Request-Id` it"
        " may be repeated, and is carried out once."
    )
    return problem(Category.FAULT, "exception", text)


def _identity(given: str, otherwise: str = "") -> str:
    """The id that the client gave, when the id can be echoed safely; else `otherwise`, or a new id."""
    return given if given and IDENTIFIER.fullmatch(given) else otherwise or clock.new_id()


def _logged(identity: str) -> str:
    """The id under which the log has a request: its own where that is a UUID, else a new one."""
    return identity if UUID.fullmatch(identity) else clock.new_id()


async def _preflight(ids: dict[bytes, bytes], send: Send) -> None:
    """Answers a browser that asks whether a page may call this path."""
    start = {"type": "http.response.start", "status": 204, "headers": []}
    _complete(start, ids, cors.PREFLIGHT)
    await send(start)
    await send({"type": "http.response.body"})


def _complete(message: Message, ids: dict[bytes, bytes], more: tuple[tuple[bytes, bytes], ...]) -> None:
    said = [pair for pair in message["headers"] if pair[0] not in ids]
    names = {name.lower() for name, _ in said}
    message["headers"] = [*said, *ids.items(), *more, *(pair for pair in HEADERS.items() if pair[0] not in names)]
