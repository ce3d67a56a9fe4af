"""Makes the AuditEvents of requests: who acted, for which agency, why, on which record, by which authority (security rules,
section 3).

The AuditEvents follow the IHE Basic Audit Log Patterns. An AuditEvent holds no content of a record and no search value: a query
is recorded by its parameter names and a digest of its values, so that two uses of one query can be recognised. The AuditEvents
are plain literals because every read makes one; a test checks the literals against the typed model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from service.auth.event import Event
from service.change import Resource
from service.fhir.canonical import (
    ACT_REASON,
    AUDIT_ENTITY_TYPE,
    AUDIT_EVENT_TYPE,
    AUDIT_TYPE,
    DICOM,
    OBJECT_ROLE,
    RESTFUL_INTERACTION,
)
from service.fhir.date import instant
from service.fhir.reference import versioned
from service.problem import SOURCES, Category, Problem
from service.usecases.request.services import RequestContext, Services
from service.usecases.request.viewer import Shown

SITE = "baton"
"""`AuditEvent.source.site` of the service's own entries."""
TYPE = {"system": AUDIT_EVENT_TYPE, "code": "rest"}
DENIALS = frozenset({Category.SCOPE, Category.FORBIDDEN})
WRITES = frozenset("CUD")
INTERACTION = {"C": "create", "R": "read", "U": "update", "D": "delete", "E": "search"}


def event(
    context: RequestContext,
    action: str,
    what: str,
    *,
    permitted: bool = True,
    why: str = "",
    patients: Iterable[str] = (),
    refs: Iterable[str] = (),
) -> Resource:
    """One AuditEvent, without id. `action` is an audit-event-action code, `what` the target of the request, `why` the rules,
    Consents and Tasks that decided, `refs` the records concerned."""
    caller = context.caller
    told: Resource = {
        "resourceType": "AuditEvent",
        "type": TYPE,
        "subtype": [{"system": RESTFUL_INTERACTION, "code": INTERACTION[action]}],
        "action": action,
        "recorded": instant(context.at),
        "outcome": "0" if permitted else "4",
    }
    if why:
        told["outcomeDesc"] = why
    told["purposeOfEvent"] = [{"coding": [{"system": ACT_REASON, "code": purpose}]} for purpose in caller.purposes]
    told["agent"] = _agents(context)
    told["source"] = {"site": SITE, "observer": {"display": "Baton"}, "type": [{"code": "4"}]}
    told["entity"] = [
        *(
            {"what": {"reference": patient}, "type": _code(AUDIT_ENTITY_TYPE, "1"), "role": _code(OBJECT_ROLE, "1")}
            for patient in sorted(set(patients))
        ),
        *({"what": {"reference": ref}, "type": _code(AUDIT_ENTITY_TYPE, "2"), "role": _code(OBJECT_ROLE, "4")} for ref in refs),
        {"type": _code(AUDIT_ENTITY_TYPE, "4"), "name": what, "detail": _details(context)},
    ]
    return told


def _agents(context: RequestContext) -> list[dict[str, Any]]:
    caller = context.caller
    client: dict[str, Any] = {
        "type": {"coding": [_code(DICOM, "110153")]},
        "who": {"identifier": {"value": caller.client}},
        "requestor": not caller.user,
    }
    agents = [client, {"who": {"reference": caller.organization}, "requestor": False}]
    if caller.user:
        agents.append({"who": {"reference": caller.user}, "requestor": True})
    return agents


def _details(context: RequestContext) -> list[dict[str, str]]:
    given = {"request": context.request_id, "correlation": context.correlation_id, "token": context.caller.token}
    return [{"type": name, "valueString": value} for name, value in given.items() if value]


def _code(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}


async def note(services: Services, context: RequestContext, action: str, what: str, shown: Sequence[Shown]) -> None:
    """Writes the AuditEvent of a read. Returns when the AuditEvent is durable; the caller must not answer before."""
    patients = {patient for each in shown for patient in each.row.patients}
    refs = [versioned(each.row.reference, each.row.version) for each in shown]
    why = " ".join(sorted({each.decision.reasons[0].source for each in shown}))
    told = event(context, action, what, permitted=bool(shown) or action == "E", why=why, patients=patients, refs=refs)
    custodians = {each.row.custodian for each in shown}
    await services.trail.note(
        told, at=context.at, custodian=custodians.pop() if len(custodians) == 1 else context.caller.organization
    )


async def denied(services: Services, context: RequestContext, action: str, what: str, refusal: Problem) -> None:
    """Writes the AuditEvent of a denied request: for lack of a scope, as forbidden, or a write to an absent or hidden record.
    Other refusals deny no access, and a read writes its own AuditEvent for an absent record. Returns when the AuditEvent is
    durable."""
    hidden = refusal.category is Category.ABSENT and action in WRITES
    if hidden or refusal.category in DENIALS:
        why = refusal.issues[0].rule or SOURCES.get(refusal.category, "")
        told = event(context, action, what, permitted=False, why=why)
        await services.trail.note(told, at=context.at, custodian=context.caller.organization)


def audited(context: RequestContext, action: str, ref: str, *, why: str = "", patients: Iterable[str] = ()) -> Resource:
    """The AuditEvent that is committed together with a write."""
    return event(context, action, ref, why=why, patients=patients, refs=[ref])


def query_text(kind: str, params: Sequence[tuple[str, str]]) -> str:
    """The text of a search for the audit trail: the names of its parameters and a digest of their values."""
    names = ",".join(name for name, _ in params)
    digest = hashlib.sha256(repr(sorted(params)).encode()).hexdigest()[:16]
    return f"{kind}?{names}#{digest}"


def login_event(told: Event, at: datetime) -> Resource:
    """The AuditEvent of an event at the authorization server (IHE ITI-20 node authentication and user login patterns)."""
    agents: list[dict[str, Any]] = [
        {
            "type": {"coding": [_code(DICOM, "110153")]},
            "who": {"identifier": {"value": told.client or "baton"}},
            "requestor": not told.user,
        }
    ]
    if told.user:
        who = {"reference": told.user} if "/" in told.user else {"identifier": {"value": told.user}}
        agents.append({"who": who, "requestor": True})
    event: Resource = {
        "resourceType": "AuditEvent",
        "type": _code(DICOM, "110114"),
        "subtype": [{"system": AUDIT_TYPE, "code": told.kind}],
        "action": "E",
        "recorded": instant(at),
        "outcome": "0" if told.allowed else "4",
        "agent": agents,
        "source": {"site": SITE, "observer": {"display": "Baton"}, "type": [{"code": "4"}]},
    }
    if told.reason:
        event["outcomeDesc"] = told.reason
    if told.patient:
        event["entity"] = [
            {"what": {"reference": told.patient}, "type": _code(AUDIT_ENTITY_TYPE, "1"), "role": _code(OBJECT_ROLE, "1")}
        ]
    return event
