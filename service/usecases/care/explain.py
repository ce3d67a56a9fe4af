"""`PlanDefinition/{id}/$explain`: what a pathway suggests for a dataset, and why. Nothing is written but who asked."""

from __future__ import annotations

from service.care.pathway.pathway import Pathway, read
from service.care.pathway.suggestion import Suggestion, suggest
from service.change import Resource
from service.fhir.canonical import pathway
from service.fhir.json import dump, parse
from service.fhir.operation import Given, Input, given, parameter, parameters, parts
from service.fhir.reference import id_of, key, relative, target
from service.problem import Category, Problem, Refused, problem
from service.usecases.request.audit import note
from service.usecases.request.pathways import TYPE
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Viewer, absent, allowed, viewer_of

INPUTS = (
    Input("dataset", ("resource", "valueReference"), required=True),
    Input("request", ("resource", "valueReference")),
    Input("version", ("valueString",)),
)
TYPES = {"dataset": "QuestionnaireResponse", "request": "ServiceRequest"}


async def explain(services: Services, context: RequestContext, identity: str, asked: Resource) -> bytes:
    """The answer as canonical JSON: Parameters with the suggestion, what holds because of which answers, and what would change
    it. A pathway is explained in the version that is in force, unless another version is asked for."""
    allowed(context, TYPE, "r")
    found = given(asked, INPUTS)
    if isinstance(found, Problem):
        raise Refused(found)
    viewer = await viewer_of(services, context)
    rules = await _pathway(viewer, identity, str(next(iter(found["version"]), "")))
    dataset, request = await _given(viewer, found, "dataset"), await _given(viewer, found, "request")
    return dump(_told(rules, suggest(rules, dataset, request)))


async def _pathway(viewer: Viewer, identity: str, version: str) -> Pathway:
    row = await viewer.services.records.read(TYPE, identity)
    shown = await viewer.reveal([row] if row else [], "r")
    if row is None or row.deleted or not shown:
        raise absent(TYPE, identity)
    url = str(row.resource.get("url", ""))
    if not url.startswith(pathway("")):
        return read(row.resource)
    found = await viewer.services.pathways.version(f"{url}|{version}" if version else url)
    if found is None:
        text = f"`{url}` has no version `{version}`: name one of its history, or leave it out for the one in force."
        raise Refused(problem(Category.RULE, "not-found", text, expression="Parameters.parameter", rule="GOV-3"))
    return found


async def _given(viewer: Viewer, found: Given, name: str) -> Resource | None:
    """The resource of a parameter: the one sent, or the record that the caller may see."""
    said: Resource | None = next(iter(found[name]), None)
    if said is None or "resourceType" in said:
        resource = said
    else:
        resource = await _record(viewer, relative(target(said), viewer.context.base), TYPES[name])
    if resource is not None and resource["resourceType"] != TYPES[name]:
        text = f"The parameter `{name}` is a `{TYPES[name]}`, not a `{resource['resourceType']}`: send one, or refer to it."
        raise Refused(problem(Category.MALFORMED, "invalid", text, expression="Parameters.parameter", rule="R4 3.2.0"))
    return resource


async def _record(viewer: Viewer, ref: str, kind: str) -> Resource:
    """A record as the caller may see it. An absent record and a hidden record are refused alike."""
    if not ref.startswith(f"{kind}/"):
        raise absent(kind, id_of(ref))
    allowed(viewer.context, kind, "r")
    row = await viewer.services.records.read(*key(ref))
    shown = await viewer.reveal([row] if row else [], "r")
    await note(viewer.services, viewer.context, "R", ref, shown)
    if not shown or shown[0].row.deleted:
        raise absent(kind, id_of(ref))
    resource = parse(shown[0].body, max_depth=viewer.services.settings.max_depth)
    assert not isinstance(resource, Problem), "INVARIANT: what is shown was stored as sound JSON"
    return resource


def _told(rules: Pathway, found: Suggestion) -> Resource:
    suggestion = [parameter("suggestion", "valueCode", found.code)] if found.code else []
    fault = [parameter("fault", "valueString", found.fault)] if found.fault else []
    holds = [parameter("holds", "valueCode", held.code) for held in found.holds]
    because = [
        parts(
            "because",
            parameter("threshold", "valueCode", held.code),
            parameter("linkId", "valueString", place),
            parameter("answer", "valueString", text),
        )
        for held in found.holds
        for place, text in held.because
        if text.strip()
    ]
    change = [parameter("would-change", "valueString", each) for each in found.would_change]
    return parameters(parameter("pathway", "valueCanonical", rules.canonical), *suggestion, *fault, *holds, *because, *change)
