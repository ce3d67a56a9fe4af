"""Registers SMART clients, and makes tokens for an operator's own trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from service import clock
from service.auth import clients, scopes, tokens
from service.auth.clients import Client, digest
from service.auth.grants import Unsupported
from service.auth.tokens import Terms, Token
from service.auth.users import PATIENT, REFERENCE
from service.fhir.reference import own
from service.problem import Category, Problem, Refused, problem
from service.store.clients import Clients
from service.store.signing_keys import SigningKeys
from service.store.tokens import Tokens
from service.usecases.request.operated import Operation, Record, unrecorded


class Registration:
    """The register of clients. `unsupported` refuses a scope that this service could not enforce; `record` audits each change."""

    def __init__(
        self,
        store: Clients,
        issued: Tokens,
        keys: SigningKeys,
        terms: Terms,
        unsupported: Unsupported,
        record: Record = unrecorded,
    ) -> None:
        self._clients, self._tokens, self._keys = store, issued, keys
        self._terms, self._unsupported, self._record = terms, unsupported, record

    async def add_client(
        self,
        id: str,
        organization: str,
        scope: str,
        *,
        name: str = "",
        agency: str = "",
        jwks: Mapping[str, Any] | None = None,
        jwks_url: str = "",
        public: bool = False,
        secret: bool = False,
        redirect_uris: Sequence[str] = (),
        purposes: Sequence[str] = ("TREAT",),
        fhir_user: str = clients.ROLE,
    ) -> dict[str, Any]:
        """Registers a client with exactly one method of authentication. Returns the registration in the form of RFC 7591, with
        the client's secret, which is shown only in this answer. `agency` is the organisation's name for the consent page. Raises
        Refused INVALID or DUPLICATE with every reason."""
        if [public, secret, jwks is not None or bool(jwks_url)].count(True) != 1 or (jwks is not None and jwks_url):
            text = "Give exactly one of keys, a secret or `--public`; keys as a file or as a URL."
            raise Refused(problem(Category.INVALID, "invariant", text))
        made = clock.new_secret() if secret else ""
        method = "none" if public else "client_secret" if secret else "private_key_jwt"
        client = Client(
            id=id,
            organization=organization,
            scope=scope,
            method=method,
            name=name or id,
            agency=agency,
            redirect_uris=tuple(redirect_uris),
            purposes=tuple(purposes) or ("TREAT",),
            secret=digest(made) if made else "",
            jwks=jwks,
            jwks_url=jwks_url,
            fhir_user=fhir_user,
        )
        self._refuse_unfit(client)
        operation = Operation("C", f"client {id}", organization, rows=(f"auth.clients/{id}",))
        if not await self._record(partial(self._clients.add_client, client), operation):
            raise Refused(problem(Category.DUPLICATE, "duplicate", f"Client `{id}` is registered already; remove it first."))
        return {**described(client), **({"client_secret": made} if made else {})}

    async def list_clients(self) -> list[dict[str, Any]]:
        return [described(client) for client in await self._clients.clients()]

    async def remove_client(self, id: str) -> bool:
        """Removes a client and revokes every token and grant of the client; False when there is no such client."""
        client = await self._clients.client(id)
        operation = Operation("D", f"client {id}", client.organization if client else "", rows=(f"auth.clients/{id}",))
        removed = await self._record(partial(self._clients.remove_client, id), operation)
        await self._tokens.revoke_client(id)
        return removed

    async def mint(self, client_id: str, scope: str = "", user: str = "", patient: str = "") -> dict[str, Any]:
        """A token response for an operator who tries the service with curl. The client proves nothing and no person is asked for
        consent.

        Raises Refused: ABSENT for an unknown client, INVALID for a user or patient that is no such reference, SCOPE when the
        client may have none of the scopes, CONFLICT when the client is removed meanwhile.
        """
        client = await self._clients.client(client_id)
        if client is None:
            raise Refused(problem(Category.ABSENT, "not-found", f"Client `{client_id}` is not registered; add it first."))
        user, patient = own(user, self._terms.fhir_base), own(patient, self._terms.fhir_base)
        if (user and not REFERENCE.fullmatch(user)) or (patient and not PATIENT.fullmatch(patient)):
            text = "A token's user is a PractitionerRole, Patient or RelatedPerson reference, its patient a Patient reference."
            raise Refused(problem(Category.INVALID, "value", text))
        asked = scopes.parse(scope or client.scope)
        fault = asked if isinstance(asked, Problem) else self._unsupported(asked)
        if isinstance(asked, Problem) or fault is not None:
            raise Refused(fault or problem(Category.SCOPE, "forbidden", "The scope cannot be read."))
        granted = asked.narrowed(client.scopes)
        if not granted:
            raise Refused(problem(Category.SCOPE, "forbidden", f"Client `{client_id}` is allowed none of these scopes."))
        secret, now = clock.new_secret(), clock.now()
        token = tokens.access_token(secret, client, granted, self._terms, now)
        await self._keep(replace(token, user=user, patient=patient or (user if PATIENT.fullmatch(user) else "")))
        return {
            "token_type": "Bearer",
            "access_token": secret,
            "expires_in": self._terms.access_seconds,
            "scope": str(granted),
        }

    async def rotate_keys(self) -> str:
        """Makes a new signing key, which signs id_tokens from now on. Returns the new key's kid."""
        return await self._record(partial(self._keys.rotate, clock.now()), Operation("U", "signing key"))

    async def _keep(self, token: Token) -> None:
        patients = (token.patient,) if token.patient else ()
        operation = Operation("C", f"token for client {token.client}", token.organization, patients)
        await self._record(partial(self._tokens.keep, [token]), operation)
        if not await self._tokens.stand([token]):
            raise Refused(problem(Category.CONFLICT, "conflict", f"Client `{token.client}` was removed meanwhile."))

    def _refuse_unfit(self, client: Client) -> None:
        fit = clients.checked(client)
        if isinstance(fit, Problem):
            raise Refused(fit)
        fault = self._unsupported(client.scopes)
        if fault is not None:
            raise Refused(fault)


def described(client: Client) -> dict[str, Any]:
    """A registration in the member names of RFC 7591, without its secret."""
    said: dict[str, Any] = {
        "client_id": client.id,
        "client_name": client.name,
        "organization": client.organization,
        "token_endpoint_auth_method": "client_secret_basic" if client.method == "client_secret" else client.method,
        "scope": client.scope,
        "purposes": list(client.purposes),
        "redirect_uris": list(client.redirect_uris),
        "jwks_uri": client.jwks_url,
        "jwks": client.jwks,
        "fhir_user": client.fhir_user if client.redirect_uris else "",
    }
    return {name: value for name, value in said.items() if value}
