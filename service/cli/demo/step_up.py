"""The third chapter of the story: the same day Hugo of the housing association escalates, and Carl decides (E5, E10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from service.change import Resource
from service.cli.demo import locality
from service.cli.demo.locality import CRISIS, DAN, HOUSING, output
from service.cli.demo.narrator import Narrator, refusal, status
from service.cli.demo.smart import Partner
from service.clock import now
from service.fhir.canonical import ESCALATION_THRESHOLD, LAWFUL_BASIS, REQUEST_CATEGORY, SHARING_AUTHORITY, TASK_CODE
from service.fhir.coding import concept
from service.fhir.date import written

WHY = "He has not come out of the boiler room since noon, and answers nobody whom he used to answer."


@dataclass(slots=True)
class StepUp:
    """The steps of the chapter, played by the agencies' own systems. `questions` has the items of each minimum dataset."""

    tell: Narrator
    cast: dict[str, Partner]
    questions: dict[str, list[Resource]]
    review: Resource = field(default_factory=dict)

    def play(self) -> None:
        """Plays all steps in order."""
        self.asked()
        self.bare()
        self.accepted()

    def asked(self) -> None:
        """E5: anybody of the person's care team escalates, with four answers, to a named clinician."""
        self.tell.step("The same day Hugo, whom the crisis team has in Dan's team, escalates to Carl with four answers")
        crisis, housing = self.cast["crisis"], self.cast["housing"]
        self._heard(crisis, crisis.post("CareTeam", _team()), 201)
        answers = locality.answers("escalation", DAN, HOUSING.role("hugo"), self.questions["escalation"])
        response = housing.post("QuestionnaireResponse", answers).json()
        self._heard(housing, housing.post("ServiceRequest", _escalation(response["id"])), 201, says=status)
        self.review = self._task("escalation-review")
        due = self.review["restriction"]["period"]["end"]
        self.tell.holds(f"Carl has its review, due {due}", self.review["owner"] == {"reference": CRISIS.role("carl")})

    def bare(self) -> None:
        """E5: neither a yes nor a no goes without its reasons."""
        self.tell.step("Carl would say yes without saying what happens next, and is told all that is missing")
        crisis = self.cast["crisis"]
        answer = self._heard(crisis, crisis.put(self.review, status="accepted"), 422)
        missing = ("`threshold`", "`rationale`", "`contact-cadence`", "`out-of-hours`", "`mdt-review`")
        self.tell.holds(f"it names {', '.join(missing)}", all(each in refusal(answer) for each in missing))

    def accepted(self) -> None:
        """E10: an acceptance comes with its actions; the contacts end by themselves, and are looked at within 72 hours."""
        self.tell.step("With them, and with an action for Cora in one transaction, more contacts begin, which end by themselves")
        crisis, housing = self.cast["crisis"], self.cast["housing"]
        match = f'W/"{self.review["meta"]["versionId"]}"'
        decided = {**self.review, "status": "accepted", "output": [*self.review.get("output", []), *_decision()]}
        put = {"method": "PUT", "url": f"Task/{self.review['id']}", "ifMatch": match}
        entries = [
            {"resource": decided, "request": put},
            {"resource": _action(self.review["id"]), "request": {"method": "POST", "url": "Task"}},
        ]
        self._heard(crisis, crisis.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries}), 200)
        brief = self._task("brief-review")
        self.tell.holds(f"a brief review is due {brief['restriction']['period']['end']}", brief["status"] == "requested")
        found = crisis.get(f"ServiceRequest?patient={DAN}&category={REQUEST_CATEGORY}|contact-plan").json().get("entry", [])
        self.tell.holds("one contact plan has an end", [_ends(each["resource"]) for each in found] != [] and len(found) == 1)
        told = housing.get(f"Communication?subject={DAN}&category=escalation-outcome").json().get("entry", [])
        self.tell.holds("and Hugo was told", len(told) == 1)

    def _heard(self, partner: Partner, answer: httpx.Response, *expected: int, says: Any = None) -> httpx.Response:
        return self.tell.heard(partner.name, answer, *expected, says=says)

    def _task(self, kind: str) -> Resource:
        """The open Task of a kind about Dan that the crisis team finds."""
        path = f"Task?code={TASK_CODE}|{kind}&patient={DAN}&status=requested,received,accepted"
        (entry,) = self.cast["crisis"].get(path).json()["entry"]
        found: Resource = entry["resource"]
        return found


def _team() -> Resource:
    return {
        "resourceType": "CareTeam",
        "status": "active",
        "subject": {"reference": DAN},
        "participant": [{"role": [{"text": "Sees Dan every day"}], "member": {"reference": HOUSING.reference}}],
    }


def _escalation(dataset: str) -> Resource:
    basis = concept(LAWFUL_BASIS, "direct-care", "Dan agreed that the crisis team is asked when he goes silent.")
    return {
        "resourceType": "ServiceRequest",
        "extension": [{"url": SHARING_AUTHORITY, "valueCodeableConcept": basis}],
        "status": "active",
        "intent": "order",
        "category": [concept(REQUEST_CATEGORY, "escalation")],
        "priority": "urgent",
        "subject": {"reference": DAN},
        "authoredOn": written(now()),
        "requester": {"reference": HOUSING.role("hugo")},
        "performer": [{"reference": CRISIS.role("carl")}],
        "supportingInfo": [{"reference": f"QuestionnaireResponse/{dataset}"}],
    }


def _decision() -> list[Resource]:
    end = written(now() + timedelta(days=14))
    repeat = {"frequency": 1, "period": 1, "periodUnit": "d", "boundsPeriod": {"end": end}}
    return [
        output("threshold", valueCodeableConcept=concept(ESCALATION_THRESHOLD, "met")),
        output("rationale", valueString=WHY),
        output("decided-by", valueReference={"reference": CRISIS.role("carl")}),
        output("contact-cadence", valueTiming={"repeat": repeat}),
        output("out-of-hours", valueString="The crisis line, which has his plan; Hugo has the number."),
        output("mdt-review", valueDate=(now() + timedelta(days=5)).date().isoformat()),
    ]


def _action(review: str) -> Resource:
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": concept(TASK_CODE, "action"),
        "description": "See Dan where he is, with Hugo",
        "partOf": [{"reference": f"Task/{review}"}],
        "for": {"reference": DAN},
        "requester": {"reference": CRISIS.role("carl")},
        "owner": {"reference": CRISIS.role("cora")},
        "restriction": {"period": {"end": written(now() + timedelta(hours=6))}},
    }


def _ends(request: Resource) -> str:
    return str(request["occurrenceTiming"]["repeat"]["boundsPeriod"]["end"])
