"""`$validate` (R4 section 3.1.0.10): the issues for which a resource would not be stored. Nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence

from service.change import Resource
from service.problem import Category, Issue, Refused, problem
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import allowed

MODES = frozenset({"create", "update", "profile"})


def validate(
    services: Services, context: RequestContext, kind: str, resource: Resource, params: Sequence[tuple[str, str]], strict: bool
) -> tuple[Issue, ...]:
    """Every issue of a resource, or of the resource inside a Parameters body."""
    allowed(context, kind, "c")
    inner, named = _asked(resource, dict(params))
    if inner is None or inner.get("resourceType") != kind:
        text = f"`$validate` on `{kind}` takes a `{kind}`, alone or as the parameter `resource` of Parameters."
        raise Refused(problem(Category.MALFORMED, "invalid", text, expression="Parameters.parameter", rule="R4 3.1.0.10"))
    if named.get("mode", "create") not in MODES:
        text = "`mode` is one of `create`, `update`, `profile`; deletes are decided when they are asked for."
        raise Refused(problem(Category.MALFORMED, "not-supported", text, rule="R4 3.1.0.10"))
    if profile := named.get("profile"):
        inner = _claiming(inner, profile)
    return services.validator.check(inner, strict_profiles=strict)


def _asked(resource: Resource, params: dict[str, str]) -> tuple[Resource | None, dict[str, str]]:
    """The resource to check, and the parameters; a parameter of the URL takes precedence over one of the body."""
    if resource.get("resourceType") != "Parameters":
        return resource, params
    listed = resource.get("parameter")
    parts = {str(part.get("name")): part for part in (listed if isinstance(listed, list) else ()) if isinstance(part, dict)}
    inner = parts.pop("resource", {}).get("resource")
    named = {name: str(part.get("valueUri") or part.get("valueCode") or "") for name, part in parts.items()}
    return inner if isinstance(inner, dict) else None, named | params


def _claiming(resource: Resource, profile: str) -> Resource:
    """The resource with a profile added to `meta.profile`."""
    meta = resource.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    listed = meta.get("profile")
    return {**resource, "meta": {**meta, "profile": [*dict.fromkeys((*(listed if isinstance(listed, list) else ()), profile))]}}
