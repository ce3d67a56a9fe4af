"""OWN-6 as a practice reads: the trust and the crisis team both lead a plan of one person, and make one of the two. Each step
first without what it cannot proceed without."""

from __future__ import annotations

from typing import Any

from service import clock
from service.fhir.reference import link, links
from service.store.outbox import OUTBOX
from service.usecases.register import integrity
from tests.api.conftest import locality, service
from tests.locality import Agency, Locality, code
from tests.merging import BASIS, HOME, SLEEP, WALK, WHY, Parallel, activity, ends, issues, parallel, places, put, ref

__all__ = ["locality", "service"]
WITHOUT_WORDS = put("sharing-authority", valueCodeableConcept=code("lawful-basis", "safeguarding"))


def into(reference: str) -> dict[str, Any]:
    """The input that names the other plan."""
    return put("into", valueReference=ref(reference))


async def refused(made: Parallel, **more: Any) -> list[tuple[str, str]]:
    """What the trust's Task lacks, once members of it are changed."""
    return issues(await made.trust.post("Task", made.task(**more)))


async def disclosed(agency: Agency, about: str) -> list[list[str]]:
    """The records of each disclosure about a person."""
    found = (await agency.get(f"Communication?category=care-plan&subject={about}")).json().get("entry", [])
    return [[each["contentReference"]["reference"] for each in entry["resource"]["payload"]] for entry in found]


async def test_own_6_a_merge_is_sent_with_all_that_it_needs(locality: Locality) -> None:
    """Each refusal names the rule and the place."""
    made = await parallel(locality)
    basis = put("sharing-authority", valueCodeableConcept=BASIS)
    for inputs in ([basis], [into(made.other_ref), into(made.plan_ref)], [into(made.other_ref), basis, basis]):
        assert places(await made.trust.post("Task", made.task(input=inputs))) == {"Task.input"}
    answer = await made.trust.post("Task", made.task(input=[into(made.other_ref), WITHOUT_WORDS]))
    assert places(answer) == {"Task.input"}
    assert places(await made.trust.post("Task", made.task(requester=ref("Organization/trust")))) == {"Task.requester"}
    assert ("OWN-6", "Task.input") in await refused(made, input=[into(made.plan_ref)])
    assert await refused(made, focus=ref(made.other_ref)) == [
        ("OWN-6", "Task.for"),
        ("OWN-6", "Task.input"),
        ("OWN-3", "Task.focus"),
    ]
    assert await refused(made, **{"for": ref(made.about[1])}) == [("OWN-6", "Task.for")]
    assert await refused(made, owner=ref("Organization/housing")) == [("OWN-3", "Task.owner"), ("HOV-3", "Task.input")]
    assert await refused(made, owner=ref("PractitionerRole/crisis-second")) == [("OWN-3", "Task.owner")]
    drafted = await made.trust.created(made.task(status="draft"))
    assert (await made.crisis.get(f"Task/{drafted['id']}")).status_code == 404
    sent = await made.trust.put({**drafted, "status": "requested", "owner": ref("PractitionerRole/crisis-lead")})
    assert sent.status_code == 200, sent.text


async def test_own_6_sending_a_merge_discloses_the_plan(locality: Locality) -> None:
    """HOV-3: the receiver reads it from now on, and the disclosure is recorded in the same transaction."""
    made = await parallel(locality)
    assert (await made.crisis.get(made.plan_ref)).status_code == 404
    task = await made.trust.created(made.task())
    assert (await made.crisis.get(made.plan_ref)).status_code == 200
    assert await disclosed(made.trust, made.about[0]) == [[f"{made.plan_ref}/_history/1"]]
    moves = (await made.crisis.get(f"Task/{task['id']}/$moves")).json()["parameter"]
    told = [{part["name"]: part.get("valueCode", "") for part in move["part"]} for move in moves]
    free = [each["status"] for each in told if "needs" not in each]
    assert (free, [each["status"] for each in told if "needs" in each]) == (["received", "accepted"], ["rejected"])


async def test_own_6_accepted_the_two_plans_are_one(locality: Locality) -> None:
    """All of it at once: content, Goals, teams, and what stays of the plan that was merged."""
    made = await parallel(locality)
    task = await made.trust.created(made.task())
    task = (await made.crisis.put({**task, "status": "received"})).json()
    done = await made.accepted(task)
    plan, other = await made.read(made.plan_ref), await made.read(made.other_ref)
    assert (plan["status"], other["status"], link(other, "author")) == ("revoked", "active", "PractitionerRole/crisis-lead")
    assert links(other, "replaces") == (made.plan_ref,)
    assert links(other, "goal") == (made.goals["same"], made.goals[WALK], made.goals[HOME])
    assert other["activity"] == [
        *(activity("Weekly visit"), activity("Phone at night")),
        *(activity("Sleep diary", made.goals["same"]), activity("A walk a day")),
    ]
    states = {name: (await made.read(each))["lifecycleStatus"] for name, each in made.goals.items()}
    assert states == {SLEEP: "cancelled", WALK: "active", HOME: "active", "same": "active"}
    said = (await made.read(made.goals[SLEEP]))["statusReason"]
    assert said == f"Merged into {made.goals['same']}, when its plan was merged into {made.other_ref}."
    assert (await made.crisis.put({**done, "status": "completed"})).status_code == 200
    assert [(await made.crisis.get(each)).status_code for each in (made.plan_ref, made.goals[HOME])] == [200, 200]
    assert (await made.trust.get(made.other_ref)).status_code == 200


async def test_own_6_the_teams_are_one(locality: Locality) -> None:
    """Whoever was in the merged plan's team joins the other's, each once; its coordinator coordinates nothing any more."""
    made = await parallel(locality)
    task = await made.trust.created(made.task())
    at = (await made.accepted(task))["meta"]["lastUpdated"]
    ours, theirs = [await made.read(links(await made.read(each), "careTeam")[0]) for each in (made.plan_ref, made.other_ref)]
    assert [(link(each, "member"), each["period"].get("end")) for each in ours["participant"] if "period" in each] == [
        ("PractitionerRole/trust-lead", at),
        ("PractitionerRole/crisis-lead", None),
    ]
    members = [link(each, "member") for each in theirs["participant"]]
    assert members == [f"PractitionerRole/{name}-lead" for name in ("crisis", "trust", "housing")]
    assert theirs["participant"][2]["period"] == {"start": at}


async def test_own_6_the_merge_is_told_and_recorded(locality: Locality) -> None:
    """A Provenance of what was written, notices to both agencies and the team, lines in the trail."""
    made = await parallel(locality)
    task = await made.trust.created(made.task())
    await made.accepted(task)
    found = (await made.crisis.get(f"Provenance?target={made.other_ref}")).json()["entry"]
    (note,) = [each["resource"] for each in found if "entity" in each["resource"]]
    assert note["entity"][0]["what"] == ref(f"{made.plan_ref}/_history/1")
    assert links(note, "target")[:2] == (f"{made.other_ref}/_history/2", f"{made.plan_ref}/_history/2")
    box = locality.built.services.mongo.collection(OUTBOX)
    told = await box.find({"focus": {"$in": [made.plan_ref, made.other_ref]}, "topic": "ownership-changed"}).to_list(None)
    pairs = sorted((each["focus"] == made.other_ref, each["to"]) for each in told)
    assert pairs == [(side, f"Organization/{name}") for side in (False, True) for name in ("crisis", "housing", "trust")]


async def test_own_6_ownership_is_right_afterwards(locality: Locality) -> None:
    """The merged plan was led to its end, the other's lead leads on; OWN-6 counts the other alone."""
    made = await parallel(locality)
    task = await made.trust.created(made.task())
    await made.accepted(task)
    for reference, agency in ((made.plan_ref, made.trust), (made.other_ref, made.crisis)):
        (row,) = (await agency.get(f"{reference}/$ownership")).json()["parameter"]
        assert row["part"][0]["valueReference"] == ref(f"PractitionerRole/{agency.name}-lead")
    found = [each async for each in integrity.findings(locality.built.services, clock.now())]
    assert [each for each in found if made.plan["id"] in each or made.other["id"] in each] == []
    second = locality.plan(subject=ref(made.about[1]), author=ref("PractitionerRole/crisis-lead"))
    assert (await made.crisis.post("CarePlan", second)).status_code == 409
    await made.trust.created(locality.plan(subject=ref(made.about[0])))


async def test_own_6_a_rejected_merge_changes_neither_plan(locality: Locality) -> None:
    """Only with a coded reason; a new merge may be asked for then."""
    made = await parallel(locality)
    task = await made.trust.created(made.task())
    assert issues(await made.crisis.put({**task, "status": "rejected"})) == [("HOV-1", "Task.statusReason")]
    why = code("status-reason", "disagrees")
    assert (await made.crisis.put({**task, "status": "rejected", "statusReason": why})).status_code == 200
    for each in (made.plan_ref, made.other_ref):
        assert ((await made.read(each))["status"], (await made.read(each))["meta"]["versionId"]) == ("active", "1")
    again = await made.trust.created(made.task())
    assert (await made.trust.put({**again, "status": "cancelled", "statusReason": why})).status_code == 200


async def test_own_6_two_plans_of_one_agency_are_merged_by_it(locality: Locality) -> None:
    """One stands for an episode, the other for none: nothing is disclosed to anybody."""
    trust = await locality.agency("trust", user="PractitionerRole/trust-lead")
    episode = {"resourceType": "EpisodeOfCare", "status": "active", "patient": ref(locality.person)}
    episode["managingOrganization"] = ref("Organization/trust")
    stay = f"EpisodeOfCare/{(await trust.created(episode))['id']}"
    of = {"url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare", "valueReference": ref(stay)}
    one, other = await trust.created(locality.plan(extension=[of])), await trust.created(locality.plan())
    made = Parallel(locality, trust, trust, (locality.person, locality.person), one, other, {})
    task = await trust.created(made.task(owner=ref("PractitionerRole/trust-lead"), input=[into(made.other_ref)]))
    await made.accepted(task)
    assert ((await made.read(made.plan_ref))["status"], (await made.read(stay))["status"]) == ("revoked", "active")
    assert await disclosed(trust, locality.person) == []
    assert (await trust.post("CarePlan", locality.plan())).status_code == 409
    assert (await trust.post("CarePlan", locality.plan(extension=[of]))).status_code == 201


async def test_out_1_a_goal_ends_with_the_merge_for_a_reason(locality: Locality) -> None:
    """Only one of the plan, and only with the reason."""
    made = await parallel(locality)
    assert places(await made.trust.post("Task", made.task(ends(made.goals[WALK], "")))) == {"Task.input"}
    assert issues(await made.trust.post("Task", made.task(ends(made.goals["same"])))) == [("OUT-1", "Task.input")]
    task = await made.trust.created(made.task(ends(made.goals[WALK]), ends(made.goals[SLEEP], "Reached.")))
    await made.accepted(task)
    ended = {name: (await made.read(made.goals[name])).get("statusReason") for name in (SLEEP, WALK, HOME, "same")}
    assert ended == {SLEEP: "Reached.", WALK: WHY, HOME: None, "same": None}
    assert links(await made.read(made.other_ref), "goal") == (made.goals["same"], made.goals[HOME])
