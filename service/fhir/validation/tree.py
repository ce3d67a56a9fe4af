"""A profile's snapshot as a tree of elements and slices, which tells the profile's own rules from those of its base."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from service.fhir.canonical import FHIRPATH, R4_STRUCTURE

Element = dict[str, Any]


@dataclass(slots=True)
class Node:
    """One element, or one slice of an element. `base` is the same element in the type that the profile constrains; empty for an
    element that the type's snapshot does not list.
    """

    name: str
    element: Element
    base: Element
    children: dict[str, Node] = field(default_factory=dict)
    slices: dict[str, Node] = field(default_factory=dict)

    @property
    def fixed(self) -> tuple[str, Any] | None:
        """The element's fixed value or pattern, as ("fixed" or "pattern", value); None when the element has neither."""
        for name, value in self.element.items():
            for prefix in ("fixed", "pattern"):
                if name.startswith(prefix) and name[len(prefix) : len(prefix) + 1].isupper():
                    return prefix, value
        return None

    @property
    def types(self) -> list[Element]:
        listed: list[Element] = self.element.get("type", [])
        return listed

    @property
    def tight(self) -> bool:
        """Whether the element's types, or the profiles or targets of these types, differ from those of the base."""
        return bool(self.types) and _types(self.element) != _types(self.base)

    @property
    def own_constraints(self) -> list[Element]:
        """The constraints that the base does not have."""
        known = {item["key"] for item in self.base.get("constraint", ())} | {
            "ele-1",
            "ext-1",
            "dom-2",
            "dom-3",
            "dom-4",
            "dom-5",
            "dom-6",
        }
        return [item for item in self.element.get("constraint", ()) if item["key"] not in known and _ours(item)]

    @property
    def own_binding(self) -> str:
        """The value set of a required binding that the base does not have."""
        bound, base = self.element.get("binding", {}), self.base.get("binding", {})
        same = (bound.get("strength"), bound.get("valueSet")) == (base.get("strength"), base.get("valueSet"))
        return "" if same or bound.get("strength") != "required" else str(bound.get("valueSet", ""))


def _ours(constraint: Element) -> bool:
    """Whether a constraint is the profile's own: `structure` checks the constraints of R4's types."""
    source = str(constraint.get("source", ""))
    return not source.startswith(R4_STRUCTURE) or source.rsplit("/", 1)[-1][:1].islower()


def _types(element: Element) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return sorted(
        (code(item), tuple(sorted(map(short, item.get("targetProfile", ())))), tuple(sorted(map(short, item.get("profile", ())))))
        for item in element.get("type", ())
    )


def code(item: Element) -> str:
    """The code of an element's type; `string` for a FHIRPath system type, which R4 writes for ids and urls."""
    name = str(item["code"])
    return "string" if name.startswith(FHIRPATH) else name


def short(canonical: str) -> str:
    """The type's name for a canonical of R4's own, else the canonical; a `|version` is left off."""
    return canonical.removeprefix(R4_STRUCTURE).split("|")[0]


def tree(elements: list[Element], base: list[Element]) -> Node | None:
    """The root node of a snapshot; None for a snapshot without elements."""
    if not elements:
        return None
    known = {element["path"]: element for element in base}
    root = Node(elements[0]["path"], elements[0], known.get(elements[0]["path"], {}))
    for element in elements[1:]:
        _place(root, element, known)
    return root


def _place(root: Node, element: Element, known: dict[str, Element]) -> None:
    node = root
    steps = list(_steps(str(element.get("id") or element["path"])))
    for number, (name, slice_name) in enumerate(steps):
        last = number == len(steps) - 1
        base = known.get(element["path"], {}) if last else {}
        inner = node.children.setdefault(name, Node(name, {}, {}))
        if slice_name:
            inner = inner.slices.setdefault(slice_name, Node(name, {}, {}))
        if last:
            inner.element, inner.base = element, base
        node = inner


def _steps(identity: str) -> Iterator[tuple[str, str]]:
    for part in identity.split(".")[1:]:
        name, _, slice_name = part.partition(":")
        yield name, slice_name
