"""The front page, at `/` and `/docs`: what this service is, and where to go. It tells nothing of anybody."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from service.api.oauth import templates
from service.api.route import Route

POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"


def routes(fhir: str, version: str) -> list[Route]:
    """The routes of the front page. `fhir` is our FHIR base URL."""
    text = templates().get_template("front.html").render(base="/auth", fhir=fhir, version=version)

    async def front(_: Request) -> Response:
        return HTMLResponse(text, headers={"Content-Security-Policy": POLICY, "Cache-Control": "public, max-age=300"})

    return [Route("/", front, methods=["GET"]), Route("/docs", front, methods=["GET"])]
