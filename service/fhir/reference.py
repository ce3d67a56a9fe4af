"""References: the only functions that read literal references and write References (R4 2.3.0).

| text | `relative` | `resolved` |
|---|---|---|
| `Task/1` | `Task/1` | `Task/1` |
| `Task/1/_history/2` | `Task/1` | `Task/1` |
| our base and `/Task/1` | `Task/1` | `Task/1` |
| another server's, `urn:uuid:…`, `#x`, conditional, `/Task/1` | empty | as written, without a version |
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from service.change import Resource

_RELATIVE = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z")
_PLACE = re.compile(r"(?P<scheme>https?)://(?P<host>\[[^\]]*\]|[^/:?#]*)(?::(?P<port>[0-9]*))?", re.IGNORECASE)
_HISTORY = "/_history/"


class Key(NamedTuple):
    """The type and the id that a relative reference names, each empty where the reference does not name it."""

    type: str
    id: str


def relative(text: str, base: str = "") -> str:
    """`Type/id` of a reference to a record of this service: relative, or absolute under `base`; a version is left off.

    Empty for any other reference: fragments, `urn:` forms, other servers, conditional references, and a path from the root of
    the host, which is relative to no FHIR base.
    """
    found = _RELATIVE.match(own(text, base))
    return f"{found[1]}/{found[2]}" if found else ""


def own(text: str, base: str) -> str:
    """A reference without our own base URL `base` if it starts with it, whatever the case of scheme and host and with or without
    the scheme's port (RFC 3986 section 6.2.2); any other reference as written."""
    if not base or ":" not in text:
        return text
    place = base.rstrip("/") + "/"
    if text.startswith(place):
        return text[len(place) :]
    said, ours = _PLACE.match(text), _PLACE.match(place)
    if said is None or ours is None or _site(said) != _site(ours) or not text[said.end() :].startswith(place[ours.end() :]):
        return text
    return text[said.end() + len(place) - ours.end() :]


def _site(place: re.Match[str]) -> tuple[str, str, str]:
    scheme = place["scheme"].lower()
    return scheme, place["host"].lower(), place["port"] or {"http": "80", "https": "443"}[scheme]


def resolved(text: str, base: str = "") -> str:
    """The record that a reference names, on whichever server: our own base and a version are left off. A reference to another
    server or to a contained resource keeps its form, so that it is not taken for a record of ours.
    """
    return unversioned(own(text, base))


def unversioned(text: str) -> str:
    """A reference without its version."""
    return text.partition(_HISTORY)[0] if _HISTORY in text else text


def versioned(record: str, version: object) -> str:
    """The version-specific reference `Type/id/_history/v`."""
    return f"{record}{_HISTORY}{version}"


def version_in(text: str) -> int:
    """The version that a version-specific reference names; 0 for a reference without a version, or with one that is no number."""
    said = text.partition(_HISTORY)[2]
    return int(said) if said.isascii() and said.isdecimal() else 0


def key(text: str) -> Key:
    """The type and the id of a relative reference; a version is left off."""
    kind, _, identity = unversioned(text).partition("/")
    return Key(kind, identity)


def type_of(text: str) -> str:
    """The type that a relative reference names."""
    return text.partition("/")[0]


def id_of(text: str) -> str:
    """The id that a relative reference names."""
    return key(text).id


def name_of(resource: Resource) -> str:
    """The reference `Type/id` of a resource."""
    return f"{resource.get('resourceType', '')}/{resource.get('id', '')}"


def version_of(resource: Resource) -> int:
    """The meta.versionId of a resource as a number; 0 for a resource that was never stored."""
    meta = resource.get("meta")
    text = str(meta.get("versionId", "")) if isinstance(meta, dict) else ""
    return int(text) if text.isdecimal() else 0


def current(resource: Resource) -> str:
    """The version-specific reference to the version that a stored resource holds."""
    return versioned(name_of(resource), version_of(resource))


def target(element: object) -> str:
    """The literal reference of a Reference element, as written; empty where there is none."""
    found = element.get("reference") if isinstance(element, dict) else None
    return found if isinstance(found, str) else ""


def link(resource: Resource | None, member: str) -> str:
    """The reference in the Reference `member` of a resource, without a version, or ''."""
    return unversioned(target((resource or {}).get(member)))


def links(resource: Resource | None, member: str) -> tuple[str, ...]:
    """The references in the repeating `member` of a resource, as written."""
    listed = (resource or {}).get(member)
    return tuple(found for each in (listed if isinstance(listed, list) else ()) if (found := target(each)))


def reference_to(text: str) -> Resource | None:
    """A Reference element to `text`, or None for ''."""
    return {"reference": text} if text else None


def references_to(texts: Iterable[str]) -> list[Resource]:
    """A Reference element to each of `texts`."""
    return [{"reference": each} for each in texts]
