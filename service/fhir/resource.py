"""The parts of a resource that need no definition: its version stamp, its id and its references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from service.change import Resource
from service.fhir.date import instant
from service.fhir.reference import own

_NESTED = (dict, list)


def stamp(resource: Resource, *, id: str, version: int, at: datetime) -> Resource:
    """A copy of the resource with `id`, `meta.versionId` and `meta.lastUpdated` set and every other member kept.

    `id` and `meta` keep their place if the resource has them; otherwise they come right after `resourceType`.
    """
    held = resource.get("meta")
    meta = {"versionId": str(version), "lastUpdated": instant(at)}
    if isinstance(held, dict):
        kept = {name: value for name, value in held.items() if name not in ("_versionId", "_lastUpdated")}
        meta = kept | meta
    fresh = {name: value for name, value in (("id", id), ("meta", meta)) if name not in resource}
    stamped: Resource = {}
    if "resourceType" not in resource:
        stamped, fresh = fresh, {}
    for name, value in resource.items():
        stamped[name] = id if name == "id" else meta if name == "meta" else value
        if name == "resourceType":
            stamped.update(fresh)
    return stamped


def identified(resource: Resource, id: str) -> Resource:
    """A copy of the resource with the id `id`: in the place of its present id, else right after `resourceType`."""
    if "id" in resource:
        return {**resource, "id": id}
    made: Resource = {}
    for name, value in resource.items():
        made[name] = value
        if name == "resourceType":
            made["id"] = id
    return made


def root(resource: Resource) -> str:
    """The path of a resource as a whole: the type that it says it has, whatever that is; '' when it says none."""
    said = resource.get("resourceType")
    return said if isinstance(said, str) else ""


def references(resource: Resource) -> Iterator[tuple[str, str]]:
    """The path and the literal reference of every Reference at any depth, in contained resources too. A path is such as
    `Task.input[0].valueReference`.
    """
    stack: list[tuple[str, Any]] = [(str(resource.get("resourceType", "")), resource)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            target = value.get("reference")
            if isinstance(target, str):
                yield path, target
            stack += [(f"{path}.{name}", item) for name, item in reversed(value.items()) if isinstance(item, _NESTED)]
        else:
            places = range(len(value) - 1, -1, -1)
            stack += [(f"{path}[{place}]", value[place]) for place in places if isinstance(value[place], _NESTED)]


def rewrite(resource: Resource, known: Mapping[str, str]) -> Resource:
    """A copy of the resource in which every literal reference that is a key of `known` is replaced by its value: for a
    transaction's `urn:uuid:` and fullUrl references (R4 section 3.1.0.11.2).
    """
    return {name: _rewritten(value, known) for name, value in resource.items()} if known else resource


def localised(resource: Resource, base: str) -> Resource:
    """The resource with every literal reference under our own base URL `base` as the relative reference to the same record. In a
    Bundle that is kept as a record (a document, a message) a reference means what it means to its entries: it stays as it is."""
    if root(resource) == "Bundle":
        return resource
    return rewrite(resource, {target: local for _, target in references(resource) if (local := own(target, base)) != target})


def _rewritten(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_rewritten(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: _rewritten(item, known) for name, item in value.items()}
    target = value.get("reference")
    if isinstance(target, str) and target in known:
        made["reference"] = known[target]
    return made
