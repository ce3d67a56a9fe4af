"""Pathways over HTTP: published by the locality lead's agency, in force once every agency has agreed (GOV-3, GOV-4, GOV-7)."""

from __future__ import annotations

import asyncio

import pytest

from service.change import Resource
from service.problem import Refused
from service.usecases.register import definitions, partners
from tests.locality import BASE, Locality, code
from tests.pathways import ID, IN_FORCE, LEAD, URL, agree, asked, everybody, forced, in_force, led, published, read, rules


async def test_what_is_shipped_is_in_force_and_read_by_everybody(place: Locality) -> None:
    """GOV-3: nine pathways, published at the first start."""
    found = (await (await place.agency("housing")).get("PlanDefinition?_count=50")).json()
    assert len(found["entry"]) == 9
    assert all(forced(entry["resource"]) for entry in found["entry"])
    assert await in_force(place) == "0.1.0"


@pytest.mark.parametrize("name", ["crisis", "housing"])
async def test_only_the_locality_leads_agency_publishes(place: Locality, name: str) -> None:
    """GOV-4: anybody else is told who does."""
    answer = await published(await place.agency(name))
    assert (answer.status_code, rules(answer)) == (403, ["GOV-4"])
    assert await asked(await place.agency(name)) == []


async def test_a_lead_whose_agreement_has_ended_publishes_nothing(place: Locality) -> None:
    """GOV-4: the register says who leads now."""
    await partners.register(place.built.services, BASE, led("trust"))
    assert (await published(await place.agency("trust"))).status_code == 403


async def test_a_new_version_asks_every_agency_and_is_not_in_force(place: Locality) -> None:
    """GOV-7: the publisher's too; a read shows the newest, the rules use the version in force."""
    everyone = await everybody(place)
    answer = await published(everyone[0])
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], forced(answer.json())) == ("2.0.0", [])
    for agency in everyone:
        (task,) = await asked(agency)
        assert task["focus"]["reference"] == f"PlanDefinition/{ID}/_history/2"
        assert "for" not in task
    assert await in_force(place) == "0.1.0"


async def test_the_last_agreement_makes_the_version_in_force(place: Locality) -> None:
    """GOV-7: in the same transaction; what was in force stays readable."""
    trust, *others = await everybody(place)
    await published(trust)
    for agency in others:
        assert (await agree(agency)).status_code == 200
        assert await in_force(place) == "0.1.0"
    assert (await agree(trust)).status_code == 200
    newest = await read(trust)
    assert (newest["version"], len(forced(newest))) == ("2.0.0", 1)
    assert await in_force(place) == "2.0.0"
    assert (await trust.get(f"PlanDefinition/{ID}/_history/1")).json()["version"] == "0.1.0"
    former = await place.built.services.pathways.version(f"{URL}|0.1.0")
    assert former
    assert former.version == "0.1.0"


async def test_of_two_last_agreements_at_once_one_sees_the_other(place: Locality) -> None:
    """GOV-7: the version comes into force exactly once."""
    trust, crisis, housing, voluntary = await everybody(place)
    await published(trust)
    for agency in (trust, crisis):
        await agree(agency)
    answers = await asyncio.gather(agree(housing), agree(voluntary))
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    for agency, answer in zip((housing, voluntary), answers, strict=True):
        if answer.status_code != 200:
            assert (await agree(agency)).status_code == 200
    history = (await trust.get(f"PlanDefinition/{ID}/_history")).json()
    assert [bool(forced(entry["resource"])) for entry in history["entry"]] == [True, False, True]
    assert await in_force(place) == "2.0.0"


async def test_one_rejection_keeps_a_version_out_of_force(place: Locality) -> None:
    """GOV-7: with its reason; the former version stays."""
    trust, crisis, *others = await everybody(place)
    await published(trust)
    why = code("status-reason", "disagrees", "Four hours cannot be kept at night.")
    assert (await agree(crisis, "rejected", statusReason=why)).status_code == 200
    for agency in (*others, trust):
        await agree(agency)
    assert await in_force(place) == "0.1.0"


async def test_a_further_publication_cancels_what_is_open_and_asks_anew(place: Locality) -> None:
    """GOV-7: an agreement is to one version."""
    trust, crisis, *others = await everybody(place)
    await published(trust)
    await agree(crisis)
    await published(trust, "3.0.0")
    assert len(await asked(trust, "cancelled")) == 1
    for agency in (crisis, *others):
        await agree(agency)
    assert await in_force(place) == "0.1.0"
    await agree(trust)
    assert await in_force(place) == "3.0.0"


async def test_an_agreement_to_a_replaced_version_is_refused(place: Locality) -> None:
    """GOV-7: by a Task that was read before."""
    trust, crisis, *_ = await everybody(place)
    await published(trust)
    (task,) = await asked(crisis)
    await published(trust, "3.0.0")
    answer = await crisis.put({**task, "status": "completed"})
    assert answer.status_code == 412
    now = (await crisis.get(f"Task/{task['id']}")).json()
    answer = await crisis.put({**now, "status": "completed"})
    assert answer.status_code == 422


async def test_an_agency_that_joins_meanwhile_is_asked_before_the_version_is_in_force(place: Locality) -> None:
    """GOV-7: every agency with a live agreement, when the last of the others agrees."""
    trust, crisis, housing, voluntary = await everybody(place)
    await place.built.services.mongo.collection("partners").delete_one({"_id": "Organization/voluntary"})
    await published(trust)
    assert await asked(voluntary) == []
    await partners.register(place.built.services, BASE, led("voluntary"))
    for agency in (crisis, housing, trust):
        await agree(agency)
    assert await in_force(place) == "0.1.0"
    await agree(voluntary)
    assert await in_force(place) == "2.0.0"


async def test_an_agreement_task_is_visible_to_its_two_agencies_alone(place: Locality) -> None:
    """HOV-11: although it is about nobody."""
    trust, crisis, housing, _ = await everybody(place)
    await published(trust)
    (task,) = await asked(crisis)
    assert (await trust.get(f"Task/{task['id']}")).status_code == 200
    assert (await housing.get(f"Task/{task['id']}")).status_code == 404
    found = (await housing.get(f"Task?focus=PlanDefinition/{ID}")).json()
    assert [entry["resource"]["owner"]["reference"] for entry in found["entry"]] == ["Organization/housing"]


async def test_every_fault_of_a_publication_is_named_and_nothing_is_stored(place: Locality) -> None:
    """GOV-3: a version used before, a unit, demographics."""
    trust = await place.agency("trust")
    pathway = await read(trust)
    pathway["action"][0]["condition"][0]["expression"]["expression"] = "%dataset.subject.resolve().gender = 'female'"
    pathway["action"][7]["timingDuration"]["code"] = "wk"
    answer = await trust.put(pathway)
    assert answer.status_code == 422
    said = answer.text
    assert all(each in said for each in ("`0.1.0` of this pathway was published before", "reads `gender`", "`wk` is no unit"))
    assert (await read(trust))["meta"]["versionId"] == "1"
    assert await asked(trust) == []


async def test_a_step_up_pathway_with_an_uncovered_hour_is_refused(place: Locality) -> None:
    """ESC-1: over HTTP, naming the hours."""
    trust = await place.agency("trust")
    pathway = await read(trust, "pathway-step-up")
    actions = [each for each in pathway["action"] if "weekends" not in each["title"]]
    answer = await trust.put({**pathway, "version": "2.0.0", "action": actions})
    assert answer.status_code == 422
    assert "Sat 09:00–Sat 17:00" in answer.text


@pytest.mark.parametrize("change", [{"url": "https://example.org/other"}, {"url": f"{URL}-other"}])
async def test_a_pathway_keeps_its_url(place: Locality, change: Resource) -> None:
    """GOV-3: nobody takes a pathway away by giving its record another canonical."""
    answer = await published(await place.agency("trust"), **change)
    assert (answer.status_code, rules(answer)) == (422, ["GOV-3"])


async def test_a_second_record_of_a_pathway_is_refused(place: Locality) -> None:
    """GOV-3: a new version is a PUT of the same id."""
    trust = await place.agency("trust")
    copy = {name: value for name, value in (await read(trust)).items() if name not in ("id", "meta")}
    answer = await trust.post("PlanDefinition", {**copy, "version": "2.0.0"})
    assert (answer.status_code, rules(answer)) == (422, ["GOV-3"])


async def test_an_agency_keeps_plan_definitions_of_its_own(place: Locality) -> None:
    """Under a canonical of its own, as any definition (IDN-3)."""
    housing = await place.agency("housing")
    stored = await housing.created({"resourceType": "PlanDefinition", "status": "draft", "url": "https://housing.example/x"})
    assert (await housing.put({**stored, "title": "Ours"})).status_code == 200
    answer = await housing.post("PlanDefinition", {"resourceType": "PlanDefinition", "status": "draft", "url": URL[:-1]})
    assert answer.status_code == 403


async def test_nobody_says_that_a_pathway_is_in_force(place: Locality) -> None:
    """GOV-7: the extension is the service's, whatever is sent."""
    trust = await place.agency("trust")
    answer = await published(trust, extension=[{"url": IN_FORCE, "valueDateTime": "2020-01-01"}])
    assert (answer.status_code, forced(answer.json())) == (200, [])
    assert await in_force(place) == "0.1.0"


async def test_a_pathway_is_not_deleted(place: Locality) -> None:
    """GOV-3: what ran under it names it."""
    assert (await (await place.agency("trust")).send("DELETE", f"PlanDefinition/{ID}")).status_code == 403


async def test_the_next_start_leaves_a_published_version_alone(place: Locality) -> None:
    """GOV-3: what the service ships is published once."""
    trust = await place.agency("trust")
    await published(trust)
    await place.built.services.mongo.collection("installation").delete_one({"_id": "definitions"})
    await definitions.publish(place.built.services, BASE)
    assert (await read(trust))["version"] == "2.0.0"


@pytest.mark.parametrize("canonical", [f"{URL}|9.9.9", URL.replace("front-door", "side-door"), "https://example.org/x"])
async def test_an_unknown_pathway_is_refused_by_name(place: Locality, canonical: str) -> None:
    """And a version that is not in force."""
    with pytest.raises(Refused, match=canonical.replace("|", r"\|").replace(".", r"\.")):
        await place.built.services.pathways.named(canonical)


async def test_a_locality_has_one_lead(place: Locality) -> None:
    """GOV-4: of the agency that is registered with it."""
    with pytest.raises(Refused, match="leads the locality"):
        await partners.register(place.built.services, BASE, led("crisis", "PractitionerRole/crisis-lead"))
    with pytest.raises(Refused, match="is no PractitionerRole of `Organization/crisis`"):
        await partners.register(place.built.services, BASE, led("crisis", LEAD))
