"""The front door as its rules see it: housing refers a person to the trust, which allocates them to the crisis team.

Everything is right in what is built here; a test changes one thing of it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from service.care.ownership.role import Lead
from service.care.referral.situation import FrontDoorSituation, Referral, Suggested
from service.care.referral.table import MACHINES
from service.care.task.authority import Authority
from service.care.task.machine import decide
from service.care.task.situation import AuditFact
from service.change import Notice, Resource
from service.fhir.canonical import (
    BUSINESS_STATUS,
    COMMUNICATION_CATEGORY,
    DECISION,
    LAWFUL_BASIS,
    REQUEST_CATEGORY,
    SHARING_AUTHORITY,
    STATUS_REASON,
    TAG,
    TASK_CODE,
    TASK_INPUT,
    TASK_OUTPUT,
    TRIAGE_OUTCOME,
)
from service.fhir.coding import concept
from service.problem import Category, Issue, Problem
from tests.care.conftest import AT, role
from tests.care.told import ANN, HAL, HOUSING, MONDAY, NOW, TRUST

CRISIS = "Organization/crisis"
CAL, SEN = "PractitionerRole/cal", "PractitionerRole/sen"
STAFF = {ANN: TRUST, SEN: TRUST, HAL: HOUSING, CAL: CRISIS}
PATHWAY = "https://baton.example/fhir/PlanDefinition/pathway-front-door|1"
WHY = "Their needs are the crisis team's."
SENT = "2026-10-23T08:00:00.000Z"
MONDAYS, TUESDAYS = "2026-10-26T15:30:00.000+00:00", "2026-10-27T15:30:00.000+00:00"
TONIGHT = "2026-10-23T19:30:00.000+01:00"
"""Friday's 15:30 in London and one working day, two working days, and four hours."""
TAGGED = {"tag": [{"system": TAG, "code": "threshold-overridden"}]}
REASON = concept(STATUS_REASON, "no-capacity")
MACHINE = {machine.code: machine for machine in MACHINES}


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def output(kind: str, **value: Any) -> Resource:
    return {"type": concept(TASK_OUTPUT, kind), **value}


def put(kind: str, **value: Any) -> Resource:
    return {"type": concept(TASK_INPUT, kind), **value}


def suggestion(code: str) -> Resource:
    return output("suggestion", valueCodeableConcept=concept(TRIAGE_OUTCOME, code))


def threshold(code: str) -> Resource:
    return output("threshold", valueCodeableConcept=concept(TRIAGE_OUTCOME, code))


ALLOCATED = output("decision", valueCodeableConcept=concept(DECISION, "allocated"))
REDIRECTED = output("decision", valueCodeableConcept=concept(DECISION, "redirected"))
RATIONALE = output("rationale", valueString=WHY)
TO_CRISIS = output("receiver", valueReference=ref(CRISIS))
REDIRECT = output("redirect", valueReference=ref("QuestionnaireResponse/away"))
BY_ANN, BY_SEN = (output("decided-by", valueReference=ref(each)) for each in (ANN, SEN))
UNDER = output("pathway", valueCanonical=PATHWAY)
TAKEN = [ALLOCATED, threshold("eligible"), RATIONALE, TO_CRISIS]
AWAY = [REDIRECTED, threshold("outside-scope"), RATIONALE, REDIRECT]
GUIDANCE = output("guidance", valueString="Ask the person first.")
INSTEAD = output("alternative", valueString="Ask the community team.")
DATASET = put("minimum-dataset", valueReference=ref("QuestionnaireResponse/q"))
BASIS = put("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, "direct-care", "The person asked."))


def _made(kind: str, **members: Any) -> Resource:
    return {"resourceType": kind, **{name: value for name, value in members.items() if value is not None}}


def request(status: str = "active", **members: Any) -> Resource:
    """The referral as housing wrote it."""
    given = {
        "id": "r",
        "extension": [
            {"url": SHARING_AUTHORITY, "valueCodeableConcept": concept(LAWFUL_BASIS, "direct-care", "The person asked.")}
        ],
        "status": status,
        "intent": "order",
        "category": [concept(REQUEST_CATEGORY, "referral")],
        "priority": "routine",
        "subject": ref("Patient/p"),
        "requester": ref(HAL),
        "performer": [ref(TRUST)],
        "supportingInfo": [ref("QuestionnaireResponse/q")],
    }
    return _made("ServiceRequest", **{**given, **members})


def written(**members: Any) -> Referral:
    """The situation of sending the referral."""
    made = Referral(
        at=AT,
        agency=HOUSING,
        user=HAL,
        after=request(),
        before=None,
        sender=HOUSING,
        receiver=TRUST,
        live=True,
        decide_by=MONDAY,
        answer_by=MONDAY,
        response="QuestionnaireResponse/q",
        authority=Authority(True),
        suggested=Suggested("eligible", "Their needs are within scope.", PATHWAY),
    )
    return replace(made, **members)


def task(code: str, status: str, **members: Any) -> Resource:
    given = {
        "id": code,
        "status": status,
        "intent": "order",
        "priority": "routine",
        "code": concept(TASK_CODE, code),
        "for": ref("Patient/p"),
        "authoredOn": SENT,
    }
    return _made("Task", **{**given, **members})


def triage(status: str = "received", *outputs: Resource, suggests: str = "eligible", **members: Any) -> Resource:
    """The triage that the service made of the referral, with what was said in it since."""
    first = [suggestion(suggests)] if suggests else [output("suggestion", valueCodeableConcept={"text": "A person decides."})]
    given: Resource = {"focus": ref("ServiceRequest/r"), "requester": ref(HAL), "owner": ref(TRUST)}
    given |= {"input": [DATASET, BASIS], "output": [*first, *outputs]}
    return task("triage", status, **{**given, **members})


def approval(status: str = "requested", *outputs: Resource, **members: Any) -> Resource:
    """The approval of a borderline decision."""
    given = {"focus": ref("Task/triage"), "partOf": [ref("Task/triage")], "requester": ref(ANN), "owner": ref(SEN)}
    return task("approve", status, **{**given, "output": [*outputs] or None, **members})


def allocation(status: str = "requested", *outputs: Resource, **members: Any) -> Resource:
    """The allocation of the person to the crisis team."""
    given = {"focus": ref("ServiceRequest/r"), "partOf": [ref("Task/triage")], "requester": ref(ANN), "owner": ref(CRISIS)}
    return task("allocation", status, **{**given, "input": [DATASET, BASIS], "output": [*outputs] or None, **members})


def lead(name: str = "cal", organization: str = CRISIS, **members: Any) -> Lead:
    """Somebody who can lead, unless members of their role say otherwise."""
    entries = {kind: {"resourceType": kind, "id": name} for kind in ("Practitioner", "Organization")}
    return Lead({**role(name, organization), **members}, entries["Practitioner"], entries["Organization"])


def situation(before: Resource | None, after: Resource, agency: str = TRUST, user: str = ANN, **more: Any) -> FrontDoorSituation:
    """The situation in which a Task of the front door is decided."""
    right = {
        "referral": request(),
        "keeper": HOUSING,
        "decider": TRUST,
        "live": True,
        "lead": lead(),
        "authority": Authority(True),
        "urgent": True,
        "senior": SEN,
        "suggested": Suggested("eligible", "Their needs are within scope.", PATHWAY),
    }
    return FrontDoorSituation(AT, agency, after, before, user, STAFF, **{**right, **more})


def new_ids() -> Any:
    numbers = count(1)
    return lambda: f"new-{next(numbers)}"


def moved(
    before: Resource, end: str, *outputs: Resource, agency: str = TRUST, user: str = ANN, more: Any = None, **members: Any
) -> Any:
    """What is decided of a stored Task once it is written with another status, more outputs and changed members; None leaves a
    member out."""
    after = {name: value for name, value in {**before, "status": end, **members}.items() if value is not None}
    if outputs:
        after["output"] = [*before.get("output", ()), *outputs]
    found = situation(before, after, agency, user, **(more or {}))
    return decide(MACHINE[before["code"]["coding"][0]["code"]], found, new_ids())


def refusal(*issues: tuple[str, str, str]) -> Problem:
    return Problem(Category.RULE, tuple(Issue("business-rule", *each) for each in issues))


def issues(*found: tuple[str, str, str]) -> tuple[Issue, ...]:
    return tuple(Issue("business-rule", *each) for each in found)


def fact(event: str, about: str, *, agency: str = TRUST, user: str = ANN, action: str = "U") -> AuditFact:
    return AuditFact(action, event, agency, user, "Patient/p", (about,))


def told(agency: str, about: str) -> Notice:
    return Notice("handover-task", agency, about, "Patient/p")


def waits(code: str) -> Resource:
    return concept(BUSINESS_STATUS, code)


def outcome_told(id_: str, text: str, *about: str, sender: str = ANN) -> Resource:
    """The Communication with which the referrer is told of an outcome."""
    return _made(
        "Communication",
        id=id_,
        status="completed",
        category=[concept(COMMUNICATION_CATEGORY, "referral-outcome")],
        subject=ref("Patient/p"),
        about=[ref(each) for each in about],
        sent=NOW,
        recipient=[ref(HAL)],
        sender=ref(sender),
        payload=[{"contentString": text}],
    )


def asked(id_: str, *said: Resource, due: str = TUESDAYS, **members: Any) -> Resource:
    """The allocation that the service makes of a decision for the crisis team, which it asks to answer by `due`."""
    given = {
        "id": id_,
        "partOf": [ref("Task/triage")],
        "status": "requested",
        "intent": "order",
        "priority": "routine",
        "code": concept(TASK_CODE, "allocation"),
        "focus": ref("ServiceRequest/r"),
        "for": ref("Patient/p"),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(ANN),
        "owner": ref(CRISIS),
        "restriction": {"period": {"start": NOW, "end": due}},
        "input": [DATASET, BASIS, *said],
    }
    return _made("Task", **{**given, **members})


def said(kind: str, coded: str, *, pathway: str = PATHWAY, receiver: str = "", lead: str = "") -> list[Resource]:
    """The inputs that tell whoever is asked what was decided."""
    given = [
        put("decision", valueCodeableConcept=concept(DECISION, kind)),
        put("threshold", valueCodeableConcept=concept(TRIAGE_OUTCOME, coded)),
        put("rationale", valueString=WHY),
    ]
    more = [
        ("pathway", "valueCanonical", pathway, pathway),
        ("receiver", "valueReference", ref(receiver), receiver),
        ("lead", "valueReference", ref(lead), lead),
    ]
    return [*given, *(put(one, **{member: value}) for one, member, value, named in more if named)]
