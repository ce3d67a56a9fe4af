"""The grants, codes and tokens of the authorization server, and the answers made from them. Secrets are kept as SHA-256."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from service.auth import scopes
from service.auth.caller import Caller
from service.auth.clients import Client, digest
from service.auth.scopes import Scopes
from service.fhir.reference import id_of
from service.problem import Problem

ACCESS = "access_token"
REFRESH = "refresh_token"
CODE_SECONDS = 60
ID_TOKEN_SECONDS = 300
SKEW = timedelta(seconds=30)
"""How far the clocks of two machines may lie apart."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One authorization of one client by one person. Revoking a grant ends its codes, access tokens and refresh tokens.

    `user` is a PractitionerRole, Patient or RelatedPerson reference, `practitioner` the Practitioner of the role, `known_as` the
    one of them that the app is told (`fhirUser`); `session` the digest of the login session, with which `online_access` ends;
    `auth_time` when the person logged in.
    """

    id: str
    client: str
    username: str
    user: str
    patient: str
    scope: str
    session: str
    auth_time: datetime
    intent: str = ""
    revoked: bool = False
    practitioner: str = ""
    known_as: str = ""

    @property
    def fhir_user(self) -> str:
        """The reference by which the app knows the user."""
        return self.known_as or self.user


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code. Its method names are the protocol of Authlib's grants."""

    hash: str
    grant: Grant
    redirect_uri: str
    code_challenge: str
    nonce: str
    expires: datetime
    used: bool = False
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.grant.scope


@dataclass(frozen=True, slots=True)
class Token:
    """An access or refresh token, kept under the digest of its secret. `grant` is empty for client_credentials."""

    hash: str
    kind: str
    client: str
    organization: str
    scope: str
    issued: datetime
    expires: datetime
    grant: str = ""
    user: str = ""
    patient: str = ""
    purposes: tuple[str, ...] = ("TREAT",)
    used: bool = False
    practitioner: str = ""

    def check_client(self, client: Client) -> bool:
        return self.client == client.id

    def get_scope(self) -> str:
        return self.scope


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which this server issues tokens. Lives are in seconds: `access_seconds` of an access token with which a client
    acts for itself, `user_seconds` of one with which it acts for a person; `issuer` and `token_endpoint` are URLs; `fhir_base`
    is a URL that ends in `/fhir`.
    """

    issuer: str
    fhir_base: str
    access_seconds: int = 300
    user_seconds: int = 3600
    refresh_seconds: int = 24 * 3600

    def life(self, grant: Grant | None) -> int:
        """How long an access token lasts, in seconds."""
        return self.user_seconds if grant else self.access_seconds

    @property
    def token_endpoint(self) -> str:
        return f"{self.issuer}/token"

    @property
    def audiences(self) -> tuple[str, str]:
        """The audiences that a client assertion may name."""
        return (self.token_endpoint, self.issuer)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The random secrets of the access and the refresh token that would be issued now: a parameter, so deciding stays pure."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


def caller_of(token: Token | None, now: datetime) -> Caller | None:
    """The Caller who presents this access token; None when the token is no access token, has expired, or was issued in the
    future, by a machine whose clock is wrong."""
    if token is None or token.kind != ACCESS or token.expires <= now or token.issued > now + SKEW:
        return None
    return Caller(
        client=token.client,
        organization=token.organization,
        scopes=_scopes(token.scope).with_records(token.user, token.practitioner),
        user=token.user,
        patient=token.patient,
        purposes=token.purposes,
        token=token.hash[:16],
    )


def access_token(secret: str, client: Client, scope: Scopes, terms: Terms, now: datetime, grant: Grant | None = None) -> Token:
    """A new access token for a client, and for the person and patient of its grant."""
    expires = now + timedelta(seconds=terms.life(grant))
    return _token(ACCESS, secret, client, str(scope), now, expires, grant)


def refresh_token(secret: str, client: Client, terms: Terms, now: datetime, grant: Grant) -> Token:
    """A new refresh token. A refresh token keeps the whole scope of its grant, even when issued with a narrower access token."""
    expires = now + timedelta(seconds=terms.refresh_seconds)
    return _token(REFRESH, secret, client, grant.scope, now, expires, grant)


def refreshable(scope: Scopes) -> bool:
    """Whether a refresh token is issued for this scope."""
    return scope.has("offline_access") or scope.has("online_access")


def launch_context(grant: Grant) -> dict[str, Any]:
    """The SMART launch parameters of a token response (SMART 2.2 section 2.0.13)."""
    scope = _scopes(grant.scope)
    context: dict[str, Any] = {}
    if grant.patient:
        context["patient"] = id_of(grant.patient)
        context["need_patient_banner"] = True
    if grant.intent:
        context["intent"] = grant.intent
    if scope.has("fhirUser") or scope.has("profile"):
        context["fhirUser"] = grant.fhir_user
    return context


def id_claims(grant: Grant, nonce: str, terms: Terms, now: datetime) -> dict[str, Any]:
    """The claims of an id_token (OpenID Connect Core section 2, SMART 2.2 section 4)."""
    claims: dict[str, Any] = {
        "iss": terms.issuer,
        "sub": digest(f"{terms.issuer} {grant.username}")[:32],
        "aud": grant.client,
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + ID_TOKEN_SECONDS,
        "auth_time": int(grant.auth_time.timestamp()),
    }
    if nonce:
        claims["nonce"] = nonce
    scope = _scopes(grant.scope)
    for claim in ("fhirUser", "profile"):
        if scope.has(claim):
            claims[claim] = f"{terms.fhir_base}/{grant.fhir_user}"
    return claims


def introspection(token: Token, terms: Terms) -> dict[str, Any]:
    """The introspection answer about a live token (RFC 7662 section 2.2, SMART 2.2 section 7)."""
    said: dict[str, Any] = {
        "active": True,
        "client_id": token.client,
        "scope": token.scope,
        "iat": int(token.issued.timestamp()),
        "exp": int(token.expires.timestamp()),
        "iss": terms.issuer,
        "aud": terms.fhir_base,
        "sub": token.user or token.client,
        "token_type": "Bearer" if token.kind == ACCESS else "refresh_token",
        "organization": token.organization,
    }
    if token.patient:
        said["patient"] = id_of(token.patient)
    if token.user:
        said["fhirUser"] = f"{terms.fhir_base}/{token.user}"
    return said


def may_introspect(token: Token, client: Client) -> bool:
    """Whether `client` may ask about `token`: the token's own client may, and for an access token also the other confidential
    clients of the same agency.
    """
    if token.kind == REFRESH:
        return token.client == client.id
    return client.confidential and (token.client == client.id or token.organization == client.organization)


def live(token: Token | None, now: datetime) -> bool:
    """Whether a token that was looked up in the store is there, unused, not expired and not of the future."""
    return token is not None and not token.used and token.expires > now and token.issued <= now + SKEW


def _scopes(text: str) -> Scopes:
    parsed = scopes.parse(text)
    return scopes.NONE if isinstance(parsed, Problem) else parsed


def _token(kind: str, secret: str, client: Client, scope: str, now: datetime, expires: datetime, grant: Grant | None) -> Token:
    return Token(
        hash=digest(secret),
        kind=kind,
        client=client.id,
        organization=client.organization,
        scope=scope,
        issued=now,
        expires=expires,
        grant=grant.id if grant else "",
        user=grant.user if grant else "",
        patient=grant.patient if grant else "",
        practitioner=grant.practitioner if grant else "",
        purposes=client.purposes,
    )
