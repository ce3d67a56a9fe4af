"""OWN-1…OWN-7: one owner, written in three places that cannot disagree."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.care.ownership import lead as ownership
from service.care.ownership.lead import Led
from service.fhir.canonical import EPISODE_OF_CARE, TAG
from service.fhir.date import LOCAL
from service.problem import Problem


def check(world: Any, before: Any, after: Any, **given: Any) -> Problem | None:
    defaults = {
        "agency": world.trust,
        "at": world.at,
        "zone": LOCAL,
        "role": world.role("ann", world.trust),
        "author_agency": world.trust,
    }
    return ownership.check(before, after, **{**defaults, **given})


def test_own_1_an_active_plan_names_its_lead(world: Any) -> None:
    plan = world.plan()
    del plan["author"]
    found = check(world, None, plan, author_agency="", role=None)
    assert found is not None
    assert (found.issues[0].rule, found.issues[0].expression) == ("OWN-1", "CarePlan.author")


FAULTS = ({"active": False}, {"active": None}, {"organization": None}, {"period": {"end": "2026-10-22"}})


@pytest.mark.parametrize("fault", FAULTS)
def test_own_1_a_role_that_cannot_lead_is_refused(world: Any, fault: Any) -> None:
    found = check(world, None, world.plan(), author_agency="", role={**world.role("ann", world.trust), **fault})
    assert found is not None
    assert found.issues[0].rule == "OWN-1"


def test_own_1_a_role_ends_at_the_local_midnight_of_its_last_day(world: Any) -> None:
    role = {**world.role("ann", world.trust), "period": {"end": "2026-10-23"}}
    assert check(world, None, world.plan(), author_agency="", role=role) is None


def test_own_3_another_agency_takes_a_plan_only_by_handover(world: Any) -> None:
    after = world.plan(author={"reference": "PractitionerRole/hal"})
    found = check(world, world.plan(), after, role=world.role())
    assert found is not None
    assert found.issues[0].rule == "OWN-3"


def test_own_3_a_stranger_does_not_write_an_active_plan(world: Any) -> None:
    found = check(world, world.plan(), world.plan(title="mine"), agency=world.stranger)
    assert found is not None
    assert found.issues[0].rule == "OWN-3"


def test_own_3_a_draft_does_not_lead_round_the_handover(world: Any) -> None:
    after = world.plan(status="draft", author={"reference": "PractitionerRole/hal"})
    assert check(world, world.plan(status="draft"), after, role=world.role()) is not None


def test_own_3_a_new_plan_is_led_by_the_agency_that_writes_it(world: Any) -> None:
    assert check(world, None, world.plan(), author_agency="", role=world.role()) is not None


def test_own_3_own_staff_may_name_another_lead(world: Any) -> None:
    after = world.plan(author={"reference": "PractitionerRole/amy"})
    assert check(world, world.plan(), after, role=world.role("amy", world.trust)) is None


def test_own_3_naming_another_lead_writes_a_provenance(world: Any) -> None:
    led = Led(world.plan(), world.team(), world.episode())
    amy = world.role("amy", world.trust)
    writes = ownership.named(led, amy, at=world.at, zone=LOCAL, ids=world.ids, user="PractitionerRole/ann", created=False)
    assert [one.resource["resourceType"] for one in writes] == ["CarePlan", "CareTeam", "EpisodeOfCare", "Provenance"]


def test_own_2_a_plan_without_a_team_gets_one(world: Any) -> None:
    plan = world.plan()
    del plan["careTeam"]
    writes = ownership.settle(Led(plan), world.role("ann", world.trust), at=world.at, zone=LOCAL, ids=world.ids)
    made, team = writes[0].resource, writes[1]
    assert team.created
    assert made["careTeam"] == [{"reference": f"CareTeam/{team.resource['id']}"}]
    assert ownership.one_owner(Led(made, team.resource), world.role("ann", world.trust), world.at, LOCAL) == ()


def test_own_2_who_leads_already_keeps_the_start(world: Any) -> None:
    team = world.team()
    assert ownership.coordinated(team, "PractitionerRole/ann", world.trust, world.at, LOCAL) is team


def test_own_2_disagreement_is_found(world: Any) -> None:
    led = Led(world.plan(author={"reference": "PractitionerRole/amy"}), world.team(), world.episode())
    found = ownership.one_owner(led, world.role("amy", world.trust), world.at, LOCAL)
    assert [line[:5] for line in found] == ["OWN-2", "OWN-2"]


def test_own_4_a_coordinator_who_was_to_start_later_is_taken_out(world: Any) -> None:
    team = world.team()
    team["participant"][0]["period"] = {"start": "2027-01-01"}
    assert len(ownership.coordinated(team, "PractitionerRole/hal", world.housing, world.at, LOCAL)["participant"]) == 1


@pytest.mark.parametrize("role", [None, {"active": False}])
def test_own_5_a_plan_whose_lead_stopped_is_unowned(world: Any, role: Any) -> None:
    led = Led(world.plan(), world.team(), world.episode())
    assert [line[:5] for line in ownership.one_owner(led, role and {**world.role(), **role}, world.at, LOCAL)] == ["OWN-1"]


def test_own_5_a_plan_with_an_active_lead_is_owned(world: Any) -> None:
    led = Led(world.plan(), world.team(), world.episode())
    assert ownership.one_owner(led, world.role("ann", world.trust), world.at, LOCAL) == ()


def test_own_6_an_episode_has_one_key_whoever_is_custodian(world: Any) -> None:
    plan = world.plan(extension=[{"url": EPISODE_OF_CARE, "valueReference": {"reference": "EpisodeOfCare/e"}}])
    keys = {ownership.keys(plan, person, custodian) for person in ("p", "q") for custodian in (world.trust, world.housing)}
    assert keys == {("rule:OWN-6:EpisodeOfCare/e",)}


def test_own_6_without_an_episode_person_and_agency_stand_for_it(world: Any) -> None:
    assert ownership.keys(world.plan(), "nhs|1", world.trust) == ("rule:OWN-6:nhs|1|Organization/trust",)


@pytest.mark.parametrize("other", [{"status": "draft"}, {"partOf": [{"reference": "CarePlan/x"}]}, {"category": []}])
def test_own_6_other_plans_have_no_key(world: Any, other: Any) -> None:
    assert ownership.keys(world.plan(**other), "", world.trust) == ()


def test_own_7_an_imported_plan_without_author_is_a_tagged_draft(world: Any) -> None:
    plan = world.plan()
    del plan["author"]
    kept = ownership.imported(plan)
    assert kept["status"] == "draft"
    assert kept["meta"]["tag"] == [{"system": TAG, "code": "unowned"}]
    assert ownership.imported(kept) == kept
    assert ownership.tagged_unowned(kept)


def test_own_7_a_plan_that_gets_its_lead_loses_the_tag(world: Any) -> None:
    plan = {**world.plan(), "meta": {"tag": [{"system": TAG, "code": "unowned"}]}}
    assert ownership.adopted(plan)["meta"] == {}


def test_the_timeline_has_no_gap_and_names_the_handover(world: Any) -> None:
    later = world.at + timedelta(days=1)
    changed = world.plan(author={"reference": "PractitionerRole/hal"})
    rows = ownership.timeline([(later, changed), (world.at, world.plan())], {"2026-10-24T14:30:00.000Z": "Task/h"})
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
    found = ownership.agencies({**world.team(), "participant": [one]}, world.at, LOCAL, {})
    assert list(found) == (["Organization/voluntary"] if asked else [])
