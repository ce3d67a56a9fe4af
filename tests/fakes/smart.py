"""An authorization server in memory over a real database, with a browser and clients that know the protocol."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from service import clock
from service.api.oauth import OAuth, routes
from service.auth.clients import Client
from service.auth.event import Event
from service.auth.issuers import Issuer
from service.auth.scopes import Scopes
from service.auth.tokens import Terms
from service.auth.users import PATIENT
from service.outbound.issuers import Issuers
from service.problem import Problem
from service.store.clients import Clients
from service.store.mongo import Mongo, connect
from service.store.signing_keys import SigningKeys
from service.store.tokens import Tokens
from service.usecases.smart.authentication import Authentication
from service.usecases.smart.authorization import Authorization
from service.usecases.smart.clients import Registration
from service.usecases.smart.launch import Choice, Launching, Listing
from service.usecases.smart.limits import Limits
from service.usecases.smart.users import Users

BASE = "https://baton.test"
TOKEN = f"{BASE}/auth/token"
TRUST = "Organization/trust"
BACK = "https://app.test/back"
PASSWORD = "correct horse battery"
PUBLIC_SCOPE = "openid fhirUser launch launch/patient offline_access online_access patient/*.cruds user/*.cruds"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TERMS = Terms(issuer=f"{BASE}/auth", fhir_base=f"{BASE}/fhir")
TYPES = frozenset({"Patient", "CarePlan", "Task", "Observation", "Consent"})


@asynccontextmanager
async def started(mongod: str) -> AsyncIterator[Smart]:
    """A server with a public app, a professional `sam` and a patient `pat`, in a database that the tests of SMART share."""
    mongo = await connect(mongod, "test_smart", "pymongo")
    made = await Smart(mongo).ready()
    await made.registration.add_client(
        "app", TRUST, PUBLIC_SCOPE, name="Care app", agency="North Trust", public=True, redirect_uris=[BACK]
    )
    await made.users.add_user("sam", "PractitionerRole/sam", PASSWORD)
    await made.users.add_user("pat", "Patient/pat", PASSWORD)
    yield made
    await made.close()
    await mongo.close()


def unsupported(scopes: Scopes) -> Problem | None:
    """Serves a few types, and filters by category and status only."""
    known = ("category", "status")

    def fault(_: str, params: tuple[tuple[str, str], ...]) -> str:
        return next((f"`{name}` is not known." for name, _ in params if name not in known), "")

    return scopes.unsupported(TYPES, fault)


def key(kid: str = "k1", curve: str = "P-384") -> dict[str, Any]:
    """A private EC key as a JWK."""
    return dict(ECKey.generate_key(curve, {"kid": kid, "use": "sig"}, private=True).as_dict(private=True))


def public(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name != "d"}


def assertion(client: str, jwk: dict[str, Any], header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A client assertion, right unless `header` or `claims` say otherwise; a claim of None is left out."""
    present = int(clock.now().timestamp())
    said = {"iss": client, "sub": client, "aud": TOKEN, "exp": present + 240, "jti": secrets.token_hex(8), **claims}
    head = {"alg": "ES384", "kid": jwk.get("kid"), "typ": "JWT", **(header or {})}
    return jwt.encode(
        head, {name: value for name, value in said.items() if value is not None}, ECKey.import_key(jwk), [head["alg"]]
    )


def pkce() -> tuple[str, str]:
    """A code verifier and its S256 challenge."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return verifier, challenge


def field_of(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return html.unescape(found[1])


class Unlisted:
    """A Directory that knows only what references say."""

    def __init__(self, organization: str) -> None:
        self._organization = organization

    async def employer(self, user: str) -> str:
        """Everybody works there."""
        return self._organization

    async def practitioner(self, user: str) -> str:
        """A role is a practitioner's of the same id."""
        return user.replace("PractitionerRole/", "Practitioner/") if user.startswith("PractitionerRole/") else ""

    async def listed(self, client: Client, user: str, text: str) -> Listing:
        """Nobody is listed but who is named by a reference."""
        return Listing((Choice(text, text),) if PATIENT.fullmatch(text) else ())

    async def patients(self, user: str) -> tuple[Choice, ...]:
        """People have their own record."""
        return (Choice(user, user),) if PATIENT.fullmatch(user) else ()

    async def patient(self, text: str, organization: str) -> str:
        """Staff may mean anybody."""
        return text if PATIENT.fullmatch(text) else ""


@dataclass
class Smart:
    """One worker's authorization server, with one browser."""

    mongo: Mongo
    trusted: tuple[Issuer, ...] = ()
    fetcher: Issuers = field(default_factory=Issuers)
    events: list[Event] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    failures: int = 10_000

    def __post_init__(self) -> None:
        self.clients, self.tokens, self.keys = Clients(self.mongo), Tokens(self.mongo), SigningKeys(self.mongo, clock.new_id)
        self.users = Users(self.clients, self.tokens, self._note)
        self.authorization = Authorization(
            self.clients, self.tokens, self.keys, self.fetcher, TERMS, unsupported, self._note, self._employer
        )
        self.launching = Launching(self.authorization, self.users, self.clients, self.tokens, Unlisted(TRUST), self._note)
        self.authentication = Authentication(self.tokens, self.clients, self.fetcher, self.trusted, TERMS.fhir_base)
        self.registration = Registration(self.clients, self.tokens, self.keys, TERMS, unsupported)
        limits = Limits(self.clients, self._note, requests=10_000, failures=self.failures)
        mounted = routes(OAuth(self.authorization, self.launching, self.users, self.authentication, limits))
        self.app = Starlette(routes=[Mount("/auth", routes=mounted), Route("/fhir/who", self._who)])
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url=BASE)

    async def ready(self) -> Smart:
        """With its collections there, and empty: making them anew for every test would take most of the time."""
        for store in (self.clients, self.tokens, self.keys):
            await store.ensure_indexes()
        for name in await self.mongo.database.list_collection_names():
            await self.mongo.collection(name).delete_many({})
        return self

    async def close(self) -> None:
        await self.http.aclose()
        await self.fetcher.close()

    async def _employer(self, user: str) -> str:
        return "" if user in self.left else TRUST

    async def _note(self, event: Event) -> None:
        self.events.append(event)

    async def _who(self, request: Request) -> JSONResponse:
        caller = await self.authentication.caller(request.headers["authorization"].removeprefix("Bearer "))
        if isinstance(caller, Problem):
            return JSONResponse({"why": str(caller)}, 401)
        return JSONResponse(
            {"client": caller.client, "user": caller.user, "patient": caller.patient, "scope": str(caller.scopes)}
        )

    async def who(self, token: str) -> httpx.Response:
        """What a resource server makes of a token."""
        return await self.http.get("/fhir/who", headers={"Authorization": f"Bearer {token}"})

    async def post(self, path: str, **form: str) -> httpx.Response:
        return await self.http.post(f"/auth/{path}", data=form)

    async def backend(self, client: str, jwk: dict[str, Any], scope: str = "system/Task.rs", **more: str) -> httpx.Response:
        """A Backend Services token request."""
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": ASSERTION,
            "client_assertion": more.pop("client_assertion", "") or assertion(client, jwk),
            **more,
        }
        return await self.post("token", **form)

    async def login(self, query: dict[str, str], username: str = "sam", password: str = PASSWORD) -> httpx.Response:
        """Follows an authorize request through the login page; the answer is the page after it."""
        page = await self.http.get("/auth/authorize", params=query)
        assert "Log in" in page.text, page.text
        form = {"csrf": field_of(page.text, "csrf"), "username": username, "password": password}
        answer = await self.http.post(f"/auth/login?{page.url.query.decode()}", data=form)
        return await self.http.get(answer.headers["location"]) if answer.status_code == 303 else answer

    async def decide(self, page: httpx.Response, decision: str = "allow", patient: str = "") -> httpx.Response:
        """Answers the consent page."""
        form = {"csrf": field_of(page.text, "csrf"), "decision": decision, "patient": patient}
        return await self.http.post(f"/auth/authorize?{page.url.query.decode()}", data=form)

    async def exchanged(self, scope: str = "launch/patient patient/*.rs offline_access", **more: str) -> dict[str, Any]:
        """The token response of the public app for `sam` on Patient/p1."""
        verifier, challenge = pkce()
        code = await self.code(query("app", challenge, scope, **more))
        answer = await self.exchange(code, verifier)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def exchange(self, code: str, verifier: str, **more: str) -> httpx.Response:
        """The public app's exchange of a code, right unless `more` says otherwise."""
        form = {"client_id": "app", "code": code, "redirect_uri": BACK, "code_verifier": verifier, **more}
        return await self.post("token", grant_type="authorization_code", **form)

    async def refresh(self, token: str, **more: str) -> httpx.Response:
        """The public app's use of a refresh token."""
        return await self.post("token", **{"grant_type": "refresh_token", "client_id": "app", "refresh_token": token, **more})

    async def code(self, query: dict[str, str], patient: str = "Patient/p1", username: str = "sam") -> str:
        """A code, after login and consent."""
        answer = await self.decide(await self.login(query, username), patient=patient)
        assert answer.status_code == 303, answer.text
        return sent_back(answer)["code"]


def query(client: str, challenge: str, scope: str = "launch/patient patient/*.rs", **more: str) -> dict[str, str]:
    """The parameters of an authorize request."""
    return {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": BACK,
        "scope": scope,
        "state": "st4te",
        "aud": f"{BASE}/fhir",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **more,
    }


def sent_back(answer: httpx.Response) -> dict[str, str]:
    """What a redirect carries back to the app."""
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
