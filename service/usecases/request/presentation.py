"""`_summary` and `_elements`: a subset of a record, tagged SUBSETTED (R4 sections 3.1.0.1.6 and 3.1.0.1.7)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from service.change import Resource
from service.fhir.canonical import OBSERVATION_VALUE
from service.fhir.definitions import Definitions
from service.fhir.json import dump, parse
from service.fhir.pathsteps import is_choice
from service.problem import Category, Problem, Refused, problem

SUBSETTED = {"system": OBSERVATION_VALUE, "code": "SUBSETTED"}
ALWAYS = frozenset({"resourceType", "id", "meta"})
SUMMARIES = frozenset({"true", "false", "text", "data"})


def presented(body: bytes, params: Sequence[tuple[str, str]], definitions: Definitions) -> bytes:
    """The body of a read as its parameters ask for it. Refuses a parameter that a read does not have."""
    if not params:
        return body
    named = dict(params)
    unknown = [name for name in named if name not in ("_summary", "_elements")]
    if unknown:
        text = f"A read has no parameter `{unknown[0]}`; it takes `_summary`, `_elements`, `_format` and `_pretty`."
        raise Refused(problem(Category.MALFORMED, "not-supported", text))
    if named.get("_summary", "false") not in SUMMARIES:
        raise Refused(problem(Category.MALFORMED, "value", "`_summary` is one of `true`, `text`, `data`, `false`."))
    elements = tuple(part for part in named.get("_elements", "").split(",") if part)
    return subset(body, named.get("_summary", ""), elements, definitions)


def subset(body: bytes, summary: str, elements: Collection[str], definitions: Definitions) -> bytes:
    """The part of a record that `_summary` or `_elements` asks for; the whole record when neither asks for a part."""
    if summary not in ("true", "text", "data") and not elements:
        return body
    resource = parse(body, max_depth=1000)
    if isinstance(resource, Problem):
        return body
    kept = _kept(resource, summary, elements, definitions)
    kept["meta"] = _tagged(resource.get("meta", {}))
    return dump(kept)


def _kept(resource: Resource, summary: str, elements: Collection[str], definitions: Definitions) -> Resource:
    kind = resource["resourceType"]
    if summary == "data":
        return {name: value for name, value in resource.items() if name != "text"}
    if summary == "text":
        wanted = {*ALWAYS, "text", *_elements(definitions, kind, "min")}
    elif summary == "true":
        wanted = {*ALWAYS, *_elements(definitions, kind, "isSummary")}
    else:
        wanted = {*ALWAYS, *(element.partition(".")[0] for element in elements), *_elements(definitions, kind, "min")}
    return {name: value for name, value in resource.items() if name.removeprefix("_") in wanted or _choice(name, wanted)}


def _elements(definitions: Definitions, kind: str, mark: str) -> frozenset[str]:
    """The top-level elements of a type that its definition marks (`min`: mandatory, `isSummary`)."""
    found = (definitions.structure(kind) or {}).get("element", ())
    return frozenset(each["path"].partition(".")[2] for each in found if each["path"].count(".") == 1 and each.get(mark))


def _choice(name: str, wanted: Collection[str]) -> bool:
    """Whether a member belongs to a wanted choice element: `valueQuantity` belongs to `value[x]`, which a client may write as
    `value`."""
    stems = (each.removesuffix("[x]") for each in wanted if each.endswith("[x]") or each == "value")
    return any(is_choice(name.removeprefix("_"), stem) for stem in stems)


def _tagged(meta: Resource) -> Resource:
    tags = [tag for tag in meta.get("tag", ()) if tag.get("code") != "SUBSETTED"]
    return {**meta, "tag": [*tags, SUBSETTED]}
