"""HOV-1…HOV-6 and HOV-11: the table is total, each row holds, and acceptance writes everything at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from service.care.handover.table import TABLE
from service.care.ownership.lead import coordinators
from service.care.ownership.role import Lead
from service.care.task import reading
from service.care.task.authority import Authority
from service.care.task.dataset import Completeness
from service.care.task.machine import diagram
from service.care.task.situation import Outcome, Repeat
from service.fhir.canonical import SCOPE
from service.fhir.coding import concept
from service.fhir.date import LOCAL
from service.fhir.reference import link
from service.problem import Category, Problem

STARTS = ("none", *reading.STATUSES)
SIDES = ("requester", "owner", "stranger")
LEGAL = {(row.start, row.end, side) for row in TABLE if not row.kind for side in row.sides}
# a Task on hold goes back only to where it came from; the stored one of these tests is held from `received`
LEGAL_HELD = {(start, end, side) for start, end, side in LEGAL if start != "on-hold" or end == "received"}
CARE_RULES = {
    ("none", "draft", "requester"),
    ("none", "requested", "requester"),
    ("draft", "requested", "requester"),
    ("requested", "received", "owner"),
    ("requested", "accepted", "owner"),
    ("received", "accepted", "owner"),
    ("requested", "rejected", "owner"),
    ("received", "rejected", "owner"),
    ("requested", "cancelled", "requester"),
    ("received", "cancelled", "requester"),
    ("accepted", "cancelled", "requester"),
    ("accepted", "in-progress", "owner"),
    ("in-progress", "completed", "owner"),
    ("in-progress", "failed", "owner"),
    ("draft", "on-hold", "requester"),
    ("on-hold", "draft", "requester"),
    *product(("requested", "received", "accepted", "in-progress"), ("on-hold",), ("requester", "owner")),
    *product(("on-hold",), ("requested", "received", "accepted", "in-progress"), ("requester", "owner")),
}


def move(world: Any, start: str, end: str, side: str, **members: Any) -> Any:
    before = world.stored(start)
    return world.decide(world.situation(before, world.submitted(before, end), side, **members))


def test_hov_1_the_table_holds_the_moves_of_care_rules_and_no_other() -> None:
    assert LEGAL == CARE_RULES


@pytest.mark.parametrize(("start", "end", "side"), sorted(LEGAL_HELD))
def test_hov_1_each_row_lets_its_side_move(world: Any, start: str, end: str, side: str) -> None:
    found = move(world, start, end, side)
    assert isinstance(found, Outcome), found
    assert found.writes[0].resource["status"] == end


@pytest.mark.parametrize(
    ("start", "end", "side"),
    [pair for pair in product(STARTS, reading.STATUSES, SIDES) if pair not in LEGAL and pair[0] != pair[1]],
)
def test_hov_1_every_other_move_is_refused_naming_state_and_side(world: Any, start: str, end: str, side: str) -> None:
    found = move(world, start, end, side)
    assert isinstance(found, Problem)
    if (side == "stranger" and start != "none") or (side == "owner" and start == "draft"):
        assert found.category is Category.ABSENT  # HOV-11
        return
    issue = found.issues[0]
    named = side if start != "none" else ("requester" if side == "requester" else "stranger")
    assert (found.category, issue.rule, issue.expression) == (Category.RULE, "HOV-1", "Task.status")
    assert f"`{start}`" in issue.text
    assert named in issue.text


@pytest.mark.parametrize("end", ["draft", "requested", "accepted", "in-progress"])
def test_hov_1_a_held_task_goes_back_only_to_where_it_came_from(world: Any, end: str) -> None:
    found = move(world, "on-hold", end, "requester")
    assert isinstance(found, Problem)
    assert "`received`" in str(found)


@pytest.mark.parametrize(
    "member", ["requester", "for", "focus", "basedOn", "intent", "code", "groupIdentifier", "input", "restriction"]
)
def test_hov_1_what_was_sent_does_not_change(world: Any, member: str) -> None:
    before = world.task("requested")
    after = {**world.submitted(before, "received"), member: {"reference": "Other/x"}}
    found = world.decide(world.situation(before, after, "owner"))
    assert isinstance(found, Problem)
    assert ("HOV-1", f"Task.{member}") in [(issue.rule, issue.expression) for issue in found.issues]


def test_hov_1_an_output_cannot_be_taken_away(world: Any) -> None:
    before = {**world.task("accepted"), "output": [world.output("first-contact", valueDateTime="2026-10-23")]}
    found = world.decide(world.situation(before, {**before, "status": "in-progress", "output": []}, "owner"))
    assert isinstance(found, Problem)
    assert found.issues[0].expression == "Task.output"


def test_hov_1_the_creator_is_the_requesters_agency(world: Any) -> None:
    found = world.decide(world.situation(None, world.task("draft"), "owner"))
    assert isinstance(found, Problem)
    assert found.issues[0].rule == "HOV-1"


def test_hov_1_a_draft_cannot_be_given_another_agencys_requester(world: Any) -> None:
    before = world.task("draft")
    after = {**before, "requester": {"reference": "PractitionerRole/sue"}}
    assert isinstance(world.decide(world.situation(before, after)), Problem)


def test_hov_1_a_client_cannot_forge_the_status_a_task_is_held_from(world: Any) -> None:
    before = world.stored("on-hold")
    forged = {**before, "extension": world.stored("on-hold", "accepted")["extension"], "status": "accepted"}
    assert isinstance(world.decide(world.situation(before, forged)), Problem)


@pytest.mark.parametrize("start", ["draft", "requested"])
def test_hov_1_a_hold_returns_to_its_origin(world: Any, start: str) -> None:
    held = move(world, start, "on-hold", "requester").writes[0].resource
    back = world.decide(world.situation(held, {**held, "status": start}))
    assert reading.held_from(held) == start
    assert reading.held_from(back.writes[0].resource) == ""


def test_awaiting_information_sends_a_clarification_with_a_due_date(world: Any) -> None:
    before = world.task("received")
    after = {**before, "businessStatus": world.business("awaiting-information"), "note": [{"text": "Which medication?"}]}
    found = world.decide(world.situation(before, after, "owner"))
    asked = world.written(found, "Task")[1]
    assert reading.code(asked) == "clarification"
    assert asked["owner"] == {"reference": "PractitionerRole/ann"}
    assert asked["restriction"]["period"]["end"].endswith("+00:00")  # one working day on: Monday after the clocks went back
    assert found.timers[0].due > world.at


def test_awaiting_information_needs_a_question(world: Any) -> None:
    before = world.task("received")
    after = {**before, "businessStatus": world.business("awaiting-information")}
    assert "note" in str(world.decide(world.situation(before, after, "owner")))


def test_hov_2_sending_names_each_missing_item(world: Any) -> None:
    found = move(world, "draft", "requested", "requester", dataset=Completeness(("current-risks", "legal-status")))
    assert [issue.rule for issue in found.issues] == ["HOV-2", "HOV-2"]
    assert "`legal-status`" in found.issues[1].text


@pytest.mark.parametrize(("start", "end", "side"), [("draft", "requested", "requester"), ("received", "accepted", "owner")])
def test_own_8_a_proposal_is_handed_over_with_what_can_carry_it(world: Any, start: str, end: str, side: str) -> None:
    before = world.stored(start)
    situation = replace(world.situation(before, world.submitted(before, end), side), unfit="`CareTeam/t` is over")
    found = world.decide(situation)
    assert isinstance(found, Problem)
    assert [each.rule for each in found.issues] == ["OWN-8"]


def test_hov_3_sending_needs_a_permitted_authority(world: Any) -> None:
    found = move(world, "draft", "requested", "requester", authority=Authority(False, "housing needs consent"))
    assert [issue.rule for issue in found.issues] == ["HOV-3"]


@pytest.mark.parametrize(
    ("basis", "text", "fine"),
    [
        ("direct-care", "", True),
        ("safeguarding", "", False),
        ("safeguarding", "  \u200b", False),
        ("safeguarding", "Risk of harm", True),
        ("because", "I say so", False),
    ],
)
def test_hov_3_a_lawful_basis_other_than_direct_care_is_justified(world: Any, basis: str, text: str, fine: bool) -> None:
    task = world.task("requested")
    task["input"][1]["valueCodeableConcept"] = concept("https://baton.example/fhir/CodeSystem/lawful-basis", basis, text)
    assert isinstance(world.decide(world.situation(None, task)), Outcome) is fine


def test_hov_3_sending_is_a_disclosure(world: Any) -> None:
    sent = move(world, "draft", "requested", "requester")
    assert sent.disclosure
    assert [timer.kind for timer in sent.timers] == ["TIM-1", "TIM-2"]
    assert [(one.topic, one.recipient) for one in sent.notices] == [("handover-task", world.housing)]


def test_hov_3_a_draft_is_nobody_elses_news(world: Any) -> None:
    made = move(world, "none", "draft", "requester")
    assert (made.notices, made.disclosure) == ((), False)


def test_own_3_only_the_leading_agency_hands_over(world: Any) -> None:
    found = world.decide(world.situation(None, world.task("requested"), keeper=world.stranger))
    assert [issue.rule for issue in found.issues] == ["OWN-3"]


def test_hov_4_acceptance_writes_everything_in_one_outcome(world: Any) -> None:
    made = world.accept()
    kinds = [staged.resource["resourceType"] for staged in made.writes]
    assert kinds == ["Task", "CarePlan", "CareTeam", "EpisodeOfCare", "Provenance", "Communication", "Task"]
    assert reading.code(made.writes[-1].resource) == "follow-up"
    assert made.moved


def test_hov_4_plan_team_and_episode_name_the_same_lead(world: Any) -> None:
    plan, team, episode = (staged.resource for staged in world.accept().writes[1:4])
    lead = "PractitionerRole/hal"
    assert (link(plan, "author"), coordinators(team, world.at, LOCAL), link(episode, "careManager")) == (lead, (lead,), lead)


def test_own_4_the_old_participation_ends_when_the_new_one_starts(world: Any) -> None:
    team = world.accept().writes[2].resource
    old, new = team["participant"]
    assert old["period"]["end"] == new["period"]["start"]
    assert coordinators(team, world.at, LOCAL) == ("PractitionerRole/hal",)


def test_hov_4_the_receiver_becomes_the_custodian(world: Any) -> None:
    assert {staged.custodian for staged in world.accept().writes[1:]} == {world.housing}


def test_hov_4_the_provenance_names_the_versions_to_come(world: Any) -> None:
    targets = [one["reference"] for one in world.written(world.accept(), "Provenance")[0]["target"]]
    assert targets == [
        "Task/h/_history/2",
        "CarePlan/plan/_history/5",
        "CareTeam/team/_history/3",
        "EpisodeOfCare/episode/_history/4",
    ]


def test_tim_3_acceptance_starts_the_contact_clocks_and_stops_the_others(world: Any) -> None:
    made = world.accept()
    assert [timer.due - world.at for timer in made.timers] == [timedelta(hours=24), timedelta(hours=48)]
    assert made.cancelled == ("TIM-1:Task/h", "TIM-2:Task/h")


def test_hov_4_both_agencies_hear_that_ownership_changed(world: Any) -> None:
    heard = {one.recipient for one in world.accept().notices if one.topic == "ownership-changed"}
    assert heard == {world.trust, world.housing}


def test_hov_4_the_lead_may_be_named_as_output_or_as_owner(world: Any) -> None:
    output = [world.output("lead", valueReference={"reference": "PractitionerRole/hal"})]
    made = world.accept(owner={"reference": world.housing}, output=output)
    assert made.writes[0].resource["owner"] == {"reference": "PractitionerRole/hal"}


@pytest.mark.parametrize(
    ("role", "rule"),
    [
        ({"active": False}, "OWN-1"),
        ({"practitioner": None}, "OWN-1"),
        ({"period": {"end": "2026-10-01"}}, "OWN-1"),
        ({"organization": {"reference": "Organization/stranger"}}, "HOV-4"),
        (None, "OWN-1"),
    ],
)
def test_own_1_the_lead_is_an_active_role_of_the_owners_agency(world: Any, role: Any, rule: str) -> None:
    lead = world.lead()
    named = Lead() if role is None else Lead({**world.role(), **role}, lead.practitioner, lead.organization)
    found = move(world, "received", "accepted", "owner", lead=named)
    assert [issue.rule for issue in found.issues] == [rule]


def test_own_3_acceptance_is_refused_when_the_plan_was_given_to_another_agency(world: Any) -> None:
    found = move(world, "received", "accepted", "owner", keeper=world.stranger)
    assert [issue.rule for issue in found.issues] == ["OWN-3"]


def test_hov_5_a_repeat_of_the_winning_request_is_answered_as_before(world: Any) -> None:
    before = world.task("received")
    asked = world.submitted(before, "accepted")
    won = world.decide(world.situation(before, asked, "owner")).writes[0].resource
    found = world.decide(world.situation(won, asked, "owner"))
    assert found == Repeat(won)


def test_hov_5_another_acceptance_after_one_has_won_is_a_conflict(world: Any) -> None:
    before = world.task("received")
    won = world.accept().writes[0].resource
    late = world.submitted(before, "accepted", owner={"reference": "PractitionerRole/hel"})
    found = world.decide(world.situation(won, late, "owner", lead=world.lead("hel")))
    assert (found.category, found.issues[0].rule) == (Category.CONFLICT, "HOV-5")


def test_hov_5_another_owner_after_an_acceptance_is_a_conflict(world: Any) -> None:
    """What was read, with another owner: the output still names the lead who won, and yet another is asked for."""
    won = world.accept().writes[0].resource
    late = {**won, "owner": {"reference": "PractitionerRole/hel"}}
    found = world.decide(world.situation(won, late, "owner", lead=world.lead("hel")))
    assert (found.category, found.issues[0].rule) == (Category.CONFLICT, "HOV-5")


def scope(world: Any, accepted: str, declined: str) -> list[Any]:
    return [
        world.output("accepted-scope", valueCodeableConcept=concept(SCOPE, accepted)),
        world.output("declined-scope", valueCodeableConcept=concept(SCOPE, declined)),
    ]


def test_hov_6_a_declined_part_goes_back_as_a_task(world: Any) -> None:
    made = world.accept(output=scope(world, "overall-coordination", "medication"))
    back = made.writes[-1].resource
    assert back["partOf"] == [{"reference": "Task/h"}]
    assert back["owner"] == {"reference": "PractitionerRole/ann"}
    assert made.moved


def test_hov_6_ownership_stays_when_coordination_is_not_accepted(world: Any) -> None:
    made = world.accept(output=scope(world, "medication", "overall-coordination"))
    assert not made.moved
    assert world.written(made, "CarePlan") == []
    assert coordinators(world.written(made, "CareTeam")[0], world.at, LOCAL) == ("PractitionerRole/ann",)


def test_hov_6_a_scope_is_not_both_accepted_and_declined(world: Any) -> None:
    before = world.task("received")
    after = world.submitted(before, "accepted", output=scope(world, "medication", "medication"))
    assert [issue.rule for issue in world.decide(world.situation(before, after, "owner")).issues] == ["HOV-6"]


def test_hov_8_acceptance_after_withdrawal_needs_another_authority(world: Any) -> None:
    found = move(world, "received", "accepted", "owner", authority=Authority(False, "consent was withdrawn"))
    assert [issue.rule for issue in found.issues] == ["HOV-8"]


def test_hov_8_the_requester_replaces_the_authority(world: Any) -> None:
    before = {**world.task("received"), "businessStatus": world.business("authority-withdrawn")}
    after = world.task("received")
    after["input"][1] = {"type": after["input"][1]["type"], "valueReference": {"reference": "Consent/new"}}
    found = world.decide(world.situation(before, after))
    assert found.disclosure
    assert "businessStatus" not in found.writes[0].resource


def test_a_rejection_says_what_should_happen_instead(world: Any) -> None:
    before = world.task("received")
    after = world.submitted(before, "rejected", statusReason=world.why(""))
    assert "instead" in str(world.decide(world.situation(before, after, "owner")))


def test_completion_needs_a_contact_or_the_reason_for_none(world: Any) -> None:
    before = world.task("in-progress")
    after = world.submitted(before, "completed", output=[world.output("no-contact-required", valueString=" ")])
    assert isinstance(world.decide(world.situation(before, after, "owner")), Problem)


def test_the_requester_of_a_started_handover_is_told_to_send_an_abort(world: Any) -> None:
    assert "`abort`" in str(move(world, "in-progress", "cancelled", "requester"))


def test_an_agency_that_hands_over_to_itself_has_both_sides(world: Any) -> None:
    before = world.task("requested", owner={"reference": world.trust})
    situation = replace(world.situation(before, before), at=world.at)
    assert situation.sides == ("requester", "owner")


def test_the_diagram_is_drawn_from_the_table() -> None:
    lines = diagram(TABLE).splitlines()
    assert "    requested --> accepted: owner" in lines
    assert len(lines) == 1 + len(TABLE) + 4  # rejected, cancelled, completed and failed end it
