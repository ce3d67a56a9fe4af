"""A data folder that keeps the locality, for trying things out over days. `demo.json` in it marks the folder as ours and has the
credentials, which are made anew for each folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from service.cli.arguments import wrong
from service.cli.demo import locality
from service.cli.demo.locality import AGENCIES, TRUST
from service.cli.demo.seeding import APPS, Stage, seed, system
from service.cli.opening import opened
from service.settings import Settings
from service.store.folder import DataFolder

FILE = "demo.json"


class Kept(msgspec.Struct):
    """What `demo.json` says: the credentials, as in Stage, and whether the seed was completed."""

    passwords: dict[str, str]
    keys: dict[str, dict[str, Any]]
    whole: bool = False

    @property
    def stage(self) -> Stage:
        """The credentials."""
        return Stage(self.passwords, self.keys)


def seeded(settings: Settings, base: str) -> Stage:
    """The credentials of the folder's locality, which is seeded unless it is there. Raises Refused INVALID for a folder with
    anything else in it."""
    file = settings.data / FILE
    with _usable():
        kept = _read(file) if file.exists() else _begun(settings.data)
    if not kept.whole:
        asyncio.run(_seed(settings, base, kept.stage))
        kept.whole = True
        with _usable():
            _write(file, kept)
    return kept.stage


@contextlib.contextmanager
def _usable() -> Iterator[None]:
    """Refuses a folder or a file that cannot be read or written."""
    try:
        yield
    except OSError as error:
        raise wrong(f"`{error.filename}` cannot be used: {error.strerror}. Name another folder with `--data`.") from error


def _read(file: Path) -> Kept:
    """The credentials that were written down. Raises Refused INVALID for a file that does not have them all."""
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=Kept)
    except msgspec.MsgspecError as error:
        raise wrong(f"`{file}` cannot be read ({error}): name a new folder.") from None
    people, systems = {name for _, _, _, name, _ in APPS}, {each.id for each in AGENCIES}
    if wanting := sorted((people - kept.passwords.keys()) | (systems - kept.keys.keys())):
        raise wrong(f"`{file}` does not have the credentials of `{wanting[0]}`: name a new folder.")
    return kept


def _begun(folder: Path) -> Kept:
    """New credentials, which are written down before anything is stored under them."""
    there = sorted({*DataFolder(folder).others(), *(["db"] if (folder / "db").exists() else [])})
    if there:
        raise wrong(f"`{folder}` is no folder of a demonstration, it has `{there[0]}`: name a new one.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stage = Stage.made()
    kept = Kept(stage.passwords, stage.keys)
    _write(folder / FILE, kept)
    return kept


def _write(file: Path, kept: Kept) -> None:
    fresh = file.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as opened_file:
        opened_file.write(msgspec.json.format(msgspec.json.encode(kept)))
    fresh.replace(file)


async def _seed(settings: Settings, base: str, stage: Stage) -> None:
    async with opened(settings, base) as built:
        await seed(built, stage)


def told(folder: Path, stage: Stage, program: str) -> list[str]:
    """What is in the folder, and how to go on with it, line by line."""
    data = shlex.quote(str(folder))
    return [
        f"A made-up locality is in {folder}, and stays there.",
        f"  Agencies: {', '.join(each.reference for each in AGENCIES)}",
        f"  {locality.ADA} has {locality.PLAN}, led by {TRUST.role('tara')}; {locality.BEN} refused the crisis team.",
        f"  Systems: {', '.join(system(each) for each in AGENCIES)}; a token of one:",
        f"    {program} token --client {system(TRUST)} --data {data}",
        *(f"  {name} logs in to {app} with the password {stage.passwords[name]}" for app, _, _, name, _ in APPS),
        f"  Serve it again: {program} serve --data {data}   Check it: {program} check --data {data}",
        f"  The systems' private keys are in {folder / FILE}.",
    ]
