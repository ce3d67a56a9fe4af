"""What is read in the List of an agenda, and the Lists that are made (E1, GOV-10, MTG-1)."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.meeting import agenda, crisis
from service.care.meeting.agenda import Entry
from service.change import Resource
from service.fhir.canonical import ACT_CODE, ADDED_BY, AGENDA, AGENDA_REASON, EVENT_KIND, FORUM, FORUM_KIND
from service.fhir.coding import concept
from tests.care.front_door import ref
from tests.care.sitting import E, R, added_by, element, items, listing
from tests.care.told import HOUSING, TRUST

F, FLAG = "HealthcareService/f", "Flag/f"
NOTE = {"url": "urn:other", "valueReference": ref("Organization/other")}


# Which List is one.


@pytest.mark.parametrize(
    ("listed", "holds"),
    [
        (listing(), True),
        (listing(meta={"profile": ["urn:other", f"{AGENDA}|0.1.0"]}), True),
        (listing(meta={"profile": ["urn:other"]}), False),
        (listing(meta={}), False),
        (listing(meta={}, extension=[{"url": FORUM, "valueReference": ref(F)}]), True),
        (listing(meta={}, extension=[NOTE]), False),
        (listing({"item": ref(R)}, element(R), meta={}), True),
        (listing({"item": ref(R), "flag": concept("urn:other", "new-referral")}, meta={}), False),
        ({"resourceType": "Bundle", "meta": {"profile": [AGENDA]}}, False),
        (None, False),
    ],
)
def test_e1_a_list_is_an_agenda_by_its_profile_its_forum_or_its_entries(listed: Resource | None, holds: bool) -> None:
    assert agenda.is_agenda(listed) is holds


def test_a_list_without_meta_is_an_agenda_by_its_entries() -> None:
    bare = {"resourceType": "List"}
    assert not agenda.is_agenda(bare)
    assert agenda.is_agenda({**bare, "entry": [element(R)]})


# Its entries.


def test_e1_an_entry_says_what_why_and_by_whom() -> None:
    """Its reasons are those of agenda-reason, the first of which is told; its place is its index in the List."""
    two = element(FLAG, "safeguarding", "deferred")
    two["flag"]["coding"].insert(0, {"system": "urn:other", "code": "urgent"})
    two["extension"] = [NOTE, added_by(HOUSING)]
    assert agenda.entries(listing(element(f"{R}/_history/2"), two)) == (
        Entry(R, "new-referral", "", 0, frozenset({"new-referral"})),
        Entry(FLAG, "safeguarding", HOUSING, 1, frozenset({"safeguarding", "deferred"})),
    )


def test_an_entry_that_was_taken_away_is_none() -> None:
    """And the places of the others are those in the List."""
    found = agenda.entries(listing(element(FLAG, deleted=True), element(R, deleted=False)))
    assert [(each.item, each.place) for each in found] == [(R, 1)]


def test_an_entry_may_say_nothing() -> None:
    assert agenda.entries(listing({})) == (Entry("", "", "", 0, frozenset()),)
    assert agenda.entries(listing()) == ()
    assert agenda.entries({"entry": ["x", element(R)]})[0].item == R


def test_e1_an_item_of_two_agendas_of_a_meeting_stands_once_for_all_reasons() -> None:
    """As it stands on the first."""
    first = Entry(R, "new-referral", TRUST, 0, frozenset({"new-referral"}))
    other = Entry(FLAG, "safeguarding", TRUST, 1, frozenset({"safeguarding"}))
    again = Entry(R, "deferred", HOUSING, 3, frozenset({"deferred"}))
    whole = Entry(R, "new-referral", TRUST, 0, frozenset({"new-referral", "deferred"}))
    assert agenda.together(iter([first, other, again])) == (whole, other)
    assert agenda.together([]) == ()


@pytest.mark.parametrize(
    ("item", "person"),
    [
        ({"resourceType": "ServiceRequest", "subject": ref("Patient/p")}, "Patient/p"),
        ({"resourceType": "Flag", "subject": ref("Patient/p/_history/1"), "for": ref("Patient/q")}, "Patient/p"),
        ({"resourceType": "EpisodeOfCare", "patient": ref("Patient/p")}, "Patient/p"),
        ({"resourceType": "Task", "for": ref("Patient/p"), "subject": ref("Patient/q")}, "Patient/p"),
        ({"subject": ref("Patient/p")}, "Patient/p"),
        ({"resourceType": "Flag"}, ""),
        (None, ""),
    ],
)
def test_e1_an_item_is_about_one_person(item: Resource | None, person: str) -> None:
    assert agenda.person_of(item) == person


def test_e1_what_stands_on_an_agenda_is_of_these_types() -> None:
    assert set(agenda.TYPES) == {"ServiceRequest", "CarePlan", "EpisodeOfCare", "Flag", "RiskAssessment", "Task"}


# What is put there.


def made(item: str, reason: str, agency: str) -> Resource:
    return {
        "extension": [{"url": ADDED_BY, "valueReference": {"reference": agency}}],
        "flag": {"coding": [{"system": AGENDA_REASON, "code": reason}]},
        "item": {"reference": item},
    }


def test_e1_an_entry_of_the_service_says_by_which_agency_it_is() -> None:
    assert agenda.made(R, "deferred", TRUST) == made(R, "deferred", TRUST)


def test_an_item_is_put_last_or_first() -> None:
    stood = [element(FLAG)]
    assert agenda.put(stood, R, "deferred", TRUST) == [element(FLAG), made(R, "deferred", TRUST)]
    assert agenda.put(stood, R, "deferred", TRUST, first=True) == [made(R, "deferred", TRUST), element(FLAG)]
    assert stood == [element(FLAG)]


@pytest.mark.parametrize("first", [True, False])
def test_an_item_that_stands_there_has_one_more_reason(first: bool) -> None:
    """In its place, from whoever put it there."""
    stood = [element(FLAG), element(f"{R}/_history/1", "new-referral", by=HOUSING, date="2026-10-01")]
    stood[1]["flag"]["text"] = "New"
    kept = {**stood[1], "flag": {**element(R, "new-referral", "deferred")["flag"], "text": "New"}}
    assert agenda.put(stood, R, "deferred", TRUST, first=first) == [element(FLAG), kept]


def test_a_reason_is_given_once() -> None:
    stood = [element(R, "new-referral", "deferred")]
    assert agenda.put(stood, R, "deferred", TRUST) == stood


def test_e1_who_adds_an_entry_is_the_service_s_to_say() -> None:
    """Other extensions stay."""
    sent = {**element(R), "extension": [added_by("Organization/other"), NOTE, added_by(TRUST)]}
    assert agenda.by(sent, HOUSING) == {**element(R), "extension": [NOTE, added_by(HOUSING)]}
    assert agenda.by(element(R), HOUSING) == {**element(R), "extension": [added_by(HOUSING)]}


def test_a_list_has_entries_or_none_at_all() -> None:
    """An `emptyReason` goes with the emptiness that it explains."""
    sent = listing(element(R), emptyReason={"text": "Nobody"})
    assert agenda.with_entries(sent, [element(FLAG)]) == listing(element(FLAG))
    assert agenda.with_entries(sent, []) == listing()


def test_e1_who_may_not_know_of_an_item_sees_no_trace_of_it() -> None:
    sent = listing(element(f"{R}/_history/1"), element(FLAG), emptyReason={"text": "x"})
    assert agenda.without(sent, [R]) == listing(element(FLAG))
    assert agenda.without(listing(element(R)), (each for each in [R, FLAG])) == listing()


def test_what_hides_nothing_leaves_a_list_as_it_is() -> None:
    sent = listing(element(R), emptyReason={"text": "x"})
    assert agenda.without(sent, []) is sent


# The Lists that the service makes.


def test_e1_the_agenda_of_a_meeting_names_it_alone() -> None:
    whole = {
        "resourceType": "List",
        "id": "new",
        "meta": {"profile": [AGENDA]},
        "status": "current",
        "mode": "working",
        "title": "Agenda",
        "encounter": {"reference": E},
    }
    assert agenda.empty("new", encounter=E) == whole
    assert agenda.empty("new", encounter=E, forum=F, kind="mdt") == whole


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"forum": F, "kind": "mdt"}, [{"url": FORUM, "valueReference": ref(F)}, {"url": FORUM_KIND, "valueCode": "mdt"}]),
        ({"forum": F}, [{"url": FORUM, "valueReference": ref(F)}]),
        ({"kind": "mdt"}, [{"url": FORUM_KIND, "valueCode": "mdt"}]),
        ({}, []),
    ],
)
def test_mtg_1_what_waits_says_for_which_forum_and_kind(named: dict[str, str], said: list[Resource]) -> None:
    assert agenda.empty("new", **named) == {
        "resourceType": "List",
        "id": "new",
        "meta": {"profile": [AGENDA]},
        **({"extension": said} if said else {}),
        "status": "current",
        "mode": "working",
        "title": "Waiting for the next meeting",
    }


def test_a_list_that_is_made_is_an_agenda_of_nobody_yet() -> None:
    assert agenda.is_agenda(agenda.empty("new", kind="mdt"))
    assert items(agenda.empty("new", encounter=E)) == []


# Contacts in a crisis.


def contact(kind: str, **members: Any) -> Resource:
    return {"resourceType": kind, "status": "completed", **members}


EMERGENCY = {"class": {"system": ACT_CODE, "code": "EMER"}}
EVENT = {"category": [concept(EVENT_KIND, "crisis-event")]}


@pytest.mark.parametrize(
    ("record", "holds"),
    [
        (contact("Encounter", **EMERGENCY), True),
        (contact("Encounter", **EVENT), False),
        (contact("Encounter", **{"class": {"system": ACT_CODE, "code": "AMB"}}), False),
        (contact("Encounter", **{"class": {"system": "urn:other", "code": "EMER"}}), False),
        (contact("Encounter"), False),
        (contact("Communication", **EVENT), True),
        (contact("Communication", **EMERGENCY), False),
        (contact("Communication", category=[concept(EVENT_KIND, "contact")]), False),
        (contact("Communication", category=[concept("urn:other", "crisis-event")]), False),
        (contact("Communication"), False),
        (None, False),
    ],
)
def test_gov_10_an_emergency_or_an_event_of_that_kind_is_a_contact(record: Resource | None, holds: bool) -> None:
    assert crisis.is_contact(record) is holds


@pytest.mark.parametrize("status", ["planned", "cancelled", "entered-in-error", "not-done", "preparation"])
def test_gov_10_what_did_not_take_place_is_no_contact(status: str) -> None:
    assert not crisis.is_contact({**contact("Encounter", **EMERGENCY), "status": status})
