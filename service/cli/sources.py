"""Files of FHIR JSON as operators have them: single resources, Bundles, NDJSON, and folders of these."""

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
    """A resource and where it was found (`file:line`, or the file), or why there is none."""

    source: str
    resource: Resource | Problem


def files(paths: Sequence[Path]) -> list[Path]:
    """Every file that is meant, in order; a folder means the JSON and NDJSON files in it, at any depth. Raises Refused."""
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
    """The files of a folder, in order. One that cannot be looked into is refused: nobody would miss what was in it."""

    def unreadable(error: OSError) -> None:
        raise wrong(f"`{error.filename}` cannot be read: {error.strerror}.") from None

    walked = os.walk(folder, onerror=unreadable)
    return sorted(Path(place, name) for place, _, names in walked for name in names if name.lower().endswith(SUFFIXES))


def items(path: Path) -> Iterator[Item]:
    """Every resource of a file, Bundles that carry records taken apart. For a file that cannot be read, why not."""
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
