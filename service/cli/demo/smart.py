"""The client side of SMART: Backend Services with a signed assertion, and an app that a person logs in to (PKCE)."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from service import clock
from service.change import Resource
from service.problem import Category, Refused, problem

ALGORITHM = "ES384"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FHIR_JSON = "application/fhir+json"


@dataclass(slots=True)
class Partner:
    """One client of the service, with its token. `name` is the client's name in the story."""

    name: str
    http: httpx.Client
    token: str = field(repr=False)

    def ask(self, method: str, path: str, body: Resource | None = None, **headers: str) -> httpx.Response:
        """Sends a FHIR request. The names of `headers` have `_` in the place of `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": FHIR_JSON, **named}
        return self.http.request(method, f"/fhir/{path}", json=body, headers=given)

    def get(self, path: str) -> httpx.Response:
        """Sends a GET request."""
        return self.ask("GET", path)

    def post(self, path: str, body: Resource) -> httpx.Response:
        """Sends a POST request."""
        return self.ask("POST", path, body)

    def put(self, resource: Resource, **changes: Any) -> httpx.Response:
        """Sends a PUT of a resource with some members changed, with If-Match for the version of `resource`."""
        match = f'W/"{resource["meta"]["versionId"]}"'
        return self.ask("PUT", f"{resource['resourceType']}/{resource['id']}", {**resource, **changes}, If_Match=match)


def new_key(client: str) -> dict[str, Any]:
    """A new private key, as a JWK."""
    made = ECKey.generate_key("P-384", {"kid": f"{client}-1", "use": "sig", "alg": ALGORITHM}, private=True)
    return dict(made.as_dict(private=True))


def public_part(key: dict[str, Any]) -> dict[str, Any]:
    """The public part of a key, which the service may have."""
    return {name: value for name, value in key.items() if name != "d"}


def backend(http: httpx.Client, client: str, key: dict[str, Any], scope: str) -> str:
    """An access token for a system: client_credentials with private_key_jwt (SMART Backend Services)."""
    endpoint = _token_endpoint(http)
    claims = {
        "iss": client,
        "sub": client,
        "aud": endpoint,
        "exp": int(clock.now().timestamp()) + 240,
        "jti": secrets.token_hex(16),
    }
    signed = jwt.encode({"alg": ALGORITHM, "kid": key["kid"], "typ": "JWT"}, claims, ECKey.import_key(key), [ALGORITHM])
    form = {"grant_type": "client_credentials", "scope": scope, "client_assertion_type": ASSERTION, "client_assertion": signed}
    return _issued(http.post(endpoint, data=form))


@dataclass(frozen=True, slots=True)
class App:
    """A public app, and the redirect URI to which people are sent back."""

    client: str
    redirect_uri: str

    def login(self, http: httpx.Client, username: str, password: str, scope: str, patient: str = "") -> str:
        """An access token for a person: authorizes, logs in, consents and exchanges the code, with the same pages and redirects
        as a browser."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": self.redirect_uri,
            "scope": scope,
            "state": secrets.token_urlsafe(16),
            "aud": f"{http.base_url}".rstrip("/") + "/fhir",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        code = _code(http, query, {"username": username, "password": password}, patient)
        form = {"grant_type": "authorization_code", "client_id": self.client, "code": code, "redirect_uri": self.redirect_uri}
        return _issued(http.post(_token_endpoint(http), data={**form, "code_verifier": verifier}))


def _code(http: httpx.Client, query: dict[str, str], credentials: dict[str, str], patient: str) -> str:
    asked = urlencode(query)
    login = http.get(f"/auth/authorize?{asked}")
    sent = http.post(f"/auth/login?{asked}", data={"csrf": _hidden(login, "csrf"), **credentials})
    page = http.get(sent.headers.get("location", f"/auth/authorize?{asked}"))
    decided = http.post(f"/auth/authorize?{asked}", data={"csrf": _hidden(page, "csrf"), "decision": "allow", "patient": patient})
    said = parse_qs(urlsplit(decided.headers.get("location", "")).query)
    if said.get("state") != [query["state"]] or "code" not in said:
        raise _failed("The authorization server gave no code", decided)
    return str(said["code"][0])


def _hidden(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    if found is None:
        raise _failed(f"The page at `{page.url.path}` has no form", page)
    return html.unescape(found[1])


def _token_endpoint(http: httpx.Client) -> str:
    """The token endpoint, found by discovery."""
    return str(http.get("/fhir/.well-known/smart-configuration").json()["token_endpoint"])


def _issued(answer: httpx.Response) -> str:
    if answer.status_code != 200:
        raise _failed("No token was issued", answer)
    return str(answer.json()["access_token"])


def _failed(text: str, answer: httpx.Response) -> Refused:
    return Refused(problem(Category.FAULT, "exception", f"{text}: it answered {answer.status_code} {answer.text[:300]}"))
