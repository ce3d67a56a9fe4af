"""R4's invariants that are checked in code: invariants that are checked often, and those that general FHIRPath engines get wrong.

Each function takes the value that an invariant is about and tells whether the invariant holds. The keys are those of the
StructureDefinitions. `service.fhir.validation.structure` checks ele-1 and ext-1, `service.fhir.narrative` checks txt-1 and txt-2;
dom-6 is advice and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from service.fhir.narrative import targets
from service.fhir.pathsteps import Environment
from service.fhir.primitive import order

Invariant = Callable[[dict[str, Any], Environment], bool]


def _contained(value: dict[str, Any]) -> list[dict[str, Any]]:
    held = value.get("contained")
    return [item for item in held if type(item) is dict] if type(held) is list else []


def _meta(item: dict[str, Any]) -> dict[str, Any]:
    meta = item.get("meta")
    return meta if type(meta) is dict else {}


def dom_2(value: dict[str, Any], _environment: Environment) -> bool:
    """Contained resources contain no resources."""
    return not any("contained" in item for item in _contained(value))


def dom_3(value: dict[str, Any], _environment: Environment) -> bool:
    """Each contained resource is referred to, or refers to its container."""
    held = _contained(value)
    if not held:
        return True
    text = value.get("text")
    div = text.get("div") if type(text) is dict else None
    used = {*_fragments(value), *(f"#{each}" for each in targets(div if type(div) is str else ""))}
    return all(f"#{item.get('id')}" in used or "#" in _fragments(item) for item in held)


def _fragments(value: Any) -> Iterator[str]:
    """Every string in a resource that starts with `#`: references, canonicals and URLs to contained resources."""
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is str:
            if item.startswith("#"):
                yield item
        elif type(item) is dict:
            stack.extend(item.values())
        elif type(item) is list:
            stack.extend(item)


def dom_4(value: dict[str, Any], _environment: Environment) -> bool:
    """Contained resources have no version and no time of change."""
    return not any("versionId" in _meta(item) or "lastUpdated" in _meta(item) for item in _contained(value))


def dom_5(value: dict[str, Any], _environment: Environment) -> bool:
    """Contained resources have no security label."""
    return not any("security" in _meta(item) for item in _contained(value))


def ref_1(value: dict[str, Any], environment: Environment) -> bool:
    """A reference `#id` names a contained resource; `#` alone is the container of the contained resource that says so."""
    literal = value.get("reference")
    if type(literal) is not str or not literal.startswith("#"):
        return True
    if literal == "#":
        return environment.resource is not environment.root
    held = _contained(environment.root) or _contained(environment.resource)
    return any(item.get("id") == literal[1:] for item in held)


def per_1(value: dict[str, Any], _environment: Environment) -> bool:
    """A Period does not end before it starts; dates of different precision that overlap count as in order."""
    start, end = value.get("start"), value.get("end")
    return type(start) is not str or type(end) is not str or order(start, end) != 1


def qty_3(value: dict[str, Any], _environment: Environment) -> bool:
    """A Quantity with a unit code has the system of the code."""
    return "code" not in value or "system" in value


def rng_2(value: dict[str, Any], _environment: Environment) -> bool:
    """A Range's low is not above its high, and both have one unit (R4 Range)."""
    low, high = value.get("low"), value.get("high")
    if type(low) is not dict or type(high) is not dict:
        return True
    if (low.get("code"), low.get("unit")) != (high.get("code"), high.get("unit")):
        return False
    least, most = low.get("value"), high.get("value")
    return isinstance(least, int | Decimal) and isinstance(most, int | Decimal) and least <= most


def ras_2(value: dict[str, Any], _environment: Environment) -> bool:
    """A probability is at most 100."""
    chance = value.get("probabilityDecimal")
    return not isinstance(chance, int | Decimal) or chance <= 100


def que_7(value: dict[str, Any], _environment: Environment) -> bool:
    """An `enableWhen` with operator `exists` has `answerBoolean`."""
    return value.get("operator") != "exists" or "answerBoolean" in value


def que_12(value: dict[str, Any], _environment: Environment) -> bool:
    """An item with two or more `enableWhen` says how they combine. R4's expression asks from three on, its sentence from two."""
    held = value.get("enableWhen")
    return type(held) is not list or len(held) < 2 or "enableBehavior" in value


def vs_1(value: Any, _environment: Environment) -> bool:
    """The time of a vital sign is at least precise to the day."""
    return type(value) is not str or len(value) >= 8


def _entries(value: dict[str, Any]) -> list[dict[str, Any]]:
    held = value.get("entry")
    return [item for item in held if type(item) is dict] if type(held) is list else []


def bdl_3(value: dict[str, Any], _environment: Environment) -> bool:
    """Entries have a `request` in a batch, a transaction and a history, and in no other Bundle."""
    wanted = value.get("type") in ("batch", "transaction", "history")
    return all(("request" in entry) is wanted for entry in _entries(value))


def bdl_4(value: dict[str, Any], _environment: Environment) -> bool:
    """Entries have a `response` in the answer to a batch or transaction and in a history, and in no other Bundle."""
    wanted = value.get("type") in ("batch-response", "transaction-response", "history")
    return all(("response" in entry) is wanted for entry in _entries(value))


def bdl_7(value: dict[str, Any], _environment: Environment) -> bool:
    """No two entries have the same fullUrl and version, except in a history."""
    if value.get("type") == "history":
        return True
    keys = [
        (str(entry["fullUrl"]), str(_meta(entry["resource"]).get("versionId")) if type(entry.get("resource")) is dict else "")
        for entry in _entries(value)
        if "fullUrl" in entry
    ]
    return len(keys) == len(set(keys))


def _first(value: dict[str, Any]) -> Any:
    entries = _entries(value)
    resource = entries[0].get("resource") if entries else None
    return resource.get("resourceType") if type(resource) is dict else None


def bdl_11(value: dict[str, Any], _environment: Environment) -> bool:
    """A document starts with its Composition."""
    return value.get("type") != "document" or _first(value) == "Composition"


def bdl_12(value: dict[str, Any], _environment: Environment) -> bool:
    """A message starts with its MessageHeader."""
    return value.get("type") != "message" or _first(value) == "MessageHeader"


IN_CODE: dict[str, Invariant] = {
    "dom-2": dom_2,
    "dom-3": dom_3,
    "dom-4": dom_4,
    "dom-5": dom_5,
    "ref-1": ref_1,
    "per-1": per_1,
    "qty-3": qty_3,
    "rng-2": rng_2,
    "ras-2": ras_2,
    "que-7": que_7,
    "que-12": que_12,
    "vs-1": vs_1,
    "bdl-3": bdl_3,
    "bdl-4": bdl_4,
    "bdl-7": bdl_7,
    "bdl-11": bdl_11,
    "bdl-12": bdl_12,
}
OF_TEXT = frozenset({"vs-1"})
"""The invariants that are about a primitive value."""
LEFT_OUT = frozenset({"ele-1", "ext-1", "dom-6", "txt-1", "txt-2", "ctm-1", "ig-1", "ig-2"})
"""Invariants that are checked elsewhere, are advice, or cannot be decided from one resource (ctm-1 follows references; ig-* read
beyond their element).
"""
