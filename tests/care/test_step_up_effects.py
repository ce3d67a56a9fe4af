"""What the moves of an escalation review write, whole (E5, E10, ESC-3, MTG-4, TIM-6, TIM-11, TIM-15)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.care.step_up import effects
from service.care.step_up.situation import ReviewSituation
from service.care.task.situation import AuditFact, Outcome, Situation, Staged
from service.care.task.timers import Calendar
from service.change import Notice, Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS, COMMUNICATION_CATEGORY, CONTACT_PLAN, REQUEST_CATEGORY, TASK_CODE
from service.fhir.coding import concept
from tests.care.conftest import AT
from tests.care.small import AUCKLAND
from tests.care.stepping import (
    CADENCE,
    CAT,
    CRISIS,
    HAL,
    HOUSING,
    accepted,
    completed,
    deciding,
    decision,
    escalation,
    ids,
    output,
    ref,
    rejected,
    review,
)
from tests.care.told import NOW

P, R = "Patient/p", "Task/r"
TALK = {"value": "conversation"}
WEEK, THREE_DAYS = "2026-10-30T14:30:00.000+00:00", "2026-10-26T14:30:00.000+00:00"


def fact(event: str, detail: str = "") -> AuditFact:
    return AuditFact("U", event, CRISIS, "", P, (R,), detail)


def word(id_: str, text: str) -> Staged:
    """What the sender is told."""
    made = {
        "resourceType": "Communication",
        "id": id_,
        "status": "completed",
        "category": [concept(COMMUNICATION_CATEGORY, "escalation-outcome")],
        "subject": ref(P),
        "about": [ref(R)],
        "sent": NOW,
        "recipient": [ref(HAL)],
        "sender": ref(CRISIS),
        "payload": [{"contentString": text}],
    }
    return Staged(made, created=True, custodian=CRISIS)


def following(id_: str, code: str, text: str, by: str, owner: str, due: str, keeper: str, **more: Any) -> Staged:
    """A review that follows from the decision."""
    made = {
        "resourceType": "Task",
        "id": id_,
        "groupIdentifier": TALK,
        "partOf": [ref(R)],
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": concept(TASK_CODE, code),
        "description": text,
        "focus": ref(R),
        "for": ref(P),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(by),
        "owner": ref(owner),
        "restriction": {"period": {"start": NOW, "end": due}},
        **more,
    }
    return Staged(made, created=True, custodian=keeper)


JUDGED = "Review this decision in the next supervision or meeting"


def test_e5_an_acceptance_is_written_whole() -> None:
    """Word to the sender, the review of the decision (ESC-3), more contacts (E10) and the brief review (TIM-6)."""
    before = review(groupIdentifier=TALK)
    after = accepted(before)
    made = effects.accept(deciding(before, after), ids())
    contacts = {
        "resourceType": "ServiceRequest",
        "id": "new-0",
        "meta": {"profile": [CONTACT_PLAN]},
        "basedOn": [ref("ServiceRequest/e")],
        "status": "active",
        "intent": "order",
        "category": [concept(REQUEST_CATEGORY, "contact-plan")],
        "priority": "urgent",
        "subject": ref(P),
        "occurrenceTiming": CADENCE,
        "authoredOn": NOW,
        "requester": ref(CAT),
        "performer": [ref(CAT)],
    }
    brief = following("new-1", "brief-review", "Look at the step-up briefly", HAL, CAT, THREE_DAYS, HOUSING)
    judged = following("new-3", "decision-review", JUDGED, CAT, CRISIS, WEEK, CRISIS, priority="routine")
    assert made.writes == (
        Staged({**after, "lastModified": NOW}),
        word("new-2", "The escalation was accepted: its review says what happens now, out of hours too."),
        judged,
        Staged(contacts, created=True, custodian=CRISIS),
        brief,
    )
    assert made.notices == (Notice("handover-task", HOUSING, R, P), Notice("agenda", CRISIS, R, P))
    assert made.audits == (fact("escalation-accepted"), fact("escalation-decided", "accepted"))
    assert [each.kind for each in made.timers] == ["TIM-11", "contact-plan-end", "TIM-6"]


def test_e5_a_rejection_is_written_whole() -> None:
    """Its review is urgent (ESC-3)."""
    before = review(groupIdentifier=TALK, priority="routine", businessStatus=concept(BUSINESS_STATUS, "awaiting-information"))
    made = effects.reject(deciding(before, rejected(before)), ids())
    kept = {name: value for name, value in rejected(before).items() if name != "businessStatus"}
    assert made == Outcome(
        (
            Staged({**kept, "lastModified": NOW}),
            word("new-0", "The escalation was not accepted: its review says why, what to do meanwhile, and when to come back."),
            following("new-1", "decision-review", JUDGED, CAT, CRISIS, WEEK, CRISIS),
            Staged(escalation(status="revoked")),
        ),
        (Timer("TIM-11:Task/new-1", "TIM-11", AT + timedelta(days=7), "Task/new-1"),),
        ("TIM-5:Task/r",),
        (Notice("handover-task", HOUSING, R, P), Notice("agenda", CRISIS, R, P)),
        (fact("escalation-rejected"), fact("escalation-decided", "rejected")),
    )


def test_e10_a_completion_is_written_whole() -> None:
    """With the end of the escalation."""
    before = accepted(review())
    assert effects.complete(deciding(before, completed(before)), ids()) == Outcome(
        (Staged({**completed(before), "lastModified": NOW}), Staged(escalation(status="completed"))),
        notices=(Notice("handover-task", HOUSING, R, P),),
        audits=(fact("escalation-review-completed"),),
    )


def test_an_escalation_that_is_not_here_is_left_alone() -> None:
    """The review alone is written, with what a decision makes."""
    unknown = deciding(review(), rejected(review()), request=None)
    before = accepted(review())
    assert [each.resource["resourceType"] for each in effects.reject(unknown, ids()).writes] == ["Task", "Communication", "Task"]
    assert len(effects.complete(deciding(before, completed(before), request=None), ids()).writes) == 1


def test_e10_contacts_end_with_their_date_where_the_service_is() -> None:
    said = output("contact-cadence", valueTiming={"repeat": {"frequency": 1, "boundsPeriod": {"end": "2026-11-06"}}})
    after = {**review(), "status": "accepted", "output": [*decision(), said]}
    found = deciding(review(), after, calendar=Calendar(zone=AUCKLAND))
    assert effects.contact_plan(found, after, ids())[1] == datetime(2026, 11, 6, 11, tzinfo=UTC)


def test_e10_a_plan_without_a_priority_has_none() -> None:
    before = {name: value for name, value in review().items() if name != "priority"}
    made = effects.accept(deciding(before, accepted(before)), ids())
    assert [each.resource.get("priority") for each in made.writes[2:]] == ["routine", None, None]


# Who decides.


def answered(status: str, *outputs: Resource, user: str = CAT, **members: Any) -> Resource:
    return effects.answered_by(deciding(review(), {**review(), "status": status, "output": [*outputs], **members}, user=user))


BY = output("decided-by", valueReference=ref(CAT))


@pytest.mark.parametrize("status", ["accepted", "rejected"])
def test_e5_a_decision_names_who_took_it_once(status: str) -> None:
    """Their own word, or else who is signed in; and an agency's review is theirs from then on."""
    assert answered(status)["output"] == [BY]
    assert answered(status, BY, user="PractitionerRole/col")["output"] == [BY]
    assert answered(status, owner=ref(CRISIS))["owner"] == ref(CAT)
    assert answered(status, owner=ref("PractitionerRole/col"))["owner"] == ref("PractitionerRole/col")


@pytest.mark.parametrize("status", ["requested", "received", "completed"])
def test_e5_what_is_no_decision_names_nobody(status: str) -> None:
    found = answered(status, owner=ref(CRISIS))
    assert (found["output"], found["owner"]) == ([], ref(CRISIS))


def test_e5_a_decision_of_nobody_is_left_as_it_is() -> None:
    """And refused."""
    found = answered("accepted", user="", owner=ref(CRISIS))
    assert (found["output"], found["owner"]) == ([], ref(CRISIS))


# MTG-4: the pathway in force.


class Own:
    """A pathway that is slow, unless something is urgent."""

    canonical = "https://baton.example/fhir/PlanDefinition/pathway-step-up|2"

    def due(self, rule: str, start: datetime, calendar: Any, *, priority: str = "routine", level: int = 0) -> datetime:
        return start + timedelta(hours={"TIM-6": 10, "TIM-15": 20}[rule] / (10 if priority == "urgent" else 1))

    def count(self, name: str, default: int) -> int:
        return {"decision-review-days": 3}.get(name, default)


def under(before: Resource, after: Resource) -> ReviewSituation:
    return replace(deciding(before, after), pathway=Own())


def test_mtg_4_what_follows_from_a_decision_is_due_by_the_pathway_in_force() -> None:
    made = effects.accept(under(review(), accepted(review())), ids())
    assert [each.due for each in made.timers[::2]] == [AT + timedelta(days=3), AT + timedelta(hours=10)]
    assert made.writes[0].resource["instantiatesCanonical"] == Own.canonical


@pytest.mark.parametrize(("priority", "hours"), [("urgent", 2), ("routine", 20)])
def test_tim_15_what_is_asked_back_is_due_by_the_pathway_in_force(priority: str, hours: int) -> None:
    before = review(priority=priority)
    made = effects.clarify(under(before, {**before, "note": [{"text": "Since when?"}]}), ids())
    assert [each.due for each in made.timers] == [AT + timedelta(hours=hours)]


# The reviews that follow.


@pytest.mark.parametrize("code", ["brief-review", "decision-review", "structured-review"])
def test_a_review_that_was_held_stops_its_clocks(code: str) -> None:
    """TIM-6, TIM-11."""
    before = review(code=concept(TASK_CODE, code))
    after = {**before, "status": "completed"}
    situation = Situation(AT, CRISIS, after, before, organizations={HAL: HOUSING, CAT: CRISIS})
    assert effects.finish(situation, ids()) == Outcome(
        (Staged({**after, "lastModified": NOW}),),
        cancelled=("TIM-6:Task/r", "TIM-11:Task/r"),
        notices=(Notice("handover-task", HOUSING, R, P),),
        audits=(fact(f"{code}-completed"),),
    )
