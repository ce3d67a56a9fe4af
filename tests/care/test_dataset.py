"""HOV-2 and MDS: every required item is answered, and what is not is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.care.task.dataset import answered, completeness, problem_of
from service.fhir.canonical import DATASET_ANSWER

ASKED: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "item": [
        {"linkId": "current-risks", "required": True},
        {"linkId": "advance-statement"},
        {"linkId": "group", "item": [{"linkId": "legal-status", "required": True}]},
        {
            "linkId": "purpose",
            "required": True,
            "enableWhen": [{"question": "intensive", "operator": "=", "answerBoolean": True}],
        },
        {"linkId": "intensive"},
    ],
}


def response(**answers: Any) -> dict[str, Any]:
    items = [{"linkId": link.replace("_", "-"), "answer": [value]} for link, value in answers.items()]
    return {"resourceType": "QuestionnaireResponse", "status": "completed", "item": items}


def coded(code: str, display: str = "") -> dict[str, Any]:
    return {"valueCoding": {"system": DATASET_ANSWER, "code": code, "display": display}}


FULL = response(current_risks={"valueString": "self-neglect"}, legal_status={"valueBoolean": False})


def test_hov_2_a_full_dataset_is_complete() -> None:
    assert completeness(FULL, ASKED).complete


def test_hov_2_each_missing_item_is_named() -> None:
    assert completeness(response(), ASKED).missing == ("current-risks", "legal-status")


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\u00a0", "\u200b\u200d", "\ufeff", "\u3164", "\u2800 "])
def test_hov_2_blank_text_is_no_answer(text: str) -> None:
    assert not answered({"valueString": text})


@pytest.mark.parametrize("answer", [{"valueString": "0"}, {"valueInteger": 0}, {"valueBoolean": False}, coded("none")])
def test_hov_2_none_and_zero_are_answers(answer: Any) -> None:
    assert answered(answer)


@pytest.mark.parametrize("display", ["", " ", "Not known", "not-known"])
def test_hov_2_not_known_needs_its_reason(display: str) -> None:
    found = completeness(response(current_risks=coded("not-known", display), legal_status=coded("none")), ASKED)
    assert (found.missing, found.unexplained) == (("current-risks",), ("current-risks",))


def test_hov_2_a_refusal_asks_for_the_reason_that_is_missing() -> None:
    """Not for the answer, which is there."""
    found = problem_of(completeness(response(current_risks=coded("not-known", ""), legal_status=coded("none")), ASKED))
    assert found is not None
    (told,) = found.issues
    assert "`current-risks` is answered `not-known` without a reason" in told.text


def test_hov_2_not_known_with_its_reason_is_an_answer() -> None:
    given_ = response(current_risks=coded("not-known", "Person asleep at assessment"), legal_status=coded("none"))
    assert completeness(given_, ASKED).complete


def test_hov_2_unknown_items_are_named() -> None:
    assert completeness(response(shoe_size={"valueInteger": 9}), ASKED).unknown == ("shoe-size",)


def test_mds_an_item_is_required_only_when_it_is_enabled() -> None:
    items = {**FULL, "item": [*FULL["item"], {"linkId": "intensive", "answer": [{"valueBoolean": True}]}]}
    assert completeness(items, ASKED).missing == ("purpose",)


def test_hov_2_nested_answers_count() -> None:
    nested = {"linkId": "group", "item": [{"linkId": "legal-status", "answer": [{"valueString": "informal"}]}]}
    given_ = {**FULL, "item": [FULL["item"][0], nested]}
    assert completeness(given_, ASKED).complete


def test_hov_2_a_dataset_in_progress_is_refused() -> None:
    assert not completeness({**FULL, "status": "in-progress"}, ASKED).complete


def test_hov_2_the_refusal_names_each_link_id() -> None:
    found = problem_of(completeness(response(), ASKED))
    assert found is not None
    assert [f"`{link}`" in issue.text for issue, link in zip(found.issues, ("current-risks", "legal-status"), strict=True)] == [
        True,
        True,
    ]


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
ANY = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(("item", "answer", "linkId")), inner))


@given(ANY, ANY)
def test_hov_2_any_response_is_decided(items: Any, answer: Any) -> None:
    given_ = {**FULL, "item": [items, {"linkId": "current-risks", "answer": answer}, {"linkId": "group", "item": items}]}
    assert not completeness(given_, ASKED).complete
