"""What becomes of a meeting and of an agenda as they are written (E1, HOV-3, MTG-2)."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.meeting import needs, writing
from service.care.meeting.agenda import Entry
from service.change import Resource
from service.fhir.canonical import ADVISORY, FORUM
from service.problem import Category, Issue, Problem
from tests.care.front_door import CRISIS, ref
from tests.care.sitting import E, R, added_by, attendee, element, encounter, entry, issues, items, listing, meeting
from tests.care.told import ANN, HOUSING, TRUST

STATUSES = ("planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled", "entered-in-error", "unknown")
HELD, CLOSED, ENDED = (needs.sound,), (needs.sound, needs.by_its_chair, needs.present), (needs.of_nobody,)
FLAG, PLAN, RISK = "Flag/f", "CarePlan/plan", "RiskAssessment/a"


# A meeting.


def test_e1_the_table_of_a_meeting_row_by_row() -> None:
    ended: dict[tuple[str, str], Any] = {
        (start, end): ENDED for start in ("planned", "arrived", "in-progress") for end in ("cancelled", "entered-in-error")
    }
    steps = ("none", "planned", "arrived", "in-progress")
    held = {(start, end): HELD for number, start in enumerate(steps) for end in steps[max(number, 1) :]}
    assert {**ended, **held, **{(start, "finished"): CLOSED for start in steps}} == writing.MOVES


@pytest.mark.parametrize("start", ["none", *STATUSES])
@pytest.mark.parametrize("end", STATUSES)
def test_e1_a_meeting_is_moved_as_the_table_says(start: str, end: str) -> None:
    """And as no other."""
    found = meeting(status=end, before=None if start == "none" else encounter(status=start))
    problem = writing.check(found)
    if (start, end) in writing.MOVES:
        assert problem is None
    else:
        assert problem is not None
        assert [each.expression for each in problem.issues] == ["Encounter.status"]


@pytest.mark.parametrize(
    ("start", "ends"),
    [
        ("none", "`planned`, `arrived`, `in-progress`, `finished`"),
        ("planned", "`arrived`, `in-progress`, `finished`, `cancelled`, `entered-in-error`"),
        ("in-progress", "`finished`, `cancelled`, `entered-in-error`"),
        ("finished", "nothing: it stays as it is"),
        ("", "nothing: it stays as it is"),
    ],
)
def test_e1_a_move_that_the_table_has_not_is_refused_with_those_that_it_has(start: str, ends: str) -> None:
    before = None if start == "none" else encounter(status=start or None)
    text = f"A meeting that is `{start}` cannot be made `onleave`: from here it becomes {ends}."
    refused = writing.check(meeting(status="onleave", before=before))
    assert refused == Problem(Category.RULE, (Issue("business-rule", text, "Encounter.status", "E1"),))


def test_e1_a_meeting_that_is_cancelled_names_no_person_either() -> None:
    """And nothing else is asked of it."""
    for status in ("cancelled", "entered-in-error"):
        empty = encounter(status=status, participant=[], serviceProvider=None)
        assert writing.check(meeting(after=empty, before=encounter())) is None
        named = writing.check(meeting(after={**empty, "subject": ref("Patient/p")}, before=encounter()))
        assert named is not None
        assert [each.expression for each in named.issues] == ["Encounter.subject"]


def test_e1_all_that_is_in_the_way_of_a_close_is_named_at_once() -> None:
    found = writing.check(meeting(status="finished", provider=HOUSING, agency=HOUSING, attendees=(attendee(ANN, TRUST),)))
    assert found is not None
    assert found.category is Category.RULE
    assert [each.expression for each in found.issues] == [
        "Encounter.serviceProvider", "Encounter.status", "Encounter.participant.period",
    ]  # fmt: skip


def test_e1_a_meeting_keeps_its_kind() -> None:
    changed = meeting("risk-forum", status="cancelled", before=encounter("mdt"))
    kept = issues(("A meeting keeps its kind: cancel it, and plan another.", "Encounter.type", "E1"))
    assert writing.check(changed) == Problem(Category.RULE, kept)


MARK = {"url": ADVISORY, "valueBoolean": True}


def test_mtg_2_what_a_client_says_of_advisory_is_not_kept() -> None:
    """What the service said before is."""
    assert writing.kept(meeting(after=encounter(extension=[MARK]))) == encounter()
    assert writing.kept(meeting(before=encounter())) == encounter()
    assert writing.kept(meeting(before=encounter(extension=[MARK]))) == encounter(extension=[MARK])


def test_mtg_1_a_meeting_is_kept_with_the_forum_that_was_found() -> None:
    forum = {"resourceType": "HealthcareService", "id": "f"}
    named = {"url": FORUM, "valueReference": ref("HealthcareService/f")}
    assert writing.kept(meeting(forum=forum)) == encounter(extension=[named])


# Its agenda.

STOOD = listing(
    element(R, by=TRUST), element(FLAG, by=HOUSING), element(PLAN), element(RISK, by=CRISIS), title="Agenda"
)  # fmt: skip


def listed(*sent: Resource, hidden: tuple[str, ...] = (), agency: str = HOUSING, keeper: bool = False) -> Resource:
    """The stored agenda when an agency sends these entries."""
    return writing.listed(listing(*sent, title="Mine"), STOOD, agency, hidden, keeper=keeper)


def test_e1_who_made_an_agenda_added_what_stands_on_it() -> None:
    sent = listing(element(R, by=CRISIS), element(FLAG), title="Mine")
    made = listing(element(R, by=TRUST), element(FLAG, by=TRUST), title="Mine")
    for keeper in (True, False):
        assert writing.listed(sent, None, TRUST, (), keeper=keeper) == made


def test_e1_an_agency_takes_its_own_entries_away_and_no_others() -> None:
    assert items(listed()) == [R, PLAN, RISK]
    assert items(listed(agency=CRISIS)) == [R, FLAG, PLAN]
    assert items(listed(agency="Organization/other")) == [R, FLAG, PLAN, RISK]


def test_e1_who_keeps_an_agenda_takes_any_entry_away() -> None:
    assert items(listed(element(PLAN), agency=TRUST, keeper=True)) == [PLAN]
    assert "entry" not in listed(agency=TRUST, keeper=True)


@pytest.mark.parametrize("keeper", [True, False])
def test_e1_what_an_agency_cannot_see_stays(keeper: bool) -> None:
    """Whether it is sent or not; and it cannot be put there anew."""
    assert items(listed(hidden=(FLAG, RISK), keeper=keeper)) == ([FLAG, RISK] if keeper else [R, FLAG, PLAN, RISK])
    assert items(listed(element(RISK), hidden=(FLAG, RISK), keeper=keeper)) == ([FLAG, RISK] if keeper else [R, FLAG, PLAN, RISK])
    assert items(listed(element("Task/t"), hidden=("Task/t",), keeper=keeper)) == ([] if keeper else [R, PLAN, RISK])


def test_e1_a_new_entry_says_who_added_it_and_comes_last() -> None:
    sent = {**element("Task/t"), "extension": [added_by(TRUST)]}
    assert listed(sent)["entry"][-1] == element("Task/t", by=HOUSING)
    assert items(listed(sent, element(FLAG))) == [R, FLAG, PLAN, RISK, "Task/t"]


def test_e1_an_entry_that_stands_stays_as_it_is() -> None:
    """Whoever sends it, in whatever version and order."""
    sent = (element(f"{RISK}/_history/2", "deferred"), element(f"{R}/_history/1", by=CRISIS), element(FLAG))
    assert listed(*sent, agency=TRUST, keeper=True)["entry"] == [STOOD["entry"][0], STOOD["entry"][1], STOOD["entry"][3]]


def test_e1_an_agency_that_does_not_keep_an_agenda_changes_nothing_else() -> None:
    assert listed()["title"] == "Agenda"
    assert listed(keeper=True)["title"] == "Mine"


def test_e1_a_narrative_is_not_kept() -> None:
    """It would tell every reader of all entries."""
    told = {**STOOD, "text": {"status": "additional", "div": "<div/>"}}
    for keeper in (True, False):
        assert "text" not in writing.listed({**told, "title": "Mine"}, told, HOUSING, (), keeper=keeper)
    assert "text" not in writing.listed(told, None, TRUST, (), keeper=True)


# Its form.


def test_e1_an_agenda_is_formed_of_records_each_with_a_reason() -> None:
    every = ("ServiceRequest/r", "CarePlan/c", "EpisodeOfCare/e", "Flag/f", "RiskAssessment/a", "Task/t")
    assert writing.formed(listing(*map(element, every))) == ()
    assert writing.formed(listing()) == ()


@pytest.mark.parametrize(("item", "said"), [("Patient/p", "Patient/p"), ("Flags/f", "Flags/f"), ("", "nothing")])
def test_e1_no_other_record_stands_on_an_agenda(item: str, said: str) -> None:
    kinds = "`ServiceRequest`, `CarePlan`, `EpisodeOfCare`, `Flag`, `RiskAssessment`, `Task`"
    text = f"What stands on an agenda is one of {kinds}: `{said}` is not."
    assert writing.formed(listing(element(R), element(item))) == issues((text, "List.entry[1].item", "E1"))


def test_e1_a_record_stands_on_an_agenda_once() -> None:
    text = f"`{R}` stands on the agenda twice: name it once."
    assert writing.formed(listing(element(R), element(FLAG), element(f"{R}/_history/1"))) == issues(
        (text, "List.entry[2].item", "E1")
    )


@pytest.mark.parametrize("flag", [{}, {"text": "New"}, {"coding": [{"system": "urn:other", "code": "new-referral"}]}])
def test_e1_an_entry_says_why_it_is_there(flag: Resource) -> None:
    text = f"An entry says why it is there: give `{R}` a `flag` of `agenda-reason`."
    assert writing.formed(listing({**element(R), "flag": flag})) == issues((text, "List.entry[0].flag", "E1"))


@pytest.mark.parametrize("marked", [True, False])
def test_e1_an_entry_is_left_out_and_not_marked(marked: bool) -> None:
    text = f"What stands on an agenda is decided about: leave the entry of `{FLAG}` out, instead of marking it."
    found = writing.formed(listing(element(R), element(FLAG, deleted=marked)))
    assert found == issues((text, "List.entry[1].deleted", "E1"))


def test_e1_an_agenda_is_about_no_single_person() -> None:
    text = "An agenda is about several people: leave `subject` out."
    assert writing.formed(listing(element(R), subject=ref("Patient/p"))) == issues((text, "List.subject", "E1"))


def test_e1_every_fault_of_form_is_named_at_once() -> None:
    found = writing.formed(listing({}, {}, subject=ref("Patient/p")))
    assert [each.expression for each in found] == [
        "List.entry[0].item", "List.entry[0].flag", "List.entry[1].item", "List.entry[1].item", "List.entry[1].flag",
        "List.subject",
    ]  # fmt: skip


def test_what_was_added_and_what_is_gone_is_told_apart() -> None:
    before, after = listing(element(R), element(FLAG)), listing(element(f"{R}/_history/3"), element(PLAN))
    assert writing.added(after, before) == (Entry(PLAN, "new-referral", "", 1, frozenset({"new-referral"})),)
    assert writing.gone(after, before) == (Entry(FLAG, "new-referral", "", 1, frozenset({"new-referral"})),)
    assert [each.item for each in writing.added(after, None)] == [R, PLAN]
    assert writing.gone(after, None) == ()


# What is in the way of it.


def test_e1_hidden_and_absent_items_are_refused_alike() -> None:
    text = f"`{R}` is no record of a person that you may see: write it first, or leave it out."
    found = Entry(R, "new-referral", place=3)
    assert writing.unseen(found) == issues((text, "List.entry[3].item", "E1"))


def test_e1_what_an_agency_may_not_know_of_is_refused_though_it_stands_there() -> None:
    """As what is absent is, in its place."""
    sent = listing(element(PLAN), element(f"{FLAG}/_history/1"), element(RISK))
    text = "`{}` is no record of a person that you may see: write it first, or leave it out."
    assert writing.named_unseen(sent, (FLAG, RISK, R)) == issues(
        (text.format(FLAG), "List.entry[1].item", "E1"), (text.format(RISK), "List.entry[2].item", "E1")
    )
    assert writing.named_unseen(sent, ()) == ()


def test_hov_3_nobody_is_put_on_an_agenda_whom_its_chair_may_not_know_of() -> None:
    text = f"The chair of this meeting may not know of `{R}`: she said no. Leave it out, or have consent to share it."
    assert writing.not_for_chair(entry(R), "she said no") == issues((text, "List.entry[0].item", "HOV-3"))


@pytest.mark.parametrize("status", STATUSES)
def test_e1_the_agenda_of_a_meeting_that_has_started_stays(status: str) -> None:
    text = f"The agenda stays as it is once its meeting has started; this one is `{status}`."
    open_ = status in ("planned", "arrived", "triaged")
    assert writing.started(encounter(status=status)) == (() if open_ else issues((text, "List.entry", "E1")))


def test_e1_an_agenda_stays_with_its_meeting() -> None:
    text = "An agenda stays with its meeting: leave `encounter` as it is."
    assert writing.same_meeting(listing(), listing(encounter=ref(f"{E}/_history/1"))) == ()
    assert writing.same_meeting(listing(), listing(encounter=ref("Encounter/n"))) == issues((text, "List.encounter", "E1"))


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (encounter(), "A meeting is kept: cancel it instead of deleting it."),
        (listing(), "An agenda is kept: take its entries away until its meeting starts, instead of deleting it."),
    ],
)
def test_e1_a_meeting_and_its_agenda_are_never_deleted(record: Resource, text: str) -> None:
    assert writing.kept_record(record) == Problem(Category.RULE, (Issue("business-rule", text, "", "E1"),))


@pytest.mark.parametrize("record", [{"resourceType": "Encounter"}, listing(meta={}), {**listing(), "resourceType": "Basic"}])
def test_other_records_may_be_deleted(record: Resource) -> None:
    assert writing.kept_record(record) is None
