"""Escalations and their reviews, every agency trying every move at any time, the clock passing between them.

Whatever happens, an undecided review has an owner of the agency asked and one clock (TIM-5), a decision is taken once and is
reviewed once (ESC-3), and the escalation stands where its review stands (E5, E10).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from service.care.step_up import overdue, request
from service.care.step_up.effects import ENDS
from service.care.step_up.situation import ReviewSituation, Routes, decider_of
from service.care.step_up.table import REVIEW, TABLE
from service.care.task import reading
from service.care.task.machine import decide
from service.care.task.situation import Outcome, Situation
from service.change import Resource, Timer
from service.fhir.canonical import BUSINESS_STATUS, STATUS_REASON
from service.fhir.coding import concept
from service.fhir.reference import link, name_of
from tests.care.conftest import AT
from tests.care.stepping import (
    CAT,
    COL,
    CRISIS,
    HOUSING,
    STAFF,
    action,
    attempt,
    decision,
    escalation,
    lead,
    output,
    ref,
    sending,
)

ROUTES = Routes(CRISIS, duty=CAT, contacts=(COL,))
GIVEN: dict[str, list[Resource]] = {
    "nothing": [],
    "decision": decision(),
    "rejecting": [*decision("not-met"), output("guidance", valueString="Come back on Friday.")],
    "completing": [output("crisis-plan", valueCodeableConcept={"coding": [{"code": "no-change"}], "text": "It fits."})],
}
LEGAL = {(row.start, row.end) for row in TABLE}


class StepUp(RuleBasedStateMachine):
    """A store in memory, with the timers that are set and what every decision made."""

    reviews: Any = Bundle("reviews")

    def __init__(self) -> None:
        super().__init__()
        self.at, self.numbers = AT, count()
        self.records: dict[str, Resource] = {}
        self.timers: dict[str, Timer] = {}
        self.decisions: dict[str, int] = {}

    def ids(self) -> str:
        return f"n{next(self.numbers)}"

    def given(self, said: str) -> list[Resource]:
        """What a submission says; the dates of an acceptance are ahead."""
        if said != "accepting":
            return GIVEN[said]
        day = (self.at + timedelta(days=3)).date().isoformat()
        cadence = output("contact-cadence", valueTiming={"repeat": {"boundsPeriod": {"end": day}}})
        contingency = output("out-of-hours", valueString="The crisis line.")
        return [*decision(), cadence, contingency, output("mdt-review", valueDate=day)]

    def commit(self, made: Outcome) -> None:
        self.at += timedelta(minutes=7)
        for staged in made.writes:
            assert (name_of(staged.resource) in self.records) is not staged.created
            self.records[name_of(staged.resource)] = staged.resource
        for key in made.cancelled:
            self.timers.pop(key, None)
        self.timers |= {timer.key: timer for timer in made.timers}

    def situation(self, before: Resource, after: Resource, agency: str, *, acted: bool, tried: bool) -> ReviewSituation:
        task = name_of(before)
        return ReviewSituation(
            at=self.at,
            agency=agency,
            after=after,
            before=before,
            organizations=STAFF,
            request=self.records[link(before, "focus")],
            decider=lead(decider_of(after, "")) if decider_of(after, "") else lead(CAT),
            reviewer=lead(link(after, "owner")),
            actions=(action(),) if acted else (),
            attempts=(attempt(about=[ref(task)], sent="2099-01-01T00:00:00Z"),) if tried else (),
            routes=ROUTES,
        )

    @rule(target=reviews, priority=st.sampled_from(("stat", "asap", "urgent", "routine")))
    def escalate(self, priority: str) -> str:
        body = escalation(id=self.ids(), priority=priority)
        made = request.decide(replace(sending(body), at=self.at, routes=ROUTES), self.ids)
        assert isinstance(made, Outcome)
        self.commit(made)
        return name_of(made.writes[1].resource)

    @rule(
        name=reviews,
        agency=st.sampled_from((HOUSING, CRISIS, "Organization/other")),
        end=st.sampled_from(reading.STATUSES),
        said=st.sampled_from(("accepting", *sorted(GIVEN))),
        owner=st.sampled_from(("", "", CAT, COL, *STAFF)),
        reason=st.sampled_from(("", "no-capacity", "insufficient-information")),
        acted=st.booleans(),
        tried=st.booleans(),
    )
    def try_any_move(
        self, name: str, agency: str, end: str, said: str, owner: str, reason: str, acted: bool, tried: bool
    ) -> None:
        before = self.records[name]
        after = {**before, "status": end, "output": [*before.get("output", []), *self.given(said)]}
        after = {member: held for member, held in after.items() if held != []}
        after |= {"owner": ref(owner)} if owner else {}
        after |= {"statusReason": concept(STATUS_REASON, reason)} if reason else {}
        self.move(name, before, after, agency, acted=acted, tried=tried)

    @rule(name=reviews, way=st.sampled_from(("accepted", "rejected", "completed", "received")))
    def go_the_whole_way(self, name: str, way: str) -> None:
        """A move with all that it needs, so that the long ways are walked, too."""
        before = self.records[name]
        given = {"accepted": "accepting", "rejected": "rejecting", "completed": "completing"}.get(way, "nothing")
        after = {**before, "status": way, "output": [*before.get("output", []), *self.given(given)]}
        after = {member: held for member, held in after.items() if held != []}
        after |= {"statusReason": concept(STATUS_REASON, "no-capacity")} if way == "rejected" else {}
        legal = (before["status"], way) in LEGAL and before["status"] != way
        assert self.move(name, before, after, CRISIS, acted=True, tried=True) is legal

    @rule(name=reviews)
    def ask_back(self, name: str) -> None:
        before = self.records[name]
        waits = concept(BUSINESS_STATUS, "awaiting-information")
        after = {**before, "businessStatus": waits, "note": [*before.get("note", []), {"text": self.ids()}]}
        self.move(name, before, after, CRISIS, acted=False, tried=False)
        assert self.records[name]["status"] == before["status"]

    def move(self, name: str, before: Resource, after: Resource, agency: str, *, acted: bool, tried: bool) -> bool:
        found = decide(REVIEW, self.situation(before, after, agency, acted=acted, tried=tried), self.ids)
        if not isinstance(found, Outcome):
            return False
        assert agency == CRISIS or after["status"] == before["status"]
        assert (before["status"], after["status"]) in LEGAL
        self.commit(found)
        if after["status"] != before["status"] and after["status"] in ("accepted", "rejected"):
            self.decisions[name] = self.decisions.get(name, 0) + 1
        return True

    @rule()
    def a_timer_fires(self) -> None:
        """The earliest, and what it does is committed with its end."""
        if not self.timers:
            return
        timer = min(self.timers.values(), key=lambda each: (each.due, each.key))
        self.at = max(self.at, timer.due)
        del self.timers[timer.key]
        record = self.records[timer.focus]
        if timer.kind == "TIM-5":
            made = overdue.undecided(self.situation(record, record, CRISIS, acted=False, tried=False), timer.level, self.ids)
            assert made is not None
            assert [each.level for each in made.timers] == [timer.level + 1]
        elif timer.kind == ENDS:
            made = overdue.over(Situation(self.at, CRISIS, record, record), (CRISIS,), self.ids)
        elif timer.kind == "TIM-6":
            made = overdue.unheld(Situation(self.at, CRISIS, record, record, organizations=STAFF))
        else:
            made = None
        if made is not None:
            self.commit(made)

    def of(self, code: str) -> list[Resource]:
        tasks = [each for ref_, each in self.records.items() if ref_.startswith("Task/")]
        return [each for each in tasks if reading.code(each) == code]

    @invariant()
    def an_undecided_review_has_one_clock_and_an_owner_of_the_agency_asked(self) -> None:
        for task in self.of("escalation-review"):
            undecided = task["status"] in ("requested", "received")
            assert (f"TIM-5:{name_of(task)}" in self.timers) is undecided
            assert STAFF[link(task, "owner")] == CRISIS

    @invariant()
    def the_escalation_stands_where_its_review_stands(self) -> None:
        stands = {
            "requested": "active",
            "received": "active",
            "accepted": "active",
            "rejected": "revoked",
            "completed": "completed",
        }
        for task in self.of("escalation-review"):
            assert self.records[link(task, "focus")]["status"] == stands[task["status"]]

    @invariant()
    def a_decision_is_taken_once_and_reviewed_once(self) -> None:
        for task in self.of("escalation-review"):
            reviewed = [each for each in self.of("decision-review") if link(each, "focus") == name_of(task)]
            decided = task["status"] in ("accepted", "rejected", "completed")
            assert len(reviewed) == self.decisions.get(name_of(task), 0) == int(decided)
            assert [each["priority"] for each in reviewed] == ["urgent" if task["status"] == "rejected" else "routine"] * len(
                reviewed
            )

    @invariant()
    def more_contacts_have_an_end_that_is_watched(self) -> None:
        for name, each in self.records.items():
            if request.of_category(each, request.CONTACT_PLAN) and each["status"] == "active":
                assert f"{ENDS}:{name}" in self.timers


TestStepUp = StepUp.TestCase
TestStepUp.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
