"""What is read in a meeting and in its forum (E1, MTG-1, MTG-2, MTG-4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from service.care.meeting import meeting as reading
from service.care.meeting.meeting import Participant
from service.care.meeting.situation import Meeting
from service.change import Resource
from service.fhir.canonical import (
    ADVISORY,
    CADENCE,
    FORUM,
    FORUM_KIND,
    GRACE,
    MEETING_ROLE,
    MEETING_TYPE,
    REQUIRED_ROLE,
    SERVICE_CATEGORY,
)
from service.fhir.coding import concept
from tests.care.front_door import ref
from tests.care.sitting import attendee, encounter, meeting, participant
from tests.care.told import ANN, HAL, HOUSING, NOW, TRUST

F = "HealthcareService/f"
OTHER = {"url": "urn:other", "valueReference": ref("HealthcareService/other"), "valueCode": "other"}


def forum(*extensions: Resource, **members: Any) -> Resource:
    return {
        "resourceType": "HealthcareService",
        "category": [concept(SERVICE_CATEGORY, "forum")],
        "extension": [OTHER, *extensions],
        **members,
    }


def held(repeat: Any = None, **members: Any) -> Resource:
    """A forum with a cadence."""
    return forum({"url": CADENCE, "valueTiming": {"repeat": repeat or {"period": 7, "periodUnit": "d", **members}}})


def grace(**duration: Any) -> Resource:
    return {"url": GRACE, "valueDuration": duration}


# A meeting.


@pytest.mark.parametrize("kind", ["mdt", "case-review", "shared-planning", "risk-forum", "governance"])
def test_an_encounter_with_a_type_of_meeting_is_one(kind: str) -> None:
    assert reading.kind(encounter(kind)) == kind
    assert reading.is_meeting(encounter(kind))


@pytest.mark.parametrize(
    "other",
    [
        None,
        {"resourceType": "Encounter"},
        encounter("", type=[concept("urn:other", "mdt")]),
        {**encounter(), "resourceType": "Appointment"},
    ],
)
def test_anything_else_is_no_meeting(other: Resource | None) -> None:
    assert not reading.is_meeting(other)


def test_what_is_no_meeting_has_no_kind() -> None:
    assert [reading.kind(each) for each in (None, {}, encounter(""))] == ["", "", ""]


def test_a_meeting_of_two_types_has_the_first_by_name() -> None:
    assert (
        reading.kind(encounter(type=[concept(MEETING_TYPE, "risk-forum"), concept(MEETING_TYPE, "case-review")])) == "case-review"
    )


def test_all_the_kinds_that_a_meeting_says_are_read() -> None:
    both = encounter(type=[concept(MEETING_TYPE, "mdt"), concept("urn:other", "x"), concept(MEETING_TYPE, "governance")])
    assert reading.kinds(both) == {"mdt", "governance"}
    assert reading.kinds({}) == frozenset()


def test_mtg_4_each_kind_decides_under_its_pathway() -> None:
    """Governance decides about nobody."""
    assert reading.PATHWAYS == {
        "mdt": "front-door", "case-review": "case-review", "shared-planning": "crisis-plan", "risk-forum": "risk-forum",
    }  # fmt: skip


def test_e1_a_meeting_has_not_started_or_has_ended_by_its_status() -> None:
    assert {"planned", "arrived", "triaged"} == reading.PLANNED
    assert {"finished", "cancelled", "entered-in-error"} == reading.ENDED


def test_who_takes_part_is_read_with_parts_and_other_roles() -> None:
    """Other roles are those of any other system (MTG-2)."""
    said = participant(HAL, "delegate", type=[concept(MEETING_ROLE, "delegate"), concept("urn:roles", "social-worker")])
    found = reading.participants(encounter("mdt", said))
    chair = Participant(ANN, frozenset({"chair"}), frozenset(), came=True, since=NOW)
    hal = Participant(HAL, frozenset({"delegate"}), frozenset({"urn:roles|social-worker"}), came=True, since=NOW)
    assert found == (chair, hal)
    assert reading.participants({}) == ()


@pytest.mark.parametrize(
    ("said", "came"),
    [
        (participant(HAL), True),
        (participant(HAL, came=False), False),
        (participant(HAL, period={"end": "2026-10-23T15:00:00Z"}), False),
        (participant(HAL, "member", "apologies"), False),
        (participant(HAL, "delegate"), True),
    ],
)
def test_mtg_2_who_has_a_period_attended_unless_they_sent_apologies(said: Resource, came: bool) -> None:
    assert [each.came for each in reading.participants({"participant": [said]})] == [came]


def test_mtg_2_since_when_somebody_was_there_is_read_with_them() -> None:
    """Of who sent apologies too, who was to come."""
    said = [participant(HAL), participant(HAL, "apologies"), participant(HAL, came=False), {}]
    assert [each.since for each in reading.participants({"participant": said})] == [NOW, NOW, "", ""]


def test_a_participant_without_an_individual_is_nobody() -> None:
    assert reading.participants({"participant": [{}]}) == (Participant("", frozenset(), frozenset(), came=False),)


def test_e1_who_chairs_is_said_by_the_type_of_participant() -> None:
    two = encounter(participant=[participant(HAL), participant(ANN, "chair"), participant(HAL, "member", "chair")])
    assert [each.individual for each in reading.chairs(two)] == [ANN, HAL]
    assert reading.chair(two) == ANN
    assert reading.chair(encounter(participant=[participant(HAL, "member")])) == ""


def test_the_chair_is_a_role_in_whatever_version() -> None:
    assert reading.chair(encounter(participant=[participant(f"{ANN}/_history/3", "chair")])) == ANN


def test_the_agencies_present_attended_and_those_involved_were_asked() -> None:
    """E1: each once; apologies are told of as well, and the keeper always takes part."""
    who = (
        attendee(HAL, HOUSING),
        attendee("PractitionerRole/hel", HOUSING),
        attendee("PractitionerRole/cal", "Organization/crisis", came=False),
        attendee("PractitionerRole/who", ""),
        attendee("PractitionerRole/gus", "", came=False),
    )
    found: Meeting = meeting(attendees=who)
    assert found.present == (HOUSING,)
    assert found.involved == (TRUST, HOUSING, "Organization/crisis")


# Its forum.


def test_mtg_1_a_meeting_names_the_forum_that_it_is_of() -> None:
    assert reading.forum_of(encounter(extension=[OTHER, {"url": FORUM, "valueReference": ref(F)}])) == F
    assert reading.forum_of(encounter(extension=[OTHER])) == ""
    assert reading.forum_of(encounter()) == ""


def test_mtg_1_a_meeting_is_given_the_forum_that_it_does_not_name() -> None:
    named = {"url": FORUM, "valueReference": {"reference": F}}
    assert reading.with_forum(encounter(), F) == encounter(extension=[named])
    assert reading.with_forum(encounter(extension=[OTHER]), F) == encounter(extension=[OTHER, named])


def test_mtg_1_a_meeting_keeps_the_forum_that_it_names() -> None:
    said = encounter(extension=[{"url": FORUM, "valueReference": ref(F)}])
    assert reading.with_forum(said, "HealthcareService/other") == said
    assert reading.with_forum(encounter(), "") == encounter()


MARKED = {"url": ADVISORY, "valueBoolean": True}


@pytest.mark.parametrize("said", [[], [MARKED], [{**MARKED, "valueBoolean": False}, MARKED]])
def test_mtg_2_whether_a_meeting_is_advisory_is_the_service_s_to_say(said: list[Resource]) -> None:
    """Whatever is sent."""
    sent = encounter(extension=[*said, OTHER])
    assert reading.advisory(sent, holds=True) == encounter(extension=[OTHER, MARKED])
    assert reading.advisory(sent, holds=False) == encounter(extension=[OTHER])


def test_mtg_2_a_meeting_without_marks_has_no_extensions() -> None:
    assert reading.advisory(encounter(), holds=True) == encounter(extension=[MARKED])
    assert reading.advisory(encounter(extension=[MARKED]), holds=False) == encounter()


@pytest.mark.parametrize(
    ("extensions", "holds"),
    [([OTHER, MARKED], True), ([{**MARKED, "valueBoolean": False}], False), ([{**OTHER, "valueBoolean": True}], False)],
)
def test_mtg_2_an_advisory_meeting_says_so(extensions: list[Resource], holds: bool) -> None:
    assert reading.is_advisory(encounter(extension=extensions)) is holds
    assert not reading.is_advisory(encounter())


def test_a_forum_is_known_by_its_category() -> None:
    assert reading.is_forum(forum())
    assert not reading.is_forum(forum(category=[concept(SERVICE_CATEGORY, "ward")]))
    assert not reading.is_forum(forum(category=[concept("urn:other", "forum")]))
    assert not reading.is_forum(None)


@pytest.mark.parametrize(
    "value",
    [
        {"valueCode": "mdt"},
        {"valueCodeableConcept": concept("urn:any", "mdt")},
        {"valueCoding": {"code": "mdt"}},
        {"valueCode": "mdt", "valueCoding": {"code": "other"}},
    ],
)
def test_mtg_1_a_forum_says_the_kind_of_its_meetings(value: Resource) -> None:
    assert reading.forum_kind(forum({"url": FORUM_KIND}, {"url": FORUM_KIND, **value})) == "mdt"


def test_a_forum_may_say_no_kind() -> None:
    assert reading.forum_kind(forum()) == ""
    assert reading.forum_kind({}) == ""


def test_mtg_2_a_forum_says_whom_it_needs() -> None:
    """By a bare code, or by a code of a system; any of a concept's codes will do."""
    both = {"coding": [{"system": "urn:roles", "code": "nurse"}, {"code": "rn"}]}
    needed: list[Resource] = [
        {"valueCode": "housing"},
        {"valueCodeableConcept": both},
        {"valueCoding": {"system": "urn:roles", "code": "gp"}},
    ]
    said = forum(*({"url": REQUIRED_ROLE, **each} for each in needed))
    assert reading.required_roles(said) == (
        frozenset({"housing"}), frozenset({"urn:roles|nurse", "rn"}), frozenset({"urn:roles|gp"}),
    )  # fmt: skip
    assert reading.required_roles(None) == ()


# How long, and how often.

UNITS = [
    ("s", timedelta(seconds=1)),
    ("min", timedelta(minutes=1)),
    ("h", timedelta(hours=1)),
    ("d", timedelta(days=1)),
    ("wk", timedelta(days=7)),
    ("mo", timedelta(days=30)),
    ("a", timedelta(days=365)),
]
WORDS = [("hour", "h"), ("day", "d"), ("week", "wk"), ("month", "mo")]


@pytest.mark.parametrize(("unit", "one"), UNITS)
def test_a_duration_is_read_in_each_unit(unit: str, one: timedelta) -> None:
    assert reading.length({"value": 2, "code": unit}) == 2 * one
    assert reading.length({"value": 3, "unit": unit}) == 3 * one


@pytest.mark.parametrize(("word", "unit"), WORDS)
def test_a_duration_is_read_in_words(word: str, unit: str) -> None:
    """Where it has no code."""
    expected = dict(UNITS)[unit]
    assert reading.length({"value": 1, "unit": word}) == expected
    assert reading.length({"value": 2, "unit": f"{word}s"}) == 2 * expected
    assert reading.length({"value": 2, "unit": word, "code": "d"}) == timedelta(days=2)


@pytest.mark.parametrize(
    "duration",
    [None, {}, {"value": 2}, {"code": "d"}, {"value": 2, "unit": "lap"}, {"value": 2, "code": "D"}, {"value": 2, "unit": "dayX"}],
)
def test_a_duration_of_unknown_length_is_none(duration: Resource | None) -> None:
    assert reading.length(duration) is None


@pytest.mark.parametrize("value", [-1, -0.01, 3650.1, 1e9, 1e300])
def test_a_duration_that_no_clock_can_count_is_none(value: float) -> None:
    """E13, MTG-1: it is not negative, and within ten years."""
    assert reading.length({"value": value, "code": "d"}) is None
    assert reading.cadence(held(period=value)) is None


def test_ten_years_can_be_counted_and_so_can_nothing() -> None:
    assert reading.length({"value": 3650, "code": "d"}) == timedelta(days=3650)
    assert reading.length({"value": 0, "code": "d"}) == timedelta()
    assert reading.length({"value": 1, "code": "s"}) == timedelta(seconds=1)
    assert (timedelta(hours=1), timedelta(days=3650)) == (reading.SHORTEST, reading.LONGEST)


@pytest.mark.parametrize("comparator", ["<", "<=", ">=", ">"])
def test_a_bound_is_no_length(comparator: str) -> None:
    assert reading.length({"value": 2, "code": "d", "comparator": comparator}) is None


@pytest.mark.parametrize(("unit", "one"), UNITS[2:])
def test_mtg_1_a_forum_is_held_once_in_each_period(unit: str, one: timedelta) -> None:
    assert reading.cadence(held({"period": 2, "periodUnit": unit})) == 2 * one


@pytest.mark.parametrize(("period", "unit", "held_"), [(60, "min", True), (59, "min", False), (3600, "s", True), (0, "d", False)])
def test_mtg_1_a_forum_is_held_every_hour_at_most(period: int, unit: str, held_: bool) -> None:
    assert reading.cadence(held({"period": period, "periodUnit": unit})) == (timedelta(hours=1) if held_ else None)


def test_mtg_1_a_forum_is_held_every_ten_years_at_least() -> None:
    assert reading.cadence(held(period=3650)) == timedelta(days=3650)
    assert reading.cadence(held(period=7300, frequency=2)) == timedelta(days=3650)


def test_mtg_1_a_forum_may_be_held_several_times_a_period() -> None:
    assert reading.cadence(held(frequency=2)) == timedelta(days=3.5)
    assert reading.cadence(held(frequency=1)) == timedelta(days=7)
    assert reading.cadence(held(frequency=0.5)) == timedelta(days=14)


@pytest.mark.parametrize("repeat", [{"period": 7}, {"periodUnit": "d"}, {"period": 7, "periodUnit": "lap"}, {"frequency": 1}])
def test_mtg_1_a_forum_that_does_not_say_how_often_has_no_cadence(repeat: Resource) -> None:
    assert reading.cadence(held(repeat)) is None


@pytest.mark.parametrize("frequency", [0, -1])
def test_mtg_1_a_forum_that_is_held_no_time_has_no_cadence(frequency: int) -> None:
    assert reading.cadence(held(frequency=frequency)) is None


def test_mtg_1_a_forum_without_a_timing_has_no_cadence() -> None:
    assert reading.cadence(forum()) is None
    assert reading.cadence(forum({"url": CADENCE})) is None
    assert reading.cadence(forum({"url": CADENCE, "valueTiming": {}})) is None


def test_mtg_1_the_first_cadence_that_can_be_read_counts() -> None:
    """And its grace is added."""
    made = held()
    made["extension"] = [{"url": CADENCE}, *made["extension"], grace(value=1), grace(value=1, code="d"), grace(value=9, code="d")]
    assert reading.cadence(made) == timedelta(days=8)


def test_mtg_1_a_cadence_that_is_said_and_cannot_be_told_is_known() -> None:
    """A forum that says none has none to tell."""
    assert [reading.untold_cadence(each) for each in (held(period=0), forum({"url": CADENCE}), held(), forum())] == [
        True, True, False, False,
    ]  # fmt: skip


def test_mtg_1_a_grace_that_is_said_and_cannot_be_told_is_known() -> None:
    said = [forum(grace(value=-1, code="d")), forum({"url": GRACE}), forum(grace(value=0, code="d")), forum()]
    assert [reading.untold_grace(each) for each in said] == [True, True, False, False]
    assert reading.untold_grace(forum(grace(value=1, code="d"), grace(value=1)))
