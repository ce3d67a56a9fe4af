"""An app of the whole service, and a browser in which somebody logs in to it and allows it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from tests.fakes.smart import BACK, PASSWORD, field_of, pkce, sent_back
from tests.locality import BASE, Locality


@dataclass
class App:
    """A public app of an agency, with one user."""

    locality: Locality
    client: str
    username: str
    scope: str

    @property
    def http(self) -> httpx.AsyncClient:
        """The browser."""
        return self.locality.http

    async def page(self, scope: str = "", **more: str) -> tuple[httpx.Response, str]:
        """The consent page after the login, and the verifier of its request."""
        verifier, challenge = pkce()
        asked = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": BACK,
            "scope": scope or self.scope,
            "state": "s",
            "aud": f"{BASE}/fhir",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **more,
        }
        self.http.cookies.clear()
        login = await self.http.get("/auth/authorize", params=asked)
        form = {"csrf": field_of(login.text, "csrf"), "username": self.username, "password": PASSWORD}
        answer = await self.http.post(f"/auth/login?{login.url.query.decode()}", data=form)
        assert answer.status_code == 303, answer.text
        return await self.http.get(answer.headers["location"]), verifier

    async def answered(self, page: httpx.Response, decision: str = "allow", **form: str) -> httpx.Response:
        """What follows when the page's form is sent."""
        fields = {"csrf": field_of(page.text, "csrf"), "decision": decision, **form}
        return await self.http.post(f"/auth/authorize?{page.url.query.decode()}", data=fields)

    async def allowed(self, patient: str = "", scope: str = "", **more: str) -> dict[str, Any]:
        """The token response."""
        page, verifier = await self.page(scope, **more)
        back = sent_back(await self.answered(page, patient=patient))
        form = {"client_id": self.client, "code": back["code"], "redirect_uri": BACK, "code_verifier": verifier}
        answer = await self.http.post("/auth/token", data={"grant_type": "authorization_code", **form})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


async def app(locality: Locality, agency: str, user: str, scope: str, **more: Any) -> App:
    """An app of an agency, registered, and a user who acts as `user`."""
    name = secrets.token_hex(6)
    await locality.built.registration.add_client(name, f"Organization/{agency}", scope, public=True, redirect_uris=[BACK], **more)
    await locality.built.users.add_user(name, user, PASSWORD)
    return App(locality, name, name, scope)
