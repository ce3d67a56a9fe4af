"""Copies a database and what belongs to it outside the database into one file, and back.

A backup is of one instant: the collections are read in one snapshot. The seals outside are copied before it is taken, because the
database may be sealed meanwhile, and never has fewer. A restore marks the database first and takes the mark away last: until then
nobody serves it, and a repeated restore begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from bson.raw_bson import RawBSONDocument

from service.problem import Category, Refused, problem
from service.store import archive
from service.store.archive import FORM, Archive, Manifest
from service.store.folder import KEPT, DataFolder
from service.store.installation import COLLECTION
from service.store.layout import LEASE_ID, LEASES, RESTORE_ID, Layout
from service.store.ledger_key import fingerprint
from service.store.mongo import Mongo, Snapshot, reaching

PATIENCE = round(LEASES[RESTORE_ID].total_seconds()) + 2
"""How many seconds a restore waits for another to end or to turn out to be dead."""
LISTED = 5
"""How many of the names that are in the way a refusal lists."""


async def back_up(mongo: Mongo, files: Sequence[Path], key: bytes, version: str, path: Path) -> Manifest:
    """Writes a copy of the database, and of those of the data folder's files that are there, to a new file; gives its manifest.
    `key` is the ledger's secret. The layout of the database was admitted before. Raises Refused INVALID when the file is there
    already, UNAVAILABLE."""
    layout, at = await Layout(mongo).current(), await mongo.time()
    manifest = Manifest(FORM, version, layout, at.isoformat(timespec="milliseconds"), fingerprint(key))
    with archive.written(path, manifest) as writer:
        for file in files:
            if file.exists():
                writer.file(file)
        async with mongo.snapshot() as still:
            for name in sorted(await still.names()):
                await writer.collection(name, _all(still, name))
    return manifest


async def _all(still: Snapshot, name: str) -> AsyncIterator[RawBSONDocument]:
    """Every document of a collection, but the lease of whoever changes the layout."""
    async for document in still.raw(name).find({"_id": {"$ne": LEASE_ID}} if name == COLLECTION else {}):
        yield document


class Restore:
    """The restore of a backup into a database and a data folder."""

    def __init__(self, mongo: Mongo, folder: DataFolder, copy: Archive) -> None:
        self._mongo, self._folder, self._copy = mongo, folder, copy
        self._layout = Layout(mongo)

    @contextlib.asynccontextmanager
    async def alone(self, holder: str) -> AsyncIterator[None]:
        """Marks the database as being restored by this holder and nobody else, and takes away what a restore that was broken off
        has left. Raises Refused RULE when something is there already that no restore has left, and while another restores;
        nothing is touched then. The layout of the backup was admitted before."""
        begun = await self._layout.restoring()
        if not begun:
            vacant("The database", sorted(await self._mongo.names()))
            vacant(f"The data folder `{self._folder.path}`", self._folder.others())
        async with contextlib.AsyncExitStack() as held:
            for _ in range(PATIENCE):
                if await held.enter_async_context(self._layout.leased(holder, RESTORE_ID)):
                    break
                await asyncio.sleep(1)  # until the lease of one that was killed has run out
            else:
                text = "Another restore into this database is under way: wait for it, or repeat this one when that was ended."
                raise Refused(problem(Category.RULE, "business-rule", text))
            if begun:
                await self._clear(await self._mongo.names())
            yield

    async def copy(self) -> None:
        """Copies all of the backup. The database stays marked."""
        async with reaching():
            for name, documents in self._copy.collections():
                await self._mongo.raw(name).insert_many(documents, ordered=False)
        self._copy.unpack(self._folder.path)

    async def end(self) -> None:
        """Takes the mark away: the database may be served."""
        await self._layout.end_restore()

    async def _clear(self, names: frozenset[str]) -> None:
        """Removes what a restore that was broken off has left, its mark excepted."""
        async with reaching():
            for name in names - {COLLECTION}:
                await self._mongo.collection(name).drop()
            await self._layout.clear()
        for name in KEPT:
            (self._folder.path / name).unlink(missing_ok=True)


def vacant(place: str, there: Sequence[str]) -> None:
    """Raises Refused RULE when something is there."""
    if there:
        more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
        named = f"`{'`, `'.join(there[:LISTED])}`{more}"
        text = f"{place} is not empty, and a restore overwrites nothing: it has {named}. Name another, or take those away."
        raise Refused(problem(Category.RULE, "business-rule", text))
