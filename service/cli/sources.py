"""Reads an operator's files of FHIR JSON: single resources, Bundles and NDJSON, also packed by gzip or zip, one in another, and
folders of such files."""

from __future__ import annotations

import gzip
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
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
PACKED, ARCHIVE = ".gz", ".zip"
SUFFIXES = (*PLAIN, *(f"{each}{PACKED}" for each in PLAIN), ARCHIVE)
MAX_DEPTH = 500
LISTED = 20
DEEPEST = 4
"""How many archives may lie in one another: one that holds itself has no end."""
UNREADABLE = (EOFError, OSError, RuntimeError, lzma.LZMAError, zipfile.BadZipFile, zlib.error)
"""What a damaged file raises; RuntimeError is an archive's that is encrypted, or packed in a way that is not known."""


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


def unread(paths: Sequence[Path]) -> list[str]:
    """What the folders and archives hold beside what is read, in order: nobody else would notice that it is missing. Raises
    Refused for a folder that cannot be read."""
    beside = [str(each) for path in paths if path.is_dir() for each in _walked(path) if not _readable(each.name)]
    for path in files(paths):
        with suppress(*UNREADABLE), path.open("rb") as data:  # what cannot be read is told by its Item
            beside += _beside(str(path), path.name, data, 0)
    return beside


def tell_unread(beside: Sequence[str]) -> None:
    """Says what was passed over because of its name."""
    if beside:
        more = f", and {len(beside) - LISTED} more" if len(beside) > LISTED else ""
        print(f"Not read, as their names are not of FHIR JSON: {', '.join(beside[:LISTED])}{more}.")


def _beside(source: str, name: str, data: IO[bytes], depth: int) -> Iterator[str]:
    if not name.lower().endswith(ARCHIVE) or depth == DEEPEST:
        return
    with zipfile.ZipFile(data) as archive:
        for member in _members(archive):
            if not _readable(member):
                yield f"{source}!{member}"
            elif member.lower().endswith(ARCHIVE):
                with suppress(*UNREADABLE), archive.open(member) as inner:
                    yield from _beside(f"{source}!{member}", member, inner, depth + 1)


def _readable(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _members(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if not name.endswith("/"))


def _within(folder: Path) -> list[Path]:
    return [each for each in _walked(folder) if _readable(each.name)]


def _walked(folder: Path) -> list[Path]:
    """The files of a folder, in order. A folder that cannot be read is refused, because nobody would notice that its files are
    missing."""

    def unreadable(error: OSError) -> None:
        raise wrong(f"`{error.filename}` cannot be read: {error.strerror}.") from None

    return sorted(Path(place, name) for place, _, names in os.walk(folder, onerror=unreadable) for name in names)


def items(path: Path, base: str = "") -> Iterator[Item]:
    """Every resource of a file. A Bundle that carries records gives its entries. A file that cannot be read gives one Item with
    the Problem, after those that could be. `base` is our own base URL."""

    def content() -> Iterator[Item]:
        with path.open("rb") as data:
            yield from _read(str(path), path.name.lower(), data, base)

    return _told(str(path), content())


def _told(source: str, content: Iterator[Item]) -> Iterator[Item]:
    """The Items of a file or a member of an archive, and why there are no more of them."""
    try:
        yield from content
    except UNREADABLE as error:
        said = (error.strerror if isinstance(error, OSError) else None) or str(error) or "it ends too early"
        yield Item(source, problem(Category.ABSENT, "not-found", f"The file cannot be read ({said}): make it readable."))


def _read(source: str, name: str, data: IO[bytes], base: str, depth: int = 0) -> Iterator[Item]:
    if name.endswith(ARCHIVE):
        yield from _archive(source, data, base, depth)
    elif name.endswith(PACKED):
        with gzip.open(data) as plain:
            yield from _read(source, name.removesuffix(PACKED), cast(IO[bytes], plain), base, depth)
    elif name.endswith(LINES):
        yield from _lines(source, data, base)
    else:
        yield from _opened(source, data.read(), base)


def _archive(source: str, data: IO[bytes], base: str, depth: int) -> Iterator[Item]:
    if depth == DEEPEST:
        raise zipfile.BadZipFile(f"it lies in {DEEPEST} archives, one in another")
    with zipfile.ZipFile(data) as archive:
        for name in filter(_readable, _members(archive)):
            yield from _told(f"{source}!{name}", _member(f"{source}!{name}", archive, name, base, depth + 1))


def _member(source: str, archive: zipfile.ZipFile, name: str, base: str, depth: int) -> Iterator[Item]:
    with archive.open(name) as data:
        yield from _read(source, name.lower(), data, base, depth)


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
