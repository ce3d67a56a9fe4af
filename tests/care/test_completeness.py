"""When a minimum dataset is complete (HOV-2, MDS), item by item, and the refusal of one that is not, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from service.care.task.dataset import Completeness, answered, blank, completeness, problem_of
from service.fhir.canonical import DATASET_ANSWER
from service.problem import Category, Issue, Problem

Json = dict[str, Any]


def asked(*items: Json) -> Json:
    return {"resourceType": "Questionnaire", "item": list(items)}


def item(link: str, *nested: Json, required: bool = True, **more: Any) -> Json:
    return {"linkId": link, "required": required, **({"item": list(nested)} if nested else {}), **more}


def given(link: str, *answers: Json, **more: Any) -> Json:
    return {"linkId": link, "answer": list(answers), **more}


def response(*items: Any, status: str = "completed") -> Json:
    return {"resourceType": "QuestionnaireResponse", "status": status, "item": list(items)}


YES, TEXT = {"valueBoolean": True}, {"valueString": "x"}


def unknown(display: str = "", **more: Any) -> Json:
    return {"valueCoding": {"system": DATASET_ANSWER, "code": "not-known", "display": display, **more}}


def test_a_dataset_needs_its_questionnaire() -> None:
    fault = "the dataset names a Questionnaire that this service does not know"
    assert completeness(response(), None) == Completeness(fault=fault)


def test_without_a_response_everything_required_is_missing() -> None:
    assert completeness(None, asked(item("a", item("b")), item("c", required=False))) == Completeness(missing=("a", "b"))


@pytest.mark.parametrize("status", ["in-progress", "entered-in-error", "stopped", None])
def test_a_response_is_finished(status: Any) -> None:
    fault = "the dataset's QuestionnaireResponse is neither `completed` nor `amended`"
    assert completeness(response(status=status), asked(item("a"))) == Completeness(fault=fault)


@pytest.mark.parametrize("status", ["completed", "amended"])
def test_a_finished_response_is_read(status: str) -> None:
    assert completeness(response(given("a", TEXT), status=status), asked(item("a"))) == Completeness()


def test_what_is_missing_unknown_or_unexplained_is_named_apart() -> None:
    found = completeness(
        response(given("a", TEXT), given("b", unknown()), given("x", TEXT), given("y", unknown()), "z"),
        asked(item("a"), item("b"), item("c"), item("d", required=False)),
    )
    assert found == Completeness(missing=("b", "c"), unknown=("x", "y"), unexplained=("b",))
    assert (found.unanswered, found.complete) == (("c",), False)


@pytest.mark.parametrize(
    "found",
    [Completeness(missing=("a",)), Completeness(unknown=("a",)), Completeness(unexplained=("a",)), Completeness(fault="x")],
)
def test_a_dataset_that_lacks_anything_is_not_complete(found: Completeness) -> None:
    assert (found.complete, Completeness().complete) == (False, True)


def test_one_answer_of_several_is_enough() -> None:
    assert completeness(response(given("a", {"valueString": " "}, TEXT)), asked(item("a"))).complete


def test_an_optional_item_may_be_left_open_but_not_unexplained() -> None:
    whole = asked(item("a", required=False))
    assert completeness(response(), whole).complete
    assert completeness(response(given("a", unknown())), whole) == Completeness(unexplained=("a",))


def test_answers_are_found_at_any_depth_but_not_below_an_unexplained_one() -> None:
    whole = asked(item("a"), item("b"), item("c"), item("d"))
    below = {**TEXT, "item": [given("b", {**TEXT, "item": [given("c", TEXT)]})]}
    assert completeness(response(given("a", below), {"linkId": "g", "item": [given("d", TEXT)]}), whole) == Completeness(
        unknown=("g",)
    )
    hidden = {**unknown(), "item": [given("b", TEXT)]}
    assert completeness(response(given("a", hidden), given("c", TEXT), given("d", TEXT)), whole).missing == ()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"valueString": "x"}, True),
        ({"valueBoolean": False}, True),
        ({"valueInteger": 0}, True),
        ({"valueDecimal": 0.0}, True),
        ({"valueString": None}, False),
        ({"valueString": "\u00a0\u200b"}, False),
        ({"valueCoding": {"code": "x"}}, True),
        ({"valueCoding": {"display": "x"}}, True),
        ({"valueCoding": {"system": "x", "version": "x", "extension": ["x"], "id": "x", "userSelected": True}}, False),
        ({"valueAttachment": {"data": [" ", "x"]}}, True),
        ({"valueAttachment": {"data": [" "]}}, False),
        ({"valueCoding": {}}, False),
        ({"item": [TEXT]}, False),
        ({"extension": [{"valueString": "x"}]}, False),
        ({"valueCoding": {"system": DATASET_ANSWER, "code": "none"}}, True),
    ],
)
def test_an_answer_says_something(answer: Json, says: bool) -> None:
    assert answered(answer) is says


@pytest.mark.parametrize(
    "character",
    [" ", "\t", "\u0007", "\u200d", "\u2028", "\u2029", "\u0301", "\u20dd", "\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"],
)
def test_what_shows_nothing_is_blank(character: str) -> None:
    assert (blank(character * 2), blank(f"{character}x"), blank("")) == (True, False, True)


@pytest.mark.parametrize(
    ("answer", "explained"),
    [
        (unknown(), False),
        (unknown("Not known"), False),
        (unknown(" NOT-KNOWN "), False),
        (unknown("unknown"), False),
        (unknown("not known, reason given in text"), False),
        (unknown("They would not say."), True),
        ({**unknown(), "extension": [{"valueString": "They would not say."}]}, True),
        (unknown(extension=[{"url": "x"}, {"valueString": "They would not say."}]), True),
        ({**unknown(), "item": [{"answer": [{"valueString": "They would not say."}]}]}, True),
        ({**unknown(), "item": [{"answer": [{"valueString": " "}]}, "x", {"answer": "x"}]}, False),
        ({**unknown(), "extension": [{"valueString": "not known"}]}, False),
        ({"valueCoding": {"system": "urn:s", "code": "not-known"}}, True),
        ({"valueCoding": {"code": "not-known"}}, True),
        ({"valueCoding": "not-known"}, True),
    ],
)
def test_not_known_is_an_answer_with_its_reason(answer: Json, explained: bool) -> None:
    assert answered(answer) is explained
    assert completeness(response(given("a", answer)), asked(item("a"))).unexplained == (() if explained else ("a",))


# enableWhen.


def when(operator: str, wanted: Any = True, question: str = "q", member: str = "answerBoolean") -> Json:
    return {"question": question, "operator": operator, **({} if wanted is None else {member: wanted})}


@pytest.mark.parametrize(
    ("condition", "answers", "enabled"),
    [
        (when("exists", True), [TEXT], True),
        (when("exists", True), [], False),
        (when("exists", False), [], True),
        (when("exists", False), [TEXT], False),
        (when("exists", None), [TEXT], True),
        (when("exists", True), [{"valueString": " "}], False),
        (when("=", True), [YES], True),
        (when("=", True), [{"valueBoolean": False}, YES], True),
        (when("=", True), [{"valueBoolean": False}], False),
        (when("=", True), [], False),
        (when("!=", True), [{"valueBoolean": False}], True),
        (when("!=", True), [YES], False),
        (when("!=", True), [], False),
        (
            when("=", {"system": "s", "code": "c"}, member="answerCoding"),
            [{"valueCoding": {"system": "s", "code": "c", "display": "x"}}],
            True,
        ),
        (when("=", {"system": "s", "code": "c"}, member="answerCoding"), [{"valueCoding": {"system": "t", "code": "c"}}], False),
        (when("=", {"system": "s", "code": "c"}, member="answerCoding"), [{"valueCoding": {"system": "s", "code": "d"}}], False),
        (when("=", {"system": "s", "code": "c"}, member="answerCoding"), [TEXT], False),
        (when(">", 3, member="answerInteger"), [], True),
    ],
)
def test_an_item_is_asked_when_its_condition_holds(condition: Json, answers: list[Json], enabled: bool) -> None:
    """A condition that is not read counts as true, so that an item is never skipped by mistake."""
    whole = asked(item("q", required=False), item("a", enableWhen=[condition]))
    assert completeness(response(given("q", *answers)), whole).missing == (("a",) if enabled else ())


@pytest.mark.parametrize(("behavior", "one", "both"), [("any", True, True), ("all", False, True), (None, False, True)])
def test_several_conditions_hold_together_or_apart(behavior: Any, one: bool, both: bool) -> None:
    conditions = [when("=", True), when("=", True, "r")]
    whole = asked(item("q", required=False), item("r", required=False), item("a", enableWhen=conditions, enableBehavior=behavior))
    assert (completeness(response(given("q", YES)), whole).missing == ("a",)) is one
    assert (completeness(response(given("q", YES), given("r", YES)), whole).missing == ("a",)) is both


def test_what_lies_in_a_group_that_is_not_asked_is_not_asked() -> None:
    whole = asked(item("q", required=False), item("g", item("a", item("b")), enableWhen=[when("=", True)]), item("c"))
    assert completeness(response(), whole).missing == ("c",)
    assert completeness(response(given("q", YES)), whole).missing == ("g", "a", "b", "c")


def test_the_refusal_names_every_item() -> None:
    found = problem_of(Completeness(("a", "b"), ("x",), ("b",), "it is torn"))

    def told(code: str, text: str) -> Issue:
        return Issue(code, text, "Task.input", "HOV-2")

    assert found == Problem(
        Category.RULE,
        (
            told("business-rule", "The minimum dataset cannot be used: it is torn."),
            told(
                "required",
                "Item `a` of the minimum dataset is not answered: answer it, say `none`, or say `not-known` with the reason.",
            ),
            told("required", "Item `b` is answered `not-known` without a reason: give the reason in the answer's text."),
            told("required", "Item `x` is not an item of this minimum dataset: remove it or correct its linkId."),
        ),
    )


def test_a_refusal_cites_the_rule_and_the_place_it_is_told() -> None:
    found = problem_of(Completeness(("a",)), rule="MDS-1", expression="Parameters.parameter")
    assert found is not None
    assert (found.issues[0].rule, found.issues[0].expression) == ("MDS-1", "Parameters.parameter")
    assert problem_of(Completeness()) is None
