"""A small locality: a community trust that leads a plan, a housing association that may take it over, and a stranger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from service.care.handover.situation import HandoverSituation
from service.care.handover.table import MACHINE
from service.care.ownership.role import Lead
from service.care.task.authority import Authority
from service.care.task.machine import decide
from service.care.task.situation import Outcome
from service.change import Resource
from service.fhir.canonical import (
    BUSINESS_STATUS,
    CARE_COORDINATOR,
    CARE_PLAN,
    HELD_FROM,
    LAWFUL_BASIS,
    SNOMED,
    STATUS_REASON,
    TASK_CODE,
    TASK_INPUT,
    TASK_OUTPUT,
)
from service.fhir.coding import concept

AT = datetime(2026, 10, 23, 14, 30, tzinfo=UTC)
TRUST, HOUSING, STRANGER = "Organization/trust", "Organization/housing", "Organization/stranger"
AGENCIES = {"requester": TRUST, "owner": HOUSING, "stranger": STRANGER}


def role(name: str, organization: str) -> Resource:
    return {
        "resourceType": "PractitionerRole",
        "id": name,
        "meta": {"versionId": "1"},
        "active": True,
        "practitioner": {"reference": f"Practitioner/{name}"},
        "organization": {"reference": organization},
    }


@dataclass
class World:
    """Builders with sane defaults; `at`, `calls` and the three agencies are the same everywhere."""

    at: datetime = AT
    trust: str = TRUST
    housing: str = HOUSING
    stranger: str = STRANGER
    numbers: Any = field(default_factory=count)

    def ids(self) -> str:
        return f"new-{next(self.numbers)}"

    def plan(self, **members: Any) -> Resource:
        return {
            "resourceType": "CarePlan",
            "id": "plan",
            "meta": {"versionId": "4"},
            "status": "active",
            "intent": "plan",
            "category": [concept(SNOMED, CARE_PLAN)],
            "subject": {"reference": "Patient/p"},
            "author": {"reference": "PractitionerRole/ann"},
            "careTeam": [{"reference": "CareTeam/team"}],
            **members,
        }

    def team(self) -> Resource:
        old = {
            "role": [concept(SNOMED, CARE_COORDINATOR)],
            "member": {"reference": "PractitionerRole/ann"},
            "period": {"start": "2026-01-01T09:00:00.000Z"},
        }
        return {"resourceType": "CareTeam", "id": "team", "meta": {"versionId": "2"}, "status": "active", "participant": [old]}

    def episode(self) -> Resource:
        return {
            "resourceType": "EpisodeOfCare",
            "id": "episode",
            "meta": {"versionId": "3"},
            "status": "active",
            "patient": {"reference": "Patient/p"},
            "careManager": {"reference": "PractitionerRole/ann"},
        }

    def role(self, name: str = "hal", organization: str = HOUSING) -> Resource:
        return role(name, organization)

    def lead(self, name: str = "hal", organization: str = HOUSING) -> Lead:
        practitioner = {"resourceType": "Practitioner", "id": name}
        return Lead(
            role(name, organization), practitioner, {"resourceType": "Organization", "id": organization.partition("/")[2]}
        )

    def task(self, status: str, **members: Any) -> Resource:
        return {
            "resourceType": "Task",
            "id": "h",
            "meta": {"versionId": "1"},
            "status": status,
            "intent": "order",
            "code": concept(TASK_CODE, "handover"),
            "groupIdentifier": {"value": "conversation"},
            "authoredOn": "2026-10-23T14:00:00.000Z",
            "focus": {"reference": "CarePlan/plan"},
            "for": {"reference": "Patient/p"},
            "requester": {"reference": "PractitionerRole/ann"},
            "owner": {"reference": HOUSING},
            "restriction": {"period": {"end": "2026-10-27T12:00:00Z"}},
            "input": [
                {"type": concept(TASK_INPUT, "minimum-dataset"), "valueReference": {"reference": "QuestionnaireResponse/q"}},
                {"type": concept(TASK_INPUT, "sharing-authority"), "valueCodeableConcept": concept(LAWFUL_BASIS, "direct-care")},
            ],
            **members,
        }

    def stored(self, status: str, held: str = "received") -> Resource | None:
        """The Task as the service keeps it in this status; None for `none`."""
        if status == "none":
            return None
        if status == "on-hold":
            return self.task(status, extension=[{"url": HELD_FROM, "valueCode": held}], statusReason=self.why())
        return self.task(status)

    def why(self, text: str = "Refer to the crisis team instead") -> Resource:
        return concept(STATUS_REASON, "no-capacity", text)

    def output(self, kind: str, **value: Any) -> Resource:
        return {"type": concept(TASK_OUTPUT, kind), **value}

    def business(self, code: str) -> Resource:
        return concept(BUSINESS_STATUS, code)

    def submitted(self, before: Resource | None, status: str, **members: Any) -> Resource:
        """The stored Task with its status changed and everything that any move to it needs."""
        given: Resource = {"statusReason": self.why(), **members}
        if status == "accepted" and "owner" not in given and (before or {}).get("status") in ("requested", "received"):
            given["owner"] = {"reference": "PractitionerRole/hal"}
        if status == "completed" and "output" not in given:
            given["output"] = [self.output("first-contact", valueDateTime="2026-10-23T10:00:00Z")]
        return {**(before or self.task(status)), "status": status, **given}

    def situation(self, before: Resource | None, after: Resource, side: str = "requester", **members: Any) -> HandoverSituation:
        made = HandoverSituation(
            at=self.at,
            agency=AGENCIES[side],
            user=f"PractitionerRole/{'ann' if side == 'requester' else 'hal'}",
            before=before,
            after=after,
            organizations={
                "PractitionerRole/ann": TRUST,
                "PractitionerRole/hal": HOUSING,
                "PractitionerRole/hel": HOUSING,
                "PractitionerRole/sue": STRANGER,
                "HealthcareService/homes": HOUSING,
            },
            plan=self.plan(),
            keeper=TRUST,
            led=True,
            teams=(self.team(),),
            episode=self.episode(),
            lead=self.lead(),
            authority=Authority(True, "implied consent"),
        )
        return replace(made, **members)

    def decide(self, situation: HandoverSituation) -> Any:
        return decide(MACHINE, situation, self.ids)

    def accept(self, **members: Any) -> Outcome:
        before = self.task("received")
        found = self.decide(self.situation(before, self.submitted(before, "accepted", **members), "owner"))
        assert isinstance(found, Outcome), found
        return found

    def written(self, outcome: Outcome, kind: str) -> list[Resource]:
        return [staged.resource for staged in outcome.writes if staged.resource["resourceType"] == kind]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def ids(world: World) -> Callable[[], str]:
    return world.ids
