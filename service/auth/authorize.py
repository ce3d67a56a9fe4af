"""Whether an authorize request may be put before a person (SMART App Launch 2.2 section 2, RFC 6749 section 4.1.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from authlib.oauth2 import OAuth2Error

from service.auth import scopes
from service.auth.clients import Client
from service.auth.grants import Decider, Incoming, OAuthRequest, plain
from service.auth.scopes import Scopes
from service.problem import Problem


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """An authorize request that holds and may be shown to the person. `scope` is already narrowed to the client's scopes."""

    client: Client
    redirect_uri: str
    scope: Scopes
    state: str
    challenge: str
    nonce: str
    launch: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """The fault of an authorize request that does not hold.

    The client is told of the fault when `redirect_uri` is verified; with an empty `redirect_uri` only the person is shown it.
    """

    error: str
    description: str
    redirect_uri: str = ""
    state: str = ""


def decide_authorize(asked: OAuthRequest, decider: Decider, fhir_base: str) -> AuthorizationRequest | Wrong:
    """The authorize request that may be put before a person, or the fault for which it may not."""
    client = decider.query_client(asked["client_id"])
    if client is None:
        return Wrong("invalid_client", "The app that sent you here is not registered with this service.")
    if not asked["redirect_uri"] or not client.check_redirect_uri(asked["redirect_uri"]):
        return Wrong("invalid_request", "The app asked to send you back to an address that is not registered for it.")
    try:
        grant = decider.get_authorization_grant(Incoming(asked))
        grant.validate_authorization_request()
    except OAuth2Error as error:
        text = plain(error.get_error_description() or "The request does not hold.")
        return Wrong(str(error.error), text, asked["redirect_uri"], asked["state"])
    return _request(asked, client, fhir_base)


def _request(asked: OAuthRequest, client: Client, fhir_base: str) -> AuthorizationRequest | Wrong:
    if asked["request"] or asked["request_uri"]:
        text = "Give the parameters themselves; request objects are not read here."
        return Wrong("request_not_supported", text, asked["redirect_uri"], asked["state"])
    if asked["aud"].rstrip("/") != fhir_base:
        return Wrong("invalid_request", f"aud must be {fhir_base}.", asked["redirect_uri"], asked["state"])
    parsed = scopes.parse(asked["scope"])
    scope = scopes.NONE if isinstance(parsed, Problem) else parsed.narrowed(client.scopes).without("system")
    if not scope:
        return Wrong("invalid_scope", "None of the scopes asked is allowed to this app.", asked["redirect_uri"], asked["state"])
    if scope.has("launch") and not asked["launch"]:
        scope = replace(scope, words=tuple(word for word in scope.words if word != "launch"))
    return AuthorizationRequest(
        client, asked["redirect_uri"], scope, asked["state"], asked["code_challenge"], asked["nonce"], asked["launch"]
    )
