"""What the moves of a merge write, whole: sending, receiving, rejecting, and acceptance with both plans, teams and Goals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.care.merge_plan.situation import Parallel
from service.care.task.situation import AuditFact, Outcome, Staged
from service.care.task.timers import Calendar
from service.change import Notice, Timer
from service.fhir.canonical import (
    BUSINESS_STATUS,
    PARTICIPANT_AGENCY,
    PROVENANCE_ACTIVITY,
    PROVENANCE_PARTICIPANT,
    SCOPE,
    STATUS_REASON,
    STATUS_REASON_EXTENSION,
    TAG,
)
from service.fhir.coding import concept
from tests.care import merge
from tests.care.merge import VOL, VOLUNTARY, WHY, aims, coordinator, goal, ref, refs, task, team
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST

KEYS = (
    f"rule:OWN-6:merge-plan:CarePlan/plan|{TRUST}",
    f"rule:OWN-6:merge-plan:CarePlan/into|{HOUSING}+rule:OWN-6:merge-plan:CarePlan/plan|{TRUST}",
)
RIGHT = merge.situation(None, task())
AUCKLAND = Calendar(zone=ZoneInfo("Pacific/Auckland"))
LATER = "2026-12-01T09:00:00.000Z"
HELP = {"role": [concept(SCOPE, "housing-support")], "member": ref(VOL)}
AGENCY = [{"url": PARTICIPANT_AGENCY, "valueReference": ref(VOLUNTARY)}]


def fact(
    event: str, *, action: str = "U", agency: str = HOUSING, user: str = HAL, about: str = "Task/m", detail: str = ""
) -> AuditFact:
    return AuditFact(action, event, agency, user, "Patient/p", (about,), detail)


def told(agency: str, topic: str = "handover-task", about: str = "Task/m") -> Notice:
    return Notice(topic, agency, about, "Patient/p")


def test_hov_3_sending_tells_the_receiver_and_discloses() -> None:
    """A date to answer by is watched (TIM-11); both plans stay as they were read."""
    given: dict[str, Any] = {"restriction": {"period": {"end": "2026-10-27T12:00:00Z"}}, "authoredOn": None}
    found = merge.sent(**given)
    stored = {**task(**given), "authoredOn": NOW, "lastModified": NOW}
    assert found == Outcome(
        (Staged(stored, True, TRUST, KEYS),),
        (Timer("TIM-11:Task/m", "TIM-11", datetime(2026, 10, 27, 12, tzinfo=UTC), "Task/m"),),
        notices=(told(HOUSING),),
        audits=(fact("merge-plan-sent", action="C", agency=TRUST, user=ANN),),
        guards=(("CarePlan/plan", 4), ("CarePlan/into", 4)),
        disclosure=True,
    )


def test_a_merge_was_asked_when_its_draft_says_so() -> None:
    assert merge.sent(authoredOn=merge.SENT).writes[0].resource["authoredOn"] == merge.SENT


def test_a_date_to_answer_by_is_the_localitys() -> None:
    """A day in Auckland is over when it is noon in London."""
    given: dict[str, Any] = {"restriction": {"period": {"end": "2026-10-27"}}}
    (timer,) = merge.sent(**given, more={"calendar": AUCKLAND}).timers
    assert timer.due.astimezone(UTC) == datetime(2026, 10, 27, 11, tzinfo=UTC)


def test_an_agency_that_leads_both_discloses_nothing() -> None:
    into = Parallel(merge.plan("into"), TRUST)
    found = merge.sent(owner=ref(TRUST), more={"into": into})
    assert (found.disclosure, found.timers, found.notices) == (False, (), (told(TRUST),))


def test_mtg_3_a_received_merge_is_open_and_an_answered_one_is_not() -> None:
    received = merge.moved("received")
    assert received == Outcome(
        (Staged({**task("received"), "lastModified": NOW}, keys=KEYS),),
        notices=(told(TRUST),),
        audits=(fact("merge-plan-received"),),
    )
    rejected = merge.moved("rejected", task("received"), statusReason=WHY)
    assert (rejected.writes[0].keys, rejected.cancelled) == ((), ("TIM-11:Task/m",))


def newcomer(member: str, agency: str, role: Any, **period: str) -> Any:
    return {
        "extension": [{"url": PARTICIPANT_AGENCY, "valueReference": ref(agency)}],
        "role": role,
        "member": ref(member),
        "period": period,
    }


LEAD = [{"text": "Lead of the plan that took this team's plan in"}]
MEMBER = [{"text": "Member of the team of the plan that was merged"}]


def test_own_6_acceptance_writes_everything_at_once() -> None:
    merged = Parallel(
        merge.plan(goal=refs("Goal/a", "Goal/b", "Goal/c"), activity=[{"reference": ref("ServiceRequest/s")}]),
        TRUST,
        (team("plan", coordinator(), HELP),),
    )
    into = merge.with_plan(RIGHT.into, goal=refs("Goal/x"))
    goals = {**aims(goal("a", "1"), goal("b", "2"), goal("c", "3")), **aims(goal("x", "1"), keeper=HOUSING)}
    before = task("received", merge.ends("Goal/b", text="Reached."))
    found = merge.moved("accepted", before, more={"merged": merged, "into": into, "goals": goals})
    superseded = concept(STATUS_REASON, "superseded", "Merged into CarePlan/into.")
    instead = "Merged into Goal/x, when its plan was merged into CarePlan/into."
    ended = {"lifecycleStatus": "cancelled", "statusDate": "2026-10-23"}
    taken = {"goal": refs("Goal/x", "Goal/c"), "activity": [{"reference": ref("ServiceRequest/s")}]}
    left = {**coordinator(), "period": {**merge.BEGUN, "end": NOW}}
    joined = [
        coordinator(HAL, HOUSING),
        newcomer(ANN, TRUST, MEMBER, start=NOW),
        newcomer(VOL, VOLUNTARY, HELP["role"], start=NOW),
    ]
    versions = ["CarePlan/into/_history/5", "CarePlan/plan/_history/5", "CareTeam/into/_history/3", "CareTeam/plan/_history/3"]
    note = {
        "resourceType": "Provenance",
        "id": "new-1",
        "target": refs(*versions, "Goal/a/_history/4", "Goal/b/_history/4"),
        "recorded": NOW,
        "activity": concept(PROVENANCE_ACTIVITY, "plan-merged"),
        "agent": [{"type": concept(PROVENANCE_PARTICIPANT, "author"), "who": ref(HAL), "onBehalfOf": ref(HOUSING)}],
        "entity": [{"role": "source", "what": ref("CarePlan/plan/_history/4")}],
    }
    everyone = [HOUSING, VOLUNTARY]
    assert found == Outcome(
        (
            Staged({**before, "status": "accepted", "lastModified": NOW}),
            Staged({**(into.plan or {}), "replaces": refs("CarePlan/plan"), **taken}),
            Staged({**(merged.plan or {}), "status": "revoked", "extension": [
                {"url": STATUS_REASON_EXTENSION, "valueCodeableConcept": superseded}]}),
            Staged(team("into", *joined)),
            Staged(team("plan", left, HELP, newcomer(HAL, HOUSING, LEAD, start=NOW))),
            Staged({**goals["Goal/a"].goal, **ended, "statusReason": instead}),
            Staged({**goals["Goal/b"].goal, **ended, "statusReason": "Reached."}),
            Staged(note, created=True, custodian=HOUSING),
        ),
        cancelled=("TIM-11:Task/m",),
        notices=(
            told(TRUST),
            *(told(each, "ownership-changed", "CarePlan/into") for each in (TRUST, *everyone)),
            *(told(each, "ownership-changed", "CarePlan/plan") for each in (TRUST, *everyone)),
        ),
        audits=(
            fact("merge-plan-accepted"),
            fact("plan-merged", about="CarePlan/plan", detail="merged into CarePlan/into"),
            fact("plan-merged", about="CarePlan/into", detail="took CarePlan/plan in"),
        ),
        guards=(("Goal/c", 3), ("Goal/x", 3)),
        moved=True,
    )  # fmt: skip


def joined(*participants: Any, there: tuple[Any, ...] = (), **more: Any) -> list[Any]:
    """Who joins the other plan's team from teams of the merged plan with these participants."""
    merged = replace(RIGHT.merged, teams=tuple(team(str(number), one) for number, one in enumerate(participants)))
    into = replace(RIGHT.into, teams=(team("into", coordinator(HAL, HOUSING), *there),))
    made = merge.moved("accepted", more={"merged": merged, "into": into, **more})
    teams = [
        each.resource for each in made.writes if each.resource.get("id") == "into" and each.resource["resourceType"] == "CareTeam"
    ]
    return list(teams[0]["participant"][1 + len(there) :]) if teams else []


def test_who_has_left_the_merged_team_does_not_join() -> None:
    """Whose time ends at this very instant has left."""
    gone = ({**HELP, "period": {"end": NOW}}, {**HELP, "period": {"end": "2026-01-01"}}, {"role": MEMBER})
    assert joined(*gone) == []
    merged = replace(RIGHT.merged, teams=(team("plan", *gone),))
    names = [each.resource["id"] for each in merge.moved("accepted", more={"merged": merged}).writes[1:4]]
    assert names == ["into", "plan", "plan"]


def test_a_day_is_the_localitys() -> None:
    """In Auckland it is tomorrow by now: who was here until today has left, and who comes tomorrow is here."""
    until, from_ = {**HELP, "period": {"end": "2026-10-23"}}, {**HELP, "period": {"start": "2026-10-24"}}
    assert [len(joined(until)), len(joined(until, calendar=AUCKLAND))] == [1, 0]
    assert joined(from_)[0]["period"]["start"] == "2026-10-24"
    assert joined(from_, calendar=AUCKLAND)[0]["period"]["start"] == NOW
    merged = merge.with_plan(RIGHT.merged, goal=refs("Goal/a"))
    more: dict[str, Any] = {"merged": merged, "goals": aims(goal("a")), "calendar": AUCKLAND}
    found = merge.moved("accepted", task("requested", merge.ends("Goal/a", text="Reached.")), more=more)
    assert [each.resource["statusDate"] for each in found.writes if "statusDate" in each.resource] == ["2026-10-24"]


def test_who_is_yet_to_come_joins_when_they_come() -> None:
    """And goes when they were to go."""
    assert [each["period"] for each in joined({**HELP, "period": {"start": LATER}})] == [{"start": LATER}]
    ends = {"start": "2026-01-01", "end": LATER}
    assert [each["period"] for each in joined({**HELP, "period": ends})] == [{"start": NOW, "end": LATER}]


def test_everybody_joins_once() -> None:
    """In the first of their roles; who is there already stays as they are, who was there and left comes back."""
    other = {**HELP, "role": MEMBER}
    assert [each["role"] for each in joined(HELP, other)] == [HELP["role"]]
    assert joined(HELP, there=(other,)) == []
    assert len(joined(HELP, there=({**other, "period": {"end": "2026-01-01"}},))) == 1


def test_a_participant_joins_for_the_agency_that_they_acted_for() -> None:
    """Which the participant names, or the directory knows; an element's id does not come along."""
    acted = {**HELP, "id": "one", "extension": [{"url": PARTICIPANT_AGENCY, "valueReference": ref(HOUSING)}, {"url": "urn:x"}]}
    (made,) = joined(acted)
    assert made["extension"] == [{"url": "urn:x"}, {"url": PARTICIPANT_AGENCY, "valueReference": ref(HOUSING)}]
    assert "id" not in made
    (unknown,) = joined({**HELP, "member": ref("Patient/p")})
    assert "extension" not in unknown


def test_each_plan_is_told_of_under_its_own_patient() -> None:
    """In the trail, which is read by person."""
    into = merge.with_plan(RIGHT.into, subject=ref("Patient/q"))
    found = merge.moved("accepted", more={"into": into, "patients": frozenset(("Patient/p", "Patient/q"))})
    assert [each.patient for each in found.audits] == ["Patient/p", "Patient/p", "Patient/q"]


def test_own_5_a_merged_plan_is_listed_as_unowned_no_more() -> None:
    """Why it ended is said once, whatever was said of its status before."""
    tag = {"system": TAG, "code": "unowned"}
    said = {"url": STATUS_REASON_EXTENSION, "valueCodeableConcept": concept(STATUS_REASON, "not-engaging")}
    merged = merge.with_plan(RIGHT.merged, meta={"versionId": "4", "tag": [tag]}, extension=[{"url": "urn:x"}, said])
    made = merge.moved("accepted", more={"merged": merged}).writes[2].resource
    assert made["meta"] == {"versionId": "4"}
    assert [each["url"] for each in made["extension"]] == ["urn:x", STATUS_REASON_EXTENSION]
    assert "not-engaging" not in str(made)


def test_idn_6_who_leads_on_joins_the_team_that_is_left() -> None:
    """Once: so that its agency may read what the merged plan rests on."""
    for members, added in (((), 1), ((coordinator(HAL, HOUSING, role=MEMBER),), 0)):
        merged = replace(RIGHT.merged, teams=(team("plan", *members),))
        made = merge.moved("accepted", more={"merged": merged}).writes[-2].resource
        assert [each["member"] for each in made["participant"][len(members) :]] == refs(HAL) * added


def test_a_plan_without_a_team_is_merged_without_one() -> None:
    none = {"merged": replace(RIGHT.merged, teams=()), "into": replace(RIGHT.into, teams=())}
    kinds = [each.resource["resourceType"] for each in merge.moved("accepted", more=none).writes]
    assert kinds == ["Task", "CarePlan", "CarePlan", "Provenance"]


def test_a_client_sets_no_business_status() -> None:
    found = merge.sent(businessStatus=concept(BUSINESS_STATUS, "overdue"))
    assert "businessStatus" not in found.writes[0].resource
