"""Two plans of one person, one of the trust and one of the crisis team, and the Task by which one is merged into the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service import clock
from tests.locality import SNOMED, Agency, Locality, code, confirmed, nhs_number, person, valid_nhs_number

Stored = dict[str, Any]
REASON_OF = "https://baton.example/fhir/StructureDefinition/status-reason"
BASIS = code("lawful-basis", "direct-care")
WHY = "The person no longer wants this."
SLEEP, WALK, HOME = "248254009", "129006008", "365508006"


def ref(text: str) -> Stored:
    return {"reference": text}


def put(kind: str, **value: Any) -> Stored:
    """An input of a Task."""
    return {"type": code("task-input", kind), **value}


def ends(goal: str, why: str = WHY) -> Stored:
    """An input that ends a Goal, with the reason."""
    said = [{"url": REASON_OF, "valueCodeableConcept": {"text": why}}] if why else None
    return put("ended-goal", **({"extension": said} if said else {}), valueReference=ref(goal))


def goal(about: str, snomed: str) -> Stored:
    """A Goal with a code."""
    described = {"coding": [{"system": SNOMED, "code": snomed}]}
    return {"resourceType": "Goal", "lifecycleStatus": "active", "description": described, "subject": ref(about)}


def activity(text: str, *goals: str) -> Stored:
    """An activity in words, for Goals."""
    aims = {"goal": [ref(each) for each in goals]} if goals else {}
    return {"detail": {"status": "in-progress", "description": text, **aims}}


@dataclass
class Parallel:
    """The trust's plan, which is to be merged, and the crisis team's; `about` are the Patients of the one person."""

    locality: Locality
    trust: Agency
    crisis: Agency
    about: tuple[str, str]
    plan: Stored
    other: Stored
    goals: dict[str, str]

    @property
    def plan_ref(self) -> str:
        return f"CarePlan/{self.plan['id']}"

    @property
    def other_ref(self) -> str:
        return f"CarePlan/{self.other['id']}"

    def task(self, *inputs: Stored, **more: Any) -> Stored:
        """The Task by which the trust asks the crisis team to take its plan in."""
        return {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "code": code("task-code", "merge-plan"),
            "focus": ref(self.plan_ref),
            "for": ref(self.about[0]),
            "requester": ref("PractitionerRole/trust-lead"),
            "owner": ref("Organization/crisis"),
            "input": [
                put("into", valueReference=ref(self.other_ref)),
                put("sharing-authority", valueCodeableConcept=BASIS),
                *inputs,
            ],
            **more,
        }

    async def read(self, reference: str) -> Stored:
        """A record as it stands, whoever may see it."""
        row = await self.locality.built.services.records.read(*reference.split("/"))
        assert row is not None
        return row.resource

    async def accepted(self, task: Stored) -> Stored:
        """The Task once the crisis team has accepted it."""
        answer = await self.crisis.put({**task, "status": "accepted"})
        assert answer.status_code == 200, answer.text
        made: Stored = answer.json()
        return made


async def people(locality: Locality, *, apart: bool) -> tuple[str, str]:
    """The person as the two agencies know them: by a Patient each that are confirmed to be one, or by the trust's alone."""
    if not apart:
        return locality.person, locality.person
    number = [nhs_number(valid_nhs_number(int(clock.new_id().replace("-", "")[:12], 16)))]
    ours = await person(locality.built, "Organization/trust", identifier=number)
    theirs = await person(locality.built, "Organization/crisis", identifier=number)
    await confirmed(locality.built, ours, theirs)
    await confirmed(locality.built, theirs, ours)
    return ours, theirs


async def joined(agency: Agency, plan: Stored, *members: str) -> None:
    """Has others join the team of an agency's plan, each by the name of an agency."""
    team = (await agency.get(plan["careTeam"][0]["reference"])).json()
    listed = [
        {"role": [code("scope-of-responsibility", "housing-support")], "member": ref(f"PractitionerRole/{each}-lead")}
        for each in members
    ]
    answer = await agency.put({**team, "participant": [*team["participant"], *listed]})
    assert answer.status_code == 200, answer.text


async def parallel(locality: Locality, *, apart: bool = True) -> Parallel:
    """Both agencies with an active plan of one person; housing is in the trust's team, and the trust in the crisis team's."""
    trust, crisis = [await locality.agency(each, user=f"PractitionerRole/{each}-lead") for each in ("trust", "crisis")]
    ours, theirs = await people(locality, apart=apart)
    made = {name: f"Goal/{(await trust.created(goal(ours, name)))['id']}" for name in (SLEEP, WALK, HOME)}
    plan = locality.plan(
        subject=ref(ours),
        goal=[ref(each) for each in made.values()],
        activity=[activity("Sleep diary", made[SLEEP]), activity("A walk a day"), activity("Weekly visit")],
    )
    plan = await trust.created(plan)
    await joined(trust, plan, "housing", *(() if apart else ("crisis",)))
    same = f"Goal/{(await crisis.created(goal(theirs, SLEEP)))['id']}"
    other = locality.plan(
        subject=ref(theirs),
        author=ref("PractitionerRole/crisis-lead"),
        goal=[ref(same)],
        activity=[activity("Weekly visit"), activity("Phone at night")],
    )
    other = await crisis.created(other)
    await joined(crisis, other, "trust")
    return Parallel(locality, trust, crisis, (ours, theirs), plan, other, {**made, "same": same})


def places(answer: Any) -> set[str]:
    """The members that a refusal is about, whether the profile of the Task or its rules refuse."""
    assert answer.status_code == 422, answer.text
    return {place.partition("[")[0] for each in answer.json()["issue"] for place in each.get("expression", ())}


def issues(answer: Any) -> list[tuple[str, str]]:
    """The rule and place of each issue of a refusal."""
    assert answer.status_code == 422, answer.text
    return [(each["details"]["coding"][0]["code"], each.get("expression", [""])[0]) for each in answer.json()["issue"]]
