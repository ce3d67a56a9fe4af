"""Referrals through the front door, whatever is tried by whomever in whatever order (E4, TRI-1, MTG-3).

Nobody is accepted who was not allocated by a decision, at most one allocation of a referral is open, a referral ends at most
once, nobody decides and approves, and a triage that is open again has no decision.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from service.care.ownership.role import Lead
from service.care.referral import sending
from service.care.referral.referral import Decision, decision_of
from service.care.referral.situation import FrontDoorSituation, Referral, Suggested
from service.care.task import reading
from service.care.task.authority import Authority
from service.care.task.dataset import Completeness
from service.care.task.machine import decide
from service.care.task.situation import Outcome, Repeat
from service.change import Resource
from service.fhir.reference import link, links, name_of, version_of
from service.problem import Problem
from tests.care import front_door as door
from tests.care.front_door import ALLOCATED, AWAY, CAL, CRISIS, GUIDANCE, INSTEAD, RATIONALE, REASON, SEN, TAKEN, TO_CRISIS
from tests.care.told import ANN, HAL, HOUSING, TRUST

COMMUNITY, COM = "Organization/community", "PractitionerRole/com"
STAFF = {**door.STAFF, COM: COMMUNITY}
OUTCOMES = ("urgent", "eligible", "borderline", "outside-scope")
DECIDING = ("decision", "threshold", "rationale", "receiver", "lead", "redirect", "decided-by", "pathway")
ENDED = ("completed", "revoked", "entered-in-error")
TASKS = ("triage", "approve", "allocation")
LIVE = ("requested", "received", "in-progress")
BORDERLINE = door.threshold("borderline")
TO_COMMUNITY = door.output("receiver", valueReference=door.ref(COMMUNITY))
SAID: tuple[list[Resource], ...] = (
    [],
    TAKEN,
    [*TAKEN, TO_COMMUNITY],
    [ALLOCATED, BORDERLINE, RATIONALE, TO_CRISIS],
    [*AWAY, BORDERLINE],
    AWAY,
    [*TAKEN, door.suggestion("eligible")],
    [GUIDANCE],
    [INSTEAD],
    [RATIONALE],
)
"""What is said with a move, as it fits and as it does not."""
FORWARD = {"triage": "completed", "approve": "completed", "allocation": "accepted"}
BACK = {"triage": "received", "approve": "rejected", "allocation": "rejected"}
a_person = st.sampled_from((*STAFF, ""))
a_step = st.tuples(st.booleans(), st.sampled_from(SAID[1:7]), st.booleans())
an_agency = st.sampled_from((HOUSING, TRUST, CRISIS, COMMUNITY))
what = st.sampled_from(SAID)


def lead_of(reference: str) -> Lead:
    return door.lead(reference.partition("/")[2], STAFF[reference]) if reference in STAFF else Lead()


class FrontDoors(RuleBasedStateMachine):
    """A store in memory, and every agency trying every move."""

    sent: Any = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.at = datetime(2026, 10, 20, 9, tzinfo=UTC)
        self.numbers = count()
        self.records: dict[str, Resource] = {}
        self.suggests: dict[str, str] = {}
        self.ends = Counter[str]()
        self.accepted = Counter[str]()

    def ids(self) -> str:
        return f"n{next(self.numbers)}"

    def tasks(self, request: str, *codes: str) -> list[Resource]:
        """The Tasks that a referral has led to, of these codes."""
        found = [each for each in self.records.values() if reading.code(each) in codes]
        return [each for each in found if self.about(each) == request]

    def about(self, task: Resource) -> str:
        """The referral that a Task is about, by way of its triage."""
        focus = link(task, "focus")
        return self.about(self.records[focus]) if focus.startswith("Task/") else focus

    def settle(self, found: Outcome | Repeat | Problem) -> Outcome | None:
        """Commits an Outcome, as the store would: each write one version on."""
        self.at += timedelta(minutes=1)
        if not isinstance(found, Outcome):
            return None
        for staged in found.writes:
            name, new = name_of(staged.resource), staged.resource
            old = self.records.get(name)
            assert (old is None) is staged.created
            self.look(old, new)
            self.records[name] = {**new, "meta": {**new.get("meta", {}), "versionId": str(version_of(new) + 1)}}
        return found

    def look(self, old: Resource | None, new: Resource) -> None:
        """What holds of each single write."""
        before, after = reading.status(old), reading.status(new)
        if (
            new["resourceType"] == "ServiceRequest"
            and after in ("completed", "revoked", "entered-in-error")
            and before != "draft"
        ):
            self.ends[name_of(new)] += 1
        if new["resourceType"] == "Task" and after == "accepted":
            self.accepted[self.about(new)] += 1
        if reading.code(new) == "triage" and (before, after) == ("completed", "received"):
            assert not any(reading.outputs(new, kind) for kind in DECIDING)
            assert reading.outputs(new, "suggestion") == reading.outputs(old or {}, "suggestion")

    def written(self, agency: str, before: Resource | None, after: Resource, dataset: Completeness) -> Referral:
        name = name_of(after)
        live = [each for each in self.tasks(name, *TASKS, "clarification") if reading.status(each) in LIVE]
        one = {reading.code(each): each for each in live}
        return Referral(
            at=self.at,
            agency=agency,
            user=HAL,
            after=after,
            before=before,
            sender=HOUSING,
            receiver=TRUST,
            live=True,
            decide_by=self.at,
            answer_by=self.at,
            response="QuestionnaireResponse/q",
            dataset=dataset,
            authority=Authority(True),
            suggested=Suggested(self.suggests[name], "", door.PATHWAY),
            triage=one.get("triage"),
            clarification=one.get("clarification"),
            asked=tuple(each for each in live if reading.code(each) in ("approve", "allocation")),
        )

    def situation(self, agency: str, user: str, before: Resource, after: Resource, permits: bool) -> FrontDoorSituation:
        code = reading.code(before)
        triage = None if code == "triage" else self.records[links(before, "partOf")[0]]
        decision = decision_of((triage or {}) if code == "approve" else after)
        by = decision_of(after).decided_by or user
        return FrontDoorSituation(
            at=self.at,
            agency=agency,
            after=after,
            before=before,
            user=user,
            organizations=STAFF,
            referral=self.records[self.about(before)],
            keeper=HOUSING,
            triage=triage,
            decider=STAFF.get(by, ""),
            live=True,
            lead=lead_of(reading.lead_reference(after) if code == "allocation" else decision.lead),
            authority=Authority(permits),
            redirect=Completeness() if decision.redirect else Completeness(fault="it is not here"),
            urgent=True,
            senior=SEN,
            suggested=Suggested("eligible", "Within scope.", door.PATHWAY),
        )

    @precondition(lambda self: sum(self.records[each]["status"] == "active" for each in self.requests()) < 2)
    @rule(target=sent, suggests=st.sampled_from(OUTCOMES), lacks=st.booleans())
    def send(self, suggests: str, lacks: bool) -> str:
        request = door.request(id=self.ids())
        dataset = Completeness(("current-risks",)) if lacks else Completeness()
        self.suggests[name_of(request)] = suggests
        assert self.settle(sending.decide(self.written(HOUSING, None, request, dataset), self.ids))
        return name_of(request)

    @rule(request=sent, agency=an_agency, end=st.sampled_from(("draft", "active", *ENDED)))
    def try_any_status(self, request: str, agency: str, end: str) -> None:
        """Only its sender withdraws a referral, and only while it stands."""
        before = self.records[request]
        found = sending.decide(self.written(agency, before, {**before, "status": end}, Completeness()), self.ids)
        legal = before["status"] == "active" and end in ("active", "revoked", "entered-in-error") and agency == HOUSING
        assert (self.settle(found) is not None) is legal

    @rule(request=sent)
    def withdraw(self, request: str) -> None:
        """While it is being approved or allocated, which is cancelled."""
        before = self.records[request]
        if any(reading.code(each) != "triage" for each in self.live(request)):
            found = sending.decide(self.written(HOUSING, before, {**before, "status": "revoked"}, Completeness()), self.ids)
            assert self.settle(found)

    @rule(request=sent, user=a_person)
    def accept(self, request: str, user: str) -> None:
        """The agency that is asked accepts, whomever it names to lead."""
        for task in self.live(request):
            if reading.code(task) == "allocation":
                self.move(task, link(task, "owner"), user, "accepted", [], "", permits=True)

    @rule(
        request=sent,
        pick=st.integers(0, 9),
        agency=an_agency,
        user=a_person,
        end=st.sampled_from(reading.STATUSES),
        said=what,
        by=a_person,
        permits=st.booleans(),
    )
    def try_any_move(
        self, request: str, pick: int, agency: str, user: str, end: str, said: list[Resource], by: str, permits: bool
    ) -> None:
        every = self.tasks(request, *TASKS)
        self.move(every[pick % len(every)], agency, user, end, said, by, permits)

    @rule(request=sent, pick=st.integers(0, 99), user=a_person, said=what, by=a_person, permits=st.booleans())
    def try_a_legal_move(self, request: str, pick: int, user: str, said: list[Resource], by: str, permits: bool) -> None:
        """A row of the table, by its own side, whoever says whatever."""
        for task in self.live(request):
            rows = [row for row in door.MACHINE[reading.code(task)].table if row.start == task["status"]]
            row = rows[pick % len(rows)]
            party = link(task, row.sides[0])
            self.move(task, STAFF.get(party, party), user, row.end, said, by, permits)

    @rule(request=sent, picks=st.lists(a_step, min_size=1, max_size=2))
    def advance(self, request: str, picks: list[tuple[bool, list[Resource], bool]]) -> None:
        """Moves by their own sides with what they need, more often forward than back, so that the long ways are walked too."""
        for forward, said, back in picks:
            for task in self.live(request):
                code, owner = reading.code(task), link(task, "owner")
                end = FORWARD[code] if forward or not back else BACK[code]
                agency = STAFF.get(owner, owner)
                user = {"triage": ANN, "approve": SEN}.get(code, CAL if agency == CRISIS else COM)
                self.move(task, agency, user, end, said if code == "triage" else [GUIDANCE, INSTEAD], "", permits=True)

    def live(self, request: str) -> list[Resource]:
        """The steps of a referral that are open."""
        return [each for each in self.tasks(request, *TASKS) if reading.status(each) in LIVE]

    def move(self, before: Resource, agency: str, user: str, end: str, said: list[Resource], by: str, permits: bool) -> None:
        named = [door.output("decided-by", valueReference=door.ref(by))] if by else []
        after = {**before, "status": end, "statusReason": REASON, "output": [*before.get("output", ()), *said, *named]}
        if end == "accepted" and user:
            after["owner"] = door.ref(user)
        machine, records = door.MACHINE[reading.code(before)], {**self.records}
        situation = self.situation(agency, user, before, after, permits)
        made = self.settle(decide(machine, situation, self.ids))
        if made is None:
            assert self.records == records
            return
        assert agency in (situation.sender, situation.receiver)
        self.carried(before, made, permits)
        again = decide(machine, self.situation(agency, user, self.records[name_of(before)], after, permits), self.ids)
        assert isinstance(again, Repeat | Problem)  # HOV-5

    def carried(self, before: Resource, made: Outcome, permits: bool) -> None:
        """What a move may lead to: nobody is asked to take a person on by a decision that waits for its approval, or denied."""
        asked = [each for each in made.writes if each.created and reading.code(each.resource) == "allocation"]
        assert made.disclosure is bool(asked)
        for each in asked:
            triage = self.records[links(each.resource, "partOf")[0]]
            assert permits
            assert each.keys == (f"rule:MTG-3:{self.about(each.resource)}",)
            assert reading.code(before) == "approve" or decision_of(triage).threshold != "borderline"

    def decision(self, task: Resource) -> Decision:
        return decision_of(self.records[links(task, "partOf")[0]])

    @invariant()
    def nobody_is_accepted_who_was_not_allocated(self) -> None:
        for task in self.of("allocation"):
            decided = self.decision(task)
            if reading.status(task) in ("accepted", "completed"):
                assert (decided.kind, decided.receiver) == ("allocated", STAFF[link(task, "owner")])
                assert decided.rationale
                assert STAFF[decided.decided_by] == TRUST
                assert self.records[self.about(task)]["status"] == "completed"

    @invariant()
    def what_is_asked_is_what_was_decided(self) -> None:
        for task in self.of("allocation"):
            if reading.status(task) in ("requested", "received"):
                assert (self.decision(task).kind, self.decision(task).receiver) == ("allocated", link(task, "owner"))

    @invariant()
    def at_most_one_step_of_a_referral_is_open(self) -> None:
        """MTG-3; nor does anybody triage what is being approved or allocated."""
        for request in self.requests():
            assert len(self.live(request)) == (1 if self.records[request]["status"] == "active" else 0)

    @invariant()
    def a_referral_ends_and_is_accepted_at_most_once(self) -> None:
        assert all(number == 1 for number in (*self.ends.values(), *self.accepted.values()))

    @invariant()
    def nobody_decides_and_approves(self) -> None:
        for task in self.of("approve"):
            if reading.status(task) in ("completed", "rejected"):
                by = decision_of(task).decided_by
                assert by == SEN != link(task, "requester")

    @invariant()
    def an_ended_referral_has_one_outcome(self) -> None:
        for request in self.requests():
            taken = [each for each in self.tasks(request, "allocation") if reading.status(each) in ("accepted", "completed")]
            assert len(taken) == (1 if self.records[request]["status"] == "completed" else 0)

    def of(self, code: str) -> list[Resource]:
        return [each for each in self.records.values() if reading.code(each) == code]

    def requests(self) -> list[str]:
        return [name for name in self.records if name.startswith("ServiceRequest/")]


TestFrontDoors = FrontDoors.TestCase
TestFrontDoors.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
