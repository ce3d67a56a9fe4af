"""The decisions of the token endpoint, taken by Authlib's server core.

Authlib's core is synchronous and asks a database as it decides; our store is asynchronous. So the use case first loads all that
one request can need (`Loaded`), Authlib decides on `Loaded` alone, and the writes it would have made come back as `Effects`,
which the use case commits with atomic operations. A `Decider` lives for one request.

Where Authlib's defaults are not enough, `service.auth` decides instead: client assertions (`service.auth.assertions`), PKCE
only with S256 and for every client, scopes by coverage, rotation of refresh tokens, and no transport check (TLS may end in
front of the service).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidClientError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Payload,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from authlib.oauth2.rfc7636 import CodeChallenge

from service.auth import assertions, scopes, tokens
from service.auth.assertions import Assertion
from service.auth.clients import Client
from service.auth.scopes import Scopes
from service.auth.signatures import Unsigned
from service.auth.tokens import Code, Grant, Secrets, Terms, Token
from service.problem import Problem

METHODS = ["private_key_jwt", "client_secret_basic", "client_secret_post", "none"]
Unsupported = Callable[[Scopes], Problem | None]


@dataclass(frozen=True, slots=True)
class OAuthRequest:
    """A request to an OAuth endpoint: its parameters, no name twice, and the Authorization header."""

    parameters: Mapping[str, str]
    authorization: str = ""

    def __getitem__(self, name: str) -> str:
        return self.parameters.get(name, "")


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that one request can need from the store: the claimed client, that client's keys, and the code, refresh token and
    grant that the request's secrets name. `session_live` is whether the grant's login session still lasts.
    """

    client: Client | None = None
    keys: Sequence[Mapping[str, Any]] = ()
    code: Code | None = None
    refresh: Token | None = None
    grant: Grant | None = None
    session_live: bool = False


@dataclass(frozen=True, slots=True)
class Effects:
    """The changes that must be committed before the answer may leave: the assertion, code and refresh token to spend, the
    grant to keep, and the tokens to store. `tried` is a code that was presented by its client: whatever comes of it, it is spent.
    """

    assertion: Assertion | None = None
    code: Code | None = None
    tried: Code | None = None
    refresh: Token | None = None
    grant: Grant | None = None
    issued: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of an OAuth endpoint: `body` is a JSON object."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    effects: Effects = Effects()


def refusal(error: str, description: str, status: int = 400) -> Answer:
    """An error answer of RFC 6749 section 5.2."""
    return Answer(status, {"error": error, "error_description": plain(description)})


def plain(text: str) -> str:
    """A sentence with every character that RFC 6749 does not allow in `error_description` replaced."""
    kept = (character if 0x20 <= ord(character) <= 0x7E else "?" for character in text)
    return "".join(kept).replace('"', "'").replace("\\", "/").replace("`", "'")


class _Payload(OAuth2Payload):
    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.data = parameters
        self.datalist = {name: [value] for name, value in parameters.items()}

    data: Mapping[str, str] = {}
    datalist: Mapping[str, list[str]] = {}


class Incoming(OAuth2Request):
    """An OAuth request in the form that Authlib's core reads."""

    def __init__(self, asked: OAuthRequest) -> None:
        super().__init__("POST", "https://localhost", headers=_basic(asked))
        self.payload = _Payload(asked.parameters)

    @property
    def form(self) -> Mapping[str, str]:
        data: Mapping[str, str] = self.payload.data
        return data


class _OnlyS256(CodeChallenge):
    """Requires PKCE of every client, confidential ones too, and refuses its method `plain` (SMART 2.2 section 2.0.8)."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 - Authlib's name

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        asked = grant.request.payload.data
        if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: give code_challenge and code_challenge_method=S256.")
        super().validate_code_challenge(grant, redirect_uri)


class _ByCode(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found: Code | None = self.server.loaded.code
        if found is None or found.grant.client != client.id:
            return None
        if found.used:  # RFC 6749 section 4.1.2: the tokens issued for a code are revoked when the code is used again
            self.server.effects = replace(self.server.effects, code=found)
            return None
        # RFC 7636 section 7.5 and RFC 9700: a code that was tried with a wrong verifier or redirect URI may be a thief's.
        self.server.effects = replace(self.server.effects, tried=found)
        return found if found.expires > self.server.now and not found.grant.revoked else None

    def authenticate_user(self, authorization_code: Code) -> str:
        return authorization_code.grant.user

    def delete_authorization_code(self, authorization_code: Code) -> None:
        self.server.effects = replace(self.server.effects, code=authorization_code)

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        """Saves nothing: the use case saves authorization codes, because it knows the person's choices."""


class _ByRefresh(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        loaded: Loaded = self.server.loaded
        found, grant = loaded.refresh, loaded.grant
        if found is None or grant is None or found.client != self.server.loaded.client.id:
            return None
        if found.used:  # RFC 9700 section 4.14.2: the reuse of a refresh token revokes its grant
            self.server.effects = replace(self.server.effects, refresh=found)
            return None
        kept = tokens.live(found, self.server.now) and not grant.revoked
        online = scopes.parse(grant.scope)
        bound = isinstance(online, Scopes) and not online.has("offline_access")
        return found if kept and (loaded.session_live or not bound) else None

    def _validate_token_scope(self, token: Token) -> None:
        asked = scopes.parse(self.request.payload.scope or "")
        granted = scopes.parse(token.scope)
        if isinstance(asked, Problem) or isinstance(granted, Problem) or not granted.covers(asked):
            raise InvalidScopeError("A refresh may not ask for more than was granted.")

    def authenticate_user(self, refresh_token: Token) -> str:
        return refresh_token.user

    def revoke_old_credential(self, refresh_token: Token) -> None:
        self.server.effects = replace(self.server.effects, refresh=refresh_token)


class _ByItself(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS[:-1]


class Decider(AuthorizationServer):
    """Authlib's authorization server, working on the `Loaded` of one request."""

    def __init__(self, loaded: Loaded, secrets: Secrets, terms: Terms, now: datetime, unsupported: Unsupported) -> None:
        super().__init__()
        self.loaded, self.secrets, self.terms, self.now = loaded, secrets, terms, now
        self._unsupported = unsupported
        self.effects = Effects()
        self.register_grant(_ByCode, [_OnlyS256(required=True)])
        self.register_grant(_ByRefresh)
        self.register_grant(_ByItself)
        self.register_client_auth_method("private_key_jwt", self._by_assertion)
        self.register_token_generator("authorization_code", self._for_person)
        self.register_token_generator("refresh_token", self._for_person)
        self.register_token_generator("client_credentials", self._for_client)

    def query_client(self, client_id: str) -> Client | None:
        client = self.loaded.client
        return client if client is not None and client.id == client_id else None

    def validate_requested_scope(self, scope: str | None) -> None:
        asked = scopes.parse(scope or "")
        fault = asked if isinstance(asked, Problem) else self._unsupported(asked)
        if fault is not None:
            raise InvalidScopeError(plain(str(fault)))

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Saves nothing: issued tokens are already among the effects."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Sends nothing: no part of the service listens to Authlib's signals."""

    def create_oauth2_request(self, request: Incoming) -> Incoming:
        return request

    def handle_response(self, status: int, body: Mapping[str, Any], headers: Sequence[tuple[str, str]]) -> Answer:
        return Answer(status, body, dict(headers), self.effects)

    def _by_assertion(self, query_client: Callable[[str], Client | None], request: Incoming) -> Client | None:
        if request.form.get("client_assertion_type") != assertions.ASSERTION_TYPE:
            return None
        text = request.form.get("client_assertion", "")
        client = query_client(assertions.claimed_client(text))
        if client is None or request.form.get("client_id", client.id) != client.id:
            raise InvalidClientError("The assertion names no registered client.", status_code=401)
        found = assertions.check(
            text, client.id, self.loaded.keys, audiences=self.terms.audiences, now=self.now, jku=client.jwks_url
        )
        if isinstance(found, Unsigned):
            raise InvalidClientError(plain(found.reason), status_code=401)
        self.effects = replace(self.effects, assertion=found)
        return client

    def _for_client(self, client: Client, scope: str | None, **_: Any) -> dict[str, Any]:
        asked = scopes.parse(scope or "")
        granted = scopes.NONE if isinstance(asked, Problem) else asked.narrowed(client.scopes)
        granted = granted.without("user").without("patient")
        if not granted.entries:
            raise InvalidScopeError("None of the scopes asked is allowed to this client; ask for its 'system/' scopes.")
        return self._issue(client, replace(granted, words=()), None)

    def _for_person(self, client: Client, scope: str, grant_type: str, **_: Any) -> dict[str, Any]:
        grant = self.loaded.code.grant if grant_type == "authorization_code" and self.loaded.code else self.loaded.grant
        if grant is None:
            raise InvalidGrantError("The grant is no longer there.")
        asked = scopes.parse(scope)
        granted = scopes.NONE if isinstance(asked, Problem) else asked.narrowed(client.scopes)
        if not granted:
            raise InvalidScopeError("Nothing of what was granted is allowed to this client any more.")
        answer = self._issue(client, granted, grant)
        whole = scopes.parse(grant.scope)
        if isinstance(whole, Scopes) and tokens.refreshable(whole):
            refresh = tokens.refresh_token(self.secrets.refresh, client, self.terms, self.now, grant)
            self.effects = replace(self.effects, issued=(*self.effects.issued, refresh))
            answer["refresh_token"] = self.secrets.refresh
        return {**answer, **tokens.launch_context(grant)}

    def _issue(self, client: Client, granted: Scopes, grant: Grant | None) -> dict[str, Any]:
        access = tokens.access_token(self.secrets.access, client, granted, self.terms, self.now, grant)
        self.effects = replace(self.effects, issued=(access,), grant=grant)
        return {
            "token_type": "Bearer",
            "access_token": self.secrets.access,
            "expires_in": self.terms.life(grant),
            "scope": str(granted),
        }


def claimed_client(asked: OAuthRequest) -> str:
    """The id of the client that a request, not yet authenticated, claims to be from; empty when the request names none."""
    if asked["client_assertion"]:
        return assertions.claimed_client(asked["client_assertion"])
    username, _ = extract_basic_authorization(_basic(asked))
    return str(username or asked["client_id"])


def _basic(asked: OAuthRequest) -> dict[str, str]:
    """The Authorization header, if Authlib can read it: Authlib raises on credentials that are not UTF-8."""
    headers = {"Authorization": asked.authorization} if asked.authorization else {}
    try:
        extract_basic_authorization(headers)
    except ValueError:
        return {}
    return headers


def decide_token(asked: OAuthRequest, decider: Decider) -> Answer:
    """The answer of the token endpoint, with the effects that must be committed before it leaves."""
    fault = _proof_fault(asked)
    if fault:
        return refusal("invalid_request", fault)
    answer: Answer = decider.create_token_response(Incoming(asked))
    if answer.body.get("error") == "invalid_client" and answer.status != 401:
        return replace(answer, status=401)
    return answer


def authenticated(asked: OAuthRequest, decider: Decider, public: bool) -> Client | Answer:
    """The client that a request to the introspection or revocation endpoint is proved to be from, or the refusal.

    `public` accepts a client without a secret or keys (method `none`) too.
    """
    fault = _proof_fault(asked)
    if fault:
        return refusal("invalid_request", fault)
    try:
        client: Client = decider.authenticate_client(Incoming(asked), METHODS if public else METHODS[:-1])
    except OAuth2Error as error:
        return refusal("invalid_client", error.description, 401)
    return client


def _proof_fault(asked: OAuthRequest) -> str:
    """Why a request breaks RFC 6749 section 2.3, which lets a request authenticate its client in one way only; else empty."""
    ways = [bool(asked.authorization), bool(asked["client_secret"]), bool(asked["client_assertion"])]
    return "Use one way of client authentication only." if sum(ways) > 1 else ""
