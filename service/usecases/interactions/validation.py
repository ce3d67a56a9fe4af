"""`$validate` (R4 section 3.1.0.10): what a write would come to in this moment. Nothing is stored.

| `mode` | decided like |
|---|---|
| `create` (of a type) | POST, with the header If-None-Exist |
| `update` (of a record) | PUT, with the header If-Match |
| `delete` | DELETE |
| `profile` | no write: the content alone, against R4 and its profiles; the record's stored content when none is sent |

Without a `mode` it is `create` of a type, and of a record `update`, or `profile` when no content is sent.

A `Parameters` is never kept, so one is always validated for its content alone. A profile that is asked for and not known here is
an error: nothing could be said of it.

A write that would be refused for its content gives the issues of the refusal. A caller who may not make the write at all, or who
names what is absent or hidden, is refused as the write would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.change import Resource
from service.fhir.json import parse
from service.fhir.operation import Input, given
from service.fhir.resource import root
from service.problem import Category, Issue, Problem, Refused, problem
from service.usecases import rules
from service.usecases.interactions import records
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import allowed
from service.usecases.request.work import UnitOfWork

VERBS: Mapping[str, str] = {"create": "c", "update": "u", "delete": "d", "profile": "c"}
ANSWERED = frozenset(
    {
        Category.INVALID,
        Category.RULE,
        Category.DUPLICATE,
        Category.CONFLICT,
        Category.STALE,
        Category.UNCONDITIONAL,
        Category.NOT_ALLOWED,
    }
)
"""The refusals that are the answer of `$validate`; every other is its refusal, too."""
RULE = "R4 3.1.0.10"
INPUTS = (
    Input("resource", ("resource",)),
    Input("mode", ("valueCode", "valueString")),
    Input("profile", ("valueUri", "valueCanonical", "valueUrl", "valueString")),
)
"""What `$validate` takes in a Parameters body; clients write R4's types, and those of later versions."""
NAMED = ("mode", "profile")


@dataclass(frozen=True, slots=True)
class Validation:
    """What is to be validated. `identity` is the id in the URL, empty for a type. `named` are the parameters of the URL; a
    parameter of the URL takes precedence over one of the body."""

    kind: str
    resource: Resource
    identity: str = ""
    named: Mapping[str, str] = field(default_factory=dict)
    if_match: int | None = None
    none_exist: str = ""


async def validate(services: Services, context: RequestContext, asked: Validation) -> tuple[Issue, ...]:
    """Every issue of a resource, or of the resource inside a Parameters body, and of the write that `mode` names."""
    inner, named = _asked(asked)
    mode = named.get("mode") or ("create" if not asked.identity else "profile" if inner is None else "update")
    if mode not in VERBS:
        text = f"`mode` is one of `{'`, `'.join(VERBS)}`; choose one."
        raise Refused(problem(Category.MALFORMED, "not-supported", text, rule=RULE))
    allowed(context, asked.kind, VERBS[mode])
    identity = asked.identity or str((inner or {}).get("id", ""))
    if asked.kind == "Parameters":
        mode = "profile"
    if inner is None and mode == "profile" and asked.identity:
        inner = await _stored(services, context, asked)
    if mode == "delete" and identity:
        return await _refusal(UnitOfWork(services, context), asked, mode, identity, {})
    if inner is None or inner.get("resourceType") != asked.kind or (mode in ("update", "delete") and not identity):
        text = f"`$validate` on `{asked.kind}` takes a `{asked.kind}`, alone or as the parameter `resource` of Parameters."
        if mode in ("update", "delete"):
            text = (
                f"`$validate` of an {mode} goes to one record: `{asked.kind}/[id]/$validate`, or send the resource with its id."
            )
        place = "Parameters.parameter" if root(asked.resource) == "Parameters" else root(asked.resource)
        raise Refused(problem(Category.MALFORMED, "invalid", text, expression=place, rule=RULE))
    ready = rules.prepared(inner, context.base)
    profile = named.get("profile", "")
    known = bool(profile) and services.definitions.structure(profile) is not None
    found = services.validator.check(_claiming(ready, profile) if known else ready, strict_profiles=True)
    if profile and not known:
        text = f"The profile `{profile}` is not known here, so nothing can be said of it; name one that is served here."
        found = (Issue("not-found", text, "meta.profile", RULE), *found)
    refused = () if mode == "profile" else await _refusal(UnitOfWork(services, context), asked, mode, identity, ready)
    return tuple(dict.fromkeys((*Problem(Category.INVALID, found).cited, *refused)))


async def _stored(services: Services, context: RequestContext, asked: Validation) -> Resource:
    """The record as the caller may see it."""
    read = await records.read(services, context, asked.kind, asked.identity)
    found = parse(read.body, max_depth=services.settings.max_depth)
    assert not isinstance(found, Problem), "INVARIANT: what is read was stored as sound JSON"
    return found


async def _refusal(work: UnitOfWork, asked: Validation, mode: str, identity: str, resource: Resource) -> tuple[Issue, ...]:
    """The issues for which the write would be refused now; empty when it would be made. The write is planned as the write itself
    is, and never committed."""
    try:
        match mode:
            case "create":
                await records.plan_create(work, asked.kind, resource, asked.none_exist)
            case "update":
                await records.plan_update(work, asked.kind, identity, resource, asked.if_match)
            case _:
                await records.plan_delete(work, asked.kind, identity, asked.if_match)
        await work.services.records.vacant(await work.change())
    except Refused as refusal:
        if refusal.problem.category not in ANSWERED:
            raise
        return refusal.problem.cited
    return ()


def _asked(asked: Validation) -> tuple[Resource | None, Mapping[str, str]]:
    """The resource to check, and the parameters. Refuses a parameter that `$validate` does not have: what was never looked at is
    not told to be sound."""
    unknown = [name for name in asked.named if name not in NAMED]
    if unknown:
        text = f"`$validate` has no parameter `{unknown[0]}`; it takes `{'`, `'.join(NAMED)}` in the URL."
        raise Refused(problem(Category.MALFORMED, "not-supported", text, rule=RULE))
    if asked.resource.get("resourceType") != "Parameters" or (
        asked.kind == "Parameters" and not _carries(asked.resource.get("parameter"))
    ):
        return asked.resource, asked.named
    found = given(asked.resource, INPUTS)
    if isinstance(found, Problem):
        raise Refused(found)
    inner = next(iter(found["resource"]), None)
    return inner, {**{name: str(found[name][0]) for name in NAMED if found[name]}, **asked.named}


def _carries(listed: object) -> bool:
    """Whether one of the parameters of `$validate` itself carries the resource to validate."""
    return isinstance(listed, list) and any(
        isinstance(part, dict) and part.get("name") == "resource" and "resource" in part for part in listed
    )


def _claiming(resource: Resource, profile: str) -> Resource:
    """The resource with a profile added to `meta.profile`."""
    meta = resource.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    listed = meta.get("profile")
    return {**resource, "meta": {**meta, "profile": [*dict.fromkeys((*(listed if isinstance(listed, list) else ()), profile))]}}
