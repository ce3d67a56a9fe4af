"""Reads an operator's files of FHIR JSON: single resources, Bundles and NDJSON, also packed by gzip or zip, and folders of such
files."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from service.cli.arguments import wrong
from service.fhir import bundle
from service.fhir.bundle import Sent
from service.fhir.json import parse
from service.problem import Category, Problem, problem

LINES = (".ndjson", ".jsonl")
PLAIN = (".json", *LINES)
SUFFIXES = (*PLAIN, *(f"{each}.gz" for each in PLAIN), ".zip")
MAX_DEPTH = 500


@dataclass(frozen=True, slots=True)
class Item:
    """A resource as it was sent, or the Problem why it cannot be read, and the place where it was found (the file, `file:line`,
    `file#entry[n]` or `file.zip!member`)."""

    source: str
    sent: Sent | Problem


def files(paths: Sequence[Path]) -> list[Path]:
    """Every file that the paths name, in order. A folder names the JSON and NDJSON files in it, packed or not, at any depth.
    Raises Refused when a path does not exist or no file is named."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += _within(path)
        elif path.is_file():
            found.append(path)
        else:
            raise wrong(f"There is no file or folder `{path}`; correct the path.")
    if not found:
        raise wrong(f"There is no `{'`, `'.join(SUFFIXES)}` file in `{paths[0]}`; name a file, or a folder that has some.")
    return list(dict.fromkeys(found))


def _within(folder: Path) -> list[Path]:
    """The files of a folder, in order. A folder that cannot be read is refused, because nobody would notice that its files are
    missing."""

    def unreadable(error: OSError) -> None:
        raise wrong(f"`{error.filename}` cannot be read: {error.strerror}.") from None

    walked = os.walk(folder, onerror=unreadable)
    return sorted(Path(place, name) for place, _, names in walked for name in names if name.lower().endswith(SUFFIXES))


def items(path: Path, base: str = "") -> Iterator[Item]:
    """Every resource of a file. A Bundle that carries records gives its entries. A file that cannot be read gives one Item with
    the Problem, after those that could be. `base` is our own base URL."""
    try:
        if path.suffix.lower() == ".zip":
            yield from _archive(path, base)
        else:
            packed = path.suffix.lower() == ".gz"
            name = (path.stem if packed else path.name).lower()
            with cast(IO[bytes], gzip.open(path) if packed else path.open("rb")) as data:
                yield from _read(str(path), name, data, base)
    except (EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        said = (error.strerror if isinstance(error, OSError) else None) or str(error) or "it ends too early"
        yield Item(str(path), problem(Category.ABSENT, "not-found", f"The file cannot be read ({said}): make it readable."))


def _archive(path: Path, base: str) -> Iterator[Item]:
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.lower().endswith(PLAIN):
                with archive.open(name) as data:
                    yield from _read(f"{path}!{name}", name.lower(), data, base)


def _read(source: str, name: str, data: IO[bytes], base: str) -> Iterator[Item]:
    if name.endswith(LINES):
        yield from _lines(source, data, base)
    else:
        yield from _opened(source, data.read(), base)


def _lines(source: str, lines: Iterable[bytes], base: str) -> Iterator[Item]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield from _opened(f"{source}:{number}", line, base)


def _opened(source: str, data: bytes, base: str) -> Iterator[Item]:
    resource = parse(data.removeprefix(b"\xef\xbb\xbf"), max_depth=MAX_DEPTH)
    if isinstance(resource, Problem):
        yield Item(source, resource)
    elif resource.get("resourceType") != "Bundle" or resource.get("type") not in bundle.OPENED:
        yield Item(source, Sent(resource))
    else:
        for place, each in enumerate(bundle.resources(resource, base)):
            yield Item(f"{source}#entry[{place}]", each)
