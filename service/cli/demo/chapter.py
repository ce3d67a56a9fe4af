"""The second chapter of the story: a housing association refers Dan, the trust's front door looks at it, the MDT allocates him,
and the crisis team takes him on (E4, E1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from service.change import Resource
from service.cli.demo import locality
from service.cli.demo.locality import CRISIS, DAN, HOUSING, TRUST
from service.cli.demo.narrator import Narrator, refusal, status
from service.cli.demo.smart import Partner
from service.clock import now
from service.fhir.canonical import (
    ACT_CODE,
    AGENDA_REASON,
    BUSINESS_STATUS,
    LAWFUL_BASIS,
    MEETING_ROLE,
    MEETING_TYPE,
    REQUEST_CATEGORY,
    SHARING_AUTHORITY,
    TASK_CODE,
    TASK_OUTPUT,
    TRIAGE_OUTCOME,
)
from service.fhir.coding import code_in, concept
from service.fhir.date import written
from service.fhir.operation import parameters

OPEN = "reasonable-adjustments"
ACTION = "Ask the surgery what he takes"
WHY = "Sleeping in the stairwell and not eating: he needs somebody this week, and the crisis team has known him."


@dataclass(slots=True)
class FrontDoor:
    """The steps of the chapter, played by the agencies' own systems. `questions` has the items of each minimum dataset."""

    tell: Narrator
    cast: dict[str, Partner]
    questions: dict[str, list[Resource]]
    referral: Resource = field(default_factory=dict)
    triage: Resource = field(default_factory=dict)
    agenda: Resource = field(default_factory=dict)

    def play(self) -> None:
        """Plays all steps in order."""
        self.referred()
        self.completed()
        self.undecided()
        self.allocated()
        self.accepted()

    def referred(self) -> None:
        """E4: a referral that leaves an item open is taken, and the item asked for."""
        self.tell.step("Hugo of the housing association refers Dan to the trust's front door, and leaves one item open")
        housing, trust = self.cast["housing"], self.cast["trust"]
        response = housing.post("QuestionnaireResponse", self._dataset((OPEN,))).json()
        answer = self._heard(housing, housing.post("ServiceRequest", _referral(response["id"])), 201, says=status)
        self.referral = answer.json()
        self.triage = self._task(trust, "triage")
        waits = code_in(self.triage.get("businessStatus"), BUSINESS_STATUS)
        self.tell.holds(f"the front door has its triage, due {_due(self.triage)}, which waits for information", waits != "")
        asked = self._task(housing, "clarification")
        self.tell.holds(f"and Hugo is asked for `{OPEN}`, not refused", OPEN in asked["description"])

    def completed(self) -> None:
        """TIM-15: the answer completes the dataset, and the waiting ends by itself."""
        self.tell.step("He answers it, and the waiting ends by itself")
        housing, trust = self.cast["housing"], self.cast["trust"]
        stored = housing.get(self.referral["supportingInfo"][0]["reference"]).json()
        self._heard(housing, housing.put(stored, item=self._dataset()["item"]), 200, says=status)
        self.triage = self._task(trust, "triage")
        self.tell.holds("the triage waits no more", "businessStatus" not in self.triage)
        self.tell.says(f"what the pathway suggests: {_suggested(self.triage)}")

    def undecided(self) -> None:
        """E1: a meeting ends with a decision for everybody on its agenda, and its reason."""
        self.tell.step("The weekly MDT of the three meets, and would end without saying why Dan goes where")
        trust, crisis = self.cast["trust"], self.cast["crisis"]
        held = self._heard(trust, trust.post("Encounter", _meeting()), 201, says=status).json()
        agenda = _agenda(held["id"], f"ServiceRequest/{self.referral['id']}")
        self.agenda = self._heard(trust, trust.post("List", agenda), 201).json()
        seen = self._heard(crisis, crisis.get(f"List/{self.agenda['id']}"), 200).json()
        self.tell.holds("the crisis team sees Dan on the agenda, as consent lets it", len(seen.get("entry", [])) == 1)
        bare = self._closing(part("action", part=[part("description", valueString=ACTION)]))
        answer = self._heard(trust, trust.post(f"List/{self.agenda['id']}/$close-meeting", bare), 422)
        missing = ("`rationale`", "`receiver`", "`owner`", "`restriction.period.end`")
        self.tell.holds(f"it names {', '.join(missing)}", all(each in refusal(answer) for each in missing))

    def allocated(self) -> None:
        """E1 and TRI-1: the meeting's decision asks an agency; nobody has the person yet."""
        self.tell.step("With its reasons, and an action for Tara, Dan is allocated to the crisis team")
        trust, crisis = self.cast["trust"], self.cast["crisis"]
        due = (now() + timedelta(days=2)).date().isoformat()
        action = part("action", part=[
            part("description", valueString=ACTION),
            part("owner", valueReference={"reference": TRUST.role("tara")}),
            part("due", valueDate=due),
        ])  # fmt: skip
        whole = self._closing(
            part("rationale", valueString=WHY), part("receiver", valueReference={"reference": CRISIS.reference}), action
        )
        answer = self._heard(trust, trust.post(f"List/{self.agenda['id']}/$close-meeting", whole), 200)
        told = [each["name"] for each in answer.json()["parameter"]]
        self.tell.holds("the meeting has ended, with one decision and one action", told[2:] == ["decision", "action"])
        found = self._heard(crisis, crisis.get(f"CarePlan?subject={DAN}"), 200, says=_count)
        self.tell.holds("there is no plan before somebody accepts", not found.json().get("entry"))

    def accepted(self) -> None:
        """TRI-1: acceptance names the lead, and makes plan, team, episode and first contact at once."""
        self.tell.step("The crisis team accepts with Cora as the lead: plan, episode, team and first contact are there at once")
        crisis, housing = self.cast["crisis"], self.cast["housing"]
        allocation = self._task(crisis, "allocation")
        lead = {"reference": CRISIS.role("cora")}
        self._heard(crisis, crisis.put(allocation, status="accepted", owner=lead), 200, says=status)
        found = self._heard(crisis, crisis.get(f"CarePlan?subject={DAN}"), 200, says=_count)
        plans = [entry["resource"] for entry in found.json().get("entry", [])]
        self.tell.holds(
            "one active plan, led by Cora", [(each["status"], each["author"]) for each in plans] == [("active", lead)]
        )
        follow = self._task(crisis, "follow-up", f"&patient={DAN}")
        self.tell.holds(f"Cora owes the first contact by {_due(follow)}", follow["owner"] == lead)
        self._heard(housing, housing.get(f"ServiceRequest/{self.referral['id']}"), 200, says=status)
        told = housing.get(f"Communication?subject={DAN}&category=referral-outcome").json().get("entry", [])
        self.tell.holds("and Hugo was told", len(told) == 1)

    def _heard(self, partner: Partner, answer: httpx.Response, *expected: int, says: Any = None) -> httpx.Response:
        return self.tell.heard(partner.name, answer, *expected, says=says)

    def _dataset(self, without: tuple[str, ...] = ()) -> Resource:
        return locality.answers("referral", DAN, HOUSING.role("hugo"), self.questions["referral"], without)

    def _closing(self, *more: Resource) -> Resource:
        """The Parameters of a close that allocates Dan."""
        item = part("item", valueReference={"reference": f"ServiceRequest/{self.referral['id']}"})
        return parameters(part("entry", part=[item, part("decision", valueCode="allocated"), *more]))

    def _task(self, partner: Partner, kind: str, more: str = "") -> Resource:
        """The open Task of a kind about Dan that an agency finds."""
        path = f"Task?code={TASK_CODE}|{kind}&patient={DAN}&status=requested,received{more}"
        (entry,) = partner.get(path).json()["entry"]
        found: Resource = entry["resource"]
        return found


def _referral(dataset: str) -> Resource:
    basis = concept(LAWFUL_BASIS, "direct-care", "Dan asked for help, and agreed to be referred.")
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "extension": [{"url": SHARING_AUTHORITY, "valueCodeableConcept": basis}],
        "category": [concept(REQUEST_CATEGORY, "referral")],
        "priority": "routine",
        "subject": {"reference": DAN},
        "requester": {"reference": HOUSING.role("hugo")},
        "performer": [{"reference": TRUST.reference}],
        "supportingInfo": [{"reference": f"QuestionnaireResponse/{dataset}"}],
    }


def part(name: str, **value: Any) -> Resource:
    """A parameter, or a part of one."""
    return {"name": name, **value}


def _meeting() -> Resource:
    came = {"period": {"start": written(now())}}
    others = [{"individual": {"reference": each}, **came} for each in (CRISIS.role("cora"), HOUSING.role("hugo"))]
    chair = {"type": [concept(MEETING_ROLE, "chair")], "individual": {"reference": TRUST.role("tara")}, **came}
    return {
        "resourceType": "Encounter",
        "status": "planned",
        "class": {"system": ACT_CODE, "code": "VR"},
        "type": [concept(MEETING_TYPE, "mdt")],
        "serviceProvider": {"reference": TRUST.reference},
        "participant": [chair, *others],
    }


def _agenda(meeting: str, referral: str) -> Resource:
    return {
        "resourceType": "List",
        "status": "current",
        "mode": "working",
        "encounter": {"reference": f"Encounter/{meeting}"},
        "entry": [{"flag": concept(AGENDA_REASON, "new-referral"), "item": {"reference": referral}}],
    }


def _suggested(triage: Resource) -> str:
    said = next(each["valueCodeableConcept"] for each in triage["output"] if code_in(each["type"], TASK_OUTPUT) == "suggestion")
    code = code_in(said, TRIAGE_OUTCOME)
    return f"`{code}`: {said.get('text', '')}" if code else str(said.get("text", ""))


def _due(task: Resource) -> str:
    return str(task["restriction"]["period"]["end"])


def _count(answer: httpx.Response) -> str:
    return f"a Bundle with {len(answer.json().get('entry', []))} entries"
