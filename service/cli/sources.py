"""Reads an operator's files of FHIR JSON: single resources, Bundles, NDJSON, and folders of such files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.change import Resource
from service.cli.arguments import wrong
from service.fhir import bundle
from service.fhir.json import parse
from service.problem import Category, Problem, problem

SUFFIXES = (".json", ".ndjson", ".jsonl")
MAX_DEPTH = 500


@dataclass(frozen=True, slots=True)
class Item:
    """A resource, or the Problem why it cannot be read, and the place where it was found (the file, `file:line` or
    `file#entry[n]`)."""

    source: str
    resource: Resource | Problem


def files(paths: Sequence[Path]) -> list[Path]:
    """Every file that the paths name, in order. A folder names the JSON and NDJSON files in it, at any depth. Raises Refused when
    a path does not exist or no file is named."""
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


def items(path: Path) -> Iterator[Item]:
    """Every resource of a file. A Bundle that carries records gives its entries. A file that cannot be read gives one Item with
    the Problem."""
    try:
        if path.suffix.lower() in (".ndjson", ".jsonl"):
            yield from _lines(path)
        else:
            yield from _opened(str(path), path.read_bytes())
    except OSError as error:
        text = f"The file cannot be read ({error.strerror}): make it readable."
        yield Item(str(path), problem(Category.ABSENT, "not-found", text))


def _lines(path: Path) -> Iterator[Item]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield from _opened(f"{path}:{number}", line)


def _opened(source: str, data: bytes) -> Iterator[Item]:
    resource = parse(data.removeprefix(b"\xef\xbb\xbf"), max_depth=MAX_DEPTH)
    if isinstance(resource, Problem) or resource.get("resourceType") != "Bundle" or resource.get("type") not in bundle.OPENED:
        yield Item(source, resource)
        return
    for place, each in enumerate(bundle.resources(resource)):
        yield Item(f"{source}#entry[{place}]", each)
