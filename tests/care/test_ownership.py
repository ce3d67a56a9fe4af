"""OWN-1…OWN-10: one owner, written in places that cannot disagree."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.care.ownership import lead as ownership
from service.care.ownership.lead import Led, Standing
from service.care.ownership.plan import imported, tagged, tagged_unowned
from service.care.ownership.role import Lead
from service.care.ownership.timeline import timeline
from service.fhir.canonical import CARE_PLAN, CRISIS_PLAN, EPISODE_OF_CARE, SNOMED, TAG
from service.fhir.coding import concept
from service.fhir.date import LOCAL
from service.problem import Problem


def check(world: Any, before: Any, after: Any, *, lead: Any = None, led: bool | None = None, owner: str = "") -> Problem | None:
    """The refusal of a write by the trust; a stored plan is led unless `led` says otherwise."""
    standing = Standing(before, before is not None if led is None else led, owner or world.trust)
    named = world.lead("ann", world.trust) if lead is None else lead
    return ownership.check(standing, after, named, at=world.at, zone=LOCAL)


def rule_of(found: Problem | None) -> tuple[str, str]:
    assert found is not None
    return found.issues[0].rule, found.issues[0].expression


def test_own_1_an_active_plan_names_its_lead(world: Any) -> None:
    plan = world.plan()
    del plan["author"]
    assert rule_of(check(world, None, plan, lead=Lead())) == ("OWN-1", "CarePlan.author")


FAULTS = ({"active": False}, {"active": None}, {"organization": None}, {"period": {"end": "2026-10-22"}})


@pytest.mark.parametrize("fault", FAULTS)
def test_own_1_a_role_that_cannot_lead_is_refused(world: Any, fault: Any) -> None:
    lead = world.lead("ann", world.trust)
    assert (
        rule_of(check(world, None, world.plan(), lead=Lead({**lead.role, **fault}, lead.practitioner, lead.organization)))[0]
        == "OWN-1"
    )


@pytest.mark.parametrize("entry", ["practitioner", "organization"])
@pytest.mark.parametrize("missing", [None, {"active": False}, {"resourceType": "Device"}])
def test_own_10_practitioner_and_organization_exist_and_are_active(world: Any, entry: str, missing: Any) -> None:
    lead = world.lead("ann", world.trust)
    entries = {"practitioner": lead.practitioner, "organization": lead.organization}
    entries[entry] = missing and {**entries[entry], **missing}
    assert rule_of(check(world, None, world.plan(), lead=Lead(lead.role, **entries))) == ("OWN-1", "CarePlan.author")


def test_own_1_a_role_ends_at_the_local_midnight_of_its_last_day(world: Any) -> None:
    lead = world.lead("ann", world.trust)
    role = {**lead.role, "period": {"end": "2026-10-23"}}
    assert check(world, None, world.plan(), lead=Lead(role, lead.practitioner, lead.organization)) is None


@pytest.mark.parametrize("status", ["active", "on-hold", "draft", "unknown"])
def test_own_3_another_agency_takes_a_led_plan_only_by_handover(world: Any, status: str) -> None:
    after = world.plan(status=status, author={"reference": "PractitionerRole/hal"})
    assert rule_of(check(world, world.plan(status=status), after, lead=world.lead())) == ("OWN-3", "CarePlan.author")


@pytest.mark.parametrize("status", ["on-hold", "draft", "unknown", "completed", "revoked", "entered-in-error"])
def test_own_9_nothing_removes_the_lead_of_a_led_plan(world: Any, status: str) -> None:
    after = world.plan(status=status)
    del after["author"]
    assert rule_of(check(world, world.plan(), after, lead=Lead())) == ("OWN-9", "CarePlan.author")


def test_own_9_a_draft_that_was_never_led_may_name_anybody(world: Any) -> None:
    after = world.plan(status="draft", author={"reference": "PractitionerRole/hal"})
    assert check(world, world.plan(status="draft"), after, lead=world.lead(), led=False) is None


def test_own_9_a_proposal_is_not_activated_by_who_proposes(world: Any) -> None:
    author = {"reference": "PractitionerRole/hal"}
    found = check(world, world.plan(status="draft", author=author), world.plan(author=author), lead=world.lead(), led=False)
    assert rule_of(found) == ("OWN-9", "CarePlan.author")


@pytest.mark.parametrize("status", ["completed", "revoked", "entered-in-error"])
@pytest.mark.parametrize("next_", ["active", "on-hold", "draft", "unknown", "completed", "revoked", "entered-in-error"])
def test_own_9_a_final_status_is_final(world: Any, status: str, next_: str) -> None:
    found = check(world, world.plan(status=status), world.plan(status=next_), led=False)
    assert (found is None) == (status == next_)


def test_own_9_an_ended_plan_keeps_the_lead_it_had(world: Any) -> None:
    after = world.plan(status="completed", author={"reference": "PractitionerRole/amy"})
    assert rule_of(check(world, world.plan(status="completed"), after, led=False)) == ("OWN-9", "CarePlan.author")


@pytest.mark.parametrize("kind", [CARE_PLAN, CRISIS_PLAN])
@pytest.mark.parametrize("led", [True, False])
def test_own_9_a_plan_stays_the_kind_it_is(world: Any, kind: str, led: bool) -> None:
    before = world.plan(status="draft", category=[concept(SNOMED, kind)])
    assert rule_of(check(world, before, world.plan(status="draft", category=[]), led=led)) == ("OWN-9", "CarePlan.category")


def test_own_9_a_plan_may_gain_a_kind(world: Any) -> None:
    both = [concept(SNOMED, CARE_PLAN), concept(SNOMED, CRISIS_PLAN)]
    assert check(world, world.plan(), world.plan(category=both)) is None


def test_own_11_a_led_plan_does_not_become_a_part(world: Any) -> None:
    after = world.plan(partOf=[{"reference": "CarePlan/x"}])
    assert rule_of(check(world, world.plan(), after)) == ("OWN-11", "CarePlan.partOf")


def test_own_9_a_new_plan_is_led_by_the_agency_that_writes_it(world: Any) -> None:
    assert rule_of(check(world, None, world.plan(), lead=world.lead()))[0] == "OWN-9"


def test_own_3_own_staff_may_name_another_lead(world: Any) -> None:
    after = world.plan(author={"reference": "PractitionerRole/amy"})
    assert check(world, world.plan(), after, lead=world.lead("amy", world.trust)) is None


@pytest.mark.parametrize("status", ["active", "on-hold", "draft"])
def test_own_10_another_lead_can_lead_in_every_status(world: Any, status: str) -> None:
    after = world.plan(status=status, author={"reference": "PractitionerRole/amy"})
    lead = world.lead("amy", world.trust)
    assert rule_of(check(world, world.plan(status=status), after, lead=Lead({**lead.role, "active": False})))[0] == "OWN-1"


def test_own_5_a_plan_on_hold_is_written_while_its_lead_cannot_lead(world: Any) -> None:
    assert check(world, world.plan(status="on-hold"), world.plan(status="on-hold", title="as before"), lead=Lead()) is None


def test_own_8_what_a_client_leaves_out_is_kept(world: Any) -> None:
    episode = {"url": EPISODE_OF_CARE, "valueReference": {"reference": "EpisodeOfCare/episode"}}
    before, after = world.plan(extension=[episode]), world.plan()
    del after["careTeam"]
    made = ownership.completed(before, after)
    assert (made["careTeam"], made["extension"]) == (before["careTeam"], [episode])


@pytest.mark.parametrize("member", ["careTeam", "extension"])
def test_own_8_a_led_plan_keeps_its_team_and_its_episode(world: Any, member: str) -> None:
    episode = {"url": EPISODE_OF_CARE, "valueReference": {"reference": "EpisodeOfCare/episode"}}
    other = {"url": EPISODE_OF_CARE, "valueReference": {"reference": "EpisodeOfCare/other"}}
    before = world.plan(extension=[episode])
    after = {**before, member: [{"reference": "CareTeam/other"}] if member == "careTeam" else [other]}
    assert rule_of(ownership.kept_carriers(before, after)) == ("OWN-8", f"CarePlan.{member}")


def test_own_8_a_led_plan_may_take_a_second_team(world: Any) -> None:
    after = world.plan(careTeam=[{"reference": "CareTeam/team"}, {"reference": "CareTeam/other"}])
    assert ownership.kept_carriers(world.plan(), after) is None


def settled(world: Any, led: Led, lead: str = "PractitionerRole/ann", agency: str = "") -> Any:
    return ownership.settle(led, lead, agency or world.trust, at=world.at, zone=LOCAL, ids=world.ids)


def test_own_3_naming_another_lead_writes_a_provenance(world: Any) -> None:
    led = Led(world.plan(), (world.team(),), world.episode())
    writes = ownership.named(
        led,
        "PractitionerRole/amy",
        world.trust,
        at=world.at,
        zone=LOCAL,
        ids=world.ids,
        user="PractitionerRole/ann",
        created=False,
    )
    assert [one.resource["resourceType"] for one in writes] == ["CarePlan", "CareTeam", "EpisodeOfCare", "Provenance"]


def test_own_2_a_plan_without_a_team_gets_one(world: Any) -> None:
    plan = world.plan()
    del plan["careTeam"]
    made, team = settled(world, Led(plan))
    assert team.created
    assert made.resource["careTeam"] == [{"reference": f"CareTeam/{team.resource['id']}"}]
    assert ownership.coordinators(team.resource, world.at, LOCAL) == ("PractitionerRole/ann",)


def test_own_2_every_team_of_a_plan_names_its_lead(world: Any) -> None:
    second = {"resourceType": "CareTeam", "id": "second", "status": "proposed"}
    _, *teams = settled(world, Led(world.plan(), (world.team(), second)), "PractitionerRole/amy")
    assert [ownership.coordinators(one.resource, world.at, LOCAL) for one in teams] == [("PractitionerRole/amy",)] * 2
    assert [one.resource["status"] for one in teams] == ["active", "active"]


def test_own_8_an_episode_is_managed_by_the_owning_agency(world: Any) -> None:
    *_, episode = settled(world, Led(world.plan(), (world.team(),), world.episode()), "PractitionerRole/hal", world.housing)
    assert episode.resource["managingOrganization"] == {"reference": world.housing}
    assert episode.resource["careManager"] == {"reference": "PractitionerRole/hal"}
    assert episode.custodian == world.housing


def test_own_2_who_leads_already_keeps_the_start(world: Any) -> None:
    team = world.team()
    assert ownership.coordinated(team, "PractitionerRole/ann", world.trust, world.at, LOCAL) is team


def test_own_4_a_coordinator_who_was_to_start_later_is_taken_out(world: Any) -> None:
    team = world.team()
    team["participant"][0]["period"] = {"start": "2027-01-01"}
    assert len(ownership.coordinated(team, "PractitionerRole/hal", world.housing, world.at, LOCAL)["participant"]) == 1


def test_own_7_an_imported_plan_without_author_is_a_tagged_draft(world: Any) -> None:
    plan = world.plan()
    del plan["author"]
    kept = imported(plan)
    assert kept["status"] == "draft"
    assert kept["meta"]["tag"] == [{"system": TAG, "code": "unowned"}]
    assert imported(kept) == kept
    assert tagged_unowned(kept)


def test_own_7_a_plan_that_gets_its_lead_loses_the_tag(world: Any) -> None:
    plan = {**world.plan(), "meta": {"tag": [{"system": TAG, "code": "unowned"}]}}
    assert tagged(plan, False)["meta"] == {}


def test_the_timeline_has_no_gap_and_names_the_handover(world: Any) -> None:
    later = world.at + timedelta(days=1)
    changed = world.plan(author={"reference": "PractitionerRole/hal"})
    rows = timeline([(world.at, world.plan()), (later, changed)], {"2026-10-24T14:30:00.000Z": "Task/h"})
    assert [(one.lead, one.start, one.end, one.handover) for one in rows] == [
        ("PractitionerRole/ann", world.at, later, ""),
        ("PractitionerRole/hal", later, None, "Task/h"),
    ]


UNKNOWN = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
HELD = [None, {}, UNKNOWN, {"start": "2026-01-01"}, {"_end": UNKNOWN}, {"end": "9999-12-31"}]
PAST = [{"end": "2026-01-01"}, {"start": "2027-01-01", "_end": UNKNOWN}]


@pytest.mark.parametrize(("period", "asked"), [*((one, True) for one in HELD), *((one, False) for one in PAST)])
def test_e9_only_a_participation_known_to_be_over_or_to_come_is_left_out(world: Any, period: Any, asked: bool) -> None:
    """A crisis plan must not become active without an agency because somebody did not know the dates."""
    one = {"member": {"reference": "Organization/voluntary"}, **({} if period is None else {"period": period})}
    found = ownership.agencies([{**world.team(), "participant": [one]}], world.at, LOCAL, {})
    assert list(found) == (["Organization/voluntary"] if asked else [])
