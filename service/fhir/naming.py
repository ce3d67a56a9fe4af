"""The names by which the entries of a Bundle refer to one another (R4 section 2.36.4.1): the only place where a reference inside
a Bundle is resolved.

A reference is read where it stands. In an entry whose `fullUrl` is the URL of a record on some server, a relative reference is
relative to that server; elsewhere it is relative to this one. So a Bundle of another server says nothing about the records that
have the same ids here: what the Bundle does not bring along stays a reference to the other server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from service.change import Resource
from service.fhir.links import Links, Place
from service.fhir.reference import own, relative, unversioned, version_in
from service.fhir.resource import references
from service.fhir.types import TYPES
from service.problem import Issue

_RESTFUL = re.compile(r"(https?://.+/)([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.+")
NOWHERE = ("urn:uuid:", "urn:oid:")
SEARCH = re.compile(r"([A-Z][A-Za-z]{1,63})\?(.+)")
"""The form of a conditional reference, which says by a search which record it leads to."""
RULE = "R4 2.36.4.1"


@dataclass(slots=True)
class Naming:
    """The records that the names of a Bundle's entries stand for. `base` is our own base URL. `records` are references of ours by
    fullUrl, or by conditional reference; `versions` the version that an entry says it is, by fullUrl.
    """

    base: str
    records: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def name(self, full_url: str, record: str, version: int = 0) -> None:
        """Gives an entry's record the name of the entry. A name at our own base is known without the base, too."""
        for each in {full_url, own(full_url, self.base)} - {""}:
            self.records[each] = record
            self.versions[each] = version

    def resolved(self, text: str, full_url: str) -> str:
        """The reference of the record that a literal reference stands for in the entry of this fullUrl: one of ours, `Type/id`,
        or the URL of another server's. A text that leads nowhere stays as it is."""
        said = own(text, self.base)
        place = elsewhere(full_url, self.base)
        absolute = place + said if place and relative(said) else said
        if absolute in self.records:
            return self.records[absolute]
        bare, version = unversioned(absolute), version_in(absolute)
        if bare != absolute and bare in self.records and self.versions.get(bare, 0) in (0, version):
            return self.records[bare]
        return absolute

    def linked(self, resource: Resource, full_url: str, links: Links) -> tuple[Resource, tuple[Issue, ...]]:
        """The resource of the entry of this fullUrl, with every place that leads to an entry leading to the entry's record, and
        an Issue for each place that nothing answers. Outside of References a record is told by its whole URL."""
        lost: list[Issue] = []

        def change(text: str, kind: Place, path: str) -> str:
            if kind is Place.NAME and not _ABSOLUTE.fullmatch(text):
                return text
            found = self.resolved(text, full_url)
            if found.startswith(NOWHERE) and kind is not Place.NAME:
                lost.append(_lost(found, path))
            outside = kind is not Place.REFERENCE and found != text and relative(found)
            return f"{self.base}/{found}" if outside else found

        return links.rewritten(resource, change), tuple(lost)


def elsewhere(full_url: str, base: str) -> str:
    """The base URL, with its `/`, of the other server at which a fullUrl is the URL of a record; empty for every other."""
    found = _RESTFUL.match(full_url)
    return found[1] if found and not relative(own(full_url, base)) else ""


def full_url_fault(full_url: str, resource: object = None) -> str:
    """Why a fullUrl names nothing, or another record than the resource of its entry; '' for a sound one. A relative one would be
    taken for a record of ours.
    """
    if not full_url:
        return ""
    if not _ABSOLUTE.fullmatch(full_url):
        return "A fullUrl is absolute: `urn:uuid:…`, or the whole URL of the record; correct it."
    found = _RESTFUL.match(full_url)
    if found is None or found[2] not in TYPES or not isinstance(resource, dict):
        return ""
    kind, identity = resource.get("resourceType", found[2]), resource.get("id", found[3])
    if (kind, identity) == (found[2], found[3]):
        return ""
    return "A fullUrl that is the URL of a record ends in the type and id of its resource: correct the one or the other."


def unanswered(resource: Resource, base: str = "") -> tuple[Issue, ...]:
    """An Issue for each Reference of a resource sent by itself that nothing can answer: the name of an entry, and a search, which
    only a transaction makes. A Bundle that is kept as a record has entries of its own to answer them."""
    if resource.get("resourceType") == "Bundle":
        return ()
    said = [(path, own(target, base)) for path, target in references(resource)]
    return tuple(
        _lost(target, path) if target.startswith(NOWHERE) else _searching(target, path)
        for path, target in said
        if target.startswith(NOWHERE) or SEARCH.fullmatch(target)
    )


def _searching(text: str, path: str) -> Issue:
    kind = text.partition("?")[0]
    said = f"A search in the place of an id is resolved in a transaction alone: send one, or refer to `{kind}/id`."
    return Issue("not-supported", said, path, "R4 3.1.0.11.2")


def _lost(text: str, path: str) -> Issue:
    said = f"Nothing answers `{text[:100]}`: no entry sent with it has this fullUrl. Send it along, or refer to `Type/id`."
    return Issue("not-found", said, path, RULE)
