"""CDS Hooks: the consent decision as a service that any CDS client may call (LEAP's `patient-consent-consult`).

The module parses the hook's context and writes one card. The tokens and scopes are those of `Consent/$evaluate`. `scope` may only
be `patient-privacy`, and `category` narrows nothing: a Consent of any category may deny. `content` is not read: records that a
client holds are decided by their class and labels, and the client redacts them by the obligations of the card.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from service import clock
from service.api.route import Route
from service.api.sessions import Sessions
from service.change import Resource
from service.fhir.canonical import ACT_CODE, OBLIGATION, RESOURCE_TYPES
from service.fhir.json import dump
from service.problem import Category, Issue, Problem, Refused
from service.usecases.consent import cds_consult
from service.usecases.consent.cds_consult import DENY, HOOK, NO_CONSENT, PERMIT, Consultation, Question
from service.usecases.consent.evaluate import Name

PATH = f"/cds-services/{HOOK}"
INDICATOR = {PERMIT: "info", NO_CONSENT: "warning", DENY: "critical"}
SCOPE = "patient-privacy"
MEMBERS = frozenset({"patientId", "actor", "purposeOfUse", "scope", "category", "class"})
MOST = 20
DISCOVERY: Resource = {
    "services": [
        {
            "hook": HOOK,
            "id": HOOK,
            "title": "Consent decision",
            "description": "May an agency see a person's records for a purpose, now: what Consents and policy say.",
            "usageRequirements": "A bearer token with read scopes for Patient and Consent, as for Consent/$evaluate.",
        }
    ]
}
"""The answer of `GET /cds-services` (CDS Hooks, discovery), a route that needs no token."""


class Hooks:
    """The endpoints of CDS Hooks: discovery, and one method for each hook."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.services = sessions.services

    async def discover(self, _: Request) -> Response:
        """GET /cds-services."""
        return Response(dump(DISCOVERY), media_type="application/json")

    async def consult(self, request: Request) -> Response:
        """POST /cds-services/patient-consent-consult."""
        context, asked = await self.sessions.given(request)
        question = question_of(asked, self.services.definitions.types)
        if isinstance(question, Problem):
            raise Refused(question)
        found = await cds_consult.consult(self.services, context, question)
        return Response(dump({"cards": [card(found, self.sessions.base)]}), media_type="application/json")


def card(found: Consultation, base: str) -> Resource:
    """The card of a Consultation. `summary`, `decision`, `obligations` and `basedOn` are members of LEAP's card; `effect` is the
    decision of `$evaluate`."""
    extension: Resource = {"decision": found.summary, "effect": found.effect, "obligations": _obligations(found)}
    if found.consents:
        extension["basedOn"] = f"{base}/{found.consents[0]}"
    return {
        "uuid": clock.new_id(),
        "summary": found.summary,
        "detail": found.detail,
        "indicator": INDICATOR[found.summary],
        "source": {"label": "Baton", "url": base},
        "extension": extension,
    }


def _obligations(found: Consultation) -> list[Resource]:
    redact = {"id": {"system": ACT_CODE, "code": "REDACT"}, "parameters": {"codes": list(found.redact)}}
    duties: list[Resource] = [{"id": {"system": OBLIGATION, "code": each}} for each in found.obligations]
    return [redact, *duties] if found.redact else duties


def question_of(body: Resource, types: frozenset[str]) -> Question | Problem:
    """The question of a hook's request, or a Problem with every fault of the request at once. A member that this service does not
    read is a fault, too."""
    context = body.get("context")
    issues = []
    if body.get("hook") != HOOK:
        issues.append(_issue("hook", f"This service is for the hook `{HOOK}`; set `hook` to it."))
    if not _text(body.get("hookInstance")):
        issues.append(_issue("hookInstance", "Every call has a `hookInstance` of its own, a UUID; add it."))
    if not isinstance(context, dict):
        issues.append(_issue("context", "`context` says what is asked; add it with `patientId`."))
        return Problem(Category.MALFORMED, tuple(issues))
    issues += [
        _issue(f"context.{name}", text) for name, (read, text) in READERS.items() if name in context and read(context) is None
    ]
    if "patientId" not in context:
        issues.append(_issue("context.patientId", READERS["patientId"][1]))
    unread = sorted(name for name in context if name not in MEMBERS)
    issues += [_issue(f"context.{name}", f"`{name}` is not read by this service; leave it out.") for name in unread]
    classes = _classes(context) or ()
    issues += [
        _issue("context.class", f"`{kind}` is not a type of record; name one of FHIR R4's.")
        for kind in classes
        if kind not in types
    ]
    if issues:
        return Problem(Category.MALFORMED, tuple(issues))
    return Question(_names(context, "patientId") or (), _names(context, "actor") or (), _purposes(context) or (), classes)


def _names(context: Mapping[str, Any], member: str) -> tuple[Name, ...] | None:
    """Identifiers by system and value, None when the member cannot be read. LEAP sends one identifier, its successors a list."""
    pairs: list[tuple[Any, Any]] = [(each.get("system", ""), each.get("value")) for each in _objects(context.get(member))]
    sound = pairs and len(pairs) == len(_listed(context.get(member))) <= MOST
    return tuple(pairs) if sound and all(isinstance(system, str) and _text(value) for system, value in pairs) else None


def _purposes(context: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Purposes as codes of v3-ActReason or as `system|code`; None when the member cannot be read."""
    given = _listed(context.get("purposeOfUse", []))
    return tuple(dict.fromkeys(given)) if len(given) <= MOST and all(_text(each) for each in given) else None


def _classes(context: Mapping[str, Any]) -> tuple[str, ...] | None:
    given = _listed(context.get("class", []))
    codes: list[Any] = [each.get("code") for each in _objects(given) if each.get("system") == RESOURCE_TYPES]
    return tuple(dict.fromkeys(codes)) if len(codes) == len(given) <= MOST and all(_text(code) for code in codes) else None


def _scope(context: Mapping[str, Any]) -> str | None:
    return SCOPE if context.get("scope") == SCOPE else None


def _category(context: Mapping[str, Any]) -> list[Any] | None:
    given = _listed(context.get("category"))
    return given if len(_objects(given)) == len(given) else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in _listed(value) if isinstance(each, dict)]


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _issue(where: str, text: str) -> Issue:
    return Issue("invalid", text, where, "consent-rules 4")


READERS: Mapping[str, tuple[Any, str]] = {
    "patientId": (
        lambda context: _names(context, "patientId"),
        "`patientId` names one person by identifiers, each with `system` and `value`; write it so.",
    ),
    "actor": (
        lambda context: _names(context, "actor"),
        "`actor` names one Organization by identifiers, each with `system` and `value`; write it so.",
    ),
    "purposeOfUse": (_purposes, "`purposeOfUse` is a code of v3-ActReason, or a list of them; write it so."),
    "class": (_classes, f"`class` is a list of `system` and `code`, with system `{RESOURCE_TYPES}`; write it so."),
    "scope": (_scope, f"Only Consents of scope `{SCOPE}` are decided on here; ask for that, or leave `scope` out."),
    "category": (_category, "`category` is a list of `system` and `code`; write it so."),
}


def routes(sessions: Sessions) -> list[Route]:
    """The routes of the hooks."""
    do = Hooks(sessions)
    return [
        Route("/cds-services", do.discover, methods=["GET"]),
        Route(PATH, do.consult, methods=["POST"]),
    ]
