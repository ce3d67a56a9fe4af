"""A registered SMART client: the organisation that owns it, its keys or secret, its redirect URIs and its scopes."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from service.auth import scopes
from service.auth.scopes import Scopes
from service.auth.signatures import jwks_fault
from service.problem import Category, Issue, Problem

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
_ORGANIZATION = re.compile(r"Organization/[A-Za-z0-9.-]{1,64}")
_PURPOSE = re.compile(r"[A-Z][A-Z0-9]{1,15}")
_PLAIN_URI = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()+,;=%-]+")
_PLAIN_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]*")  # the redirect URI's host is put into a Content-Security-Policy
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

ROLE = "PractitionerRole"
FHIR_USERS = (ROLE, "Practitioner")


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. Its methods are the client protocol of Authlib's server core (`authlib.oauth2.rfc6749.ClientMixin`).

    `method` is `none` (public), `client_secret` or `private_key_jwt`. `secret` is the SHA-256 of a 256-bit random secret, in
    hex. Keys come from `jwks` or from `jwks_url`, never from a request. `fhir_user` is the type of record by which the app knows
    a member of staff: one of FHIR_USERS.
    """

    id: str
    organization: str
    scope: str
    method: str
    name: str = ""
    agency: str = ""
    redirect_uris: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ("TREAT",)
    secret: str = ""
    jwks: Mapping[str, Any] | None = None
    jwks_url: str = ""
    fhir_user: str = ROLE

    @property
    def client_id(self) -> str:
        """The client's id under the attribute name that Authlib reads."""
        return self.id

    @property
    def scopes(self) -> Scopes:
        """The scopes that this client may be granted at most; none when the registered text cannot be read."""
        parsed = scopes.parse(self.scope)
        return scopes.NONE if isinstance(parsed, Problem) else parsed

    @property
    def confidential(self) -> bool:
        """Whether the client has a secret or keys to prove who it is."""
        return self.method != "none"

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> None:
        """None: a client has no default redirect URI, because SMART asks that every request names its redirect URI."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The part of `scope` that this client may be granted, as text; None, which Authlib reads as invalid_scope, if empty."""
        asked = scopes.parse(scope or "")
        return None if isinstance(asked, Problem) else str(asked.narrowed(self.scopes)) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether `redirect_uri` is, character for character, a registered redirect URI (RFC 9700 section 2.1)."""
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return bool(self.secret) and hmac.compare_digest(self.secret, digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method.rsplit("_", 1)[0] if method.startswith("client_secret_") else method) == self.method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and bool(self.redirect_uris)

    def check_grant_type(self, grant_type: str) -> bool:
        if grant_type == "client_credentials":
            return self.confidential and "system" in self.scopes.contexts()
        return grant_type in ("authorization_code", "refresh_token") and bool(self.redirect_uris)


def digest(secret: str) -> str:
    """SHA-256 in hex: enough for a secret of 256 random bits. Passwords are hashed by `service.auth.passwords`."""
    return hashlib.sha256(secret.encode()).hexdigest()


def checked(client: Client, loopback: bool = True) -> Client | Problem:
    """The client, or every reason why it cannot be registered. `loopback` allows redirect URIs of plain http to this machine."""
    issues = [*_name_issues(client), *_scope_issues(client), *_proof_issues(client)]
    for uri in client.redirect_uris:
        fault = _redirect_fault(uri, loopback)
        issues += [Issue("value", fault, rule="RFC 9700 2.1")] if fault else []
    return Problem(Category.INVALID, tuple(issues)) if issues else client


def _name_issues(client: Client) -> list[Issue]:
    issues = []
    if not _ID.fullmatch(client.id):
        issues.append(Issue("value", f"Client id `{client.id}` must be 1 to 64 letters, digits, `.`, `_`, `~` or `-`."))
    if not _ORGANIZATION.fullmatch(client.organization):
        issues.append(Issue("value", f"`{client.organization}` is not a reference to an Organization; give `Organization/ID`."))
    if client.fhir_user not in FHIR_USERS:
        issues.append(Issue("value", f"An app knows staff as `{FHIR_USERS[0]}` or as `{FHIR_USERS[1]}`; choose one."))
    wrong = [purpose for purpose in client.purposes if not _PURPOSE.fullmatch(purpose)]
    issues += [Issue("value", f"Purpose `{each}` is not a code of v3-ActReason; for example `TREAT`.") for each in wrong]
    return issues


def _scope_issues(client: Client) -> list[Issue]:
    asked = scopes.parse(client.scope)
    if isinstance(asked, Problem):
        return list(asked.issues)
    issues = []
    unknown = [word for word in asked.words if word not in scopes.WORDS]
    if unknown:
        issues.append(Issue("value", f"Scope `{unknown[0]}` is not known here; known are {', '.join(sorted(scopes.WORDS))}."))
    if not asked:
        issues.append(Issue("required", "A client without a scope can do nothing; give at least one scope."))
    if "system" in asked.contexts() and not client.confidential:
        issues.append(Issue("value", "A public client cannot hold `system/` scopes; register keys or a secret for it."))
    return issues


def _proof_issues(client: Client) -> list[Issue]:
    if client.method == "none" and not client.redirect_uris:
        return [Issue("required", "A public client needs a redirect URI; give `--redirect-uri`.")]
    if client.method != "private_key_jwt":
        return []
    if client.jwks_url:
        return [] if urlsplit(client.jwks_url).scheme in ("https", "http") else [Issue("value", "The JWK Set URL must be https.")]
    fault = jwks_fault(client.jwks)
    return [Issue("value", fault)] if fault else []


def _redirect_fault(uri: str, loopback: bool) -> str:
    parts = urlsplit(uri)
    if parts.fragment or parts.username or not _PLAIN_URI.fullmatch(uri) or not _PLAIN_HOST.fullmatch(parts.netloc):
        return f"Redirect URI `{uri}` must be one exact address, without fragment, wildcard, user or odd characters."
    if parts.scheme == "https" and parts.hostname:
        return ""
    if parts.scheme == "http" and loopback and parts.hostname in _LOOPBACK:
        return ""
    if "." in parts.scheme:  # a private-use scheme of a native app, RFC 8252 section 7.1
        return ""
    return f"Redirect URI `{uri}` must be https, http to this machine, or an app's own reverse-domain scheme."
