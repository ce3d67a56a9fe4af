"""What a Task says of how its person is met is drawn from a dataset, and from nothing else (EQU-2)."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.task.adjustments import answers_one, noted, source
from service.fhir.canonical import DATASET_ANSWER, ENGAGEMENT
from tests.care.small import task

MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
NONE = {"valueCoding": {"system": DATASET_ANSWER, "code": "none"}}
FACE = {"system": MODE, "code": "FACE"}


def response(status: str = "completed", **answers: Any) -> dict[str, Any]:
    """A dataset with these answers; names with _ for -."""
    items = [{"linkId": name.replace("_", "-"), "answer": given} for name, given in answers.items()]
    return {"resourceType": "QuestionnaireResponse", "id": "q", "status": status, "item": items}


def said(found: Any) -> list[Any]:
    (extension,) = found["extension"]
    assert extension["url"] == ENGAGEMENT
    return list(extension["extension"])


def test_equ_2_words_and_codes_stand_as_they_were_given() -> None:
    given = response(reasonable_adjustments=[{"valueString": "A BSL interpreter"}], preferred_engagement=[{"valueCoding": FACE}])
    assert said(noted(task(), given)) == [
        {"url": "reasonable-adjustments", "valueString": "A BSL interpreter"},
        {"url": "preferred-engagement", "valueCodeableConcept": {"coding": [FACE]}},
        {"url": "source", "valueReference": {"reference": "QuestionnaireResponse/q"}},
    ]


def test_a_task_names_the_dataset_that_it_was_drawn_from() -> None:
    assert source(noted(task(), response(preferred_engagement=[{"valueString": "Text first"}]))) == "QuestionnaireResponse/q"
    assert source(task()) == ""


@pytest.mark.parametrize("answer", [NONE, {"valueString": " "}, {"valueCoding": {"system": DATASET_ANSWER, "code": "not-known"}}])
def test_none_and_not_known_leave_nothing_to_stand(answer: Any) -> None:
    assert "extension" not in noted(task(), response(reasonable_adjustments=[answer]))


def test_none_answers_and_blank_does_not() -> None:
    """The newest dataset that answers counts, even if it says that nothing is needed any more."""
    assert answers_one(response(reasonable_adjustments=[NONE]))
    assert not answers_one(response(reasonable_adjustments=[{"valueString": " "}]))
    assert not answers_one(response("in-progress", reasonable_adjustments=[{"valueString": "Large print"}]))
    assert not answers_one(response(current_risks=[{"valueString": "Falls"}]))


def test_an_item_within_a_group_is_found() -> None:
    inner = response(reasonable_adjustments=[{"valueString": "Large print"}])["item"]
    assert said(noted(task(), {**response(), "item": [{"linkId": "group", "item": inner}]}))


def test_what_a_client_wrote_there_is_replaced_and_other_extensions_stay() -> None:
    other = {"url": "https://x.example", "valueString": "x"}
    forged = task(extension=[other, {"url": ENGAGEMENT, "extension": [{"url": "source", "valueReference": {}}]}])
    assert noted(forged, None)["extension"] == [other]
