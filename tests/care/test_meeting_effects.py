"""What follows from a meeting, whole (E1, E3, E7, MTG-1, TIM-11, TIM-16)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from service.care.meeting import effects
from service.care.task.situation import Staged
from service.care.task.timers import Span, Unit
from service.change import Resource, Timer
from service.fhir.canonical import COMMUNICATION_CATEGORY, REQUEST_CATEGORY, TASK_CODE, TASK_INPUT
from service.fhir.coding import concept
from tests.care.conftest import AT
from tests.care.front_door import CRISIS, new_ids, ref
from tests.care.sitting import PLAN, WHY, E, P, R, at, case, decision, encounter, entry, measure, meeting, reviewed
from tests.care.small import AUCKLAND
from tests.care.told import ANN, HOUSING, MONDAY, NOW, TRUST

CODED = concept("urn:roles", "housing")


def test_the_words_of_alerts_name_their_rules() -> None:
    assert effects.LATE == "No case review of this plan was held in time (TIM-16): put it on the agenda of one."
    assert effects.UNHELD == "This forum was not held within its cadence (MTG-1): plan a meeting of it."
    assert effects.OVER == "Intensive support has come to its end, as planned: review whether its purpose is met."


def test_e7_a_role_is_confirmed_within_five_working_days() -> None:
    assert Span(5, Unit.WORKING_DAYS) == effects.CONFIRMED_WITHIN


def told(*agencies: str) -> Resource:
    return effects.told(encounter(), entry(R, "deferred", "new-referral"), P, HOUSING, agencies, AT, new_ids())


def test_e1_who_takes_part_is_told_of_an_entry() -> None:
    assert told(TRUST, CRISIS) == {
        "resourceType": "Communication",
        "id": "new-1",
        "status": "completed",
        "category": [{"coding": [{"system": COMMUNICATION_CATEGORY, "code": "agenda-entry"}]}],
        "subject": {"reference": P},
        "about": [{"reference": R}],
        "sent": NOW,
        "recipient": [{"reference": TRUST}, {"reference": CRISIS}],
        "sender": {"reference": HOUSING},
        "payload": [{"contentString": "On the agenda of a meeting: deferred."}],
        "encounter": {"reference": E},
    }


def test_e1_nobody_is_told_of_an_entry_that_nobody_else_may_know_of() -> None:
    assert {**told(), "recipient": [ref(TRUST)]} == told(TRUST)
    assert "recipient" not in told()


def test_e1_a_decision_for_an_agency_drafts_the_handover_of_the_plan() -> None:
    """For whoever leads it to send; the lead stays until the receiver accepts."""
    made = effects.handover(meeting(), case("allocated", plan=PLAN), decision("allocated"), new_ids())
    assert made == {
        "resourceType": "Task",
        "id": "new-1",
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": TASK_CODE, "code": "handover"}]},
        "description": WHY,
        "focus": {"reference": "CarePlan/plan"},
        "for": {"reference": P},
        "encounter": {"reference": E},
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": {"reference": ANN},
        "owner": {"reference": CRISIS},
    }


def supported(item: str = "Flag/f", leader: str = HOUSING) -> tuple[Staged, Timer]:
    found = case(said=measure(), entry=entry(item, "restrictive-measure"), leader=leader)
    return effects.support(meeting(keeper=CRISIS), found, decision(**measure()), new_ids())


def test_e3_a_restrictive_measure_becomes_support_that_ends_by_itself() -> None:
    """At the agency that leads the person's plan, by the agency of the chair."""
    request, timer = supported()
    assert request == Staged(
        {
            "resourceType": "ServiceRequest",
            "id": "new-1",
            "status": "active",
            "intent": "order",
            "category": [{"coding": [{"system": REQUEST_CATEGORY, "code": "intensive-support"}]}],
            "subject": {"reference": P},
            "encounter": {"reference": E},
            "occurrencePeriod": {"start": NOW, "end": "2026-11-06T14:30:00.000Z"},
            "authoredOn": NOW,
            "requester": {"reference": TRUST},
            "performer": [{"reference": HOUSING}],
            "reasonReference": [{"reference": "Flag/f"}],
            "supportingInfo": [{"reference": "Flag/f"}],
            "note": [{"text": "Nothing less keeps her safe."}],
        },
        created=True,
        custodian=TRUST,
    )
    name = "ServiceRequest/new-1"
    assert timer == Timer(f"intensive-support-end:{name}", "intensive-support-end", AT + timedelta(days=14), name)


@pytest.mark.parametrize(
    ("item", "reasons"),
    [("RiskAssessment/a", [ref("RiskAssessment/a")]), ("Flag/f", [ref("Flag/f")]), (R, None), ("CarePlan/plan", None)],
)
def test_e3_the_reason_of_support_is_a_flag_or_a_risk(item: str, reasons: list[Resource] | None) -> None:
    """What else stands on an agenda is no reason; it informs."""
    request, _ = supported(item)
    assert request.resource.get("reasonReference") == reasons
    assert request.resource["supportingInfo"] == [ref(item)]


def test_e3_support_for_whom_nobody_leads_is_the_keeper_s() -> None:
    request, _ = supported(leader="")
    assert request.resource["performer"] == [ref(CRISIS)]


def test_e3_a_measure_of_unknown_length_ends_at_once() -> None:
    """Such a decision is refused (E13)."""
    request, timer = effects.support(meeting(), case(), decision(**measure(duration=None)), new_ids())
    assert (request.resource["occurrencePeriod"], timer.due) == ({"start": NOW, "end": NOW}, AT)


def test_e7_an_agency_is_asked_to_confirm_its_role() -> None:
    """By the plan's author, as the leader's record; and the Task has its clock (TIM-11)."""
    found = reviewed(leader=CRISIS)
    staged, timer = effects.confirmation(meeting("case-review"), found, HOUSING, CODED, MONDAY, new_ids())
    assert staged == Staged(
        {
            "resourceType": "Task",
            "id": "new-1",
            "status": "requested",
            "intent": "order",
            "code": {"coding": [{"system": TASK_CODE, "code": "confirm-role"}]},
            "description": "Confirm the role of your agency in this plan, or say why not",
            "focus": {"reference": "CarePlan/plan"},
            "for": {"reference": P},
            "authoredOn": NOW,
            "lastModified": NOW,
            "requester": {"reference": ANN},
            "owner": {"reference": HOUSING},
            "restriction": {"period": {"start": NOW, "end": "2026-10-26T15:30:00.000Z"}},
            "input": [{"type": concept(TASK_INPUT, "role"), "valueCodeableConcept": CODED}],
            "encounter": {"reference": E},
        },
        created=True,
        custodian=CRISIS,
    )
    assert timer == Timer("TIM-11:Task/new-1", "TIM-11", MONDAY, "Task/new-1")


def test_mtg_1_the_clock_of_what_happens_again_has_a_level_of_its_own() -> None:
    """Since one that has fired is not set again."""
    made = effects.again("TIM-16", "CarePlan/plan", MONDAY, AT, chair=TRUST)
    assert made == Timer("TIM-16:CarePlan/plan", "TIM-16", MONDAY, "CarePlan/plan", int(AT.timestamp()), {"chair": TRUST})
    assert effects.recurring("TIM-16", "CarePlan/plan") == made.key


def test_an_alert_is_the_agency_s_record_and_somebody_s_task() -> None:
    made = effects.alert("CarePlan/plan", TRUST, P, ANN, effects.LATE, AT, new_ids())
    assert made == Staged(
        {
            "resourceType": "Task",
            "id": "new-1",
            "status": "requested",
            "intent": "order",
            "code": {"coding": [{"system": TASK_CODE, "code": "alert"}]},
            "description": effects.LATE,
            "focus": {"reference": "CarePlan/plan"},
            "for": {"reference": P},
            "authoredOn": NOW,
            "lastModified": NOW,
            "requester": {"reference": TRUST},
            "owner": {"reference": ANN},
        },
        created=True,
        custodian=TRUST,
    )


@pytest.mark.parametrize(
    ("day", "ends"),
    [
        ("2026-10-23", at("2026-10-24")),
        ("2026-10-25", at("2026-10-26")),
        ("2026-10", at("2026-11-01")),
        ("2026", at("2027-01-01")),
        ("soon", None),
        ("", None),
    ],
)
def test_tim_16_a_review_is_late_from_the_local_end_of_its_date(day: str, ends: datetime | None) -> None:
    """A month is as good a date as a day: whoever may say so in a decision has the clock for it."""
    assert effects.day_ends(day, meeting()) == ends


def test_tim_16_a_date_ends_where_the_service_is() -> None:
    found = effects.day_ends("2026-10-23", meeting(zone=AUCKLAND))
    assert found == datetime(2026, 10, 23, 11, tzinfo=UTC)


def test_tim_16_the_last_date_of_the_calendar_ends_too() -> None:
    assert effects.day_ends("9999-12-31", meeting()) is not None
