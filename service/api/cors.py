"""Cross-origin requests (Fetch standard, CORS protocol; SMART App Launch 2.2 section 6): an app in a browser may call the FHIR
API, the CDS Hooks services, and the endpoints for clients of the authorization server, whatever page the app comes from.

None of these places reads a cookie: a caller proves itself by a token or a secret that a foreign page does not have. So every
origin is answered, and no browser is ever told to send its credentials. The pages of the authorization server, which do read a
cookie, answer no foreign page.
"""

from __future__ import annotations

OPEN = ("/fhir", "/cds-services", "/auth/token", "/auth/introspect", "/auth/revoke", "/auth/jwks", "/auth/.well-known/")
"""The paths, by what they begin with, that the pages of any origin may call."""

_ASKED = (
    "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, Prefer, "
    "X-Correlation-Id, X-Request-Id"
)
_SHOWN = "Content-Location, ETag, Last-Modified, Location, Retry-After, WWW-Authenticate, X-Correlation-Id, X-Request-Id"

ANSWER = ((b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _SHOWN.encode()))
"""The headers of every answer at an open path."""

PREFLIGHT = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (b"access-control-allow-headers", _ASKED.encode()),
    (b"access-control-max-age", b"3600"),
)
"""The headers of the answer to a preflight request, which a browser sends before the request itself, and without a token."""


def opened(path: str) -> bool:
    """Whether pages of other origins may call this path."""
    return path.startswith(OPEN)
