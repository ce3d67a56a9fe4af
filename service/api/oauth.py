"""The authorization server over HTTP: each endpoint parses a request, calls a use case and writes the answer. The app mounts
`routes` under `/auth`.

The server sets one cookie, HttpOnly and SameSite=Lax, whose value is 256 random bits. The session is kept in the store, so the
cookie needs no signature. Every form carries a CSRF token derived from the cookie. Pages have no script, and their
Content-Security-Policy forbids scripts.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from service import clock
from service.api.problems import RETRY_AFTER, STATUS
from service.api.problems import headers as headers_of
from service.api.refusal import refused
from service.api.route import Route
from service.auth.authorize import Wrong
from service.auth.clients import digest
from service.auth.event import Event
from service.auth.grants import Answer, OAuthRequest
from service.auth.grants import refusal as refusal_of
from service.problem import Category, Problem, Refused
from service.usecases.smart.authentication import Authentication
from service.usecases.smart.authorization import Authorization
from service.usecases.smart.launch import Approved, Launching, LoginNeeded, Question
from service.usecases.smart.limits import Limits
from service.usecases.smart.users import Users

LARGEST_FORM = 64 * 1024
MOST_FIELDS = 64
Endpoint = Callable[[Request], Awaitable[Response]]
_PAGES = Path(__file__).with_name("pages")
_NO_MORE: Mapping[str, str] = MappingProxyType({})
_NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class OAuth:
    """The use cases that the routes of the authorization server call."""

    authorization: Authorization
    launching: Launching
    users: Users
    authentication: Authentication
    limits: Limits

    @property
    def issuer(self) -> str:
        return self.authorization.terms.issuer

    @property
    def secure(self) -> bool:
        """Whether browsers reach the service by https."""
        return self.issuer.startswith("https:")

    @property
    def cookie(self) -> str:
        """The cookie's name. The prefix `__Host-` binds the cookie to this host, and is allowed only with https."""
        return "__Host-baton" if self.secure else "baton"


@dataclass(frozen=True, slots=True)
class Unread:
    """Why the parameters of a request cannot be read."""

    reason: str


def routes(services: OAuth) -> list[Route]:
    """The routes of the authorization server, relative to the path under which the server is mounted."""
    here = _Endpoints(services)
    page, client = here.for_people, here.for_clients
    return [
        Route("/authorize", page(here.authorize), methods=["GET"]),
        Route("/authorize", page(here.decide), methods=["POST"]),
        Route("/login", page(here.login), methods=["POST"]),
        Route("/logout", page(here.logout), methods=["POST"]),
        Route("/launch", client(here.launch), methods=["POST"]),
        Route("/token", client(here.token), methods=["POST"]),
        Route("/introspect", client(here.introspect), methods=["POST"]),
        Route("/revoke", client(here.revoke), methods=["POST"]),
        Route("/jwks", client(here.jwks), methods=["GET"]),
        Route("/.well-known/openid-configuration", client(here.openid), methods=["GET"]),
        Route("/style.css", _style, methods=["GET"]),
    ]


class _Endpoints:
    def __init__(self, services: OAuth) -> None:
        self._services = services
        self._base = urlsplit(services.issuer).path

    def for_people(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint of a page: a refusal is a page, too."""

        async def shown(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refused as refusal:
                category = refusal.problem.category
                return self._error(request, str(refusal), STATUS[category], headers_of(category))

        return shown

    def for_clients(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint of a client: that the service is away is told in OAuth's terms (RFC 6749 section 4.1.2.1)."""

        async def told(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Refused as refusal:
                category = refusal.problem.category
                answer = refusal_of("temporarily_unavailable", str(refusal), STATUS[category])
                return _json(request, replace(answer, headers={"Retry-After": RETRY_AFTER.get(category, "5")}))

        return told

    async def token(self, request: Request) -> Response:
        return await self._oauth(request, self._services.authorization.token)

    async def introspect(self, request: Request) -> Response:
        return await self._oauth(request, self._services.authorization.introspect)

    async def revoke(self, request: Request) -> Response:
        return await self._oauth(request, self._services.authorization.revoke)

    async def _oauth(self, request: Request, endpoint: Callable[[OAuthRequest], Awaitable[Answer]]) -> Response:
        """The answer of an endpoint for clients. A secret that does not hold is counted for its address."""
        asked = await _form(request)
        answer = refusal_of("invalid_request", asked.reason) if isinstance(asked, Unread) else await endpoint(asked)
        if answer.body.get("error") in ("invalid_client", "invalid_grant"):
            told = Event("token", False, reason=f"A secret was refused: {answer.body['error']}.")
            if (slower := await self._services.limits.failed(_address(request), told)) is not None:
                return _json(
                    request,
                    replace(
                        refusal_of("temporarily_unavailable", str(slower), 429),
                        headers={"Retry-After": RETRY_AFTER[Category.THROTTLED]},
                    ),
                )
        return _json(request, answer)

    async def jwks(self, _: Request) -> Response:
        keys = await self._services.authorization.jwks()
        return JSONResponse(keys, headers={"Cache-Control": "public, max-age=300"})

    async def openid(self, _: Request) -> Response:
        return JSONResponse(self._services.authorization.openid_configuration())

    async def authorize(self, request: Request) -> Response:
        asked = _query(request)
        if isinstance(asked, Unread):
            return self._error(request, asked.reason)
        return self._shown(request, await self._services.launching.begin(asked, self._secret(request)))

    async def decide(self, request: Request) -> Response:
        asked, form = _query(request), await _form(request)
        if isinstance(asked, Unread) or isinstance(form, Unread):
            return self._error(request, "The form could not be read.")
        if not self._csrf_holds(request, form):
            return self._error(request, "The form is out of date, or did not come from this page.", 403)
        launching, secret, chosen = self._services.launching, self._secret(request), form["patient"]
        if form["decision"] == "find":
            return self._shown(request, await launching.begin(asked, secret, form["find"]))
        if form["decision"] == "allow":
            return self._shown(request, await launching.approve(asked, secret, chosen), chosen=chosen)
        return self._shown(request, await launching.deny(asked, secret))

    async def login(self, request: Request) -> Response:
        asked, form = _query(request), await _form(request)
        if isinstance(asked, Unread) or isinstance(form, Unread):
            return self._error(request, "The form could not be read.")
        if not self._csrf_holds(request, form):
            return self._error(request, "The form is out of date, or did not come from this page.", 403)
        shown = await self._services.launching.begin(asked, "")
        if not isinstance(shown, LoginNeeded):
            return self._shown(request, shown)
        session = await self._services.users.login(form["username"], form["password"], _address(request))
        if isinstance(session, Problem):
            request.state.refusal = session.category
            return self._login_page(request, shown, str(session), form["username"])
        answer = self._back(request)
        self._set_cookie(answer, session)
        return answer

    async def logout(self, request: Request) -> Response:
        form = await _form(request)
        if isinstance(form, Unread) or not self._csrf_holds(request, form):
            return self._error(request, "The form is out of date, or did not come from this page.", 403)
        await self._services.users.logout(self._secret(request))
        answer = self._back(request)
        answer.delete_cookie(self._services.cookie, path="/", secure=self._services.secure, httponly=True, samesite="lax")
        return answer

    async def launch(self, request: Request) -> Response:
        """Makes a launch for the user of a bearer token. The form has the parameters `client_id`, `patient` and optionally
        `intent`."""
        form = await _form(request)
        if isinstance(form, Unread):
            return _json(request, refusal_of("invalid_request", form.reason))
        scheme, _, token = form.authorization.partition(" ")
        caller = await self._services.authentication.caller(token.strip()) if scheme.lower() == "bearer" else None
        if caller is None or isinstance(caller, Problem):
            await self._services.limits.failed(_address(request), Event("launch", False, reason="A bearer token was refused."))
            headers = {"WWW-Authenticate": 'Bearer realm="baton"' + (', error="invalid_token"' if caller is not None else "")}
            return _json(request, Answer(401, {"error": "invalid_token"}, headers))
        try:
            launch = await self._services.launching.launch(caller, form["client_id"], form["patient"], form["intent"])
        except Refused as refusal:
            if refusal.problem.category is Category.UNAVAILABLE:
                raise
            return _json(request, refusal_of("invalid_request", str(refusal)))
        return _json(request, Answer(200, {"launch": launch, "iss": self._services.authorization.terms.fhir_base}))

    def _shown(self, request: Request, shown: LoginNeeded | Question | Wrong | Approved, chosen: str = "") -> Response:
        match shown:
            case LoginNeeded():
                return self._login_page(request, shown)
            case Question():
                return self._consent_page(request, shown, chosen)
            case Approved():
                return self._sent_back(shown.redirect_uri, {"code": shown.code, "state": shown.state})
            case Wrong(redirect_uri=""):
                return self._error(request, shown.description)
        refused(request, shown.error)
        return self._sent_back(
            shown.redirect_uri, {"error": shown.error, "error_description": shown.description, "state": shown.state}
        )

    def _sent_back(self, redirect_uri: str, parameters: Mapping[str, str]) -> Response:
        """The redirect to a verified redirect URI. The parameter `iss` names our issuer, so that a client of several servers
        cannot confuse the servers (RFC 9207)."""
        said = {name: value for name, value in {**parameters, "iss": self._services.issuer}.items() if value}
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return RedirectResponse(f"{redirect_uri}{joint}{urlencode(said)}", 303, headers=_guards(""))

    def _back(self, request: Request) -> Response:
        return RedirectResponse(f"{self._base}/authorize?{request.url.query}", 303, headers=_guards(""))

    def _login_page(self, request: Request, shown: LoginNeeded, fault: str = "", username: str = "") -> Response:
        secret = self._secret(request) or clock.new_secret()
        page = self._page(
            request,
            "login.html",
            400 if fault else 200,
            client=shown.request.client.name,
            agency=shown.request.client.agency,
            csrf=_csrf(secret),
            fault=fault,
            username=username,
        )
        if not self._secret(request):
            self._set_cookie(page, secret)
        return page

    def _consent_page(self, request: Request, shown: Question, chosen: str) -> Response:
        named = next((choice.display for choice in shown.choices if choice.reference == shown.patient), shown.patient)
        return self._page(
            request,
            "consent.html",
            400 if shown.fault else 200,
            target=_origin(shown.request.redirect_uri),
            client=shown.request.client.name,
            agency=shown.request.client.agency,
            lines=shown.lines,
            ask=shown.ask,
            choices=shown.choices,
            sought=shown.sought,
            more=shown.more,
            patient=named,
            chosen=chosen,
            csrf=_csrf(self._secret(request)),
            fault=shown.fault,
            username=shown.user.username,
        )

    def _page(self, request: Request, name: str, status: int, target: str = "", **values: Any) -> HTMLResponse:
        text = templates().get_template(name).render(base=self._base, query=request.url.query, **values)
        return HTMLResponse(text, status, headers=_guards(target))

    def _error(self, request: Request, text: str, status: int = 400, more: Mapping[str, str] = _NO_MORE) -> Response:
        refused(request, status)
        page = templates().get_template("error.html").render(base=self._base, heading="This cannot go on", text=text)
        return HTMLResponse(page, status, headers={**more, **_guards("")})

    def _secret(self, request: Request) -> str:
        return request.cookies.get(self._services.cookie, "")[:64]

    def _csrf_holds(self, request: Request, form: OAuthRequest) -> bool:
        secret = self._secret(request)
        return bool(secret) and hmac.compare_digest(_csrf(secret), form["csrf"])

    def _set_cookie(self, response: Response, secret: str) -> None:
        response.set_cookie(self._services.cookie, secret, path="/", secure=self._services.secure, httponly=True, samesite="lax")


def _address(request: Request) -> str:
    """The network address of a client, whose failed secrets are counted."""
    return request.client.host if request.client else ""


def _json(request: Request, answer: Answer) -> Response:
    if answer.status >= 400:
        refused(request, str(answer.body.get("error", "")), answer.status)
    headers = {name: value for name, value in answer.headers.items() if name.lower() in ("www-authenticate", "retry-after")}
    return JSONResponse(dict(answer.body), answer.status, headers={**_NEVER_KEPT, **headers})


def _query(request: Request) -> OAuthRequest | Unread:
    return _asked(request.scope["query_string"])


async def _form(request: Request) -> OAuthRequest | Unread:
    """The form in the body, with each parameter at most once. Parameters of the query are not read, because secrets do not belong
    in URLs."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return Unread("Send the parameters as application/x-www-form-urlencoded.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            return Unread(f"The form is larger than {LARGEST_FORM} bytes.")
    return _asked(bytes(body), request.headers.get("authorization", ""))


def _asked(data: bytes, authorization: str = "") -> OAuthRequest | Unread:
    try:
        pairs = parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        return Unread("The parameters cannot be read.")
    if len({name for name, _ in pairs}) != len(pairs):
        return Unread("A parameter is given more than once.")
    return OAuthRequest({name: value for name, value in pairs if value}, authorization)


def _csrf(secret: str) -> str:
    return digest(f"csrf {secret}")


def _origin(redirect_uri: str) -> str:
    """The origin of a redirect URI as a CSP source: browsers apply `form-action` to the redirect after a form, too."""
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def _guards(target: str) -> dict[str, str]:
    policy = f"default-src 'none'; style-src 'self'; form-action 'self' {target}".rstrip()
    return {
        **_NEVER_KEPT,
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'; base-uri 'none'",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


@cache
def templates() -> Environment:
    """The pages."""
    return Environment(loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined)


@cache
def _stylesheet() -> bytes:
    return _PAGES.joinpath("style.css").read_bytes()


async def _style(_: Request) -> Response:
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(_stylesheet(), media_type="text/css", headers=headers)
