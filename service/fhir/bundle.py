"""Takes Bundles apart into the resources they carry, each with what its entry says of it (R4 section 2.36.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from service.change import Resource
from service.fhir.naming import Naming, full_url_fault
from service.fhir.reference import id_of, relative, version_of
from service.fhir.resource import identified
from service.problem import Category, Problem, problem

OPENED = frozenset({"transaction", "batch", "collection", "searchset"})
"""Types of Bundle that only carry records. A Bundle of type document or message is itself a record."""
_URN = re.compile(r"urn:(?:uuid|oid):([A-Za-z0-9\-.]{1,64})\Z")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Sent:
    """A resource as it was sent: by itself, or in the entry of a Bundle that calls it `full_url`, asks to store it only if
    `none_exist` finds nothing, and names what its references stand for."""

    resource: Resource
    full_url: str = ""
    none_exist: str = ""
    naming: Naming | None = None


def resources(bundle: Resource, base: str = "") -> Iterator[Sent | Problem]:
    """Every resource of a Bundle that carries records, or a Problem for an entry without one. OperationOutcomes among the matches
    of a searchset are left out. `base` is our own base URL.

    A resource without an id gets the id in its entry's `fullUrl`, such as `urn:uuid:…`.
    """
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        yield _malformed("`entry` is a list; correct the Bundle.")
        return
    naming = Naming(base)
    for entry in entries:
        if (url := _url(entry)) and (record := _reference(entry, url)):
            naming.name(url, record, version_of(entry["resource"]))
    for place, entry in enumerate(entries):
        yield from _opened(entry, place, naming)


def _opened(entry: Any, place: int, naming: Naming) -> Iterator[Sent | Problem]:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if isinstance(entry, dict) and isinstance(entry.get("search"), dict) and entry["search"].get("mode") == "outcome":
        return
    if not isinstance(resource, dict):
        yield _malformed(f"`entry[{place}]` carries no resource to load; leave it out.")
        return
    if fault := full_url_fault(_url(entry), resource):
        yield _malformed(f"`entry[{place}]`: {fault}")
        return
    named, asked = id_of(naming.records.get(_url(entry), "")), entry.get("request")
    none_exist = str(asked.get("ifNoneExist", "")) if isinstance(asked, dict) else ""
    known = identified(resource, named) if named and not resource.get("id") else resource
    yield Sent(known, _url(entry), none_exist, naming)


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
