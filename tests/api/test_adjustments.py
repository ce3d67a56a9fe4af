"""EQU-2 over HTTP: the Tasks about a person say how the person is met, to whoever may see the dataset that says so."""

from __future__ import annotations

from typing import Any

from tests.api.test_actions import denied
from tests.locality import Agency, Locality, handover

ENGAGEMENT = "https://baton.example/fhir/StructureDefinition/engagement"
WORDS = "A British Sign Language interpreter"


async def sent(locality: Locality, trust: Agency, **more: Any) -> Any:
    """A handover to the crisis team whose dataset says what the person needs."""
    plan = await trust.created(locality.plan())
    answers = await trust.created(locality.dataset(reasonable_adjustments=WORDS, preferred_engagement="Text first"))
    refs = f"CarePlan/{plan['id']}", f"QuestionnaireResponse/{answers['id']}"
    return await trust.created(handover(locality.person, *refs, **more))


async def told(agency: Agency, task: Any) -> bool:
    """Whether an agency is shown what the person needs."""
    answer = await agency.get(f"Task/{task['id']}")
    assert answer.status_code == 200, answer.text
    found = await agency.get(f"Task?_id={task['id']}")
    assert (WORDS in answer.text) is (WORDS in found.text)
    return WORDS in answer.text


def without_labels(consent: Any) -> Any:
    """The denial to the crisis team of every dataset, and of nothing else."""
    provision = consent["provision"]
    crisis = [{**provision["actor"][0], "reference": {"reference": "Organization/crisis"}}]
    kinds = [{"system": "http://hl7.org/fhir/resource-types", "code": "QuestionnaireResponse"}]
    return {**consent, "provision": {**provision, "actor": crisis, "class": kinds}}


async def test_equ_2_both_agencies_of_a_task_are_told(locality: Locality) -> None:
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await sent(locality, trust)
    assert await told(trust, task)
    assert await told(crisis, task)


async def test_equ_2_so_is_who_gets_a_task_that_the_service_makes(locality: Locality) -> None:
    """The first contact that an acceptance asks for."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await sent(locality, trust)
    accepted = {**task, "status": "accepted", "owner": {"reference": "PractitionerRole/crisis-lead"}}
    assert (await crisis.put(accepted)).status_code == 200
    (follow,) = (await crisis.get(f"Task?code=follow-up&patient={locality.person}")).json()["entry"]
    assert await told(crisis, follow["resource"])


async def test_equ_2_a_reader_who_may_not_see_the_dataset_is_not_told(locality: Locality) -> None:
    """Not in a read, a search, an earlier version, or the answer to its own write; the Task itself stays."""
    trust, crisis = await locality.agency("trust"), await locality.agency("crisis")
    task = await sent(locality, trust)
    await trust.created(without_labels(denied(locality.person)))
    assert not await told(crisis, task)
    assert await told(trust, task)
    assert WORDS not in (await crisis.get(f"Task/{task['id']}/_history")).text
    assert WORDS not in (await crisis.get(f"Task/{task['id']}/_history/1")).text
    read = (await crisis.get(f"Task/{task['id']}")).json()
    answer = await crisis.put({**read, "status": "received"})
    assert answer.status_code == 200
    assert WORDS not in answer.text
    assert await told(trust, task)  # what it was not shown, it did not take away


async def test_equ_2_only_the_service_writes_it(locality: Locality) -> None:
    """A client's own words do not stand there, in a draft or later."""
    trust = await locality.agency("trust")
    draft = await sent(locality, trust, status="draft")
    assert await told(trust, draft)
    (extension,) = draft["extension"]
    forged = [{"url": "reasonable-adjustments", "valueString": "None at all"}, extension["extension"][-1]]
    changed = await trust.put({**draft, "extension": [{**extension, "extension": forged}], "description": "Soon"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["extension"] == [extension]


async def test_a_person_without_a_dataset_is_met_without_a_word(locality: Locality) -> None:
    trust = await locality.agency("trust")
    own = {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": locality.person}}
    task = await trust.created(own)
    assert "extension" not in task
