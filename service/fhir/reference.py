"""References: the one reader of what a literal reference names, and the one writer of references (R4 2.3.0).

| text | `relative` | `resolved` |
|---|---|---|
| `Task/1` | `Task/1` | `Task/1` |
| `Task/1/_history/2` | `Task/1` | `Task/1` |
| our base and `/Task/1` | `Task/1` | `Task/1` |
| another server's, `urn:uuid:…`, `#x`, conditional | nothing | as it is, its version taken off |
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from service.change import Resource

_RELATIVE = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z")
_HISTORY = "/_history/"


class Key(NamedTuple):
    """What a relative reference names: type and id, each empty where it is not said."""

    type: str
    id: str


def relative(text: str, base: str = "") -> str:
    """`Type/id` of a reference to a record of this service: relative, or absolute under `base`; a version is left off.

    Empty for anything else: fragments, `urn:` forms, other servers, conditional references.
    """
    found = _RELATIVE.match(own(text, base).lstrip("/"))
    return f"{found[1]}/{found[2]}" if found else ""


def own(text: str, base: str) -> str:
    """A reference without our own base where it starts with it; anything else as it is."""
    return text.removeprefix(base.rstrip("/") + "/") if base and ":" in text else text


def resolved(text: str, base: str = "") -> str:
    """The record that a reference names, whichever server's: our own base and a version are left off. A foreign or contained one
    stays as it is: it is not ours by accident."""
    return unversioned(own(text, base))


def unversioned(text: str) -> str:
    """A reference without its version."""
    return text.partition(_HISTORY)[0] if _HISTORY in text else text


def versioned(record: str, version: object) -> str:
    """`Type/id/_history/v`."""
    return f"{record}{_HISTORY}{version}"


def version_in(text: str) -> int:
    """The version a version-specific reference names; 0 where it names none that this service gives."""
    said = text.partition(_HISTORY)[2]
    return int(said) if said.isascii() and said.isdecimal() else 0


def key(text: str) -> Key:
    """Type and id of a relative reference, a version left off."""
    kind, _, identity = unversioned(text).partition("/")
    return Key(kind, identity)


def type_of(text: str) -> str:
    """The type a relative reference names."""
    return text.partition("/")[0]


def id_of(text: str) -> str:
    """The id a relative reference names."""
    return key(text).id


def name_of(resource: Resource) -> str:
    """`Type/id` of a resource."""
    return f"{resource.get('resourceType', '')}/{resource.get('id', '')}"


def version_of(resource: Resource) -> int:
    """meta.versionId as a number; 0 for a resource that was never stored."""
    meta = resource.get("meta")
    text = str(meta.get("versionId", "")) if isinstance(meta, dict) else ""
    return int(text) if text.isdecimal() else 0


def current(resource: Resource) -> str:
    """The version-specific reference of a stored resource as it stands."""
    return versioned(name_of(resource), version_of(resource))


def target(element: object) -> str:
    """The literal reference of a Reference element, as it is written; empty where there is none."""
    found = element.get("reference") if isinstance(element, dict) else None
    return found if isinstance(found, str) else ""


def link(resource: Resource | None, member: str) -> str:
    """The reference in a Reference member, without a version, or ''."""
    return unversioned(target((resource or {}).get(member)))


def links(resource: Resource | None, member: str) -> tuple[str, ...]:
    """The references in a member that repeats, as they are written."""
    listed = (resource or {}).get(member)
    return tuple(found for each in (listed if isinstance(listed, list) else ()) if (found := target(each)))


def reference_to(text: str) -> Resource | None:
    """A Reference element, or None for ''."""
    return {"reference": text} if text else None


def references_to(texts: Iterable[str]) -> list[Resource]:
    """Reference elements."""
    return [{"reference": each} for each in texts]
