"""`baton backup` and `baton restore`: one file with all that is stored, and back."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from service import app, clock
from service.cli import checking, logs
from service.cli.arguments import Data, settings_for, wrong
from service.cli.opening import LOCAL, database, ensure_there
from service.cli.signals import ended_by_signals
from service.settings import Settings
from service.store import archive
from service.store.archive import NAME, SUFFIX, Archive, Manifest
from service.store.backup import Restore, back_up, vacant
from service.store.folder import KEPT, KEY, DataFolder
from service.store.layout import Layout, admitted
from service.store.ledger_key import LedgerKey, fingerprint
from service.usecases.register import upgrades

Place = Annotated[Path, typer.Argument(metavar="FILE|DIR", help="The file; or a folder, for one named after the instant.")]
Source = Annotated[Path, typer.Argument(metavar="FILE|DIR", help="The file; or a folder, for the newest one in it.")]


def backup(place: Place, data: Data = None) -> int:
    """Copy all that is stored, as it is at this instant, into one file; the service may run."""
    settings = settings_for(data)
    logs.configure("warning")
    path = place / f"{NAME}{clock.now():%Y%m%dT%H%M%SZ}{SUFFIX}" if place.is_dir() else place

    async def copying() -> Manifest:
        await ensure_there(settings)
        async with database(settings) as mongo:
            await Layout(mongo).admit()
            secret = await LedgerKey(mongo, DataFolder(settings.data), settings.ledger_key).held()
            # A secret that the environment gives is kept there, and is not put into a file.
            files = [settings.data / name for name in KEPT if name != KEY or not settings.ledger_key]
            return await back_up(mongo, files, secret, version("baton-fhir"), path)

    _tell(path, ended_by_signals(copying()))
    return 0


def _tell(path: Path, manifest: Manifest) -> None:
    documents = sum(each.documents for each in manifest.database.values())
    print(
        f"{path}: {documents} documents of {len(manifest.database)} collections, layout {manifest.layout}, as of {manifest.at}."
    )
    secret = f"`{KEY}`, the ledger's secret" if KEY in manifest.folder else "not the ledger's secret, which is `BATON_LEDGER_KEY`"
    print(f"It holds health records, the signing keys, and {secret}: keep it as you keep those. It is readable by you alone.")


def restore(source: Source, data: Data = None) -> int:
    """Put a backup into an empty database and data folder, and check it."""
    settings = settings_for(data)
    logs.configure("warning")
    copy = archive.checked(_newest(source))
    admitted(copy.manifest.layout, f"The backup `{copy.path}`")
    _same_secret(settings, copy)
    folder = DataFolder(settings.data)
    folder.admit()
    vacant(f"The data folder `{folder.path}`", [each for each in folder.others() if each not in KEPT])
    return ended_by_signals(_restored(settings, folder, copy))


async def _restored(settings: Settings, folder: DataFolder, copy: Archive) -> int:
    """Restores, makes the indexes, brings an older layout up to ours, and only then lets the database be served. Gives the
    status of the check."""
    async with database(settings) as mongo:
        work = Restore(mongo, folder, copy)
        async with AsyncExitStack() as parts:
            await parts.enter_async_context(work.alone(clock.new_id()))
            await work.copy()
            built = await parts.enter_async_context(aclosing(await app.build(settings, mongo, settings.base_url or LOCAL)))
            names = copy.manifest.database
            await built.services.records.prepare(name.removeprefix("r.") for name in names if name.startswith("r."))
            await upgrades.bring_up(built.services, built.base)
            folder.noted()
            await work.end()
            print(f"{copy.path} is restored, as of {copy.manifest.at}. Whatever was revoked since then is to be revoked again.")
            return await checking.told(built)


def _newest(source: Path) -> Path:
    """The file that is named, or the newest backup of a folder."""
    if not source.is_dir():
        return source
    found = sorted(source.glob(f"{NAME}*{SUFFIX}"))
    if not found:
        raise wrong(f"There is no `{NAME}…{SUFFIX}` in `{source}`: name the file.")
    return found[-1]


def _same_secret(settings: Settings, copy: Archive) -> None:
    """Refuses a backup that could not be checked afterwards, because the ledger's secret is not the one it was made with."""
    if settings.ledger_key and fingerprint(settings.ledger_key.encode()) != copy.manifest.key:
        raise wrong("`BATON_LEDGER_KEY` is not the secret that this backup's ledger was written with: set that, or unset it.")
    if not settings.ledger_key and KEY not in copy.manifest.folder:
        raise wrong("This backup's ledger was written with `BATON_LEDGER_KEY`, which is not in it: set it to that secret.")
