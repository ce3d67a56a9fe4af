"""An element that is there without a value says nothing: it meets no need, and is read as left out (HOV-1…HOV-6, E9, IDN-2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from service.care.companion.needs import answer
from service.care.crisis_plan import agreements, content, effects
from service.care.crisis_plan.agreements import Agreements
from service.care.data_request import needs as requests
from service.care.data_request.situation import RequestSituation
from service.care.handover import needs
from service.care.handover.effects import send
from service.care.ownership import identity
from service.care.ownership import lead as ownership
from service.care.ownership.lead import Led
from service.care.task import clarification
from service.care.task.dataset import answered
from service.care.task.requirements import contact
from service.care.task.situation import Situation
from service.care.task.timers import Calendar
from service.fhir.canonical import (
    DATASET_ANSWER,
    EPISODE_OF_CARE,
    LAWFUL_BASIS,
    NHS_NUMBER,
    NHS_NUMBER_VERIFICATION,
    PARTNER_ROLE,
)
from service.fhir.coding import concept
from service.fhir.date import LOCAL
from tests.care.asking import request, situation
from tests.care.changes import DATASET, given
from tests.care.told import ANN, HAL, HOUSING, TRUST

AUCKLAND = ZoneInfo("Pacific/Auckland")
TASK = "https://baton.example/fhir/CodeSystem"


def output(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": concept(f"{TASK}/task-output", kind), **value}


def rejecting(world: Any, **members: Any) -> Any:
    before = world.task("received")
    return world.situation(before, {**before, "status": "rejected", **members}, "owner")


@pytest.mark.parametrize("members", [{"note": [{"time": "2026"}]}, {"output": [output("alternative")]}, {"statusReason": {}}])
def test_a_rejection_that_has_words_nowhere_says_nothing(world: Any, members: Any) -> None:
    assert needs.instead(rejecting(world, **members)) != ()


def test_a_note_without_words_asks_nothing(world: Any) -> None:
    assert clarification.question_of(rejecting(world, note=[{"time": "2026"}])) == ""
    assert clarification.clarification(rejecting(world, note=[{"time": "2026"}])) != ()


def test_an_authority_without_a_value_is_none(world: Any) -> None:
    task = world.task("requested", input=[DATASET, given("sharing-authority")])
    [issue] = needs.authority_input(world.situation(None, task))
    assert "is a Consent reference or a code" in issue.text
    bare = {"coding": [{"system": LAWFUL_BASIS, "code": "safeguarding"}]}
    task = world.task("requested", input=[DATASET, given("sharing-authority", valueCodeableConcept=bare)])
    assert needs.authority_input(world.situation(None, task)) != ()


def test_an_answer_without_a_value_is_none(world: Any) -> None:
    assert answer(world.situation(None, world.task("requested", output=[output("answer")]))) != ()
    assert contact(world.situation(None, world.task("requested", output=[output("no-contact-required")]))) != ()


def unknown(**more: Any) -> dict[str, Any]:
    return {"valueCoding": {"system": DATASET_ANSWER, "code": "not-known", **more}}


@pytest.mark.parametrize(
    "answer_",
    [
        unknown(),
        {**unknown(), "extension": [{"url": "x"}]},
        unknown(extension=[{"url": "x"}]),
        {**unknown(), "item": [{"answer": [{"valueInteger": 1}]}]},
    ],
)
def test_not_known_without_words_is_not_explained(answer_: Any) -> None:
    assert not answered(answer_)


def test_a_number_without_a_value_is_no_number() -> None:
    patient = {"identifier": [{"system": NHS_NUMBER}]}
    found = identity.check(patient)
    assert found is not None
    assert found.issues[0].text == "The NHS number is not valid: an NHS number has digits only."
    assert identity.person_keys(patient) == ()


def test_a_status_of_verification_without_a_code_says_nothing() -> None:
    said = {"extension": [{"url": NHS_NUMBER_VERIFICATION}]}
    patient = {"identifier": [{"system": NHS_NUMBER, "value": "9434765919", **said}]}
    assert (identity.doubtful(patient), len(identity.person_keys(patient))) == (False, 1)


def test_a_partner_without_members_names_nobody(world: Any) -> None:
    plan = world.plan(extension=[{"url": PARTNER_ROLE}], author={"reference": "PractitionerRole/x"})
    assert agreements.listed(plan, Agreements(organizations={}), world.at) == ()
    assert content.content(plan)["extension"] == [{"url": PARTNER_ROLE, "extension": []}]


# Instants and days are the locality's.


def test_an_accept_by_day_ends_at_the_locality_s_midnight(world: Any) -> None:
    """The 24th is over in Auckland at eleven in the morning of UTC."""
    task = world.task("requested", restriction={"period": {"end": "2026-10-24"}})
    there = world.situation(None, task, calendar=Calendar(zone=AUCKLAND))
    late = datetime(2026, 10, 24, 11, tzinfo=UTC)
    assert [timer.due for timer in send(there, world.ids).timers][1] == late
    assert needs.accept_by(world.situation(None, task, calendar=Calendar(zone=AUCKLAND), at=late)) != ()
    assert needs.accept_by(world.situation(None, task, at=late)) == ()


def test_a_day_to_answer_by_ends_at_the_locality_s_midnight() -> None:
    asked = replace(situation(None, request(restriction={"period": {"end": "2026-10-24"}})), calendar=Calendar(zone=AUCKLAND))
    assert requests.answer_by(replace(asked, at=datetime(2026, 10, 24, 11, tzinfo=UTC))) != ()
    assert requests.answer_by(asked) == ()


def test_who_releases_acts_now_in_the_locality(world: Any) -> None:
    begins = {**world.role(), "period": {"start": "2026-10-24"}}
    before = request(owner={"reference": HAL})
    asked = situation(before, {**before, "status": "completed"}, HOUSING, HAL, begins)
    assert [requests.approver(replace(asked, calendar=Calendar(zone=zone))) == () for zone in (AUCKLAND, LOCAL)] == [True, False]


def test_naming_a_lead_counts_the_locality_s_days(world: Any) -> None:
    """Who was to begin on the 24th has begun in Auckland."""
    entry = {**world.team()["participant"][0], "member": {"reference": HAL}, "period": {"start": "2026-10-24"}}
    led = Led(world.plan(), ({**world.team(), "participant": [entry]},))
    given_: dict[str, Any] = {"at": world.at, "ids": world.ids, "user": "", "created": False}
    teams = [ownership.named(led, ANN, TRUST, zone=zone, **given_)[1].resource for zone in (AUCKLAND, LOCAL)]
    assert [len(team["participant"]) for team in teams] == [2, 1]


@pytest.mark.parametrize("on", ["2026-10-23", "2026-10-24"])
def test_who_is_on_the_team_now_is_asked_told_and_waited_for(world: Any, on: str) -> None:
    team = {"participant": [{"member": {"reference": HOUSING}, "period": {"start": on}}]}
    found, plan = Agreements(teams=(team,)), {**world.plan(status="draft"), "extension": []}
    expected = [HOUSING] if on == "2026-10-23" else []
    asked = effects.ask(plan, found, version=5, agency=TRUST, at=world.at, due=world.at, ids=world.ids)
    active = effects.activated(plan, found, agency=TRUST, at=world.at, ids=world.ids)
    assert [[notice.recipient for notice in made.notices] for made in (asked, active)] == [expected, expected]
    crisis = {**plan, "status": "active", "category": [concept("http://snomed.info/sct", "736253002")]}
    assert (agreements.check(None, crisis, found, world.at) is None) is (expected == [])


def test_an_episode_s_extension_is_kept_as_it_was_written(world: Any) -> None:
    """With all that stands beside its reference."""
    mine = {"id": "x", "url": EPISODE_OF_CARE, "valueReference": {"reference": "EpisodeOfCare/episode", "display": "x"}}
    before = world.plan(extension=[mine])
    after = {name: value for name, value in before.items() if name != "extension"}
    assert ownership.completed(before, after)["extension"] == [mine]


@pytest.mark.parametrize(("zone", "acts"), [(AUCKLAND, True), (LOCAL, False)])
def test_whoever_is_named_acts_on_the_locality_s_day(world: Any, zone: Any, acts: bool) -> None:
    """Who is asked for records, and who accepts a handover."""
    begins = {**world.role(), "period": {"start": "2026-10-24"}}
    asked = replace(situation(None, request(owner={"reference": HAL}), asked=begins), calendar=Calendar(zone=zone))
    assert (requests.owner(asked) == ()) is acts
    before = world.task("received")
    lead = replace(world.lead(), role=begins)
    accepted = world.situation(before, world.submitted(before, "accepted"), "owner", lead=lead, calendar=Calendar(zone=zone))
    assert (needs.named_lead(accepted) == ()) is acts


@pytest.mark.parametrize(("zone", "count"), [(AUCKLAND, 1), (LOCAL, 2)])
def test_who_coordinates_to_the_end_of_a_day_does_so_in_the_locality(world: Any, zone: Any, count: int) -> None:
    """On the 24th in Auckland the other has ended, and who leads is alone."""
    mine = world.team()["participant"][0]
    other = {**mine, "member": {"reference": HAL}, "period": {"end": "2026-10-23"}}
    team = {**world.team(), "participant": [mine, other]}
    made = ownership.coordinated(team, ANN, TRUST, world.at, zone)
    assert len([one for one in made["participant"] if one["member"] == {"reference": ANN}]) == count


def test_a_situation_is_widened_with_what_a_practice_looks_at() -> None:
    plain = Situation(datetime(2026, 10, 23, tzinfo=UTC), TRUST, request())
    assert plain.widened(RequestSituation, asked={"id": "x"}) == RequestSituation(plain.at, TRUST, request(), asked={"id": "x"})
