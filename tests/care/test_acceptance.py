"""What accepting a handover writes, whole (HOV-4, HOV-6): Task, plan, team, episode, Provenance, acknowledgement and follow-
up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.care.handover.acceptance import filled
from service.care.handover.needs import moves_ownership
from service.care.task.situation import AuditFact, Outcome, Staged
from service.care.task.timers import Calendar
from service.change import Notice, Timer
from service.fhir.canonical import (
    CARE_COORDINATOR,
    COMMUNICATION_CATEGORY,
    PARTICIPANT_AGENCY,
    PROVENANCE_ACTIVITY,
    PROVENANCE_PARTICIPANT,
    SCOPE,
    SNOMED,
    STATUS_REASON,
    TAG,
    TASK_CODE,
    TASK_INPUT,
    TASK_OUTPUT,
)
from service.fhir.coding import concept
from service.fhir.date import LOCAL
from tests.care.changes import scope
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST, fact, told

DAY, TWO_DAYS = datetime(2026, 10, 24, 14, 30, tzinfo=UTC), datetime(2026, 10, 25, 14, 30, tzinfo=UTC)
STRANGER, AUCKLAND = "Organization/stranger", ZoneInfo("Pacific/Auckland")


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def output(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": concept(TASK_OUTPUT, kind), **value}


def scoped(kind: str, code: str) -> dict[str, Any]:
    return output(kind, valueCodeableConcept=concept(SCOPE, code))


LEAD = output("lead", valueReference=ref(HAL))
NEWCOMER = {
    "extension": [{"url": PARTICIPANT_AGENCY, "valueReference": ref(HOUSING)}],
    "role": [concept(SNOMED, CARE_COORDINATOR)],
    "member": ref(HAL),
    "period": {"start": NOW},
}


def accepted(world: Any, before: Any = None, after: Any = None, **members: Any) -> Outcome:
    before = before or world.task("received", priority="urgent")
    found = world.decide(
        replace(world.situation(before, world.submitted(before, "accepted", **(after or {})), "owner"), **members)
    )
    assert isinstance(found, Outcome), found
    return found


def note(targets: list[str], number: int) -> Staged:
    agent = {"type": concept(PROVENANCE_PARTICIPANT, "author"), "who": ref(HAL), "onBehalfOf": ref(HOUSING)}
    made = {
        "resourceType": "Provenance",
        "id": f"new-{number}",
        "target": [ref(each) for each in targets],
        "recorded": NOW,
        "activity": concept(PROVENANCE_ACTIVITY, "handover-accepted"),
        "agent": [agent],
        "entity": [{"role": "source", "what": ref("Task/h/_history/2")}],
    }
    return Staged(made, created=True, custodian=HOUSING)


def acknowledgement(number: int) -> Staged:
    made = {
        "resourceType": "Communication",
        "id": f"new-{number}",
        "status": "completed",
        "category": [concept(COMMUNICATION_CATEGORY, "handover-accepted")],
        "subject": ref("Patient/p"),
        "about": [ref("Task/h")],
        "sent": NOW,
        "recipient": [ref(TRUST), ref(ANN)],
        "sender": ref(HOUSING),
        "payload": [{"contentString": "The handover was accepted by a named lead."}],
    }
    return Staged(made, created=True, custodian=HOUSING)


def follow_up(number: int) -> Staged:
    made = {
        "resourceType": "Task",
        "id": f"new-{number}",
        "groupIdentifier": {"value": "conversation"},
        "partOf": [ref("Task/h")],
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": concept(TASK_CODE, "follow-up"),
        "description": "First contact after the handover",
        "focus": ref("CarePlan/plan"),
        "for": ref("Patient/p"),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(ANN),
        "owner": ref(HAL),
        "restriction": {"period": {"start": NOW, "end": "2026-10-25T14:30:00.000+00:00"}},
    }
    return Staged(made, created=True, custodian=HOUSING)


def clocks(focus: str) -> tuple[Timer, ...]:
    data = {"handover": "Task/h"}
    return tuple(Timer("TIM-3:Task/h", "TIM-3", due, focus, level, data) for level, due in enumerate((DAY, TWO_DAYS)))


def test_hov_4_acceptance_writes_everything_at_once(world: Any) -> None:
    before = world.task("received", priority="urgent", businessStatus=world.business("overdue"))
    made = accepted(world, before)
    task = {
        **world.submitted(before, "accepted"),
        "lastModified": NOW,
        "output": [LEAD, scoped("accepted-scope", "overall-coordination")],
    }
    del task["businessStatus"]
    plan = {**world.plan(), "author": ref(HAL)}
    left = {**world.team()["participant"][0], "period": {"start": "2026-01-01T09:00:00.000Z", "end": NOW}}
    team = {**world.team(), "participant": [left, NEWCOMER], "subject": ref("Patient/p")}
    episode = {**world.episode(), "managingOrganization": ref(HOUSING), "careManager": ref(HAL)}
    versions = ["Task/h/_history/2", "CarePlan/plan/_history/5", "CareTeam/team/_history/3", "EpisodeOfCare/episode/_history/4"]
    plan_focus = [Notice("ownership-changed", each, "CarePlan/plan", "Patient/p") for each in (TRUST, HOUSING)]
    assert made == Outcome(
        (
            Staged(task),
            Staged(plan, custodian=HOUSING),
            Staged(team, custodian=HOUSING),
            Staged(episode, custodian=HOUSING),
            note(versions, 1),
            acknowledgement(2),
            follow_up(0),
        ),
        clocks("Task/new-0"),
        cancelled=("TIM-1:Task/h", "TIM-2:Task/h"),
        notices=(told(TRUST), *plan_focus),
        audits=(fact("handover-accepted", agency=HOUSING, user=HAL), fact("ownership-changed", agency=HOUSING, user=HAL)),
        moved=True,
    )


def test_hov_6_what_is_not_coordination_moves_nothing(world: Any) -> None:
    """The receiver's lead joins the team for the parts accepted; the plan that stays is guarded, and a part declined goes
    back."""
    given = {"output": [scoped("accepted-scope", "medication"), scoped("declined-scope", "housing")]}
    made = accepted(world, after=given)
    before = world.task("received", priority="urgent")
    task = {**world.submitted(before, "accepted", **given), "lastModified": NOW, "output": [*given["output"], LEAD]}
    task["businessStatus"] = world.business("partly-accepted")
    joined = {**NEWCOMER, "role": [concept(SCOPE, "medication")]}
    team = {**world.team(), "participant": [*world.team()["participant"], joined]}
    back = {
        "resourceType": "Task",
        "id": "new-1",
        "groupIdentifier": {"value": "conversation"},
        "partOf": [ref("Task/h")],
        "status": "requested",
        "intent": "order",
        "code": concept(TASK_CODE, "action"),
        "description": "This part of the handover was not accepted",
        "focus": ref("CarePlan/plan"),
        "for": ref("Patient/p"),
        "authoredOn": NOW,
        "lastModified": NOW,
        "requester": ref(HAL),
        "owner": ref(ANN),
        "restriction": {"period": {"start": NOW, "end": "2026-10-23T19:30:00.000+01:00"}},
        "statusReason": concept(STATUS_REASON, "declined-scope"),
        "input": [{"type": concept(TASK_INPUT, "requested-scope"), "valueCodeableConcept": concept(SCOPE, "housing")}],
    }
    assert made == Outcome(
        (
            Staged(task),
            Staged(team),
            note(["Task/h/_history/2", "CareTeam/team/_history/3"], 2),
            acknowledgement(3),
            follow_up(0),
            Staged(back, created=True, custodian=HOUSING),
        ),
        clocks("Task/new-0"),
        cancelled=("TIM-1:Task/h", "TIM-2:Task/h"),
        notices=(told(TRUST), told(TRUST, focus="Task/new-1")),
        audits=(fact("handover-accepted", agency=HOUSING, user=HAL),),
        guards=(("CarePlan/plan", 4),),
    )


def test_hov_6_a_plan_without_a_team_is_joined_by_nobody(world: Any) -> None:
    made = accepted(world, after={"output": [scoped("accepted-scope", "medication")]}, teams=())
    assert world.written(made, "CareTeam") == []


def test_hov_6_a_team_with_nobody_on_it_is_joined(world: Any) -> None:
    team = {name: value for name, value in world.team().items() if name != "participant"}
    made = accepted(world, after={"output": [scoped("accepted-scope", "medication")]}, teams=(team,))
    assert len(world.written(made, "CareTeam")[0]["participant"]) == 1


def test_hov_6_a_routine_part_that_is_declined_is_answered_within_two_working_days(world: Any) -> None:
    given = {
        "output": [
            scoped("accepted-scope", "medication"),
            scoped("declined-scope", "housing"),
            scoped("declined-scope", "benefits"),
        ]
    }
    made = accepted(world, world.task("received"), given)
    back = [each for each in world.written(made, "Task") if "statusReason" in each][1:]
    assert [each["restriction"]["period"]["end"] for each in back] == ["2026-10-27T15:30:00.000+00:00"] * 2
    assert [each.topic for each in made.notices] == ["handover-task"] * 3
    assert "priority" not in world.written(made, "Task")[1]


def test_own_9_a_proposal_becomes_active_when_it_is_accepted(world: Any) -> None:
    made = accepted(world, plan=world.plan(status="draft"), led=False)
    assert world.written(made, "CarePlan")[0]["status"] == "active"


def test_own_9_a_led_plan_keeps_its_status(world: Any) -> None:
    made = accepted(world, plan=world.plan(status="on-hold"))
    assert world.written(made, "CarePlan")[0]["status"] == "on-hold"


def test_own_5_a_plan_that_was_unowned_is_so_no_longer(world: Any) -> None:
    made = accepted(world, plan=world.plan(meta={"versionId": "4", "tag": [{"system": TAG, "code": "unowned"}]}))
    assert world.written(made, "CarePlan")[0]["meta"] == {"versionId": "4"}


def test_hov_4_a_system_accepts_for_the_lead_it_names(world: Any) -> None:
    made = accepted(world, user="")
    assert world.written(made, "Provenance")[0]["agent"][0]["who"] == ref(HAL)


def test_hov_4_everybody_on_the_team_hears_of_the_new_owner_once(world: Any) -> None:
    team = world.team()
    team["participant"] += [
        {"member": ref(STRANGER)},
        {"member": ref("PractitionerRole/hel")},
        {"member": ref("PractitionerRole/x")},
    ]
    made = accepted(world, teams=(team,))
    assert [each.recipient for each in made.notices if each.topic == "ownership-changed"] == [TRUST, HOUSING, STRANGER]


def test_hov_4_a_requester_that_is_an_agency_is_thanked_once(world: Any) -> None:
    made = accepted(world, world.task("received", requester=ref(TRUST)))
    assert world.written(made, "Communication")[0]["recipient"] == [ref(TRUST)]


def test_hov_5_what_acceptance_adds_is_added_to_a_repeat_as_well(world: Any) -> None:
    """So that the same request, sent again, says what is stored."""
    won = accepted(world).writes[0].resource
    bare = {name: value for name, value in won.items() if name != "output"}
    again = {**bare, "owner": ref(HOUSING)}
    assert filled(world.situation(won, again, "owner"), again) == {**bare, "owner": ref(HAL), "output": won["output"]}


def test_a_lead_is_taken_from_an_accepted_handover_alone(world: Any) -> None:
    before = world.task("received", owner=ref(HAL))
    again = {**before, "owner": ref(HOUSING)}
    made = filled(world.situation(before, again, "owner"), again)
    assert (made["owner"], made["output"]) == (ref(HOUSING), [scoped("accepted-scope", "overall-coordination")])


def test_tim_3_a_contact_is_owed_in_elapsed_hours_over_the_change_of_clocks(world: Any) -> None:
    assert [timer.due - world.at for timer in accepted(world).timers] == [timedelta(hours=24), timedelta(hours=48)]


@pytest.mark.parametrize("member", ["audits", "guards"])
def test_what_moves_is_audited_and_what_stays_is_guarded(world: Any, member: str) -> None:
    whole, part = accepted(world), accepted(world, after={"output": [scoped("accepted-scope", "medication")]})
    counts = {"audits": (2, 1), "guards": (0, 1)}[member]
    assert (len(getattr(whole, member)), len(getattr(part, member))) == counts
    assert AuditFact("U", "ownership-changed", HOUSING, HAL, "Patient/p", ("Task/h",)) in whole.audits


def test_hov_4_a_lead_named_as_output_is_named_once(world: Any) -> None:
    made = accepted(world, after={"owner": ref(HOUSING), "output": [LEAD]})
    task = made.writes[0].resource
    assert (task["owner"], task["output"]) == (ref(HAL), [LEAD, scoped("accepted-scope", "overall-coordination")])


def test_own_2_a_plan_without_a_team_gets_one_of_the_receiver_s(world: Any) -> None:
    plan = {name: value for name, value in world.plan().items() if name != "careTeam"}
    made = accepted(world, plan=plan, teams=(), episode=None)
    [team] = world.written(made, "CareTeam")
    assert world.written(made, "CarePlan")[0]["careTeam"] == [ref(f"CareTeam/{team['id']}")]


def test_own_4_days_on_the_team_are_the_locality_s(world: Any) -> None:
    """Who coordinates to the end of the 23rd has ended in Auckland; who is on the team from the 24th on is on it there."""
    team = world.team()
    team["participant"][0]["period"] = {"end": "2026-10-23"}
    team["participant"].append({"member": ref(STRANGER), "period": {"start": "2026-10-24"}})
    for zone, ends, told_ in ((AUCKLAND, "2026-10-23", True), (LOCAL, NOW, False)):
        made = accepted(world, teams=(team,), calendar=Calendar(zone=zone))
        assert world.written(made, "CareTeam")[0]["participant"][0]["period"]["end"] == ends
        assert (STRANGER in [each.recipient for each in made.notices]) is told_


@pytest.mark.parametrize("kind", ["accepted-scope", "declined-scope"])
def test_hov_5_another_scope_after_an_acceptance_is_a_conflict(world: Any, kind: str) -> None:
    won = (
        accepted(world, after={"output": [scoped("accepted-scope", "medication"), scoped("declined-scope", "housing")]})
        .writes[0]
        .resource
    )
    late = {**won, "output": [*won["output"], scoped(kind, "benefits")]}
    found = world.decide(world.situation(won, late, "owner"))
    assert (found.category, found.issues[0].rule) == ("conflict", "HOV-5")


def test_hov_5_a_sender_races_nobody(world: Any) -> None:
    won = accepted(world).writes[0].resource
    noted = {**won, "note": [{"text": "Thank you."}]}
    assert isinstance(world.decide(world.situation(won, noted)), Outcome)


@pytest.mark.parametrize(
    ("start", "end", "told_"),
    [
        ("none", "accepted", "from here it makes it `draft`, `requested`."),
        ("requested", "completed", "from here it makes it `cancelled`, `on-hold`."),
        ("in-progress", "rejected", "send a Task with code `abort` whose focus is the handover."),
    ],
)
def test_hov_1_a_requester_is_told_what_it_can_do_instead(world: Any, start: str, end: str, told_: str) -> None:
    before = world.stored(start)
    found = world.decide(world.situation(before, world.submitted(before, end)))
    assert found.issues[0].text.endswith(f"by the requester: {told_}")


def test_hov_1_an_owner_of_what_was_started_sends_no_abort(world: Any) -> None:
    before = world.stored("in-progress")
    found = world.decide(world.situation(before, world.submitted(before, "rejected"), "owner"))
    assert found.issues[0].text.endswith("by the owner: from here it makes it `completed`, `failed`, `on-hold`.")


@pytest.mark.parametrize(
    ("accepted", "moves"),
    [((), True), (("overall-coordination",), True), (("medication", "overall-coordination"), True), (("medication",), False)],
)
def test_hov_6_ownership_moves_with_the_coordination(accepted: tuple[str, ...], moves: bool) -> None:
    assert moves_ownership({"output": [scope("accepted-scope", each) for each in accepted]}) is moves
