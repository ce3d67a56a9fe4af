"""What one installation of the service remembers about itself, beside the records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.store.generations import DIRECTORY, GENERATIONS
from service.store.mongo import Mongo, Session, reached

COLLECTION = "installation"


@reached
class Installation:
    """Keeps one document for each thing that is remembered."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    async def published(self) -> str:
        """The digest of the definitions that were published last; empty before the first."""
        found = await self._mongo.collection(COLLECTION).find_one({"_id": "definitions"})
        return str(found["digest"]) if found else ""

    async def publish(self, digest: str) -> None:
        """Remembers the definitions that are published now."""
        await self._mongo.collection(COLLECTION).update_one({"_id": "definitions"}, {"$set": {"digest": digest}}, upsert=True)

    async def locality(self) -> Mapping[str, Any]:
        """The locality's calendar as the operator has said it; empty before."""
        found = await self._mongo.collection(COLLECTION).find_one({"_id": "locality"}, {"_id": 0})
        return found or {}

    async def keep_locality(self, said: Mapping[str, Any], session: Session = None) -> bool:
        """Keeps the locality's calendar, and has every process read it anew. Always True."""
        kept = {**said, "_id": "locality"}
        await self._mongo.collection(COLLECTION).replace_one({"_id": "locality"}, kept, upsert=True, session=session)
        raised = {"$inc": {"n": 1}}
        await self._mongo.collection(GENERATIONS).update_one({"_id": DIRECTORY}, raised, upsert=True, session=session)
        return True

    async def ledger_key(self) -> str:
        """The fingerprint of the secret that the ledger was begun with; empty before the first."""
        found = await self._mongo.collection(COLLECTION).find_one({"_id": "ledger-key"})
        return str(found["fingerprint"]) if found else ""

    async def keep_ledger_key(self, fingerprint: str) -> str:
        """Remembers a fingerprint unless there is one; gives the one that is remembered."""
        kept = {"$setOnInsert": {"fingerprint": fingerprint}}
        await self._mongo.collection(COLLECTION).update_one({"_id": "ledger-key"}, kept, upsert=True)
        return await self.ledger_key()
