"""What passed deadlines and a withdrawal do to a handover, whole (HOV-7, HOV-8, TIM-1, TIM-3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from service.care.handover import deadlines, overdue
from service.care.task.authority import Authority
from service.care.task.situation import AuditFact, Outcome, Staged
from service.change import Timer
from service.fhir.canonical import TASK_CODE
from service.fhir.coding import concept
from tests.care.told import HAL, HOUSING, MONDAY, NOW, TRUST, fact, told

# HOV-7: overdue.


def fired(world: Any, level: int = 0, **members: Any) -> Outcome:
    before = members.pop("before", None) or world.task("received")
    found = overdue.overdue(world.situation(before, before, agency="", user="", **members), level, world.ids)
    assert found is not None
    return found


def escalation(world: Any, number: int, owner: str, level: int = 1) -> Staged:
    made = {
        "resourceType": "Task",
        "id": f"new-{number}",
        "groupIdentifier": {"value": "conversation"},
        "partOf": [{"reference": "Task/h"}],
        "status": "requested",
        "intent": "order",
        "code": concept(TASK_CODE, "escalation"),
        "description": f"The handover is past its accept-by date, escalation level {level}",
        "focus": {"reference": "Task/h"},
        "for": {"reference": "Patient/p"},
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": {"reference": TRUST},
        "owner": {"reference": owner},
        "restriction": {"period": {"start": NOW, "end": "2026-10-26T15:30:00.000+00:00"}},
    }
    return Staged(made, created=True, custodian=TRUST if number == 0 else HOUSING)


def test_hov_7_an_overdue_handover_is_everybody_s_business(world: Any) -> None:
    task = {**world.task("received"), "businessStatus": world.business("overdue"), "lastModified": NOW}
    assert fired(world) == Outcome(
        (Staged(task), escalation(world, 0, TRUST), escalation(world, 1, HOUSING)),
        (Timer("TIM-2:Task/h", "TIM-2", MONDAY, "Task/h", 1),),
        notices=(told(TRUST, "deadline-breached"), told(HOUSING, "deadline-breached")),
        audits=(fact("handover-overdue", agency="", user="", detail="level 0"),),
    )


@pytest.mark.parametrize("priority", ["stat", "asap", "urgent"])
def test_hov_7_a_crisis_goes_up_a_level_each_hour(world: Any, priority: str) -> None:
    made = fired(world, before=world.task("received", priority=priority))
    assert made.timers[0].due == datetime(2026, 10, 23, 15, 30, tzinfo=UTC)
    assert made.writes[1].resource["restriction"]["period"]["end"] == "2026-10-23T16:30:00.000+01:00"


def test_hov_7_the_last_level_starts_no_clock(world: Any) -> None:
    assert [len(fired(world, level).timers) for level in (0, 1, 2)] == [1, 1, 0]
    assert fired(world, 2).audits[0].detail == "level 2"


def test_hov_7_there_are_as_many_levels_as_contacts_but_three_at_least(world: Any) -> None:
    contacts = {HOUSING: tuple(f"PractitionerRole/{each}" for each in "abcd")}
    assert [len(fired(world, level, contacts=contacts).timers) for level in (2, 3)] == [1, 0]


def test_hov_7_an_agency_with_fewer_contacts_has_its_last_one_asked(world: Any) -> None:
    situation = world.situation(
        world.task("received"), world.task("received"), contacts={HOUSING: ("PractitionerRole/a", "PractitionerRole/b")}
    )
    found = [overdue.contact(situation, HOUSING, level) for level in (0, 1, 2)]
    assert found == ["PractitionerRole/a", "PractitionerRole/b", "PractitionerRole/b"]
    assert overdue.contact(situation, TRUST, 0) == TRUST


def test_hov_7_an_agency_that_hands_over_to_itself_is_asked_once(world: Any) -> None:
    made = fired(world, before=world.task("requested", owner={"reference": TRUST}))
    assert [staged.custodian for staged in made.writes[1:]] == [TRUST]


def test_hov_7_an_agency_that_is_not_known_is_asked_nothing(world: Any) -> None:
    made = fired(world, before=world.task("requested", owner={"reference": "PractitionerRole/nobody"}))
    assert ([staged.custodian for staged in made.writes[1:]], [each.recipient for each in made.notices]) == ([TRUST], [TRUST])


# HOV-8: withdrawal.


def test_hov_8_a_withdrawal_says_why_and_tells_both(world: Any) -> None:
    before = world.task("accepted")
    made = overdue.withdrawn(
        world.situation(before, before, agency="", user="", authority=Authority(False, "consent was withdrawn"))
    )
    status = {"coding": world.business("authority-withdrawn")["coding"], "text": "consent was withdrawn"}
    assert made == Outcome(
        (Staged({**before, "businessStatus": status, "lastModified": NOW}),),
        notices=(told(TRUST, "consent-changed"), told(HOUSING, "consent-changed")),
        audits=(fact("handover-authority-withdrawn", agency="", user=""),),
    )


def test_hov_8_a_handover_that_is_not_stored_is_not_withdrawn(world: Any) -> None:
    assert overdue.withdrawn(world.situation(None, world.task("accepted"))) is None


def test_hov_8_who_is_not_known_is_not_told(world: Any) -> None:
    before = world.task("accepted", owner={"reference": "PractitionerRole/nobody"})
    made = overdue.withdrawn(world.situation(before, before))
    assert made is not None
    assert [each.recipient for each in made.notices] == [TRUST]


# TIM-1 and TIM-3.


def test_tim_1_what_was_not_received_is_sent_again(world: Any) -> None:
    before = world.task("requested")
    made = deadlines.unreceived(world.situation(before, before, agency="", user=""), 0)
    assert made == Outcome(
        (),
        timers=(Timer("TIM-1:Task/h", "TIM-1", MONDAY, "Task/h", 1),),
        notices=(told(HOUSING),),
        audits=(fact("handover-sent-again", agency="", user=""),),
    )


def test_tim_1_an_urgent_one_is_sent_again_within_the_hour(world: Any) -> None:
    before = world.task("requested", priority="urgent")
    made = deadlines.unreceived(world.situation(before, before), 0)
    assert made is not None
    assert made.timers[0].due == datetime(2026, 10, 23, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize("level", [1, 2])
def test_tim_1_the_second_time_its_sender_is_told(world: Any, level: int) -> None:
    before = world.task("requested")
    made = deadlines.unreceived(world.situation(before, before, agency="", user=""), level)
    assert made == Outcome(
        (),
        notices=(told(TRUST, "deadline-breached"),),
        audits=(fact("handover-not-received", agency="", user="", detail="no alternate endpoint is known"),),
    )


def owing(world: Any, status: str = "requested", handover: str | None = "in-progress") -> Any:
    """The follow-up of an accepted handover."""
    task = {**world.task(status), "id": "f", "owner": {"reference": HAL}, "partOf": [{"reference": "Task/h"}]}
    return world.situation(task, task, agency="", user="", about=world.task(handover) if handover else None)


def test_tim_3_past_its_target_the_owner_is_reminded(world: Any) -> None:
    made = deadlines.uncontacted(owing(world), 0, world.ids)
    expected = AuditFact("U", "contact-target-missed", "", "", "Patient/p", ("Task/f",))
    assert made == Outcome((), notices=(told(HOUSING, "deadline-breached", "Task/f"),), audits=(expected,))


def owed(number: int, code: str, text: str, end: str) -> Staged:
    made = {
        "resourceType": "Task",
        "id": f"new-{number}",
        "groupIdentifier": {"value": "conversation"},
        "partOf": [{"reference": "Task/h"}],
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": concept(TASK_CODE, code),
        "description": text,
        "focus": {"reference": "Task/f"},
        "for": {"reference": "Patient/p"},
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": {"reference": HOUSING},
        "owner": {"reference": HAL},
        "restriction": {"period": {"start": NOW, "end": end}},
    }
    return Staged(made, created=True, custodian=HOUSING)


def test_tim_3_past_its_limit_welfare_and_safeguarding_are_somebody_s_work(world: Any) -> None:
    made = deadlines.uncontacted(owing(world), deadlines.LIMIT, world.ids)
    expected = AuditFact("U", "contact-limit-missed", "", "", "Patient/p", ("Task/f",))
    welfare = "Check the person's welfare: no contact was completed in time"
    safeguarding = "Consider safeguarding: no contact was completed in time"
    assert made == Outcome(
        (
            owed(0, "welfare-check", welfare, "2026-10-24T15:30:00.000+01:00"),
            owed(1, "safeguarding-consideration", safeguarding, "2026-10-26T15:30:00.000+00:00"),
        ),
        notices=(told(TRUST, "deadline-breached", "Task/f"), told(HOUSING, "deadline-breached", "Task/f")),
        audits=(expected,),
    )


def test_tim_3_a_follow_up_of_nothing_is_part_of_nothing(world: Any) -> None:
    made = deadlines.uncontacted(owing(world, handover=None), deadlines.LIMIT, world.ids)
    assert made is not None
    assert ["partOf" in staged.resource for staged in made.writes] == [False, False]


def test_tim_3_the_second_level_is_the_limit() -> None:
    assert deadlines.LIMIT == 1
