"""`baton load`: loads files of records, shows its progress, and reports the records that were put aside, with the reasons."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from service import clock
from service.app import Built
from service.change import Resource
from service.cli.agencies import agency_named
from service.cli.arguments import Data
from service.cli.opening import with_new_service
from service.cli.sources import Item, files, items, tell_unread, unread
from service.fhir.bundle import Sent
from service.fhir.json import dump
from service.fhir.outcome import outcome
from service.fhir.reference import type_of
from service.problem import Problem
from service.usecases.interactions.loading import TURNS, Fate, Loading, turn

CHUNK = 512
SAID = 3
LISTED = 20
FAILED = 1


@dataclass(slots=True)
class Account:
    """The outcome of a load: counts of records by type and Fate, and the records put aside, each with the reason."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    aside: list[tuple[Item, Problem]] = field(default_factory=list)

    def counted(self, kind: str, fate: str) -> None:
        self.counts[kind, fate] += 1

    def put_aside(self, item: Item, reason: Problem) -> None:
        self.aside.append((item, reason))


def load(
    paths: Annotated[
        list[Path], typer.Argument(help="Files or folders of FHIR JSON and NDJSON, packed or not.", show_default=False)
    ],
    custodian: Annotated[str, typer.Option(help="The agency whose records they are.", metavar="Organization/ID")] = "",
    data: Data = None,
) -> int:
    """Load Bundles, single resources or NDJSON into the running or stopped service."""
    agency = agency_named("--custodian", custodian) if custodian else ""
    found, beside = files(paths), unread(paths)

    async def loading(built: Built) -> int:
        account = await _all(built, found, agency)
        _tell(account, _quarantine(account, built.services.settings.data))
        tell_unread(beside)
        return FAILED if account.aside else 0

    return with_new_service(data, loading)


async def _all(built: Built, found: list[Path], custodian: str) -> Account:
    """Surveys every record, loads those that others refer to, then the others, then the refused ones again for as long as a
    repeat loads any: a rule may want a record that was loaded later."""
    use, account = Loading(built.services, built.base, custodian), Account()
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("looking through", total=None)
        surveyed = await _survey(use, _everything(found, built.base), progress, bar)
        bar = progress.add_task("loading", total=surveyed)
        for number in range(TURNS):
            await _pass(use, account, (each for each in _everything(found, built.base) if _turn(each) == number), progress, bar)
        while account.aside:
            waiting, account.aside = account.aside, []
            await _pass(use, account, (item for item, _ in waiting), progress, bar)
            if len(account.aside) == len(waiting):
                break
    return account


async def _survey(use: Loading, source: Iterable[Item], progress: Progress, bar: TaskID) -> int:
    """Surveys every record; gives how many there are."""
    remaining, count = iter(source), 0
    while chunk := list(islice(remaining, CHUNK)):
        await use.survey([item.sent for item in chunk if isinstance(item.sent, Sent)])
        count += len(chunk)
        progress.advance(bar, len(chunk))
    return count


def _turn(item: Item) -> int:
    """The turn at which a record is loaded, and at which what cannot be read is put aside."""
    return turn(item.sent.resource) if isinstance(item.sent, Sent) else 0


async def _pass(use: Loading, account: Account, source: Iterable[Item], progress: Progress, bar: TaskID) -> None:
    remaining = iter(source)
    while chunk := list(islice(remaining, CHUNK)):
        readable: list[tuple[Item, Sent]] = []
        for item in chunk:
            if isinstance(item.sent, Problem):
                account.put_aside(item, item.sent)
            else:
                readable.append((item, item.sent))
        verdicts = await use.load([sent for _, sent in readable])
        for (item, _), verdict in zip(readable, verdicts, strict=True):
            if verdict.reason is not None:
                account.put_aside(item, verdict.reason)
            else:
                account.counted(type_of(verdict.reference), verdict.fate)
        progress.advance(bar, len(chunk))


def _everything(found: list[Path], base: str) -> Iterator[Item]:
    for path in found:
        yield from items(path, base)


def _quarantine(account: Account, folder: Path) -> Path | None:
    """Writes the records put aside to a quarantine file, from which they can be loaded again once corrected: one Bundle a line,
    with the record, its source and the OperationOutcome. Only the file's owner can read it. Returns the path, None when no record
    was put aside."""
    if not account.aside:
        return None
    path = folder / f"quarantine-{clock.now():%Y%m%dT%H%M%S}.ndjson"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "wb") as lines:
        for item, reason in account.aside:
            lines.write(dump(_kept(item, reason)) + b"\n")
    return path


def _briefly(reason: Problem) -> str:
    """The first issues of a record, with their places; the quarantine file has every issue."""
    said = [f"{issue.expression}: {issue.text}" if issue.expression else issue.text for issue in reason.issues]
    return " ".join(said[:SAID]) + (f" And {len(said) - SAID} more." if len(said) > SAID else "")


def _kept(item: Item, reason: Problem) -> Resource:
    entries: list[Resource] = [{"resource": outcome(reason.cited), "search": {"mode": "outcome"}}]
    if isinstance(item.sent, Sent):
        told = {"fullUrl": item.sent.full_url} if item.sent.full_url else {}
        asked = {"method": "POST", "url": str(item.sent.resource.get("resourceType")), "ifNoneExist": item.sent.none_exist}
        entries.append({**told, "resource": item.sent.resource, **({"request": asked} if item.sent.none_exist else {})})
    link = [{"relation": "source", "url": item.source}]
    return {"resourceType": "Bundle", "type": "collection", "link": link, "entry": entries}


def _tell(account: Account, path: Path | None) -> None:
    kinds = sorted({kind for kind, _ in account.counts})
    for kind in kinds:
        print(f"{kind}: {account.counts[kind, Fate.LOADED]} loaded, {account.counts[kind, Fate.THERE]} already there")
    loaded = sum(count for (_, fate), count in account.counts.items() if fate == Fate.LOADED)
    there = account.counts.total() - loaded
    print(f"Loaded {loaded}; {there} were there; {len(account.aside)} put aside.")
    for item, reason in account.aside[:LISTED]:
        print(f"  {item.source} {_named(item)}: {_briefly(reason)}")
    if len(account.aside) > LISTED:
        print(f"  and {len(account.aside) - LISTED} more")
    if path is not None:
        print(f"Put aside in {path}: correct them there or at their source, and load them again.", file=sys.stderr)


def _named(item: Item) -> str:
    if isinstance(item.sent, Problem):
        return ""
    return f"{item.sent.resource.get('resourceType', '?')}/{item.sent.resource.get('id', '?')}"
