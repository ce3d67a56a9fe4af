"""The secret of the ledger's hashes, and which one a database's ledger was begun with.

The secret lies outside the database, which keeps a fingerprint of it. With another secret every hash that is written would be at
fault, and nothing could be checked any more, so another is refused before anything is written. A database from before there were
fingerprints is asked for its newest seal, and without seals for its newest page.
"""

from __future__ import annotations

import hmac

from service.auth.seals import SealingKey
from service.problem import Category, Refused, problem
from service.store.digests import decoded, digest, raw_bytes
from service.store.folder import KEY, DataFolder
from service.store.installation import Installation
from service.store.ledger import begun
from service.store.ledger_page import ENTRIES
from service.store.mongo import Mongo, reached
from service.store.row import Document
from service.store.seals import SEALS


def fingerprint(key: bytes) -> str:
    """What tells two ledger secrets apart, and nothing of them."""
    return hmac.digest(key, b"baton backup", "sha256").hex()[:32]


@reached
class LedgerKey:
    """The secret for one database: `given` by the environment, or else the one in the data folder."""

    def __init__(self, mongo: Mongo, folder: DataFolder, given: str = "") -> None:
        self._mongo, self._folder, self._given = mongo, folder, given
        self._installation = Installation(mongo)

    async def held(self) -> bytes:
        """The secret that the database's ledger was written with. Raises Refused RULE for another one, for one that is lost and
        for one that cannot be read."""
        known = await self._installation.ledger_key()
        key = self._given.encode() or self._folder.secret(begun=bool(known) or await begun(self._mongo))
        if not (known == fingerprint(key) if known else await self._wrote(key)):
            raise self._other()
        return key

    async def taken(self) -> bytes:
        """As `held`, and notes it as the secret of this database from now on."""
        key = await self.held()
        if await self._installation.keep_ledger_key(fingerprint(key)) != fingerprint(key):  # another process was first
            raise self._other()
        return key

    def _other(self) -> Refused:
        given = "`BATON_LEDGER_KEY`" if self._given else f"`{self._folder.path / KEY}`"
        text = (
            f"{given} is not the secret that this database's ledger was written with: give that one, from the backup of the data "
            "folder or from the other machines."
        )
        return Refused(problem(Category.RULE, "business-rule", text, rule="security 4"))

    async def _wrote(self, key: bytes) -> bool:
        """Whether the newest seal or page of a ledger without a fingerprint is of this secret; so it is when there is neither."""
        seal, page = await self._newest(SEALS, "sig"), await self._newest(ENTRIES, "f")
        signed = bool(seal and SealingKey(key).claims(str(seal["sig"])))
        return signed or bool(page and await self._hashed(key, page)) or not (seal or page)

    async def _newest(self, collection: str, form: str) -> Document:
        """The newest document of a form that tells its secret; empty when there is none."""
        found = self._mongo.raw(collection).find({form: {"$exists": True}}).sort("_id", -1).limit(1)
        return next(iter([decoded(raw.raw) async for raw in found]), {})

    async def _hashed(self, key: bytes, page: Document) -> bool:
        place = {"s": page.get("s"), "n": {"$lt": page.get("n")}}
        before = await self._mongo.collection(ENTRIES).find_one(place, {"h": 1}, sort=[("n", -1)])
        content = {name: value for name, value in page.items() if name != "h"}
        return digest(key, content, raw_bytes(before or {}, "h")) == raw_bytes(page, "h")
