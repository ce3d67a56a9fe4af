"""The answer to what is no HTTP request. No application is asked about it, so the server's protocol sends this answer itself: an
OperationOutcome with the headers of every other answer, one line in the log, and counts."""

from __future__ import annotations

import structlog

from service import clock
from service.api import problems
from service.api.edge import HEADERS
from service.api.telemetry import OTHER, REFUSALS, TIMES, UNROUTED
from service.problem import Category, problem

log = structlog.get_logger()
TEXT = "This is no HTTP request that can be read: its method, URL or a header is malformed, or the URL is too long."


def refused() -> bytes:
    """The bytes of the whole answer, once it is logged and counted. Nothing of what was sent is told, because it may be
    anything."""
    said, identity = problems.response(problem(Category.MALFORMED, "structure", TEXT)), clock.new_id()
    TIMES.labels(OTHER, UNROUTED, said.status_code).observe(0)
    REFUSALS.labels(Category.MALFORMED).inc()
    told = {"method": OTHER, "route": UNROUTED, "status": said.status_code, "refusal": Category.MALFORMED}
    log.info("request", **told, request_id=identity)
    headers = (*said.raw_headers, *HEADERS.items(), (b"x-request-id", identity.encode()), (b"connection", b"close"))
    lines = (b"%b: %b" % pair for pair in headers)
    return b"\r\n".join((b"HTTP/1.1 400 Bad Request", *lines, b"", bytes(said.body)))
