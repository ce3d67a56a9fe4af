"""Takes Bundles apart into the resources they carry, with the references between these resolved (R4 section 2.36.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from service.change import Resource
from service.fhir.reference import id_of, relative
from service.fhir.resource import identified, rewrite
from service.problem import Category, Problem, problem

OPENED = frozenset({"transaction", "batch", "collection", "searchset"})
"""Types of Bundle that only carry records. A Bundle of type document or message is itself a record."""
_URN = re.compile(r"urn:(?:uuid|oid):([A-Za-z0-9\-.]{1,64})\Z")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


def resources(bundle: Resource) -> Iterator[Resource | Problem]:
    """Every resource of a Bundle that carries records, or a Problem for an entry without one. OperationOutcomes among the matches
    of a searchset are left out.

    A resource without an id gets the id in its entry's `fullUrl`, such as `urn:uuid:…`; references by `fullUrl` become relative.
    """
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        yield _malformed("`entry` is a list; correct the Bundle.")
        return
    known = {url: ref for entry in entries if (url := _url(entry)) and (ref := _reference(entry, url))}
    for place, entry in enumerate(entries):
        yield from _opened(entry, place, known)


def _opened(entry: Any, place: int, known: dict[str, str]) -> Iterator[Resource | Problem]:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if isinstance(entry, dict) and isinstance(entry.get("search"), dict) and entry["search"].get("mode") == "outcome":
        return
    if isinstance(resource, dict):
        named = id_of(known.get(_url(entry), ""))
        yield rewrite(identified(resource, named) if named and not resource.get("id") else resource, known)
    else:
        yield _malformed(f"`entry[{place}]` carries no resource; only records are loaded, nothing is deleted.")


def _url(entry: Any) -> str:
    return str(entry.get("fullUrl", "")) if isinstance(entry, dict) else ""


def _reference(entry: Any, url: str) -> str:
    resource = entry.get("resource")
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str):
        return ""
    given, urn = resource.get("id"), _URN.match(url)
    if isinstance(given, str) and _ID.match(given):
        return f"{kind}/{given}"
    if urn:
        return f"{kind}/{urn[1]}"
    return relative("/".join(url.rsplit("/", 2)[1:]))


def _malformed(text: str) -> Problem:
    return problem(Category.MALFORMED, "structure", text, expression="Bundle.entry", rule="R4 2.36.4")
