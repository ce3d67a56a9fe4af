"""The token, introspection and revocation endpoints: each loads the records a request needs, lets `service.auth.grants` decide,
and commits the effects."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from service import clock
from service.auth import grants, metadata, signatures, tokens
from service.auth.clients import Client
from service.auth.event import Event, Kind
from service.auth.grants import Answer, Decider, Loaded, OAuthRequest, Unsupported, refusal
from service.auth.signatures import Signed, peek
from service.auth.tokens import Code, Secrets, Terms, Token
from service.auth.users import User
from service.outbound.issuers import Issuers
from service.problem import Problem
from service.store.clients import Clients
from service.store.signing_keys import SigningKeys
from service.store.tokens import Tokens
from service.usecases.smart.users import Note, unnoted

Employer = Callable[[str], Awaitable[str]]
Extensions = Callable[[Token], Awaitable[dict[str, Any] | None]]


class Authorization:
    """Answers the requests of clients to the authorization server at which no person is present.

    `employer(PractitionerRole)` gives the role's Organization while the role is active. Every refresh calls `employer`, so that
    no member of staff who has left an agency goes on acting for the agency; without `employer` a refresh does not check the role.
    `extensions(Token)` gives the members of an introspection answer beyond RFC 7662.
    """

    def __init__(
        self,
        clients: Clients,
        issued: Tokens,
        keys: SigningKeys,
        fetcher: Issuers,
        terms: Terms,
        unsupported: Unsupported,
        note: Note = unnoted,
        employer: Employer | None = None,
        extensions: Extensions | None = None,
    ) -> None:
        self.terms = terms
        self._employer, self._extensions = employer, extensions
        self._clients, self._tokens, self._keys, self._fetcher = clients, issued, keys, fetcher
        self._unsupported, self._note = unsupported, note

    def smart_configuration(self) -> dict[str, Any]:
        """The body of `/fhir/.well-known/smart-configuration`."""
        return metadata.smart_configuration(self.terms)

    def openid_configuration(self) -> dict[str, Any]:
        """The body of `/auth/.well-known/openid-configuration`."""
        return metadata.openid_configuration(self.terms)

    async def jwks(self) -> dict[str, Any]:
        """The public keys that check the signatures of our id_tokens."""
        return {"keys": [signatures.public_part(key) for key in await self._keys.published(clock.now())]}

    async def token(self, asked: OAuthRequest) -> Answer:
        """The answer of the token endpoint (RFC 6749 section 3.2), once its effects are committed."""
        asked = await self._with_client(asked)
        decider = await self._decider(asked)
        if isinstance(decider, Answer):
            return decider
        answer = await self._committed(grants.decide_token(asked, decider))
        await self._noted("token", answer, decider.loaded)
        return answer

    async def introspect(self, asked: OAuthRequest) -> Answer:
        """The answer of the introspection endpoint (RFC 7662). A client that may not introspect a token gets the answer for an
        unknown token."""
        client = await self._authenticated(asked, public=False)
        if isinstance(client, Answer):
            return client
        found = await self._tokens.token(asked["token"]) if asked["token"] else None
        if found is None or not tokens.live(found, clock.now()) or not tokens.may_introspect(found, client):
            await self._note(Event("introspect", False, client.id, reason="The token is not one that this client may look into."))
            return Answer(200, {"active": False})
        await self._note(Event("introspect", True, client.id, found.user, found.patient))
        extensions = await self._extensions(found) if self._extensions is not None else None
        said = tokens.introspection(found, self.terms)
        return Answer(200, {**said, "extensions": extensions} if extensions else said)

    async def revoke(self, asked: OAuthRequest) -> Answer:
        """The answer of the revocation endpoint (RFC 7009). Revoking a refresh token revokes its whole grant; a token of another
        client is left as it is."""
        client = await self._authenticated(asked, public=True)
        if isinstance(client, Answer):
            return client
        if not asked["token"]:
            return refusal("invalid_request", "Name the token to revoke in `token`.")
        found = await self._tokens.token(asked["token"])
        if found is not None and found.client == client.id:
            await self._revoked(found)
            await self._note(Event("revoke", True, client.id, found.user, found.patient))
        return Answer(200, {})

    async def decider(self, client_id: str) -> Decider:
        """The Decider (Authlib's core) for an authorize request of one client."""
        client = await self._clients.client(client_id) if client_id else None
        return self._deciding(Loaded(client=client))

    async def _with_client(self, asked: OAuthRequest) -> OAuthRequest:
        """The request, with the client of its refresh token when it names no client: an app that can keep no secret refreshes
        without naming itself (SMART 2.2 section 2.0.14). A client that has a secret or keys must still prove that it is
        itself."""
        if asked["grant_type"] != "refresh_token" or grants.claimed_client(asked):
            return asked
        found = await self._tokens.token(asked["refresh_token"])
        return replace(asked, parameters={**asked.parameters, "client_id": found.client}) if found else asked

    async def _decider(self, asked: OAuthRequest) -> Decider | Answer:
        """The Decider (Authlib's core) with every record that this request can need, or the refusal when the client's keys cannot
        be fetched."""
        name = grants.claimed_client(asked)
        client = await self._clients.client(name) if name else None
        keys = await self._client_keys(asked, client)
        if isinstance(keys, Problem):
            return refusal("invalid_client", str(keys), 401)
        loaded = Loaded(client=client, keys=keys)
        if client is not None and asked["code"]:
            loaded = replace(loaded, code=await self._tokens.code(asked["code"]))
        if client is not None and asked["refresh_token"]:
            loaded = await self._with_refresh(loaded, asked["refresh_token"])
        return self._deciding(loaded)

    async def _with_refresh(self, loaded: Loaded, secret: str) -> Loaded:
        found = await self._tokens.token(secret)
        if found is None or found.kind != tokens.REFRESH:
            return loaded
        grant = await self._tokens.grant(found.grant)
        user = await self._clients.user(grant.username) if grant else None
        if grant is None or user is None or not await self._still(user, found.organization):
            return replace(loaded, refresh=found)
        session = await self._clients.session(grant.session, clock.now())
        return replace(loaded, refresh=found, grant=grant, session_live=session is not None)

    async def _still(self, user: User, organization: str) -> bool:
        """Whether a user may still act for this organisation's client. A member of staff must still be employed by the
        organisation; a patient always may."""
        return self._employer is None or not user.professional or await self._employer(user.reference) == organization

    def _deciding(self, loaded: Loaded) -> Decider:
        secrets = Secrets(clock.new_secret(), clock.new_secret())
        return Decider(loaded, secrets, self.terms, clock.now(), self._unsupported)

    async def _client_keys(self, asked: OAuthRequest, client: Client | None) -> list[dict[str, Any]] | Problem:
        if client is None or not asked["client_assertion"]:
            return []
        if not client.jwks_url:
            return list((client.jwks or {}).get("keys", []))
        seen = peek(asked["client_assertion"])
        kid = seen.header.get("kid") if isinstance(seen, Signed) else None
        return await self._fetcher.keys(client.jwks_url, kid if isinstance(kid, str) else "")

    async def _authenticated(self, asked: OAuthRequest, *, public: bool) -> Client | Answer:
        decider = await self._decider(asked)
        if isinstance(decider, Answer):
            return decider
        client = grants.authenticated(asked, decider, public)
        if isinstance(client, Answer):
            name = decider.loaded.client.id if decider.loaded.client else ""
            await self._note(Event("introspect", False, name, reason="The client could not be authenticated."))
        assertion = decider.effects.assertion
        if assertion is not None and not await self._tokens.spend_assertion(assertion):
            return _replayed()
        return client

    async def _committed(self, answer: Answer) -> Answer:
        """The answer, once its effects are in the database; or a refusal when another request has used the assertion, code or
        refresh token first."""
        effects = answer.effects
        if effects.assertion is not None and not await self._tokens.spend_assertion(effects.assertion):
            return _replayed()
        if answer.status != 200:
            if effects.tried is not None:
                await self._tokens.spend_code(effects.tried)
            await self._reused(effects.code, effects.refresh)
            return answer
        if effects.code is not None and not await self._tokens.spend_code(effects.code):
            await self._reused(effects.code, None)
            return refusal("invalid_grant", "The code was used before; its tokens are revoked.")
        if effects.refresh is not None and not await self._tokens.spend_refresh(effects.refresh):
            await self._reused(None, effects.refresh)
            return refusal("invalid_grant", "The refresh token was used before; the grant is revoked.")
        return await self._issued(answer)

    async def _issued(self, answer: Answer) -> Answer:
        effects = answer.effects
        if effects.grant is not None:
            await self._tokens.keep_grant(effects.grant.id, max(token.expires for token in effects.issued))
        stands = await self._tokens.issue(effects.issued)
        # A second exchange of the same code may have revoked the grant meanwhile. The first exchange succeeds even then, so that
        # exactly one exchange of a code succeeds; its tokens are no longer valid.
        if not stands and effects.code is None:
            return refusal("invalid_grant", "The grant or the client was revoked meanwhile.")
        return await self._with_identity(answer, effects.code) if effects.code is not None else answer

    async def _with_identity(self, answer: Answer, code: Code) -> Answer:
        """The answer with an id_token, when the granted scope has `openid`; otherwise the answer unchanged."""
        if "openid" not in str(answer.body.get("scope", "")).split():
            return answer
        key = await self._keys.signing(clock.now())
        claims = tokens.id_claims(code.grant, code.nonce, self.terms, clock.now())
        signed = await asyncio.to_thread(signatures.sign, claims, key)
        return replace(answer, body={**answer.body, "id_token": signed})

    async def _reused(self, code: Code | None, refresh: Token | None) -> None:
        """Revokes the grant of a code or refresh token that is used a second time: one of the two uses may be a thief's."""
        grant = code.grant.id if code is not None else refresh.grant if refresh is not None else ""
        if not grant:
            return
        await self._tokens.revoke_grant(grant)
        client = code.grant.client if code is not None else refresh.client if refresh is not None else ""
        await self._note(Event("reuse", False, client, reason="A code or refresh token was used twice; its grant is revoked."))

    async def _revoked(self, token: Token) -> None:
        if token.kind == tokens.REFRESH:
            await self._tokens.revoke_grant(token.grant)
            return
        await self._tokens.revoke_token(token)

    async def _noted(self, kind: Kind, answer: Answer, loaded: Loaded) -> None:
        client = loaded.client.id if loaded.client else ""
        issued = answer.effects.issued[0] if answer.status == 200 and answer.effects.issued else None
        reason = "" if answer.status == 200 else str(answer.body.get("error", ""))
        user, patient = (issued.user, issued.patient) if issued else ("", "")
        await self._note(Event(kind, answer.status == 200, client, user, patient, reason))


def _replayed() -> Answer:
    return refusal("invalid_client", "The assertion's `jti` was used before; make a new assertion for every request.", 401)


def code_expiry() -> timedelta:
    """How long a code is valid for its exchange."""
    return timedelta(seconds=tokens.CODE_SECONDS)
