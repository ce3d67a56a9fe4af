"""Non-engagement alone ends nothing (DNA-1); an attempt that ignores how a person is reached does not count (EQU-2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.care.registry import MACHINES
from service.care.task.engagement import ENDS, NON_ENGAGEMENT, counts_as_failed_attempt, not_by_itself
from service.care.task.machine import decide
from service.fhir.canonical import (
    COMMUNICATION_CATEGORY,
    REQUEST_STATUS_REASON,
    STATUS_REASON,
    STATUS_REASON_EXTENSION,
)
from service.fhir.coding import concept
from service.problem import Problem
from tests.care.test_machines import situation

MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
MEDIA = ("PHONE", "FACE", "MAILWRIT", "SMSWRIT", "VIDEOCONF")
ALONE = sorted(code for _, code in NON_ENGAGEMENT)
EVERY_END = [(kind, status) for kind, statuses in sorted(ENDS.items()) for status in sorted(statuses)]


def reasoned(*codes: str, text: str = "") -> Any:
    return {"coding": [{"system": STATUS_REASON, "code": code} for code in codes], **({"text": text} if text else {})}


def ended(kind: str, status: str, why: Any = None) -> Any:
    """A record that has ended, for the reason given where its type has a place for it."""
    record = {"resourceType": kind, "id": "x", "status": status}
    if why is None:
        return record
    if kind == "Task":
        return {**record, "statusReason": why}
    return {**record, "extension": [{"url": STATUS_REASON_EXTENSION, "valueCodeableConcept": why}]}


@pytest.mark.parametrize(("kind", "status"), EVERY_END)
@pytest.mark.parametrize("code", ALONE)
def test_dna_1_non_engagement_alone_ends_nothing(kind: str, status: str, code: str) -> None:
    before = {"resourceType": kind, "id": "x", "status": "active"}
    (issue,) = not_by_itself(before, ended(kind, status, reasoned(code)))
    assert (issue.rule, issue.expression.partition(".")[0]) == ("DNA-1", kind)
    assert "E11" in issue.text


@pytest.mark.parametrize(("kind", "status"), EVERY_END)
def test_dna_1_beside_another_reason_it_may_be_given(kind: str, status: str) -> None:
    assert not_by_itself(None, ended(kind, status, reasoned("did-not-attend", "person-declined"))) == ()


@pytest.mark.parametrize(("kind", "status"), EVERY_END)
def test_dna_1_words_beside_it_are_not_read(kind: str, status: str) -> None:
    """Text is no other reason, and text alone is not read as non-attendance."""
    assert not_by_itself(None, ended(kind, status, reasoned("not-engaging", text="Moved away")))
    assert not_by_itself(None, ended(kind, status, {"text": "Did not attend"})) == ()


@pytest.mark.parametrize(("kind", "status"), EVERY_END)
def test_an_end_without_a_reason_is_no_matter_of_this_rule(kind: str, status: str) -> None:
    assert not_by_itself(None, ended(kind, status)) == ()


@pytest.mark.parametrize("kind", sorted(ENDS))
def test_what_goes_on_may_say_that_the_person_did_not_attend(kind: str) -> None:
    assert not_by_itself(None, ended(kind, "on-hold", reasoned("did-not-attend"))) == ()


@pytest.mark.parametrize(("kind", "status"), EVERY_END)
def test_what_ended_so_before_this_rule_may_be_written_again(kind: str, status: str) -> None:
    """Its reason stands; a reason that is taken away later does not."""
    before = ended(kind, status, reasoned("not-reached"))
    assert not_by_itself(before, {**before, "note": [{"text": "Later"}]}) == ()
    assert not_by_itself(ended(kind, status, reasoned("not-reached", "died")), before)


def test_dna_1_hl7s_extension_of_a_request_says_the_same() -> None:
    why = [{"url": REQUEST_STATUS_REASON, "valueCodeableConcept": reasoned("not-engaging")}]
    assert not_by_itself(None, {"resourceType": "ServiceRequest", "status": "revoked", "extension": why})


def test_dna_1_a_reason_that_the_revoking_write_adds_is_its_reason() -> None:
    """Why a service was asked for is no reason of its end."""
    asked = {"resourceType": "ServiceRequest", "status": "active", "reasonCode": [reasoned("not-engaging")]}
    assert not_by_itself(asked, {**asked, "status": "revoked"}) == ()
    plain = {"resourceType": "ServiceRequest", "status": "active"}
    assert not_by_itself(plain, {**asked, "status": "revoked"})


def test_dna_1_activities_that_end_a_plan_are_read() -> None:
    plan = {"resourceType": "CarePlan", "status": "active", "activity": [{"detail": {"status": "scheduled"}}]}
    stopped = [{"detail": {"status": "stopped", "statusReason": reasoned("did-not-attend")}}]
    assert not_by_itself(plan, {**plan, "status": "revoked", "activity": stopped})
    assert not_by_itself({**plan, "activity": stopped}, {**plan, "status": "completed", "activity": stopped}) == ()


@pytest.mark.parametrize("code", sorted(MACHINES))
@pytest.mark.parametrize("end", sorted(ENDS["Task"]))
def test_dna_1_no_task_of_ours_is_turned_down_for_it(world: Any, code: str, end: str) -> None:
    """On every row of every table by which a Task is rejected or fails."""
    machine = MACHINES[code]
    for row in (each for each in machine.table if each.end == end):
        asking = situation(world, machine, row.start, end, row.sides[0])
        asking = replace(asking, after={**asking.after, "statusReason": reasoned("did-not-attend")})
        found = decide(machine, asking, world.ids)
        assert isinstance(found, Problem)
        assert "DNA-1" in {issue.rule for issue in found.issues}


# Attempts.


def attempt(status: str = "not-done", medium: str = "", **members: Any) -> Any:
    by = {"medium": [concept(MODE, medium)]} if medium else {}
    return {
        "resourceType": "Communication",
        "status": status,
        "category": [concept(COMMUNICATION_CATEGORY, "contact-attempt")],
        "statusReason": concept(STATUS_REASON, "not-reached"),
        **by,
        **members,
    }


def test_equ_2_another_medium_than_asked_for_does_not_count() -> None:
    preferred = ((MODE, "FACE"),)
    assert counts_as_failed_attempt(attempt(medium="FACE"), preferred)
    assert not counts_as_failed_attempt(attempt(medium="PHONE"), preferred)
    assert not counts_as_failed_attempt(attempt(), preferred)


@pytest.mark.parametrize(
    ("why", "counts"), [({"text": "The visit was unsafe"}, True), ({"text": " "}, False), (concept(STATUS_REASON, "other"), True)]
)
def test_equ_2_a_reason_for_the_other_way_makes_it_count(why: Any, counts: bool) -> None:
    found = counts_as_failed_attempt(attempt(medium="PHONE", reasonCode=[why]), ((MODE, "FACE"),))
    assert found is counts


def test_e11_a_completed_attempt_is_a_contact() -> None:
    """And what is no attempt is none, whatever its status."""
    assert not counts_as_failed_attempt(attempt("completed", "PHONE"), ())
    assert not counts_as_failed_attempt({**attempt(), "category": [concept(COMMUNICATION_CATEGORY, "reminder")]}, ())


@given(st.lists(st.tuples(st.sampled_from(MEDIA), st.booleans(), st.booleans())), st.sets(st.sampled_from(MEDIA)))
def test_equ_2_counting_follows_from_medium_reason_and_status_alone(tries: list[tuple[str, bool, bool]], liked: set[str]) -> None:
    """n failed attempts are those that were made as asked for, or say why not; contacts never count."""
    preferred = {(MODE, medium) for medium in liked}
    made = [
        attempt("not-done" if failed else "completed", medium, **({"reasonCode": [{"text": "Asked to"}]} if why else {}))
        for medium, failed, why in tries
    ]
    counted = sum(counts_as_failed_attempt(each, preferred) for each in made)
    assert counted == len([1 for medium, failed, why in tries if failed and (why or not liked or medium in liked)])
    assert counted <= sum(counts_as_failed_attempt(each, ()) for each in made)
