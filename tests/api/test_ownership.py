"""One owner of every active plan, on every way in (OWN)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.change import Resource
from service.fhir.bundle import Sent
from service.usecases.care.deadlines import fire
from service.usecases.interactions.loading import Fate, Loading
from service.usecases.request import tenures
from tests.locality import Locality, role, stored
from tests.pending import pending


async def test_an_active_plan_gets_its_team(locality: Locality) -> None:
    """OWN-2: creating an active plan writes its lead as the one open care coordinator of a team."""
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    team = (await trust.get(plan["careTeam"][0]["reference"])).json()
    assert [each["member"]["reference"] for each in team["participant"]] == ["PractitionerRole/trust-lead"]


async def test_an_owner_must_be_a_role_that_is_here(locality: Locality) -> None:
    """OWN-1: an active plan led by somebody unknown is refused, naming the rule and the element."""
    trust = await locality.agency("trust")
    answer = await trust.post("CarePlan", locality.plan(author={"reference": "PractitionerRole/nobody"}))
    issue = answer.json()["issue"][0]
    assert (answer.status_code, issue["expression"], "OWN-1" in answer.text) == (422, ["CarePlan.author"], True)


async def test_an_inactive_role_cannot_lead(locality: Locality) -> None:
    """OWN-1: the lead's role must be active now."""
    gone = {**role("trust", f"gone-{locality.person[-12:]}"), "active": False}
    await stored(locality.built, "Organization/trust", gone)
    trust = await locality.agency("trust")
    answer = await trust.post("CarePlan", locality.plan(author={"reference": f"PractitionerRole/{gone['id']}"}))
    assert answer.status_code == 422
    assert "OWN-1" in answer.text


async def test_a_plan_is_not_created_for_another_agency(locality: Locality) -> None:
    """OWN-9: a new plan is led by the agency that writes it."""
    trust = await locality.agency("trust")
    answer = await trust.post("CarePlan", locality.plan(author={"reference": "PractitionerRole/crisis-lead"}))
    assert answer.status_code == 422
    assert "OWN-9" in answer.text


async def test_the_lead_moves_within_the_agency(locality: Locality) -> None:
    """OWN-3: the agency's own staff may name another lead; team and Provenance follow in the same transaction."""
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    moved = await trust.put({**plan, "author": {"reference": "PractitionerRole/trust-second"}})
    assert moved.status_code == 200, moved.text
    team = (await trust.get(plan["careTeam"][0]["reference"])).json()
    open_ = [each["member"]["reference"] for each in team["participant"] if "end" not in each["period"]]
    assert open_ == ["PractitionerRole/trust-second"]
    assert len((await trust.get(f"Provenance?target=CarePlan/{plan['id']}")).json()["entry"]) == 2


async def test_the_lead_does_not_move_to_another_agency_by_update(locality: Locality) -> None:
    """OWN-3: between agencies ownership moves only by an accepted handover."""
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    answer = await trust.put({**plan, "author": {"reference": "PractitionerRole/crisis-lead"}})
    assert answer.status_code == 422
    assert "OWN-3" in answer.text


async def test_the_team_cannot_contradict_the_plan(locality: Locality) -> None:
    """OWN-2: the care coordinator cannot be changed behind the plan's back."""
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    team = (await trust.get(plan["careTeam"][0]["reference"])).json()
    other = [{**each, "member": {"reference": "PractitionerRole/trust-second"}} for each in team["participant"]]
    answer = await trust.put({**team, "participant": other})
    assert answer.status_code == 422
    assert "OWN-8" in answer.text


async def test_a_second_top_level_plan_is_a_duplicate(locality: Locality) -> None:
    """OWN-6: the refusal names the first plan."""
    trust = await locality.agency("trust")
    first = await trust.created(locality.plan())
    answer = await trust.post("CarePlan", locality.plan())
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "duplicate")
    assert f"CarePlan/{first['id']}" in answer.text


async def test_another_plan_may_follow_the_first(locality: Locality) -> None:
    """OWN-6 is about active plans: when the first is completed, the next may be active."""
    trust = await locality.agency("trust")
    first = await trust.created(locality.plan())
    assert (await trust.put({**first, "status": "completed"})).status_code == 200
    await trust.created(locality.plan())


async def imported(locality: Locality) -> Resource:
    """A plan without an author that was loaded for the trust."""
    orphan = {**locality.plan(), "id": f"orphan-{locality.person[-12:]}"}
    del orphan["author"]
    (verdict,) = await Loading(locality.built.services, locality.built.base, "Organization/trust").load([Sent(orphan)])
    assert verdict.fate is Fate.LOADED, verdict.reason
    row = await locality.built.services.records.read("CarePlan", orphan["id"])
    assert row is not None
    return row.resource


async def test_a_plan_without_author_is_not_taken_from_a_client(locality: Locality) -> None:
    """OWN-1: who writes an active plan names its lead; OWN-7 is for imports alone."""
    trust = await locality.agency("trust")
    orphan = locality.plan()
    del orphan["author"]
    answer = await trust.post("CarePlan", orphan)
    assert (answer.status_code, "OWN-1" in answer.text) == (422, True)


async def test_a_plan_without_author_is_kept_as_unowned_draft(locality: Locality) -> None:
    """OWN-7: an imported one is kept, as draft, tagged, listed."""
    trust = await locality.agency("trust")
    kept = await imported(locality)
    listed = (await trust.get(f"CarePlan?_tag=unowned&subject={locality.person}")).json()["entry"]
    assert kept["status"] == "draft"
    assert [entry["resource"]["id"] for entry in listed] == [kept["id"]]


async def test_an_unowned_plan_is_adopted(locality: Locality) -> None:
    """OWN-7: with a lead it can be active, and is no longer listed as unowned."""
    trust = await locality.agency("trust")
    kept = await imported(locality)
    led = await trust.put({**kept, "status": "active", "author": {"reference": "PractitionerRole/trust-lead"}})
    assert led.status_code == 200, led.text
    assert "unowned" not in led.text


async def test_an_active_plan_is_not_deleted(locality: Locality) -> None:
    """Responsibility is ended by a status, never taken away."""
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan())
    answer = await trust.send("DELETE", f"CarePlan/{plan['id']}", If_Match='W/"1"')
    assert answer.status_code == 422
    assert (await trust.get(f"CarePlan/{plan['id']}")).status_code == 200


async def test_the_timeline_names_both_leads_and_the_handover(locality: Locality) -> None:
    """`$ownership`: who led, from when to when, by which handover; one ends where the next starts (OWN-4)."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    accepted = {**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}}
    assert (await crisis.put(accepted)).status_code == 200
    plan = task["focus"]["reference"].partition("/")[2]
    answer = await crisis.get(f"CarePlan/{plan}/$ownership")
    assert answer.status_code == 200, answer.text
    assert [lead in answer.text for lead in ("trust-lead", "crisis-lead", task["id"])] == [True, True, True]


async def test_a_lead_who_ends_leaves_the_plan_unowned(locality: Locality) -> None:
    """OWN-5: listed as unowned at once, the agency is alerted, and nothing is reassigned."""
    name = f"trust-leaver-{locality.person[-12:]}"
    await stored(locality.built, "Organization/trust", {**role("trust"), "id": name})
    trust = await locality.agency("trust")
    plan = await trust.created(locality.plan(author={"reference": f"PractitionerRole/{name}"}))
    leaver = (await trust.get(f"PractitionerRole/{name}")).json()
    assert (await trust.put({**leaver, "active": False})).status_code == 200
    listed = (await trust.get(f"CarePlan?_tag=unowned&subject={locality.person}")).json()["entry"]
    assert [entry["resource"]["id"] for entry in listed] == [plan["id"]]
    assert listed[0]["resource"]["author"] == {"reference": f"PractitionerRole/{name}"}
    alerts = (await trust.get(f"Task?code=alert&focus=CarePlan/{plan['id']}")).json()["entry"]
    assert [entry["resource"]["owner"]["reference"] for entry in alerts] == ["Organization/trust"]


async def test_a_lead_who_is_live_again_leads_again(locality: Locality) -> None:
    """OWN-5: the plan is unowned only while its lead cannot lead."""
    name = f"trust-returner-{locality.person[-12:]}"
    await stored(locality.built, "Organization/trust", {**role("trust"), "id": name})
    trust = await locality.agency("trust")
    await trust.created(locality.plan(author={"reference": f"PractitionerRole/{name}"}))
    for active in (False, True):
        known = (await trust.get(f"PractitionerRole/{name}")).json()
        assert (await trust.put({**known, "active": active})).status_code == 200
    assert "entry" not in (await trust.get(f"CarePlan?_tag=unowned&subject={locality.person}")).json()


async def test_a_role_whose_period_runs_out_is_noticed(locality: Locality) -> None:
    """OWN-5: a period that ends with no write at all leaves its plans unowned, too."""
    name = f"trust-term-{locality.person[-12:]}"
    trust = await locality.agency("trust")
    term = {**role("trust"), "id": f"trust.{name}", "period": {"end": "2031-05-31"}}
    made = await trust.send("PUT", f"PractitionerRole/trust.{name}", term)
    assert made.status_code == 201, made.text
    plan = await trust.created(locality.plan(author={"reference": f"PractitionerRole/trust.{name}"}))
    waiting = await pending(locality.built.services.mongo, f"OWN-5:PractitionerRole/trust.{name}")
    assert [timer.due.isoformat() for timer in waiting] == ["2031-05-31T23:00:00+00:00", "2031-05-31T23:01:00+00:00"]
    for timer in waiting:  # the second is for what was decided just before the end
        assert await fire(locality.built.services, locality.built.base, timer, timer.due)
    listed = (await trust.get(f"CarePlan?_tag=unowned&subject={locality.person}")).json()["entry"]
    alerts = (await trust.get(f"Task?code=alert&focus=CarePlan/{plan['id']}")).json()["entry"]
    assert len(alerts) == 1
    assert [entry["resource"]["id"] for entry in listed] == [plan["id"]]


async def test_a_plan_keeps_its_place_through_a_handover(locality: Locality) -> None:
    """OWN-6: after acceptance the new owner's agency cannot have a second top-level plan beside it."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    accepted = {**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}}
    assert (await crisis.put(accepted)).status_code == 200
    second = await crisis.post("CarePlan", locality.plan(author={"reference": "PractitionerRole/crisis-lead"}))
    assert (second.status_code, second.json()["issue"][0]["code"]) == (409, "duplicate")


@pytest.mark.parametrize("named", ["https://x.example/CareTeam/x", "CareTeam/{team}/_history/1"])
async def test_a_plan_s_team_is_a_current_record_of_the_agency(locality: Locality, named: str) -> None:
    """OWN-8: a reference that leads to no current team is told so, whatever its form."""
    trust = await locality.agency("trust")
    team = (await trust.created(locality.plan()))["careTeam"][0]["reference"].partition("/")[2]
    answer = await trust.post("CarePlan", locality.plan(careTeam=[{"reference": named.format(team=team)}]))
    assert (answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]) == (422, "OWN-8")


@pytest.mark.parametrize("named", ["/PractitionerRole/trust-lead", "../PractitionerRole/trust-lead", "//x"])
async def test_a_lead_is_named_by_a_reference(locality: Locality, named: str) -> None:
    """OWN-1: a path from the host's root, or upwards, names nobody here."""
    trust = await locality.agency("trust")
    assert (await trust.post("CarePlan", locality.plan(author={"reference": named}))).status_code == 422


async def test_ownership_of_a_plan_of_many_versions_is_told_from_its_row(locality: Locality) -> None:
    """And says the same as its versions do, the handover among them; a plan from before reads them."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await locality.sent(trust)
    accepted = {**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}}
    assert (await crisis.put(accepted)).status_code == 200
    plan = (await crisis.get(task["focus"]["reference"])).json()
    for number in range(3):
        plan = (await crisis.put({**plan, "title": str(number)})).json()
    services = locality.built.services
    row = await services.records.read("CarePlan", plan["id"])
    assert row is not None
    kept, drawn = await tenures.of(services, row), await tenures.of(services, replace(row, beside={}))
    assert [(each.lead, each.handover) for each in kept] == [
        ("PractitionerRole/trust-lead", ""),
        ("PractitionerRole/crisis-lead", f"Task/{task['id']}"),
    ]
    assert kept == drawn
