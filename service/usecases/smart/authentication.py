"""Authenticates requests: finds out who presents a bearer token."""

from __future__ import annotations

from service import clock
from service.auth import issuers, tokens
from service.auth.caller import Caller
from service.auth.issuers import Issuer
from service.auth.signatures import Signed, Unsigned, peek
from service.outbound.issuers import Issuers
from service.problem import Category, Problem, problem
from service.store.clients import Clients
from service.store.tokens import Tokens

_LONGEST = 16_384


class Authentication:
    """Turns bearer tokens, our own or a trusted issuer's, into Callers. `fhir_base` is our FHIR base URL."""

    def __init__(
        self, store: Tokens, clients: Clients, fetcher: Issuers, trusted: tuple[Issuer, ...] = (), fhir_base: str = ""
    ) -> None:
        self._tokens, self._clients, self._fetcher = store, clients, fetcher
        self._trusted, self._fhir_base = trusted, fhir_base

    async def caller(self, token: str) -> Caller | Problem:
        """The Caller, or a Problem (TOKEN) for a token that is unknown, expired, revoked or made for another service.

        Our own tokens are looked up for every request, and concurrent lookups share one query, so that every worker honours a
        revocation at once.
        """
        if len(token) > _LONGEST:
            return _refusal()
        if token.count(".") == 2:
            return await self._external(token)
        found = tokens.caller_of(await self._tokens.token(token), clock.now())
        return found if found is not None else _refusal()

    async def _external(self, token: str) -> Caller | Problem:
        issuer = issuers.chosen(token, self._trusted)
        if issuer is None:
            return _refusal("The token is not from an issuer that is trusted here.")
        keys = await self._keys(issuer, token)
        if isinstance(keys, Problem):
            return keys
        client = await self._clients.client(issuers.client_of(token, issuer))
        found = issuers.caller(token, issuer, keys, client, fhir_base=self._fhir_base, now=clock.now())
        return _refusal(found.reason) if isinstance(found, Unsigned) else found

    async def _keys(self, issuer: Issuer, token: str) -> list[dict[str, object]] | Problem:
        url = issuer.jwks_url or await self._fetcher.jwks_url(issuer.issuer)
        if isinstance(url, Problem):
            return url
        seen = peek(token)
        kid = seen.header.get("kid") if isinstance(seen, Signed) else None
        return await self._fetcher.keys(url, kid if isinstance(kid, str) else "")


def _refusal(text: str = "The access token is not known, has expired or was revoked; ask for a new one.") -> Problem:
    return problem(Category.TOKEN, "login", text, rule="RFC 6750 3.1")
