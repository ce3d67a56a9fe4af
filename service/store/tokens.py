"""Grants, codes, tokens and spent assertions. One atomic operation of the database decides each thing that may happen once.

Revocation and issue may run at the same moment. A revoker first marks the grant (or removes the client), then deletes the
tokens; an issuer first inserts its tokens, then checks that the grant and the client still stand. In every order of these steps
either the revoker deletes the tokens or the issuer finds the grant revoked or the client gone, so no token outlives its grant.
`Tokens.issue` is the issuer; `Tokens.revoke_grant` and `Tokens.revoke_client` are the revokers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from service.auth.assertions import Assertion
from service.auth.clients import digest
from service.auth.tokens import Code, Grant, Token
from service.store.mongo import Mongo, Session, reached

_FORGOTTEN = IndexModel([("expires", ASCENDING)], expireAfterSeconds=3600)
_BY_GRANT = IndexModel([("grant", ASCENDING)])
_BY_CLIENT = IndexModel([("client", ASCENDING)])
INDEXES = {
    "auth.grants": (_FORGOTTEN, _BY_CLIENT, IndexModel([("username", ASCENDING)])),
    "auth.codes": (_FORGOTTEN,),
    "auth.tokens": (_FORGOTTEN, _BY_GRANT, _BY_CLIENT),
    "auth.jti": (_FORGOTTEN,),
}


@reached
class Tokens:
    """Keeps grants, codes and tokens. Concurrent lookups of a token share a query and no token is cached, so a revoked token is
    gone at once for every worker."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def ensure_indexes(self) -> None:
        await self._mongo.ensure_indexes(INDEXES)

    async def token(self, secret: str) -> Token | None:
        """The token of this secret, expired or not; None for an unknown secret. Concurrent calls share one query."""
        return await self._mongo.lookup.ask("auth.tokens", digest(secret), _token)

    async def grant(self, id: str) -> Grant | None:
        row = await self._mongo.collection("auth.grants").find_one({"_id": id})
        return _grant(row) if row else None

    async def code(self, secret: str) -> Code | None:
        row = await self._mongo.collection("auth.codes").find_one({"_id": digest(secret)})
        if row is None:
            return None
        grant = await self.grant(row["grant"])
        return Code(**{**_members(row, "hash"), "grant": grant}) if grant else None

    async def add_code(self, code: Code, until: datetime) -> None:
        """Keeps a new code and its grant. The grant is forgotten after `until` unless tokens are issued from the grant."""
        await self._mongo.collection("auth.grants").insert_one({**_row(code.grant, "id"), "expires": until})
        await self._mongo.collection("auth.codes").insert_one({**_row(code, "hash"), "grant": code.grant.id})

    async def spend_assertion(self, assertion: Assertion) -> bool:
        """Marks the `jti` of a client's assertion as seen; False when any worker has seen the `jti` before."""
        key = digest(f"{assertion.client} {assertion.jti}")
        try:
            await self._mongo.collection("auth.jti").insert_one({"_id": key, "expires": assertion.until})
        except DuplicateKeyError:
            return False
        return True

    async def spend_code(self, code: Code) -> bool:
        """Marks a code as used; False when the code was used before."""
        return await self._spend("auth.codes", code.hash)

    async def spend_refresh(self, token: Token) -> bool:
        """Marks a refresh token as rotated; False when the token was rotated before."""
        return await self._spend("auth.tokens", token.hash)

    async def issue(self, tokens: Collection[Token]) -> bool:
        """Keeps new tokens; False when their client was removed or their grant revoked meanwhile; the tokens are then deleted."""
        await self.keep(tokens)
        return await self.stand(tokens)

    async def keep(self, tokens: Collection[Token], session: Session = None) -> bool:
        """Keeps new tokens, of which the caller must then ask whether they `stand`. Always True."""
        await self._mongo.collection("auth.tokens").insert_many([_row(token, "hash") for token in tokens], session=session)
        return True

    async def stand(self, tokens: Collection[Token]) -> bool:
        """Whether the client and grant of new tokens still stand; otherwise the tokens are deleted. Asked after the tokens are
        kept, and outside the transaction that kept them, which would see the client as it was before."""
        if all([await self._stands(token) for token in tokens]):
            return True
        await self._mongo.collection("auth.tokens").delete_many({"_id": {"$in": [token.hash for token in tokens]}})
        return False

    async def revoke_token(self, token: Token) -> None:
        """Forgets one access token."""
        await self._mongo.collection("auth.tokens").delete_one({"_id": token.hash})

    async def revoke_grant(self, id: str) -> None:
        """Revokes a grant and deletes every token issued from the grant."""
        await self._mongo.collection("auth.grants").update_one({"_id": id}, {"$set": {"revoked": True}})
        await self._mongo.collection("auth.tokens").delete_many({"grant": id})

    async def revoke_client(self, client: str) -> None:
        """Revokes every grant of a client and deletes the client's tokens. The client must have been removed before."""
        await self._mongo.collection("auth.grants").update_many({"client": client}, {"$set": {"revoked": True}})
        await self._mongo.collection("auth.tokens").delete_many({"client": client})

    async def revoke_user(self, username: str) -> None:
        """Revokes every grant of a user, and deletes the tokens issued from them."""
        ids = [row["_id"] async for row in self._mongo.collection("auth.grants").find({"username": username}, {"_id": 1})]
        for each in ids:
            await self.revoke_grant(each)

    async def keep_grant(self, id: str, until: datetime) -> None:
        """Keeps a grant until an hour after `until`, or for longer when the grant is kept for longer already."""
        await self._mongo.collection("auth.grants").update_one({"_id": id}, {"$max": {"expires": until + timedelta(hours=1)}})

    async def _stands(self, token: Token) -> bool:
        if await self._mongo.collection("auth.clients").find_one({"_id": token.client}, {"_id": 1}) is None:
            return False
        if not token.grant:
            return True
        standing = {"_id": token.grant, "revoked": False}
        return await self._mongo.collection("auth.grants").find_one(standing, {"_id": 1}) is not None

    async def _spend(self, collection: str, hash: str) -> bool:
        done = await self._mongo.collection(collection).update_one({"_id": hash, "used": False}, {"$set": {"used": True}})
        return bool(done.modified_count)


def _row(value: Any, key: str) -> dict[str, Any]:
    row = asdict(value)
    row["_id"] = row.pop(key)
    return row


def _members(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {key if name == "_id" else name: value for name, value in row.items()}


def _token(row: Mapping[str, Any]) -> Token:
    return Token(**{**_members(row, "hash"), "purposes": tuple(row["purposes"])})


def _grant(row: Mapping[str, Any]) -> Grant:
    return Grant(**{name: value for name, value in _members(row, "id").items() if name != "expires"})
