"""The story: a plan is handed over, a crisis plan is agreed, disclosures and an override are decided, and a person reads the
disclosure account.

Every request goes over HTTP with the token of its own client, and the story knows what each answer must be.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from service.change import Resource
from service.cli.demo import locality
from service.cli.demo.locality import ADA, BEN, CRISIS, HOUSING, NOTED, PLAN, REFUSED, SECRET, SURGERY, TEAM, TRUST
from service.cli.demo.narrator import Narrator, refusal, status
from service.cli.demo.smart import Partner
from service.clock import new_id
from service.fhir.canonical import (
    CARE_COORDINATOR,
    CONFIDENTIALITY,
    CRISIS_PLAN,
    IDENTITY_DECISION,
    LAWFUL_BASIS,
    LEAD_AGENCY,
    PARTNER_ROLE,
    SNOMED,
    TAG,
    TASK_CODE,
    TASK_INPUT,
    TASK_OUTPUT,
    structure,
)
from service.fhir.coding import codings, concept
from service.fhir.reference import link, target
from service.problem import Category, Refused, problem

CATEGORY = f"{SNOMED}|{CRISIS_PLAN}"
NORMAL = {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}
REVIEW_TRIES, REVIEW_PAUSE = 60, 0.25
"""How often, and after how many seconds each, the story looks whether the worker has compared two Patients."""
OVERRIDE = "Found unresponsive at home; the crew needs to know what was recorded."


@dataclass(slots=True)
class Story:
    """The steps of the story. `cast` has the clients by name: the systems `trust`, `crisis`, `housing`, `voluntary`, and the
    people in apps `gita`, `cora`, `ben`. `questions` has the items of each minimum dataset."""

    tell: Narrator
    cast: dict[str, Partner]
    questions: dict[str, list[Resource]]
    task: Resource = field(default_factory=dict)
    crisis_plan: Resource = field(default_factory=dict)

    def play(self) -> None:
        """Plays all steps in order. Each step continues from the records that the steps before it have left."""
        self.incomplete()
        self.sent()
        self.stranger()
        self.accepted()
        self.moved()
        self.second()
        self.agreed()
        self.unknown()
        self.confirmed()
        self.read()
        self.hidden()
        self.permitted()
        self.denied()
        self.overridden()
        self.accounted()

    def incomplete(self) -> None:
        """HOV-2: a handover with an incomplete dataset is refused."""
        self.tell.step("A handover that leaves out the medication is refused")
        self._handed_over(422, without=("current-medication",))

    def sent(self) -> None:
        """HOV-3: a complete handover is sent, and its disclosure recorded."""
        self.tell.step("Complete, it is sent to the crisis team")
        self.task = self._handed_over(201)

    def stranger(self) -> None:
        """HOV-11: a third agency gets the same answer about the Task as about an id that does not exist."""
        self.tell.step("An agency that has no part in it is refused as if there were nothing")
        stranger, path = self.cast["voluntary"], f"Task/{self.task['id']}"
        hidden = self._heard(stranger, stranger.get(path), 404)
        absent = self._heard(stranger, stranger.get("Task/there-is-none"), 404)
        same = refusal(hidden).replace(self.task["id"], "there-is-none") == refusal(absent)
        self.tell.holds("both answers say the same", same)
        self._heard(stranger, stranger.put(self.task, status="accepted"), 404)

    def accepted(self) -> None:
        """HOV-4: the receiving agency accepts the handover with a named lead."""
        self.tell.step("The crisis team receives it, and accepts it with Carl as the named lead")
        crisis = self.cast["crisis"]
        self._heard(crisis, crisis.get(f"Task/{self.task['id']}"), 200, says=status)
        received = self._heard(crisis, crisis.put(self.task, status="received"), 200, says=status)
        self.task = received.json()
        self._heard(crisis, crisis.put(self.task, **_by("carl")), 200, says=status)

    def moved(self) -> None:
        """OWN-2 and OWN-4: ownership has moved at one instant, in plan, team and episode alike."""
        self.tell.step("Ownership moved, at one instant and everywhere")
        crisis = self.cast["crisis"]
        self._heard(crisis, crisis.get(f"{PLAN}/$ownership"), 200, says=_tenures)
        plan, team, episode = (crisis.get(ref).json() for ref in (PLAN, TEAM, locality.EPISODE))
        leads = {link(plan, "author"), link(episode, "careManager"), *_coordinators(team)}
        self.tell.holds(f"plan, team and episode name one lead: {', '.join(sorted(leads))}", leads == {CRISIS.role("carl")})

    def second(self) -> None:
        """HOV-5: a second acceptance of the same handover is refused."""
        self.tell.step("A second acceptance, by Cora on what she read before, loses")
        crisis = self.cast["crisis"]
        self._heard(crisis, crisis.put(self.task, **_by("cora")), 409, 412)

    def agreed(self) -> None:
        """E9: a crisis plan becomes active once every agency has agreed to its current version."""
        self.tell.step("A joint crisis plan becomes active only when every agency has agreed to this very version")
        crisis = self.cast["crisis"]
        answers = crisis.post("QuestionnaireResponse", self._crisis_dataset()).json()
        made = self._heard(crisis, crisis.post("CarePlan", _crisis_plan(answers["id"])), 201, says=status)
        self.crisis_plan = made.json()
        self._heard(crisis, crisis.put(self.crisis_plan, status="active"), 422)
        for agency in (CRISIS, HOUSING, TRUST):
            self._agree(self.cast[agency.id], agency.reference)
        active = self._heard(crisis, crisis.put(self.crisis_plan, status="active"), 200, says=status)
        self.crisis_plan = active.json()

    def unknown(self) -> None:
        """IDN-4: a surgery that registered Ada with her NHS number reads nothing of the others by that."""
        self.tell.step("A surgery registered Ada, too: that it has her NHS number opens nothing")
        gita = self.cast["gita"]
        found = self._heard(gita, gita.get(f"CarePlan?category={quote(CATEGORY, safe='')}"), 200, says=_found)
        self.tell.holds("its GP finds no crisis plan", _ids(found) == [])
        self._heard(gita, gita.get(f"CarePlan/{self.crisis_plan['id']}"), 404)

    def confirmed(self) -> None:
        """IDN-1 and IDN-6: the trust confirms who the surgery's patient is, and the team that leads names the surgery."""
        self.tell.step("The trust is asked whether this is its Ada, and says so; the crisis team names the surgery for her")
        trust, crisis = self.cast["trust"], self.cast["crisis"]
        asked = self._review(trust)
        self.tell.says(f"the trust is asked about `{link(asked, 'focus')}` of {_registrant(asked)}")
        decided = {"type": concept(TASK_OUTPUT, "decision"), "valueCodeableConcept": concept(IDENTITY_DECISION, "same-person")}
        self._heard(trust, trust.put(asked, status="completed", output=[decided]), 200, says=status)
        self._heard(crisis, crisis.post("CareTeam", _named(SURGERY.reference)), 201)

    def _review(self, trust: Partner) -> Resource:
        """The review of who the surgery's patient is, once the worker has compared the two records."""
        for _ in range(REVIEW_TRIES):
            found = trust.get(f"Task?code={TASK_CODE}|identity-review&patient={ADA}&status=requested").json()
            if found.get("entry"):
                task: Resource = found["entry"][0]["resource"]
                return task
            time.sleep(REVIEW_PAUSE)
        raise Refused(problem(Category.FAULT, "exception", "The trust was not asked who the surgery's patient is."))

    def read(self) -> None:
        """A granular scope lets an app read only records whose content matches the scope."""
        self.tell.step(f"Gita, a GP, reads it in an app with patient/CarePlan.rs?category={CATEGORY}")
        gita, mine = self.cast["gita"], self.crisis_plan["id"]
        found = self._heard(gita, gita.get(f"CarePlan?category={quote(CATEGORY, safe='')}"), 200, says=_found)
        self.tell.holds("she finds the crisis plan and nothing else", _ids(found) == [mine])
        self._heard(gita, gita.get(f"CarePlan/{mine}"), 200, says=status)
        self._heard(gita, gita.get(PLAN), 404)

    def hidden(self) -> None:
        """Consent rules, section 3: an agency without a part in the crisis plan cannot see the plan."""
        self.tell.step("From the voluntary service, which has no part in it, it is hidden")
        stranger = self.cast["voluntary"]
        self._heard(stranger, stranger.get(f"CarePlan/{self.crisis_plan['id']}"), 404)
        found = self._heard(stranger, stranger.get(f"CarePlan?category={quote(CATEGORY, safe='')}"), 200, says=_found)
        self.tell.holds("its search finds nothing", _ids(found) == [])

    def permitted(self) -> None:
        """DIS: a release of the records that Ada's Consent permits, without the parts that Ada asked to keep back."""
        self.tell.step("A disclosure to the housing association is permitted by Ada's consent, with redaction")
        trust = self.cast["trust"]
        given = self._heard(trust, trust.post(f"{ADA}/$disclose", _disclosure(HOUSING.reference)), 200, says=_disclosed)
        self.tell.holds("the confidence in the note is not in it", SECRET not in given.text)
        kept = NOTED.partition("/")[2] in given.text and "REDACTED" in given.text
        self.tell.holds("the rest of the record is, marked as redacted", kept)

    def denied(self) -> None:
        """L5: without a Consent, no disclosure to a housing agency is permitted."""
        self.tell.step("A disclosure about Ben to the same association is denied: he gave no consent")
        trust = self.cast["trust"]
        self._heard(trust, trust.post(f"{BEN}/$disclose", _disclosure(HOUSING.reference)), 422)

    def overridden(self) -> None:
        """Consent rules, section 5: one user overrides a Consent that denies, and the override is reviewed."""
        self.tell.step("Ben objected to the crisis team; Cora overrides it, with a reason")
        cora = self.cast["cora"]
        self._heard(cora, cora.get(REFUSED), 404)
        self._heard(cora, cora.post(f"{BEN}/$break-glass", _override()), 201, says=_review)
        self._heard(cora, cora.get(REFUSED), 200, says=lambda answer: str(answer.json()["code"]["text"]))
        system = self.cast["crisis"]
        self._heard(system, system.get(REFUSED), 404)

    def accounted(self) -> None:
        """DIS and security rules, section 3: Ben's disclosure account names the reads and the override of his record."""
        self.tell.step("Ben, in an app of his own, asks who saw his record")
        ben = self.cast["ben"]
        account = self._heard(ben, ben.get(f"{BEN}/$access-history"), 200, says=_found)
        events = [entry["resource"] for entry in account.json().get("entry", [])]
        for event in events[:8]:
            self.tell.says(_seen(event))
        seen = [event for event in events if CRISIS.role("cora") in str(event["agent"])]
        self.tell.holds("Cora's reading is in it", any(REFUSED in str(event.get("entity")) for event in seen))
        self.tell.holds("and so is her override", any("$break-glass" in str(event.get("entity")) for event in seen))

    def _heard(self, partner: Partner, answer: httpx.Response, *expected: int, says: Any = None) -> httpx.Response:
        return self.tell.heard(partner.name, answer, *expected, says=says)

    def _handed_over(self, expected: int, without: tuple[str, ...] = ()) -> Resource:
        trust = self.cast["trust"]
        dataset = locality.answers("handover", ADA, TRUST.role("tara"), self.questions["handover"], without)
        made = trust.post("QuestionnaireResponse", dataset).json()
        answer = self._heard(trust, trust.post("Task", _handover(made["id"])), expected, says=None if without else status)
        self.tell.holds(f"it names {', '.join(without)}", all(each in refusal(answer) for each in without)) if without else None
        task: Resource = answer.json()
        return task

    def _crisis_dataset(self) -> Resource:
        return {**locality.answers("crisis", ADA, CRISIS.role("carl"), self.questions["crisis"]), "meta": NORMAL}

    def _agree(self, partner: Partner, agency: str) -> None:
        path = f"Task?focus=CarePlan/{self.crisis_plan['id']}&code={TASK_CODE}|agree-plan&owner={agency}&status=requested"
        (asked,) = partner.get(path).json()["entry"]
        self._heard(partner, partner.put(asked["resource"], status="completed"), 200, says=status)


def _handover(dataset: str) -> Resource:
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": concept(TASK_CODE, "handover"),
        "focus": {"reference": PLAN},
        "for": {"reference": ADA},
        "requester": {"reference": TRUST.role("tara")},
        "owner": {"reference": CRISIS.reference},
        "restriction": {"period": {"end": "2099-01-01T00:00:00Z"}},
        "input": [
            {"type": concept(TASK_INPUT, "minimum-dataset"), "valueReference": {"reference": f"QuestionnaireResponse/{dataset}"}},
            {
                "type": concept(TASK_INPUT, "sharing-authority"),
                "valueCodeableConcept": concept(LAWFUL_BASIS, "direct-care"),
            },
        ],
    }


def _by(name: str) -> dict[str, Any]:
    return {"status": "accepted", "owner": {"reference": CRISIS.role(name)}}


def _crisis_plan(dataset: str) -> Resource:
    def part(agency: str, role: str) -> Resource:
        whose = {"url": "agency", "valueReference": {"reference": agency}}
        what = {"url": "role", "valueCodeableConcept": {"text": role}}
        return {"url": PARTNER_ROLE, "extension": [whose, what]}

    return {
        "resourceType": "CarePlan",
        "id": new_id(),
        "meta": {**NORMAL, "tag": [{"system": TAG, "code": "synthetic"}]},
        "extension": [
            {"url": LEAD_AGENCY, "valueReference": {"reference": CRISIS.reference}},
            part(HOUSING.reference, "Lets the team in and keeps the tenancy safe"),
            part(TRUST.reference, "Takes the plan back when the crisis is over"),
            {"url": structure("review-date"), "valueDate": "2027-02-01"},
        ],
        "status": "draft",
        "intent": "plan",
        "category": [concept(SNOMED, CRISIS_PLAN)],
        "title": "Joint crisis plan",
        "subject": {"reference": ADA},
        "period": {"start": "2026-11-20", "end": "2027-11-20"},
        "author": {"reference": CRISIS.role("carl")},
        "supportingInfo": [{"reference": f"QuestionnaireResponse/{dataset}"}],
    }


def _named(agency: str) -> Resource:
    """A team of the crisis team with another agency."""
    return {
        "resourceType": "CareTeam",
        "meta": {"tag": [{"system": TAG, "code": "synthetic"}]},
        "status": "active",
        "subject": {"reference": ADA},
        "participant": [{"role": [{"text": "Reads the crisis plan"}], "member": {"reference": agency}}],
    }


def _registrant(review: Resource) -> str:
    return next(link(each, "valueReference") for each in review["input"] if "valueReference" in each)


def _disclosure(recipient: str) -> Resource:
    return _parameters(
        recipient={"valueReference": {"reference": recipient}},
        purpose={"valueCode": "TREAT"},
        type={"valueCode": "Condition"},
        reason={"valueString": "Housing takes part in the plan and asked what to look out for."},
        mode={"valueCode": "release"},
    )


def _override() -> Resource:
    return _parameters(kind={"valueCode": "vital-interests"}, reason={"valueString": OVERRIDE}, scope={"valueCode": "Condition"})


def _parameters(**given: Resource) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": name, **value} for name, value in given.items()]}


def _tenures(answer: httpx.Response) -> str:
    rows = []
    for tenure in answer.json().get("parameter", []):
        part = {each["name"]: each for each in tenure["part"]}
        by = link(part.get("handover"), "valueReference")
        until = part["period"]["valuePeriod"].get("end", "now")
        rows.append(f"{part['lead']['valueReference']['reference']} until {until}" + (f" (by {by})" if by else ""))
    moved = len(rows) == 2 and TRUST.role("tara") in rows[0] and CRISIS.role("carl") in rows[1]
    return "; then ".join(rows) if moved else ""


def _ids(answer: httpx.Response) -> list[str]:
    return [entry["resource"]["id"] for entry in answer.json().get("entry", [])]


def _found(answer: httpx.Response) -> str:
    return f"a Bundle with {len(_ids(answer))} entries"


def _disclosed(answer: httpx.Response) -> str:
    said = {each["name"]: each for each in answer.json()["parameter"]}
    authority = said["disclosure"]["resource"]["extension"][0]
    by = target(authority.get("valueReference"))
    return f"outcome `{said['outcome']['valueCode']}`, by authority of {by}, recorded as a Communication" if by else ""


def _review(answer: httpx.Response) -> str:
    task = answer.json()
    return f"granted until {task['restriction']['period']['end']}; a review Task went to {task['owner']['reference']}"


def _seen(event: Resource) -> str:
    who = [str(agent["who"].get("reference") or agent["who"].get("identifier", {}).get("value")) for agent in event["agent"]]
    what = [str(each.get("name") or each.get("what", {}).get("reference")) for each in event.get("entity", [])]
    return f"{event['recorded']} {' for '.join(reversed(who))}: {', '.join(dict.fromkeys(what))}"


def _coordinators(team: Resource) -> list[str]:
    """The team's members whose participation as care coordinator has not ended."""
    coordinating = [each for each in team["participant"] if (SNOMED, CARE_COORDINATOR) in codings(each.get("role"))]
    return [link(each, "member") for each in coordinating if "end" not in each["period"]]
