"""Takes out of a resource the parts that a decision withholds, and tags the resource. Idempotent; never changes its argument.

Narrative that could repeat a withheld part is dropped too, and so is a contained resource that only withheld parts refer to.
A redacted resource is tagged REDACTED and SUBSETTED, so that a write-back can be refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from service.change import Resource
from service.consent.facts import Facts, inline_labels
from service.consent.reasons import Redaction
from service.fhir.canonical import INLINE_LABEL, OBSERVATION_VALUE
from service.fhir.reference import target

REDACTED = {"system": OBSERVATION_VALUE, "code": "REDACTED"}
SUBSETTED = {"system": OBSERVATION_VALUE, "code": "SUBSETTED"}
KEPT = frozenset({"resourceType", "id", "meta"})
"""Members that no redaction takes out: without them a resource is no resource."""

_GONE: Any = object()


def redact(resource: Resource, redactions: Iterable[Redaction]) -> Resource:
    """The resource without the parts that the redactions name, tagged as redacted; the same resource when it has no such part."""
    found = without(resource, redactions)
    return resource if found == resource else _tagged(found)


def without(resource: Resource, redactions: Iterable[Redaction]) -> Resource:
    """The resource without the parts that the redactions name, as `redact`, but without tags. A label or a section
    leaves the resource's own narrative; an element at its root takes it along."""
    wanted = tuple(redactions)
    paths = {
        tuple(item.value.removeprefix(f"{resource.get('resourceType')}.").split(".")) for item in wanted if item.kind == "element"
    }
    sections = frozenset(item.value for item in wanted if item.kind == "section")
    labels = frozenset(item.value for item in wanted if item.kind == "label")
    found = resource
    for path in sorted(path for path in paths if path[0] not in KEPT):
        found = _without_path(found, path, top=True)
    if sections or labels:
        # Sections and labels in one walk: a section that is taken out takes its labelled parts with it.
        found = _members(found, sections, labels)
    return resource if found == resource else _without_orphans(found, resource)


def unlabelled(resource: Resource, facts: Facts) -> Resource:
    """The resource without every part that a label or a section could withhold from any reader. `facts` are its Facts."""
    labels = (Redaction("label", label) for label in facts.inline)
    return without(resource, (*labels, *(Redaction("section", code) for code in facts.sections)))


def is_redacted(resource: Resource) -> bool:
    """Whether a resource is tagged by `redact`: its write-back must be refused, because it would lose the withheld parts."""
    return any(_is(coding, REDACTED) for coding in _objects(resource.get("meta"), "security"))


def _without_orphans(left: Resource, whole: Resource) -> Resource:
    """The resource `left`, less the contained resources that only parts taken out of `whole` referred to: such a contained
    resource is content of the withheld part in another place.
    """
    gone = _reached(whole) - _reached(left)
    contained = left.get("contained")
    if not gone or not isinstance(contained, list):
        return left
    kept = [each for each in contained if not (isinstance(each, dict) and f"#{each.get('id')}" in gone)]
    return {name: kept if name == "contained" else value for name, value in left.items() if kept or name != "contained"}


def _reached(resource: Resource) -> frozenset[str]:
    """The anchors (`#id`) that the resource refers to, directly or through its contained resources."""
    contained = {f"#{each.get('id')}": each for each in _objects(resource, "contained")}
    found: set[str] = set()
    todo: list[Any] = [value for name, value in resource.items() if name != "contained"]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            anchor = target(value)
            if anchor.startswith("#") and anchor not in found:
                found.add(anchor)
                todo.append(contained.get(anchor))
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
    return frozenset(found)


def _objects(holder: object, name: str) -> list[dict[str, Any]]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _is(coding: dict[str, Any], other: dict[str, str]) -> bool:
    return coding.get("system") == other["system"] and coding.get("code") == other["code"]


def _tagged(resource: Resource) -> Resource:
    """The resource with the tags REDACTED and SUBSETTED, each once, and without its narrative."""
    meta = dict(resource["meta"]) if isinstance(resource.get("meta"), dict) else {}
    for name, coding in (("security", REDACTED), ("tag", SUBSETTED)):
        listed = meta.get(name)
        present = listed if isinstance(listed, list) else []
        if not any(isinstance(item, dict) and _is(item, coding) for item in present):
            meta[name] = [*present, dict(coding)]
    kept = {name: value for name, value in resource.items() if name != "text"}
    if "meta" in kept:
        return kept | {"meta": meta}
    head: Resource = {name: kept[name] for name in ("resourceType", "id") if name in kept}
    return {**head, "meta": meta, **kept}


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """A changed copy of a value or of each item of a list; an item that became empty is left out, an empty list is `_GONE`."""
    if not isinstance(value, list):
        return change(value)
    kept = [item for item in map(change, value) if item is not _GONE]
    return kept or _GONE if kept != value else value


def _without_path(value: Any, path: tuple[str, ...], *, top: bool = False) -> Any:
    """`value` without the member at `path` and without the narrative of every object on the way."""
    if not isinstance(value, dict):
        return value
    name, rest = path[0], path[1:]
    names = {name, f"_{name}"}
    if not rest:
        kept = {key: item for key, item in value.items() if key not in names}
    else:
        changed = {
            key: _each(item, lambda inner: _without_path(inner, rest)) if key == name else item for key, item in value.items()
        }
        kept = {key: item for key, item in changed.items() if item is not _GONE}
    if kept == value:
        return value
    kept = _silenced(kept)
    return kept if kept or top else _GONE


def _silenced(element: dict[str, Any]) -> dict[str, Any]:
    """The element without its narrative; the `text` of a CodeableConcept is a string and stays."""
    return {name: value for name, value in element.items() if name != "text" or not isinstance(value, dict)}


def _members(value: dict[str, Any], sections: frozenset[str], labels: frozenset[str]) -> dict[str, Any]:
    """The members that stay, each without its own redacted parts."""
    kept = {}
    for name, inner in value.items():
        item = inner if name in KEPT else _each(inner, partial(_parts, name=name, sections=sections, labels=labels))
        if item is not _GONE:
            kept[name] = item
    # A label on a primitive sits in its `_name` twin, by position in a list: the primitive and its twin are taken out whole.
    for name in [name for name in value if name.startswith("_") and kept.get(name) != value[name]]:
        kept.pop(name, None)
        kept.pop(name[1:], None)
    return kept


def _parts(value: Any, name: str, sections: frozenset[str], labels: frozenset[str]) -> Any:
    """`value` without the elements that carry one of `labels` and, under `section`, without the `sections` named; `_GONE` when
    all of it is taken out.
    """
    if not isinstance(value, dict):
        return value
    if labels and not labels.isdisjoint(_labels(value)):
        return _GONE
    if name == "section" and not sections.isdisjoint(_codes(value.get("code"))):
        return _GONE
    kept = _members(value, sections, labels)
    if kept == value:
        return value
    return _silenced(kept) or _GONE


def _labels(element: dict[str, Any]) -> set[str]:
    return {
        label
        for extension in _objects(element, "extension")
        if extension.get("url") == INLINE_LABEL
        for label in inline_labels(extension)
    }


def _codes(concept: object) -> set[str]:
    return {f"{coding.get('system', '')}|{coding.get('code')}" for coding in _objects(concept, "coding")}
