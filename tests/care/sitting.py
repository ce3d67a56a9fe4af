"""A meeting as its rules see it: the trust's Ann chairs, housing's Hal takes part, and a referral stands on the agenda.

Everything is right in what is built here; a test changes one thing of it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from service.care.meeting.agenda import Entry
from service.care.meeting.decision import Decision
from service.care.meeting.situation import Attendee, Case, Meeting
from service.care.task.dataset import Completeness
from service.change import Resource
from service.fhir.canonical import ADDED_BY, AGENDA, AGENDA_REASON, MEETING_ROLE, MEETING_TYPE, PARTNER_ROLE
from service.fhir.coding import concept
from service.fhir.date import LOCAL
from service.problem import Issue
from tests.care.conftest import AT
from tests.care.front_door import CAL, CRISIS, lead, ref
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST

E, R, P = "Encounter/m", "ServiceRequest/r", "Patient/p"
AHEAD = "2026-11-06"
STARTED = {"start": NOW}
WHY = "Discussed by all agencies present."


def participant(individual: str = ANN, *parts: str, came: bool = True, **members: Any) -> Resource:
    """Somebody whom a meeting names; members of None are left out."""
    said = {"type": [concept(MEETING_ROLE, each) for each in parts or ("member",)], "individual": ref(individual)}
    whole = {**said, "period": STARTED if came else None, **members}
    return {name: value for name, value in whole.items() if value is not None}


def encounter(kind: str = "mdt", *others: Resource, status: str | None = "in-progress", **members: Any) -> Resource:
    """A meeting that Ann chairs; members of None are left out."""
    whole = {
        "resourceType": "Encounter",
        "id": "m",
        "status": status,
        "type": [concept(MEETING_TYPE, kind)] if kind else None,
        "serviceProvider": ref(TRUST),
        "participant": [participant(ANN, "chair"), *others],
        **members,
    }
    return {name: value for name, value in whole.items() if value is not None}


def attendee(
    individual: str = ANN, agency: str = TRUST, *parts: str, came: bool = True, skills: tuple[str, ...] = ()
) -> Attendee:
    """Somebody as the directory knows them."""
    return Attendee(individual, agency, frozenset(parts), frozenset(skills), came)


BOTH = (attendee(ANN, TRUST, "chair"), attendee(HAL, HOUSING))


def meeting(kind: str = "mdt", status: str = "in-progress", before: Resource | None = None, **more: Any) -> Meeting:
    """The meeting as it is written, from which nothing is missing."""
    made = Meeting(
        at=AT,
        zone=LOCAL,
        agency=TRUST,
        user=ANN,
        after=encounter(kind, status=status),
        before=before,
        keeper=TRUST,
        provider=TRUST,
        chair=lead("ann", TRUST),
        chair_agency=TRUST,
        attendees=BOTH,
    )
    return replace(made, **more)


def entry(item: str = R, *reasons: str, by: str = TRUST) -> Entry:
    """An entry as it is read."""
    said = reasons or ("new-referral",)
    return Entry(item, said[0], by, 0, frozenset(said))


def element(item: str, *reasons: str, by: str = "", **members: Any) -> Resource:
    """An entry as it stands in the List."""
    coded = [concept(AGENDA_REASON, each)["coding"][0] for each in reasons or ("new-referral",)]
    said = {"extension": [added_by(by)]} if by else {}
    return {**said, "flag": {"coding": coded}, "item": ref(item), **members}


def added_by(agency: str) -> Resource:
    return {"url": ADDED_BY, "valueReference": ref(agency)}


def listing(*elements: Resource, **members: Any) -> Resource:
    """The List of an agenda."""
    made = {"resourceType": "List", "id": "l", "meta": {"profile": [AGENDA]}, "status": "current", "encounter": ref(E)}
    return {**made, **members, **({"entry": [*elements]} if elements else {})}


def items(listed: Resource) -> list[str]:
    """What stands in a List, in order."""
    return [each["item"]["reference"] for each in listed.get("entry", ())]


GIVEN: dict[str, dict[str, Any]] = {
    "allocated": {"receiver": CRISIS, "lead": CAL},
    "redirected": {"redirect": "QuestionnaireResponse/away"},
    "deferred": {"review": AHEAD},
    "actions": {},
    "no-action": {"review": AHEAD},
}
"""What each kind of decision says besides its reason."""


def decision(kind: str = "actions", item: str = R, **more: Any) -> Decision:
    """What was decided, with all that its kind needs."""
    return Decision(**{"item": item, "kind": kind, "rationale": WHY, **GIVEN.get(kind, {}), **more})


ACTION: Resource = {"resourceType": "Task", "id": "a", "owner": ref(ANN)}
PLAN: Resource = {"resourceType": "CarePlan", "id": "plan", "status": "active", "author": ref(ANN), "subject": ref(P)}


def case(kind: str = "actions", *, said: dict[str, Any] | None = None, **more: Any) -> Case:
    """The referral on the agenda with the decision about it; `said` are members of the decision."""
    made = Case(
        entry=entry(),
        record={"resourceType": "ServiceRequest", "id": "r", "subject": ref(P)},
        person=P,
        decisions=(decision(kind, **(said or {})),),
        actions=(ACTION,),
        told=(HOUSING,),
        referral=True,
        triaged=True,
        live=True,
        lead=lead(),
    )
    return replace(made, **more)


def reviewed(kind: str = "actions", **more: Any) -> Case:
    """A plan in a case review, in which everybody has answered."""
    whole: dict[str, Any] = {
        "entry": entry("CarePlan/plan"),
        "plan": PLAN,
        "leader": TRUST,
        "agencies": (TRUST, HOUSING),
        "answered": {TRUST: Completeness(), HOUSING: Completeness()},
        "review_by": AT + timedelta(days=84),
    }
    return case(kind, **{**whole, **more})


def heard(kind: str = "actions", **more: Any) -> Case:
    """A person in a risk forum, whose dataset is complete."""
    return case(kind, **{"answered": {TRUST: Completeness()}, "criterion": True, "consistent": True, **more})


def measure(**more: Any) -> dict[str, Any]:
    """What a decision says of a restrictive measure."""
    return {"proportionality": "Nothing less keeps her safe.", "duration": timedelta(days=14), "lasts": "said", **more}


def partner(agency: str, role: Resource) -> Resource:
    """A partner's role in a plan."""
    parts = [{"url": "agency", "valueReference": ref(agency)}, {"url": "role", "valueCodeableConcept": role}]
    return {"url": PARTNER_ROLE, "extension": parts}


def issues(*found: tuple[str, str, str]) -> tuple[Issue, ...]:
    return tuple(Issue("business-rule", *each) for each in found)


def at(text: str) -> datetime:
    """An instant where the service is."""
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL)
