"""Attacks on ownership (OWN-8…OWN-11): what a registered agency writes moves no responsibility and leaves no plan without one."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.bundle import Sent
from service.fhir.canonical import EPISODE_OF_CARE
from service.usecases.interactions.loading import Fate, Loading
from tests.attacks.leads import alerts, leaver, named, somebody, unowned
from tests.locality import BASE, SNOMED, Agency, Locality, handover, nhs_number, valid_nhs_number

Stored = dict[str, Any]


def belonging(episode: str) -> Stored:
    """The extension by which a plan belongs to an episode."""
    return {"extension": [{"url": EPISODE_OF_CARE, "valueReference": {"reference": episode}}]}


def ruled(answer: Any) -> tuple[int, str]:
    """The status of a refusal and the rule that it names."""
    issue = answer.json()["issue"][0]
    return answer.status_code, issue["details"]["coding"][0]["code"]


async def episode(trust: Agency, person: str) -> Stored:
    """An episode of the trust."""
    keeper = {"reference": "Organization/trust"}
    return await trust.created(
        {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": person}, "managingOrganization": keeper}
    )


async def test_own_9_a_draft_that_names_another_agency_is_not_activated_by_its_writer(locality: Locality) -> None:
    trust = await locality.agency("trust")
    draft = await trust.created(locality.plan(status="draft", author=named("crisis-lead")))
    assert ruled(await trust.put({**draft, "status": "active"})) == (422, "OWN-9")


async def test_own_9_a_proposed_plan_is_activated_by_the_agency_that_accepts_it(locality: Locality) -> None:
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    draft, answers = await trust.created(locality.plan(status="draft", author=named("crisis-lead"))), locality.dataset()
    response = await trust.created(answers)
    refs = f"CarePlan/{draft['id']}", f"QuestionnaireResponse/{response['id']}"
    task = await trust.created(handover(locality.person, *refs))
    accepted = await crisis.put({**task, "status": "accepted", "owner": named("crisis-lead")})
    plan = (await crisis.get(refs[0])).json()
    assert (accepted.status_code, plan["status"], plan["author"]) == (200, "active", named("crisis-lead"))


async def test_own_8_a_proposal_with_the_team_of_another_person_is_not_handed_over(locality: Locality) -> None:
    trust = await locality.agency("trust")
    other = {"reference": await somebody(locality)}
    team = await trust.created({"resourceType": "CareTeam", "status": "active", "subject": other})
    draft = await trust.created(locality.plan(status="draft", careTeam=[{"reference": f"CareTeam/{team['id']}"}]))
    response = await trust.created(locality.dataset())
    task = handover(locality.person, f"CarePlan/{draft['id']}", f"QuestionnaireResponse/{response['id']}")
    assert ruled(await trust.post("Task", task)) == (422, "OWN-8")


@pytest.mark.parametrize("status", ["active", "on-hold", "draft"])
async def test_own_9_no_status_takes_the_lead_from_a_led_plan(locality: Locality, status: str) -> None:
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    del plan["author"]
    assert ruled(await trust.put({**plan, "status": status})) in [(422, "OWN-9"), (422, "OWN-1")]


@pytest.mark.parametrize("status", ["active", "on-hold", "draft"])
async def test_own_9_a_pause_moves_no_plan_to_another_agency(locality: Locality, status: str) -> None:
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    paused = (await trust.put({**plan, "status": "on-hold"})).json()
    assert ruled(await trust.put({**paused, "status": status, "author": named("crisis-lead")})) == (422, "OWN-3")


async def test_own_9_a_refused_update_leaves_an_open_handover_acceptable(locality: Locality) -> None:
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    plan = (await trust.get(task["focus"]["reference"])).json()
    del plan["author"]
    assert (await trust.put(plan)).status_code == 422
    assert (await crisis.put({**task, "status": "accepted", "owner": named("crisis-lead")})).status_code == 200


@pytest.mark.parametrize("status", ["completed", "revoked", "entered-in-error"])
async def test_own_9_an_ended_plan_stays_ended(locality: Locality, status: str) -> None:
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    ended = (await trust.put({**plan, "status": status})).json()
    assert ruled(await trust.put({**ended, "status": "active"})) == (422, "OWN-9")


@pytest.mark.parametrize("code", ["734163000", "736253002"])
async def test_own_9_a_plan_stays_the_kind_it_is(locality: Locality, code: str) -> None:
    trust = await locality.agency("trust")
    kind = {"coding": [{"system": SNOMED, "code": code}]}
    plan = await trust.created(locality.plan(status="draft", category=[kind]))
    for category in ([{"text": "Something else"}], [{"coding": [{**kind["coding"][0], "system": "https://example.org"}]}]):
        assert ruled(await trust.put({**plan, "category": category})) == (422, "OWN-9")


async def test_own_8_a_team_carries_one_plan(locality: Locality) -> None:
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    second = {**locality.plan(careTeam=plan["careTeam"]), "category": [{"text": "Rehabilitation"}]}
    assert ruled(await trust.post("CarePlan", second)) == (422, "OWN-8")


async def test_own_8_an_episode_carries_one_plan(locality: Locality) -> None:
    trust = await locality.agency("trust")
    kept = belonging(f"EpisodeOfCare/{(await episode(trust, locality.person))['id']}")
    await trust.created(locality.plan(**kept))
    second = {**locality.plan(**kept), "category": [{"text": "Rehabilitation"}]}
    assert ruled(await trust.post("CarePlan", second)) == (422, "OWN-8")


COORDINATOR = {"coding": [{"system": SNOMED, "code": "768820003"}]}
TEAM_WRITES: dict[str, Any] = {
    "inactive": lambda team, _: {**team, "status": "inactive"},
    "entered-in-error": lambda team, _: {**team, "status": "entered-in-error"},
    "of another person": lambda team, other: {**team, "subject": {"reference": other}},
    "ending": lambda team, _: {**team, "period": {"end": "2031-01-01"}},
    "without coordinator": lambda team, _: {name: value for name, value in team.items() if name != "participant"},
    "with a coordinator who ends": lambda team, _: {
        **team,
        "participant": [{**each, "period": {**each["period"], "end": "2031-01-01"}} for each in team["participant"]],
    },
    "with a second coordinator": lambda team, _: {
        **team,
        "participant": [*team["participant"], {"role": [COORDINATOR], "member": named("trust-second")}],
    },
    "with a coordinator to come": lambda team, _: {
        **team,
        "participant": [
            *team["participant"],
            {"role": [COORDINATOR], "member": named("crisis-lead"), "period": {"start": "2031-01-01"}},
        ],
    },
}


BY_PLAN_OR_PROFILE = [(422, "OWN-8"), (422, "OWN-2")]
"""The profile of a team refuses two open coordinators before the plan is asked."""


@pytest.mark.parametrize("how", TEAM_WRITES)
@pytest.mark.parametrize("route", ["update", "transaction"])
async def test_own_8_the_team_of_a_led_plan_follows_the_plan(locality: Locality, how: str, route: str) -> None:
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    ref = plan["careTeam"][0]["reference"]
    team = (await trust.get(ref)).json()
    changed = TEAM_WRITES[how](team, await somebody(locality))
    answer = await written(trust, route, changed)
    assert ruled(answer) in BY_PLAN_OR_PROFILE
    assert answer.json()["issue"][0]["expression"][0].startswith("CareTeam" if route == "update" else "Bundle.entry[0].resource")
    assert (await trust.get(ref)).json() == team


EPISODE_WRITES: dict[str, Any] = {
    "finished": lambda episode, _: {**episode, "status": "finished"},
    "cancelled": lambda episode, _: {**episode, "status": "cancelled"},
    "of another patient": lambda episode, other: {**episode, "patient": {"reference": other}},
    "of another agency": lambda episode, _: {**episode, "managingOrganization": {"reference": "Organization/crisis"}},
    "managed by another": lambda episode, _: {**episode, "careManager": named("trust-second")},
    "managed by nobody": lambda episode, _: {name: value for name, value in episode.items() if name != "careManager"},
    "ending": lambda episode, _: {**episode, "period": {"end": "2031-01-01"}},
}


@pytest.mark.parametrize("how", EPISODE_WRITES)
@pytest.mark.parametrize("route", ["update", "transaction"])
async def test_own_8_the_episode_of_a_led_plan_follows_the_plan(locality: Locality, how: str, route: str) -> None:
    trust = await locality.agency("trust")
    ref = f"EpisodeOfCare/{(await episode(trust, locality.person))['id']}"
    await trust.created(locality.plan(**belonging(ref)))
    kept = (await trust.get(ref)).json()
    changed = EPISODE_WRITES[how](kept, await somebody(locality))
    assert ruled(await written(trust, route, changed)) == (422, "OWN-8")
    assert (await trust.get(ref)).json() == kept


async def written(agency: Agency, route: str, record: Stored) -> Any:
    """The answer to an update, by itself or in a transaction."""
    if route == "update":
        return await agency.put(record)
    place, version = f"{record['resourceType']}/{record['id']}", record["meta"]["versionId"]
    request = {"method": "PUT", "url": place, "ifMatch": f'W/"{version}"'}
    return await agency.post(
        "", {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": record, "request": request}]}
    )


@pytest.mark.parametrize("kind", ["CareTeam", "EpisodeOfCare"])
async def test_own_8_what_carries_a_plan_is_of_its_person(locality: Locality, kind: str) -> None:
    trust = await locality.agency("trust")
    other = await somebody(locality)
    if kind == "CareTeam":
        team = await trust.created({"resourceType": "CareTeam", "status": "active", "subject": {"reference": other}})
        more: Stored = {"careTeam": [{"reference": f"CareTeam/{team['id']}"}]}
    else:
        more = belonging(f"EpisodeOfCare/{(await episode(trust, other))['id']}")
    assert ruled(await trust.post("CarePlan", locality.plan(**more))) == (422, "OWN-8")


@pytest.mark.parametrize("kind", ["CareTeam", "EpisodeOfCare"])
async def test_own_8_what_carries_a_plan_is_not_deleted(locality: Locality, kind: str) -> None:
    trust = await locality.agency("trust")
    held = f"EpisodeOfCare/{(await episode(trust, locality.person))['id']}"
    plan = await trust.created(locality.plan(**belonging(held)))
    ref = held if kind == "EpisodeOfCare" else plan["careTeam"][0]["reference"]
    answer = await trust.send("DELETE", ref, If_Match='W/"1"' if kind == "CareTeam" else 'W/"2"')
    assert answer.status_code in (405, 422)
    assert (await trust.get(ref)).status_code == 200


async def test_own_8_every_team_of_a_plan_names_its_lead(locality: Locality) -> None:
    trust = await locality.agency("trust")
    empty = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": locality.person}}
    teams = [f"CareTeam/{(await trust.created(empty))['id']}" for _ in range(2)]
    plan = await trust.created(locality.plan(careTeam=[{"reference": each} for each in teams]))
    await trust.put({**plan, "author": named("trust-second")})
    for ref in teams:
        entries = (await trust.get(ref)).json()["participant"]
        assert [each["member"] for each in entries if "end" not in each["period"]] == [named("trust-second")]


@pytest.mark.parametrize("form", ["{}", BASE + "/fhir/{}", "{}/_history/1", BASE + "/fhir/{}/_history/1"])
async def test_own_11_an_episode_is_one_however_written(locality: Locality, form: str) -> None:
    trust = await locality.agency("trust")
    ref = f"EpisodeOfCare/{(await episode(trust, locality.person))['id']}"
    await trust.created(locality.plan(**belonging(ref)))
    again = await trust.post("CarePlan", locality.plan(**belonging(form.format(ref))))
    assert again.status_code in (409, 422)


@pytest.mark.parametrize(
    "parent",
    [{"display": "last year's"}, {"reference": "CarePlan/none"}, {"reference": "urn:uuid:1"}, {"identifier": {"value": "x"}}],
)
async def test_own_11_a_part_of_nothing_is_a_second_plan(locality: Locality, parent: Stored) -> None:
    trust = await locality.agency("trust")
    await trust.created(locality.plan())
    answer = await trust.post("CarePlan", locality.plan(partOf=[parent]))
    assert answer.status_code in (400, 409, 422)


async def test_own_11_a_part_takes_the_place_of_the_plan_that_ends(locality: Locality) -> None:
    """It is the one that OWN-6 counts from then on; a second part finds that place taken."""
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    of = {"partOf": [{"reference": f"CarePlan/{plan['id']}"}]}
    part, other = await trust.created(locality.plan(**of)), await trust.created(locality.plan(**of))
    assert (await trust.put({**plan, "status": "completed"})).status_code == 422
    assert (await trust.put({**other, "status": "completed"})).status_code == 200
    assert (await trust.put({**plan, "status": "completed"})).status_code == 200
    answer = await trust.post("CarePlan", locality.plan())
    assert (answer.status_code, part["id"] in answer.text) == (409, True)


async def test_own_11_a_part_of_another_person_s_plan_is_a_second_plan(locality: Locality) -> None:
    trust = await locality.agency("trust")
    await trust.created(locality.plan())
    other = await trust.created({**locality.plan(), "subject": {"reference": await somebody(locality)}})
    answer = await trust.post("CarePlan", locality.plan(partOf=[{"reference": f"CarePlan/{other['id']}"}]))
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "duplicate")


async def test_own_11_a_second_patient_of_the_person_has_no_second_plan(locality: Locality) -> None:
    number = valid_nhs_number(int(locality.person[-7:], 16))
    one, other = [await somebody(locality, identifier=[nhs_number(number)]) for _ in range(2)]
    trust = await locality.agency("trust")
    await trust.created({**locality.plan(), "subject": {"reference": one}})
    answer = await trust.post("CarePlan", {**locality.plan(), "subject": {"reference": other}})
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "duplicate")


@pytest.mark.parametrize(
    "moved",
    [
        {"organization": {"reference": "Organization/crisis"}},
        {"organization": {"reference": "Organization/none"}},
        {"practitioner": {"reference": "Practitioner/trust-second"}},
        {"practitioner": {"reference": "Practitioner/none"}},
    ],
)
async def test_own_10_a_role_that_leads_stays_what_it_is(locality: Locality, moved: Stored) -> None:
    trust = await locality.agency("trust")
    lead = await leaver(locality, trust)
    plan = await trust.created(locality.plan(author=named(lead["id"])))
    assert (await trust.put({**lead, **moved})).status_code == 422
    assert await unowned(locality, trust) == []
    assert (await trust.put({**plan, "author": named("trust-second")})).status_code == 200


@pytest.mark.parametrize("kind", ["PractitionerRole", "Practitioner"])
@pytest.mark.parametrize("how", ["ended", "deleted"])
async def test_own_10_a_lead_that_goes_lists_the_plan(locality: Locality, kind: str, how: str) -> None:
    trust = await locality.agency("trust")
    lead = await leaver(locality, trust)
    plan = await trust.created(locality.plan(author=named(lead["id"])))
    entry = (await trust.get(f"{kind}/{lead['id']}")).json()
    answer = await trust.put({**entry, "active": False}) if how == "ended" else await trust.send("DELETE", f"{kind}/{lead['id']}")
    assert answer.status_code in (200, 204)
    assert await unowned(locality, trust) == [plan["id"]]
    assert await alerts(trust, plan["id"]) == 1


@pytest.mark.parametrize("kind", ["PractitionerRole", "Practitioner"])
async def test_own_10_nobody_who_is_gone_leads_a_new_plan(locality: Locality, kind: str) -> None:
    trust = await locality.agency("trust")
    lead = await leaver(locality, trust)
    assert (await trust.send("DELETE", f"{kind}/{lead['id']}")).status_code in (200, 204)
    assert (await trust.post("CarePlan", locality.plan(author=named(lead["id"])))).status_code == 422


async def test_own_10_a_patient_with_a_led_plan_is_kept(locality: Locality) -> None:
    trust = await locality.agency("trust")
    await trust.created(locality.plan())
    answer = await trust.send("DELETE", locality.person)
    assert ruled(answer) == (422, "OWN-10")
    assert (await trust.get(locality.person)).status_code == 200


async def test_own_10_a_proposed_plan_of_somebody_who_was_deleted_is_not_handed_over(locality: Locality) -> None:
    """Accepting the handover would make it a led plan about nobody."""
    trust = await locality.agency("trust")
    draft, answers = await trust.created(locality.plan(status="draft")), await trust.created(locality.dataset())
    refs = f"CarePlan/{draft['id']}", f"QuestionnaireResponse/{answers['id']}"
    assert (await trust.send("DELETE", locality.person)).status_code in (200, 204)
    assert ruled(await trust.post("Task", handover(locality.person, *refs))) == (422, "OWN-10")


async def test_own_10_a_patient_with_an_open_task_is_kept(locality: Locality) -> None:
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    plan = (await trust.get(task["focus"]["reference"])).json()
    assert (await trust.put({**plan, "status": "revoked"})).status_code == 200
    assert (await trust.send("DELETE", locality.person)).status_code == 422
    why = {"statusReason": {"coding": [{"system": "https://baton.example/fhir/CodeSystem/status-reason", "code": "other"}]}}
    assert (await trust.put({**task, "status": "cancelled", **why})).status_code == 200
    assert (await crisis.get(f"Task/{task['id']}")).status_code == 200


@pytest.mark.parametrize("how", [*TEAM_WRITES])
async def test_own_8_an_import_changes_no_team_of_a_led_plan(locality: Locality, how: str) -> None:
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    ref = plan["careTeam"][0]["reference"]
    team = (await trust.get(ref)).json()
    changed = TEAM_WRITES[how](team, await somebody(locality))
    (verdict,) = await Loading(locality.built.services, locality.built.base, "Organization/trust").load([Sent(changed)])
    assert verdict.fate in (Fate.REFUSED, Fate.THERE)
    assert (await trust.get(ref)).json() == team
