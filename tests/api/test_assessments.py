"""ASM-1: a person is not assessed again without it being said that another agency just did, nor without a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from service import clock
from service.change import Resource
from service.fhir.date import written
from tests.locality import Agency, Locality, code

PHQ, SHORT = "https://forms.example/Questionnaire/phq-9", "https://forms.example/Questionnaire/phq-2"
ASKED = "https://baton.example/fhir/StructureDefinition/reassessment-reason"


def assessment(locality: Locality, questionnaire: str = PHQ, days: float = 0, **more: Any) -> Resource:
    """A response to a questionnaire, so many days ago."""
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": questionnaire,
        "status": "completed",
        "subject": {"reference": locality.person},
        "authored": written(clock.now() - timedelta(days=days)),
        **more,
    }


def warned(answer: Any) -> list[str]:
    """The rules of the warnings of an answer."""
    assert answer.status_code == 201, answer.text
    return [each["details"]["coding"][0]["code"] for each in answer.json()["issue"] if each["severity"] == "warning"]


async def told(agency: Agency, resource: Resource) -> Any:
    """The answer to a write, with what is to be told of it."""
    return await agency.post("QuestionnaireResponse", resource, Prefer="return=OperationOutcome")


@pytest_asyncio.fixture
async def known(locality: Locality) -> Locality:
    """The crisis team knows the person, by the trust's team."""
    trust = await locality.agency("trust")
    team = {
        "resourceType": "CareTeam",
        "status": "active",
        "subject": {"reference": locality.person},
        "participant": [{"member": {"reference": "Organization/crisis"}}],
    }
    await trust.created(team)
    return locality


async def test_asm_1_who_assesses_again_is_warned_and_asked_why(known: Locality) -> None:
    """201 all the same; the earlier one is named, in the header and in the outcome."""
    trust, crisis = await known.agency("trust"), await known.agency("crisis")
    first = await trust.created(assessment(known, days=29))
    answer = await told(crisis, assessment(known, f"{PHQ}|2.0"))
    assert warned(answer) == ["ASM-1"]
    assert f"`QuestionnaireResponse/{first['id']}`" in answer.headers["Warning"]


@pytest.mark.parametrize(
    "again",
    [
        {"extension": [{"url": ASKED, "valueCodeableConcept": code("status-reason", "circumstances-changed")}]},
        {"status": "in-progress"},
        {"questionnaire": "https://forms.example/Questionnaire/other"},
    ],
    ids=["explained", "not done", "another family"],
)
async def test_asm_1_nobody_is_warned_without_need(known: Locality, again: Resource) -> None:
    await (await known.agency("trust")).created(assessment(known))
    answer = await told(
        await known.agency("crisis"),
        assessment(known, **again) if "questionnaire" not in again else {**assessment(known), **again},
    )
    assert warned(answer) == []
    assert "Warning" not in answer.headers


async def test_asm_1_an_old_assessment_warns_nobody(known: Locality) -> None:
    await (await known.agency("trust")).created(assessment(known, days=31))
    assert warned(await told(await known.agency("crisis"), assessment(known))) == []


async def test_asm_1_one_s_own_assessment_warns_nobody(known: Locality) -> None:
    trust = await known.agency("trust")
    await trust.created(assessment(known))
    assert warned(await told(trust, assessment(known))) == []


async def test_asm_1_a_questionnaire_that_derives_from_another_is_of_its_family(known: Locality) -> None:
    trust, crisis = await known.agency("trust"), await known.agency("crisis")
    await crisis.created({"resourceType": "Questionnaire", "status": "active", "url": SHORT, "derivedFrom": [f"{PHQ}|1.0"]})
    await trust.created(assessment(known))
    assert warned(await told(crisis, assessment(known, SHORT))) == ["ASM-1"]


async def test_asm_1_what_one_may_not_see_warns_nobody(locality: Locality) -> None:
    """The answer is the same as where there is none."""
    await (await locality.agency("trust")).created(assessment(locality))
    housing = await locality.agency("housing")
    answer = await told(housing, assessment(locality))
    assert "Warning" not in answer.headers
