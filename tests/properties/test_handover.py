"""Handovers of several plans between several agencies, in any order: a plan is never without exactly one owner (OWN-1, OWN-4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from service.care.handover import overdue
from service.care.handover.situation import HandoverSituation
from service.care.handover.table import MACHINE, TABLE
from service.care.ownership import lead as ownership
from service.care.ownership.role import Lead
from service.care.registry import MACHINES
from service.care.task import reading
from service.care.task.authority import Authority
from service.care.task.machine import decide
from service.care.task.situation import Outcome, Repeat
from service.change import Resource
from service.fhir.canonical import (
    CARE_COORDINATOR,
    CARE_PLAN,
    LAWFUL_BASIS,
    SCOPE,
    SNOMED,
    STATUS_REASON,
    TASK_CODE,
    TASK_INPUT,
    TASK_OUTPUT,
)
from service.fhir.coding import codings, concept
from service.fhir.date import LOCAL, written
from service.fhir.reference import link, name_of, version_of
from service.problem import Problem

AGENCIES = ("Organization/a", "Organization/b", "Organization/c")
STAFF = {f"PractitionerRole/{agency[-1]}{n}": agency for agency in AGENCIES for n in (1, 2)}
an_agency = st.sampled_from(AGENCIES)
scopes = st.sampled_from(("", "overall-coordination", "medication"))
a_sender = st.sampled_from(("", "", *AGENCIES))
PLANS = ("CarePlan/1", "CarePlan/2")


def lead_of(reference: str) -> Lead:
    organization = STAFF[reference]
    role = {
        "resourceType": "PractitionerRole",
        "id": reference.partition("/")[2],
        "meta": {"versionId": "1"},
        "active": True,
        "practitioner": {"reference": "Practitioner/x"},
        "organization": {"reference": organization},
    }
    return Lead(role, {"resourceType": "Practitioner"}, {"resourceType": "Organization"})


class Handovers(RuleBasedStateMachine):
    """A store in memory, and every agency trying every move."""

    sent: Any = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.at = datetime(2026, 10, 20, 9, tzinfo=UTC)
        self.numbers = count()
        self.records: dict[str, Resource] = {}
        self.moves: dict[str, list[tuple[str, str]]] = {plan: [] for plan in PLANS}
        for number, plan in enumerate(PLANS):
            lead = f"PractitionerRole/{AGENCIES[number][-1]}1"
            coordinator = {
                "role": [concept(SNOMED, CARE_COORDINATOR)],
                "member": {"reference": lead},
                "period": {"start": written(self.at)},
            }
            team = {"resourceType": "CareTeam", "id": plan[-1], "meta": {"versionId": "1"}, "participant": [coordinator]}
            self.records[plan] = {
                "resourceType": "CarePlan",
                "id": plan[-1],
                "meta": {"versionId": "1"},
                "status": "active",
                "category": [concept(SNOMED, CARE_PLAN)],
                "subject": {"reference": "Patient/p"},
                "author": {"reference": lead},
                "careTeam": [{"reference": name_of(team)}],
            }
            self.records[name_of(team)] = team

    def ids(self) -> str:
        return f"n{next(self.numbers)}"

    def situation(
        self, agency: str, before: Resource | None, after: Resource, about: Resource | None = None
    ) -> HandoverSituation:
        task = about or before or after
        plan = self.records[link(task, "focus")]
        lead = reading.lead_reference(after)
        return HandoverSituation(
            at=self.at,
            agency=agency,
            before=before,
            after=after,
            organizations=STAFF,
            plan=plan,
            about=about,
            keeper=STAFF[link(plan, "author")],
            led=True,
            teams=(self.records[f"CareTeam/{plan['id']}"],),
            lead=lead_of(lead) if lead in STAFF else Lead(),
            authority=Authority(True),
        )

    def settle(self, found: Outcome | Repeat | Problem) -> Outcome | None:
        """Commit an Outcome, as the store would: each write one version on."""
        self.at += timedelta(minutes=1)
        if not isinstance(found, Outcome):
            return None
        for staged in found.writes:
            version = {"versionId": str(version_of(staged.resource) + 1)}
            self.records[name_of(staged.resource)] = {**staged.resource, "meta": version}
        return found

    @rule(
        target=sent,
        plan=st.sampled_from(PLANS),
        agency=st.sampled_from(AGENCIES),
        to=st.sampled_from(AGENCIES),
        draft=st.booleans(),
    )
    def send(self, plan: str, agency: str, to: str, draft: bool) -> Any:
        task = {
            "resourceType": "Task",
            "id": self.ids(),
            "status": "draft" if draft else "requested",
            "intent": "order",
            "code": concept(TASK_CODE, "handover"),
            "focus": {"reference": plan},
            "for": {"reference": "Patient/p"},
            "requester": {"reference": f"PractitionerRole/{agency[-1]}1"},
            "owner": {"reference": to},
            "restriction": {"period": {"end": "2027-01-01T00:00:00Z"}},
            "input": [
                {"type": concept(TASK_INPUT, "minimum-dataset"), "valueReference": {"reference": "QuestionnaireResponse/q"}},
                {"type": concept(TASK_INPUT, "sharing-authority"), "valueCodeableConcept": concept(LAWFUL_BASIS, "direct-care")},
            ],
        }
        leads = STAFF[link(self.records[plan], "author")] == agency
        made = self.settle(decide(MACHINE, self.situation(agency, None, task), self.ids))
        assert (made is not None) is (leads or draft)
        return name_of(task) if made else multiple()

    @rule(name=sent, agency=an_agency, end=st.sampled_from(reading.STATUSES), member=st.sampled_from((1, 2)), scope=scopes)
    def try_any_move(self, name: str, agency: str, end: str, member: int, scope: str) -> None:
        self.move(name, agency, end, member, scope)

    @rule(name=sent, picks=st.lists(st.integers(0, 11), min_size=2, max_size=6), member=st.sampled_from((1, 2)), scope=scopes)
    def advance(self, name: str, picks: list[int], member: int, scope: str) -> None:
        """Some legal moves by their own sides, more often forward than out, so that the long ways are walked too."""
        for pick in picks:
            task = self.records[name]
            rows = [row for row in TABLE if row.start == task["status"] and not row.kind]
            forward = [row for row in rows if row.end in ("requested", "accepted", "in-progress", "completed")]
            if rows:
                row = ([*rows, *forward * 3])[pick % (len(rows) + 3 * len(forward))]
                party = link(task, row.sides[0])
                self.move(name, STAFF.get(party, party), row.end, member, scope)

    def move(self, name: str, agency: str, end: str, member: int, scope: str) -> None:
        before = self.records[name]
        after = {**before, "status": end, "statusReason": concept(STATUS_REASON, "other", "try the crisis team")}
        if end == "accepted" and before["status"] in ("requested", "received"):
            after["owner"] = {"reference": f"PractitionerRole/{agency[-1]}{member}"}
            scoped = [{"type": concept(TASK_OUTPUT, "accepted-scope"), "valueCodeableConcept": concept(SCOPE, scope)}]
            after["output"] = scoped if scope else []
        if end == "completed":
            contact = {"type": concept(TASK_OUTPUT, "first-contact"), "valueDateTime": "2026-11-01"}
            after["output"] = [*before.get("output", ()), contact]
        situation = self.situation(agency, before, after)
        owners = self.owners()
        found = decide(MACHINE, situation, self.ids)
        made = self.settle(found)
        if made is None:
            assert self.owners() == owners
            return
        if made.moved:
            assert STAFF[link(self.records[link(after, "focus")], "author")] == agency == situation.receiver
            self.moves[link(after, "focus")].append((name, link(after, "owner")))
        assert made.moved is (end == "accepted" and situation.stage in ("requested", "received") and scope != "medication")
        # the same request again changes nothing (HOV-5)
        again = decide(MACHINE, self.situation(agency, self.records[name], after), self.ids)
        assert isinstance(again, Repeat | Problem)

    @rule(name=sent, agency=st.sampled_from(AGENCIES), answer=st.sampled_from(("accepted", "rejected")))
    def abort(self, name: str, agency: str, answer: str) -> None:
        target = self.records[name]
        asked = {
            "resourceType": "Task",
            "id": self.ids(),
            "status": "requested",
            "intent": "order",
            "code": concept(TASK_CODE, "abort"),
            "focus": {"reference": name},
            "for": target["for"],
            "requester": {"reference": f"PractitionerRole/{agency[-1]}1"},
            "owner": target["owner"],
            "reasonCode": concept(STATUS_REASON, "circumstances-changed"),
        }
        owners = self.owners()
        made = self.settle(decide(MACHINES["abort"], self.situation(agency, None, asked, target), self.ids))
        sender = STAFF[link(target, "requester")]
        assert (made is not None) is (target["status"] == "in-progress" and agency == sender)
        if made is not None:
            before = self.records[name_of(asked)]
            after = {**before, "status": answer, "statusReason": concept(STATUS_REASON, "other")}
            owner = STAFF[link(target, "owner")]
            assert self.settle(decide(MACHINES["abort"], self.situation(owner, before, after, target), self.ids))
            assert self.records[name]["status"] == ("cancelled" if answer == "accepted" else "in-progress")
        assert self.owners() == owners  # ownership goes back only by another handover (OWN-3)

    @rule(name=sent, level=st.integers(0, 3))
    def time_passes(self, name: str, level: int) -> None:
        before, owners = self.records[name], self.owners()
        situation = self.situation(AGENCIES[0], before, before)
        made = overdue.overdue(situation, level, self.ids)
        assert (made is not None) is (situation.stage in ("requested", "received"))
        if made is not None:
            self.settle(made)
        assert self.records[name]["status"] == before["status"]
        assert self.owners() == owners

    def owners(self) -> list[str]:
        return [link(self.records[plan], "author") for plan in PLANS]

    @invariant()
    def each_plan_has_exactly_one_owner(self) -> None:
        for plan in PLANS:
            author, team = link(self.records[plan], "author"), self.records[f"CareTeam/{plan[-1]}"]
            assert author in STAFF
            assert ownership.coordinators(team, self.at, LOCAL) == (author,)

    @invariant()
    def an_old_lead_ends_when_the_new_one_starts(self) -> None:
        for plan in PLANS:
            team = self.records[f"CareTeam/{plan[-1]}"]
            led = [one["period"] for one in team["participant"] if (SNOMED, CARE_COORDINATOR) in codings(one["role"])]
            assert all(old.get("end") == new["start"] for old, new in pairwise(led))

    @invariant()
    def a_handover_moves_ownership_at_most_once(self) -> None:
        for moved in self.moves.values():
            assert len({name for name, _ in moved}) == len(moved)


TestHandovers = Handovers.TestCase
TestHandovers.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
