"""External OpenID Connect issuers: which are trusted, and how the claims of their access tokens become a Caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from service.auth import scopes
from service.auth.assertions import audience_holds, instant_claim
from service.auth.caller import Caller
from service.auth.clients import Client, digest
from service.auth.signatures import ALGORITHMS, Signed, Unsigned, peek, verified
from service.auth.users import PATIENT
from service.fhir.reference import own
from service.problem import Category, Problem, problem

_USERS = ("PractitionerRole/", "Patient/", "RelatedPerson/")
_ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash"})
SKEW_SECONDS = 30


Text = Annotated[str, Meta(min_length=1)]
Texts = Annotated[tuple[Text, ...], Meta(min_length=1)]


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trusted issuer. Its clients are registered with us too: our registration gives a client's organisation and the scopes
    it can have at most.

    `jwks_url` is empty when discovery finds the JWK Set. `types` are the accepted values of the JWT's `typ`: RFC 9068 says
    `at+jwt`; for an issuer that writes `JWT`, name `JWT` in `types`. Tokens that look like id_tokens are always refused.
    `claims` maps the names of the claims we need (`client`, `scope`, `user`, `patient`) to the issuer's names.
    """

    issuer: Text
    audiences: Texts
    jwks_url: str = ""
    algorithms: Texts = ALGORITHMS
    types: Texts = ("at+jwt", "application/at+jwt")
    claims: dict[Literal["client", "scope", "user", "patient"], Text] = {}

    def claim(self, name: Literal["client", "scope", "user", "patient"]) -> str:
        """The issuer's name for one of the claims `client`, `scope`, `user` and `patient`."""
        standard = {"client": "client_id", "scope": "scope", "user": "fhirUser", "patient": "patient"}
        return self.claims.get(name, standard[name])


def configured(text: str) -> tuple[Issuer, ...] | Problem:
    """Reads the setting `issuers`, a JSON list of objects with the members of `Issuer`. A member of another name is refused: who
    misspelt one would trust otherwise than they think."""
    try:
        found = msgspec.json.decode(text or "[]", type=tuple[Issuer, ...])
    except msgspec.MsgspecError as error:
        form = f"It is a JSON list of objects with {', '.join(f'`{name}`' for name in Issuer.__struct_fields__)}"
        return problem(Category.INVALID, "value", f"`BATON_ISSUERS` does not hold: {error}. {form}; the first two are needed.")
    for each in found:
        if not set(each.algorithms) <= set(ALGORITHMS):
            text = f"`BATON_ISSUERS` does not hold: `{each.issuer}` may sign with {', '.join(ALGORITHMS)} only."
            return problem(Category.INVALID, "value", text)
    return found


def chosen(token: str, issuers: Sequence[Issuer]) -> Issuer | None:
    """The trusted issuer named in the `iss` of a JWT that is not yet verified; None when that issuer is not trusted."""
    seen = peek(token)
    said = seen.claims.get("iss") if isinstance(seen, Signed) else None
    return next((each for each in issuers if each.issuer == said), None)


def client_of(token: str, issuer: Issuer) -> str:
    """The id of the client that a JWT, not yet verified, claims to be issued to; empty when the JWT names none."""
    seen = peek(token)
    said = seen.claims.get(issuer.claim("client")) if isinstance(seen, Signed) else None
    return said if isinstance(said, str) else ""


def caller(
    token: str, issuer: Issuer, keys: Sequence[Mapping[str, Any]], client: Client | None, *, fhir_base: str, now: datetime
) -> Caller | Unsigned:
    """The Caller of an external access token, or why the token does not hold."""
    signed = verified(token, keys, issuer.algorithms)
    if isinstance(signed, Unsigned):
        return signed
    fault = _fault(signed, issuer, now)
    if fault:
        return Unsigned(fault)
    claims = signed.claims
    if client is None or claims.get(issuer.claim("client")) != client.id:
        return Unsigned("The token's client is not registered here.")
    granted = scopes.parse(_scope_text(claims.get(issuer.claim("scope"))))
    if isinstance(granted, Problem):
        return Unsigned("The token's scope cannot be read.")
    user, patient = _user(claims, issuer, fhir_base), _patient(claims, issuer, fhir_base)
    if user is None or patient is None:
        return Unsigned("The token's user or patient is not a reference to a record here.")
    allowed = granted.narrowed(client.scopes).with_records(user)
    return Caller(client.id, client.organization, allowed, user, patient, client.purposes, digest(token)[:16])


def _fault(signed: Signed, issuer: Issuer, now: datetime) -> str:
    claims, present = signed.claims, now.timestamp()
    if str(signed.header.get("typ", "")).lower() not in {each.lower() for each in issuer.types}:
        return "The JWT is not typed as an access token."
    if _ID_TOKEN_CLAIMS & claims.keys() or claims.get("typ") == "ID":
        return "The JWT is an id_token, not an access token."
    if claims.get("iss") != issuer.issuer or not audience_holds(claims.get("aud"), issuer.audiences):
        return "The token is from another issuer or for another audience."
    expires = instant_claim(claims, "exp")
    if expires is None or expires <= present:
        return "The token has expired, or has no `exp`."
    starts = [instant_claim(claims, name) for name in ("nbf", "iat") if name in claims]
    early = any(start is None or start > present + SKEW_SECONDS for start in starts)
    return "The token is not valid yet." if early else ""


def _scope_text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    return value if isinstance(value, str) else ""


def _user(claims: Mapping[str, Any], issuer: Issuer, fhir_base: str) -> str | None:
    """The reference of the token's user; empty when the token names no user, None when the user's type is not of `_USERS`."""
    said = claims.get(issuer.claim("user"), "")
    if not isinstance(said, str):
        return None
    reference = own(said, fhir_base)
    return reference if not reference or reference.startswith(_USERS) else None


def _patient(claims: Mapping[str, Any], issuer: Issuer, fhir_base: str) -> str | None:
    claim = claims.get(issuer.claim("patient"), "")
    if not isinstance(claim, str):
        return None
    said = own(claim, fhir_base)
    reference = said if not said or said.startswith("Patient/") else f"Patient/{said}"
    return reference if not reference or PATIENT.fullmatch(reference) else None
