"""The permissions that Tasks record beside consent: overrides (consent rules, section 5) and handovers under a lawful basis
(HOV-3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.consent.grants import WEAK_BASES, granted
from service.consent.request import Grant
from service.fhir.canonical import LAWFUL_BASES, LAWFUL_BASIS, OVERRIDE_KIND, TASK_CODE, TASK_INPUT
from service.fhir.coding import concept

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
CREW, TRUST = "Organization/crew", "Organization/trust"
Json = dict[str, Any]


def given(kind: str, **value: Any) -> Json:
    """An input of a Task."""
    return {"type": concept(TASK_INPUT, kind), **value}


def override(**more: Any) -> Json:
    """The review of an override of two hours, of the trust's records by a member of the crew."""
    return {
        "resourceType": "Task",
        "id": "1",
        "meta": {"versionId": "3"},
        "status": "requested",
        "code": concept(TASK_CODE, "override-review"),
        "requester": {"reference": "PractitionerRole/r"},
        "owner": {"reference": TRUST},
        "reasonCode": concept(OVERRIDE_KIND, "patient-safety", "Found at home."),
        "restriction": {"period": {"start": "2026-06-01T12:00:00Z", "end": "2026-06-01T14:00:00Z"}},
        "input": [
            given("override-scope", valueCode="Condition"),
            given("override-scope", valueReference={"reference": "Observation/1"}),
            given("override-kind", valueCode="emergency"),
            given("other", valueCode="Goal"),
        ],
        **more,
    }


def of(task: Json, *others: str) -> tuple[Grant, ...]:
    return granted([(task, CREW, others)])


def test_a_review_is_the_grant_of_its_override() -> None:
    """To the end of the second that it ends in."""
    assert of(override()) == (
        Grant(
            "patient-safety",
            CREW,
            "Task/1/_history/3",
            "PractitionerRole/r",
            types=frozenset({"Condition"}),
            refs=frozenset({"Observation/1"}),
            start=START,
            until=START + timedelta(hours=2, seconds=1),
            authority="Found at home.",
            keeper=TRUST,
            emergency=True,
        ),
    )


def test_an_override_of_the_whole_record_is_no_emergency() -> None:
    [grant] = of(override(input=[given("override-kind", valueCode="other")]))
    assert (grant.types, grant.refs, grant.emergency) == (frozenset(), frozenset(), False)


@pytest.mark.parametrize(
    "status", ["requested", "received", "accepted", "in-progress", "completed", "rejected", "failed", "on-hold"]
)
def test_an_override_lasts_whatever_its_review_has_come_to(status: str) -> None:
    """It ends by its own period."""
    assert len(of(override(status=status))) == 1


@pytest.mark.parametrize("status", ["draft", "cancelled", "entered-in-error"])
def test_a_review_that_is_withdrawn_grants_nothing(status: str) -> None:
    assert of(override(status=status)) == ()


@pytest.mark.parametrize(
    ("period", "start", "until"),
    [
        ({"start": "2026-06-01T12:00:00Z", "end": "2026-06-02T12:00:00Z"}, START, START + timedelta(hours=4)),
        ({"start": "2026-06-01T12:00:00Z"}, START, START + timedelta(hours=4)),
        ({"start": "2026-06-01T12:00:00Z", "end": "2026-06-01T15:59:59.999Z"}, START, START + timedelta(hours=4)),
        (
            {"start": "2026-06-01T12:00:00Z", "end": "2026-06-01T15:59:58.999Z"},
            START,
            START + timedelta(hours=3, minutes=59, seconds=58.999, milliseconds=1),
        ),
        ({"start": "2026-06-01"}, START.replace(hour=0), START.replace(hour=4)),
        ({"end": "2026-06-01T12:00:00Z"}, NEVER, NEVER),
        ({"start": "soon"}, NEVER, NEVER),
        (None, NEVER, NEVER),
    ],
)
def test_an_override_lasts_four_hours_at_most_and_never_without_a_start(period: Any, start: datetime, until: datetime) -> None:
    """Consent rules, section 5; a date is UTC's."""
    [grant] = of(override(restriction={"period": period}))
    assert (grant.start, grant.until) == (start, until)


@pytest.mark.parametrize("reason", [None, "x", {}, concept("urn:s", "patient-safety")])
def test_an_override_without_a_kind_is_of_no_kind(reason: Any) -> None:
    """Which no decision counts."""
    [grant] = of(override(reasonCode=reason))
    assert (grant.kind, grant.authority) == ("", "")


@pytest.mark.parametrize("party", ["requester", "owner"])
@pytest.mark.parametrize("named", [None, {}, {"display": "Somebody"}])
def test_an_override_by_nobody_or_of_nobody_s_records_grants_nothing(party: str, named: Any) -> None:
    """An empty party must not stand for everybody at the agency, or for the records of every agency."""
    assert of(override(**{party: named})) == ()


def test_an_override_without_a_scope_is_of_the_agency_s_whole_record() -> None:
    task = override()
    del task["input"]
    [grant] = of(task)
    assert (grant.keeper, grant.types, grant.refs) == (TRUST, frozenset(), frozenset())


@pytest.mark.parametrize("value", [{}, {"valueString": "Condition"}])
def test_an_override_whose_scope_cannot_be_read_grants_nothing(value: Json) -> None:
    """Least of all the whole record."""
    assert of(override(input=[given("override-scope", **value)])) == ()


def test_what_can_be_read_of_a_scope_is_granted() -> None:
    scopes = [given("override-scope", valueString="x"), given("override-scope", valueCode="Goal")]
    [grant] = of(override(input=scopes))
    assert (grant.types, grant.refs) == (frozenset({"Goal"}), frozenset())


def handover(basis: str = "safeguarding", text: str = "A child is at risk.", **more: Any) -> Json:
    """A handover under a lawful basis."""
    return {
        "resourceType": "Task",
        "id": "2",
        "meta": {"versionId": "1"},
        "status": "requested",
        "code": concept(TASK_CODE, "handover"),
        "focus": {"reference": "CarePlan/p"},
        "input": [
            given("minimum-dataset", valueReference={"reference": "QuestionnaireResponse/q"}),
            given("package", valueReference={"reference": "Bundle/b"}),
            given("package", valueString="x"),
            given("other", valueReference={"reference": "Goal/g"}),
            given("sharing-authority", valueCodeableConcept=concept(LAWFUL_BASIS, basis, text)),
        ],
        **more,
    }


HANDED = frozenset({"CarePlan/p", "QuestionnaireResponse/q", "Bundle/b"})


def test_a_handover_lets_each_receiver_read_what_is_handed_over() -> None:
    expected = Grant("lawful-basis", TRUST, "Task/2/_history/1", refs=HANDED, authority="A child is at risk.")
    assert of(handover(), TRUST) == (expected,)
    assert [each.organization for each in of(handover(), TRUST, "Organization/b")] == [TRUST, "Organization/b"]
    assert of(handover()) == ()


@pytest.mark.parametrize("basis", sorted(LAWFUL_BASES))
def test_a_basis_that_outweighs_no_objection_is_weak(basis: str) -> None:
    [grant] = of(handover(basis, ""), TRUST)
    assert (grant.weak, grant.authority) == (basis in {"direct-care", "explicit-consent-elsewhere"}, basis)


def test_the_weak_bases() -> None:
    assert {"direct-care", "explicit-consent-elsewhere"} == WEAK_BASES


@pytest.mark.parametrize("status", ["requested", "received", "accepted", "in-progress", "on-hold"])
def test_an_open_handover_grants(status: str) -> None:
    assert len(of(handover(status=status), TRUST)) == 1


@pytest.mark.parametrize("status", ["draft", "completed", "rejected", "cancelled", "failed", "entered-in-error"])
def test_a_handover_that_is_not_sent_or_over_grants_nothing(status: str) -> None:
    assert of(handover(status=status), TRUST) == ()


@pytest.mark.parametrize("code", ["triage", "allocation", "escalation-review", "merge-plan"])
def test_what_is_sent_like_a_handover_grants_like_one(code: str) -> None:
    """While it is open, and no other Task."""
    assert len(of(handover(code=concept(TASK_CODE, code)), TRUST)) == 1
    assert of(handover(code=concept(TASK_CODE, "action")), TRUST) == ()


def test_a_handover_under_a_consent_grants_nothing_itself() -> None:
    by_consent = given("sharing-authority", valueReference={"reference": "Consent/c"})
    assert of(handover(input=[by_consent, given("sharing-authority", valueCodeableConcept=concept("urn:s", "x"))]), TRUST) == ()


def test_a_handover_s_grant_names_nothing_that_is_not_there() -> None:
    [grant] = of(handover(focus={}), TRUST)
    assert grant.refs == HANDED - {"CarePlan/p"}


@pytest.mark.parametrize("code", ["data-request", "abort", "handover-x"])
def test_other_tasks_grant_nothing(code: str) -> None:
    assert of(handover(code=concept(TASK_CODE, code)), TRUST) == ()
    assert of(override(code=concept("urn:s", "override-review"))) == ()


def test_a_task_without_inputs_grants_nothing_by_them() -> None:
    task = handover()
    del task["input"]
    assert of(task, TRUST) == ()
